"""Blocks in memory: buffers with a bitmap of valid cells, one budget for all handles.

A block knows which of its cells are there (``valid``), which someone is bringing (``flight``) and
which are on disk (``saved``). Two lanes decide what goes first when the budget is used up: blocks
that a stream ran through (``streamed``) go before cells that were asked for one by one (``kept``:
heads and tails of media, indexes), so that a film played once does not push out what every scan
comes back to. What a stream still wants, and what the disk has not yet taken, goes last.

Nothing here awaits.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Protocol

from fsmount.cache.buffers import BLOCK, PAGE, Buffer, Buffers, new_buffer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fsmount.errors import FsmountError
    from fsmount.model import ContentKey

CELL = 128 * 1024
"""Bytes in a cell, the least that is fetched; 32 cells make a block, so a bitmap is one int."""

CELLS = BLOCK // CELL
ALL_CELLS = (1 << CELLS) - 1

MIN_BUDGET = 4 * BLOCK
"""Less memory than this could not hold what one read of the kernel needs beside a fetch."""

_PASSED_PART = 8
"""The part of the budget that blocks which a stream has passed may take before their buffers are
used again. The kernel's page cache has what was read, so more of it here is of little use, and a
small working set stays in the processor's cache and spares fresh pages: reading 1 GiB from a source
that copies took 0.48 CPU seconds with it, 0.48 to 1.2 without."""

_OVERHEAD = 1024
"""Bytes charged per block for the objects around it: it bounds the number of tiny files."""


def cells_of(start: int, stop: int) -> int:
    """Return the bitmap of the cells that bytes ``start`` to ``stop`` of a block touch."""
    return (1 << -(-stop // CELL)) - (1 << start // CELL)


def bytes_in(cells: int, length: int) -> int:
    """Return the bytes behind a bitmap of a block of ``length`` bytes; its last cell is short."""
    last = (length - 1) // CELL
    missing = (last + 1) * CELL - length if cells >> last & 1 else 0
    return cells.bit_count() * CELL - missing


def groups(cells: int) -> Iterator[tuple[int, int]]:
    """Yield the contiguous groups in a bitmap as (first cell, cell after the last)."""
    while cells:
        first = (cells & -cells).bit_length() - 1
        ones = cells >> first
        count = (~ones & (ones + 1)).bit_length() - 1
        yield first, first + count
        cells &= cells + (1 << first)  # the carry clears the lowest group


class Saver(Protocol):
    """What keeps blocks beyond memory; ``cache.disk`` implements it."""

    def offer(self, block: Block) -> bool:
        """Take over the unsaved cells behind the reader's back; False when it will not."""
        ...

    def forgo(self, block: Block) -> None:
        """Forget an offer that is not being written yet."""
        ...

    @property
    def keeps_up(self) -> bool:
        """It takes what it was offered so fast that waiting for it beats forgetting offers."""
        ...


class Waiter(Protocol):
    """Someone waiting for cells of a block; ``reader.blocks`` implements it."""

    def arrived(self, block: Block) -> None:
        """More cells of ``block`` are valid now."""
        ...

    def lost(self, block: Block, cells: int, failure: FsmountError | None) -> None:
        """Nobody brings these ``cells`` any more: they failed, or were given up."""
        ...


class Block:
    """Four MiB of one content, or less at its end.

    Invariants: ``valid``, ``flight`` and ``pins`` change on the event loop only. ``valid`` and
    ``flight`` are disjoint and within ``resident``; ``saved`` is within ``valid``. A cell in
    ``flight`` is written by exactly one run or load; a valid cell is never written again, so views
    of valid cells can be handed out. The buffer leaves the block only while ``pins`` is 0.

    Attributes:
        content: Whose block it is.
        index: Number of the block in the content.
        length: Bytes; BLOCK except at the end of the content.
        view: The memory, padded to whole pages; for who brings cells.
        bytes: The same, read-only; for who answers reads.
        valid: Cells whose bytes are there.
        flight: Cells that someone is bringing.
        saved: Cells that are on disk.
        seen: Cells that a read was answered from.
        resident: Cells charged to the budget.
        pins: Runs, loads, writes and waiters that need the block to stay.
        waiters: Told of arriving cells, in order of arrival.
    """

    __slots__ = (
        "buffer",
        "bytes",
        "content",
        "flight",
        "index",
        "length",
        "pins",
        "resident",
        "saved",
        "seen",
        "streamed",
        "valid",
        "view",
        "waiters",
    )

    def __init__(self, content: Content, index: int, buffer: Buffer, resident: int) -> None:
        self.content = content
        self.index = index
        self.length = content.length(index)
        self.buffer = buffer
        self.view = memoryview(buffer)
        self.bytes = self.view.toreadonly()
        self.valid = 0
        self.flight = 0
        self.saved = 0
        self.seen = 0
        self.resident = resident
        self.streamed = False
        self.pins = 0
        self.waiters: list[Waiter] = []

    def __repr__(self) -> str:
        return (
            f"<Block {self.index} valid={self.valid:x} flight={self.flight:x}"
            f" saved={self.saved:x} pins={self.pins}>"
        )

    @property
    def all_cells(self) -> int:
        """Bitmap of every cell that the block has."""
        return ALL_CELLS if self.length == BLOCK else cells_of(0, self.length)

    @property
    def unsaved(self) -> int:
        """Valid cells that are not on disk."""
        return self.valid & ~self.saved

    @property
    def charge(self) -> int:
        """Bytes that the block takes from the budget."""
        return _charge(self.length, self.resident)

    def lacks(self, start: int, stop: int) -> bool:
        """Tell whether some byte from ``start`` to ``stop`` of the block is not there."""
        return cells_of(start, stop) & ~self.valid != 0

    def let_go(self) -> Buffer:
        """Return the buffer, which is the block's no more; views handed out stay valid."""
        self.valid = 0
        self.bytes.release()
        self.view.release()
        buffer = self.buffer
        self.buffer = bytearray()
        return buffer

    def arrived(self, cells: int) -> None:
        """Mark ``cells``, until now in flight, as valid and tell who waits for them."""
        self.flight &= ~cells
        self.valid |= cells
        if self.waiters:
            for waiter in tuple(self.waiters):
                waiter.arrived(self)

    def lost(self, cells: int, failure: FsmountError | None) -> None:
        """Mark ``cells``, until now in flight, as missing and tell who waits for them."""
        self.flight &= ~cells
        for waiter in tuple(self.waiters):
            waiter.lost(self, cells, failure)


