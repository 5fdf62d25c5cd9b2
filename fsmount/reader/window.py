"""Which bytes a handle will want: pure policy, no clock, no I/O.

A handle reads at one place or a few. Each place is a ``Cursor`` that earns credit by moving on; the
window ahead of it is a few times its credit, so it opens with the second read in a row and is wide
after a few more. The kernel's read-ahead sends its requests early and not strictly in order, so a
little before or after the cursor counts as its place. A jump elsewhere makes a new cursor, and what
the old one wanted is no longer wanted, unless the handle turns out to alternate between the two.

What players and scanners do is recognised at the first read: the head of a file and its tail bring
a little more than asked, since the round trip is paid anyway; a small read anywhere else brings its
cells and nothing more. Who reads the head of a film goes on to its tail, where the index may be, so
that is wanted with the head.
"""

from __future__ import annotations

from dataclasses import dataclass

from fsmount.cache.buffers import BLOCK
from fsmount.cache.memory import CELL

MIB = 1024 * 1024

HEAD = MIB
"""Fetched with the first read at the start: a probe's whole head, and a playing start."""

TAIL = MIB
"""Where a file's index may be: a read of some size here brings the rest of the file."""

# fmt: off
_FILMS = frozenset({
    "3gp", "avi", "m2ts", "m4a", "m4b", "m4v", "mkv", "mov", "mp4", "mpg", "mts", "ts", "vob",
    "webm", "wmv",
})
# fmt: on
"""Endings of containers that a demuxer opens by their head and their tail (an index, a length)."""

_FILM_SIZE = 16 * MIB  # below, what is read ahead reaches the tail soon enough
_TAIL_EXPECTED_FOR = 16  # reads: a probe's head takes a few, who goes on reads on

_TAIL_READ = 32 * 1024  # what a demuxer reads at least; a random 4 KiB read is no probe
_GROWTH_YOUNG = 4  # what a probe of a file's head wants is within HEAD
_NEAR = 512 * 1024
_NEAR_STREAMING = 4 * MIB  # twelve requests of the kernel may be on their way, out of order
_STREAMING = 4 * MIB
_RETURN_CREDIT = MIB  # who comes back to where it read in sequence is about to go on
_SEEK_READ = 16 * 1024
_SEEK_BYTES = MIB  # a player seeks: it goes on reading there
_CURSORS = 3
_ALTERNATES = 16
BEHIND = MIB
"""Kept behind a cursor: players step back a little."""


@dataclass(slots=True, eq=False)
class Cursor:
    """One place at which a handle reads.

    Attributes:
        start: Where it began.
        position: The end of the furthest read.
        credit: Bytes by which it moved on, read after read.
        reads: Reads that moved it.
        returned: The handle left and came back: it alternates.
        last: Number of the handle's latest read here.
        sought: It began as the seek of a handle that was streaming.
    """

    start: int
    position: int
    credit: int = 0
    reads: int = 0
    returned: bool = False
    last: int = 0
    sought: bool = False


