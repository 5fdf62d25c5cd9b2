"""The whole reader over a fake source: what is fetched, when, and what readers get."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from fsmount import errors
from fsmount.cache.buffers import BLOCK
from fsmount.cache.memory import CELL
from fsmount.model import Priority, priority
from fsmount.reader.stream import open_reader
from tests.reader.fakes import FakeSource, content, key_of, read_all, read_as_kernel

KIB = 1024
MIB = 1024 * KIB
BUDGET = 64 * MIB

pytestmark = pytest.mark.autojump


def opened(memory=BUDGET):
    return open_reader(memory_bytes=memory, disk=None)


async def get(stream, offset, size):
    """Read as ``operations`` does."""
    data = stream.read_nowait(offset, size)
    return bytes(data if data is not None else await stream.read(offset, size))


# --- what a read returns ---------------------------------------------------------------------------


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


# --- sharing ---------------------------------------------------------------------------------------


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


# --- how much is fetched ---------------------------------------------------------------------------


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


# --- connections -----------------------------------------------------------------------------------


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


# --- the link of the bench, in virtual time ----------------------------------------------------------


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


# --- failures ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "failure",
    [
        errors.Gone("the share is over"),
        errors.Unreachable("no route"),
        errors.WrongSize("it is longer", actual=99),
    ],
)
async def test_a_failed_get_fails_the_reads_that_wait_for_it(failure):
    """The reader's error is the fetch's own; a later read tries anew."""
    source = FakeSource(8 * MIB, failures=[failure])
    async with opened() as reader:
        stream = reader.open(key_of(source.size), source)
        with pytest.raises(type(failure)) as caught:
            await stream.read(4 * MIB, 4096)
        assert caught.value is failure
        assert await stream.read(4 * MIB, 4096) == content(4 * MIB, 4 * MIB + 4096)


async def test_cells_that_arrived_before_a_failure_count():
    """Half an answer is half a success."""
    reset = errors.Unreachable("reset")
    source = FakeSource(8 * MIB, failures=[reset], fail_after=512 * KIB, round_trip_s=0.1)
    async with opened() as reader:
        stream = reader.open(key_of(source.size), source)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stream.read, 0, 512 * KIB)
            await trio.sleep(0.05)
            with pytest.raises(errors.Unreachable):
                await stream.read(512 * KIB, 256 * KIB)
        assert stream.read_nowait(0, 512 * KIB) == content(0, 512 * KIB)


async def test_a_failed_read_ahead_troubles_no_reader():
    """What failed ahead is fetched again when it is needed."""
    source = FakeSource(64 * MIB, failures=[None, errors.Unreachable("reset")])
    async with opened() as reader:
        stream = reader.open(key_of(source.size), source)
        got = bytearray()
        for at in range(0, source.size, 128 * KIB):
            got += await get(stream, at, 128 * KIB)
            await trio.sleep(0.01)
        assert not source.failures
        assert got == content(0, source.size)


async def test_read_ahead_backs_off_from_a_failing_link():
    """A link that fails every GET made ahead is not hammered."""
    source = FakeSource(1024 * MIB, failures=[None, *[errors.Unreachable("reset")] * 1000])
    async with opened() as reader:
        stream = reader.open(key_of(source.size), source)
        await stream.read(0, 128 * KIB)
        for at in range(128 * KIB, MIB, 128 * KIB):
            stream.read_nowait(at, 128 * KIB)
            await trio.sleep(0.05)
    assert len(source.gets) <= 5


async def test_after_a_time_out_reads_fail_at_once_while_one_get_tries_on():
    """A wait is spent once: the kernel repeats a failed read, and others must not wait again."""
    silence = errors.TimedOut("no byte for 8 s")
    source = FakeSource(64 * MIB, failures=[silence, silence, silence], round_trip_s=8.0)
    async with opened() as reader:
        stream = reader.open(key_of(source.size), source)
        with pytest.raises(errors.TimedOut):
            await stream.read(0, 4096)
        assert trio.current_time() == pytest.approx(8.0)
        for at in (0, 4096, 10 * MIB):
            with pytest.raises(errors.TimedOut):
                await stream.read(at, 4096)
        assert trio.current_time() == pytest.approx(8.0)
        await trio.testing.wait_all_tasks_blocked()
        assert len(source.gets) == 2  # the failed one, and one behind
        await trio.sleep(10.1)
        with pytest.raises(errors.TimedOut):
            await stream.read(10 * MIB, 4096)
        assert trio.current_time() == pytest.approx(26.1, abs=0.01)


async def test_silence_ends_when_bytes_arrive():
    """The GET that tried behind the readers ends their failing."""
    source = FakeSource(64 * MIB, failures=[errors.TimedOut("no byte")], round_trip_s=3.0)
    async with opened() as reader:
        stream = reader.open(key_of(source.size), source)
        with pytest.raises(errors.TimedOut):
            await stream.read(5 * MIB, 4096)
        await trio.sleep(3.1)
        assert stream.read_nowait(5 * MIB, 4096) is not None
        assert await stream.read(20 * MIB, 4096) == content(20 * MIB, 20 * MIB + 4096)


async def test_what_is_in_memory_is_served_in_silence():
    """A time-out elsewhere does not fail reads that need no GET."""
    source = FakeSource(64 * MIB, failures=[None, errors.TimedOut("no byte")])
    async with opened() as reader:
        stream = reader.open(key_of(source.size), source)
        await stream.read(20 * MIB, 4096)
        with pytest.raises(errors.TimedOut):
            await stream.read(50 * MIB, 4096)
        assert await get(stream, 20 * MIB, 4096) == content(20 * MIB, 20 * MIB + 4096)


@pytest.mark.logs("unexpected way")
async def test_a_broken_source_fails_the_read_and_not_the_mount():
    """An error that is not ours becomes one of ours, with its traceback in the log."""

    class Broken(FakeSource):
        async def fetch(self, start, stop, sink):
            raise RuntimeError("a bug")

    async with opened() as reader:
        stream = reader.open(key_of(MIB), Broken(MIB))
        with pytest.raises(errors.FsmountError, match="RuntimeError"):
            await stream.read(0, 4096)


async def test_a_source_that_ends_early_is_an_error():
    """Fewer bytes than asked for are never taken for all of them."""

    class Short(FakeSource):
        async def fetch(self, start, stop, sink):
            await super().fetch(start, min(stop, start + 4096), sink)

    async with opened() as reader:
        stream = reader.open(key_of(MIB), Short(MIB))
        with pytest.raises(errors.ProtocolError):
            await stream.read(0, 8192)


async def test_leaving_the_reader_ends_everything():
    """A reader that is closed under running GETs leaves no task behind."""
    source = FakeSource(1024 * MIB, rate=1e6)
    async with opened() as reader:
        await read_all(reader.open(key_of(source.size), source), MIB + 256 * KIB)
        assert source.running
    assert source.running == 0


async def test_cancelling_the_reader_ends_everything():
    """Cancelled from outside it does not start new work for what was cancelled."""
    source = FakeSource(1024 * MIB, rate=1e6)
    with trio.CancelScope() as scope:
        async with opened() as reader:
            await read_all(reader.open(key_of(source.size), source), MIB + 256 * KIB)
            scope.cancel()
            await trio.sleep(1)
    assert source.running == 0


# --- memory ------------------------------------------------------------------------------------------


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


# --- what people see ---------------------------------------------------------------------------------


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
