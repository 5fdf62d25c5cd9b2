"""Trees on disk: what is saved is loaded again, whoever dies in between."""

from __future__ import annotations

import contextlib
import signal
import sqlite3
import sys
import threading
import time

import pytest
import trio

from fsmount.model import Entry, EntryId, Kind
from fsmount.store.records import FolderRecord, Row
from fsmount.store.tree import MemoryTreeStore, open_tree_store

FOLDER = EntryId("folder")


def entry(number, **fields):
    return Entry(
        **{
            "id": EntryId(f"id-{number:07d}"),
            "name": f"文件 {number:07d}.mkv",
            "kind": Kind.FILE,
            "locator": f"cloudreve://AbCd@share/folder/{number:07d}.mkv",
            "size": number,
            "mtime_ns": 1_700_000_000_000_000_000 + number,
            "version": f"v{number}",
            **fields,
        }
    )


def record(*rows, **fields):
    return FolderRecord(rows=list(rows), **{"complete": True, "listed_at_ns": 7, **fields})


async def written(store):
    """Wait until nothing waits to be written."""
    with trio.fail_after(30):
        while store._waiting or store._writing:  # noqa: ASYNC110 - nobody is told of it
            await trio.sleep(0.005)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "tree.sqlite"


async def test_a_folder_is_loaded_as_it_was_saved(path):
    """Rows in their order, shown names, real sizes, completeness, time and cursor."""
    kept = record(
        Row(3, entry(1)),
        Row(2, entry(2), "twin~abcdef.mkv", 10),
        Row(9, entry(3, kind=Kind.FOLDER, size=0, digest="sha1:aa")),
        Row(4, entry(4, size=None)),
        complete=False,
        cursor="next",
        mtime_ns=5,
    )
    async with open_tree_store(path) as store:
        store.save("m", FOLDER, kept)
        assert await store.load("m", FOLDER) == kept
        await written(store)
        assert await store.load("m", FOLDER) == kept
    async with open_tree_store(path) as store:
        assert await store.load("m", FOLDER) == kept
        assert await store.load("other", FOLDER) is None
        assert await store.load("m", EntryId("other")) is None


async def test_text_that_is_no_unicode_is_kept_too(path):
    """A lone surrogate or an absurd size costs nothing else of the folder."""
    odd = entry(1, id=EntryId("\ud800"), name="x\udfff", locator="\ud83d", size=2**70)
    kept = record(Row(2, odd, "x‛udfff"), Row(3, entry(2)), cursor="\udc80")
    async with open_tree_store(path) as store:
        (inode,) = await store.inodes("m", [odd.id])
        store.save("m", EntryId("\udcff"), kept)
    async with open_tree_store(path) as store:
        assert await store.load("m", EntryId("\udcff")) == kept
        assert await store.inodes("m", [odd.id]) == [inode]


async def test_a_shorter_listing_leaves_nothing_of_the_longer_one(path):
    """Chunks that are no longer needed go."""
    rows = [Row(number + 2, entry(number)) for number in range(2500)]
    async with open_tree_store(path) as store:
        for length in (2500, 999, 1000, 0, 1001):
            store.save("m", FOLDER, record(*rows[:length]))
            await written(store)
            assert (await store.load("m", FOLDER)).rows == rows[:length]


async def test_a_listing_that_brought_nothing_new_costs_one_small_write(path):
    """Only its time is kept."""
    async with open_tree_store(path) as store:
        store.save("m", FOLDER, record(Row(2, entry(1))))
        await written(store)
        store.confirm("m", FOLDER, 99)
        assert (await store.load("m", FOLDER)).listed_at_ns == 99
    async with open_tree_store(path) as store:
        assert await store.load("m", FOLDER) == record(Row(2, entry(1)), listed_at_ns=99)


