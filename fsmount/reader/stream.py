"""One open handle's reads, and the service that owns every handle's read-ahead."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from fsmount.cache.disk import DiskCache
    from fsmount.model import ContentKey
    from fsmount.transfer.fetch import FileSource


class Stream:
    """The reads of one open handle."""

    def read_nowait(self, offset: int, size: int) -> memoryview | bytes | None:
        """Return the bytes when all are in memory, else None; also steers the read-ahead."""
        raise NotImplementedError

    async def read(self, offset: int, size: int) -> memoryview | bytes:
        """Return ``size`` bytes from ``offset``, fewer only at the end of the file.

        The returned view stays valid until the reply is sent: its block is pinned by the view.

        Raises:
            FsmountError: As ``FileSource.fetch``; what other spans met does not count.
        """
        raise NotImplementedError

    async def close(self) -> None:
        """Cancel this handle's read-ahead; blocks stay in the caches. Awaits nothing slow."""
        raise NotImplementedError

    def snapshot(self) -> Mapping[str, object]:
        """Return position, window, requests in flight, MB/s, cached cells, for ``status``."""
        raise NotImplementedError


class Reader:
    """The service: opens streams, shares blocks between them, keeps one memory budget."""

    def open(self, key: ContentKey, source: FileSource) -> Stream:
        """Return a stream over ``source``; two streams of one key share every block and GET."""
        raise NotImplementedError

    def statistics(self) -> Mapping[str, int]:
        """Return counts and bytes: memory used, budget, hits, joins, fetched, from disk, wasted."""
        raise NotImplementedError


@asynccontextmanager
async def open_reader(*, memory_bytes: int, disk: DiskCache | None) -> AsyncIterator[Reader]:
    """Open the read service with its nursery; on leaving every stream's work is cancelled."""
    raise NotImplementedError
    yield
