"""Bad disks: they cost the cache, never a reader, and never a wrong byte."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import threading
from contextlib import asynccontextmanager, closing

import pytest
import trio

from fsmount.cache import disk as disk_module
from fsmount.cache import loads as loads_module
from fsmount.cache import opening as opening_module
from fsmount.cache import shelf as shelf_module
from fsmount.cache.buffers import BLOCK
from fsmount.cache.memory import ALL_CELLS, Memory
from fsmount.cache.opening import open_disk_cache
from fsmount.model import ContentKey
from fsmount.reader.stream import open_reader
from tests.cache.fakes import (
    MIB,
    bytes_of,
    disk_usage,
    failing,
    keep,
    key_of,
    load,
    new_block,
    value_files,
)

BUDGET = 256 * MIB
STOPS = "caching on disk stops for now"
OFF = "caching on disk is off"


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def mounted(tmp_path):
    """Return a function that mounts a filesystem of its own for the cache."""
    if os.geteuid():
        pytest.skip("only root can mount a filesystem; the same is tested with made-up errors")
    place = tmp_path / "disk"
    place.mkdir()
    mounts = []

    def mount(kind="tmpfs", options="size=24M"):
        subprocess.run(["mount", "-t", kind, "-o", options, "none", place], check=True)
        mounts.append(place)
        return place

    yield mount
    for made in mounts:
        subprocess.run(["umount", "--lazy", made], check=True)


def make_read_only(place):
    """Remount a filesystem as one that takes nothing any more."""
    subprocess.run(["mount", "-o", "remount,ro", place], check=True)


class Gate:
    """Holds the writer's thread until it is opened: a disk that hangs."""

    def __init__(self, monkeypatch, owner, name):
        self.entered = threading.Event()
        self._open = threading.Event()
        real = getattr(owner, name)

        def stand_in(*arguments, **options):
            self.entered.set()
            assert self._open.wait(60)
            return real(*arguments, **options)

        monkeypatch.setattr(owner, name, stand_in)

    def open(self):
        self._open.set()

    async def reached(self):
        """Wait until a thread hangs in it."""
        with trio.fail_after(10):
            assert await trio.to_thread.run_sync(self.entered.wait, 10)


@asynccontextmanager
async def hanging(gate):
    """Let the gate go at the end whatever happens, so that no thread outlives the test."""
    try:
        yield gate
    finally:
        gate.open()


class Source:
    """A network that has every byte at once."""

    connections = 4
    link_remaining_s = None

    def __init__(self, key):
        self.key = key
        self.fetched = 0

    def close(self):
        """Nobody needs to know."""

    async def fetch(self, start, stop, sink):
        while start < stop:
            room = sink.room()
            count = min(len(room), stop - start, MIB)
            await trio.lowlevel.checkpoint()
            room[:count] = bytes_of(self.key, start, start + count)
            sink.filled(count)
            start += count
            self.fetched += count


async def read_through(reader, key, *, source=None):
    """Read a whole file as a player does, check every byte, and return its source."""
    source = source or Source(key)
    stream = reader.open(key, source)
    for start in range(0, key.size, MIB):
        size = min(MIB, key.size - start)
        data = stream.read_nowait(start, size)
        if data is None:
            data = await stream.read(start, size)
        assert bytes(data) == bytes_of(key, start, start + size)
    with trio.fail_after(10):
        await stream.close()
    return source


@pytest.mark.logs(STOPS)
async def test_a_full_disk_stops_caching_and_not_reading(
    directory, monkeypatch, unexpected_warnings
):
    """ENOSPC: one warning, nothing half-written, some room made, and the rest is still served."""
    old, kept, other = (key_of(BLOCK, name) for name in ("old", "kept", "other"))
    async with open_disk_cache(directory, BUDGET) as disk:
        await keep(disk, new_block(old))
        await keep(disk, *(new_block(key_of(40 * MIB), n) for n in range(9)))
        await keep(disk, new_block(kept))
        monkeypatch.setattr(os, "pwrite", failing(errno.ENOSPC))
        await keep(disk, new_block(other))
        assert disk.holds(other, 0) == 0
        statistics = disk.statistics()
        assert (statistics["paused"], statistics["drops"], statistics["owed"]) == (1, 1, 0)
        assert not disk.offer(new_block(other)), "it is not tried again with each block"
        assert disk.holds(old, 0) == 0, "what was read longest ago makes room"
        assert len(value_files(directory)) == statistics["records"] == 9
        assert disk.limit == statistics["bytes"]
        assert await load(disk, kept) == ALL_CELLS
    assert len(unexpected_warnings.records) == 1
    async with open_disk_cache(directory, BUDGET) as disk:
        assert disk.statistics()["records"] == 9
        assert await load(disk, kept) == ALL_CELLS


