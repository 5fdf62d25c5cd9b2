"""What is fetched and when: windows, seeks, connections, the link of the bench in virtual time."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from fsmount.cache import memory as memory_module
from fsmount.cache.buffers import BLOCK, new_buffer
from fsmount.cache.memory import CELL
from fsmount.model import Priority, priority
from tests.reader.fakes import (
    KIB,
    MIB,
    FakeSource,
    content,
    get,
    key_of,
    opened,
    read_all,
    read_as_kernel,
)

pytestmark = pytest.mark.autojump


async def test_random_small_reads_fetch_their_cells_only():
    """150 random aligned 4 KiB reads fetch at most 128 KiB each, one round trip each."""
    size = 1024 * MIB
    source = FakeSource(size, round_trip_s=0.08)
    offsets = [number * 7919 * 31 * 4096 % size for number in range(1, 151)]
    async with opened(256 * MIB) as reader:
        stream = reader.open(key_of(size), source)
        began = trio.current_time()
        for offset in offsets:
            assert await get(stream, offset, 4096) == content(offset, offset + 4096)
        assert trio.current_time() - began <= 150 * 0.08 + 0.01
    assert source.fetched <= 150 * CELL


async def test_a_sequential_read_fetches_each_byte_once():
    """Reading ahead wastes nothing of a file that is read to its end."""
    source = FakeSource(200 * MIB, round_trip_s=0.01, rate=100e6)
    async with opened() as reader:
        await read_as_kernel(reader.open(key_of(source.size), source), source.size)
        assert reader.statistics()["wasted"] == 0
    assert source.fetched == source.size


async def test_many_readers_fill_memory_that_was_filled_before(monkeypatch):
    """Fresh pages cost more than what is received into them, so blocks get used buffers, whole."""
    fresh = 0

    def counted(length):
        nonlocal fresh
        fresh += 1
        return new_buffer(length)

    monkeypatch.setattr(memory_module, "new_buffer", counted)
    sources = [FakeSource(64 * MIB, round_trip_s=0.001, rate=500e6) for _ in range(8)]
    async with opened(128 * MIB) as reader, trio.open_nursery() as nursery:
        for number, source in enumerate(sources):
            stream = reader.open(key_of(source.size, str(number)), source)
            nursery.start_soon(read_as_kernel, stream, source.size)
    assert all(source.fetched == source.size for source in sources)
    assert fresh <= 2 * len(sources), "the first block or two of each, while its window is young"


async def test_a_scan_of_media_fetches_little_and_nothing_the_second_time():
    """Head and tail of each file: at most 2 MiB each, then from memory."""
    sources = [FakeSource(500 * MIB) for _ in range(10)]
    async with opened(256 * MIB) as reader:
        for _ in range(2):
            for number, source in enumerate(sources):
                stream = reader.open(key_of(source.size, str(number)), source)
                await read_all(stream, 256 * KIB, step=128 * KIB)
                for at in range(source.size - MIB, source.size, 128 * KIB):
                    await get(stream, at, 128 * KIB)
                await stream.close()
                await trio.testing.wait_all_tasks_blocked()
    assert all(source.fetched <= 2 * MIB for source in sources)
    assert all(len(source.gets) == 2 for source in sources)


async def test_a_player_starts_after_two_round_trips_and_never_waits():
    """Head, tail, back to the head, then 32 MiB at 8 MB/s over 80 ms (the link is known)."""
    size, round_trip_s = 1024 * MIB, 0.08
    source = FakeSource(size, round_trip_s=round_trip_s, rate=20e6, connections=4)
    async with opened(256 * MIB) as reader:
        stream = reader.open(key_of(size), source)
        began = trio.current_time()
        await read_all(stream, 256 * KIB, step=128 * KIB)
        await read_all(stream, size, step=128 * KIB, start=size - MIB)
        assert await get(stream, 0, 128 * KIB) == content(0, 128 * KIB)
        transfers = (256 * KIB + MIB) / source.rate
        assert trio.current_time() - began <= 2 * round_trip_s + transfers + 0.001
        waited = 0.0
        # The kernel reads two of its own windows ahead of the player.
        for at in range(128 * KIB, 32 * MIB, 128 * KIB):
            due = trio.current_time()
            await get(stream, at, 128 * KIB)
            waited += trio.current_time() - due
            await trio.sleep(128 * KIB / 8e6)
        assert waited == 0.0


async def test_a_seek_cancels_what_is_no_longer_wanted():
    """After a jump the old window's GETs end, and the new place does not wait for them."""
    source = FakeSource(1024 * MIB, round_trip_s=0.05, rate=2e6, connections=4)
    async with opened() as reader:
        stream = reader.open(key_of(source.size), source)
        await read_all(stream, 3 * MIB, step=128 * KIB)
        assert source.running
        began = trio.current_time()
        await stream.read(800 * MIB, 4096)
        waited = trio.current_time() - began
        # Its own round trip and one MiB's first piece; nothing of what ran before.
        assert waited <= 0.05 + 256 * KIB / 2e6 + 0.001
        assert all(run.start >= 800 * MIB for run in source.gets if run.over is None)


