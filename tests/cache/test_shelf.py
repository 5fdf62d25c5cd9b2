"""The cache directory: an index that is never unpickled, files that it names, one owner."""

from __future__ import annotations

import errno
import os
import pickle
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing, contextmanager

import diskcache
import pytest

from fsmount.cache import shelf as shelf_module
from fsmount.cache.memory import CELL
from fsmount.cache.records import DirectIO, Extent, Record
from fsmount.cache.shelf import Parcel, PickleRefused, open_shelf
from fsmount.errors import StoreFault
from tests.cache.fakes import failing, key_of, new_block, value_files, wrong_cells

DBNAME = "cache.db"


class Canary:
    """Unpickling one makes a file."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


@contextmanager
def opened(directory):
    """Open a shelf; give it and the records that are left after sweeping."""
    shelf = open_shelf(directory)
    try:
        yield shelf, shelf.sweep(shelf.records())
    finally:
        shelf.close()


def parcel(name="k", size=CELL, label=""):
    """Return a parcel with a block's first ``size`` bytes."""
    block = new_block(key_of(size, name))
    return Parcel(key=name, label=label, view=block.view, length=block.length, cells=block.valid)


def put(shelf, *parcels, deletes=(), touches=()):
    return shelf.apply(deletes=deletes, parcels=parcels, touches=touches)


def get(shelf, record, size=CELL):
    """Return the good cells of a record whose key is its content's name."""
    block = new_block(key_of(size, record.key), filled=False)
    good = shelf.read([record], record.cells, block.view, block.length).good
    assert wrong_cells(block, good) == 0
    return good


def edit(directory, query, *values):
    """Change the index behind the shelf's back."""
    with closing(sqlite3.connect(directory / DBNAME)) as rows:
        changed = rows.execute(query, values).rowcount
        rows.commit()
    return changed


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "cache"


def test_what_was_stored_is_there_after_opening_again(directory):
    """Rows, files and checksums survive a restart."""
    with opened(directory) as (shelf, records):
        assert records == []
        made = put(shelf, parcel("a"), parcel("b", 3 * CELL + 7))
        assert [get(shelf, made[0]), get(shelf, made[1], 3 * CELL + 7)] == [1, 0b1111]
    with opened(directory) as (shelf, records):
        assert records == made
        assert [get(shelf, made[0]), get(shelf, made[1], 3 * CELL + 7)] == [1, 0b1111]


def test_records_come_in_the_order_in_which_they_were_read(directory):
    """A touch makes a record the youngest, also for the next start."""
    with opened(directory) as (shelf, _):
        put(shelf, parcel("a"), parcel("b"), parcel("c"))
        put(shelf, touches=["a"])
    with opened(directory) as (_, records):
        assert [record.key for record in records] == ["b", "c", "a"]


def test_what_is_deleted_or_replaced_leaves_no_file(directory):
    """One file for each record, whatever was there before."""
    with opened(directory) as (shelf, _):
        put(shelf, parcel("a"), parcel("b"))
        (new,) = put(shelf, parcel("b", 2 * CELL), deletes=["a", "never there"])
        assert [str(path.relative_to(directory)) for path in value_files(directory)] == [
            new.filename
        ]
    with opened(directory) as (_, records):
        assert records == [new]


def test_nobody_else_can_read_the_cache(directory):
    """Directory, index and lock are the owner's alone, whatever the umask is."""
    old = os.umask(0)
    try:
        with opened(directory) as (shelf, _):
            put(shelf, parcel())
    finally:
        os.umask(old)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    for path in directory.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_free_space_is_what_the_filesystem_says(directory):
    """Bytes, not blocks."""
    with opened(directory) as (shelf, _):
        free, total = shelf.free_bytes()
    state = os.statvfs(directory)
    assert total == state.f_frsize * state.f_blocks
    assert 0 < free <= total