@pytest.mark.logs(STOPS)
async def test_caching_goes_on_when_the_disk_works_again(directory, monkeypatch, caplog):
    """It is tried again after a while, without a second warning, and told in the log."""
    monkeypatch.setattr(disk_module, "_RETRY_S", 0.0)
    caplog.set_level("INFO", "fsmount")
    block = new_block(key_of())
    async with open_disk_cache(directory, BUDGET) as disk:
        with monkeypatch.context() as patch:
            patch.setattr(os, "pwrite", failing(errno.EIO))
            for _ in range(3):
                await keep(disk, block)
        assert block.saved == 0
        await keep(disk, block)
        assert await load(disk, key_of()) == ALL_CELLS
        assert disk.statistics()["paused"] == 0
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "works again" in caplog.text


async def test_a_small_disk_is_never_filled(mounted):
    """The cache leaves a twentieth of a real filesystem free, however large its budget is."""
    place = mounted()
    memory = Memory(1024 * MIB)
    async with open_disk_cache(place / "cache", BUDGET) as disk:
        for number in range(24):
            await keep(disk, new_block(key_of(BLOCK * 24), number, memory=memory))
            state = os.statvfs(place)
            assert state.f_bavail * state.f_frsize > 0
        assert disk.statistics()["paused"] == 0
        assert await load(disk, key_of(BLOCK * 24), 23) == ALL_CELLS
        await disk.drain()
        state = os.statvfs(place)
        assert state.f_bavail >= state.f_blocks // 20


@pytest.mark.logs(STOPS)
async def test_a_disk_that_others_fill_costs_readers_nothing(mounted, unexpected_warnings):
    """A real ENOSPC in the middle of a film: every byte is right, one warning is written."""
    place = mounted()
    key = key_of(40 * MIB + 17)
    async with open_disk_cache(place / "cache", BUDGET) as disk:
        with (place / "others").open("wb", buffering=0) as file:
            os.posix_fallocate(file.fileno(), 0, 22 * MIB)
            async with open_reader(memory_bytes=32 * MIB, disk=disk) as reader:
                disk._limit = disk.most  # as it was measured before others came
                await read_through(reader, key)
        assert disk.statistics()["paused"] == 1
    assert len(unexpected_warnings.records) == 1


async def test_a_filesystem_without_direct_io_is_used_from_the_first_block_on(mounted):
    """Seen on ramfs: nothing is lost to finding out."""
    place = mounted("ramfs", "rw")
    async with open_disk_cache(place / "cache", BUDGET) as disk:
        disk._limit = disk.most  # ramfs does not tell its size
        await keep(disk, new_block(key_of()))
        assert await load(disk, key_of()) == ALL_CELLS


@pytest.mark.logs(STOPS)
async def test_a_disk_that_turns_read_only_is_still_read(
    directory, monkeypatch, unexpected_warnings
):
    """As ext4 does after an error: reads go on, also when noting what was read is what failed."""
    async with open_disk_cache(directory, BUDGET) as disk:
        await keep(disk, new_block(key_of(BLOCK)))
        monkeypatch.setattr(os, "pwrite", failing(errno.EROFS))
        with closing(sqlite3.connect(directory / "cache.db")) as rows:
            rows.execute(
                "CREATE TRIGGER readonly BEFORE UPDATE ON Cache"
                " BEGIN SELECT RAISE(FAIL, 'attempt to write a readonly database'); END"
            )
        assert await load(disk, key_of(BLOCK)) == ALL_CELLS
        with trio.fail_after(10):
            await disk.drain()
        assert disk.statistics()["paused"] == 1
        assert await load(disk, key_of(BLOCK)) == ALL_CELLS
        assert not disk.offer(new_block(key_of(BLOCK, "other")))
    assert len(unexpected_warnings.records) == 1


