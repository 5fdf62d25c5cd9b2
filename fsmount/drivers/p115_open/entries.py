"""From 115 Open's rows to entries."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fsmount.drivers import wire
from fsmount.model import Entry, EntryId, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fsmount.drivers.p115_open.api import FileRow, Info
    from fsmount.drivers.wire import Scalar

_GONE = frozenset({7, 120})
"""Areas of the recycle bin and of what is destroyed (wire: 115 §4.1)."""

_COMPLETE = 1


def entries(rows: Iterable[FileRow]) -> Iterator[Entry]:
    """Yield what a folder shows of ``rows``; files whose upload is under way are not."""
    for row in rows:
        fta = wire.whole(row.fta)
        if wire.whole(row.aid) in _GONE or (not row.is_folder and fta not in (None, _COMPLETE)):
            continue
        yield _entry(
            file_id=row.fid,
            name=row.fn,
            is_folder=row.is_folder,
            size=row.fs,
            mtime_ns=_time_ns(row.upt, row.uet, row.uppt),
            sha1=row.sha1,
            pick_code=row.pc,
        )


def entry(info: Info, known: Entry) -> Entry:
    """Return what ``info`` describes; the time is that of ``known`` where it tells none.

    Files may lack their times there (wire: 115 §10.2).
    """
    return _entry(
        file_id=info.file_id,
        name=info.file_name,
        is_folder=wire.whole(info.file_category) == 0,
        size=info.size_byte,
        mtime_ns=_time_ns(info.utime, info.ptime) or known.mtime_ns,
        sha1=info.sha1,
        pick_code=info.pick_code,
    )


def _entry(
    *,
    file_id: Scalar,
    name: str,
    is_folder: bool,
    size: Scalar,
    mtime_ns: int,
    sha1: Scalar,
    pick_code: Scalar,
) -> Entry:
    ident = EntryId(wire.text(file_id))
    if is_folder:
        return Entry(id=ident, name=name, kind=Kind.FOLDER, mtime_ns=mtime_ns)
    bytes_ = wire.whole(size)
    digest = wire.text(sha1).lower()
    if not re.fullmatch(r"[0-9a-f]{40}", digest):
        digest = ""
    return Entry(
        id=ident,
        name=name,
        kind=Kind.FILE,
        locator=wire.text(pick_code),
        size=bytes_ if bytes_ is not None and bytes_ >= 0 else None,
        mtime_ns=mtime_ns,
        version=digest,
        digest=f"sha1:{digest}" if digest else "",
    )


def _time_ns(*seconds: Scalar) -> int:
    """Return the first of several times that is told, in nanoseconds; 0 without any."""
    return next(
        (told * 1_000_000_000 for each in seconds if (told := wire.whole(each) or 0) > 0), 0
    )
