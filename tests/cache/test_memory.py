"""Blocks in memory: bitmaps, the budget, and who goes first."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsmount.cache.buffers import BLOCK, Buffers, new_buffer
from fsmount.cache.memory import ALL_CELLS, CELL, MIN_BUDGET, Memory, cells_of, groups
from tests.cache.blocks import filled, key_of

MIB = 1024 * 1024


class FakeSaver:
    """A disk that takes offers and writes nothing."""

    def __init__(self, *, taking=True, keeps_up=False):
        self.taking = taking
        self.keeps_up = keeps_up
        self.offered = []
        self.forgone = []

    def offer(self, block):
        if self.taking and block not in self.offered:
            self.offered.append(block)
        return self.taking

    def forgo(self, block):
        if block in self.offered:
            self.offered.remove(block)
            self.forgone.append(block)


def fill_up(memory, key, count, *, streaming=True, first=0):
    """Fill ``count`` blocks one after the other; return them."""
    return [filled(memory, key, first + number, streaming=streaming) for number in range(count)]


# Bitmaps.


@pytest.mark.parametrize(
    ("start", "stop", "cells"),
    [
        (0, 1, 0b1),
        (0, CELL, 0b1),
        (0, CELL + 1, 0b11),
        (CELL - 1, CELL + 1, 0b11),
        (3 * CELL, 5 * CELL, 0b11000),
        (0, BLOCK, ALL_CELLS),
    ],
)
def test_bytes_become_cells(start, stop, cells):
    """A bitmap has every cell that a span of bytes touches."""
    assert cells_of(start, stop) == cells


@given(st.integers(0, ALL_CELLS))
def test_groups_are_the_bitmap(cells):
    """Groups are maximal, in order, and together the bitmap."""
    found = list(groups(cells))
    assert sum((1 << after) - (1 << first) for first, after in found) == cells
    assert all(after < first for (_, after), (first, _) in itertools.pairwise(found))


# Buffers.


def test_a_buffer_is_reused_only_without_views():
    """A view pins its memory: such a buffer is let go instead."""
    buffers = Buffers()
    buffer = buffers.take()
    view = memoryview(buffer)[5:10]
    assert not buffers.give_back(buffer)
    assert buffers.idle == 0
    view.release()
    assert buffers.give_back(buffer)
    assert buffers.take() is buffer


def test_a_new_buffer_is_zeroed_and_whole_pages():
    """What pads a short last cell on disk is never another file's bytes."""
    for length in (1, 5000, 100_000, BLOCK):
        buffer = new_buffer(length)
        assert len(buffer) % 4096 == 0
        assert length <= len(buffer) < length + 4096
        assert not any(memoryview(buffer)[-64:])


# The budget.


def test_sparse_blocks_are_charged_by_cell_and_streamed_ones_whole():
    """150 random cells of 150 blocks take 19 MiB, not 600."""
    memory = Memory(256 * MIB)
    key = key_of(1024 * MIB)
    for index in range(150):
        filled(memory, key, index, cells=0b100, streaming=False)
    assert 150 * CELL <= memory.used <= 150 * (CELL + 1024)
    before = memory.used
    filled(memory, key, 200)
    assert BLOCK <= memory.used - before <= BLOCK + 1024


def test_a_short_file_is_charged_what_it_takes():
    """A thousand small files cost a thousand small pieces of memory."""
    memory = Memory(64 * MIB)
    for number in range(1000):
        filled(memory, key_of(4096, str(number)), streaming=False)
    assert memory.used <= 1000 * 6 * 1024


def test_the_budget_is_never_exceeded():
    """Whatever is asked for, used stays within the budget, buffers kept for reuse included."""
    memory = Memory(40 * MIB)
    key = key_of(1024 * MIB)
    for index in range(200):
        filled(memory, key, index, streaming=index % 3 != 0, cells=None if index % 2 else 0b1011)
        assert memory.used <= memory.budget


def test_a_budget_too_small_is_raised_to_what_works():
    """One read of the kernel must fit beside a fetch."""
    assert Memory(1).budget == MIN_BUDGET


def test_pinned_blocks_stay_and_admission_fails():
    """When everything is pinned there is no room, urgent or not."""
    memory = Memory(MIN_BUDGET)
    key = key_of(1024 * MIB)
    blocks = fill_up(memory, key, 3)
    for block in blocks:
        block.pins += 1
    content = blocks[0].content
    assert memory.admit(content, 9, ALL_CELLS, streaming=True, urgent=True) is None
    assert list(content.blocks) == [0, 1, 2]
    blocks[1].pins -= 1
    assert memory.admit(content, 9, ALL_CELLS, streaming=True, urgent=True) is not None
    assert 1 not in content.blocks


def test_a_block_that_grows_is_charged_for_what_it_gained():
    """More cells of a sparse block cost more; asking again for the same costs nothing."""
    memory = Memory(64 * MIB)
    key = key_of(BLOCK)
    block = filled(memory, key, cells=0b1, streaming=False)
    one = memory.used
    filled(memory, key, cells=0b11, streaming=False)
    filled(memory, key, cells=0b11, streaming=False)
    assert memory.used == one + CELL
    assert block.valid == 0b11


# Who goes first.


def test_streamed_blocks_go_before_kept_cells():
    """A film that runs through does not push out heads and tails."""
    memory = Memory(32 * MIB)
    heads = [
        filled(memory, key_of(BLOCK, str(number)), cells=0b1, streaming=False)
        for number in range(20)
    ]
    fill_up(memory, key_of(1024 * MIB, "film"), 100)
    assert all(head.valid for head in heads)