@pytest.mark.logs(OFF)
async def test_a_read_only_directory_keeps_nothing(mounted, unexpected_warnings):
    """One warning at the start, and a mount without a cache."""
    place = mounted()
    make_read_only(place)
    await keeps_nothing(place / "cache", BUDGET)
    assert len(unexpected_warnings.records) == 1


@pytest.mark.logs("a cached block cannot be read and is fetched meanwhile")
@pytest.mark.parametrize(("call", "code"), [("preadv", errno.EIO), ("open", errno.EMFILE)])
async def test_a_disk_that_cannot_be_read_costs_a_fetch_and_no_record(
    directory, monkeypatch, unexpected_warnings, call, code
):
    """An error says nothing about the bytes: they are there again when it is over."""
    key = key_of(BLOCK)
    async with open_disk_cache(directory, BUDGET) as disk:
        await keep(disk, new_block(key))
        with monkeypatch.context() as broken:
            real = getattr(os, call)

            def stand_in(what, *args, **options):
                if call == "preadv" or (str(what).endswith(".val") and not args[0] & os.O_CREAT):
                    raise OSError(code, os.strerror(code))
                return real(what, *args, **options)

            broken.setattr(os, call, stand_in)
            assert await load(disk, key) == 0
            assert disk.holds(key, 0) == 0, "the network is asked at once"
            async with open_reader(memory_bytes=32 * MIB, disk=disk) as reader:
                source = await read_through(reader, key)
            await disk.drain()
        assert source.fetched == key.size
        assert disk.statistics()["damaged"] == 0
        assert await load(disk, key) == ALL_CELLS, "what was fetched took its place"
    assert len(unexpected_warnings.records) == 1


@pytest.mark.logs("a cached block cannot be read and is fetched meanwhile")
async def test_a_record_that_could_not_be_read_is_tried_again(directory, monkeypatch):
    """After a while, without having been fetched."""
    key = key_of(BLOCK)
    monkeypatch.setattr(loads_module, "_RETRY_S", 0.0)
    async with open_disk_cache(directory, BUDGET) as disk:
        await keep(disk, new_block(key))
        with monkeypatch.context() as broken:
            broken.setattr(os, "preadv", failing(errno.EIO))
            assert await load(disk, key) == 0
        assert await load(disk, key) == ALL_CELLS


async def keeps_nothing(directory, budget, **options):
    """Check that a cache opened so takes, holds and counts nothing, and readers read."""
    async with open_disk_cache(directory, budget, **options) as disk:
        block = new_block(key_of(BLOCK))
        assert not disk.offer(block)
        disk.forgo(block)
        assert disk.holds(key_of(BLOCK), 0) == 0
        assert await disk.load(block, 1) == 0
        async with open_reader(memory_bytes=32 * MIB, disk=disk) as reader:
            await read_through(reader, key_of(3 * BLOCK))
        assert disk.statistics()["stores"] == disk.statistics()["bytes"] == 0
        with trio.fail_after(5):
            await disk.drain()


@pytest.mark.parametrize("budget", [0, -1])
async def test_a_cache_of_no_bytes_keeps_nothing(directory, budget):
    """It was asked for: no warning, and no directory."""
    await keeps_nothing(directory, budget)
    assert not directory.exists()


@pytest.mark.logs("is on a network filesystem")
async def test_a_directory_on_a_network_filesystem_keeps_nothing(directory, unexpected_warnings):
    """Neither locks nor sqlite can be trusted there."""
    await keeps_nothing(directory, BUDGET, on_network=True)
    assert not directory.exists()
    assert len(unexpected_warnings.records) == 1


@pytest.mark.logs(OFF)
@pytest.mark.parametrize("what", ["file", "below a file", "lock is a folder", "index is a folder"])
async def test_a_directory_that_cannot_be_used_keeps_nothing(directory, what, unexpected_warnings):
    """Whatever is in the way: one warning."""
    if what == "lock is a folder":
        (directory / "lock").mkdir(parents=True)
    elif what == "index is a folder":
        (directory / "cache.db").mkdir(parents=True)
    else:
        directory.write_bytes(b"")
        directory = directory / "below" if what == "below a file" else directory
    await keeps_nothing(directory, BUDGET)
    assert len(unexpected_warnings.records) == 1