class Window:
    """The reading places of one handle.

    Args:
        size: Bytes in the file.
        name: Of the file: its ending tells films.

    Attributes:
        growth: How many times its credit the window ahead of a cursor is; the link's latency says.
    """

    def __init__(self, size: int, name: str = "") -> None:
        self.growth = _GROWTH_YOUNG
        self._size = size
        self._film = size >= _FILM_SIZE and name.rpartition(".")[2].lower() in _FILMS
        self._reads = 0
        self._cursors: list[Cursor] = [Cursor(0, 0)]  # the current one is last

    @property
    def current(self) -> Cursor:
        """Where the handle reads now."""
        return self._cursors[-1]

    def step(self, start: int, stop: int) -> bool:
        """Take in a read; True when it was a jump, so that other bytes are wanted than before."""
        self._reads += 1
        cursor = self._cursors[-1]
        near = _NEAR_STREAMING if cursor.credit >= _STREAMING else _NEAR
        if cursor.position - near <= start <= cursor.position + near:
            jumped = False
        else:
            cursor, jumped = self._jump(start, stop), True
        if stop > cursor.position:
            cursor.credit += stop - max(start, cursor.position)
            cursor.position = stop
            cursor.reads += 1
        cursor.last = self._reads
        return jumped

    def _jump(self, start: int, stop: int) -> Cursor:
        left = self._cursors[-1]
        for number in range(len(self._cursors) - 1, -1, -1):
            cursor = self._cursors[number]
            if cursor.start <= start <= cursor.position + _NEAR:
                del self._cursors[number]
                self._cursors.append(cursor)
                cursor.returned = cursor is not left
                if start < cursor.position:
                    cursor.position = start
                if cursor.credit > CELL:
                    cursor.credit = max(cursor.credit, _RETURN_CREDIT)
                return cursor
        if len(self._cursors) == _CURSORS:
            del self._cursors[0]
        seeks = left.credit >= _STREAMING and stop - start >= _SEEK_READ
        cursor = Cursor(start, start, sought=seeks)
        self._cursors.append(cursor)
        return cursor

    def ahead(self, cursor: Cursor, limit: int) -> int:
        """Return how many bytes after ``cursor`` are wanted, at most ``limit``."""
        if cursor.reads < 2:
            return 0
        growth = self.growth if cursor.credit >= _NEAR else _GROWTH_YOUNG
        return min(growth * cursor.credit, limit)

    def reach(self, start: int, stop: int, limit: int) -> int:
        """Return up to where a missing read, just taken in, is worth fetching in one GET.

        Args:
            start: Of the read.
            stop: Of the read.
            limit: The longest GET to make.
        """
        cursor = self.current
        if cursor.reads >= 2:
            wanted = cursor.position + self.ahead(cursor, limit)
        elif start == 0:
            wanted = HEAD
        elif start >= self._size - TAIL and stop - start >= _TAIL_READ:
            wanted = self._size
        elif cursor.sought:
            wanted = start + _SEEK_BYTES
        else:
            wanted = stop
        return min(max(stop, wanted), self._size)

    def spans(self, limit: int) -> list[tuple[int, int]]:
        """Return the spans wanted soon, (start, stop) each, the current cursor's first."""
        wanted = []
        for cursor in reversed(self._cursors):
            if cursor is self._cursors[-1] or (
                cursor.returned and self._reads - cursor.last <= _ALTERNATES
            ):
                stop = min(cursor.position + self.ahead(cursor, limit), self._size)
                wanted.append((cursor.position, stop))
        if self._expects_tail:
            wanted.append((self._size - TAIL, self._size))
        return wanted

    @property
    def _expects_tail(self) -> bool:
        """A film is being probed: nothing but its head was read, or its head and its tail."""
        return (
            self._film
            and 0 < self._reads <= _TAIL_EXPECTED_FOR
            and self._cursors[0].start == 0 < self._cursors[0].reads
            and all(
                cursor.position <= _STREAMING or cursor.start >= self._size - TAIL
                for cursor in self._cursors
            )
        )

    @property
    def is_streaming(self) -> bool:
        """The handle reads on and on, so it has a share of the memory."""
        return self.current.reads >= 2 and self.current.credit >= _NEAR


def next_get(*, gap: int, position: int, stop: int, size: int, length: int) -> int:
    """Return up to where the next GET of a window should reach; ``gap`` when it should wait.

    A GET waits until the window has room for all of it, else each read would start a small one; at
    the end of the file it does not, nor while the window is young, which is shorter than a GET
    should be, and little is on its way.

    Args:
        gap: The first byte of the window that nobody has or brings.
        position: Of the reader, at most ``gap``.
        stop: End of the window.
        size: Of the file.
        length: The length that a GET should have.
    """
    available = stop - gap
    if available >= length:
        return gap + length
    young = stop - position < length
    if stop == size or (young and available * 2 >= stop - position):
        return max(stop, gap)
    return gap


def aligned(at: int, size: int) -> int:
    """Return the end of the cell that ``at`` is in."""
    return min(-(-at // CELL) * CELL, size)


def whole(end: int, at: int, size: int) -> int:
    """Round the end of a GET down to a block where that costs little, else to a cell."""
    if end == size:
        return end
    block_end = end // BLOCK * BLOCK
    return block_end if (end - block_end) * 16 <= end - at else end // CELL * CELL
