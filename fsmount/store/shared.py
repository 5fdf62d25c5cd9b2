"""What the processes of a host share while they run: a small record, and leases that die with us.

Both are files that are opened for each use: nothing is kept open, so a directory that is removed or
restored under a running process is simply found as it is. All of it takes some ten microseconds,
never waits for another process and never fsyncs: after a power cut a record may be an older one or
none.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_RECORD_BYTES = 1024


class HeldRecord:
    """A record whose lock is held."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def read(self) -> bytes:
        """Return what was written last; empty when nothing was."""
        return os.pread(self._fd, _RECORD_BYTES, 0).rstrip()

    def write(self, data: bytes) -> None:
        """Replace the record, in one write of one size: a reader never meets half of it."""
        assert len(data) <= _RECORD_BYTES
        os.pwrite(self._fd, data.ljust(_RECORD_BYTES), 0)


class SharedRecord:
    """A text record of up to 1,024 bytes that processes read and write under its lock.

    Args:
        path: Its directory exists.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def held(self) -> Iterator[HeldRecord]:
        """Hold the record's lock; the body must not wait for anything.

        Raises:
            BlockingIOError: Another process holds it, for microseconds: try again soon.
            OSError: The file can be neither made nor opened.
        """
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield HeldRecord(fd)
        finally:
            os.close(fd)

    def peek(self) -> bytes:
        """Return the record without its lock; empty when there is none.

        Raises:
            OSError: It is there and cannot be read.
        """
        try:
            fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return b""
        try:
            return HeldRecord(fd).read()
        finally:
            os.close(fd)


class Leases:
    """Numbered leases, each held by one holder at most on this host.

    A lease is a locked file: the kernel frees it when its holder dies, however it dies.

    Args:
        stem: Path of the files without their number; the directory exists.
    """

    def __init__(self, stem: Path) -> None:
        self._stem = stem

    def take(self, most: int) -> int | None:
        """Take one of ``most`` leases and return its handle for ``free``; None when all are held.

        Raises:
            OSError: A file can be neither made nor opened.
        """
        for number in range(most):
            fd = os.open(self._path(number), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(fd)
            except OSError:
                os.close(fd)
                raise
            else:
                return fd
        return None

    def free(self, handle: int) -> None:
        """Give a lease back."""
        os.close(handle)

    def count(self, most: int) -> int:
        """Return how many of the first ``most`` leases somebody holds now."""
        held = 0
        for number in range(most):
            try:
                fd = os.open(self._path(number), os.O_RDWR | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            try:
                fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                held += 1
            finally:
                os.close(fd)
        return held

    def _path(self, number: int) -> Path:
        return self._stem.with_name(f"{self._stem.name}.lease-{number}")
