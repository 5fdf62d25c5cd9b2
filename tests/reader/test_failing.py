"""GETs that fail: who is told, who is not, and what is tried again."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from fsmount import errors
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
        await trio.sleep(1)
        assert await stream.read(4 * MIB, 4096) == content(4 * MIB, 4 * MIB + 4096)


async def test_what_failed_after_some_attempts_fails_at_once_when_it_is_repeated():
    """The kernel repeats a failed read; who is not there is asked again a second later."""
    source = FakeSource(8 * MIB, failures=[errors.Unreachable("no route")])
    async with opened() as reader:
        stream = reader.open(key_of(source.size), source)
        for _ in range(3):
            with pytest.raises(errors.Unreachable):
                await stream.read(4 * MIB, 4096)
        assert len(source.gets) == 1
        await trio.sleep(1)
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


async def test_a_read_of_what_trickles_ends_in_time_and_its_repetition_at_once():
    """The kernel repeats a failed read: a minute is spent once, though bytes come all the time."""
    source = FakeSource(8 * MIB, rate=300.0, piece=300)
    async with opened() as reader:
        stream = reader.open(key_of(source.size), source)
        began = trio.current_time()
        with pytest.raises(errors.TimedOut, match="too slowly"):
            await stream.read(0, 4096 + 128 * KIB)
        assert trio.current_time() - began < 60
        again = trio.current_time()
        with pytest.raises(errors.TimedOut):
            await stream.read(0, 4096 + 128 * KIB)
        assert trio.current_time() == again
        source.rate = None
        await trio.sleep(600)
        assert await stream.read(0, 4096) == content(0, 4096)
