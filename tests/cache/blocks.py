"""Blocks and contents for the tests of the caches."""

from __future__ import annotations

from fsmount.cache.buffers import BLOCK
from fsmount.cache.memory import CELL, Memory, groups
from fsmount.model import ContentKey
from tests.reader.fakes import content

MIB = 1024 * 1024


def key_of(size, name="a"):
    """Return a content key."""
    return ContentKey("remote", name, size)


def filled(memory, key, index=0, cells=None, *, streaming=True):
    """Return block ``index`` of ``key`` in ``memory`` with ``cells`` (all) filled."""
    whole = memory.content(key, "remote:/film.mkv")
    whole.users -= 1
    length = whole.length(index)
    every = (1 << -(-length // CELL)) - 1
    cells = every if cells is None else cells & every
    block = memory.admit(whole, index, cells, streaming=streaming, urgent=True)
    assert block is not None
    for first, after in groups(cells & ~block.valid):
        start, stop = first * CELL, min(after * CELL, length)
        block.view[start:stop] = content(index * BLOCK + start, index * BLOCK + stop)
    block.flight |= cells & ~block.valid
    block.arrived(cells & ~block.valid)
    return block


def is_true(block, cells):
    """Tell whether ``cells`` of a block hold the bytes that belong there."""
    for first, after in groups(cells):
        start, stop = first * CELL, min(after * CELL, block.length)
        base = block.index * BLOCK
        if block.view[start:stop] != content(base + start, base + stop):
            return False
    return True


def emptied(memory, key, index=0, cells=None):
    """Return a fresh, empty block in a memory of its own, with ``cells`` in flight."""
    fresh = Memory(memory.budget)
    whole = fresh.content(key)
    every = (1 << -(-whole.length(index) // CELL)) - 1
    cells = every if cells is None else cells
    block = fresh.admit(whole, index, cells, streaming=False, urgent=True)
    block.flight |= cells
    return block
