"""The index of cached blocks and their files, on diskcache; the only module that knows it.

diskcache 5.6.3 unpickles what it finds (CVE-2025-69872), so its ``Disk`` is replaced by one that
knows two things only: keys that are text and values that are records. Eviction is off; what goes is
decided by ``cache.disk``. Recency is kept as diskcache's expiry, which is indexed: a record that
was not read for ten years is over.

Everything here blocks; it is called in worker threads. diskcache opens a sqlite connection for each
that writes, which closes it with ``Shelf.rest``.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import re
import sqlite3
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import diskcache

from fsmount.cache.memory import CELL
from fsmount.cache.records import DirectIO, Record, decode, encode, read_record, write_record
from fsmount.errors import StoreFault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

log = logging.getLogger(__name__)

_FILE = 2
"""diskcache's mode of a value in a file (MODE_BINARY); 4 would be a pickle."""

SELECT = f"SELECT key, filename, size, value FROM Cache WHERE raw = 1 AND mode = {_FILE}"  # noqa: S608  # a number of ours
"""Finds the fields of ``record_of``."""

_FILENAME = re.compile(r"[0-9a-f]{2}/[0-9a-f]{30}\.val", re.ASCII)
"""Names that we give; an index gone bad must not make us read or remove anything else."""

LIFE_S = 10 * 365 * 86400.0
"""Seconds from the last read of a record to its expiry, which is how recency is kept."""

INDEX: str = diskcache.core.DBNAME
"""Name of the index in a cache directory."""

