"""The disk cache: what is kept, merged, dropped and evicted, and what it says of itself."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import closing

import pytest
import trio

from fsmount.cache import disk as disk_module
from fsmount.cache.buffers import BLOCK
from fsmount.cache.disk import DiskCache
from fsmount.cache.inventory import place_of
from fsmount.cache.memory import ALL_CELLS, CELL, Memory
from fsmount.cache.opening import open_disk_cache
from fsmount.cache.records import Extent, Record, charge_of
from tests.cache.fakes import (
    MIB,
    disk_usage,
    fill,
    keep,
    key_of,
    load,
    new_block,
    value_files,
    wrong_cells,
)

BUDGET = 256 * MIB
CELL_CHARGE = charge_of(1)


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "cache"


def flip(path, at=0):
    """Change one byte of a file."""
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))


def unshelved(budget, *records):
    """Return a cache that knows ``records`` and has no disk: for decisions alone."""
    return DiskCache(None, budget, records)


def record(key, block=0, cells=1):
    """Return a record as the shelf lists it."""
    extents = tuple(Extent(cell, cell + 1, 0) for cell in range(32) if cells >> cell & 1)
    place = place_of(key, block)
    return Record(f"{place}-{cells:x}", "f", cells.bit_count() * CELL, extents)


async def test_blocks_survive_a_restart(directory):
    """Whole blocks, single cells and the short end of a file: the same bytes, by another mount."""
    key = key_of(2 * BLOCK + 4711)
    async with open_disk_cache(directory, BUDGET) as disk:
        await keep(disk, new_block(key, 0), new_block(key, 1, 0b1010), new_block(key, 2))
        assert [disk.holds(key, index) for index in range(4)] == [ALL_CELLS, 0b1010, 1, 0]
    async with open_disk_cache(directory, BUDGET) as disk:
        assert [disk.holds(key, index) for index in range(4)] == [ALL_CELLS, 0b1010, 1, 0]
        assert await load(disk, key, 0) == ALL_CELLS
        assert await load(disk, key, 1) == 0b1010
        assert await load(disk, key, 2) == 1
        assert disk.statistics()["hits"] == 3


async def test_cells_that_came_at_different_times_make_one_block(directory):
    """Each time only what is new is written, and a load joins the records."""
    key = key_of()
    memory = Memory(64 * MIB)
    async with open_disk_cache(directory, BUDGET) as disk:
        block = new_block(key, 0, 0b11, memory=memory)
        await keep(disk, block)
        assert block.saved == 0b11
        memory.admit(block.content, 0, ALL_CELLS, streaming=False, urgent=False)
        fill(block, 0xFF00)
        await keep(disk, block)
        assert disk.holds(key, 0) == 0xFF03
        assert disk.statistics()["written"] == 10 * CELL
        assert await load(disk, key) == 0xFF03
        assert not disk.offer(block), "nothing of it is new"
    async with open_disk_cache(directory, BUDGET) as disk:
        assert await load(disk, key) == 0xFF03
        assert await load(disk, key, 0, 0x0102) == 0x0102


async def test_the_same_cells_again_replace_the_record(directory):
    """They are kept once and counted once."""
    key = key_of()
    async with open_disk_cache(directory, BUDGET) as disk:
        await keep(disk, new_block(key, 0, 0b11))
        before = disk.statistics()
        await keep(disk, new_block(key, 0, 0b11))
        after = disk.statistics()
        assert (after["bytes"], after["records"]) == (before["bytes"], before["records"])
        assert len(value_files(directory)) == 1
        assert await load(disk, key) == 0b11


async def test_overlapping_records_serve_each_cell_once(directory):
    """Where two records have a cell either will do, also when the other one is bad."""
    key = key_of()
    async with open_disk_cache(directory, BUDGET) as disk:
        await keep(disk, new_block(key, 0, 0b0111))
        (first,) = value_files(directory)
        await keep(disk, new_block(key, 0, 0b1110))
        assert await load(disk, key) == 0b1111
        flip(first)
        assert await load(disk, key, 0, 0b0110) == 0b0110


@pytest.mark.logs("a cached block does not match its checksum")
@pytest.mark.parametrize(
    "harm",
    [
        flip,
        lambda path: os.truncate(path, CELL // 2),
        lambda path: os.truncate(path, 0),
        lambda path: path.write_bytes(os.urandom(BLOCK)),
        lambda path: path.unlink(),
    ],
    ids=["flipped byte", "short", "empty", "foreign", "missing"],
)
async def test_a_damaged_record_is_dropped_and_not_served(directory, harm, unexpected_warnings):
    """It is neither a hit nor held nor on disk any more; one warning, and the place is usable."""
    key, other = key_of(2 * CELL), key_of(2 * CELL, "other")
    async with open_disk_cache(directory, BUDGET) as disk:
        await keep(disk, new_block(key), new_block(other))
        full = disk.statistics()["bytes"]
        for path in value_files(directory):
            harm(path)
        assert await load(disk, key) == 0
        statistics = disk.statistics()
        assert (statistics["hits"], statistics["damaged"]) == (0, 1)
        assert statistics["bytes"] == full // 2
        assert disk.holds(key, 0) == 0
        assert await load(disk, other) == 0
        await disk.drain()
        assert value_files(directory) == []
        assert disk.statistics()["bytes"] == 0
        await keep(disk, new_block(key))
        assert await load(disk, key) == 0b11
    assert len(unexpected_warnings.records) == 1
    async with open_disk_cache(directory, BUDGET) as disk:
        assert await load(disk, key) == 0b11
        assert disk.holds(other, 0) == 0


@pytest.mark.logs("a cached block does not match its checksum")
async def test_the_good_part_of_a_damaged_block_is_served(directory):
    """Extents that match are used; the record goes all the same."""
    key = key_of()
    async with open_disk_cache(directory, BUDGET) as disk:
        await keep(disk, new_block(key))
        flip(value_files(directory)[0], 9 * CELL)
        assert await load(disk, key) == ALL_CELLS & ~0xFF00
        assert disk.statistics()["hits"] == 1
        assert disk.holds(key, 0) == 0


async def test_cells_under_one_checksum_come_along(directory):
    """Reading one cell costs its extent, so the rest of it is offered to the reader."""
    key = key_of()
    async with open_disk_cache(directory, BUDGET) as disk:
        await keep(disk, new_block(key, 0, 0x0000_0FF0), new_block(key, 1, 0b1))
        assert disk.widen(key, 0, 1 << 4) == 0x0FF0
        assert disk.widen(key, 0, 1 << 0) == 0
        assert disk.widen(key, 1, 1) == 1
        assert disk.widen(key, 2, 1) == 0


async def test_domains_do_not_share_and_one_domain_does(directory):
    """A hostile remote cannot plant bytes under the digest of a file of another domain."""
    digest = "sha1:da39a3ee"
    mine = key_of(CELL, digest, "vouched")
    async with open_disk_cache(directory, BUDGET) as disk:
        await keep(disk, new_block(mine))
        assert disk.holds(key_of(CELL, digest, "vouched"), 0) == 1
        for other in (
            key_of(CELL, digest, "share of a stranger"),
            key_of(CELL, digest, ""),
            key_of(CELL, digest, "vouche"),
            key_of(CELL, "d" + digest, "vouche"),
            key_of(CELL + 1, digest, "vouched"),
            key_of(CELL, digest + "\0", "vouched"),
        ):
            assert disk.holds(other, 0) == 0
            assert await disk.load(new_block(other, filled=False), 1) == 0
    async with open_disk_cache(directory, BUDGET) as disk:
        assert await load(disk, key_of(CELL, digest, "vouched")) == 1


async def test_the_index_has_no_content_names_in_its_keys(directory):
    """Keys are hashes of fixed length, whatever ids a provider invents; lone surrogates too."""
    key = key_of(CELL, "../\ud800" + "x" * 5000)
    async with open_disk_cache(directory, BUDGET) as disk:
        await keep(disk, new_block(key, label="remote:dir/电影.mkv"))
    with closing(sqlite3.connect(directory / "cache.db")) as rows:
        ((name, label),) = rows.execute("SELECT key, tag FROM Cache").fetchall()
    assert len(name) < 48
    assert label.decode() == f"{CELL} remote:dir/电影.mkv"  # its size, and what it is called
    async with open_disk_cache(directory, BUDGET) as disk:
        assert await load(disk, key) == 1


async def test_asking_what_is_held_touches_neither_disk_nor_thread(directory, monkeypatch):
    """``holds`` is called for each read: it answers from memory."""
    async with open_disk_cache(directory, BUDGET) as disk:
        await keep(disk, new_block(key_of(CELL)))
        with monkeypatch.context() as patch:
            for module, name in ((os, "open"), (sqlite3, "connect"), (threading.Thread, "start")):
                patch.setattr(module, name, None)
            assert disk.holds(key_of(CELL), 0) == 1
            assert disk.statistics()["records"] == 1


async def test_the_disk_budget_is_kept_under_load(directory):
    """Whatever is offered, ``du`` of the directory stays below it, and the newest is there."""
    budget = 40 * MIB
    memory = Memory(1024 * MIB)
    used = []
    async with open_disk_cache(directory, budget) as disk:
        for number in range(12):
            big = new_block(key_of(BLOCK, f"big {number}"), memory=memory)
            tiny = [new_block(key_of(700, f"tiny {number} {n}"), memory=memory) for n in range(40)]
            cells = [
                new_block(key_of(64 * MIB, f"{number}"), n, 0b101, memory=memory) for n in range(9)
            ]
            await keep(disk, big, *tiny, *cells)
            used.append(disk_usage(directory))
            assert disk.statistics()["bytes"] <= budget
        assert max(used) <= budget
        assert disk.statistics()["bytes"] > budget * 3 // 5, "it is used as well"
        assert await load(disk, key_of(BLOCK, "big 11")) == ALL_CELLS
        assert disk.holds(key_of(BLOCK, "big 0"), 0) == 0
    assert disk_usage(directory) <= budget


async def test_statistics_agree_with_the_disk(directory):
    """Bytes are what the files take, and a little for each row; records are files."""
    async with open_disk_cache(directory, BUDGET) as disk:
        await keep(
            disk,
            new_block(key_of()),
            new_block(key_of(), 1, 0x5555),
            *(new_block(key_of(100 + number, f"tiny {number}")) for number in range(30)),
        )
        files = value_files(directory)
        taken = sum(path.stat().st_blocks * 512 for path in files)
        statistics = disk.statistics()
        assert statistics["records"] == statistics["stores"] == len(files) == 32
        assert taken <= statistics["bytes"] <= taken + 32 * 4096
        assert statistics["written"] == sum(path.stat().st_size for path in files)
        assert (statistics["owed"], statistics["drops"], statistics["paused"]) == (0, 0, 0)
        assert statistics["budget"] == BUDGET
    async with open_disk_cache(directory, BUDGET) as disk:
        again = disk.statistics()
        assert [again[name] for name in ("bytes", "records")] == [
            statistics[name] for name in ("bytes", "records")
        ]


async def test_what_was_read_longest_ago_goes_first():
    """Eviction follows recency, and frees a little more than needed so as not to run each time."""
    keys = [key_of(64 * MIB, f"c{number}") for number in range(200)]
    records = [record(key) for key in keys]
    disk = unshelved(BUDGET, *records)
    disk._inventory.read(records[:1])
    disk._limit = 100 * CELL_CHARGE
    disk._take_owed()
    held = [number for number, key in enumerate(keys) if disk.holds(key, 0)]
    assert held == [0, *range(200 - 94, 200)], "95 % of the limit, the youngest"
    for number in range(5):
        disk._inventory.insert(record(key_of(CELL, f"new {number}")))
        disk._take_owed()
    assert disk.statistics()["records"] == 100, "up to the limit nothing goes"


async def test_a_record_that_was_read_outlives_younger_ones(directory):
    """Recency is that of reads, and it survives a restart."""
    keys = [key_of(BLOCK, f"c{number}") for number in range(8)]
    async with open_disk_cache(directory, 64 * MIB) as disk:
        for key in keys:
            await keep(disk, new_block(key))
        assert await load(disk, keys[1]) == ALL_CELLS
    async with open_disk_cache(directory, 24 * MIB) as disk:
        await disk.drain()
        held = [number for number, key in enumerate(keys) if disk.holds(key, 0)]
        assert held == [1, 5, 6, 7]
        assert disk_usage(directory) <= 24 * MIB


async def test_a_read_counts_at_once_for_what_goes_next(directory):
    """Not only at the next start: the block just read stays when room is made."""
    keys = [key_of(BLOCK, f"c{number}") for number in range(9)]
    async with open_disk_cache(directory, 24 * MIB) as disk:
        await keep(disk, *(new_block(key) for key in keys[:4]))
        assert await load(disk, keys[0]) == ALL_CELLS
        for key in keys[4:6]:
            await keep(disk, new_block(key))
        assert disk.holds(keys[0], 0) == ALL_CELLS
        assert disk.holds(keys[1], 0) == 0


async def test_a_smaller_budget_takes_effect_at_the_next_start(directory):
    """What is too much is removed at once, files and all."""
    async with open_disk_cache(directory, BUDGET) as disk:
        await keep(disk, *(new_block(key_of(), number) for number in range(8)))
    async with open_disk_cache(directory, 16 * MIB) as disk:
        with trio.fail_after(10):
            await disk.drain()
        assert len(value_files(directory)) == disk.statistics()["records"] == 3
    assert disk_usage(directory) <= 16 * MIB


async def test_the_number_of_records_is_bounded(monkeypatch):
    """Tiny files cost memory: there is a bound whatever their size."""
    monkeypatch.setattr(disk_module, "MAX_RECORDS", 50)
    disk = unshelved(BUDGET, *(record(key_of(CELL, f"c{number}")) for number in range(60)))
    disk._take_owed()
    assert disk.statistics()["records"] == 50
    assert disk.holds(key_of(CELL, "c9"), 0) == 0
    assert disk.holds(key_of(CELL, "c10"), 0) == 1


@pytest.mark.parametrize(
    ("free", "total", "records"),
    [
        (100 * 1024**3, 1024**4, 100),
        (1024**3, 1024**4, 100),  # the reserve is a GiB at most
        (1024**3 - 50 * CELL_CHARGE, 1024**4, 47),
        (0, 1024**4, 0),
        (100 * CELL_CHARGE, 2000 * CELL_CHARGE, 100),  # and a twentieth of a small disk
        (50 * CELL_CHARGE, 2000 * CELL_CHARGE, 47),
    ],
)
def test_a_disk_that_fills_up_takes_the_caches_room(free, total, records):
    """Others need it more: some room is left to them, at the cost of the oldest records."""
    disk = unshelved(BUDGET, *(record(key_of(CELL, f"c{number}")) for number in range(100)))
    disk.give_way(free, total)
    assert disk.statistics()["records"] == records
    disk.give_way(100 * 1024**3, 1024**4)
    assert disk._limit == disk.most, "and the limit comes back with the room"


async def test_what_is_larger_than_the_budget_is_not_taken(directory):
    """A block that cannot fit does not push out everything else for nothing."""
    async with open_disk_cache(directory, 3 * MIB) as disk:
        await keep(disk, new_block(key_of(CELL, "small")))
        assert not disk.offer(new_block(key_of()))
        assert disk.holds(key_of(CELL, "small"), 0) == 1


async def test_more_at_once_than_the_budget_holds_is_kept_in_part(directory):
    """What does not fit is dropped and counted; the budget is kept."""
    memory = Memory(64 * MIB)
    async with open_disk_cache(directory, 16 * MIB) as disk:
        await keep(disk, *(new_block(key_of(), number, memory=memory) for number in range(5)))
        statistics = disk.statistics()
        assert disk_usage(directory) <= 16 * MIB
    # Batches end at 16 MiB or so: the first one loses what does not fit, the next takes its place.
    assert statistics["drops"] >= 1
    assert statistics["stores"] + statistics["drops"] == 5
    assert 1 <= statistics["records"] <= 3


@pytest.mark.parametrize("drain", [True, False])
async def test_nearly_all_that_was_offered_is_on_disk_after_leaving(directory, drain):
    """Writing catches up within a bounded time, also when nobody waited before leaving."""
    memory = Memory(1024 * MIB)
    keys = [key_of(BLOCK, f"c{number}") for number in range(24)]
    with trio.fail_after(15):
        async with open_disk_cache(directory, BUDGET) as disk:
            for key in keys:
                assert disk.offer(new_block(key, memory=memory))
            assert disk.statistics()["owed"] == 24 * BLOCK
            if drain:
                await disk.drain()
                assert disk.statistics()["owed"] == 0
    async with open_disk_cache(directory, BUDGET) as disk:
        held = [key for key in keys if disk.holds(key, 0) == ALL_CELLS]
        assert len(held) >= 0.95 * len(keys)
        for key in held[:4]:
            assert await load(disk, key) == ALL_CELLS


async def test_blocks_are_pinned_only_while_they_are_written(directory):
    """Memory can let them go afterwards, and is told that it can."""
    told = []
    blocks = [new_block(key_of(), number) for number in range(3)]
    async with open_disk_cache(directory, BUDGET) as disk:
        disk.on_progress = lambda: told.append([block.pins for block in blocks])
        await keep(disk, *blocks)
    assert told[-1] == [0, 0, 0]
    assert all(block.saved == ALL_CELLS for block in blocks)


async def test_one_batch_waits_for_the_disk_while_another_is_written(directory, monkeypatch):
    """Two threads at once write files; neither sees the other's, and all that was owed is kept."""
    both = threading.Barrier(2)
    waited = []
    real = os.pwrite

    def pwrite(file, data, offset):
        if len(waited) < 2:
            waited.append(threading.get_ident())
            both.wait(10)
        return real(file, data, offset)

    monkeypatch.setattr(os, "pwrite", pwrite)
    async with open_disk_cache(directory, BUDGET) as disk:
        await keep(disk, *(new_block(key_of(), number) for number in range(12)))
        assert len(set(waited)) == 2
        for number in range(12):
            assert await load(disk, key_of(), number) == ALL_CELLS


