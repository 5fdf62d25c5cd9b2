"""Links on disk, with the wall time at which they end; signed, so the file is 0600."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from typing import TYPE_CHECKING

import msgspec

from fsmount.model import Link
from fsmount.store.database import open_database

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fsmount.model import EntryId

log = logging.getLogger(__name__)

_VERSION = 1
_SCHEMA = """
CREATE TABLE links (
    remote TEXT NOT NULL,
    file TEXT NOT NULL,
    version TEXT NOT NULL,
    url TEXT NOT NULL,
    headers TEXT NOT NULL,
    max_connections INTEGER,
    saved_at REAL NOT NULL,
    ends_at REAL,
    PRIMARY KEY (remote, file)
) WITHOUT ROWID;
CREATE INDEX links_by_age ON links (saved_at);
"""

# A library of 100,000 files fits; at some 500 bytes each the file stays below 100 MB.
_MOST_LINKS = 150_000
_SAVES_BETWEEN_PRUNES = 2_000
# A clock that was set back by more than this makes the end of older links unknowable.
_CLOCK_SLACK_S = 60.0


class LinkStore:
    """Links of all remotes in one database.

    Links are worth a provider call each, no more: whatever goes wrong here is logged once and the
    link is asked for again. Methods may be called from any thread; each takes well under a
    millisecond except when another process writes at the same time.

    Args:
        path: ``STATE/links.sqlite``.
        wall: Unix seconds.

    Raises:
        StoreFault: The database cannot be opened.
    """

    def __init__(self, path: Path, *, wall: Callable[[], float] = time.time) -> None:
        self._wall = wall
        self._connection = open_database(path, _SCHEMA, _VERSION)
        self._one_at_a_time = threading.Lock()
        self._saves = 0
        self._complained: set[str] = set()
        with self._one_at_a_time:
            self._prune()

    def load(self, remote: str, file: EntryId, version: str) -> Link | None:
        """Return the kept link with the lifetime that is left; None when none is usable.

        A link for another version is not usable, nor is one whose end cannot be told because the
        clock was set back since.
        """
        now = self._wall()
        try:
            with self._one_at_a_time:
                row = self._connection.execute(
                    "SELECT url, headers, max_connections, saved_at, ends_at FROM links"
                    " WHERE remote = ? AND file = ? AND version = ?",
                    (remote, file, version),
                ).fetchone()
        except sqlite3.Error as exc:
            self._complain("read", exc)
            return None
        if row is None:
            return None
        url, headers, max_connections, saved_at, ends_at = row
        if ends_at is not None and (ends_at <= now or saved_at > now + _CLOCK_SLACK_S):
            return None
        return Link(
            url=url,
            headers=msgspec.json.decode(headers, type=dict[str, str]),
            lifetime_s=None if ends_at is None else ends_at - now,
            max_connections=max_connections,
        )

    def save(self, remote: str, file: EntryId, version: str, link: Link) -> None:
        """Keep ``link``; a failure to write is logged, a link can be asked for again."""
        now = self._wall()
        row = (
            remote,
            file,
            version,
            link.url,
            msgspec.json.encode(link.headers).decode(),
            link.max_connections,
            now,
            None if link.lifetime_s is None else now + link.lifetime_s,
        )
        try:
            with self._one_at_a_time:
                self._connection.execute(
                    "INSERT OR REPLACE INTO links VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row
                )
                self._saves += 1
                if self._saves % _SAVES_BETWEEN_PRUNES == 0:
                    self._prune()
        except sqlite3.Error as exc:
            self._complain("write", exc)

    def drop(self, remote: str, file: EntryId) -> None:
        """Forget a link that was refused; a failure is logged (it will be refused once more)."""
        try:
            with self._one_at_a_time:
                self._connection.execute(
                    "DELETE FROM links WHERE remote = ? AND file = ?", (remote, file)
                )
        except sqlite3.Error as exc:
            self._complain("write", exc)

    def close(self) -> None:
        """Close the database."""
        with self._one_at_a_time:
            self._connection.close()

    def _prune(self) -> None:
        try:
            self._connection.execute("DELETE FROM links WHERE ends_at <= ?", (self._wall(),))
            self._connection.execute(
                "DELETE FROM links WHERE saved_at < (SELECT saved_at FROM links"
                " ORDER BY saved_at DESC LIMIT 1 OFFSET ?)",
                (_MOST_LINKS,),
            )
        except sqlite3.Error as exc:
            self._complain("write", exc)

    def _complain(self, verb: str, exc: sqlite3.Error) -> None:
        """Say once per process that links cannot be read, or written; then go on without."""
        level = logging.DEBUG if verb in self._complained else logging.WARNING
        self._complained.add(verb)
        log.log(level, "cannot %s links on disk, they are asked for again: %s", verb, exc)
