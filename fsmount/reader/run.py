"""One GET on its way into blocks, and one read waiting for cells.

Both are passive: ``runs.Runs`` starts, cancels and ends the one, ``blocks.SharedFile`` the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from fsmount.cache.buffers import BLOCK
from fsmount.cache.memory import CELL, CELLS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fsmount.cache.memory import Block
    from fsmount.errors import FsmountError
    from fsmount.urgency import Urgency

_NOTHING = memoryview(b"")


class Run:
    """A GET that covers contiguous cells of one or many blocks; a ``transfer.fetch.Sink``.

    Invariant: from creation to ``give_up`` the cells from ``position`` to ``stop`` are in flight in
    ``blocks``, and each block with such cells is pinned once by the run.

    Args:
        start: First byte, at the start of a cell.
        stop: Byte after the last, at the end of a cell or of the file.
        blocks: Those of the span in order, with memory behind its cells, already pinned.
        urgent: A read waits for it.
        urgency: At which it queues.
        arrived: Called when its first bytes have arrived, and with each cell.
        done: Called with each block that the run has finished with.
    """

    def __init__(
        self,
        start: int,
        stop: int,
        blocks: Sequence[Block],
        *,
        urgent: bool,
        urgency: Urgency,
        arrived: Callable[[], None],
        done: Callable[[Block], None],
    ) -> None:
        self.start = start
        self.stop = stop
        self.asked = stop
        self.position = start
        self.urgent = urgent
        self.urgency = urgency
        self.scope = trio.CancelScope()
        self.started = 0.0
        self.first_byte: float | None = None
        self.first_count = 0
        self._arrived = arrived
        self._done = done
        self._blocks = list(blocks)
        self._first = start // BLOCK
        self._cell = start // CELL
        for block, cells in self._remaining():
            block.flight |= cells

    @property
    def awaited(self) -> bool:
        """Some read waits for cells that it still has to bring."""
        return any(block.waiters for block, _ in self._remaining())

    def room(self) -> memoryview:
        """Return the rest of the current block, or of the span; empty when all is there."""
        if self.position >= self.stop:
            return _NOTHING
        index = self.position // BLOCK
        base = index * BLOCK
        block = self._blocks[index - self._first]
        return block.view[self.position - base : min(self.stop - base, BLOCK)]

    def filled(self, count: int) -> None:
        """Take in that ``count`` bytes arrived: whole cells become valid and wake who waits."""
        if self.first_byte is None:
            self.first_byte = trio.current_time()
            self.first_count = count
            self._arrived()
        index = self.position // BLOCK
        self.position += count
        over = self.position >= self.stop
        cell = -(-self.stop // CELL) if over else self.position // CELL
        if cell == self._cell:
            return
        block = self._blocks[index - self._first]
        base = index * CELLS
        cells = (1 << (cell - base)) - (1 << (self._cell - base))
        self._cell = cell
        self._arrived()
        block.arrived(cells)
        if over or cell - base == CELLS:
            block.pins -= 1
            self._done(block)
        if over and self.stop < self.asked:
            self.scope.cancel()  # the rest of the answer is no longer for us

    def cut(self, at: int) -> bool:
        """End the run at the block border ``at``; False when it is too far to be cut there.

        The block being filled now stays whole: memory handed out by ``room`` is never given to
        another run.
        """
        if at % BLOCK or not (self.position // BLOCK + 1) * BLOCK <= at < self.stop:
            return False
        lost = [(block, cells) for block, cells in self._remaining() if block.index * BLOCK >= at]
        self.stop = at
        for block, cells in lost:
            block.pins -= 1
            block.lost(cells, None)
        return True

    def give_up(self, failure: FsmountError | None) -> int:
        """End the run where it is; return how many received bytes make no whole cell.

        Who waits for its missing cells is given ``failure``, or told to ask again when it is None.
        """
        wasted = self.position % CELL if self.position < self.stop else 0
        remaining = list(self._remaining())
        self.stop = self.position = self._cell * CELL
        for block, cells in remaining:
            block.pins -= 1
            block.lost(cells, failure)
        return wasted

    def _remaining(self) -> list[tuple[Block, int]]:
        """Return the blocks whose cells the run still has to bring, with those cells."""
        last = -(-self.stop // CELL)
        found = []
        at = self._cell
        while at < last and self.position < self.stop:
            index = at // CELLS
            after = min((index + 1) * CELLS, last)
            base = index * CELLS
            cells = (1 << (after - base)) - (1 << (at - base))
            found.append((self._blocks[index - self._first], cells))
            at = after
        return found


class Wait:
    """One read's wait for cells of one or two blocks, which it pins; a ``memory.Waiter``.

    Attributes:
        blocks: Those held, in order.
        failure: Why cells will not come.
        again: Cells were given up by who brought them: ask anew.
    """

    __slots__ = ("_event", "_needs", "again", "blocks", "failure")

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.failure: FsmountError | None = None
        self.again = False
        self._needs: dict[Block, int] = {}
        self._event: trio.Event | None = None

    def hold(self, block: Block, cells: int) -> None:
        """Pin ``block`` and wait for those of ``cells`` that are not valid."""
        block.pins += 1
        self.blocks.append(block)
        if cells & ~block.valid:
            self._needs[block] = cells
            block.waiters.append(self)

    def arrived(self, block: Block) -> None:
        """Strike ``block`` off when all its cells are there."""
        if not self._needs[block] & ~block.valid:
            self._strike(block)
            if not self._needs and self._event is not None:
                self._event.set()

    def lost(self, block: Block, cells: int, failure: FsmountError | None) -> None:
        """End the wait when it was for one of ``cells``."""
        if self._needs[block] & cells:
            self.failure = self.failure or failure
            self.again = True
            if self._event is not None:
                self._event.set()

    async def done(self) -> None:
        """Wait until all cells are there or some were lost."""
        if self._needs and not self.again:
            self._event = trio.Event()
            await self._event.wait()

    def release(self) -> bool:
        """Unpin everything; call it exactly once, whatever happened. False: nothing was held."""
        for block in tuple(self._needs):
            self._strike(block)
        for block in self.blocks:
            block.pins -= 1
        return bool(self.blocks)

    def _strike(self, block: Block) -> None:
        del self._needs[block]
        block.waiters.remove(self)
