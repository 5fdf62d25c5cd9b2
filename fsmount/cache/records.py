"""Cells of one block as a file: raw bytes, with a checksum per extent kept beside them.

A record is written once and never changed, so a crash leaves a short file or none. Writing and
reading go past the page cache where the filesystem allows it: the memory is page-aligned, a copy
and the kernel's write-back cost several times more processor than the network path itself (measured
2026-11, ext4, 1 GiB in blocks: 290-630 MiB/s and 1.6-3.5 CPU seconds through the page cache,
1,450-1,580 MiB/s and 0.06 with direct I/O), and dirty pages throttle whoever else writes.

Everything here blocks; it is called in worker threads.
"""

from __future__ import annotations

import errno
import os
import struct
from typing import TYPE_CHECKING, NamedTuple

from xxhash import xxh3_64_intdigest

from fsmount.cache.buffers import PAGE, new_buffer
from fsmount.cache.memory import CELL, CELLS, groups

if TYPE_CHECKING:
    from collections.abc import Sequence

EXTENT_CELLS = 8
"""Cells under one checksum: few calls per block, since each gives up and regains the GIL, yet a
random read from the disk costs 1 MiB and not the whole block."""

_EXTENT = struct.Struct("<BBI")
_ROW_BYTES = 4096  # what a record costs beside its data: its row, its inode, a directory entry


class Extent(NamedTuple):
    """Up to EXTENT_CELLS cells, ``first`` to ``after`` (half-open), under one checksum."""

    first: int
    after: int
    checksum: int

    @property
    def cells(self) -> int:
        """Bitmap."""
        return (1 << self.after) - (1 << self.first)


