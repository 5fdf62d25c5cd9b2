"""Trees on disk: listings, inodes and shown names, loaded folder by folder, written behind.

A folder is kept as a few blobs of 1,000 rows each: 10,000 rows load in 15 ms and are written in 50.
Inodes are numbered in a table of their own, since an entry that moves, or vanishes and comes back,
is still the same one.
"""

from __future__ import annotations

import fcntl
import logging
import math
import os
import sqlite3
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

import msgspec
import trio

from fsmount.errors import StoreFault
from fsmount.model import ROOT_INODE, EntryId, Inode
from fsmount.store.database import open_database
from fsmount.store.records import FolderRecord, decoded, encoded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence
    from pathlib import Path

log = logging.getLogger(__name__)

_VERSION = 1
_SCHEMA = """
CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE member (key INTEGER PRIMARY KEY, identity TEXT NOT NULL UNIQUE);
CREATE TABLE inode (
    member INTEGER NOT NULL, id BLOB NOT NULL, inode INTEGER NOT NULL, PRIMARY KEY (member, id)
) WITHOUT ROWID;
CREATE TABLE folder (
    key INTEGER PRIMARY KEY, member INTEGER NOT NULL, id BLOB NOT NULL, complete INTEGER NOT NULL,
    listed_at_ns INTEGER NOT NULL, cursor BLOB, mtime_ns INTEGER NOT NULL, UNIQUE (member, id)
);
CREATE TABLE chunk (
    folder INTEGER NOT NULL, number INTEGER NOT NULL, rows BLOB NOT NULL,
    PRIMARY KEY (folder, number)
);
"""

_CHUNK_ROWS = 1000
_WAITING_ROWS = 200_000  # some 100 MB; whoever has more to keep waits for the disk, but not long
_WAIT_FOR_ROOM_S = 5.0
_RETRY_S = 30.0  # after a failed write; a full disk is not tried for every folder
_CLOSE_WITHIN_S = 3.0  # of the 5 s that an unmount may take


class TreeStore(Protocol):
    """The kept tree of one mount. ``member`` is the identity of a remote throughout."""

    @property
    def keeps(self) -> bool:
        """What is saved can be loaded again, so the tree may let go of it."""
        ...

    async def load(self, member: str, folder: EntryId) -> FolderRecord | None:
        """Return what is kept of ``folder``; None when nothing is, or it cannot be read."""
        ...

    async def inodes(self, member: str, ids: Sequence[EntryId]) -> list[Inode]:
        """Return the inode of each id: the one it ever had, else a new one."""
        ...

    def new_inode(self) -> Inode:
        """Return an inode that nothing has had."""
        ...

    def save(self, member: str, folder: EntryId, record: FolderRecord) -> None:
        """Keep ``record`` soon; a later one for the same folder takes its place."""
        ...

    def confirm(self, member: str, folder: EntryId, listed_at_ns: int) -> None:
        """Keep soon that ``folder`` was listed and is what the kept rows say; 0: that it is old."""
        ...

    async def room(self) -> None:
        """Wait, not for long, while too much is waiting to be written."""
        ...


class MemoryTreeStore:
    """A ``TreeStore`` that keeps inodes as long as the process lives, and nothing else."""

    keeps = False

    def __init__(self) -> None:
        self._inodes: dict[tuple[str, EntryId], Inode] = {}
        self._next = ROOT_INODE + 1

    async def load(self, member: str, folder: EntryId) -> FolderRecord | None:
        """Return None."""
        return None

    async def inodes(self, member: str, ids: Sequence[EntryId]) -> list[Inode]:
        """Return the inode of each id, without waiting."""
        return [
            self._inodes.get((member, id_))
            or self._inodes.setdefault((member, id_), self.new_inode())
            for id_ in ids
        ]

    def new_inode(self) -> Inode:
        """Return an inode that nothing has had."""
        self._next += 1
        return Inode(self._next - 1)

    def save(self, member: str, folder: EntryId, record: FolderRecord) -> None:
        """Do nothing."""

    def confirm(self, member: str, folder: EntryId, listed_at_ns: int) -> None:
        """Do nothing."""

    async def room(self) -> None:
        """Return at once."""


