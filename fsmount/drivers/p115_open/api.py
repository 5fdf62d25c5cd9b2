"""115 Open's wire for files: requests out, typed answers in; pure functions, no I/O.

Whether an answer is a success was settled before (``auth.classify``); the readers here take
successes only and raise ``ProtocolError`` when one is not what the protocol promises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import msgspec

from fsmount.drivers import wire
from fsmount.drivers.p115 import hosts
from fsmount.drivers.p115.codes import OTHER_ORDER
from fsmount.drivers.p115.options import MAX_PAGE_SIZE
from fsmount.drivers.p115_open import refusals
from fsmount.drivers.wire import Scalar
from fsmount.errors import NotFound, ProtocolError
from fsmount.model import Call

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fsmount.drivers.p115.hosts import Hosts
    from fsmount.model import Answer

Data = TypeVar("Data")

FOLDER = 0
FILE = 1

ORDER = "file_name"
"""The one total order that Open has: times and sizes have ties, and ties have no order at all."""


class Success(msgspec.Struct, Generic[Data], frozen=True):
    """An envelope whose data is wanted."""

    data: Data


def read(answer: Answer, kind: type[Data], what: str) -> Data:
    """Return the data of a successful answer as ``kind``."""
    return wire.decode(answer.body, Success[kind], what).data  # type: ignore[valid-type]


# --- listings -------------------------------------------------------------------------------------


class FileRow(msgspec.Struct, frozen=True, gc=False):
    """A file or folder as listings describe it (wire: 115 §10.2).

    Attributes:
        fid: Its own id, of files and folders alike.
        fc: 0 for a folder, 1 for a file.
        fn: Name.
        fs: Bytes.
        pc: Pick code: what a link is asked with.
        sha1: Of the content, by the provider.
        upt: Modified; Unix seconds, as are the next two.
        uet: Updated.
        uppt: Created.
        fta: 1 when the upload is complete, 0 or 2 while it is not.
        aid: 1 for what stands in the drive; 7 lies in the recycle bin, 120 is destroyed.
    """

    fid: Scalar
    fc: Scalar
    fn: str
    fs: Scalar = None
    pc: Scalar = None
    sha1: Scalar = None
    upt: Scalar = None
    uet: Scalar = None
    uppt: Scalar = None
    fta: Scalar = None
    aid: Scalar = None

    @property
    def is_folder(self) -> bool:
        """True for a folder."""
        return wire.whole(self.fc) == FOLDER


class ListDocument(msgspec.Struct, frozen=True):
    """A listing around its rows; ``order`` and ``is_asc`` say in which order they really are."""

    data: list[msgspec.Raw]
    cid: Scalar = None
    count: Scalar = None
    offset: Scalar = None
    order: Scalar = None
    is_asc: Scalar = None


class Rows(msgspec.Struct, frozen=True):
    """A listing that has its list of rows, an empty one included."""

    data: list[msgspec.Raw]


class WantedOrder(msgspec.Struct, frozen=True):
    """What goes along with the refusal of an order."""

    order: Scalar = None
    is_asc: Scalar = None


class Order(NamedTuple):
    """How a folder's entries are sorted."""

    by: str = ORDER
    ascending: bool = True


class Position(NamedTuple):
    """The place of a page in a listing.

    Pages are cut by number, and entries move between them when something is added or removed. So
    each page begins with the last entry of the one before, its anchor: where that is missing,
    something has moved (wire: 115 §4.1, a listing is not a snapshot).

    Attributes:
        offset: Of the page's first entry.
        anchor: The id that stands there unless something moved; "" on the first page.
        order: Of the pages before; all have to be in one.
    """

    offset: int = 0
    anchor: str = ""
    order: Order | None = None

    @classmethod
    def parse(cls, cursor: str | None) -> Position:
        """Read what ``str`` wrote; None is the first page."""
        match (cursor or "").split(":"):
            case [offset, anchor, by, ascending] if offset.isdecimal():
                return cls(int(offset), anchor, Order(by, ascending == "1"))
            case _:
                return cls()

    def __str__(self) -> str:
        order = self.order or Order()
        return f"{self.offset}:{self.anchor}:{order.by}:{int(order.ascending)}"

    def back(self, count: int) -> Position:
        """Return the place ``count`` entries before this one."""
        return self._replace(offset=max(self.offset - count, 0), anchor="")


class FilePage(NamedTuple):
    """One page of a listing, as it came.

    Attributes:
        rows: What could be understood, in order; without the anchor.
        next: The page after this one; None on the last.
        moved: The anchor was missing: entries before this page may have moved to before it.
        wanted: The only order in which the service gives this folder; nothing else came then.
        faults: Why rows were left out.
    """

    rows: Sequence[FileRow]
    next: Position | None = None
    moved: bool = False
    wanted: Order | None = None
    faults: Sequence[str] = ()


