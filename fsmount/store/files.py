"""Small files that survive a crash, and the lock that orders their writers across processes.

All of it blocks for as long as the disk does; ``in_thread`` is how async callers get there.
"""

from __future__ import annotations

import errno
import fcntl
import os
import random
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, TypeVar

import trio

from fsmount.errors import StoreFault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

T = TypeVar("T")

# Waiting for a lock is waiting for another process's HTTP call, so a twentieth of a second is fine
# grained enough; the spread keeps two waiters from looking at the same moments for ever.
_LOOK_AGAIN_S = (0.02, 0.06)


# Fsyncs of a few accounts at once; more would only queue at the disk.
_DISK = trio.CapacityLimiter(4)


async def in_thread(work: Callable[[], T]) -> T:
    """Return what ``work`` returns, run beside the event loop; it is not cancelled half-way."""
    return await trio.to_thread.run_sync(work, limiter=_DISK)


def replace_durably(path: Path, data: bytes) -> None:
    """Make ``data`` the content of ``path``: after a crash the old or the new is there, whole.

    Written to ``NAME.new`` beside it, fsynced, renamed, and the directory fsynced; mode 0600. It
    blocks for as long as the disk does, so async callers go through a thread. Writers of one path
    hold its lock (``locked``), since the name of the temporary file is fixed: one that a crash left
    behind is overwritten by the next writer, and secrets do not pile up.

    Raises:
        OSError: Nothing was changed, or only the last fsync of the directory failed.
    """
    fresh = path.with_name(f"{path.name}.new")
    try:
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.fchmod(fd, 0o600)
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(fd, rest) :]
            os.fsync(fd)
        finally:
            os.close(fd)
        fresh.replace(path)
    except BaseException:
        _unlink_quietly(fresh)
        raise
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Make the names in ``directory`` durable: a rename is on disk only after this."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@asynccontextmanager
async def locked(path: Path) -> AsyncIterator[None]:
    """Hold the lock file ``path`` across processes; waits for its holder, however long.

    The kernel frees it when its holder dies. Cancelling a waiter leaves nothing behind. The event
    loop is never blocked: a lock that is held is asked for again every few hundredths of a second.

    Raises:
        StoreFault: The lock file can be neither made nor opened.
    """
    fd = _open_lock(path)
    try:
        while not _try_lock(fd, path):  # noqa: ASYNC110 (the kernel tells nobody)
            await trio.sleep(random.uniform(*_LOOK_AGAIN_S))  # noqa: S311 (no secret, a spread)
        yield
    finally:
        os.close(fd)


@contextmanager
def locked_blocking(path: Path) -> Iterator[None]:
    """Hold the lock file ``path`` as ``locked`` does, blocking the thread.

    Raises:
        StoreFault: The lock file can be neither made nor opened.
    """
    fd = _open_lock(path)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
        except OSError as exc:
            raise StoreFault(f"cannot lock {path}: {exc.strerror}") from exc
        yield
    finally:
        os.close(fd)


def _open_lock(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        if exc.errno in (errno.EROFS, errno.EACCES):
            # A lock needs no write access: a state directory that became read-only still orders
            # its readers.
            try:
                return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                pass  # the first reason is the one to tell
        raise StoreFault(f"cannot open {path}: {exc.strerror}") from exc


def _try_lock(fd: int, path: Path) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as exc:  # ENOLCK, or a file system without locks
        raise StoreFault(f"cannot lock {path}: {exc.strerror}") from exc
    return True


def _unlink_quietly(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        pass  # the error that led here is the one to tell
