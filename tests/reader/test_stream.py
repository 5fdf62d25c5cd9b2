"""The whole reader over a fake source: what readers get, and what they share."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from fsmount.cache.buffers import BLOCK
from tests.reader.fakes import (
    KIB,
    MIB,
    FakeSource,
    content,
    get,
    key_of,
    opened,
    read_all,
)

pytestmark = pytest.mark.autojump


async def test_a_file_reads_as_its_bytes():
    """Sequential reads of an odd size return every byte of a file of an odd size."""
    size = 21 * MIB + 4711
    async with opened() as reader:
        stream = reader.open(key_of(size), FakeSource(size))
        got = bytearray()
        for at in range(0, size, 777_777):
            got += await get(stream, at, 777_777)
    assert got == content(0, size)


@pytest.mark.parametrize("offset", [0, 99, 100, 101, 5000])
async def test_reads_end_at_the_end_of_the_file(offset):
    """A read is short only where the file ends, and empty behind it."""
    async with opened() as reader:
        stream = reader.open(key_of(100), FakeSource(100))
        assert await get(stream, offset, 50) == content(0, 100)[offset : offset + 50]


async def test_an_empty_file_and_an_empty_read_ask_nobody():
    """Zero bytes need no GET."""
    source = FakeSource(0)
    async with opened() as reader:
        stream = reader.open(key_of(0), source)
        assert await get(stream, 0, 4096) == b""
        full = reader.open(key_of(MIB, "b"), FakeSource(MIB))
        assert await get(full, 17, 0) == b""
    assert not source.gets


async def test_a_read_larger_than_a_block_is_whole():
    """The command line reads in pieces of any size."""
    size = 3 * BLOCK
    async with opened() as reader:
        stream = reader.open(key_of(size), FakeSource(size))
        assert await get(stream, 5, 2 * BLOCK + 99) == content(5, 2 * BLOCK + 104)


async def test_a_reply_stays_valid_while_its_block_is_evicted():
    """A view that someone still holds is never overwritten by later blocks."""
    size = 128 * MIB
    async with opened(16 * MIB) as reader:
        stream = reader.open(key_of(size), FakeSource(size))
        views = []
        for at in range(0, size, MIB):
            data = stream.read_nowait(at, 64 * KIB)
            views.append(data if data is not None else await stream.read(at, 64 * KIB))
            await read_all(stream, at + MIB, start=at + 64 * KIB)
        for number, view in enumerate(views):
            assert view == content(number * MIB, number * MIB + 64 * KIB)


async def test_a_reply_cannot_be_written_to():
    """Views of the cache are read-only."""
    async with opened() as reader:
        stream = reader.open(key_of(MIB), FakeSource(MIB))
        assert (await stream.read(0, 10)).readonly
        assert stream.read_nowait(0, 10).readonly


async def test_readers_of_one_range_share_one_get():
    """Ten readers on ten handles who want the same cell cause one GET."""
    source = FakeSource(64 * MIB, round_trip_s=0.1)
    async with opened() as reader, trio.open_nursery() as nursery:
        for _ in range(10):
            stream = reader.open(key_of(source.size), source)
            nursery.start_soon(stream.read, 20 * MIB, 4096)
    assert len(source.gets) == 1


async def test_a_cancelled_reader_harms_nobody():
    """Who joined a GET gets its bytes when the one who started it is gone."""
    source = FakeSource(MIB * 8, round_trip_s=1.0)
    async with opened() as reader:
        stream = reader.open(key_of(source.size), source)
        async with trio.open_nursery() as nursery:

            async def impatient():
                with trio.move_on_after(0.5):
                    await stream.read(3 * MIB, 4096)

            nursery.start_soon(impatient)
            await trio.sleep(0.1)
            assert await stream.read(3 * MIB, 4096) == content(3 * MIB, 3 * MIB + 4096)
    assert len(source.gets) == 1


async def test_a_waiter_waits_for_its_own_cells_only():
    """The first cell of a long GET is answered when it is there, not when the GET is over."""
    source = FakeSource(64 * MIB, round_trip_s=0.1, rate=MIB, piece=64 * KIB)
    async with opened() as reader:
        stream = reader.open(key_of(source.size), source)
        began = trio.current_time()
        await stream.read(0, 4096)
        assert trio.current_time() - began == pytest.approx(0.1 + 128 / 1024)


async def test_a_second_handle_finds_what_the_first_has_read():
    """Blocks outlive the handle that brought them."""
    source = FakeSource(4 * MIB)
    async with opened() as reader:
        first = reader.open(key_of(source.size), source)
        await read_all(first, source.size)
        await first.close()
        fetched = source.fetched
        second = reader.open(key_of(source.size), source)
        assert second.read_nowait(MIB, 4096) == content(MIB, MIB + 4096)
    assert source.fetched == fetched


async def test_contents_do_not_mix():
    """Another version of a file has its own blocks."""
    async with opened() as reader:
        old, new = FakeSource(MIB), FakeSource(MIB)
        await reader.open(key_of(MIB, "v1"), old).read(0, 4096)
        await reader.open(key_of(MIB, "v2"), new).read(0, 4096)
    assert old.gets
    assert new.gets


async def test_a_snapshot_tells_what_the_handle_does():
    """Position, window, requests, rate, the cached part as a bar, the link's life."""
    source = FakeSource(64 * BLOCK, rate=10e6, link_remaining_s=77.0)
    async with opened(256 * MIB) as reader:
        stream = reader.open(key_of(source.size), source)
        await read_all(stream, 2 * BLOCK)
        await trio.testing.wait_all_tasks_blocked()
        shown = stream.snapshot()
        assert shown["position"] == 2 * BLOCK
        assert shown["window"] >= BLOCK
        assert shown["in_flight"] == source.running
        assert shown["rate"] > 1e6
        assert shown["link_remaining_s"] == 77.0
        bar = shown["cached"]
        assert len(bar) == 64
        assert bar[:2] == [1.0, 1.0]
        assert bar[-1] == 0.0
        await trio.sleep(10)
        assert stream.snapshot()["rate"] == 0.0


async def test_statistics_add_up():
    """Hits, waits, GETs and bytes are counted."""
    source = FakeSource(4 * MIB)
    async with opened() as reader:
        stream = reader.open(key_of(source.size), source)
        await read_all(stream, source.size, step=128 * KIB)
        counted = reader.statistics()
    assert counted["hits"] + counted["waits"] == 32
    assert counted["fetched"] == source.fetched == 4 * MIB
    assert counted["gets"] == len(source.gets)
    assert counted["streams"] == 1
    assert 4 * MIB <= counted["memory_used"] <= counted["memory_budget"]
