"""What other caches of this user have of a content: read, never changed.

Each mount has a cache directory of its own, with one writer, its own budget and its own idea of
what goes first. A content that two mounts know by the same key (the same remote, or the same hash
in one trust domain; the key says which) is looked for in the directories beside before the network
is asked. A record is written once under a random name, so it is either whole or gone: what its
owner has evicted meanwhile is no more than a miss, and each cell is checked against its checksum.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections import OrderedDict
from typing import TYPE_CHECKING
from urllib.parse import quote

from fsmount.cache.inventory import content_name, place_of
from fsmount.cache.shelf import INDEX, SELECT, Lent, record_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from fsmount.model import ContentKey

log = logging.getLogger(__name__)

_MOST = 16
"""Directories that are asked, those written to last first; each costs 0.3 to 1 ms."""

_BUSY_S = 0.2
_CONTENTS = 256
"""Contents of which it is remembered what others have."""


class Peers:
    """The cache directories beside one's own. Its methods block.

    Args:
        own: A cache directory; the others are in the same folder.
    """

    def __init__(self, own: Path) -> None:
        self._own = own

    def find(self, key: ContentKey) -> list[Lent]:
        """Return what the others have of a content; one that cannot be asked has nothing."""
        name = content_name(key)
        return [lent for directory in self._directories() for lent in _records(directory, name)]

    def _directories(self) -> list[str]:
        found: list[tuple[int, str]] = []
        try:
            with os.scandir(self._own.parent) as entries:
                for entry in entries:
                    if entry.name == self._own.name or not entry.is_dir(follow_symlinks=False):
                        continue
                    state = entry.stat(follow_symlinks=False)
                    # As for our own: what others can write to is not believed.
                    if state.st_uid == os.geteuid() and not state.st_mode & 0o022:
                        found.append((_written_ns(entry.path), entry.path))
        except OSError as exc:
            log.debug("looking for other caches: %s", exc)
        found.sort(reverse=True)
        return [path for written_ns, path in found[:_MOST] if written_ns]


def _written_ns(directory: str) -> int:
    """Return when a cache was last written to; 0 when there is none."""
    times = []
    for name in (INDEX, f"{INDEX}-wal"):
        try:
            times.append(os.stat(os.path.join(directory, name)).st_mtime_ns)
        except OSError:
            times.append(0)
    return times[0] and max(times)


def _records(directory: str, name: str) -> Iterator[Lent]:
    path = quote(os.path.join(directory, INDEX))
    try:
        index = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=_BUSY_S)
        try:
            rows = index.execute(f"{SELECT} AND key BETWEEN ? AND ?", (name, f"{name}~")).fetchall()
        finally:
            index.close()
    except sqlite3.Error as exc:
        log.debug("asking the cache %s: %s", directory, exc)
        return
    for row in rows:
        try:
            yield Lent(directory, record_of(*row))
        except ValueError as exc:
            log.debug("a block in the cache %s: %s", directory, exc)


class Loans:
    """What the others had when they were asked last, in memory: told without I/O."""

    def __init__(self) -> None:
        self._contents: OrderedDict[str, dict[str, list[Lent]]] = OrderedDict()

    def take(self, key: ContentKey, found: Iterable[Lent]) -> None:
        """Note what was found of a content, in place of what was known."""
        places: dict[str, list[Lent]] = {}
        for lent in found:
            places.setdefault(lent.record.key.rpartition("-")[0], []).append(lent)
        name = content_name(key)
        self._contents[name] = places
        self._contents.move_to_end(name)
        if len(self._contents) > _CONTENTS:
            self._contents.popitem(last=False)

    def of(self, key: ContentKey, block: int) -> Sequence[Lent]:
        """Return the records of a block that others have."""
        if not self._contents:
            return ()
        return self._contents.get(content_name(key), {}).get(place_of(key, block), ())

    def forget(self, lent: Lent) -> None:
        """Note that a record is gone, or was no good."""
        place = lent.record.key.rpartition("-")[0]
        for places in self._contents.values():
            if place in places:
                places[place] = [each for each in places[place] if each != lent]
