"""Blocks on disk: diskcache as the index and file store, raw bytes with a checksum."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from fsmount.model import ContentKey


class DiskCache:
    """Blocks that survive a restart. Nothing here ever raises to a reader."""

    def holds(self, key: ContentKey, block: int) -> int:
        """Return the bitmap of cells kept on disk, from memory: no I/O."""
        raise NotImplementedError

    async def load(self, key: ContentKey, block: int, into: memoryview) -> int:
        """Read the kept cells of a block into their places in ``into``; return their bitmap.

        A cell whose checksum does not match, or whose file is short, is dropped and not counted.
        """
        raise NotImplementedError

    def offer(self, key: ContentKey, block: int, data: memoryview, cells: int) -> None:
        """Keep the valid ``cells`` of a block behind the reader's back; never blocks.

        The queue is bounded: when the disk is behind, the offer is remembered as a debt while the
        buffer lives in memory, and dropped when it does not.
        """
        raise NotImplementedError

    def statistics(self) -> Mapping[str, int]:
        """Return bytes kept, budget, hits, stores, drops."""
        raise NotImplementedError


@asynccontextmanager
async def open_disk_cache(directory: Path, budget_bytes: int) -> AsyncIterator[DiskCache]:
    """Open the cache at ``directory``; writes its queue out (bounded in time) on leaving.

    A corrupt index is moved aside; a directory on a network filesystem, not ours, or not writable
    yields a cache that keeps nothing, after one warning.
    """
    raise NotImplementedError
    yield
