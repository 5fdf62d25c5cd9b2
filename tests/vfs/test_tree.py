"""The tree in memory: small, near linear, and never wrong about who holds what."""

from __future__ import annotations

import gc
import time
import tracemalloc

import trio
import trio.testing

from fsmount.model import Entry, EntryId, Kind, Page
from tests.vfs.cloud import ROOT, Cloud, names_of, opened


class Wide(Cloud):
    """A root of ``count`` files, made page by page so that nothing but the tree holds them."""

    def __init__(self, count):
        super().__init__()
        self.count = count

    async def list(self, folder, cursor):
        await trio.lowlevel.checkpoint()
        start = int(cursor or 0)
        stop = min(start + 2000, self.count)
        entries = [
            Entry(
                id=EntryId(f"id-{number:09d}"),
                name=f"holiday picture {number:09d}.jpg",
                kind=Kind.FILE,
                locator=f"cloudreve://AbCd@share/holiday picture {number:09d}.jpg",
                size=1_000_000 + number,
                mtime_ns=1_700_000_000_000_000_000 + number,
                version=f"v{number}",
            )
            for number in range(start, stop)
        ]
        return Page(entries=entries, next_cursor=str(stop) if stop < self.count else None)


def cost(count, measure):
    """Return what listing ``count`` entries costs per entry, as ``measure`` tells."""

    async def main():
        async with opened(Wide(count)) as fs:
            assert await fs.refresh("") == count
            return measure.result() / count

    measure.begin()
    return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


class Memory:
    def begin(self):
        gc.collect()
        tracemalloc.start()
        self._before = tracemalloc.get_traced_memory()[0]

    def result(self):
        gc.collect()
        now = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        return now - self._before


class Time:
    def begin(self):
        self._before = time.process_time()

    def result(self):
        return time.process_time() - self._before


def test_an_entry_costs_the_same_memory_in_a_small_and_a_large_folder():
    """Its strings, its entry, its node and two places in dictionaries."""
    small, large = cost(10_000, Memory()), cost(100_000, Memory())
    print(f"bytes per entry: {small:.0f} of 10,000, {large:.0f} of 100,000")
    assert large < 1.5 * small
    assert large < 1_000


def test_an_entry_costs_the_same_time_in_a_small_and_a_large_folder():
    """Nothing in a listing looks through what is already there: that would cost ten times."""
    cost(1_000, Time())
    small, large = (min(cost(count, Time()) for _ in range(2)) for count in (10_000, 100_000))
    print(f"µs per entry: {small * 1e6:.1f} of 10,000, {large * 1e6:.1f} of 100,000")
    assert large < 5 * small  # garbage collection and a colder cache make it some twice as much


def test_no_request_waits_long_while_a_large_listing_is_taken_in():
    """Work on many entries is done in slices."""

    async def main():
        longest = 0.0
        async with opened(Wide(100_000)) as fs, trio.open_nursery() as nursery:
            await fs.refresh("")

            async def watch():
                nonlocal longest
                while True:
                    before = time.perf_counter()
                    await trio.lowlevel.checkpoint()
                    longest = max(longest, time.perf_counter() - before)

            nursery.start_soon(watch)
            await fs.refresh("")
            nursery.cancel_scope.cancel()
        return longest

    longest = trio.run(main, clock=trio.testing.MockClock())
    print(f"longest wait: {longest * 1e3:.0f} ms")
    assert longest < 1.0


def test_nothing_of_a_removed_folder_stays_in_memory():
    """Its children go with it, but for those that are held."""

    async def main():
        cloud = Cloud()
        top = cloud.folder("top")
        below = cloud.folder("below", top)
        for number in range(10):
            cloud.file(f"f{number}", below)
        async with opened(cloud) as fs:
            held = await fs.find("top/below/f3")
            fs.remember(held.inode)
            assert len(await names_of(fs, (await fs.find("top")).inode)) == 1
            assert fs.status()["counts"]["nodes"] == 13
            cloud.remove(top, ROOT)
            await fs.refresh("")
            assert fs.status()["counts"] == {"nodes": 2, "folders": 1, "referenced": 2}
            fs.forget([(held.inode, 1)])
            assert fs.status()["counts"] == {"nodes": 1, "folders": 1, "referenced": 1}

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
