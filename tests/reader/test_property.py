"""Any interleaving of reads, seeks, opens, closes and failures equals slicing the bytes."""

from __future__ import annotations

from dataclasses import dataclass, field

import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from fsmount import errors
from fsmount.cache.memory import CELL
from tests.reader.fakes import KIB, MIB, FakeSource, content, key_of, opened

SIZES = [1, CELL, 5 * MIB + 17, 40 * MIB]
BUDGET = 16 * MIB
SCRIPTED = (errors.Unreachable, errors.TimedOut, errors.Changed)


@dataclass(frozen=True)
class Step:
    """Something that one of a few tasks does."""

    pause_s: float


@dataclass(frozen=True)
class Read(Step):
    """Read at a place: on from the last one, or elsewhere; give up after ``patience_s``."""

    seek: float | None
    size: int
    patience_s: float


@dataclass(frozen=True)
class Reopen(Step):
    """Close the handle and open one of the same file or another."""

    file: int


@dataclass(frozen=True)
class Link:
    """How a file's GETs go."""

    connections: int
    round_trip_s: float
    rate: float | None
    piece: int
    failures: list[errors.FsmountError | None] = field(default_factory=list)
    fail_after: int = 0


pauses = st.sampled_from([0.0, 0.0, 0.001, 0.05, 3.0])
reads = st.builds(
    Read,
    pause_s=pauses,
    seek=st.one_of(st.none(), st.none(), st.floats(0, 1)),
    size=st.sampled_from([1, 4096, 128 * KIB, MIB, 5 * MIB]),
    patience_s=st.sampled_from([0.0005, 0.02, 60.0, 60.0, 60.0]),
)
reopens = st.builds(Reopen, pause_s=pauses, file=st.integers(0, len(SIZES) - 1))
tasks = st.lists(
    st.lists(st.one_of(reads, reads, reads, reads, reopens), max_size=12), min_size=1, max_size=4
)
failures = st.one_of(
    st.none(),
    st.none(),
    st.none(),
    st.builds(errors.Unreachable, st.just("reset")),
    st.builds(errors.TimedOut, st.just("no byte")),
    st.builds(errors.Changed, st.just("another version")),
)
links = st.builds(
    Link,
    connections=st.integers(1, 5),
    round_trip_s=st.sampled_from([0.0, 0.001, 0.1, 2.0]),
    rate=st.sampled_from([None, 1e6, 2e7]),
    piece=st.sampled_from([9_999, 70_000, 256 * KIB]),
    failures=st.lists(failures, max_size=12),
    fail_after=st.sampled_from([0, 1000, 300 * KIB]),
)


class Checked(FakeSource):
    """A source that fails the test when more GETs run than it allows."""

    async def fetch(self, start, stop, sink):
        # A run that is being cancelled ends at its next checkpoint, which may be a moment later.
        assert self.running <= 2 * self.connections
        await super().fetch(start, stop, sink)


async def play(script, link_of):
    """Run every task of the script; return the reader's statistics at the end."""
    sources = [
        Checked(
            size,
            connections=link.connections,
            round_trip_s=link.round_trip_s,
            rate=link.rate,
            piece=link.piece,
            failures=list(link.failures),
            fail_after=link.fail_after,
        )
        for size, link in zip(SIZES, link_of, strict=True)
    ]

    async def one(reader, steps):
        file = 2
        stream = reader.open(key_of(SIZES[file], str(file)), sources[file])
        at = 0
        for step in steps:
            if step.pause_s:
                await trio.sleep(step.pause_s)
            match step:
                case Reopen(file=chosen):
                    await stream.close()
                    file, at = chosen, 0
                    stream = reader.open(key_of(SIZES[file], str(file)), sources[file])
                case Read(seek=seek, size=size):
                    if seek is not None:
                        at = int(seek * SIZES[file])
                    data = None
                    with trio.move_on_after(step.patience_s):
                        try:
                            data = stream.read_nowait(at, size)
                            if data is None:
                                data = await stream.read(at, size)
                        except SCRIPTED:
                            assert sources[file].failures != link_of[file].failures
                    if data is not None:
                        assert data == content(at, min(at + size, SIZES[file]))
                        at += len(data)
            assert reader.memory.used <= reader.memory.budget
        await stream.close()

    async with opened(BUDGET) as reader:
        async with trio.open_nursery() as nursery:
            for steps in script:
                nursery.start_soon(one, reader, steps)
        await trio.sleep(1000)  # what is nearly over is finished
        assert all(source.running == 0 for source in sources)
        blocks = [*reader.memory._streamed, *reader.memory._kept]
        for block in blocks:
            assert (block.pins, block.flight, block.waiters) == (0, 0, [])
        assert sum(block.charge for block in blocks) == reader.memory._charged
        return reader.statistics()


@settings(max_examples=150, deadline=None)
@given(script=tasks, link_of=st.lists(links, min_size=len(SIZES), max_size=len(SIZES)))
def test_any_interleaving_equals_slicing_the_bytes(script, link_of):
    """Every read returns the file's own bytes or raises what a GET met; nothing is left behind."""
    statistics = trio.run(play, script, link_of, clock=trio.testing.MockClock(autojump_threshold=0))
    assert statistics["memory_used"] <= statistics["memory_budget"]
    assert statistics["streams"] == 0
