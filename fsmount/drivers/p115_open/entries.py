"""From 115 Open's rows to entries, as the family's are made (``p115.entries``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsmount.drivers import wire
from fsmount.drivers.p115 import entries as family
from fsmount.model import Entry, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fsmount.drivers.p115_open.api import FileRow, Info

_GONE = frozenset({7, 120})
"""Areas of the recycle bin and of what is destroyed (wire: 115 §4.1)."""

_COMPLETE = 1


def entries(rows: Iterable[FileRow]) -> Iterator[Entry]:
    """Yield what a folder shows of ``rows``; files whose upload is under way are not."""
    for row in rows:
        fta = wire.whole(row.fta)
        if wire.whole(row.aid) in _GONE or (not row.is_folder and fta not in (None, _COMPLETE)):
            continue
        yield family.entry(
            wire.text(row.fid),
            name=row.fn,
            kind=Kind.FOLDER if row.is_folder else Kind.FILE,
            locator="" if row.is_folder else wire.text(row.pc),
            size=row.fs,
            sha=row.sha1,
            mtime_ns=family.unix_ns(row.upt) or family.unix_ns(row.uet) or family.unix_ns(row.uppt),
        )


def entry(info: Info, known: Entry) -> Entry:
    """Return what ``info`` describes; the time is that of ``known`` where it tells none.

    Files may lack their times there (wire: 115 §10.2).
    """
    is_folder = wire.whole(info.file_category) == 0
    return family.entry(
        wire.text(info.file_id),
        name=info.file_name,
        kind=Kind.FOLDER if is_folder else Kind.FILE,
        locator="" if is_folder else wire.text(info.pick_code),
        size=info.size_byte,
        sha=info.sha1,
        mtime_ns=family.unix_ns(info.utime) or family.unix_ns(info.ptime) or known.mtime_ns,
    )
