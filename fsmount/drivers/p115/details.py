"""115's wire beyond listing: what is told about one object, a drive, a folder, and 115's clients.

Pure, as ``api``.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import msgspec

from fsmount.drivers import wire
from fsmount.drivers.p115 import hosts
from fsmount.drivers.p115.api import WebRow, fault_of
from fsmount.drivers.p115.options import ROOT_CID
from fsmount.drivers.wire import Scalar
from fsmount.errors import NotFolder, NotFound, NotSupported, ProtocolError
from fsmount.model import Call, FolderSize

if TYPE_CHECKING:
    from fsmount.drivers.p115.hosts import Hosts
    from fsmount.model import Answer

_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40, "P": 2**50}
_TEXT_SIZE = re.compile(r"([\d.,]+)\s*([KMGTP]?)I?B?", re.IGNORECASE)


class Info(msgspec.Struct, frozen=True):
    """The answer about one object."""

    data: list[WebRow] | None


def info_call(where: Hosts, ident: str) -> Call:
    """Ask about one file or folder; not about the root (wire: 115 §4.4)."""
    return Call(
        method="GET", url=where.url(hosts.WEB, "/files/get_info"), params={"file_id": ident}
    )


def read_info(answer: Answer, ident: str) -> WebRow:
    """Return what was told about the object with id ``ident``.

    Raises:
        NotFound: Nothing was.
    """
    rows = wire.decode(answer.body, Info, "the details of a file").data
    if not rows:
        raise NotFound("there is no such file or folder at 115")
    row = rows[0]
    fault = fault_of(row, "")
    if fault:
        raise ProtocolError(f"the details of a file: {fault}")
    if wire.text(row.fid) not in ("", ident) or (not row.fid and wire.text(row.cid) != ident):
        raise ProtocolError("the details of a file are those of another one")
    return row


class Size(msgspec.Struct, frozen=True):
    """Bytes; may be a float, or text."""

    size: Scalar = None


class SpaceInfo(msgspec.Struct, frozen=True):
    """The capacity of a drive."""

    all_total: Size = Size()
    all_remain: Size = Size()
    all_use: Size = Size()


class IndexData(msgspec.Struct, frozen=True):
    """What the drive tells about itself."""

    space_info: SpaceInfo


class Index(msgspec.Struct, frozen=True):
    """The answer about the drive."""

    data: IndexData


def space_call(where: Hosts) -> Call:
    """Ask for the capacity of the drive."""
    params = {"count_space_nums": "0"}
    return Call(method="GET", url=where.url(hosts.WEB, "/files/index_info"), params=params)


def read_space(answer: Answer) -> tuple[int, int]:
    """Return total and used bytes."""
    space = wire.decode(answer.body, Index, "the capacity").data.space_info
    total, used = rounded(space.all_total.size), rounded(space.all_use.size)
    left = rounded(space.all_remain.size)
    if used is None and total is not None and left is not None:
        used = total - left
    if total is None or used is None:
        raise ProtocolError("the capacity: `all_total` or `all_use` is not a number")
    return total, used


def rounded(value: Scalar) -> int | None:
    """Return a size that may come as a float with a fraction, as 58854522108104.875 did."""
    exact = wire.whole(value)
    if exact is not None:
        return exact
    try:
        number = float(value or "")
    except ValueError:
        return None
    return round(number) if math.isfinite(number) else None


class Category(msgspec.Struct, frozen=True):
    """What is known of a folder with all that is below it; sizes are written for people."""

    file_category: Scalar = None
    size: Scalar = None
    count: Scalar = None
    folder_count: Scalar = None


def folder_size_call(where: Hosts, cid: str) -> Call:
    """Ask how much is below a folder; 115 walks it, slowly the first time (wire: 115 §4.4)."""
    params = {"cid": cid, "aid": "1"}
    return Call(method="GET", url=where.url(hosts.WEB, "/category/get"), params=params)


def read_folder_size(answer: Answer, cid: str) -> FolderSize | None:
    """Return how much is below a folder, as exactly as "1.2GB" is.

    Raises:
        NotFound: There is no such folder.
    """
    if cid == ROOT_CID:
        raise NotSupported("115 tells the size of folders, not of a whole drive")
    if answer.body.strip() in (b"", b"[]", b"{}", b"null"):
        raise NotFound(f"115 has no folder {cid}")
    told = wire.decode(answer.body, Category, "the size of a folder")
    if wire.text(told.file_category) == "1":
        raise NotFolder("115 says that this is a file")
    size = read_size(wire.text(told.size))
    if size is None:
        return None
    return FolderSize(
        size=size,
        files=wire.whole(told.count) or 0,
        folders=wire.whole(told.folder_count) or 0,
    )


def read_size(text: str) -> int | None:
    """Return the bytes that a size for people ("1.2GB") is about; None when it is none."""
    match = _TEXT_SIZE.fullmatch(text.strip())
    if match is None:
        return None
    try:
        return round(float(match[1].replace(",", "")) * _UNITS[match[2].upper()])
    except ValueError:
        return None


# --- versions of the clients ----------------------------------------------------------------------


class Windows(msgspec.Struct, frozen=True):
    """The version of one client."""

    version_code: Scalar = None


class Versions(msgspec.Struct, frozen=True):
    """The versions of 115's own clients."""

    win: Windows | None = None


class VersionAnswer(msgspec.Struct, frozen=True):
    """The answer with them."""

    data: Versions | None = None


def version_call(where: Hosts) -> Call:
    """Ask which version 115's own browser has now."""
    return Call(method="GET", url=where.url(hosts.VERSION, "/1/web/1.0/api/chrome"))


def read_version(answer: Answer) -> str:
    """Return the version of 115's own browser; "" when it is not told."""
    data = wire.decode(answer.body, VersionAnswer, "the versions of 115's clients").data
    version = wire.text(data.win.version_code) if data and data.win else ""
    return version if re.fullmatch(r"\d+(\.\d+){0,4}", version, re.ASCII) else ""