async def test_what_is_being_written_is_not_written_again(directory, monkeypatch):
    """A file that is closed offers all its blocks anew, those under way among them."""
    written = []
    began, goes_on = threading.Event(), threading.Event()
    real = os.pwrite

    def pwrite(file, data, offset):
        written.append(len(data))
        began.set()
        goes_on.wait(10)
        return real(file, data, offset)

    monkeypatch.setattr(os, "pwrite", pwrite)
    blocks = [new_block(key_of(), number) for number in range(8)]
    async with open_disk_cache(directory, BUDGET) as disk:
        for block in blocks:
            disk.offer(block)
        assert await trio.to_thread.run_sync(began.wait, 10)
        assert all(disk.offer(block) for block in blocks), "they are still owed"
        goes_on.set()
        await disk.drain()
        assert len(written) == disk.statistics()["stores"] == len(value_files(directory)) == 8
        assert not any(disk.offer(block) for block in blocks)


async def test_batches_at_once_keep_to_the_limit_together(directory, monkeypatch):
    """What one is writing counts when the other makes room."""
    most = 0
    real = os.pwrite

    def pwrite(file, data, offset):
        nonlocal most
        done = real(file, data, offset)
        try:
            most = max(most, disk_usage(directory))
        except FileNotFoundError:
            pass  # the other thread makes room
        return done

    monkeypatch.setattr(os, "pwrite", pwrite)
    async with open_disk_cache(directory, 48 * MIB) as disk:
        for start in range(0, 48, 12):
            await keep(disk, *(new_block(key_of(BLOCK * 48), start + n) for n in range(12)))
    assert 30 * MIB < most <= 48 * MIB