class Record(NamedTuple):
    """What the index knows of one record.

    Attributes:
        key: Its key in the index.
        filename: Below the cache directory.
        length: Bytes in the file.
        extents: In file order, which is the order of cells.
    """

    key: str
    filename: str
    length: int
    extents: tuple[Extent, ...]

    @property
    def cells(self) -> int:
        """Bitmap of the cells kept."""
        cells = 0
        for extent in self.extents:
            cells |= extent.cells
        return cells

    @property
    def charge(self) -> int:
        """Bytes that it takes from the disk budget."""
        return -(-self.length // PAGE) * PAGE + _ROW_BYTES


class Reading(NamedTuple):
    """What came of reading a record.

    Attributes:
        good: Cells that are in their places now.
        failure: Why it could not be read; None when it was, whatever it held. A disk that fails, or
            a process without a file descriptor left, says nothing about the record.
    """

    good: int
    failure: OSError | None = None


def encode(extents: Sequence[Extent]) -> bytes:
    """Return ``extents`` as the index keeps them."""
    return b"".join(_EXTENT.pack(*extent) for extent in extents)


def decode(data: bytes) -> tuple[Extent, ...]:
    """Return what ``encode`` was given.

    Raises:
        ValueError: These are not extents.
    """
    try:
        extents = tuple(Extent(*fields) for fields in _EXTENT.iter_unpack(data))
    except struct.error as exc:
        raise ValueError("extents of a cached block cannot be read") from exc
    after = 0
    for extent in extents:
        if extent.first < after or not 1 <= extent.after - extent.first <= EXTENT_CELLS:
            raise ValueError("extents of a cached block are out of order")
        after = extent.after
    if after > CELLS:
        raise ValueError("extents of a cached block reach beyond it")
    return extents


def charge_of(cells: int) -> int:
    """Return the most that a record of ``cells`` takes from the disk budget."""
    return cells.bit_count() * CELL + _ROW_BYTES


def charge_of_file(size: int) -> int:
    """Return what a whole file of ``size`` bytes takes from the disk budget, a record a block."""
    blocks = -(-size // (CELLS * CELL))
    return -(-size // PAGE) * PAGE + blocks * _ROW_BYTES


class DirectIO:
    """Whether the cache's filesystem takes direct I/O; learned at the first refusal."""

    def __init__(self) -> None:
        self._flag: int = getattr(os, "O_DIRECT", 0)

    def open(self, path: str, flags: int, *, aligned: bool = True) -> int:
        """Open ``path``, directly where that is possible; ``aligned`` tells if the memory is."""
        if self._flag and aligned:
            try:
                return os.open(path, flags | self._flag | os.O_CLOEXEC, 0o600)
            except OSError as exc:
                if exc.errno != errno.EINVAL:
                    raise
                self.refused()
                if flags & os.O_CREAT:
                    _discard(path)  # Linux makes the file before it refuses (ramfs, 2026-11)
        return os.open(path, flags | os.O_CLOEXEC, 0o600)

    def refused(self) -> bool:
        """Use the page cache from now on; False when that is so already."""
        direct, self._flag = self._flag, 0
        return direct != 0


def write_record(
    path: str, view: memoryview, length: int, cells: int, direct: DirectIO
) -> tuple[int, tuple[Extent, ...]]:
    """Write ``cells`` of a block one after the other into the new file ``path``.

    Args:
        path: Does not exist; its directory does.
        view: The block, padded to whole pages.
        length: Bytes of the block without padding.
        cells: Bitmap of valid cells.
        direct: Shared by all records of the cache.

    Returns:
        Bytes in the file, and its extents.

    Raises:
        OSError: Nothing is left at ``path``.
    """
    try:
        size = _write(path, view, length, cells, direct)
    except OSError as exc:
        _discard(path)
        if exc.errno != errno.EINVAL or not direct.refused():
            raise
        return write_record(path, view, length, cells, direct)
    extents = []
    for first, after in groups(cells):
        for start in range(first, after, EXTENT_CELLS):
            stop = min(start + EXTENT_CELLS, after)
            checksum = _checksum(view[start * CELL : min(stop * CELL, length)])
            extents.append(Extent(start, stop, checksum))
    return size, tuple(extents)


def _checksum(data: memoryview) -> int:
    """Return 32 bits of XXH3: 8 GiB/s here, where zlib's CRC-32 (Debian 12) goes at 2 GiB/s."""
    return xxh3_64_intdigest(data) & 0xFFFF_FFFF


def _write(path: str, view: memoryview, length: int, cells: int, direct: DirectIO) -> int:
    size = padded = 0
    # The heap's small buffers are not page-aligned.
    file = direct.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, aligned=len(view) >= CELL)
    try:
        for first, after in groups(cells):
            start, stop = first * CELL, min(after * CELL, len(view))
            size += min(stop, length) - start
            while start < stop:
                written = os.pwrite(file, view[start:stop], padded)
                start += written
                padded += written
        if padded != size:
            os.ftruncate(file, size)
    finally:
        os.close(file)
    return size


def _discard(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass  # it was never made, or the disk is gone; the next start sweeps


def read_record(
    path: str, extents: Sequence[Extent], wanted: int, view: memoryview, length: int, io: DirectIO
) -> Reading:
    """Read ``wanted`` cells into their places.

    A short file and a wrong checksum make their cells not good; so does a file that is gone.

    Args:
        path: The record's file.
        extents: All its extents.
        wanted: Bitmap; nothing else in ``view`` is touched.
        view: The block, padded to whole pages.
        length: Bytes of the block without padding.
        io: Shared by all records of the cache.
    """
    try:
        file = io.open(path, os.O_RDONLY, aligned=len(view) >= CELL)
        try:
            return Reading(_read(file, extents, wanted, view, length))
        finally:
            os.close(file)
    except FileNotFoundError:
        return Reading(0)
    except OSError as exc:
        if exc.errno == errno.EINVAL and io.refused():
            return read_record(path, extents, wanted, view, length, io)
        return Reading(0, exc)


def _read(file: int, extents: Sequence[Extent], wanted: int, view: memoryview, length: int) -> int:
    good = offset = 0
    whole: list[tuple[int, Extent]] = []
    for extent in extents:
        if extent.cells & wanted == extent.cells:
            whole.append((offset, extent))
        elif extent.cells & wanted:
            good |= _read_beside(file, offset, extent, wanted, view, length)
        offset += (extent.after - extent.first) * CELL
    _receive(file, whole, view)
    for _, extent in whole:
        read = view[extent.first * CELL : min(extent.after * CELL, length)]
        if _checksum(read) == extent.checksum:
            good |= extent.cells
    return good


def _receive(file: int, chosen: list[tuple[int, Extent]], view: memoryview) -> None:
    """Read each chosen (file offset, extent) into its place; neighbours take one call."""
    at = 0
    while at < len(chosen):
        offset, extent = chosen[at]
        start, after = extent.first, extent.after
        while (
            at + 1 < len(chosen)
            and chosen[at + 1][1].first == after
            and chosen[at + 1][0] - offset == (after - start) * CELL
        ):
            at += 1
            after = chosen[at][1].after
        at += 1
        _fill(file, offset, view[start * CELL : min(after * CELL, len(view))])


def _read_beside(
    file: int, offset: int, extent: Extent, wanted: int, view: memoryview, length: int
) -> int:
    """Read an extent of which some cells may not be touched, through memory of its own."""
    start = extent.first * CELL
    scratch = memoryview(new_buffer(min(extent.after * CELL, len(view)) - start))
    _fill(file, offset, scratch)
    if _checksum(scratch[: min(extent.after * CELL, length) - start]) != extent.checksum:
        return 0
    for first, after in groups(extent.cells & wanted):
        stop = min(after * CELL, length)
        view[first * CELL : stop] = scratch[first * CELL - start : stop - start]
    return extent.cells & wanted


def _fill(file: int, offset: int, view: memoryview) -> None:
    done = 0
    while done < len(view):
        count = os.preadv(file, [view[done:]], offset + done)
        done += count
        if not count or count % PAGE:
            break  # the end of the file, its last cell or a short one: the checksum decides
