"""The one memory budget: exact whatever happens, and what it never costs."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsmount.cache.buffers import BLOCK
from fsmount.cache.memory import (
    ALL_CELLS,
    CELL,
    Memory,
    cells_of,
    groups,
)
from fsmount.errors import Unreachable
from tests.cache.fakes import MIB, fill, key_of, wrong_cells

OVERHEAD = 1024


class FakeSaver:
    """A disk that takes what it is offered, or does not, and saves when told to."""

    def __init__(self, *, takes=True, keeps_up=False):
        self.takes = takes
        self.keeps_up = keeps_up
        self.owed = []
        self.forgone = []

    def offer(self, block):
        if self.takes and block not in self.owed:
            self.owed.append(block)
        return self.takes

    def forgo(self, block):
        if block in self.owed:
            self.owed.remove(block)
            self.forgone.append(block)

    def save(self, count):
        """Write the ``count`` oldest debts."""
        for block in self.owed[:count]:
            block.saved = block.valid
        del self.owed[:count]


class FakeWaiter:
    """Notes what it is told."""

    def __init__(self):
        self.told = []

    def arrived(self, block):
        self.told.append(("arrived", block.valid))

    def lost(self, block, cells, failure):
        self.told.append(("lost", cells, failure))


def streamed(memory, content, index, *, urgent=False):
    """Admit a block as a stream does; None when there is no room. Its first bytes are its own."""
    block = memory.admit(content, index, ALL_CELLS, streaming=True, urgent=urgent)
    if block is not None and not block.valid:
        block.view[:8] = index.to_bytes(8, "big")
        block.flight |= block.all_cells
        block.arrived(block.all_cells)
    return block


def kept(memory, content, index, cells=1, *, urgent=False):
    """Admit and fill single cells of a block as a jump does; None when there is no room."""
    block = memory.admit(content, index, cells, streaming=False, urgent=urgent)
    if block is not None:
        fill(block, cells & ~block.valid)
    return block


def charge(memory):
    """Return what the blocks and idle buffers of ``memory`` take, counted anew."""
    blocks = [block for lane in (memory._streamed, memory._kept) for block in lane]
    return sum(block.charge for block in blocks) + memory._buffers.idle * BLOCK


@pytest.mark.parametrize("size", [1, 4096, CELL + 1, BLOCK - 1, BLOCK, BLOCK + 1])
def test_a_block_covers_its_part_of_the_content(size):
    """The last block is as long as what is left, and its bitmap as wide."""
    memory = Memory(64 * MIB)
    content = memory.content(key_of(size))
    last = (size - 1) // BLOCK
    block = memory.admit(content, last, 1, streaming=False, urgent=False)
    assert block.length == size - last * BLOCK
    assert block.all_cells == (1 << -(-block.length // CELL)) - 1
    assert len(block.view) % 4096 == 0


def test_readers_get_memory_that_they_cannot_write():
    """Views for replies are read-only."""
    memory = Memory(64 * MIB)
    block = kept(memory, memory.content(key_of()), 0)
    assert block.bytes.readonly
    assert not block.view.readonly


def test_who_waits_is_told_of_cells_that_arrive_or_are_lost():
    """Arriving cells become valid, lost ones missing; both leave flight."""
    memory = Memory(64 * MIB)
    block = memory.admit(memory.content(key_of()), 0, 0b111, streaming=False, urgent=False)
    waiter = FakeWaiter()
    block.waiters.append(waiter)
    block.flight = 0b111
    block.arrived(0b001)
    failure = Unreachable("gone")
    block.lost(0b110, failure)
    assert waiter.told == [("arrived", 0b001), ("lost", 0b110, failure)]
    assert (block.valid, block.flight) == (0b001, 0)


def test_a_waiter_may_leave_while_it_is_told():
    """Those behind it are told all the same."""
    memory = Memory(64 * MIB)
    block = kept(memory, memory.content(key_of()), 0)
    last = FakeWaiter()

    class Leaves(FakeWaiter):
        def arrived(self, block):
            block.waiters.remove(self)

    block.waiters += [Leaves(), last]
    block.arrived(0b10)
    assert block.waiters == [last]
    assert last.told == [("arrived", 0b11)]


def test_contents_are_shared_until_nobody_needs_them():
    """Two users of one key see one content; blocks keep it when both have left."""
    memory = Memory(64 * MIB)
    one, two = memory.content(key_of()), memory.content(key_of())
    assert one is two
    block = kept(memory, one, 0)
    memory.leave(one)
    memory.leave(two)
    assert memory.content(key_of()) is one
    memory.leave(one)
    memory.abandon(block)
    assert memory.content(key_of()) is not one


@pytest.mark.parametrize("other", [{"name": "b"}, {"domain": "other"}, {"size": 63 * MIB}])
def test_another_key_is_another_content(other):
    """Domain, content and size all count."""
    memory = Memory(64 * MIB)
    assert memory.content(key_of()) is not memory.content(key_of(**other))


def test_a_film_does_not_push_out_the_heads_and_tails_of_others():
    """Cells asked for one by one outlive any amount that is streamed through."""
    memory = Memory(64 * MIB)
    others = [memory.content(key_of(BLOCK * 16, f"other {number}")) for number in range(20)]
    for other in others:
        kept(memory, other, 0)
        kept(memory, other, 15, 1 << 31)
    film = memory.content(key_of(1024 * MIB, "film"))
    for index in range(200):
        assert streamed(memory, film, index)
    for other in others:
        head, tail = other.blocks[0], other.blocks[15]
        assert (head.valid, tail.valid) == (1, 1 << 31)
        assert wrong_cells(head, 1) == wrong_cells(tail, 1 << 31) == 0


def test_single_cells_do_not_starve_streams():
    """Beyond a quarter of the budget it is their turn to go, the oldest first."""
    memory = Memory(64 * MIB)
    film = memory.content(key_of(1024 * MIB, "film"))
    film.wanted = lambda index: True
    other = memory.content(key_of(4096 * MIB, "other"))
    for index in range(400):
        assert kept(memory, other, index, 0b1111)
    for index in range(12):
        assert streamed(memory, film, index)
    held = sum(block.charge for block in other.blocks.values())
    assert 12 * MIB <= held <= 17 * MIB
    assert len(film.blocks) == 12
    assert sorted(other.blocks) == list(range(400 - len(other.blocks), 400))


@pytest.mark.parametrize("urgent", [False, True])
def test_a_pinned_block_stays(urgent):
    """Nothing takes a block from under a run, a load or a reader; there is no room then."""
    memory = Memory(16 * MIB)
    content = memory.content(key_of())
    for index in range(3):
        streamed(memory, content, index).pins += 1
    assert streamed(memory, content, 3, urgent=urgent) is None
    assert kept(memory, content, 4, ALL_CELLS, urgent=urgent) is None
    assert sorted(content.blocks) == [0, 1, 2]
    content.blocks[1].pins -= 1
    assert streamed(memory, content, 3, urgent=urgent)
    assert sorted(content.blocks) == [0, 2, 3]


def test_a_block_that_grows_does_not_push_itself_out():
    """Room for more cells of a block is made by others, or there is none."""
    memory = Memory(16 * MIB)
    content = memory.content(key_of())
    for index in range(3):
        streamed(memory, content, index).pins += 1
    small = kept(memory, content, 3)
    assert memory.admit(content, 3, ALL_CELLS, streaming=False, urgent=True) is None
    assert content.blocks[3] is small
    assert (small.valid, small.resident, small.pins) == (1, 1, 0)
    assert wrong_cells(small, 1) == 0


def test_a_reply_keeps_its_bytes_when_its_block_goes():
    """A view that was handed out is never overwritten, however full memory gets."""
    memory = Memory(16 * MIB)
    content = memory.content(key_of(1024 * MIB))
    replies = []
    for index in range(40):
        block = streamed(memory, content, index)
        if index % 5 == 0:
            replies.append((block.bytes[: 2 * CELL], index))
    assert min(content.blocks) > 35
    for view, index in replies:
        assert bytes(view) == index.to_bytes(8, "big") + bytes(2 * CELL - 8)


def test_what_the_disk_has_yet_to_take_goes_after_the_rest():
    """A debt is kept while something else can go; then the youngest debt is forgiven."""
    saver = FakeSaver()
    memory = Memory(16 * MIB, saver)
    content = memory.content(key_of(1024 * MIB))
    for index in range(3):
        kept(memory, content, index, ALL_CELLS)
    content.blocks[1].saved = ALL_CELLS
    kept(memory, content, 3, ALL_CELLS)
    assert sorted(content.blocks) == [0, 2, 3], "the saved one went"
    assert [block.index for block in saver.owed] == [0]
    assert saver.forgone == []
    gone = content.blocks[3]
    kept(memory, content, 4, ALL_CELLS)
    assert sorted(content.blocks) == [0, 2, 4]
    assert saver.forgone == [gone]
    assert gone not in saver.owed


def test_idle_buffers_can_be_returned():
    """Memory kept for reuse counts, and goes back to the system when it is not needed."""
    memory = Memory(16 * MIB)
    assert memory._buffers.give_back(memory._buffers.take())
    assert memory.used == BLOCK
    memory.trim()
    assert memory.used == 0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([16, 24, 64]), st.booleans())
def test_the_budget_is_never_exceeded(seed, budget, with_disk):
    """Whatever is admitted, pinned, passed, abandoned and left: charges are exact, bytes right."""
    choices = random.Random(seed)
    saver = FakeSaver() if with_disk else None
    memory = Memory(budget * MIB, saver)
    sizes = [3_000, 70_000, CELL + 1, BLOCK, 5 * BLOCK + 4711, 64 * BLOCK]
    contents = [memory.content(key_of(size, f"c{size}")) for size in sizes]
    pinned, replies = [], []
    for _ in range(150):
        content = choices.choice(contents)
        index = choices.randrange(-(-content.key.size // BLOCK))
        every = cells_of(0, content.length(index))
        match choices.randrange(10):
            case 0 if pinned:
                pinned.pop(choices.randrange(len(pinned))).pins -= 1
            case 1 if content.blocks:
                pinned.append(choices.choice(list(content.blocks.values())))
                pinned[-1].pins += 1
            case 2 if content.blocks:
                block = choices.choice(list(content.blocks.values()))
                if not block.pins:
                    memory.abandon(block)
            case 3 if saver:
                saver.takes = choices.random() < 0.7
                saver.keeps_up = choices.random() < 0.3
                saver.save(choices.randrange(3))
            case 4 if content.blocks:
                memory.touch(choices.choice(list(content.blocks.values())))
            case 5:
                memory.trim()
            case _:
                streaming = choices.random() < 0.5
                cells = every if streaming else every & choices.getrandbits(32) or 1
                urgent = choices.random() < 0.5
                block = memory.admit(content, index, cells, streaming=streaming, urgent=urgent)
                if block is not None:
                    assert block.resident & cells == cells
                    missing = cells & ~block.valid
                    block.flight |= missing
                    for first, _ in groups(missing):
                        block.view[first * CELL] = mark = choices.randrange(256)
                        replies.append(
                            (block.bytes[first * CELL : first * CELL + 1], bytes([mark]))
                        )
                    block.arrived(missing)
                    del replies[: -choices.randrange(1, 40)]
        assert memory.used <= memory.budget
        assert memory.used == charge(memory)
        assert memory._kept_charge == sum(block.charge for block in memory._kept)
        for block in pinned:
            assert block.content.blocks[block.index] is block
    for view, expected in replies:
        assert view == expected
    for content in contents:
        memory.leave(content)
    if saver:
        saver.takes = False
    for block in pinned:
        block.pins = 0
    for content in contents:
        for block in list(content.blocks.values()):
            memory.abandon(block)
    memory.trim()
    assert memory.used == 0
    assert memory._contents == {}