async def test_an_offer_that_is_forgone_is_not_written(directory):
    """Memory was needed: the block is counted as dropped and stays unsaved."""
    async with open_disk_cache(directory, BUDGET) as disk:
        gone, kept = new_block(key_of(), 0), new_block(key_of(), 1)
        assert disk.offer(gone)
        disk.forgo(gone)
        await keep(disk, kept)
        disk.forgo(kept)
        assert disk.statistics()["drops"] == 1
        assert (gone.saved, kept.saved) == (0, ALL_CELLS)
        assert disk.holds(key_of(), 0) == 0


async def test_many_reads_at_once_are_all_right(directory):
    """Loads run in threads beside each other, and beside writes."""
    memory = Memory(1024 * MIB)
    async with open_disk_cache(directory, BUDGET) as disk:
        await keep(disk, *(new_block(key_of(), number, memory=memory) for number in range(8)))
        wrong = []

        async def check(number, cells):
            block = new_block(key_of(), number, filled=False)
            good = await disk.load(block, cells)
            wrong.append((good ^ cells) | wrong_cells(block, good))

        async with trio.open_nursery() as nursery:
            for number in range(8):
                assert disk.offer(new_block(key_of(), number + 8, memory=memory))
                nursery.start_soon(check, number, ALL_CELLS)
                nursery.start_soon(check, number, 0x00F0)
        assert wrong == [0] * 16
        await disk.drain()
        assert disk.holds(key_of(), 15) == ALL_CELLS
