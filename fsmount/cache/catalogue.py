"""What a cache directory holds, file by file, as people want to see it; read only.

It asks the index on disk, so it tells of caches that no mount has open too. What a running mount
has not written down yet is not in it.
"""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from fsmount.cache.shelf import INDEX, LIFE_S
from fsmount.errors import StoreFault

if TYPE_CHECKING:
    from pathlib import Path

NAME_DIGITS = 32
"""What the keys of all records of one content begin with."""


class Kept(NamedTuple):
    """One content in a cache.

    Attributes:
        name: Of the content in the index.
        path: What it was called when it was first read; "" when unknown.
        size: Bytes of the whole file; 0 when unknown.
        cached: Bytes of it that are kept.
        used_ns: When it was last read, Unix nanoseconds, give or take some reads.
    """

    name: str
    path: str
    size: int
    cached: int
    used_ns: int


def label_of(size: int, path: str) -> str:
    """Return how a record names its file, for ``read_catalogue``."""
    return f"{size} {path}"


def read_catalogue(directory: Path) -> list[Kept]:
    """Return what is kept below ``directory``, the one used last first. Blocks.

    Raises:
        StoreFault: There is an index, and it cannot be read.
    """
    path = directory / INDEX
    if not path.exists():
        return []
    try:
        index = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=2.0)
        try:
            rows = index.execute(
                f"SELECT substr(key, 1, {NAME_DIGITS:d}), min(tag), sum(size), max(expire_time)"  # noqa: S608  # a number of ours
                " FROM Cache GROUP BY 1 ORDER BY 4 DESC"
            ).fetchall()
        finally:
            index.close()
    except sqlite3.Error as exc:
        raise StoreFault(f"cannot read the index of the cache {directory}: {exc}") from exc
    return [_kept(*row) for row in rows]


def _kept(name: object, tag: object, cached: int, ends_at: float | None) -> Kept:
    label = tag.decode("utf-8", "surrogatepass") if isinstance(tag, bytes) else str(tag or "")
    size, _, path = label.partition(" ")
    used_at = (ends_at or time.time()) - LIFE_S
    return Kept(
        name=str(name),
        path=path,
        size=int(size) if size.isdecimal() else 0,
        cached=cached,
        used_ns=int(used_at * 1e9),
    )
