"""The wire of 115's shares: requests out, typed answers in; pure functions, no I/O.

Whether an answer is a success was settled before (``auth.classify``). Listing and downloading of
shares moved to ``115cdn.com/webapi`` in 2026; ``webapi.115.com`` has the same calls (wire: 115
§0.10, §6).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from fsmount.drivers import wire
from fsmount.drivers.p115 import hosts
from fsmount.drivers.p115.api import is_id
from fsmount.drivers.p115.links import Located, opened, sealed_call
from fsmount.drivers.p115.options import ROOT_CID
from fsmount.drivers.wire import Scalar
from fsmount.errors import NotFound, ProtocolError, ProviderFault
from fsmount.model import Call

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fsmount.drivers.p115.cipher import M115
    from fsmount.drivers.p115.hosts import Hosts
    from fsmount.model import Answer

SNAP = "/share/snap"
HOSTS = {hosts.SHARE: "/webapi", hosts.WEB: ""}
"""Where shares are asked for, in order, and what goes before the path there."""


class Place(NamedTuple):
    """A share and what opens it.

    Attributes:
        share: Its id.
        code: Its receive code; "" without one.
    """

    share: str
    code: str

    @property
    def referer(self) -> str:
        """What the web page sends along; without it 115cdn was seen to refuse (wire: 115 §2)."""
        return f"https://115cdn.com/s/{self.share}?password={self.code}&"

    @property
    def params(self) -> dict[str, str]:
        """What names the share in every call."""
        return {"share_code": self.share, "receive_code": self.code}


# --- listings -------------------------------------------------------------------------------------


class ShareRow(msgspec.Struct, frozen=True, gc=False):
    """A file or folder of a share; its own id is ``fid`` for a file, ``cid`` for a folder."""

    n: str | int
    cid: Scalar = None
    fid: Scalar = None
    pid: Scalar = None
    fc: Scalar = None
    s: Scalar = None
    sha: Scalar = None
    t: Scalar = None

    @property
    def is_folder(self) -> bool:
        """True for a folder: ``fc`` decides, and where it is missing the id of a file."""
        kind = wire.whole(self.fc)
        return not wire.text(self.fid) if kind is None else kind == 0

    @property
    def id(self) -> str:
        """Its own id."""
        return wire.text(self.cid if self.is_folder else self.fid)

    @property
    def parent(self) -> str:
        """The id of the folder that it is in; "" when it does not say."""
        return wire.text(self.pid if self.is_folder else self.cid)


class Sharer(msgspec.Struct, frozen=True):
    """Who shared."""

    user_id: Scalar = None
    user_name: Scalar = None


class About(msgspec.Struct, frozen=True):
    """What a share tells about itself."""

    share_title: Scalar = None
    share_state: Scalar = None
    forbid_reason: Scalar = None
    create_time: Scalar = None
    expire_time: Scalar = None
    receive_count: Scalar = None
    file_size: Scalar = None
    file_category: Scalar = None
    have_vio_file: Scalar = None


# In a struct with a field of this name ``list`` is that field.
_Rows = list[msgspec.Raw]


class SnapData(msgspec.Struct, frozen=True):
    """A page of a share, without its rows."""

    list: _Rows = []
    count: Scalar = None
    share_state: Scalar = None
    shareinfo: About | None = None
    userinfo: Sharer | None = None

    @property
    def state(self) -> int | None:
        """The state of the share; None when it does not say."""
        about = None if self.shareinfo is None else wire.whole(self.shareinfo.share_state)
        state = wire.whole(self.share_state)
        return about if state is None else state


class Snap(msgspec.Struct, frozen=True):
    """The answer with a page of a share."""

    data: SnapData


class Position(NamedTuple):
    """The place of a page: entries before it, and how many there were when the page before came."""

    offset: int = 0
    known: int = 0

    @classmethod
    def parse(cls, cursor: str | None) -> Position:
        """Read what ``str`` wrote; the beginning for what it never wrote."""
        match = re.fullmatch(r"(\d+):(\d+)", cursor or "", re.ASCII)
        return cls(int(match[1]), int(match[2])) if match else cls()

    def __str__(self) -> str:
        return f"{self.offset}:{self.known}"


class SharePage(NamedTuple):
    """One page of a folder of a share.

    Attributes:
        rows: What could be understood, in order.
        next: The page after this one; None on the last.
        faults: Why rows were left out.
        about: What the share tells about itself.
        sharer: Who shared.
    """

    rows: Sequence[ShareRow]
    next: Position | None
    faults: Sequence[str]
    about: About
    sharer: Sharer


def share_url(where: Hosts, host: str, path: str) -> str:
    """Return the URL of a call about shares on one of ``HOSTS``."""
    return where.url(host, HOSTS[host] + path)


def snap_call(
    where: Hosts, host: str, place: Place, cid: str, position: Position, *, limit: int
) -> Call:
    """Ask for a page of a folder; ``cid`` 0 is the top of the share."""
    params = {
        **place.params,
        "cid": cid,
        "offset": str(position.offset),
        "limit": str(limit),
        "asc": "1",
        "o": "file_name",
        "format": "json",
    }
    url = share_url(where, host, SNAP)
    return Call(method="GET", url=url, params=params, headers={"Referer": place.referer})


def read_snap(answer: Answer, cid: str, position: Position) -> SharePage:
    """Return the page that ``position`` brought.

    Raises:
        NotFound: The rows are those of another folder: 115 shows the top for one that is not there.
        ProviderFault: It sent nothing of a folder that it says is not empty.
    """
    found = wire.decode_rows(
        answer.body, Snap, ShareRow, path=("data", "list"), what="a share's listing"
    )
    data = found.document.data
    count = wire.whole(data.count)
    if count is None and not found.raw_count:
        raise ProtocolError("a share's listing: `list` and `count` are missing")
    rows, faults = [], list(found.faults)
    for row in found.rows:
        fault = _fault(row, cid)
        if fault:
            faults.append(fault)
        else:
            rows.append(row)
    _check_folder(rows, cid)
    return SharePage(
        rows=rows,
        next=_after(position, found.raw_count, count),
        faults=faults,
        about=data.shareinfo or About(),
        sharer=data.userinfo or Sharer(),
    )


def _fault(row: ShareRow, cid: str) -> str:
    if wire.whole(row.fc) not in (0, 1, None):
        return f"Object of unknown `fc` {wire.text(row.fc)[:20]!r}"
    if not is_id(row.cid if row.is_folder else row.fid):
        return "Object without an id"
    return "Object that is its own folder" if row.is_folder and row.id == cid else ""


def _check_folder(rows: Sequence[ShareRow], cid: str) -> None:
    """Raise when rows that say where they are all say that it is somewhere else.

    The answer does not echo the folder that it is about, as a drive's does; the top's own rows name
    a folder of the sharer's, so of the top nothing can be checked.
    """
    parents = {row.parent for row in rows} - {""}
    if cid != ROOT_CID and parents and cid not in parents:
        raise NotFound(f"the share has no folder {cid}: it was deleted, or is a file")


def _after(position: Position, came: int, count: int | None) -> Position | None:
    """Return the page after this one; a page may hold fewer than were asked (wire: 115 §6.2).

    Entries that left since the page before have moved the rest up: as many are asked again.
    """
    if came == 0:
        if position.offset == 0 and count:
            raise ProviderFault(f"115 says that a folder has {count} entries and sends none")
        return None
    if count is None:
        return None
    offset = position.offset + came
    if count < position.known:
        offset = max(position.offset - (position.known - count), 0)
    return Position(offset, count) if offset < count else None


# --- links ----------------------------------------------------------------------------------------


class SharedLink(msgspec.Struct, frozen=True):
    """The link of a shared file, under one of the names that it is seen under."""

    fs: Scalar = None
    url: Located | Scalar = None
    file_url_302: Scalar = None
    file_url: Scalar = None

    @property
    def found(self) -> str:
        """The link; "" without one: a folder, or a size below zero."""
        if (wire.whole(self.fs) or 0) < 0:
            return ""
        inner = self.url.url if isinstance(self.url, Located) else self.url
        if isinstance(inner, bool):
            inner = ""
        return next(
            (
                text
                for each in (inner, self.file_url_302, self.file_url)
                if (text := wire.text(each))
            ),
            "",
        )


class LinkAnswer(msgspec.Struct, frozen=True):
    """The plain answer with a link."""

    data: SharedLink | list[msgspec.Raw] | Scalar


def link_call(
    where: Hosts, host: str, place: Place, ident: str, *, sharer: str, agent: str
) -> Call:
    """Ask for the link of a shared file as a signed-in user.

    Whether the sharer's number is needed clients disagree about; it goes along where it is known.
    """
    params = {**place.params, "file_id": ident, "dl": "1"}
    if sharer:
        params["user_id"] = sharer
    return Call(
        method="GET",
        url=share_url(where, host, "/share/downurl"),
        params=params,
        headers={"Referer": place.referer, "User-Agent": agent},
    )


def guest_link_call(where: Hosts, host: str, place: Place, ident: str, *, agent: str) -> Call:
    """Ask for a link without a login: works where the owner allows it, while his quota lasts."""
    return Call(
        method="POST",
        url=share_url(where, host, "/share/skip_login_downurl"),
        form={**place.params, "file_id": ident},
        headers={"Referer": place.referer, "User-Agent": agent},
    )


def app_link_call(
    where: Hosts, place: Place, ident: str, *, cipher: M115, key: bytes, agent: str
) -> Call:
    """Ask for the link of a shared file as older clients do, encrypted."""
    what = {**place.params, "file_id": ident, "dl": "1"}
    return sealed_call(where.url(hosts.APP, "/app/share/downurl"), what, cipher, key, agent)


def read_link(answer: Answer) -> str:
    """Return the URL of a shared file; "" without one."""
    data = wire.decode(answer.body, LinkAnswer, "the link of a shared file").data
    return data.found if isinstance(data, SharedLink) else ""


def read_app_link(answer: Answer, *, cipher: M115, key: bytes) -> str:
    """Return the URL that came encrypted; "" without one."""
    body = opened(answer, cipher, key, "the link of a shared file")
    if not body.lstrip().startswith(b"{"):
        return ""
    return wire.decode(body, SharedLink, "the link of a shared file").found