_Place = tuple[str, EntryId]


@dataclass(slots=True)
class _Batch:
    """What waits to be written, or is being written: the newest of each thing."""

    folders: dict[_Place, FolderRecord] = field(default_factory=dict)
    confirmed: dict[_Place, int] = field(default_factory=dict)
    inodes: dict[_Place, Inode] = field(default_factory=dict)
    rows: int = 0
    next_inode: int = 0

    def __bool__(self) -> bool:
        return bool(self.folders or self.confirmed or self.inodes)


class SqliteTreeStore:
    """A ``TreeStore`` in one sqlite database: one reader, one writer, each in a thread.

    The event loop touches the batches only. ``_waiting`` is what the next write takes; ``_writing``
    is what the thread has now, and nobody changes it; what is in neither is on disk.

    Args:
        path: Of the database.
        lock: Descriptor that holds the tree's lock; owned and closed by ``release``.
    """

    def __init__(self, path: Path, lock: int) -> None:
        self._lock = lock
        self._writer = open_database(path, _SCHEMA, _VERSION)
        self._reader = open_database(path, _SCHEMA, _VERSION)
        self._path = path
        self._one_reader = trio.CapacityLimiter(1)
        self._one_writer = trio.CapacityLimiter(1)
        self._numbering = trio.Lock()
        self._waiting = _Batch()
        self._writing = _Batch()
        self._wake = trio.Event()
        self._emptied = trio.Event()
        self._closing = trio.Event()
        self._scope = trio.CancelScope(shield=True)
        self._failing = False
        row = self._reader.execute("SELECT value FROM counter WHERE name = 'inode'").fetchone()
        self._next = row[0] if row else ROOT_INODE + 1

    @property
    def keeps(self) -> bool:
        """True until a write fails, and again once one succeeds."""
        return not self._failing

    async def load(self, member: str, folder: EntryId) -> FolderRecord | None:
        """Return what is kept of ``folder``; waits for the disk only."""
        place = (member, folder)
        for batch in (self._waiting, self._writing):
            record = batch.folders.get(place)
            if record is not None:
                return _confirmed(record, self._times(place))
        # Also those of before: what is being written may be read as it was, and be done meanwhile.
        times = self._times(place)
        try:
            record = await trio.to_thread.run_sync(
                self._read_folder, member, folder, abandon_on_cancel=True, limiter=self._one_reader
            )
        except (sqlite3.Error, msgspec.MsgspecError, ValueError) as exc:
            log.warning("tree=%s a folder cannot be read: %s", self._path.name, exc)
            return None
        return None if record is None else _confirmed(record, [*times, *self._times(place)])

    def _times(self, place: _Place) -> list[int]:
        """Return what ``confirm`` said of ``place`` that may not be written yet, oldest first."""
        batches = (self._writing, self._waiting)
        return [batch.confirmed[place] for batch in batches if place in batch.confirmed]

    async def inodes(self, member: str, ids: Sequence[EntryId]) -> list[Inode]:
        """Return the inode of each id; holds a lock while it waits for the disk.

        Without the lock two folders that list the same new id would number it twice.
        """
        async with self._numbering:
            known = {
                id_: inode
                for id_ in ids
                if (inode := self._waiting.inodes.get((member, id_)))
                or (inode := self._writing.inodes.get((member, id_)))
            }
            rest = [id_ for id_ in ids if id_ not in known]
            try:
                found = await trio.to_thread.run_sync(
                    self._read_inodes,
                    member,
                    rest,
                    abandon_on_cancel=True,
                    limiter=self._one_reader,
                )
            except sqlite3.Error as exc:
                log.warning("tree=%s inodes cannot be read: %s", self._path.name, exc)
                found = {}
            known.update(found)
            for id_ in rest:
                if id_ not in known:
                    inode = self.new_inode()
                    known[id_] = self._waiting.inodes[member, id_] = inode
            self._wake.set()
            return [known[id_] for id_ in ids]

    def new_inode(self) -> Inode:
        """Return an inode that nothing has had."""
        self._next += 1
        return Inode(self._next - 1)

    def save(self, member: str, folder: EntryId, record: FolderRecord) -> None:
        """Keep ``record`` soon, behind the caller's back."""
        waiting, place = self._waiting, (member, folder)
        if waiting.rows > _WAITING_ROWS and self._failing:
            return  # the disk takes nothing, and memory must not take it all
        old = waiting.folders.get(place)
        waiting.rows += len(record.rows) - (len(old.rows) if old else 0)
        waiting.folders[place] = record
        waiting.confirmed.pop(place, None)
        self._wake.set()

    def confirm(self, member: str, folder: EntryId, listed_at_ns: int) -> None:
        """Keep soon that ``folder`` was listed again."""
        self._waiting.confirmed[member, folder] = listed_at_ns
        self._wake.set()

    async def room(self) -> None:
        """Wait up to 5 s while more than 200,000 rows wait to be written."""
        with trio.move_on_after(_WAIT_FOR_ROOM_S):
            while self._waiting.rows > _WAITING_ROWS and not self._failing:
                await self._emptied.wait()

    async def write_behind(self) -> None:
        """Write what waits until ``close``; cancellation does not stop it, ``close`` does."""
        with self._scope:
            while self._waiting or not self._closing.is_set():
                await self._wake.wait()
                self._wake = trio.Event()
                if self._closing.is_set():
                    self._wake.set()
                if self._waiting:
                    await self._write()

    async def _write(self) -> None:
        self._writing, self._waiting = self._waiting, _Batch()
        self._writing.next_inode = self._next
        try:
            await trio.to_thread.run_sync(
                self._write_batch, self._writing, abandon_on_cancel=True, limiter=self._one_writer
            )
        except sqlite3.Error as exc:
            if not self._failing:
                log.warning("tree=%s is not kept any more: %s", self._path, exc)
            self._failing = True
        else:
            if self._failing:
                log.info("tree=%s is kept again", self._path)
            self._failing = False
        self._writing = _Batch()
        self._emptied.set()
        self._emptied = trio.Event()
        if self._failing:
            with trio.move_on_after(_RETRY_S):
                await self._closing.wait()

    def close(self) -> None:
        """Have ``write_behind`` write what waits, within 3 s, and end."""
        self._closing.set()
        self._wake.set()
        self._scope.deadline = trio.current_time() + _CLOSE_WITHIN_S

    def release(self) -> None:
        """Let go of the database (unless a thread is still stuck in it) and of the lock."""
        os.close(self._lock)
        if not self._one_reader.borrowed_tokens:
            self._reader.close()
        if not self._one_writer.borrowed_tokens:
            self._writer.close()

    def _read_folder(self, member: str, folder: EntryId) -> FolderRecord | None:
        reader = self._reader
        reader.execute("BEGIN")
        try:
            row = reader.execute(
                "SELECT folder.key, complete, listed_at_ns, cursor, mtime_ns FROM folder"
                " JOIN member ON member.key = folder.member WHERE identity = ? AND id = ?",
                (member, _blob(folder)),
            ).fetchone()
            if row is None:
                return None
            key, complete, listed_at_ns, cursor, mtime_ns = row
            chunks = reader.execute(
                "SELECT rows FROM chunk WHERE folder = ? ORDER BY number", (key,)
            ).fetchall()
        finally:
            reader.execute("COMMIT")
        return FolderRecord(
            rows=[row for (chunk,) in chunks for row in decoded(chunk)],
            complete=bool(complete),
            listed_at_ns=listed_at_ns,
            cursor=None if cursor is None else _text(cursor),
            mtime_ns=mtime_ns,
        )

    def _read_inodes(self, member: str, ids: Sequence[EntryId]) -> dict[EntryId, Inode]:
        key = self._reader.execute("SELECT key FROM member WHERE identity = ?", (member,))
        found = key.fetchone()
        if found is None:
            return {}
        known = {}
        for id_ in ids:
            row = self._reader.execute(
                "SELECT inode FROM inode WHERE member = ? AND id = ?", (found[0], _blob(id_))
            ).fetchone()
            if row is not None:
                known[id_] = Inode(row[0])
        return known

    def _write_batch(self, batch: _Batch) -> None:
        writer = self._writer
        writer.execute("BEGIN IMMEDIATE")
        try:
            members = {place[0] for part in (batch.folders, batch.inodes) for place in part}
            writer.executemany(
                "INSERT OR IGNORE INTO member (identity) VALUES (?)", [(name,) for name in members]
            )
            keys = dict(writer.execute("SELECT identity, key FROM member"))
            writer.executemany(
                "INSERT OR IGNORE INTO inode VALUES (?, ?, ?)",
                [(keys[name], _blob(id_), inode) for (name, id_), inode in batch.inodes.items()],
            )
            for (name, folder), record in batch.folders.items():
                self._write_folder(keys[name], folder, record)
            writer.executemany(
                "UPDATE folder SET listed_at_ns = ? WHERE member = ? AND id = ?",
                [
                    (at, keys.get(name), _blob(folder))
                    for (name, folder), at in batch.confirmed.items()
                ],
            )
            writer.execute("INSERT OR REPLACE INTO counter VALUES ('inode', ?)", [batch.next_inode])
        except BaseException:
            if writer.in_transaction:  # sqlite itself ends it when the disk is full
                writer.execute("ROLLBACK")
            raise
        writer.execute("COMMIT")

    def _write_folder(self, member: int, folder: EntryId, record: FolderRecord) -> None:
        (key,) = self._writer.execute(
            "INSERT INTO folder (member, id, complete, listed_at_ns, cursor, mtime_ns)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (member, id) DO UPDATE SET"
            " complete = excluded.complete, listed_at_ns = excluded.listed_at_ns,"
            " cursor = excluded.cursor, mtime_ns = excluded.mtime_ns RETURNING key",
            (
                member,
                _blob(folder),
                record.complete,
                record.listed_at_ns,
                None if record.cursor is None else _blob(record.cursor),
                record.mtime_ns,
            ),
        ).fetchone()
        self._writer.execute(
            "DELETE FROM chunk WHERE folder = ? AND number >= ?",
            (key, math.ceil(len(record.rows) / _CHUNK_ROWS)),
        )
        for number, start in enumerate(range(0, len(record.rows), _CHUNK_ROWS)):
            chunk = encoded(record.rows[start : start + _CHUNK_ROWS])
            self._writer.execute(
                "INSERT OR REPLACE INTO chunk VALUES (?, ?, ?)", (key, number, chunk)
            )