async def test_the_same_remote_and_id_are_the_same_inode_for_ever(path):
    """New numbers go on where the last life stopped; 1 is the root's."""
    ids = [EntryId(f"i{number}") for number in range(100)]
    async with open_tree_store(path) as store:
        first = await store.inodes("m", ids[:50])
        assert first == list(range(2, 52))
        assert await store.inodes("m", ids[:50]) == first
        other = await store.inodes("n", ids[:1])
        extra = store.new_inode()
        assert len({*first, *other, extra}) == 52
    async with open_tree_store(path) as store:
        both = await store.inodes("m", ids)
        assert both[:50] == first
        assert min(both[50:]) > extra


async def test_two_that_ask_for_one_id_at_once_get_one_inode(path):
    """Also while the number is on its way to the disk."""
    found = []
    async with open_tree_store(path) as store:

        async def ask():
            found.extend(await store.inodes("m", [EntryId("x")]))

        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(ask)
    assert len(found) == 20
    assert len(set(found)) == 1


async def test_a_second_process_works_in_memory(path, caplog):
    """It says so once; the first one goes on, and the next life has the tree again."""
    caplog.set_level("INFO")
    async with open_tree_store(path) as first:
        first.save("m", FOLDER, record())
        async with open_tree_store(path) as second:
            assert isinstance(second, MemoryTreeStore)
            assert await second.load("m", FOLDER) is None
            assert await second.inodes("m", [EntryId("a"), EntryId("b"), EntryId("a")]) == [2, 3, 2]
        assert "in use by another process" in caplog.text
    async with open_tree_store(path) as store:
        assert await store.load("m", FOLDER) is not None


@pytest.mark.logs("cannot be kept")
async def test_a_directory_that_is_not_there_is_one_warning(tmp_path):
    """The mount works, and forgets."""
    async with open_tree_store(tmp_path / "nothing" / "tree.sqlite") as store:
        assert not store.keeps
        store.save("m", FOLDER, record())
        store.confirm("m", FOLDER, 1)
        await store.room()
        assert store.new_inode() == 2


@pytest.mark.logs("is not kept any more")
async def test_a_state_directory_that_turns_read_only_is_one_warning(path, caplog, monkeypatch):
    """The tree in memory goes on, and nothing of it is let go."""
    monkeypatch.setattr("fsmount.store.tree._RETRY_S", 0.01)
    async with open_tree_store(path) as store:
        store.save("m", FOLDER, record(Row(2, entry(1))))
        await written(store)
        assert store.keeps
        store._writer.execute("PRAGMA query_only = ON")
        for number in range(3):
            store.save("m", EntryId(f"f{number}"), record())
            await written(store)
        assert not store.keeps
        assert await store.load("m", FOLDER) is not None
        with trio.fail_after(1):
            await store.room()
    assert caplog.text.count("is not kept any more") == 1


@pytest.mark.logs("is not kept any more")
async def test_a_disk_that_takes_writes_again_is_used_again(path, caplog, monkeypatch):
    """Without a restart."""
    caplog.set_level("INFO")
    monkeypatch.setattr("fsmount.store.tree._RETRY_S", 0.01)
    async with open_tree_store(path) as store:
        store._writer.execute("PRAGMA query_only = ON")
        store.save("m", EntryId("lost"), record())
        await written(store)
        assert not store.keeps
        store._writer.execute("PRAGMA query_only = OFF")
        store.save("m", FOLDER, record())
        await written(store)
        assert store.keeps
        assert "is kept again" in caplog.text


@pytest.mark.logs("cannot be read")
async def test_a_chunk_that_cannot_be_read_is_no_folder(path):
    """It is listed anew; nothing else suffers."""
    async with open_tree_store(path) as store:
        store.save("m", FOLDER, record(Row(2, entry(1))))
        store.save("m", EntryId("other"), record(Row(3, entry(2))))
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE chunk SET rows = x'ff00' WHERE folder = 1")
    async with open_tree_store(path) as store:
        assert await store.load("m", FOLDER) is None
        assert (await store.load("m", EntryId("other"))).complete