async def test_close_cancels_the_read_ahead_and_keeps_the_blocks():
    """Nothing is begun for a closed handle, and only what is nearly over is finished."""
    source = FakeSource(1024 * MIB, rate=10e6, connections=4)
    async with opened() as reader:
        stream = reader.open(key_of(source.size), source)
        await read_all(stream, 8 * MIB)
        await stream.close()
        await stream.close()
        gets, fetched = len(source.gets), source.fetched
        await trio.sleep(1)
        assert source.running == 0
        assert len(source.gets) == gets
        assert source.fetched - fetched <= 4 * 256 * KIB
        again = reader.open(key_of(source.size), source)
        assert again.read_nowait(7 * MIB, 4096) is not None


async def test_closing_one_handle_leaves_the_other_its_read_ahead():
    """What another handle wants goes on."""
    source = FakeSource(1024 * MIB, rate=10e6)
    async with opened() as reader:
        one = reader.open(key_of(source.size), source)
        two = reader.open(key_of(source.size), source)
        await read_all(one, 8 * MIB)
        await read_all(two, 8 * MIB)
        await one.close()
        await trio.testing.wait_all_tasks_blocked()
        assert source.running > 0


@pytest.mark.parametrize("connections", [1, 2, 16])
async def test_no_more_gets_run_than_are_allowed(connections):
    """Streaming and seeking never use more connections than the source allows."""
    source = FakeSource(512 * MIB, connections=connections, round_trip_s=0.05, rate=10e6)
    async with opened() as reader:
        stream = reader.open(key_of(source.size), source)
        await read_as_kernel(stream, 16 * MIB)
        async with trio.open_nursery() as nursery:
            for number in range(8):
                nursery.start_soon(stream.read, (100 + 40 * number) * MIB, 4096)
        await read_all(stream, 40 * MIB, start=30 * MIB)
    assert source.most_running <= connections


async def test_a_waiting_read_takes_a_connection_from_the_read_ahead():
    """With one connection allowed, a second handle does not wait for a long read-ahead."""
    source = FakeSource(1024 * MIB, connections=1, round_trip_s=0.05, rate=1e6)
    async with opened() as reader:
        one = reader.open(key_of(source.size), source)
        await read_all(one, MIB + 128 * KIB, step=128 * KIB)
        assert source.running == 1
        two = reader.open(key_of(source.size), source)
        began = trio.current_time()
        await two.read(900 * MIB, 4096)
        assert trio.current_time() - began <= 0.05 + 256 * KIB / 1e6 + 0.01


async def test_a_seek_within_a_slow_get_is_not_stuck_behind_it():
    """A place far ahead in a GET that is on its way gets one of its own."""
    source = FakeSource(1024 * MIB, connections=1, round_trip_s=0.1, rate=10e6, piece=16 * KIB)
    async with opened(256 * MIB) as reader:
        stream = reader.open(key_of(source.size), source)
        at, left = 0, 0
        while left < 4 * BLOCK:
            await read_all(stream, at + 256 * KIB, start=at)
            at += 256 * KIB
            last = source.gets[-1]
            left = last.stop - last.start - last.received
        target = (last.stop - 1) // BLOCK * BLOCK
        began = trio.current_time()
        assert await get(stream, target, 64 * KIB) == content(target, target + 64 * KIB)
        assert trio.current_time() - began < 0.2
        assert source.most_running == 1