def _charge(length: int, resident: int) -> int:
    if resident == ALL_CELLS:
        return BLOCK + _OVERHEAD
    last = (length - 1) // CELL
    size = resident.bit_count() * CELL
    if resident >> last & 1:  # the last cell may be short
        size -= (last + 1) * CELL - min((last + 1) * CELL, -(-length // PAGE) * PAGE)
    return size + _OVERHEAD


class Content:
    """The blocks in memory of one content, shared by everyone who reads it.

    Attributes:
        key: Names the content.
        label: What people call it, for listing the disk cache.
        blocks: By index.
        users: Open streams; without users and blocks the content is forgotten.
        wanted: Says whether a stream will soon read a block (it is then evicted last).
    """

    __slots__ = ("blocks", "key", "label", "users", "wanted")

    def __init__(self, key: ContentKey, label: str) -> None:
        self.key = key
        self.label = label
        self.blocks: dict[int, Block] = {}
        self.users = 0
        self.wanted: Callable[[int], bool] | None = None

    def length(self, index: int) -> int:
        """Return the bytes of block ``index``."""
        return min(BLOCK, self.key.size - index * BLOCK)


class Memory:
    """All blocks, within one budget.

    ``used`` never exceeds ``budget``: memory is charged before it is handed out, by cell for sparse
    blocks and whole for streamed ones, and buffers kept for reuse count too. Only a reply that is
    being sent can hold a buffer longer than its block lives.

    Args:
        budget: Bytes, at least MIN_BUDGET.
        saver: Is offered cells that fall out of memory; None without a disk cache.
    """

    def __init__(self, budget: int, saver: Saver | None = None) -> None:
        self.budget = max(budget, MIN_BUDGET)
        self.wasted = 0
        self._saver = saver
        self._buffers = Buffers()
        self._charged = 0
        self._kept_charge = 0
        self._contents: dict[ContentKey, Content] = {}
        self._streamed: OrderedDict[Block, None] = OrderedDict()
        self._kept: OrderedDict[Block, None] = OrderedDict()

    @property
    def used(self) -> int:
        """Bytes taken from the budget."""
        return self._charged + self._buffers.idle * BLOCK

    def content(self, key: ContentKey, label: str = "") -> Content:
        """Return the content named ``key``, with one more user; pair with ``leave``."""
        content = self._contents.get(key)
        if content is None:
            content = self._contents[key] = Content(key, label)
        content.users += 1
        return content

    def known(self, key: ContentKey) -> Content | None:
        """Return the content named ``key`` if it has users or blocks; adds no user."""
        return self._contents.get(key)

    def leave(self, content: Content) -> None:
        """Take back one user; unsaved cells are offered to the disk when it was the last."""
        content.users -= 1
        if content.users:
            return
        content.wanted = None
        if self._saver is not None:
            for block in content.blocks.values():
                if block.unsaved:
                    self._saver.offer(block)
        self._forget(content)

    def admit(
        self, content: Content, index: int, cells: int, *, streaming: bool, urgent: bool
    ) -> Block | None:
        """Return block ``index`` with memory behind ``cells``; None when the budget has no room.

        Args:
            content: Whose block.
            index: Which block.
            cells: Bitmap of cells that are going to be filled.
            streaming: They are part of a long sequence: a whole buffer, evicted before others.
            urgent: A reader waits: what other streams merely want may go.
        """
        block = content.blocks.get(index)
        if block is None:
            return self._new(content, index, cells, streaming=streaming, urgent=urgent)
        resident = block.resident | cells
        if resident != block.resident:
            grown = _charge(block.length, resident) - block.charge
            block.pins += 1  # making room must not take the block itself
            fits = self._room(grown, urgent=urgent)
            block.pins -= 1
            if not fits:
                return None
            self._account(block, grown)
            block.resident = resident
        if streaming and not block.streamed:
            self._kept_charge -= block.charge
            del self._kept[block]
            self._streamed[block] = None
            block.streamed = True
        return block

    def _new(
        self, content: Content, index: int, cells: int, *, streaming: bool, urgent: bool
    ) -> Block | None:
        length = content.length(index)
        buffer: Buffer
        if streaming and length == BLOCK and cells.bit_count() * 2 >= CELLS:
            self._reuse_passed()
            while not self._buffers.idle and self.used + BLOCK + _OVERHEAD > self.budget:
                if not self._evict_one(urgent=urgent):
                    return None
            if not self._room(_OVERHEAD, urgent=urgent, spare=1):
                return None
            buffer, cells = self._buffers.take(), ALL_CELLS
        else:
            if not self._room(_charge(length, cells), urgent=urgent):
                return None
            buffer = new_buffer(length)
        block = Block(content, index, buffer, cells)
        block.streamed = streaming
        (self._streamed if streaming else self._kept)[block] = None
        self._account(block, block.charge)
        content.blocks[index] = block
        self._contents[content.key] = content
        return block

    def touch(self, block: Block) -> None:
        """Note that a read reached ``block``: it is evicted after those reached before."""
        lane = self._streamed if block.streamed else self._kept
        if block in lane:
            lane.move_to_end(block)

    def abandon(self, block: Block) -> None:
        """Give up ``block`` and its buffer: someone beyond our control may still write into it."""
        if block.content.blocks.get(block.index) is block:
            self._remove(block)
            self._forget(block.content)

    def trim(self) -> None:
        """Return the memory of buffers that nobody needs now to the system."""
        while self._buffers.idle:
            self._buffers.shrink()

    def _account(self, block: Block, amount: int) -> None:
        self._charged += amount
        if not block.streamed:
            self._kept_charge += amount

    def _room(self, needed: int, *, urgent: bool, spare: int = 0) -> bool:
        # ``spare`` idle buffers are not given up: the caller is about to take them.
        while self.used + needed > self.budget:
            if self._buffers.idle > spare:
                self._buffers.shrink()
            elif not self._evict_one(urgent=urgent):
                return False
        return True

    def _evict_one(self, *, urgent: bool) -> bool:
        victim = self._victim(urgent=urgent)
        if victim is None:
            return False
        self._evict(victim)
        return True

    def _evict(self, block: Block) -> None:
        self.wasted += (block.valid & ~block.seen).bit_count() * CELL
        self._remove(block)
        buffer = block.let_go()
        if block.resident == ALL_CELLS:
            self._buffers.give_back(buffer)
        self._forget(block.content)

    def _reuse_passed(self) -> None:
        """Make the oldest passed block's buffer idle when there are many such blocks."""
        if self._buffers.idle:
            return
        passed = [
            block for block in self._streamed if self._is_free(block) and not self._is_debt(block)
        ]
        if len(passed) * BLOCK > max(self.budget // _PASSED_PART, MIN_BUDGET):
            self._evict(passed[0])

    def _victim(self, *, urgent: bool) -> Block | None:
        lanes = [self._streamed, self._kept]
        if self._kept_charge > self.budget // 4:
            lanes.reverse()
        for lane in lanes:
            for block in lane:
                if self._is_free(block) and not self._is_debt(block):
                    return block
        if self._saver is not None and self._saver.keeps_up:
            return None
        # The disk is behind. What it would take last is given up first.
        for lane in lanes:
            for block in reversed(lane):
                if self._is_free(block):
                    self._forgo(block)
                    return block
        if urgent:
            for lane in lanes:
                for block in reversed(lane):
                    if not block.pins:
                        self._forgo(block)
                        return block
        return None

    @staticmethod
    def _is_free(block: Block) -> bool:
        if block.pins:
            return False
        wanted = block.content.wanted
        return wanted is None or not wanted(block.index)

    def _is_debt(self, block: Block) -> bool:
        return self._saver is not None and block.unsaved != 0 and self._saver.offer(block)

    def _forgo(self, block: Block) -> None:
        if self._saver is not None:
            self._saver.forgo(block)

    def _remove(self, block: Block) -> None:
        self._account(block, -block.charge)
        del (self._streamed if block.streamed else self._kept)[block]
        del block.content.blocks[block.index]

    def _forget(self, content: Content) -> None:
        if not content.users and not content.blocks:
            self._contents.pop(content.key, None)
