"""Blocks with made-up bytes, and disks that misbehave."""

from __future__ import annotations

import errno
import os
import random
import zlib

import trio

from fsmount.cache.memory import CELL, Memory, groups
from fsmount.model import ContentKey

MIB = 1024 * 1024
_PERIOD = 1_000_003
"""Prime, so that no two cells or blocks of a content are alike."""

_TILE = random.Random(11).randbytes(_PERIOD)
_TILES = _TILE * 6


def key_of(size=64 * MIB, name="a", domain="remote"):
    """Return a content key."""
    return ContentKey(domain, name, size)


def bytes_of(key, start, stop):
    """Return bytes ``start`` to ``stop`` of a content; each has its own."""
    start += zlib.crc32(key.content.encode("utf-8", "surrogatepass"))
    stop += zlib.crc32(key.content.encode("utf-8", "surrogatepass"))
    whole = bytearray()
    while start < stop:
        at = start % _PERIOD
        count = min(stop - start, len(_TILES) - at)
        whole += _TILES[at : at + count]
        start += count
    return bytes(whole)


def base_of(block):
    """Return where ``block`` begins in its content."""
    return block.index * 4 * MIB


def fill(block, cells):
    """Bring ``cells`` of ``block`` as a GET would."""
    block.flight |= cells
    for first, after in groups(cells):
        start, stop = first * CELL, min(after * CELL, block.length)
        base = base_of(block)
        block.view[start:stop] = bytes_of(block.content.key, base + start, base + stop)
    block.arrived(cells)


def wrong_cells(block, cells):
    """Return those of ``cells`` whose bytes in ``block`` are not those of its content."""
    wrong, base = 0, base_of(block)
    for cell in range(32):
        if cells >> cell & 1:
            start, stop = cell * CELL, min((cell + 1) * CELL, block.length)
            expected = bytes_of(block.content.key, base + start, base + stop)
            if block.bytes[start:stop] != expected:
                wrong |= 1 << cell
    return wrong


def new_block(key, index=0, cells=None, *, memory=None, filled=True, label=""):
    """Return block ``index`` of ``key`` with ``cells`` (all, unless told) there."""
    memory = memory or Memory(1024 * MIB)
    content = memory.content(key, label)
    length = content.length(index)
    cells = cells or (1 << -(-length // CELL)) - 1
    block = memory.admit(content, index, cells, streaming=False, urgent=False)
    assert block is not None
    if filled:
        fill(block, cells)
    return block


async def keep(disk, *blocks):
    """Offer ``blocks`` and wait until the disk has them."""
    for block in blocks:
        assert disk.offer(block)
    with trio.fail_after(20):
        await disk.drain()


async def load(disk, key, index=0, cells=None):
    """Load what the disk holds of a block into fresh memory; check it; return the good cells."""
    wanted = cells or disk.holds(key, index)
    if not wanted:
        return 0
    block = new_block(key, index, wanted, filled=False)
    # What is not there must not look as if it were.
    block.view[:] = b"\xa5" * len(block.view)
    good = await disk.load(block, wanted)
    assert good is not None
    assert good & ~wanted == 0
    assert wrong_cells(block, good) == 0
    return good


def value_files(directory):
    """Return the files of all records below ``directory``."""
    return sorted(directory.glob("??/*"))


def disk_usage(path):
    """Return the bytes that ``path`` takes, as ``du`` counts."""
    total = 0
    for folder, _, names in os.walk(path):
        total += os.stat(folder).st_blocks * 512
        total += sum(os.stat(os.path.join(folder, name)).st_blocks * 512 for name in names)
    return total


def failing(code, *, after=0, real=None, then=None):
    """Return a stand-in for a system call: fails with ``code`` from the call ``after`` on.

    Args:
        code: The errno.
        after: Calls that still work.
        real: The call itself, for those.
        then: How many calls fail; all, unless told.
    """
    calls = 0

    def call(*args, **kwargs):
        nonlocal calls
        calls += 1
        if calls <= after or (then is not None and calls > after + then):
            return real(*args, **kwargs)
        raise OSError(code, os.strerror(code))

    return call


NO_SPACE = errno.ENOSPC
BROKEN = errno.EIO