@pytest.mark.parametrize("key", [b"k", 1, 1.5, None, ("a", 1), Canary("x")])
def test_only_text_can_be_a_key(directory, key):
    """Anything else would be pickled by diskcache."""
    disk = shelf_module.RecordDisk(str(directory))
    with pytest.raises(PickleRefused):
        disk.put(key)
    with opened(directory) as (shelf, _), pytest.raises(PickleRefused):
        shelf._cache.set(key, 1)


@pytest.mark.parametrize("value", [b"bytes", "text", 7, None, Canary("x"), {"a": 1}])
def test_only_a_parcel_can_be_a_value(directory, value):
    """Not even plain bytes: what has no checksum is not kept."""
    with opened(directory) as (shelf, _):
        with pytest.raises(PickleRefused):
            shelf._cache.set("k", value)
        assert shelf.records() == []
    assert value_files(directory) == []


@pytest.mark.parametrize("raw", [0, 1])
def test_a_planted_key_is_not_unpickled(directory, tmp_path, raw):
    """Neither by listing nor by any other door of diskcache."""
    pickled = pickle.dumps(Canary(tmp_path / "touched"))
    with opened(directory) as (shelf, _):
        put(shelf, parcel())
    edit(directory, "UPDATE Cache SET key = ?, raw = ?", pickled, raw)
    with opened(directory) as (shelf, records):
        assert records == []
        with pytest.raises(PickleRefused):
            list(shelf._cache)
        with pytest.raises(PickleRefused):
            shelf._cache.peekitem()
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize("mode", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("in_file", [True, False])
def test_a_planted_value_is_not_unpickled(directory, tmp_path, mode, in_file):
    """Neither from the row nor from the file, whatever the row says that it is."""
    pickled = pickle.dumps(Canary(tmp_path / "touched"))
    with opened(directory) as (shelf, _):
        put(shelf, parcel("k"), parcel("other"))
    if in_file:
        for path in value_files(directory):
            path.write_bytes(pickled)
        edit(directory, "UPDATE Cache SET mode = ? WHERE key = 'k'", mode)
    else:
        edit(
            directory,
            "UPDATE Cache SET mode = ?, filename = NULL, value = ? WHERE key = 'k'",
            mode,
            pickled,
        )
    with opened(directory) as (shelf, records):
        for record in records:
            assert get(shelf, record) == 0 or (record.key == "other" and not in_file)
        if mode != 2 or not in_file:
            assert [record.key for record in records] == ["other"]
            with pytest.raises(PickleRefused):
                shelf._cache.get("k")
            with pytest.raises(PickleRefused):
                shelf._cache["k"]
        put(shelf, parcel("k"))
        (record,) = [record for record in shelf.records() if record.key == "k"]
        assert get(shelf, record) == 1, "the place can be used again"
    assert not (tmp_path / "touched").exists()


def test_the_canary_sings():
    """The check above can fail: stock diskcache does unpickle."""
    with pytest.raises(FileNotFoundError):
        pickle.loads(pickle.dumps(Canary("/nowhere/at/all")))


@pytest.mark.parametrize("way", ["read", "stock"])
def test_a_value_is_refused_by_each_door_of_the_disk(directory, way):
    """``fetch`` and ``store`` refuse open files as well."""
    disk = shelf_module.RecordDisk(str(directory))
    with pytest.raises(PickleRefused):
        disk.fetch(diskcache.core.MODE_PICKLE, None, pickle.dumps(1), way == "read")
    with pytest.raises(PickleRefused):
        disk.fetch(diskcache.core.MODE_BINARY, "aa/bb.val", b"", True)
    with pytest.raises(PickleRefused):
        disk.store(Record("k", "aa/bb.val", CELL, (Extent(0, 1, 0),)), True)
    with pytest.raises(PickleRefused):
        disk.get(pickle.dumps(1), False)
    with pytest.raises(PickleRefused):
        disk.get(b"bytes", True)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("value", None),
        ("value", b""),
        ("value", b"\x00"),
        ("value", 6),
        ("value", 10**15),
        ("value", "text"),
        ("size", -1),
        ("size", 0),
        ("size", 2**60),
        ("size", "many"),
        ("filename", None),
        ("filename", "../outside"),
        ("filename", "/etc/hostname"),
        ("filename", "ab/../../outside"),
        ("filename", "lock"),
        ("key", 17),
    ],
)
def test_a_row_that_cannot_be_ours_is_left_out(directory, column, value):
    """The others are there, and what the row names is neither read nor removed."""
    outside = directory.parent / "outside"
    outside.write_bytes(b"someone's")
    with opened(directory) as (shelf, _):
        put(shelf, parcel("k"), parcel("other"))
    assert edit(directory, f"UPDATE Cache SET {column} = ? WHERE key = 'k'", value) == 1
    with opened(directory) as (shelf, records):
        assert [record.key for record in records] == ["other"]
        assert get(shelf, records[0]) == 1
        put(shelf, parcel("k"))
        put(shelf, deletes=["k", "other"])
        assert value_files(directory) == []
    assert outside.read_bytes() == b"someone's"
    assert (directory / "lock").exists()