async def test_a_second_mount_on_the_same_directory_gets_one_beside_it(directory):
    """And again the same one the next time."""
    for _ in range(2):
        async with open_disk_cache(directory, BUDGET) as first:
            async with open_disk_cache(directory, BUDGET) as second:
                assert first.directory == directory
                assert second.directory == directory.with_name("cache.2")
                await keep(first, new_block(key_of(BLOCK, "first")))
                await keep(second, new_block(key_of(BLOCK, "second")))
            assert first.keeps(key_of(BLOCK, "first"), 0)
            assert not first.keeps(key_of(BLOCK, "second"), 0)


@pytest.mark.logs("another mount uses the same cache directory")
async def test_too_many_mounts_of_one_source_go_without(directory, monkeypatch):
    """A bound, so that a mistake does not fill the disk."""
    monkeypatch.setattr(opening_module, "_PLACES", 2)
    async with (
        open_disk_cache(directory, BUDGET),
        open_disk_cache(directory, BUDGET) as second,
    ):
        assert not second.is_off
        await keeps_nothing(directory, BUDGET)


@pytest.mark.logs("does not answer: nothing is cached yet")
async def test_a_disk_that_hangs_at_the_start_is_waited_for_behind(
    directory, monkeypatch, unexpected_warnings
):
    """The mount stands; when the disk answers after all it is used."""
    async with open_disk_cache(directory, BUDGET) as disk:
        await keep(disk, new_block(key_of(BLOCK)))
    monkeypatch.setattr(opening_module, "_OPEN_WITHIN_S", 0.1)
    gate = Gate(monkeypatch, opening_module, "open_shelf")
    async with hanging(gate):
        with trio.fail_after(10):
            async with open_disk_cache(directory, BUDGET) as disk:
                assert disk.is_off
                assert not disk.offer(new_block(key_of(BLOCK, "other")))
                gate.open()
                while disk.is_off:  # noqa: ASYNC110  # nobody tells of it
                    await trio.sleep(0.01)
                assert await load(disk, key_of(BLOCK)) == ALL_CELLS
    assert len(unexpected_warnings.records) == 1


@pytest.mark.logs("does not answer: nothing is cached yet")
async def test_a_disk_that_never_answers_holds_up_no_end(directory, monkeypatch):
    """Who left does not keep the directory from the next when it answers late."""
    monkeypatch.setattr(opening_module, "_OPEN_WITHIN_S", 0.1)
    with monkeypatch.context() as patch:
        gate = Gate(patch, opening_module, "open_shelf")
        async with hanging(gate):
            with trio.fail_after(5):
                async with open_disk_cache(directory, BUDGET) as disk:
                    assert disk.is_off
        with trio.fail_after(10):
            while not (directory / "cache.db").exists():  # noqa: ASYNC110  # a thread of nobody's
                await trio.sleep(0.01)
    with trio.fail_after(10):
        while True:
            async with open_disk_cache(directory, BUDGET) as disk:
                if disk.directory == directory:
                    break
            await trio.sleep(0.05)


@pytest.mark.logs("the index of the disk cache is broken")
async def test_a_broken_index_costs_what_was_kept_and_no_more(directory, unexpected_warnings):
    """One warning, an empty cache that works, and no space lost to files that nobody knows."""
    async with open_disk_cache(directory, BUDGET) as disk:
        await keep(disk, *(new_block(key_of(), number) for number in range(4)))
    (directory / "cache.db").write_bytes(os.urandom(8192))
    async with open_disk_cache(directory, BUDGET) as disk:
        assert disk.statistics()["records"] == 0
        assert disk_usage(directory) < MIB
        await keep(disk, new_block(key_of()))
        assert await load(disk, key_of()) == ALL_CELLS
    assert len(unexpected_warnings.records) == 1


async def test_a_hanging_disk_slows_no_reader_and_bounds_what_is_owed(directory, monkeypatch):
    """Memory is full of what the disk has yet to take: it is forgotten, and counted."""
    gate = Gate(monkeypatch, shelf_module, "write_record")
    key = key_of(320 * MIB)
    async with hanging(gate), open_disk_cache(directory, 2 * BUDGET) as disk:
        async with open_reader(memory_bytes=64 * MIB, disk=disk) as reader:
            began = trio.current_time()
            await read_through(reader, key)
            took_s = trio.current_time() - began
            assert gate.entered.is_set()
            assert reader.memory.used <= 64 * MIB
        statistics = disk.statistics()
        assert statistics["owed"] <= 64 * MIB
        assert statistics["drops"] >= (320 - 64 - 40) * MIB // BLOCK // 2
        assert statistics["stores"] == 0
        gate.open()
        with trio.fail_after(20):
            await disk.drain()
        assert disk.statistics()["stores"] >= 4
    assert took_s < 15, "a hanging disk would have been waited for without end"


