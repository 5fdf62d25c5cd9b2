"""Blocks on disk, behind the reader's back: what is kept, what is owed, what goes.

What is kept is told from memory (``inventory.py``; ``holds`` does no I/O), on the event loop
only. Threads take offered blocks to ``shelf`` in batches (``batches.py``); until one has done so a
block is a debt: it stays in memory while the memory budget allows, and is forgotten when it does
not. ``loads.py`` reads blocks straight into memory, without sqlite.

A disk that is full, failing or slow costs the cache, never the reader: caching stops with one
warning and is tried again a minute later; on a full one the cache also becomes smaller.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from typing import TYPE_CHECKING

import trio

from fsmount.cache.batches import Batch, work_off
from fsmount.cache.buffers import BLOCK
from fsmount.cache.inventory import MAX_RECORDS, Inventory
from fsmount.cache.loads import Loads
from fsmount.cache.memory import CELL
from fsmount.cache.records import charge_of
from fsmount.cache.shelf import Full

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping
    from pathlib import Path

    from fsmount.cache.memory import Block
    from fsmount.cache.peers import Peers
    from fsmount.cache.records import Record
    from fsmount.cache.shelf import Shelf
    from fsmount.model import ContentKey

log = logging.getLogger(__name__)

_BATCH_BYTES = 4 * BLOCK  # pinned while being written: 12 ms of a fast disk
_BATCH_PARCELS = 64
_FULL = _BATCH_BYTES // BLOCK
_WRITERS = 2
"""Threads: while one waits for the disk, the other has the processor (checksums, the index)."""

_KEEPS_UP_RATE = 100 * 1024 * 1024
"""Bytes per second above which reading ahead waits for the disk, when memory is full of what it has
yet to take, rather than forget it. Few links are faster, and a reader at this rate does not notice;
without it a fast link leaves holes in the cache at each moment that the disk hesitates."""

_KEEPS_UP_S = 1.0
"""Nor is a disk waited for that takes so long over one batch. A fast one takes half of that now and
then, for its journal or a discard: with 0.25 a third of 1 GiB was not kept at times."""

_EXPECTED_RATE = 2.0 * _KEEPS_UP_RATE  # before anything was measured: the first batch may meet one
_COUNTS = 2 * 1024 * 1024  # smaller batches say nothing about the rate
_RETRY_S = 60.0
_TOUCHES = 256  # reads that are remembered before recency is written down
_INDEX_BYTES = 8 * 1024 * 1024  # the index, its log and the folders; small budgets give an eighth
_LOW_WATER = 0.95
_SHRINK = 0.9
"""What is left of the cache each time that the disk turns out to be full."""


class DiskCache:
    """Blocks that survive a restart. Nothing here ever raises to a reader.

    Invariants: the bytes of the inventory and of the batches under way never exceed the limit. A
    block in ``_queue`` has unsaved cells and lives in memory; ``Memory`` calls ``forgo`` before it
    lets one go. No cell is in two batches under way: ``_writing`` has those that are in one. A
    batch under way and a load may interleave with everything: both take what they need first and
    look again at the inventory afterwards.

    Args:
        shelf: Where records are; None for a cache that keeps nothing.
        budget: Bytes on disk, the index included; 0 without a shelf.
        records: What the shelf has, the one read longest ago first.
        pinned: Contents that are evicted only when they alone exceed the budget.

    Attributes:
        budget: Bytes on disk, the index included.
        most: Bytes that blocks may ever take: the budget, less what the index needs.
        on_progress: Called when a batch was written and its blocks may leave memory.
    """

    def __init__(
        self,
        shelf: Shelf | None,
        budget: int,
        records: Iterable[Record] = (),
        pinned: Iterable[ContentKey] = (),
    ) -> None:
        self.on_progress: Callable[[], None] | None = None
        self._queue: OrderedDict[Block, None] = OrderedDict()
        self._work = trio.Event()
        self._idle = trio.Event()
        self._threads = trio.CapacityLimiter(_WRITERS)
        self._under_way: list[Batch] = []
        self._writing: dict[Block, int] = {}
        self._busy = 0
        self._rate = _EXPECTED_RATE
        self._failing = False
        self._paused_until = -1.0  # a disk that is full or read-only is still read meanwhile
        self._warned_of_pins = False
        self._stores = self._drops = self._written = 0
        self.adopt(shelf, budget, records, pinned)

    def adopt(
        self,
        shelf: Shelf | None,
        budget: int,
        records: Iterable[Record],
        pinned: Iterable[ContentKey],
    ) -> None:
        """Be the cache in ``shelf`` from now on; see the class for the arguments."""
        self.budget = budget
        self._limit = self.most = most_of(budget)
        self._shelf = shelf
        self._inventory = Inventory(records, pinned)
        self._loads = Loads(shelf, self._inventory, self._failed)

    def ask_beside(self, peers: Peers) -> None:
        """Look for contents in the caches of other mounts too."""
        self._loads.peers = peers

    @property
    def directory(self) -> Path | None:
        """Where it is; None when nothing is kept."""
        return None if self._shelf is None else self._shelf.directory

    def holds(self, key: ContentKey, block: int) -> int:
        """Return the bitmap of cells that can be loaded, from memory: no I/O."""
        return self._loads.holds(key, block)

    def keeps(self, key: ContentKey, block: int) -> int:
        """Return those cells that this very cache has, which nobody else can evict."""
        return self._loads.keeps(key, block)

    def widen(self, key: ContentKey, block: int, cells: int) -> int:
        """Return the cells that come along at no cost when ``cells`` are loaded."""
        return self._loads.widen(key, block, cells)

    async def ask_others(self, key: ContentKey) -> None:
        """Learn what the caches of other mounts have of ``key``; takes a second at most."""
        await self._loads.ask_others(key)

    async def load(self, block: Block, cells: int) -> int | None:
        """Read ``cells`` of ``block`` from disk into their places; return those that are good.

        The caller pins the block and keeps ``cells`` in flight. What does not match its checksum
        is dropped and not counted.

        Returns:
            The good cells; None when the disk did not answer in time: a thread may still write into
            the block, which must be abandoned.
        """
        good = await self._loads.load(block, cells)
        if self._inventory.deletes or len(self._inventory.touches) >= _TOUCHES:
            self._work.set()
        return good

    def offer(self, block: Block) -> bool:
        """Keep the unsaved cells of ``block`` behind the reader's back; never blocks.

        The block is owed from now on: ``Memory`` keeps it while it can, and calls ``forgo`` when it
        cannot. False when the cache is not taking anything.
        """
        if self._shelf is None or self._is_paused():
            return False
        if block not in self._queue:
            unsaved = self._unwritten(block)
            if not unsaved:
                return block in self._writing
            if charge_of(unsaved) > self._limit:
                return False
            self._queue[block] = None
            self._work.set()
        return True

    def forgo(self, block: Block) -> None:
        """Forget what is owed to ``block``: its memory is needed."""
        if block in self._queue:
            del self._queue[block]
            self._drops += 1

    @property
    def keeps_up(self) -> bool:
        """See ``memory.Saver``."""
        if self._rate < _KEEPS_UP_RATE or self._is_paused():
            return False
        if not self._under_way:
            return bool(self._queue)  # else nothing is owed, and waiting would bring nothing
        began = min(batch.began for batch in self._under_way)
        return trio.current_time() - began <= _KEEPS_UP_S

    def statistics(self) -> Mapping[str, int]:
        """Return bytes kept, budget, hits, stores, drops, damaged records, bytes owed."""
        return {
            "bytes": self._inventory.bytes,
            "budget": self.budget,
            "records": len(self._inventory),
            "hits": self._loads.hits,
            "stores": self._stores,
            "written": self._written,
            "drops": self._drops,
            "damaged": self._loads.damaged,
            "owed": sum(block.unsaved.bit_count() * CELL for block in self._queue),
            "paused": int(self._is_paused()),
        }

    @property
    def is_off(self) -> bool:
        """Nothing is kept: no budget, or a directory that cannot be used."""
        return self._shelf is None

    @property
    def limit(self) -> int:
        """Bytes that blocks may take now: less than ``most`` where the disk itself has no room."""
        return self._limit

    def pin(self, key: ContentKey) -> None:
        """Keep blocks of ``key`` whatever else is read; they count in the budget as before."""
        self._inventory.pin(key)

    def unpin(self, key: ContentKey) -> None:
        """Let blocks of ``key`` be evicted as others are."""
        self._inventory.unpin(key)

    def discard(self, names: Container[str]) -> int:
        """Forget what is kept of the contents with these names unless it is pinned.

        Returns:
            The bytes that are going to be free; ``drain`` waits for it.
        """
        freed = self._inventory.discard(names)
        self._work.set()
        return freed

    def write_soon(self) -> None:
        """Have what was read since written down too, so that the index on disk tells it."""
        self._work.set()

    async def drain(self) -> None:
        """Wait until nothing is owed and nothing is being written."""
        while self._has_work() or self._busy:
            self._idle = trio.Event()
            self._work.set()
            await self._idle.wait()

    def close(self) -> None:
        """Let another process have the directory."""
        if self._shelf is not None:
            self._shelf.close()

    async def run(self) -> None:
        """Write what is owed, batch after batch, until cancelled."""
        assert self._shelf is not None
        async with trio.open_nursery() as nursery:
            for _ in range(_WRITERS):
                nursery.start_soon(self._write, self._shelf)

    async def _write(self, shelf: Shelf) -> None:
        """Be one writer: have a thread work off what is owed, whenever something is."""
        while True:
            await self._work.wait()
            self._work = trio.Event()
            self._busy += 1
            while (batch := self._next_batch()) is not None:
                await self._work_off(shelf, batch)
            self._busy -= 1
            if not self._busy:
                self._idle.set()

    async def _work_off(self, shelf: Shelf, batch: Batch) -> None:
        writing = batch

        def follow(done: Batch) -> Batch | None:
            nonlocal writing
            following = None
            if done in self._under_way:  # else nobody waits for the thread any more
                self._settle(done)
                if done.failure is None:
                    following = self._next_batch()
            if following is not None:
                writing = following
            return following

        try:
            await trio.to_thread.run_sync(
                work_off,
                shelf,
                batch,
                lambda done: trio.from_thread.run_sync(follow, done),
                limiter=self._threads,
                abandon_on_cancel=True,
            )
        finally:
            if writing in self._under_way:
                self._leave(writing)
        if isinstance(writing.failure, Full):
            await self._shrink(shelf)

    def _has_work(self) -> bool:
        kept = self._inventory
        return bool(self._queue or kept.deletes or kept.touches) and not self._is_paused()

    def _next_batch(self) -> Batch | None:
        """Return the next batch, under way from now on; None when there is nothing for it.

        Beside another one it is a full one: small batches cost more.
        """
        if not self._has_work() or (self._under_way and len(self._queue) < _FULL):
            return None
        kept = self._inventory
        owed = self._take_owed()
        deletes, kept.deletes = kept.deletes, []
        touches, kept.touches = list(kept.touches), {}
        batch = Batch(owed=owed, deletes=deletes, touches=touches, began=trio.current_time())
        for block, cells in owed:
            block.pins += 1
            self._writing[block] = self._writing.get(block, 0) | cells
        self._under_way.append(batch)
        return batch

    def _unwritten(self, block: Block) -> int:
        """Return the cells that are neither on disk nor on their way to it."""
        return block.unsaved & ~self._writing.get(block, 0)

    def _take_owed(self) -> list[tuple[Block, int]]:
        """Take the next blocks off the queue and make room for them."""
        owed: list[tuple[Block, int]] = []
        size = 0
        while self._queue and size < _BATCH_BYTES and len(owed) < _BATCH_PARCELS:
            block, _ = self._queue.popitem(last=False)
            if cells := self._unwritten(block):
                owed.append((block, cells))
                size += charge_of(cells)
        kept = self._inventory
        before = sum(batch.charge for batch in self._under_way)
        records = MAX_RECORDS - sum(len(batch.owed) for batch in self._under_way) - len(owed)
        if kept.bytes + before + size > self._limit or len(kept) > records:
            self._evict(int(self._limit * _LOW_WATER) - before - size, records)
        while owed and kept.bytes + before + size > self._limit:
            _, cells = owed.pop()
            size -= charge_of(cells)
            self._drops += 1
        return owed

    def _leave(self, batch: Batch) -> None:
        self._under_way.remove(batch)
        for block, cells in batch.owed:
            block.pins -= 1
            self._writing[block] &= ~cells
            if not self._writing[block]:
                del self._writing[block]

    def _settle(self, batch: Batch) -> None:
        """Take in what came of a batch."""
        writers = len(self._under_way)
        self._leave(batch)
        kept = self._inventory
        if batch.failure is not None:
            self._drops += len(batch.owed)
            kept.deletes[:0] = batch.deletes
            self._failed(str(batch.failure))
            return
        size = sum(record.length for record in batch.made)
        if size >= _COUNTS:
            rate = writers * size / max(trio.current_time() - batch.began, 1e-4)
            self._rate += 0.3 * (rate - self._rate)
        for (block, cells), record in zip(batch.owed, batch.made, strict=True):
            block.saved |= cells
            kept.insert(record)
            self._written += record.length
        self._stores += len(batch.made)
        self.give_way(batch.free, batch.total)
        if self._failing and batch.made:
            self._failing = False
            log.info("the disk cache works again")
        if self.on_progress is not None:
            self.on_progress()

    def _evict(self, target: int, records: int) -> None:
        kept = self._inventory
        # What is pinned stays where others fill the disk: only our own budget is stronger.
        kept.evict(target=target, most=self.most, records=records)
        if kept.deletes:
            self._work.set()
        if kept.given_up and not self._warned_of_pins:
            self._warned_of_pins = True
            log.warning(
                "more is pinned than cache=%d holds: some of it is let go; "
                'see "fsmount cache ls", mount with a larger cache=SIZE, or unpin something',
                self.budget,
            )

    def give_way(self, free: int, total: int) -> None:
        """Leave the filesystem (``free`` of ``total`` bytes) some room: others need it more."""
        reserve = min(1024**3, total // 20)
        allowed = max(0, self._inventory.bytes + free - reserve)
        self._limit = min(self.most, allowed)
        if self._inventory.bytes > self._limit:
            self._evict(int(self._limit * _LOW_WATER), MAX_RECORDS)

    async def _shrink(self, shelf: Shelf) -> None:
        """Free some space at once: whoever filled the disk needs it more."""
        kept = self._inventory
        dropped = kept.evict(target=int(kept.bytes * _SHRINK), most=self.most, records=MAX_RECORDS)
        self._limit = min(self._limit, kept.bytes)  # until the disk was measured again
        await trio.to_thread.run_sync(
            shelf.unlink, dropped, limiter=self._threads, abandon_on_cancel=True
        )

    def _is_paused(self) -> bool:
        return self._failing and trio.current_time() < self._paused_until

    def _failed(self, reason: str) -> None:
        self._paused_until = trio.current_time() + _RETRY_S
        self._drops += len(self._queue)
        self._queue.clear()
        if not self._failing:
            self._failing = True
            log.warning("caching on disk stops for now: %s", reason)


def most_of(budget: int) -> int:
    """Return how many bytes blocks may take of a disk budget."""
    return max(0, budget - min(_INDEX_BYTES, budget // 8))