KILLED = """
import os, pathlib, signal, sys, trio
from tests.store.test_tree import FOLDER, Row, entry, open_tree_store, record, written

async def main():
    async with open_tree_store(pathlib.Path(sys.argv[1])) as store:
        inodes = await store.inodes("m", [entry(number).id for number in range(3000)])
        rows = [Row(inode, entry(number)) for number, inode in enumerate(inodes)]
        store.save("m", FOLDER, record(*rows))
        await written(store)
        for number in range(50):
            store.save("m", FOLDER, record(*rows[number:]))
            await trio.sleep(0.001)
        os.kill(os.getpid(), signal.SIGKILL)

trio.run(main)
"""


async def test_what_was_written_survives_sigkill(path):
    """A listing is there whole, in one of the states it had, and inodes are the same."""
    command = [sys.executable, "-c", KILLED, str(path)]
    ended = await trio.run_process(command, check=False, capture_stderr=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    async with open_tree_store(path) as store:
        kept = await store.load("m", FOLDER)
        numbers = [row.entry.size for row in kept.rows]
        assert numbers == list(range(numbers[0], 3000))
        inodes = await store.inodes("m", [entry(number).id for number in numbers])
        assert inodes == [row.inode for row in kept.rows]


async def test_leaving_writes_out_what_waits_also_when_cancelled(path):
    """SIGTERM is a cancellation, and loses nothing."""
    with trio.CancelScope() as scope:
        async with open_tree_store(path) as store:
            for number in range(100):
                store.save("m", EntryId(f"f{number}"), record(Row(2, entry(number))))
            scope.cancel()
            await trio.lowlevel.checkpoint()
    async with open_tree_store(path) as store:
        for number in range(100):
            assert (await store.load("m", EntryId(f"f{number}"))).rows[0].entry == entry(number)


async def test_a_disk_that_hangs_does_not_hold_up_leaving(path, monkeypatch):
    """After three seconds, here less, what waits is given up."""
    monkeypatch.setattr("fsmount.store.tree._CLOSE_WITHIN_S", 0.05)
    release = threading.Event()
    async with open_tree_store(path) as store:
        monkeypatch.setattr(store, "_write_batch", lambda _batch: release.wait(20))
        store.save("m", FOLDER, record())
        await trio.sleep(0.05)
        started = time.monotonic()
    assert time.monotonic() - started < 5
    release.set()


async def test_who_saves_faster_than_the_disk_waits(path, monkeypatch):
    """The queue is bounded by rows; the newest of a folder takes the place of the older."""
    monkeypatch.setattr("fsmount.store.tree._WAITING_ROWS", 10)
    rows = [Row(2, entry(1))] * 6
    async with open_tree_store(path) as store:
        for _ in range(5):
            store.save("m", FOLDER, record(*rows))
        assert store._waiting.rows == 6
        store.save("m", EntryId("other"), record(*rows))
        assert store._waiting.rows == 12
        with trio.fail_after(5):
            await store.room()
        assert store._waiting.rows == 0


async def test_ten_thousand_rows_load_quickly_and_nothing_is_read_at_the_start(path):
    """They took 15 ms and 2 ms; the bound leaves room for a machine that does other things."""
    rows = [Row(number + 2, entry(number)) for number in range(10_000)]
    async with open_tree_store(path) as store:
        for number in range(10):
            store.save("m", EntryId(f"f{number}"), record(*rows))
    started = time.perf_counter()
    async with open_tree_store(path) as store:
        opened = time.perf_counter()
        assert len((await store.load("m", EntryId("f3"))).rows) == 10_000
        loaded = time.perf_counter()
    print(f"open {opened - started:.3f} s, load {loaded - opened:.3f} s")
    assert opened - started < 0.5
    assert loaded - opened < 0.5