def list_call(where: Hosts, cid: str, position: Position, *, page_size: int) -> Call:
    """Ask for a page of a folder.

    ``show_dir`` and ``cur`` always go along: without them come the files of the whole subtree, and
    no folders. ``custom_order`` makes our order count (wire: 115 §10.2, §4.1).
    """
    order = position.order or Order()
    limit = min(page_size + bool(position.anchor), MAX_PAGE_SIZE)
    params = {
        "cid": cid,
        "offset": str(position.offset),
        "limit": str(limit),
        "show_dir": "1",
        "cur": "1",
        "custom_order": "1",
        "o": order.by,
        "asc": str(int(order.ascending)),
    }
    return Call(method="GET", url=where.url(hosts.APP, "/open/ufile/files"), params=params)


def read_list(answer: Answer, cid: str, position: Position) -> FilePage:
    """Return the page of the folder ``cid`` that ``position`` brought.

    Raises:
        NotFound: The answer is of another folder: of the root, which the service lists in place of
            one that does not exist (wire: 115 §0.3).
        ProtocolError: It is another page, or in another order than the pages before.
    """
    if refusals.code(answer) == OTHER_ORDER:
        return FilePage(rows=(), wanted=_wanted(answer, position))
    listing = wire.decode_rows(answer.body, ListDocument, FileRow, path=("data",), what="a listing")
    document = listing.document
    echoed = wire.text(document.cid)
    if not echoed:
        raise ProtocolError("a listing: Object missing required field `cid`")
    if echoed != cid:
        raise NotFound(f"there is no folder with the id {cid}")
    if wire.whole(document.offset) not in (None, position.offset):
        raise ProtocolError("a listing: another page came than was asked for")
    if not listing.raw_count:
        _check_empty(answer, document, position)
    order = Order(
        wire.text(document.order) or (position.order or Order()).by,
        wire.truth(document.is_asc) if document.is_asc is not None else True,
    )
    if position.order is not None and order != position.order:
        raise ProtocolError("a listing: its order changed between two pages")
    rows, faults = [], list(listing.faults)
    for row in listing.rows:
        if (fault := _fault(row)) is None:
            rows.append(row)
        else:
            faults.append(fault)
    anchored = bool(position.anchor) and bool(rows) and _id(rows[0]) == position.anchor
    last = _id(rows[-1]) if rows and not faults else ""
    return FilePage(
        rows=rows[1:] if anchored else rows,
        next=_after(document, position, listing.raw_count, last, order),
        moved=bool(position.anchor) and position.anchor not in map(_id, rows),
        faults=faults,
    )


def _check_empty(answer: Answer, document: ListDocument, position: Position) -> None:
    """Raise unless an answer without rows says that there are none: mirrors delete what is gone."""
    wire.decode(answer.body, Rows, "a listing")
    if not position.offset and (count := wire.whole(document.count) or 0) > 0:
        raise ProtocolError(f"a listing: {count} entries are promised and none came")


def _wanted(answer: Answer, position: Position) -> Order:
    wanted = wire.decode(answer.body, WantedOrder, "a listing")
    order = Order(wire.text(wanted.order), wire.truth(wanted.is_asc))
    if not order.by or position.order is not None:
        raise ProtocolError("a listing: the service takes none of the orders that it has")
    return order


def _after(
    document: ListDocument, position: Position, count: int, last: str, order: Order
) -> Position | None:
    """Return where the next page begins: at the last entry of this one, which is seen again.

    Counted from what came, never from what was asked: the service caps pages (wire: 115 §4.1).
    """
    stop = position.offset + count
    total = wire.whole(document.count)
    if count <= bool(position.anchor) or (total is not None and stop >= total):
        return None
    return Position(stop - bool(last), last, order)


def _fault(row: FileRow) -> str | None:
    if not wire.text(row.fid):
        return "Object with an empty `fid`"
    if wire.whole(row.fc) not in (FOLDER, FILE):
        return f"Object of unknown `fc` {wire.text(row.fc)[:20]!r}"
    return None if row.fn else "Object with an empty `fn`"


def _id(row: FileRow) -> str:
    return wire.text(row.fid)


# --- one object -----------------------------------------------------------------------------------


class Info(msgspec.Struct, frozen=True):
    """A file or folder as it describes itself; for a folder all levels below it count.

    Attributes:
        file_category: 0 for a folder, 1 for a file.
        ptime: Created; Unix seconds.
        utime: Modified; Unix seconds.
        count: Files below a folder.
    """

    file_id: Scalar
    file_name: str
    file_category: Scalar
    pick_code: Scalar = None
    sha1: Scalar = None
    size_byte: Scalar = None
    ptime: Scalar = None
    utime: Scalar = None
    count: Scalar = None
    folder_count: Scalar = None


