"""115's wire for listing a drive: requests out, typed answers in; pure functions, no I/O.

Whether an answer is a success was settled before (``auth.classify``). Fields are declared as
scalars throughout, because 115 writes one and the same as text here and as a number there (wire:
115 §0.1); listings are decoded row by row.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from fsmount.drivers import wire
from fsmount.drivers.p115 import codes, hosts
from fsmount.drivers.p115.auth import APP
from fsmount.drivers.wire import Scalar
from fsmount.errors import NotFound, NotSupported, ProtocolError, ProviderFault
from fsmount.model import Call

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fsmount.drivers.p115.hosts import Hosts
    from fsmount.model import Answer


class WebRow(msgspec.Struct, frozen=True, gc=False):
    """A file or folder as ``/files``, ``natsort/files.php`` and ``/files/get_info`` tell it.

    A folder's own id is ``cid`` and it has no ``fid``; a file's is ``fid``, and ``cid`` its parent.
    """

    n: str | int
    cid: Scalar = None
    fid: Scalar = None
    s: Scalar = None
    sha: Scalar = None
    pc: Scalar = None
    aid: Scalar = None
    te: Scalar = None
    tu: Scalar = None
    t: Scalar = None


class AppRow(msgspec.Struct, frozen=True, gc=False):
    """A file or folder as the app's listing and the Open platform tell it; both have ``fid``.

    ``upt`` is the modification here, whatever the name suggests (wire: 115 §4.3).
    """

    fn: str | int
    fid: Scalar = None
    pid: Scalar = None
    fc: Scalar = None
    fs: Scalar = None
    sha1: Scalar = None
    pc: Scalar = None
    aid: Scalar = None
    upt: Scalar = None
    uet: Scalar = None
    uppt: Scalar = None


class Listing(msgspec.Struct, frozen=True):
    """All of a listing's answer but its rows; what it echoes says what it really is."""

    data: list[msgspec.Raw] = []
    cid: Scalar = None
    count: Scalar = None
    offset: Scalar = None
    limit: Scalar = None
    order: Scalar = None
    is_asc: Scalar = None
    errNo: Scalar = None
    errno: Scalar = None