def test_files_without_a_record_are_removed_at_the_next_start(directory):
    """A crash leaves them; everything else in the directory is left alone."""
    with opened(directory) as (shelf, _):
        (kept,) = put(shelf, parcel())
    folder = (directory / kept.filename).parent
    (folder / "0123.val").write_bytes(b"half a block")
    (directory / "zz").mkdir()
    (directory / "zz" / "orphan").write_bytes(b"")
    (directory / "zz" / "dangling").symlink_to("/nowhere")
    (directory / "zz" / "folder").mkdir()
    (directory / "notes").mkdir()
    (directory / "notes" / "mine").write_bytes(b"")
    (directory / "yy").symlink_to(directory / "notes")
    with opened(directory) as (shelf, records):
        assert records == [kept]
        assert get(shelf, kept) == 1
    assert value_files(directory) == sorted(
        [directory / kept.filename, directory / "zz/folder", directory / "yy/mine"]
    )


def test_records_without_a_file_are_forgotten_at_the_next_start(directory):
    """A crash, or someone who made room by hand, leaves rows: they count for nothing."""
    with opened(directory) as (shelf, _):
        lost, kept = put(shelf, parcel("lost"), parcel("kept"))
    (directory / lost.filename).unlink()
    with opened(directory) as (shelf, records):
        assert records == shelf.records() == [kept]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS])
def test_a_batch_that_fails_counts_for_nothing(directory, monkeypatch, code):
    """Nothing of it is in the index or on disk, and the shelf goes on working."""
    with opened(directory) as (shelf, _):
        (before,) = put(shelf, parcel("before"))
        with monkeypatch.context() as patch:
            patch.setattr(os, "pwrite", failing(code, after=2, real=os.pwrite))
            with pytest.raises(StoreFault, match=os.strerror(code)):
                put(shelf, parcel("a"), parcel("b"), parcel("c"))
        assert shelf.records() == [before]
        assert len(value_files(directory)) == 1
        (after,) = put(shelf, parcel("a"))
        assert [get(shelf, before), get(shelf, after)] == [1, 1]


def test_an_index_that_cannot_be_written_leaves_no_files(directory):
    """The files of a transaction that did not come about are removed."""
    with opened(directory) as (shelf, _):
        edit(
            directory,
            "CREATE TRIGGER full BEFORE INSERT ON Cache WHEN NEW.key = 'b'"
            " BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END",
        )
        with pytest.raises(StoreFault, match="disk is full"):
            put(shelf, parcel("a"), parcel("b"))
        assert shelf.records() == []
        assert value_files(directory) == []


def test_an_index_that_another_holds_for_long_is_a_fault(directory, monkeypatch):
    """A locked index is given up after the timeout, not waited for without end."""
    monkeypatch.setattr(shelf_module.diskcache.Cache, "timeout", 0.05, raising=False)
    with opened(directory) as (shelf, _):
        shelf._cache._timeout = 0.05
        with closing(sqlite3.connect(directory / DBNAME, isolation_level=None)) as rows:
            rows.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreFault, match="cannot write to the disk cache"):
                put(shelf, parcel())
            rows.execute("ROLLBACK")
        assert value_files(directory) == []
        assert len(put(shelf, parcel())) == 1


