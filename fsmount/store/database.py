"""Opens a small sqlite database that survives crashes, foreign files and version changes."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from typing import TYPE_CHECKING

from fsmount.errors import StoreFault

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)


def open_database(path: Path, schema: str, version: int) -> sqlite3.Connection:
    """Return a connection to the database at ``path``, made or made anew when it has to be.

    A database that is corrupt, or of another ``version``, is renamed aside and started fresh: what
    is kept here can be learned again from the provider. The connection may be used from any thread,
    by one at a time; it is in autocommit mode.

    Args:
        path: Its directory exists.
        schema: SQL that makes the tables.
        version: Of the schema, kept in ``user_version``.

    Raises:
        StoreFault: The directory cannot be written, or the disk is full.
    """
    try:
        return _opened(path, schema, version)
    except sqlite3.DatabaseError as exc:
        if isinstance(exc, sqlite3.OperationalError) and "malformed" not in str(exc):
            raise StoreFault(f"cannot open {path}: {exc}") from exc
        aside = path.with_name(f"{path.name}.broken-{int(time.time())}")
        log.warning("database=%s cannot be used (%s), kept as %s", path, exc, aside.name)
        try:
            path.replace(aside)
            for suffix in ("-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
            return _opened(path, schema, version)
        except (OSError, sqlite3.Error) as again:
            raise StoreFault(f"cannot open {path}: {again}") from again
    except OSError as exc:
        raise StoreFault(f"cannot open {path}: {exc}") from exc


def _opened(path: Path, schema: str, version: int) -> sqlite3.Connection:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0)
    try:
        (found,) = connection.execute("PRAGMA user_version").fetchone()
        if found not in (0, version):
            raise sqlite3.DatabaseError(f"schema version {found}, not {version}")
        # WAL with synchronous=NORMAL loses the last commits in a power cut, never consistency.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        if found == 0:
            connection.executescript(f"BEGIN;{schema};PRAGMA user_version = {version:d};COMMIT;")
    except BaseException:
        connection.close()
        raise
    return connection
