"""A file source over made-up bytes, on a link with latency and a rate per connection."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import trio

from fsmount.model import ContentKey
from fsmount.reader.stream import open_reader

if TYPE_CHECKING:
    from fsmount import errors

KIB = 1024
MIB = 1024 * KIB
BUDGET = 64 * MIB
_PERIOD = 1_000_003
"""Prime, so that no two cells or blocks of a file are alike."""

_TILE = random.Random(7).randbytes(_PERIOD) * 6


def content(start, stop):
    """Return bytes ``start`` to ``stop`` of every fake file."""
    whole = bytearray()
    while start < stop:
        at = start % _PERIOD
        count = min(stop - start, len(_TILE) - at)
        whole += _TILE[at : at + count]
        start += count
    return bytes(whole)


def opened(memory=BUDGET):
    """Open a reader without a disk cache."""
    return open_reader(memory_bytes=memory, disk=None)


async def get(stream, offset, size):
    """Read as ``operations`` does."""
    data = stream.read_nowait(offset, size)
    return bytes(data if data is not None else await stream.read(offset, size))


def key_of(size, name="a"):
    """Return a content key."""
    return ContentKey("remote", name, size)


@dataclass
class Get:
    """One GET as the source saw it."""

    start: int
    stop: int
    began: float
    received: int = 0
    over: float | None = None


@dataclass
class FakeSource:
    """A ``FileSource``.

    Attributes:
        size: Bytes.
        connections: GETs that may run at once; more fail the test.
        round_trip_s: From sending a GET to its first byte.
        rate: Bytes per second of one connection; None is without limit.
        piece: Bytes that arrive at once.
        failures: Raised by the next GETs, one each, after ``fail_after`` bytes; None passes one.
        real: False leaves the memory alone, for measurements of time only.
    """

    size: int
    connections: int = 16
    round_trip_s: float = 0.0
    rate: float | None = None
    piece: int = 256 * 1024
    failures: list[errors.FsmountError | None] = field(default_factory=list)
    fail_after: int = 0
    real: bool = True
    link_remaining_s: float | None = None
    closed: int = 0
    gets: list[Get] = field(default_factory=list)
    running: int = 0
    most_running: int = 0

    @property
    def fetched(self):
        """Bytes that arrived in all GETs."""
        return sum(get.received for get in self.gets)

    def close(self):
        self.closed += 1

    async def fetch(self, start, stop, sink):
        assert 0 <= start < stop <= self.size
        get = Get(start, stop, trio.current_time())
        self.gets.append(get)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        failure = self.failures.pop(0) if self.failures else None
        try:
            await trio.sleep(self.round_trip_s)
            while start < stop:
                if failure is not None and get.received >= self.fail_after:
                    raise failure
                room = sink.room()
                count = min(len(room), self.piece, stop - start)
                assert count
                if self.rate is None:
                    await trio.lowlevel.checkpoint()
                else:
                    await trio.sleep(count / self.rate)
                if self.real:
                    room[:count] = content(start, start + count)
                sink.filled(count)
                start += count
                get.received += count
        finally:
            self.running -= 1
            get.over = trio.current_time()


async def read_all(stream, stop, *, step=MIB, start=0):
    """Read up to ``stop`` in sequence as one reader does; raise what it raises."""
    while start < stop:
        count = min(step, stop - start)
        data = stream.read_nowait(start, count)
        if data is None:
            data = await stream.read(start, count)
        assert len(data) == count
        start += count


async def read_as_kernel(stream, size, *, step=128 * 1024, ahead=12):
    """Read in sequence with up to ``ahead`` requests on their way, as the kernel reads ahead."""
    send, receive = trio.open_memory_channel(0)

    async def worker():
        async for at in receive.clone():
            data = stream.read_nowait(at, step)
            if data is None:
                data = await stream.read(at, step)
            assert len(data) == min(step, size - at)

    async with trio.open_nursery() as nursery:
        for _ in range(ahead):
            nursery.start_soon(worker)
        async with send:
            for at in range(0, size, step):
                await send.send(at)
        receive.close()
