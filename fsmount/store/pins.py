"""What people want kept in the cache, per mounted tree: it survives restarts and lost caches."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fsmount.errors import StoreFault
from fsmount.model import ContentKey
from fsmount.store.database import open_database

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_VERSION = 1
# Paths and ids are bytes: they may be no Unicode text.
_SCHEMA = """
CREATE TABLE wishes (
    tree TEXT NOT NULL,
    path BLOB NOT NULL,
    PRIMARY KEY (tree, path)
) WITHOUT ROWID;
CREATE TABLE files (
    tree TEXT NOT NULL,
    path BLOB NOT NULL,
    domain TEXT NOT NULL,
    content BLOB NOT NULL,
    size INTEGER NOT NULL,
    PRIMARY KEY (tree, path)
) WITHOUT ROWID;
"""


class PinStore:
    """The pins of all trees, in one database that several mounts and commands have open.

    A wish is a path that a person named; a file is what a wish came to: the content that was listed
    at a path when the tree was last looked at. Methods may be called from any thread and block.

    Args:
        path: ``STATE/pins.sqlite``.

    Raises:
        StoreFault: The database cannot be opened; so for every method, read or written.
    """

    def __init__(self, path: Path) -> None:
        self._connection = open_database(path, _SCHEMA, _VERSION)
        self._one_at_a_time = threading.Lock()

    def wishes(self, tree: str) -> list[str]:
        """Return the paths that people named, "" for the whole tree."""
        with self._using() as connection:
            rows = connection.execute("SELECT path FROM wishes WHERE tree = ?", (tree,)).fetchall()
        return [os.fsdecode(path) for (path,) in rows]

    def files(self, tree: str) -> dict[str, ContentKey]:
        """Return what is to be kept, by path."""
        with self._using() as connection:
            rows = connection.execute(
                "SELECT path, domain, content, size FROM files WHERE tree = ?", (tree,)
            ).fetchall()
        return {
            os.fsdecode(path): ContentKey(domain, content.decode("utf-8", "surrogatepass"), size)
            for path, domain, content, size in rows
        }

    def add_wish(self, tree: str, path: str) -> None:
        """Note that ``path`` is wanted."""
        with self._using() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO wishes VALUES (?, ?)", (tree, os.fsencode(path))
            )

    def remove_wish(self, tree: str, path: str) -> None:
        """Forget that ``path`` was wanted; its files are the caller's to change."""
        with self._using() as connection:
            connection.execute(
                "DELETE FROM wishes WHERE tree = ? AND path = ?", (tree, os.fsencode(path))
            )

    def change_files(self, tree: str, changes: Mapping[str, ContentKey | None]) -> None:
        """Note what is to be kept at some paths: a content, or None for nothing any more."""
        gone = [(tree, os.fsencode(path)) for path, key in changes.items() if key is None]
        here = [
            (
                tree,
                os.fsencode(path),
                key.domain,
                key.content.encode("utf-8", "surrogatepass"),
                key.size,
            )
            for path, key in changes.items()
            if key is not None
        ]
        with self._using() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                connection.executemany("DELETE FROM files WHERE tree = ? AND path = ?", gone)
                connection.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)", here)
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def close(self) -> None:
        """Close the database."""
        with self._one_at_a_time:
            self._connection.close()

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._one_at_a_time:
                yield self._connection
        except sqlite3.Error as exc:
            raise StoreFault(f"cannot use the list of pins: {exc}") from exc
