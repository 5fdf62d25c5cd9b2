"""The reader over a disk cache: what a second mount need not fetch, and what a bad disk costs.

The real clock: the cache works in threads.
"""

from __future__ import annotations

import pytest
import trio

from fsmount import errors
from fsmount.cache import loads as loads_module
from fsmount.cache.buffers import BLOCK
from fsmount.cache.memory import CELL
from fsmount.cache.opening import open_disk_cache
from fsmount.reader.stream import open_reader
from tests.reader.fakes import KIB, MIB, FakeSource, content, get, key_of, read_all

BUDGET = 1024 * MIB


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "blocks"


def paced(size):
    """Return a source no faster than a network: it leaves the processor to the disk's thread."""
    return FakeSource(size, rate=100e6, connections=2)


def unreachable(size):
    """Return a source without a network."""
    return FakeSource(size, failures=[errors.Unreachable("no route")] * 1000)


async def read_once(directory, source, spans, *, memory=64 * MIB):
    """Mount, read ``spans`` of one file, unmount; check every byte."""
    async with (
        open_disk_cache(directory, BUDGET) as disk,
        open_reader(memory_bytes=memory, disk=disk) as reader,
    ):
        stream = reader.open(key_of(source.size), source, "remote:/album.tar")
        for start, stop in spans:
            for at in range(start, stop, MIB):
                end = min(at + MIB, stop)
                assert await get(stream, at, end - at) == content(at, end)
        await stream.close()
        return dict(reader.statistics()), dict(disk.statistics())


async def test_a_file_read_before_needs_no_network(directory):
    """After a remount every byte comes from the disk, the short last cell included."""
    size = 90 * MIB + 12_345
    await read_once(directory, paced(size), [(0, size)])
    offline = unreachable(size)
    counted, kept = await read_once(directory, offline, [(0, size)])
    assert not offline.gets
    assert counted["from_disk"] >= size
    assert counted["wasted"] == 0
    assert kept["drops"] == 0


async def test_everything_read_is_on_disk_soon_after_the_close(directory):
    """A fast read that the disk cannot follow at once is caught up with."""
    size = 300 * MIB
    async with (
        open_disk_cache(directory, BUDGET) as disk,
        open_reader(memory_bytes=64 * MIB, disk=disk) as reader,
    ):
        stream = reader.open(key_of(size), paced(size))
        await read_all(stream, size)
        await stream.close()
        with trio.fail_after(10):
            await disk.drain()
        assert disk.statistics()["bytes"] >= 0.95 * size


async def test_single_cells_survive_a_remount(directory):
    """Head and tail of a file that was only looked into are kept, and nothing else is."""
    size = 500 * MIB
    spans = [(0, 256 * KIB), (300 * MIB, 300 * MIB + 4 * KIB), (size - 100 * KIB, size)]
    source = FakeSource(size)
    await read_once(directory, source, spans)
    offline = unreachable(size)
    counted, _ = await read_once(directory, offline, spans)
    assert not offline.gets
    assert counted["from_disk"] <= 3 * MIB


async def test_a_block_kept_in_parts_becomes_whole(directory):
    """Cells of different visits to one block are read together."""
    size = 2 * BLOCK
    await read_once(directory, FakeSource(size), [(20 * CELL, 20 * CELL + 4 * KIB)])
    await read_once(directory, FakeSource(size), [(9 * CELL, 9 * CELL + 4 * KIB)])
    source = FakeSource(size)
    await read_once(directory, source, [(0, size)])
    assert source.fetched == size - 2 * CELL
    offline = unreachable(size)
    await read_once(directory, offline, [(0, size)])
    assert not offline.gets


@pytest.mark.logs("does not match its checksum")
async def test_a_damaged_block_is_fetched_anew(directory):
    """One wrong byte on disk costs a GET, never a wrong byte read."""
    size = 3 * BLOCK
    await read_once(directory, FakeSource(size), [(0, size)])
    victim = max(directory.rglob("*.val"), key=lambda path: path.stat().st_size)
    data = bytearray(victim.read_bytes())
    data[MIB + 5] ^= 1
    victim.write_bytes(data)
    source = FakeSource(size)
    await read_once(directory, source, [(0, size)])
    assert MIB <= source.fetched <= BLOCK
    offline = unreachable(size)
    await read_once(directory, offline, [(0, size)])
    assert not offline.gets


@pytest.mark.logs("does not match its checksum")
async def test_files_that_are_cut_short_are_fetched_anew(directory):
    """What a power cut leaves: every file ends early."""
    size = 3 * BLOCK + 5000
    await read_once(directory, FakeSource(size), [(0, size)])
    for path in directory.rglob("*.val"):
        with path.open("r+b") as file:
            file.truncate(path.stat().st_size // 2)
    source = FakeSource(size)
    await read_once(directory, source, [(0, size)])
    assert source.fetched >= size // 2


@pytest.mark.logs("caching on disk stops")
async def test_a_disk_that_hangs_costs_seconds_not_the_mount(directory, monkeypatch):
    """A load that is not answered is given up: the network has the bytes as well."""
    size = 2 * BLOCK
    await read_once(directory, FakeSource(size), [(0, size)])
    monkeypatch.setattr(loads_module, "_LOAD_WITHIN_S", 0.2)
    async with (
        open_disk_cache(directory, BUDGET) as disk,
        open_reader(memory_bytes=64 * MIB, disk=disk) as reader,
    ):
        gate = trio.Event()
        read = disk._shelf.read

        def hanging(*args):
            trio.from_thread.run(gate.wait)
            return read(*args)

        monkeypatch.setattr(disk._shelf, "read", hanging)
        source = FakeSource(size)
        stream = reader.open(key_of(size), source)
        with trio.fail_after(5):
            assert await get(stream, 5, MIB) == content(5, MIB + 5)
        assert source.gets
        gate.set()
        # The late thread wrote into memory that nobody reads any more.
        assert await get(stream, 0, size) == content(0, size)


async def test_random_reads_from_the_disk_cost_a_mebibyte_at_most(directory):
    """A checksum covers eight cells: a random read loads those, not the block."""
    size = 100 * MIB
    await read_once(directory, paced(size), [(0, size)])
    spans = [(at * MIB + 4096, at * MIB + 8192) for at in (90, 3, 55, 20, 71)]
    offline = unreachable(size)
    counted, _ = await read_once(directory, offline, spans)
    assert not offline.gets
    assert counted["from_disk"] <= 5 * MIB


async def test_part_on_disk_part_over_the_network_is_each_byte_once(directory):
    """A file of which every other block is kept is completed, not fetched again."""
    size = 20 * BLOCK
    kept = [(index * BLOCK, (index + 1) * BLOCK) for index in range(0, 20, 2)]
    for span in kept:
        await read_once(directory, FakeSource(size), [(span[0], span[1])], memory=16 * MIB)
    source = FakeSource(size)
    counted, _ = await read_once(directory, source, [(0, size)])
    assert source.fetched + counted["from_disk"] == size
    assert counted["from_disk"] >= 10 * BLOCK


async def test_two_streams_read_what_one_load_brings(directory):
    """A load is shared as a GET is."""
    size = 8 * BLOCK
    await read_once(directory, FakeSource(size), [(0, size)])
    async with (
        open_disk_cache(directory, BUDGET) as disk,
        open_reader(memory_bytes=64 * MIB, disk=disk) as reader,
    ):
        offline = unreachable(size)
        async with trio.open_nursery() as nursery:
            for _ in range(8):
                stream = reader.open(key_of(size), offline)
                nursery.start_soon(read_all, stream, size)
        assert reader.statistics()["from_disk"] == size
