"""Blocks from disk into memory: what is kept, here or in a cache beside, and what a bad disk costs.

A record that is damaged is dropped and fetched anew. One that cannot be read (the disk fails, the
process is out of file descriptors) is left alone for a while: that says nothing about its bytes. A
disk that does not answer is not asked for a while.
"""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING

import trio

from fsmount.cache.peers import Loans

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fsmount.cache.inventory import Inventory
    from fsmount.cache.memory import Block
    from fsmount.cache.peers import Peers
    from fsmount.cache.records import Record
    from fsmount.cache.shelf import Found, Shelf
    from fsmount.model import ContentKey

log = logging.getLogger(__name__)

_READERS = 4  # two keep a fast disk busy; two more hide its latency
_LOAD_WITHIN_S = 5.0  # a disk slower than this is no help: the network has the bytes as well
_ASK_WITHIN_S = 1.0
_ASK_AGAIN_S = 10.0  # two mounts that play the same film share what each has fetched
_RETRY_S = 60.0


class Loads:
    """Reads blocks of one open cache directory, and of those beside it.

    Args:
        shelf: The directory; None for nothing at all.
        inventory: What it has.
        slow: Called when the disk does not answer.

    Attributes:
        peers: The caches beside it; None when they are not asked.
        hits: Loads that brought something.
        damaged: Records that were dropped, since their bytes were wrong or gone.
    """

    def __init__(
        self,
        shelf: Shelf | None,
        inventory: Inventory,
        slow: Callable[[str], None],
    ) -> None:
        self.peers: Peers | None = None
        self.hits = self.damaged = 0
        self._shelf = shelf
        self._inventory = inventory
        self._slow = slow
        self._loans = Loans()
        self._limiter = trio.CapacityLimiter(_READERS)
        self._unread_until = -math.inf
        self._hidden_until = math.inf
        self._asked: dict[ContentKey, float] = {}
        self._warned_of_damage = self._warned_of_failure = False

    def keeps(self, key: ContentKey, block: int) -> int:
        """Return the cells that this cache has itself."""
        now = trio.current_time()
        if now >= self._hidden_until:
            self._hidden_until = math.inf
            self._inventory.show_hidden()
        records = self._inventory.of(key, block)
        if not records or now < self._unread_until:
            return 0
        return _cells(records)

    def holds(self, key: ContentKey, block: int) -> int:
        """Return the cells that can be loaded: those of this cache, and what others lend."""
        lent = self._loans.of(key, block)
        if not lent or trio.current_time() < self._unread_until:
            return self.keeps(key, block)
        return self.keeps(key, block) | _cells(each.record for each in lent)

    def widen(self, key: ContentKey, block: int, cells: int) -> int:
        """Return the cells that come along at no cost when ``cells`` are loaded."""
        wide = 0
        lent = [each.record for each in self._loans.of(key, block)]
        for record in (*self._inventory.of(key, block), *lent):
            for extent in record.extents:
                if extent.cells & cells:
                    wide |= extent.cells
        return wide

    async def load(self, block: Block, cells: int) -> int | None:
        """Read ``cells`` of ``block`` into their places; see ``DiskCache.load``."""
        key, index = block.content.key, block.index
        records = [each for each in self._inventory.of(key, index) if each.cells & cells]
        rest = cells & ~_cells(records)
        lent = [each for each in self._loans.of(key, index) if each.record.cells & rest]
        if self._shelf is None or not (records or lent):
            return 0
        self._inventory.read(records)
        found: Found | None = None
        with trio.move_on_after(_LOAD_WITHIN_S):
            found = await trio.to_thread.run_sync(
                self._shelf.read,
                records,
                cells,
                block.view,
                block.length,
                lent,
                limiter=self._limiter,
                abandon_on_cancel=True,
            )
        if found is None:
            self._unread_until = trio.current_time() + _RETRY_S
            self._slow("it did not answer a read in time")
            return None
        self.hits += found.good != 0
        missing = cells & ~found.good
        for each in lent:
            if each.record.cells & missing:
                self._loans.forget(each)
        for record in records:
            if record in found.unread:
                self._unread(record, found.why)
            elif record.cells & missing:
                self._damage(record)
        return found.good

    async def ask_others(self, key: ContentKey) -> None:
        """Learn what the caches beside have of ``key``, unless that was done just now."""
        now = trio.current_time()
        if self.peers is None or now < self._asked.get(key, -math.inf):
            return
        self._asked = {other: until for other, until in self._asked.items() if until > now}
        self._asked[key] = now + _ASK_AGAIN_S
        with trio.move_on_after(_ASK_WITHIN_S) as deadline:
            found = await trio.to_thread.run_sync(
                self.peers.find, key, limiter=self._limiter, abandon_on_cancel=True
            )
            self._loans.take(key, found)
        if deadline.cancelled_caught:
            self._asked[key] = now + _RETRY_S

    def _damage(self, record: Record) -> None:
        if record not in self._inventory:
            return  # evicted while it was read
        self.damaged += 1
        self._inventory.drop(record)
        if not self._warned_of_damage:
            self._warned_of_damage = True
            log.warning("a cached block does not match its checksum and is fetched anew")

    def _unread(self, record: Record, why: str) -> None:
        self._inventory.hide(record)
        self._hidden_until = trio.current_time() + _RETRY_S
        if not self._warned_of_failure:
            self._warned_of_failure = True
            log.warning("a cached block cannot be read and is fetched meanwhile: %s", why)


def _cells(records: Iterable[Record]) -> int:
    cells = 0
    for record in records:
        cells |= record.cells
    return cells