_SETTINGS = {
    "eviction_policy": "none",
    "cull_limit": 0,
    "statistics": 0,
    "tag_index": 0,
    "sqlite_auto_vacuum": 0,
    "sqlite_cache_size": 512,
    "sqlite_mmap_size": 0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """Cells to keep: a block's memory, which its owner pins while the parcel is stored."""

    key: str
    label: str
    view: memoryview
    length: int
    cells: int


class InUse(StoreFault):
    """Another process has the cache directory."""


class Full(StoreFault):
    """The disk, or what we may have of it, is full."""


class Lent(NamedTuple):
    """A record in another cache directory: read, never changed.

    Attributes:
        directory: Of that cache.
        record: As that cache's index has it.
    """

    directory: str
    record: Record


class Found(NamedTuple):
    """What came of reading a block from its records.

    Attributes:
        good: Cells that are in their places now.
        unread: Records that could not be read, which says nothing about them.
        why: What the disk said.
    """

    good: int
    unread: tuple[Record, ...] = ()
    why: str = ""


class Shelf:
    """An open cache directory; at most one process has it.

    Args:
        directory: Exists and is ours.
        cache: diskcache over it.
        lock: Descriptor that holds the directory's lock.
        direct: Shared with the cache's ``Disk``.
    """

    def __init__(self, directory: Path, cache: Any, lock: int, direct: DirectIO) -> None:
        # Any: diskcache is not typed.
        self.directory = directory
        self._cache = cache
        self._lock = lock
        self._direct = direct
        self._index = threading.Lock()  # sqlite's own wait for one another polls
        # Its being open keeps the write-ahead log between calls, so that closing a thread's
        # connection does not fold it in (and sync) each time.
        self._rows = _connect(directory)

    def records(self) -> list[Record]:
        """Return every record, the one read longest ago first; unreadable rows are left out.

        Raises:
            StoreFault: The index cannot be read.
        """
        with _renamed("read the index of"):
            rows = self._rows.execute(f"{SELECT} ORDER BY expire_time").fetchall()
        records = []
        for key, filename, size, value in rows:
            try:
                records.append(record_of(key, filename, size, value))
            except ValueError as exc:
                log.debug("cached block key=%r: %s", key, exc)
        return records

    def sweep(self, records: Sequence[Record]) -> list[Record]:
        """Remove files that no record names, and records without a file: a crash leaves both.

        Returns:
            The ``records`` that are left, in their order.

        Raises:
            StoreFault: The directory cannot be read or written.
        """
        known = {record.filename for record in records}
        there: set[str] = set()
        with _renamed("sweep"), os.scandir(self.directory) as folders:
            for folder in folders:
                if len(folder.name) != 2 or not folder.is_dir(follow_symlinks=False):
                    continue
                with os.scandir(folder.path) as files:
                    for file in files:
                        filename = f"{folder.name}/{file.name}"
                        if filename in known:
                            there.add(filename)
                        elif not file.is_dir(follow_symlinks=False):
                            os.unlink(file.path)
        lost = [record.key for record in records if record.filename not in there]
        if lost:
            self.apply(deletes=lost, parcels=(), touches=())
            self.rest()
        return [record for record in records if record.filename in there]

    def apply(
        self, *, deletes: Sequence[str], parcels: Sequence[Parcel], touches: Sequence[str]
    ) -> list[Record]:
        """Delete, then store and touch in one transaction; return the records made.

        Several threads may write at once: their files beside each other, the index in turns. Each
        calls ``rest`` when it has nothing more to write.

        Raises:
            Full: There is no room; nothing of ``parcels`` is kept.
            StoreFault: The disk is failing or read-only; nothing of ``parcels`` is kept.
        """
        made: list[Record] = []
        with _renamed("write to"):
            if deletes:  # by itself: it makes the room
                with self._index, self._cache.transact():
                    for key in deletes:
                        self._cache.delete(key)
            try:
                for parcel in parcels:
                    made.append(self._cache.disk.write(parcel))  # noqa: PERF401 - kept on failure
                with self._index, self._cache.transact():
                    for parcel, record in zip(parcels, made, strict=True):
                        tag = parcel.label.encode("utf-8", "surrogatepass")
                        self._cache.set(parcel.key, record, expire=LIFE_S, tag=tag)
                    for key in touches:
                        self._cache.touch(key, expire=LIFE_S)
            except BaseException:
                for record in made:
                    self._cache.disk.remove(record.filename)
                raise
        return made

    def rest(self) -> None:
        """Let go of what the calling thread holds of the index for its next ``apply``."""
        try:
            self._cache.close()
        except sqlite3.Error as exc:
            log.debug("resting the cache index: %s", exc)

    def read(
        self,
        records: Sequence[Record],
        wanted: int,
        view: memoryview,
        length: int,
        lent: Sequence[Lent] = (),
    ) -> Found:
        """Read ``wanted`` cells of a block from its ``records``, the rest from ``lent`` ones."""
        good, unread, why = 0, [], ""
        own = str(self.directory)
        for directory, record in (*((own, record) for record in records), *lent):
            path = os.path.join(directory, record.filename)
            missing = wanted & ~good
            reading = read_record(path, record.extents, missing, view, length, self._direct)
            good |= reading.good
            if reading.failure is not None:
                unread.append(record)
                why = str(reading.failure)
        return Found(good, tuple(unread), why)

    def unlink(self, records: Iterable[Record]) -> None:
        """Free the space of ``records`` now, where even the index finds no room for a change.

        Their rows go with the next ``apply``, or with the next start's ``sweep``.
        """
        for record in records:
            self._cache.disk.remove(record.filename)

    def free_bytes(self) -> tuple[int, int]:
        """Return (free for us, total) bytes of the filesystem.

        Raises:
            StoreFault: It cannot be asked.
        """
        with _renamed("measure"):
            state = os.statvfs(self.directory)
        return state.f_bavail * state.f_frsize, state.f_blocks * state.f_frsize

    def close(self) -> None:
        """Close the index and let another process have the directory."""
        self.rest()
        try:
            self._rows.close()
        except sqlite3.Error as exc:
            log.debug("closing the cache index: %s", exc)
        os.close(self._lock)


def record_of(key: object, filename: object, size: object, value: object) -> Record:
    """Return a row of the index as a record; ValueError when it cannot be one of ours."""
    if not (isinstance(key, str) and isinstance(size, int) and isinstance(value, bytes)):
        raise ValueError("its row has other types")
    if not (isinstance(filename, str) and _FILENAME.fullmatch(filename)):
        raise ValueError("its file has another name")
    record = Record(key, filename, size, decode(value))
    if not 0 < size <= record.cells.bit_count() * CELL:
        raise ValueError("its cells are more or fewer than its bytes")
    return record


def open_shelf(directory: Path) -> Shelf:
    """Open the cache below ``directory``; a corrupt index is moved aside and a new one begun.

    Raises:
        InUse: Another process has it.
        StoreFault: The directory cannot be written.
    """
    with _renamed("open"):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as exc:
                raise InUse("another mount uses the same cache directory") from exc
            direct = DirectIO()
            try:
                return Shelf(directory, _open_index(directory, direct), lock, direct)
            except sqlite3.DatabaseError as exc:
                # A full or read-only disk is an OperationalError too; no new index helps there.
                if isinstance(exc, sqlite3.OperationalError) and "malformed" not in str(exc):
                    raise
                _move_aside(directory, exc)
                return Shelf(directory, _open_index(directory, direct), lock, direct)
        except BaseException:
            os.close(lock)
            raise


def _connect(directory: Path) -> sqlite3.Connection:
    path = directory / INDEX
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0)


