"""Opens a small sqlite database that survives crashes, foreign files and version changes."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from typing import TYPE_CHECKING

from fsmount.errors import StoreFault
from fsmount.store import files

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)


class _Unusable(Exception):
    """What is there is no database of ours; says why."""


def open_database(path: Path, schema: str, version: int) -> sqlite3.Connection:
    """Return a connection to the database at ``path``, made or made anew when it has to be.

    A database that is corrupt, or of another ``version``, is renamed aside and started fresh: what
    is kept here can be learned again from the provider. Of several set aside the last is kept. The
    connection may be used from any thread, by one at a time; it is in autocommit mode. Processes
    that open it at the same moment wait for each other.

    Args:
        path: Its directory exists.
        schema: SQL that makes the tables.
        version: Of the schema, kept in ``user_version``; not 0.

    Raises:
        StoreFault: The directory cannot be written, or the disk is full.
    """
    # Only one process at a time may judge the file and move it, or the second would move aside
    # what the first has just made.
    with files.locked_blocking(path.with_name(f"{path.name}.lock")):
        try:
            try:
                return _opened(path, schema, version)
            except _Unusable as exc:
                _set_aside(path, exc)
                return _opened(path, schema, version)
        except (OSError, sqlite3.Error, _Unusable) as exc:
            raise StoreFault(f"cannot open {path}: {exc}") from exc


def _opened(path: Path, schema: str, version: int) -> sqlite3.Connection:
    try:
        # Never opened by hand when it exists: closing that descriptor would drop the locks of any
        # other connection of this process (sqlite.org/howtocorrupt.html, 2.2).
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        path.chmod(0o600)
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0)
    try:
        _make_ready(connection, schema, version)
    except sqlite3.DatabaseError as exc:
        connection.close()
        if isinstance(exc, sqlite3.OperationalError) and "malformed" not in str(exc):
            raise  # busy, full, not permitted: the database itself may be well
        raise _Unusable(str(exc)) from exc
    except BaseException:
        connection.close()
        raise
    return connection


def _make_ready(connection: sqlite3.Connection, schema: str, version: int) -> None:
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found not in (0, version):
        raise _Unusable(f"schema version {found}, not {version}")
    # WAL with synchronous=NORMAL loses the last commits in a power cut, never consistency.
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    if found == version:
        return
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables:
        raise _Unusable("another program's database")
    connection.executescript(f"BEGIN;{schema};PRAGMA user_version = {version:d};COMMIT;")


def _set_aside(path: Path, reason: _Unusable) -> None:
    aside = path.with_name(f"{path.name}.broken-{int(time.time())}")
    log.warning("database=%s cannot be used (%s), kept as %s", path, reason, aside.name)
    for older in path.parent.glob(f"{path.name}.broken-*"):
        older.unlink()
    path.replace(aside)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