class InfoAnswer(msgspec.Struct, frozen=True):
    """The details, or an empty list where there is nothing to describe."""

    data: Info | list[object]


def info_call(where: Hosts, file_id: str) -> Call:
    """Ask about one file or folder; the service walks a folder's subtree for it."""
    return Call(
        method="GET", url=where.url(hosts.APP, "/open/folder/get_info"), params={"file_id": file_id}
    )


def read_info(answer: Answer, file_id: str) -> Info:
    """Return what an info call told.

    Raises:
        NotFound: An empty list came instead: there is no such thing (wire: 115 §10.2).
    """
    what = "the details of a file"
    info = wire.decode(answer.body, InfoAnswer, what).data
    if isinstance(info, list):
        if info:
            raise ProtocolError(f"{what}: data is a list")
        raise NotFound(f"nothing has the id {file_id}")
    if wire.text(info.file_id) != file_id:
        raise ProtocolError(f"{what}: another file came than was asked for")
    if wire.whole(info.file_category) not in (FOLDER, FILE):
        raise ProtocolError(f"{what}: unknown `file_category`")
    return info


# --- links ----------------------------------------------------------------------------------------


class UrlObject(msgspec.Struct, frozen=True):
    """A link."""

    url: str = ""


class Download(msgspec.Struct, frozen=True):
    """One file of a link call; ``url`` is false where there is none."""

    url: UrlObject | str | bool | None = None
    sha1: Scalar = None

    @property
    def link(self) -> str:
        """The URL; "" without one."""
        return self.url.url if isinstance(self.url, UrlObject) else ""


class LinkAnswer(msgspec.Struct, frozen=True):
    """The links by the files' ids, or an empty list where there is none."""

    data: dict[str, Download] | list[object]


def link_call(where: Hosts, pick_code: str, user_agent: str) -> Call:
    """Ask for a link; it will work with this very User-Agent (wire: 115 §0.8)."""
    return Call(
        method="POST",
        url=where.url(hosts.APP, "/open/ufile/downurl"),
        headers={"User-Agent": user_agent},
        form={"pick_code": pick_code},
    )


def read_link(answer: Answer, file_id: str) -> Download | None:
    """Return the link of ``file_id``; None when the service gave none.

    It is keyed by an id that may be another one's for a copy: the only one is it (wire: 115 §10.2).
    """
    data = wire.decode(answer.body, LinkAnswer, "the link of a file").data
    if isinstance(data, list):
        if data:
            raise ProtocolError("the link of a file: data is a list")
        return None
    if file_id in data:
        return data[file_id]
    if len(data) > 1:
        raise ProtocolError("the link of a file: several came, and none of them is its own")
    return next(iter(data.values()), None)


# --- the user -------------------------------------------------------------------------------------


class Amount(msgspec.Struct, frozen=True):
    """A number of bytes, often written as a float."""

    size: Scalar = None


class SpaceInfo(msgspec.Struct, frozen=True):
    """The capacity of the drive."""

    all_total: Amount = Amount()
    all_use: Amount = Amount()
    all_remain: Amount = Amount()


class UserInfo(msgspec.Struct, frozen=True):
    """Who is signed in."""

    user_id: Scalar
    user_name: Scalar = None
    rt_space_info: SpaceInfo | None = None


def user_call(where: Hosts) -> Call:
    """Ask who is signed in, and for the drive's capacity."""
    return Call(method="GET", url=where.url(hosts.APP, "/open/user/info"))


def read_user(answer: Answer) -> UserInfo:
    """Return what the user call told."""
    return read(answer, UserInfo, "the user's details")


def read_space(answer: Answer) -> tuple[int, int]:
    """Return total and used bytes."""
    space = read_user(answer).rt_space_info or SpaceInfo()
    total, used, left = (
        _rounded(each.size) for each in (space.all_total, space.all_use, space.all_remain)
    )
    if used is None and total is not None and left is not None:
        used = total - left
    if total is None or used is None:
        raise ProtocolError("the user's details: no capacity in `rt_space_info`")
    return total, min(max(used, 0), total)


def _rounded(value: Scalar) -> int | None:
    """Return bytes that may have a fraction (58854522108104.875, wire: 115 §0.1) as a number."""
    found = wire.whole(value)
    if found is None and isinstance(value, str | float):
        try:
            found = round(float(value))
        except (ValueError, OverflowError):
            return None
    return found if found is not None and found >= 0 else None