class Order(NamedTuple):
    """What a listing is sorted by, and whether upward."""

    by: str = "user_ptime"
    ascending: bool = True

    @property
    def appends(self) -> bool:
        """True when what is added while a listing goes on lands behind its end."""
        return self == Order()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One of the listings that there are.

    Attributes:
        name: As in the option ``listing`` and in cursors.
        host, path: Where it is.
        row: Of its answers.
        order: In which it is asked.
        most: Entries that it can reach; None for all.
    """

    name: str
    host: str
    path: str
    row: type[WebRow | AppRow]
    order: Order
    most: int | None = None


DIALECTS = {
    dialect.name: dialect
    for dialect in (
        Dialect(name="web", host=hosts.WEB, path="/files", row=WebRow, order=Order()),
        # Always by name, and only the first page of 1,200 (wire: 115 §4.2).
        Dialect(
            name="aps",
            host=hosts.NATSORT,
            path="/natsort/files.php",
            row=WebRow,
            order=Order("file_name"),
            most=1200,
        ),
        # Of the orders that it knows none appends: it takes user_ptime for user_utime (§4.3).
        Dialect(
            name="app",
            host=hosts.APP,
            path=f"/{APP}/2.0/ufile/files",
            row=AppRow,
            order=Order("file_name"),
        ),
    )
}


class Position(NamedTuple):
    """The place of a page in a listing.

    Attributes:
        dialect: Which listing it is of.
        offset: Entries before it.
        known: Entries that the folder had when the page before came; None before the first page.
        order: In which the listing is.
    """

    dialect: str
    offset: int
    known: int | None
    order: Order

    @classmethod
    def first(cls, dialect: str) -> Position:
        """Return the beginning of a folder."""
        return cls(dialect, 0, None, DIALECTS[dialect].order)

    @classmethod
    def parse(cls, cursor: str | None) -> Position | None:
        """Read what ``str`` wrote; None for the beginning, and for what it never wrote."""
        match = re.fullmatch(r"(\w+):(\d+):(\d+):(\w+):([01])", cursor or "", re.ASCII)
        if match is None or match[1] not in DIALECTS:
            return None
        order = Order(match[4], match[5] == "1")
        return cls(match[1], int(match[2]), int(match[3]), order)

    def __str__(self) -> str:
        return (
            f"{self.dialect}:{self.offset}:{self.known or 0}:{self.order.by}:"
            f"{int(self.order.ascending)}"
        )


class FilePage(NamedTuple):
    """One page of a listing, as it came.

    Attributes:
        rows: What could be understood, in order.
        next: The page after this one; None on the last.
        faults: Why rows were left out.
    """

    rows: Sequence[WebRow | AppRow]
    next: Position | None
    faults: Sequence[str]


def list_call(where: Hosts, cid: str, position: Position, *, limit: int) -> Call:
    """Ask for a page of a folder.

    ``show_dir=1`` and ``cur=1`` keep it from being a list of all files below; ``custom_order`` has
    the order that is asked for count, where otherwise the one that the server remembers for this
    folder would (wire: 115 §4.1). Nothing is remembered as "last opened".
    """
    dialect = DIALECTS[position.dialect]
    params = {
        "aid": "1",
        "cid": cid,
        "offset": str(position.offset),
        "limit": str(limit),
        "show_dir": "1",
        "cur": "1",
        "o": position.order.by,
        "asc": str(int(position.order.ascending)),
        "custom_order": "2",
        "fc_mix": "1",
        "record_open_time": "0",
        "format": "json",
    }
    return Call(method="GET", url=where.url(dialect.host, dialect.path), params=params)


def read_list(answer: Answer, cid: str, position: Position) -> FilePage | Order:
    """Return the page that ``position`` brought, or the order in which alone 115 lists the folder.

    Raises:
        NotFound: The answer is of another folder: 115 lists the root for an id that is not there,
            or is a file's (wire: 115 §0.3).
        NotSupported: The folder is larger than this listing can reach.
        ProtocolError: The folder changed in a way that may have lost entries; list it anew.
        ProviderFault: It sent nothing of a folder that it says is not empty.
    """
    dialect = DIALECTS[position.dialect]
    found = wire.decode_rows(answer.body, Listing, dialect.row, path=("data",), what="a listing")
    listing = found.document
    told = Order(wire.text(listing.order), wire.truth(listing.is_asc))
    if codes.OTHER_ORDER in (wire.whole(listing.errNo), wire.whole(listing.errno)):
        if not told.by or told == position.order:
            raise ProtocolError("a listing is refused in the very order that 115 asks for")
        return told
    count = wire.whole(listing.count)
    if count is None and not found.raw_count:
        raise ProtocolError("a listing: `data` and `count` are missing")
    if wire.text(listing.cid) not in (cid, ""):
        raise NotFound(f"115 has no folder {cid}: it was deleted, moved to the bin, or is a file")
    order = told if told.by else position.order
    page = position._replace(order=order)
    if position.known is not None and order != position.order:
        raise ProtocolError("the order of a listing changed on the way; it has to begin anew")
    if wire.whole(listing.offset) not in (None, position.offset):
        raise ProtocolError("a listing went back to its beginning instead of on")
    if dialect.most is not None and (count or 0) > dialect.most:
        raise NotSupported(
            f"this listing reaches {dialect.most} entries and the folder has {count}",
            advice='use listing = "auto"',
        )
    rows, faults = [], list(found.faults)
    for row in found.rows:
        fault = fault_of(row, cid)
        if fault:
            faults.append(fault)
        else:
            rows.append(row)
    after = _after(page, found.raw_count, count, wire.whole(listing.limit))
    return FilePage(rows=rows, next=after, faults=faults)


def _after(page: Position, came: int, count: int | None, limit: int | None) -> Position | None:
    """Return the page after ``page``; offsets are counted by what came, a limit may be cut (§4.1).

    When the folder lost entries since the page before, what follows has moved up: as many are asked
    again. What was added is at the end, where the order appends.
    """
    offset = page.offset + came
    if came == 0:
        if page.offset == 0 and count:
            raise ProviderFault(f"115 says that a folder has {count} entries and sends none")
        return None
    if count is None:
        full = limit is not None and 0 < limit <= came
        return page._replace(offset=offset, known=0) if full else None
    if page.known:
        if page.known != count and not page.order.appends:
            raise ProtocolError("a folder changed while it was listed; it has to be listed anew")
        if count < page.known:
            offset = max(page.offset - (page.known - count), 0)
    return page._replace(offset=offset, known=count) if offset < count else None


def fault_of(row: WebRow | AppRow, cid: str) -> str:
    """Return why ``row`` of folder ``cid`` cannot be an entry; "" when it can."""
    if isinstance(row, AppRow):
        if wire.text(row.fc) not in ("0", "1"):
            return f"Object of unknown `fc` {wire.text(row.fc)[:20]!r}"
        return "" if is_id(row.fid) else "Object without an id in `fid`"
    if wire.text(row.fid):
        return "" if is_id(row.fid) else "Object whose `fid` is not an id"
    if not is_id(row.cid):
        return "Object without an id in `fid` and `cid`"
    # A file that lost its id would pass for a folder that is its own parent.
    return "Object without `fid` that is no folder" if wire.text(row.cid) == cid else ""


def is_id(value: Scalar) -> bool:
    """Tell whether ``value`` is an id: digits, as text or number, never the root's 0."""
    if isinstance(value, bool | float):
        return False  # a float has lost digits of an id of 19
    return re.fullmatch(r"[1-9]\d{0,19}", wire.text(value), re.ASCII) is not None
