"""Which bytes of a content nobody has and nobody brings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsmount.cache.buffers import BLOCK
from fsmount.cache.memory import CELL, CELLS, cells_of

if TYPE_CHECKING:
    from fsmount.cache.disk import DiskCache
    from fsmount.cache.memory import Content


class Gaps:
    """Answers about one content, from the bitmaps in memory: no I/O, nothing changed.

    All positions are bytes at the start of a cell, or the end of the file.

    Args:
        content: Its blocks.
        disk: What is kept on disk counts as there; None without a disk cache.
    """

    def __init__(self, content: Content, disk: DiskCache | None) -> None:
        self._content = content
        self._disk = disk

    def first(self, at: int, stop: int) -> int:
        """Return the first byte from ``at`` neither in memory nor in flight; ``stop`` if none."""
        blocks = self._content.blocks
        while at < stop:
            index, cell = at // BLOCK, at % BLOCK // CELL
            block = blocks.get(index)
            if block is None:
                return at
            taken = (block.valid | block.flight) >> cell
            cell += (~taken & (taken + 1)).bit_length() - 1
            if cell < CELLS:
                return min(index * BLOCK + cell * CELL, stop)
            at = (index + 1) * BLOCK
        return stop

    def end(self, at: int, stop: int) -> int:
        """Return where the gap at ``at`` ends, at most at ``stop``; cells on disk end it too."""
        blocks, disk, key = self._content.blocks, self._disk, self._content.key
        while at < stop:
            index, cell = at // BLOCK, at % BLOCK // CELL
            block = blocks.get(index)
            taken = block.valid | block.flight if block is not None else 0
            if disk is not None:
                taken |= disk.holds(key, index)
            taken >>= cell
            if taken:
                return min(at + ((taken & -taken).bit_length() - 1) * CELL, stop)
            at = (index + 1) * BLOCK
        return stop

    def on_disk(self, at: int, stop: int) -> int:
        """Return the cells of the block at ``at`` to load for a gap; 0 when its first is not kept.

        What shares a checksum with a cell before ``stop`` comes along.
        """
        if self._disk is None:
            return 0
        index, base = at // BLOCK, at // BLOCK * BLOCK
        key = self._content.key
        kept = self._disk.holds(key, index)
        if not kept >> ((at - base) // CELL) & 1:
            return 0
        kept &= self._disk.widen(key, index, cells_of(at - base, min(stop - base, BLOCK)))
        block = self._content.blocks.get(index)
        return kept & ~(block.valid | block.flight) if block is not None else kept

    def missing(self, start: int, stop: int) -> bool:
        """Tell whether some byte of the span would have to come over the network, or comes so."""
        for index in range(start // BLOCK, (stop - 1) // BLOCK + 1):
            base = index * BLOCK
            cells = cells_of(max(start - base, 0), min(stop - base, BLOCK))
            block = self._content.blocks.get(index)
            there = block.valid if block is not None else 0
            if self._disk is not None:
                there |= self._disk.holds(self._content.key, index)
            if cells & ~there:
                return True
        return False