async def test_reads_are_urgent_and_read_ahead_is_not():
    """The governor can tell a waiting reader's GET from one made ahead."""
    seen = []

    class Telling(FakeSource):
        async def fetch(self, start, stop, sink):
            seen.append((start, priority.get()))
            await super().fetch(start, stop, sink)

    source = Telling(256 * MIB, round_trip_s=0.05, rate=50e6)
    async with opened() as reader:
        stream = reader.open(key_of(source.size), source)
        await stream.read(0, 128 * KIB)
        await read_all(stream, 8 * MIB)
    assert seen[0] == (0, Priority.READING)
    assert {urgency for start, urgency in seen if start > 4 * MIB} == {Priority.PREFETCH}


async def test_a_read_that_joins_a_get_made_ahead_makes_it_as_urgent():
    """Also one that still stands in a queue: the reader waits for that very GET."""
    seen, go = [], trio.Event()

    class Queued(FakeSource):
        async def fetch(self, start, stop, sink):
            if not seen and priority.get() is Priority.PREFETCH:
                seen.append((priority.get(), start))
                await go.wait()
                seen.append((priority.get(), start))
            await super().fetch(start, stop, sink)

    source = Queued(256 * MIB, round_trip_s=0.05, rate=50e6, connections=1)
    async with opened() as reader, trio.open_nursery() as nursery:
        stream = reader.open(key_of(source.size), source)
        at = 0
        while not seen:
            with trio.move_on_after(1):  # the read may itself come to need what stands in the queue
                await get(stream, at, 256 * KIB)
            at += 256 * KIB
        priority.set(Priority.READING)
        ahead = seen[0][1]
        nursery.start_soon(get, stream, ahead, 256 * KIB)
        await trio.sleep(1)
        go.set()
    assert seen[:2] == [(Priority.PREFETCH, ahead), (Priority.READING, ahead)]


@pytest.mark.parametrize(
    ("connections", "size", "part"),
    [(16, 1024 * MIB, 0.8), (4, 512 * MIB, 0.9), (2, 256 * MIB, 0.9)],
)
async def test_parallel_gets_come_near_to_parallel_curls(connections, size, part):
    """80 ms and 20 MB/s per connection: near to as many curls, each with its part of the file."""
    source = FakeSource(
        size, connections=connections, round_trip_s=0.08, rate=20e6, real=False, piece=CELL
    )
    async with opened(256 * MIB) as reader:
        began = trio.current_time()
        await read_as_kernel(reader.open(key_of(size), source), size, step=MIB, ahead=3)
        took = trio.current_time() - began
    curl = 0.08 + size / connections / source.rate
    assert curl / took >= part


async def test_sixteen_readers_share_the_link_and_the_memory():
    """16 files at once stay within the budget, and none starves."""
    sources = [FakeSource(64 * MIB, round_trip_s=0.01, rate=50e6) for _ in range(16)]
    took = []
    async with opened(256 * MIB) as reader:

        async def one(number, source):
            await read_all(reader.open(key_of(source.size, str(number)), source), source.size)
            took.append(trio.current_time() - began)
            assert reader.memory.used <= reader.memory.budget

        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            for number, source in enumerate(sources):
                nursery.start_soon(one, number, source)
    assert max(took) <= 2 * min(took)
    assert all(source.fetched == source.size for source in sources)


async def test_streaming_does_not_evict_another_handles_cells():
    """A film played once leaves the head and tail of another file in memory."""
    other, film = FakeSource(500 * MIB), FakeSource(512 * MIB)
    async with opened(32 * MIB) as reader:
        scanned = reader.open(key_of(other.size, "other"), other)
        await get(scanned, 0, 128 * KIB)
        await get(scanned, other.size - 128 * KIB, 128 * KIB)
        await scanned.close()
        await read_all(reader.open(key_of(film.size, "film"), film), film.size)
        gets = len(other.gets)
        scanned = reader.open(key_of(other.size, "other"), other)
        await get(scanned, 0, 128 * KIB)
        await get(scanned, other.size - 128 * KIB, 128 * KIB)
    assert len(other.gets) == gets


async def test_more_readers_than_memory_wait_for_each_other():
    """64 random readers within the smallest budget all get their bytes."""
    source = FakeSource(1024 * MIB, connections=64, round_trip_s=0.05, rate=5e6)
    async with opened(16 * MIB) as reader:

        async def one(number):
            stream = reader.open(key_of(source.size, str(number)), source)
            at = number * 16 * MIB + 3 * MIB + 500 * KIB
            assert await get(stream, at, MIB) == content(at, at + MIB)
            assert reader.memory.used <= reader.memory.budget

        async with trio.open_nursery() as nursery:
            for number in range(64):
                nursery.start_soon(one, number)