def test_kept_cells_do_not_crowd_out_everything_else():
    """Above a quarter of the budget kept cells are evicted first, the oldest before the others."""
    memory = Memory(32 * MIB)
    film = fill_up(memory, key_of(1024 * MIB, "film"), 4)
    heads = [
        filled(memory, key_of(BLOCK, str(number)), cells=0xFF, streaming=False)
        for number in range(40)
    ]
    assert all(block.valid for block in film)
    assert not heads[0].valid
    assert heads[-1].valid


def test_the_block_read_longest_ago_goes_first():
    """A touch keeps a block."""
    memory = Memory(20 * MIB)
    key = key_of(1024 * MIB)
    blocks = [filled(memory, key, index, streaming=False) for index in range(4)]
    memory.touch(blocks[0])
    filled(memory, key, 10, streaming=False)
    assert blocks[0].valid
    assert not blocks[1].valid


def test_wanted_blocks_go_last_and_only_for_who_waits():
    """What a stream will soon read is not evicted for another's read-ahead, only for a read."""
    memory = Memory(MIN_BUDGET)
    key = key_of(1024 * MIB)
    blocks = fill_up(memory, key, 3)
    content = blocks[0].content
    content.wanted = lambda index: index < 3
    assert memory.admit(content, 7, ALL_CELLS, streaming=True, urgent=False) is None
    assert memory.admit(content, 7, ALL_CELLS, streaming=True, urgent=True) is not None
    assert blocks[0].valid
    assert not blocks[2].valid, "the one needed last goes first"


def test_blocks_that_were_passed_are_reused_before_new_memory_is_taken():
    """A long stream works in a small part of the budget."""
    memory = Memory(256 * MIB)
    fill_up(memory, key_of(1024 * MIB), 100)
    assert memory.used <= 48 * MIB


def test_what_was_evicted_unread_is_counted():
    """Reading ahead in vain shows in the statistics."""
    memory = Memory(MIN_BUDGET)
    key = key_of(1024 * MIB)
    read, unread = fill_up(memory, key, 2)
    read.seen = ALL_CELLS
    fill_up(memory, key, 4, first=10)
    assert not unread.valid
    assert memory.wasted >= BLOCK


# With a disk cache.


def test_unsaved_blocks_are_offered_and_go_after_saved_ones():
    """What the disk has goes first; what it has yet to take stays while there is something else."""
    saver = FakeSaver()
    memory = Memory(20 * MIB, saver)
    key = key_of(1024 * MIB)
    blocks = [filled(memory, key, index, streaming=False) for index in range(4)]
    blocks[2].saved = ALL_CELLS
    filled(memory, key, 10, streaming=False)
    assert not blocks[2].valid
    assert saver.offered[:2] == blocks[:2]


def test_a_disk_that_is_behind_loses_offers():
    """Memory full of offers does not stop reading: the newest are forgone."""
    saver = FakeSaver()
    memory = Memory(20 * MIB, saver)
    blocks = [filled(memory, key_of(1024 * MIB), index, streaming=False) for index in range(4)]
    filled(memory, key_of(1024 * MIB), 10, streaming=False)
    assert saver.forgone == [blocks[3]]


def test_a_disk_that_keeps_up_is_waited_for():
    """No offer is forgone while the disk takes them fast: admission fails for the moment."""
    saver = FakeSaver(keeps_up=True)
    memory = Memory(MIN_BUDGET, saver)
    blocks = fill_up(memory, key_of(1024 * MIB), 3)
    content = blocks[0].content
    assert memory.admit(content, 9, ALL_CELLS, streaming=True, urgent=False) is None
    assert memory.admit(content, 9, ALL_CELLS, streaming=True, urgent=True) is None
    assert not saver.forgone


def test_a_disk_that_takes_nothing_costs_nothing():
    """With a full disk, memory works as without one."""
    memory = Memory(MIN_BUDGET, FakeSaver(taking=False))
    fill_up(memory, key_of(1024 * MIB), 20)
    assert memory.used <= memory.budget


def test_the_last_user_leaving_offers_what_is_not_on_disk():
    """Single cells (head and tail) reach the disk when the file is closed."""
    saver = FakeSaver()
    memory = Memory(64 * MIB, saver)
    key = key_of(1024 * MIB)
    one, two = memory.content(key), memory.content(key)
    assert one is two
    head = filled(memory, key, 0, cells=0b11, streaming=False)
    saved = filled(memory, key, 5, cells=0b1, streaming=False)
    saved.saved = 0b1
    memory.leave(one)
    assert not saver.offered
    memory.leave(two)
    assert saver.offered == [head]


def test_a_content_is_forgotten_with_its_last_block():
    """Nothing is kept for files that are neither open nor in memory."""
    memory = Memory(MIN_BUDGET)
    content = memory.content(key_of(MIB, "small"))
    filled(memory, key_of(MIB, "small"), streaming=False)
    memory.leave(content)
    for index in range(20):
        filled(memory, key_of(1024 * MIB), index, streaming=False)
    assert memory.content(key_of(MIB, "small")) is not content


def test_an_abandoned_block_is_gone_and_its_buffer_not_reused():
    """Someone beyond our control may still write into it."""
    memory = Memory(64 * MIB)
    block = filled(memory, key_of(BLOCK))
    memory.abandon(block)
    assert memory.used == 0
    assert not block.content.blocks
    assert filled(memory, key_of(BLOCK)).buffer is not block.buffer