async def test_leaving_does_not_wait_for_a_hanging_disk(directory, monkeypatch):
    """Unmounting takes seconds at most; what was not written is not in the index."""
    monkeypatch.setattr(opening_module, "_LEAVE_WITHIN_S", 0.2)
    gate = Gate(monkeypatch, shelf_module, "write_record")
    async with hanging(gate):
        with trio.fail_after(5):
            async with open_disk_cache(directory, BUDGET) as disk:
                assert disk.offer(new_block(key_of()))
                await gate.reached()


@pytest.mark.logs("did not answer a read in time")
async def test_a_read_that_hangs_is_given_up_and_its_memory_abandoned(
    directory, monkeypatch, unexpected_warnings
):
    """A thread may still write into it, so nobody else gets it; the disk is left alone a while."""
    monkeypatch.setattr(loads_module, "_LOAD_WITHIN_S", 0.1)
    gate = Gate(monkeypatch, shelf_module, "read_record")
    key = key_of(BLOCK)
    async with open_disk_cache(directory, BUDGET) as disk, hanging(gate):
        await keep(disk, new_block(key))
        assert await disk.load(new_block(key, filled=False), 1) is None
        assert disk.holds(key, 0) == 0, "the network is asked at once from now on"
        assert disk.statistics()["hits"] == 0
        async with open_reader(memory_bytes=32 * MIB, disk=disk) as reader:
            source = await read_through(reader, key)
        assert source.fetched == key.size
    assert len(unexpected_warnings.records) == 1


@pytest.mark.logs("did not answer a read in time")
async def test_a_reader_gets_its_bytes_though_its_disk_hangs(directory, monkeypatch):
    """The read that met the hanging disk first waits for it once, then the network has it."""
    monkeypatch.setattr(loads_module, "_LOAD_WITHIN_S", 0.1)
    gate = Gate(monkeypatch, shelf_module, "read_record")
    key = key_of(BLOCK)
    async with open_disk_cache(directory, BUDGET) as disk, hanging(gate):
        await keep(disk, new_block(key))
        async with open_reader(memory_bytes=32 * MIB, disk=disk) as reader:
            with trio.fail_after(10):
                source = await read_through(reader, key)
            assert source.fetched == key.size
            gate.open()


async def test_what_was_read_is_on_disk_when_its_file_is_closed(directory):
    """Whole blocks and single cells: the next mount asks the network for nothing."""
    film, head = key_of(40 * MIB + 4711, "film"), key_of(64 * MIB, "head")
    async with (
        open_disk_cache(directory, BUDGET) as disk,
        open_reader(memory_bytes=64 * MIB, disk=disk) as reader,
    ):
        source = await read_through(reader, film)
        assert source.fetched == film.size
        stream = reader.open(head, Source(head))
        assert bytes(await stream.read(0, 1000)) == bytes_of(head, 0, 1000)
        await stream.close()
    async with open_disk_cache(directory, BUDGET) as disk:
        assert disk.holds(head, 0) & 1
        async with open_reader(memory_bytes=64 * MIB, disk=disk) as reader:
            source = await read_through(reader, film)
            assert source.fetched <= film.size // 20
            assert reader.statistics()["from_disk"] >= film.size * 19 // 20


async def test_two_remotes_share_a_digest_only_within_a_trust_domain(directory):
    """Through the whole reader: a stranger's share fetches, a sibling finds it on disk."""
    mine = ContentKey("vouched", "sha1:0a", 2 * BLOCK)
    stranger = ContentKey("share of a stranger", "sha1:0a", 2 * BLOCK)
    async with open_disk_cache(directory, BUDGET) as disk:
        async with open_reader(memory_bytes=64 * MIB, disk=disk) as reader:
            assert (await read_through(reader, mine)).fetched == 2 * BLOCK
            assert (await read_through(reader, stranger)).fetched == 2 * BLOCK
        await disk.drain()
        async with open_reader(memory_bytes=64 * MIB, disk=disk) as reader:
            assert (await read_through(reader, mine)).fetched == 0
