"""A small database opens whatever lies in its place."""

from __future__ import annotations

import resource
import sqlite3
import subprocess
import sys

import pytest

from fsmount.errors import StoreFault
from fsmount.store.database import open_database

SCHEMA = "CREATE TABLE things (name TEXT PRIMARY KEY, size INTEGER)"


def names(connection):
    return [name for (name,) in connection.execute("SELECT name FROM things ORDER BY name")]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "things.sqlite"


def filled(path, version=1):
    connection = open_database(path, SCHEMA, version)
    connection.execute("INSERT INTO things VALUES ('kept', 1)")
    connection.close()


def asides(path):
    return list(path.parent.glob(f"{path.name}.broken-*"))


def test_what_was_written_is_there_after_reopening(path):
    """And the files are 0600."""
    filled(path)
    connection = open_database(path, SCHEMA, 1)
    assert names(connection) == ["kept"]
    for file in path.parent.iterdir():
        assert file.stat().st_mode & 0o077 == 0, file
    connection.close()


def test_files_that_were_open_to_others_are_closed(path):
    """A backup that was restored with other modes."""
    filled(path)
    path.chmod(0o644)
    open_database(path, SCHEMA, 1).close()
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.logs("cannot be used")
@pytest.mark.parametrize(
    "damage", [b"not a database at all" * 100, b"SQLite format 3\0" + b"\7" * 4000]
)
def test_a_corrupt_file_is_renamed_aside(path, damage):
    """It is kept for whoever wants to look, and a fresh one works."""
    path.write_bytes(damage)
    connection = open_database(path, SCHEMA, 1)
    assert names(connection) == []
    connection.close()
    (aside,) = asides(path)
    assert aside.read_bytes() == damage


@pytest.mark.logs("schema version 1, not 2")
def test_another_schema_version_is_renamed_aside(path):
    """There are no migrations: all this can be learned again."""
    filled(path)
    connection = open_database(path, SCHEMA, 2)
    assert names(connection) == []
    connection.close()
    old = sqlite3.connect(asides(path)[0])
    assert names(old) == ["kept"]
    old.close()


@pytest.mark.logs("another program's database")
def test_another_programs_database_is_renamed_aside(path):
    """A table of the same name does not make it ours."""
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE things (colour TEXT)")
    other.commit()
    other.close()
    connection = open_database(path, SCHEMA, 1)
    assert names(connection) == []
    connection.close()


@pytest.mark.logs("cannot be used")
def test_of_several_set_aside_the_last_is_kept(path):
    """Broken files do not pile up."""
    for number in range(3):
        path.write_bytes(b"broken %d" % number * 100)
        open_database(path, SCHEMA, 1).close()
    (aside,) = asides(path)
    assert aside.read_bytes().startswith(b"broken 2")


def test_a_missing_directory_is_a_store_fault(tmp_path):
    """The sentence names the path."""
    with pytest.raises(StoreFault, match=r"things\.sqlite"):
        open_database(tmp_path / "none" / "things.sqlite", SCHEMA, 1)


def test_a_directory_in_its_place_is_a_store_fault(path):
    """It is not ours to move."""
    path.mkdir()
    with pytest.raises(StoreFault, match="cannot open"):
        open_database(path, SCHEMA, 1)
    assert path.is_dir()


def test_a_full_disk_is_a_store_fault_and_moves_nothing(path):
    """A limit of 4 KiB per file acts like a disk without room."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(StoreFault, match="cannot open"):
            open_database(path, SCHEMA, 1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not asides(path)
    open_database(path, SCHEMA, 1).close()


def test_a_second_connection_does_not_drop_the_locks_of_the_first(path):
    """Opening again in one process leaves a running transaction locked."""
    first = open_database(path, SCHEMA, 1)
    first.execute("BEGIN IMMEDIATE")
    open_database(path, SCHEMA, 1).close()
    probe = (
        "import sqlite3, sys\n"
        "c = sqlite3.connect(sys.argv[1], timeout=0)\n"
        "try: c.execute('BEGIN IMMEDIATE')\n"
        "except sqlite3.OperationalError as e: print(e)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", probe, path], capture_output=True, text=True, check=True
    )
    first.execute("ROLLBACK")
    first.close()
    assert told.stdout == "database is locked\n"


OPEN = """
import sys
from pathlib import Path
from fsmount.store.database import open_database
open_database(Path(sys.argv[1]), "CREATE TABLE things (name TEXT)", 1).close()
"""


def test_processes_that_open_it_at_once_all_get_it(path):
    """Only one makes the tables, only one moves a broken file aside."""
    path.write_bytes(b"broken" * 1000)
    openers = [
        subprocess.Popen([sys.executable, "-c", OPEN, path], stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    problems = [opener.communicate()[1].decode() for opener in openers]
    assert [opener.returncode for opener in openers] == [0, 0, 0, 0], problems
    assert len(asides(path)) == 1
    connection = open_database(path, SCHEMA, 1)
    assert names(connection) == []
    connection.close()