def test_a_directory_has_one_owner_at_a_time(directory):
    """A second opening is refused while the first is open, and possible afterwards."""
    with opened(directory) as (shelf, _):
        put(shelf, parcel())
        with pytest.raises(StoreFault, match="another mount uses the same cache directory"):
            open_shelf(directory)
        assert len(shelf.records()) == 1
    with opened(directory) as (_, records):
        assert len(records) == 1


def test_another_process_is_kept_out_too(directory):
    """The lock is the kernel's, so it holds between processes and dies with its owner."""
    code = (
        "import pathlib, sys; from fsmount.cache.shelf import open_shelf;"
        "open_shelf(pathlib.Path(sys.argv[1]))"
    )
    command = [sys.executable, "-c", code, str(directory)]
    with opened(directory):
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "another mount uses the same cache directory" in done.stderr


def test_a_refused_opening_keeps_no_lock(directory, monkeypatch):
    """After a failure the directory can be opened by whoever comes next."""
    with monkeypatch.context() as patch:
        patch.setattr(shelf_module, "_open_index", failing(errno.EIO))
        with pytest.raises(StoreFault, match="cannot open the disk cache"):
            open_shelf(directory)
    with opened(directory) as (_, records):
        assert records == []


def _garbage(path):
    path.write_bytes(b"not a database at all, but long enough to have had a header " * 100)


def _short(path):
    os.truncate(path, path.stat().st_size // 2)


def _scrambled(path):
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(path.stat().st_size - 4096))


@pytest.mark.logs("the index of the disk cache is broken")
@pytest.mark.parametrize("harm", [_garbage, _short, _scrambled])
def test_a_broken_index_is_moved_aside_and_a_new_one_begun(directory, harm, unexpected_warnings):
    """One warning; the files that nobody knows any more are removed; the cache works."""
    with opened(directory) as (shelf, _):
        put(shelf, *(parcel(f"k{number}") for number in range(40)))
    harm(directory / DBNAME)
    with opened(directory) as (shelf, records):
        assert records == []
        assert value_files(directory) == []
        (made,) = put(shelf, parcel())
        assert get(shelf, made) == 1
    assert len(unexpected_warnings.records) == 1
    assert len(list(directory.glob(f"{DBNAME}.broken-*"))) == 1
    with opened(directory) as (_, records):
        assert records == [made]
    assert len(unexpected_warnings.records) == 1


def test_an_empty_index_is_a_new_one(directory):
    """A power cut may leave it empty: no warning is worth that."""
    with opened(directory) as (shelf, _):
        put(shelf, parcel())
    (directory / DBNAME).write_bytes(b"")
    for suffix in ("-wal", "-shm"):
        (directory / (DBNAME + suffix)).unlink(missing_ok=True)
    with opened(directory) as (shelf, records):
        assert records == []
        assert value_files(directory) == []
        assert len(put(shelf, parcel())) == 1


def test_a_directory_of_stock_diskcache_is_taken_over(directory):
    """Foreign keys, values and two-level folders are nobody's records."""
    with closing(diskcache.Cache(str(directory), min_file_size=0)) as cache:
        cache.disk.min_file_size = 0
        cache["text"] = b"x" * 100_000
        cache[("tuple", 1)] = {"a": 1}
    with opened(directory) as (shelf, records):
        assert records == []
        (made,) = put(shelf, parcel("text"))
        assert get(shelf, made) == 1


def test_direct_io_is_learned_once_for_all_records(directory):
    """The cache's disk and its readers share what they know of the filesystem."""
    with opened(directory) as (shelf, _):
        assert isinstance(shelf._direct, DirectIO)
        assert shelf._cache.disk.direct is shelf._direct