def _open_index(directory: Path, direct: DirectIO) -> Any:  # diskcache is not typed
    check = _connect(directory)
    try:
        (verdict,) = check.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(f"malformed: {verdict}")
    finally:
        check.close()
    cache = diskcache.Cache(str(directory), timeout=5, disk=RecordDisk, **_SETTINGS)
    cache.disk.direct = direct
    cache.close()
    os.chmod(directory / INDEX, 0o600)
    return cache


def _move_aside(directory: Path, reason: Exception) -> None:
    name = INDEX
    aside = f"{name}.broken-{int(time.time())}"
    for older in directory.glob(f"{name}.broken-*"):
        older.unlink(missing_ok=True)  # one is enough to look at
    log.warning("the index of the disk cache is broken (%s), kept as %s", reason, aside)
    (directory / name).replace(directory / aside)
    for suffix in ("-wal", "-shm"):
        (directory / (name + suffix)).unlink(missing_ok=True)


@contextmanager
def _renamed(doing: str) -> Iterator[None]:
    """Rename what disks and sqlite say into the one failure that the cache knows."""
    try:
        yield
    except (OSError, sqlite3.Error, diskcache.Timeout) as exc:
        said = str(exc) or type(exc).__name__
        kind = Full if _is_full(exc) else StoreFault
        raise kind(f"cannot {doing} the disk cache: {said}") from exc


def _is_full(exc: Exception) -> bool:
    if isinstance(exc, OSError):
        return exc.errno in (errno.ENOSPC, errno.EDQUOT)
    return getattr(exc, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL


class PickleRefused(TypeError):
    """Something other than a record was about to go into the cache, or was found in it."""


class RecordDisk(diskcache.Disk):  # type: ignore[misc]  # diskcache is not typed
    """How keys and values reach the index and the files: text and records, nothing else."""

    direct: DirectIO

    def put(self, key: object) -> tuple[str, bool]:
        """Return a text key as it is."""
        if not isinstance(key, str):
            raise PickleRefused(f"a cache key must be text, not {type(key).__name__}")
        return key, True

    def get(self, key: object, raw: bool) -> str:  # diskcache's signature
        """Return a text key as it is; anything else would be unpickled."""
        if not raw or not isinstance(key, str):
            raise PickleRefused("the cache holds a key that is not text")
        return key

    def store(
        self,
        value: object,
        read: bool,  # diskcache's signature
        key: object = None,
    ) -> tuple[int, int, str, bytes]:
        """Return the row of a record whose file is written."""
        if not isinstance(value, Record) or read:
            raise PickleRefused(f"the cache keeps records only, not {type(value).__name__}")
        return value.length, _FILE, value.filename, encode(value.extents)

    def write(self, parcel: Parcel) -> Record:
        """Write a parcel's file, which no row names yet.

        Raises:
            OSError: Nothing is left of it.
        """
        filename, path = self.filename()
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        size, extents = write_record(path, parcel.view, parcel.length, parcel.cells, self.direct)
        return Record(parcel.key, filename, size, extents)

    def fetch(
        self,
        mode: int,
        filename: str | None,
        value: object,
        read: bool,  # diskcache's signature
    ) -> tuple[str, bytes]:
        """Return a record's file name and extents; a pickle is refused unread."""
        if mode != _FILE or filename is None or not isinstance(value, bytes) or read:
            raise PickleRefused("the cache holds a value that is not a record")
        return filename, value

    def filename(self, key: object = None, value: object = None) -> tuple[str, str]:
        """Return a new random name, one folder deep, and its path."""
        name = os.urandom(16).hex()
        filename = f"{name[:2]}/{name[2:]}.val"
        return filename, os.path.join(self._directory, filename)

    def remove(self, file_path: str) -> None:
        """Remove a record's file; its folder stays for the next."""
        if not _FILENAME.fullmatch(file_path):
            log.debug("not removed, since it is no cached block: %r", file_path)
            return
        try:
            os.remove(os.path.join(self._directory, file_path))
        except OSError as exc:
            log.debug("removing a cached block: %s", exc)