def _confirmed(record: FolderRecord, times: Iterable[int]) -> FolderRecord:
    for at in times:
        if at > record.listed_at_ns or at == 0:
            record = replace(record, listed_at_ns=at)
    return record


def _blob(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _text(blob: bytes) -> str:
    return blob.decode("utf-8", "surrogatepass")


@asynccontextmanager
async def open_tree_store(path: Path) -> AsyncIterator[TreeStore]:
    """Open the tree kept at ``path``; its directory exists. Leaving writes out, within 3 s.

    One process has a tree at a time. A second one, or one whose state directory cannot be written,
    gets a tree that lives as long as the process, and says so once in the log.
    """
    store = await trio.to_thread.run_sync(_opened, path)
    if store is None:
        yield MemoryTreeStore()
        return
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(store.write_behind)
            try:
                yield store
            finally:
                store.close()
    finally:
        store.release()


def _opened(path: Path) -> SqliteTreeStore | None:
    try:
        lock = os.open(f"{path}.owner", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return SqliteTreeStore(path, lock)
        except BaseException:
            os.close(lock)
            raise
    except BlockingIOError:
        log.info("tree=%s is in use by another process, this one keeps its own in memory", path)
    except (OSError, StoreFault, sqlite3.Error) as exc:
        log.warning("tree=%s cannot be kept, so it will not survive a restart: %s", path, exc)
    return None
