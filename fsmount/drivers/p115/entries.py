"""From 115's rows, in any of their dialects, to entries.

The id of an entry is 115's own, the same in every dialect. A version is the SHA-1 that 115 computed
when the file was uploaded; the pick code, by which links are asked for, is the locator.
"""

from __future__ import annotations

import calendar
import re
from typing import TYPE_CHECKING

from fsmount.drivers import wire
from fsmount.drivers.p115.api import AppRow
from fsmount.model import Entry, EntryId, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fsmount.drivers.p115.api import WebRow
    from fsmount.drivers.wire import Scalar

ROOT_ID = EntryId("@root")
"""Of the mounted folder, whatever its cid; 115's own ids are digits."""

_SHA1 = re.compile(r"[0-9a-fA-F]{40}")
_BEIJING = re.compile(r"(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d)")
_BEIJING_AHEAD_S = 8 * 3600
_ESCAPED = re.compile(r"\[\x02(\d{1,7})\]")
_LAST_CHARACTER = 0x10FFFF
_LATEST_S = 253402300800  # the year 10000
_IN_THE_DRIVE = ("1", "")
"""Of ``aid``: 7 is the bin, 12 temporary, 120 destroyed (wire: 115 §4.1)."""


def root_entry(cid: str) -> Entry:
    """Return the mounted folder; its cid is its locator."""
    return Entry(id=ROOT_ID, name="", kind=Kind.FOLDER, locator=cid)


def cid_of_entry(folder: Entry) -> str:
    """Return the cid of a folder: the root's is its locator, any other's its id."""
    return folder.locator if folder.id == ROOT_ID else str(folder.id)


def entries(rows: Iterable[WebRow | AppRow]) -> Iterator[Entry]:
    """Yield what rows show of the drive; what lies in the bin is not in it."""
    for row in rows:
        if wire.text(row.aid) in _IN_THE_DRIVE:
            yield app_entry(row) if isinstance(row, AppRow) else web_entry(row)


def web_entry(row: WebRow) -> Entry:
    """Return the entry of a row of the web API."""
    mtime_ns = unix_ns(row.te) or unix_ns(row.tu) or unix_ns(row.t) or beijing_ns(row.t)
    ident, kind = wire.text(row.fid), Kind.FILE
    if not ident:
        ident, kind = wire.text(row.cid), Kind.FOLDER
    return entry(
        ident,
        name=wire.text(row.n),
        kind=kind,
        locator=wire.text(row.pc),
        size=row.s,
        sha=row.sha,
        mtime_ns=mtime_ns,
    )


def app_entry(row: AppRow) -> Entry:
    """Return the entry of a row of the app's API or of the Open platform."""
    return entry(
        wire.text(row.fid),
        name=wire.text(row.fn),
        kind=Kind.FILE if wire.text(row.fc) == "1" else Kind.FOLDER,
        locator=wire.text(row.pc),
        size=row.fs,
        sha=row.sha1,
        mtime_ns=unix_ns(row.upt) or unix_ns(row.uet) or unix_ns(row.uppt),
    )


def entry(
    ident: str, *, name: str, kind: Kind, locator: str, size: Scalar, sha: Scalar, mtime_ns: int
) -> Entry:
    """Return an entry; without a SHA-1 the version of a file is left to its size and time."""
    if kind is Kind.FOLDER:
        return Entry(
            id=EntryId(ident), name=unescaped(name), kind=kind, locator=locator, mtime_ns=mtime_ns
        )
    bytes_ = wire.whole(size)
    digest = wire.text(sha).lower() if _SHA1.fullmatch(wire.text(sha)) else ""
    return Entry(
        id=EntryId(ident),
        name=unescaped(name),
        kind=kind,
        locator=locator,
        size=bytes_ if bytes_ is not None and bytes_ >= 0 else None,
        mtime_ns=mtime_ns,
        version=digest,
        digest=f"sha1:{digest}" if digest else "",
    )


def unix_ns(value: Scalar) -> int:
    """Return Unix seconds, as number or text, in nanoseconds; 0 when it is no time."""
    seconds = wire.whole(value)
    if seconds is None or isinstance(value, bool) or not 0 < seconds < _LATEST_S:
        return 0
    return seconds * 1_000_000_000


def beijing_ns(value: Scalar) -> int:
    """Return ``2026-11-22 19:18`` of a clock in Beijing in nanoseconds; 0 when it is not one."""
    match = _BEIJING.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        return 0
    year, month, day, hour, minute = (int(part) for part in match.groups())
    if not (year >= 1970 and 1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60):
        return 0
    seconds = calendar.timegm((year, month, day, hour, minute, 0)) - _BEIJING_AHEAD_S
    return max(seconds, 0) * 1_000_000_000


def unescaped(name: str) -> str:
    """Return ``name`` with its escaped characters, written as 2, N in brackets, in place (§4.6)."""

    def character(match: re.Match[str]) -> str:
        number = int(match[1])
        surrogate = 0xD800 <= number <= 0xDFFF
        return match[0] if surrogate or number > _LAST_CHARACTER else chr(number)

    return _ESCAPED.sub(character, name)
