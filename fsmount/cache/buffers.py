"""Memory for blocks: page-aligned, reused, and never while a reply still looks at it."""

from __future__ import annotations

import mmap

BLOCK = 4 * 1024 * 1024
"""Bytes in a block."""

PAGE = mmap.PAGESIZE

Buffer = mmap.mmap | bytearray

_SMALL = 64 * 1024
"""Below this a buffer comes from the heap: a process may have some 65,000 mappings only."""


def new_buffer(length: int) -> Buffer:
    """Return zeroed memory for ``length`` bytes, a multiple of the page size.

    A mapping is page-aligned, as direct I/O asks, and takes no memory before it is written to.
    """
    padded = -(-length // PAGE) * PAGE
    if padded < _SMALL:
        return bytearray(padded)
    buffer = mmap.mmap(-1, padded, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    # Huge pages would make one cell of a sparse block cost 2 MiB.
    buffer.madvise(mmap.MADV_NOHUGEPAGE)
    return buffer


class Buffers:
    """Whole-block buffers that are wholly resident, kept to be filled again.

    A fresh buffer costs about a thousand page faults, some 0.7 ms; a reused one costs nothing. A
    buffer is taken back only when no view of it is left: a kernel reply that is still being sent
    pins its memory by its view alone, whatever the cache has decided meanwhile.
    """

    def __init__(self) -> None:
        self._idle: list[mmap.mmap] = []

    @property
    def idle(self) -> int:
        """Buffers waiting to be reused."""
        return len(self._idle)

    def take(self) -> mmap.mmap:
        """Return a buffer of BLOCK bytes with unspecified contents."""
        if self._idle:
            return self._idle.pop()
        buffer = mmap.mmap(-1, BLOCK, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        # Direct I/O pins page by page, so larger pages make it cheaper.
        buffer.madvise(mmap.MADV_HUGEPAGE)
        return buffer

    def give_back(self, buffer: Buffer) -> bool:
        """Keep ``buffer`` for reuse; False when a view of it is left, and it is let go instead."""
        if not isinstance(buffer, mmap.mmap) or len(buffer) != BLOCK:
            return False
        try:
            # Resizing to the same size does nothing, but is refused while a view exists: the one
            # exact question that an mmap answers about its exports.
            buffer.resize(BLOCK)
        except BufferError:
            return False
        self._idle.append(buffer)
        return True

    def shrink(self) -> None:
        """Return one idle buffer's memory to the system."""
        self._idle.pop().close()
