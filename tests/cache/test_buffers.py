"""Buffers: aligned, reused, and never while someone looks at them."""

from __future__ import annotations

import ctypes
import mmap

import pytest

from fsmount.cache.buffers import BLOCK, PAGE, Buffers, new_buffer


@pytest.mark.parametrize("length", [1, PAGE, PAGE + 1, 65_535, 65_537, 128 * 1024 + 1, BLOCK])
def test_a_new_buffer_is_whole_pages_of_zeroes(length):
    """What is not filled reads as zeroes, and direct I/O can write up to the page's end."""
    buffer = new_buffer(length)
    assert len(buffer) == -(-length // PAGE) * PAGE
    assert bytes(buffer) == bytes(len(buffer))


def test_many_tiny_files_take_no_mapping_each():
    """A process may have some 65,000 mappings only: small buffers come from the heap."""
    assert isinstance(new_buffer(60_000), bytearray)
    assert isinstance(new_buffer(70_000), mmap.mmap)


@pytest.mark.parametrize("make", [lambda: new_buffer(128 * 1024), Buffers().take])
def test_a_buffer_is_page_aligned(make):
    """Direct I/O refuses other memory."""
    buffer = make()
    assert ctypes.addressof(ctypes.c_char.from_buffer(buffer)) % PAGE == 0


def test_a_buffer_given_back_is_the_next_one_taken():
    """Reuse spares the page faults of fresh memory."""
    buffers = Buffers()
    buffer = buffers.take()
    buffer[:4] = b"mark"
    assert buffers.give_back(buffer)
    assert buffers.idle == 1
    again = buffers.take()
    assert again is buffer
    assert buffers.idle == 0


@pytest.mark.parametrize(
    "look",
    [
        memoryview,
        lambda buffer: memoryview(buffer)[:0],
        lambda buffer: memoryview(buffer).toreadonly()[4096:8192],
        ctypes.c_char.from_buffer,
    ],
    ids=["view", "empty slice", "read-only slice", "foreign"],
)
def test_a_buffer_is_not_reused_while_a_view_is_left(look):
    """A reply that is being sent keeps its bytes, whatever the cache decided meanwhile."""
    buffers = Buffers()
    buffer = buffers.take()
    buffer[:] = b"x" * BLOCK
    view = look(buffer)
    assert not buffers.give_back(buffer)
    assert buffers.idle == 0
    other = buffers.take()
    other[:] = b"y" * BLOCK
    assert bytes(view) == b"x" * len(bytes(view))


def test_a_buffer_is_taken_back_once_its_views_are_gone():
    """What was refused because of a view is accepted without it."""
    buffers = Buffers()
    buffer = buffers.take()
    with memoryview(buffer):
        assert not buffers.give_back(buffer)
    assert buffers.give_back(buffer)
    assert buffers.idle == 1


@pytest.mark.parametrize("length", [100, 128 * 1024, BLOCK - PAGE])
def test_only_whole_blocks_are_kept_for_reuse(length):
    """A short buffer is of use to nobody else."""
    buffers = Buffers()
    assert not buffers.give_back(new_buffer(length))
    assert buffers.idle == 0


def test_shrinking_returns_the_memory_to_the_system():
    """An idle buffer that is shed is unmapped at once, not when it is collected."""
    buffers = Buffers()
    buffer = buffers.take()
    buffers.give_back(buffer)
    buffers.shrink()
    assert buffers.idle == 0
    assert buffer.closed
