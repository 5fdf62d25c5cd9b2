"""Blocks on disk, behind the reader's back: what is kept, what is owed, what goes.

What is kept is told from memory (``inventory.py``; ``holds`` does no I/O), on the event loop
only. One writer at a time takes offered blocks to ``shelf`` in batches, in a thread; until it has
done so a block is a debt: it stays in memory while the memory budget allows, and is forgotten when
it does not. ``loads.py`` reads blocks straight into memory, without sqlite.

A disk that is full, failing or slow costs the cache, never the reader: caching stops with one
warning and is tried again a minute later; on a full one the cache also becomes smaller.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING

import trio

from fsmount.cache.catalogue import label_of
from fsmount.cache.inventory import MAX_RECORDS, Inventory, place_of
from fsmount.cache.loads import Loads
from fsmount.cache.memory import CELL
from fsmount.cache.records import charge_of
from fsmount.cache.shelf import Full, Parcel, Shelf
from fsmount.errors import StoreFault

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping
    from pathlib import Path

    from fsmount.cache.memory import Block
    from fsmount.cache.peers import Peers
    from fsmount.cache.records import Record
    from fsmount.model import ContentKey

log = logging.getLogger(__name__)

_BATCH_BYTES = 4 * 4 * 1024 * 1024  # pinned while being written: 12 ms of a fast disk
_BATCH_PARCELS = 64
_KEEPS_UP_RATE = 100 * 1024 * 1024
"""Bytes per second above which reading ahead waits for the disk, when memory is full of what it has
yet to take, rather than forget it. Few links are faster, and a reader at this rate does not notice;
without it a fast link leaves holes in the cache at each moment that the disk hesitates."""

_KEEPS_UP_S = 0.25  # nor is a disk waited for that takes so long over one batch
_COUNTS = 2 * 1024 * 1024  # smaller batches say nothing about the rate
_RETRY_S = 60.0
_TOUCHES = 256  # reads that are remembered before recency is written down
_INDEX_BYTES = 8 * 1024 * 1024  # the index, its log and the folders; small budgets give an eighth
_LOW_WATER = 0.95
_SHRINK = 0.9
"""What is left of the cache each time that the disk turns out to be full."""


class DiskCache:
    """Blocks that survive a restart. Nothing here ever raises to a reader.

    Invariants: the bytes of the inventory and of the batch being written never exceed the limit. A
    block in ``_queue`` has unsaved cells and lives in memory; ``Memory`` calls ``forgo`` before it
    lets one go. The awaits of ``_write`` and of loads may interleave with everything: both take
    what they need first and look again at the inventory afterwards.

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
        self._writer = trio.CapacityLimiter(1)
        self._rate = float(_KEEPS_UP_RATE)
        self._began: float | None = None
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
            if not block.unsaved or charge_of(block.unsaved) > self._limit:
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
        if self._began is None:
            return bool(self._queue)  # else nothing is owed, and waiting would bring nothing
        return trio.current_time() - self._began <= _KEEPS_UP_S

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
        while self._has_work() or self._began is not None:
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
        while True:
            await self._work.wait()
            self._work = trio.Event()
            while self._has_work():
                await self._write(self._shelf)
            self._idle.set()

    def _has_work(self) -> bool:
        kept = self._inventory
        return bool(self._queue or kept.deletes or kept.touches) and not self._is_paused()

    async def _write(self, shelf: Shelf) -> None:
        kept = self._inventory
        batch = self._batch()
        parcels = [
            Parcel(
                key=f"{place_of(block.content.key, block.index)}-{cells:x}",
                label=label_of(block.content.key.size, block.content.label),
                view=block.view,
                length=block.length,
                cells=cells,
            )
            for block, cells in batch
        ]
        deletes, kept.deletes = kept.deletes, []
        touches, kept.touches = list(kept.touches), {}
        for block, _ in batch:
            block.pins += 1
        self._began = began = trio.current_time()
        try:
            made, free, total = await trio.to_thread.run_sync(
                partial(_store, shelf, deletes, parcels, touches),
                limiter=self._writer,
                abandon_on_cancel=True,
            )
        except StoreFault as exc:
            self._drops += len(batch)
            kept.deletes[:0] = deletes
            self._failed(str(exc))
            if isinstance(exc, Full):
                await self._shrink(shelf)
            return
        finally:
            self._began = None
            for block, _ in batch:
                block.pins -= 1
        size = sum(record.length for record in made)
        if size >= _COUNTS:
            self._rate += 0.3 * (size / max(trio.current_time() - began, 1e-4) - self._rate)
        for (block, cells), record in zip(batch, made, strict=True):
            block.saved |= cells
            kept.insert(record)
            self._written += record.length
        self._stores += len(made)
        self.give_way(free, total)
        if self._failing and made:
            self._failing = False
            log.info("the disk cache works again")
        if self.on_progress is not None:
            self.on_progress()

    def _batch(self) -> list[tuple[Block, int]]:
        """Take the next blocks off the queue and make room for them."""
        batch: list[tuple[Block, int]] = []
        size = 0
        while self._queue and size < _BATCH_BYTES and len(batch) < _BATCH_PARCELS:
            block, _ = self._queue.popitem(last=False)
            if cells := block.unsaved:
                batch.append((block, cells))
                size += charge_of(cells)
        kept = self._inventory
        if kept.bytes + size > self._limit or len(kept) + len(batch) > MAX_RECORDS:
            self._evict(int(self._limit * _LOW_WATER) - size, MAX_RECORDS - len(batch))
        while batch and kept.bytes + size > self._limit:
            _, cells = batch.pop()
            size -= charge_of(cells)
            self._drops += 1
        return batch

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
            shelf.unlink, dropped, limiter=self._writer, abandon_on_cancel=True
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


def _store(
    shelf: Shelf, deletes: list[str], parcels: list[Parcel], touches: list[str]
) -> tuple[list[Record], int, int]:
    """Do one batch in a thread; return the records made, and the disk's free and total bytes."""
    made = shelf.apply(deletes=deletes, parcels=parcels, touches=touches)
    free, total = shelf.free_bytes()
    return made, free, total


def most_of(budget: int) -> int:
    """Return how many bytes blocks may take of a disk budget."""
    return max(0, budget - min(_INDEX_BYTES, budget // 8))
