"""One open handle's reads, and the service that owns every handle's read-ahead."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio

from fsmount.cache.buffers import BLOCK
from fsmount.cache.memory import CELL, Memory, bytes_in
from fsmount.reader.blocks import SharedFile, views_of
from fsmount.reader.borders import Counts
from fsmount.reader.pace import Pace
from fsmount.reader.window import Window

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from fsmount.cache.disk import DiskCache
    from fsmount.cache.memory import Block
    from fsmount.model import ContentKey
    from fsmount.transfer.fetch import FileSource

_ACTIVE_S = 10.0
"""A handle that was read so recently takes its share of the memory for reading ahead."""

_SHARE_S = 0.01
"""Who has a share is counted so often: it is asked for with each read of each handle."""

_BAR = 64
"""Parts of the bar that shows what of a file is cached."""

_READ_WITHIN_S = 58.0
"""What a read may take in all (DESIGN promise 1), with a margin for the answer to get out."""

_ROOM_POLL_S = 0.05
"""Who waits for memory looks again so often: a reply that was sent tells nobody."""


class Stream:
    """The reads of one open handle.

    Attributes:
        window: What it will want.
        source: Where missing bytes come from.
        protected: Spans of blocks (first, last) that are evicted last.
    """

    def __init__(self, file: SharedFile, source: FileSource, reader: Reader) -> None:
        self.window = Window(file.key.size, file.content.label)
        self.source = source
        self.protected: list[tuple[int, int]] = []
        self.last_active = trio.current_time()
        self._file = file
        self._reader = reader
        self._size = file.key.size
        self._blocks = file.content.blocks
        self._current: Block | None = None
        self._review_at = 0
        self._delivered = 0
        self._closed = False
        self._rate_from = (self.last_active, 0)

    def read_nowait(self, offset: int, size: int) -> memoryview | bytes | None:
        """Return the bytes when all are in memory, else None; also steers the read-ahead."""
        stop = min(offset + size, self._size)
        if offset >= stop:
            return b""
        index = offset // BLOCK
        block = self._blocks.get(index)
        if block is None:
            return None
        low = offset - index * BLOCK
        high = stop - index * BLOCK
        if high > BLOCK:
            return self._read_across(offset, stop)
        cells = (1 << -(-high // CELL)) - (1 << low // CELL)
        if cells & ~block.valid:
            return None
        block.seen |= cells
        view = block.bytes[low:high]  # before anything moves: reading ahead may evict the block
        self._moved(block, offset, stop)
        return view

    def _read_across(self, offset: int, stop: int) -> bytes | None:
        blocks = []
        for index in range(offset // BLOCK, (stop - 1) // BLOCK + 1):
            block = self._blocks.get(index)
            base = index * BLOCK
            if block is None or block.lacks(max(offset - base, 0), min(stop - base, BLOCK)):
                return None
            blocks.append(block)
        joined = b"".join(views_of(blocks, offset, stop))
        self._moved(blocks[-1], offset, stop)
        return joined

    def _moved(self, block: Block, start: int, stop: int) -> None:
        """Account for a read answered from memory."""
        self._delivered += stop - start
        self._reader.counts.hits += 1
        if block is not self._current:
            self._current = block
            self._reader.memory.touch(block)
        jumped = self.window.step(start, stop)
        if jumped:
            self._file.drop_unwanted()
        if jumped or self.window.current.position >= self._review_at:
            self._review()

    def _review(self) -> None:
        self.last_active = trio.current_time()
        again = self._file.read_ahead(self)
        self._review_at = self.window.current.position + again

    async def read(self, offset: int, size: int) -> memoryview | bytes:
        """Return ``size`` bytes from ``offset``, fewer only at the end of the file.

        The returned view stays valid as long as it exists: its block's memory is not reused while a
        view of it is left.

        Raises:
            TimedOut: Bytes come, but not these within 58 s.
            FsmountError: As ``FileSource.fetch``; what other spans met does not count.
        """
        stop = min(offset + size, self._size)
        if stop - offset > BLOCK:
            whole = bytearray()
            while offset < stop:
                whole += await self.read(offset, min(BLOCK, stop - offset))
                offset += BLOCK
            return bytes(whole)
        at_hand = self.read_nowait(offset, size)
        if at_hand is not None:
            return at_hand
        self._reader.counts.waits += 1
        self._delivered += stop - offset
        self._current = None
        self.last_active = trio.current_time()
        jumped = self.window.step(offset, stop)
        if jumped:
            self._file.drop_unwanted()
        if self._reader.disk is not None and self._file.is_missing(offset, stop):
            await self._reader.disk.ask_others(self._file.key)
        with trio.move_on_after(_READ_WITHIN_S):
            return await self._file.obtain(self, offset, stop, jumped=jumped)
        raise self._file.worn_out()

    async def close(self) -> None:
        """Cancel this handle's read-ahead; blocks stay in the caches. Awaits nothing slow."""
        if not self._closed:
            self._closed = True
            self._reader.leave(self._file, self)
            self.source.close()
        await trio.lowlevel.checkpoint()

    def snapshot(self) -> Mapping[str, object]:
        """Return position, window, requests in flight, bytes per second, cached cells as a bar.

        The rate is that since the last snapshot. The bar is a list of numbers from 0 to 1: the part
        of each stretch of the file that is in memory or on disk.
        """
        now = trio.current_time()
        since, before = self._rate_from
        self._rate_from = (now, self._delivered)
        cursor = self.window.current
        limit = self._reader.share()
        return {
            "position": cursor.position,
            "size": self._size,
            "window": self.window.ahead(cursor, limit),
            "in_flight": self._file.in_flight,
            "rate": (self._delivered - before) / max(now - since, 1e-3),
            "delivered": self._delivered,
            "cached": self._file_bar(),
            "link_remaining_s": self.source.link_remaining_s,
        }

    def _file_bar(self) -> list[float]:
        count = -(-self._size // BLOCK)
        if not count:
            return []
        disk, key = self._reader.disk, self._file.key
        shares = []
        for index in range(count):
            block = self._blocks.get(index)
            cells = block.valid if block is not None else 0
            if disk is not None:
                cells |= disk.holds(key, index)
            there = -(-min(BLOCK, self._size - index * BLOCK) // CELL)
            shares.append(cells.bit_count() / there)
        parts = min(_BAR, count)
        bar = []
        for part in range(parts):
            stretch = shares[part * count // parts : (part + 1) * count // parts]
            bar.append(round(sum(stretch) / len(stretch), 3))
        return bar


class Reader:
    """The service: opens streams, shares blocks between them, keeps one memory budget."""

    def __init__(self, memory: Memory, disk: DiskCache | None, nursery: trio.Nursery) -> None:
        self.memory = memory
        self.disk = disk
        self.counts = Counts()
        self.closing = False
        self._nursery = nursery
        self._files: dict[ContentKey, SharedFile] = {}
        self._paces: dict[str, Pace] = {}
        self._freed = trio.Event()
        self._share = 0
        self._share_until = 0.0
        if disk is not None:
            disk.on_progress = self._disk_moved

    def open(self, key: ContentKey, source: FileSource, label: str = "") -> Stream:
        """Return a stream over ``source``; two streams of one key share every block and GET.

        Args:
            key: Names the bytes.
            source: Where missing ones come from.
            label: What people call the file (remote and path), for listing the disk cache.
        """
        file = self._files.get(key)
        if file is None:
            pace = self._paces.setdefault(key.domain, Pace())
            file = self._files[key] = SharedFile(key, label, pace, self)
        stream = Stream(file, source, self)
        file.handles.append(stream)
        return stream

    def cached(self, key: ContentKey) -> int:
        """Return how many bytes of a content are in memory or on disk; asks no disk."""
        content = self.memory.known(key)
        blocks = {} if content is None else content.blocks
        count = 0
        for index in range(-(-key.size // BLOCK)):
            block = blocks.get(index)
            cells = block.valid if block is not None else 0
            if self.disk is not None:
                cells |= self.disk.holds(key, index)
            count += bytes_in(cells, min(BLOCK, key.size - index * BLOCK))
        return count

    def keep(self, key: ContentKey) -> None:
        """Offer to the disk what it has not, or no longer, of a content that is in memory."""
        content = self.memory.known(key)
        if content is None or self.disk is None:
            return
        for block in content.blocks.values():
            block.saved &= self.disk.keeps(key, block.index)
            self.disk.offer(block)

    def leave(self, file: SharedFile, stream: Stream) -> None:
        """Take ``stream`` off its file; the last one takes the file with it."""
        file.handles.remove(stream)
        file.drop_unwanted()
        if not file.handles:
            del self._files[file.key]
            self.memory.leave(file.content)

    def statistics(self) -> Mapping[str, int]:
        """Return counts and bytes: memory used, budget, hits, joins, fetched, from disk, wasted."""
        counts = self.counts
        return {
            "memory_used": self.memory.used,
            "memory_budget": self.memory.budget,
            "streams": sum(len(file.handles) for file in self._files.values()),
            "in_flight": sum(file.in_flight for file in self._files.values()),
            "hits": counts.hits,
            "waits": counts.waits,
            "gets": counts.gets,
            "gets_cancelled": counts.gets_cancelled,
            "gets_failed": counts.gets_failed,
            "fetched": counts.fetched,
            "from_disk": counts.from_disk,
            "wasted": counts.wasted + self.memory.wasted,
        }

    def spawn(self, task: Callable[..., Awaitable[None]], *args: object) -> None:
        """Run a task of a shared file in the service's nursery."""
        self._nursery.start_soon(task, *args)

    def share(self) -> int:
        """Return the bytes that one streaming handle may read ahead.

        An eighth of the budget is left to what was read already and to reads that wait.
        """
        now = trio.current_time()
        if now >= self._share_until:
            active = sum(
                handle.window.is_streaming and now - handle.last_active < _ACTIVE_S
                for file in self._files.values()
                for handle in file.handles
            )
            self._share = self.memory.budget * 7 // 8 // max(active, 1) // CELL * CELL
            self._share_until = now + _SHARE_S
        return self._share

    def _disk_moved(self) -> None:
        """Go on where memory was full of blocks that the disk has taken now."""
        self.freed()
        if not self.closing:
            for file in tuple(self._files.values()):
                file.read_ahead_for_all()

    def freed(self) -> None:
        """Wake who waits for memory."""
        if self._freed.statistics().tasks_waiting:
            self._freed.set()
            self._freed = trio.Event()

    async def room(self) -> None:
        """Wait until some memory may be free."""
        with trio.move_on_after(_ROOM_POLL_S):
            await self._freed.wait()


@asynccontextmanager
async def open_reader(*, memory_bytes: int, disk: DiskCache | None) -> AsyncIterator[Reader]:
    """Open the read service with its nursery; on leaving every stream's work is cancelled."""
    async with trio.open_nursery() as nursery:
        reader = Reader(Memory(memory_bytes, disk), disk, nursery)
        try:
            yield reader
        finally:
            reader.closing = True
            nursery.cancel_scope.cancel()
