"""The door to the tree: every question that the kernel or the command line asks."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence

    from fsmount.drivers.base import Driver
    from fsmount.health import Health
    from fsmount.model import Entry, Inode, Space
    from fsmount.reader.stream import Reader
    from fsmount.store.tree import TreeStore
    from fsmount.transfer.fetch import FileSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One remote as the tree sees it.

    Attributes:
        name: For messages and as a prefix of identity.
        identity: Stable name of what is mounted (driver, site, share or root): keys state.
        domain: Trust domain of its digests; "" when it gives none.
        driver: Lists and stats.
        source: Makes a ``FileSource`` for a file at its listed version.
        health: Its state.
        listing_ttl_s: Seconds a listing is fresh.
        has_quota: Its driver is a ``Quota`` here and now.
    """

    name: str
    identity: str
    domain: str
    driver: Driver
    source: Callable[[Entry], FileSource]
    health: Health
    listing_ttl_s: float
    has_quota: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """What stat(2) tells about one node (owner and mode bits belong to the mount)."""

    inode: Inode
    is_folder: bool
    size: int
    mtime_ns: int
    entry: Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class DirEntry:
    """One row of readdir: its shown name, its attributes, and the cookie after it."""

    name: str
    attributes: Attributes
    next_cookie: int


class Kernel(Protocol):
    """The port through which the tree pushes changes upward; never called inside a handler."""

    def invalidate_inode(self, inode: Inode) -> None:
        """Attributes and pages of ``inode`` are no longer true."""
        ...

    def invalidate_entry(self, parent: Inode, name: str) -> None:
        """The name ``name`` in ``parent`` is no longer what it was."""
        ...


class FileHandle(Protocol):
    """One open file."""

    inode: Inode
    size: int
    keep_cache: bool

    def read_nowait(self, offset: int, size: int) -> memoryview | bytes | None:
        """Return the bytes when all are in memory, else None."""
        ...

    async def read(self, offset: int, size: int) -> memoryview | bytes:
        """Return ``size`` bytes from ``offset``, fewer only at the end of the file."""
        ...

    async def close(self) -> None:
        """Release the handle; its read-ahead ends."""
        ...


class FolderHandle(Protocol):
    """One open folder: a stable view that grows while pages arrive."""

    async def read(self, cookie: int, count: int) -> Sequence[DirEntry]:
        """Return up to ``count`` rows after ``cookie``; empty at the end of a complete listing.

        Waits (within the listing deadline) for the next page when rows have run out and the listing
        is not complete.

        Raises:
            FsmountError: A page failed and nothing newer is known; never silently short.
        """
        ...

    def close(self) -> None:
        """Let go of the view."""
        ...


class Filesystem:
    """One mounted tree.

    Metadata methods answer within their deadlines (DESIGN promise 1): stale data after
    ``stale_after_s`` of waiting, an error after ``answer_within_s``; the fetch goes on behind.
    """

    async def lookup(self, parent: Inode, name: str) -> Attributes:
        """Return the child ``name``; adds one to its lookup count.

        Raises:
            NotFound: Only from a complete listing.
            TimedOut: The listing is not complete yet.
        """
        raise NotImplementedError

    async def attributes(self, inode: Inode) -> Attributes:
        """Return attributes; of the root always at once."""
        raise NotImplementedError

    def remember(self, inode: Inode) -> None:
        """Add one to the lookup count of ``inode`` (readdirplus hands out references)."""
        raise NotImplementedError

    def forget(self, inodes: Iterable[tuple[Inode, int]]) -> None:
        """Take back lookup counts."""
        raise NotImplementedError

    async def open_folder(self, inode: Inode) -> FolderHandle:
        """Open a folder for readdir; starts or joins its listing when it is not fresh."""
        raise NotImplementedError

    def open_file(self, inode: Inode) -> FileHandle:
        """Open a file at its listed version; asks nobody."""
        raise NotImplementedError

    def space(self) -> Space | None:
        """Return the capacity as last known; never asks the network."""
        raise NotImplementedError

    async def find(self, path: str) -> Attributes:
        """Return what ``path`` (``/``-separated, shown names) names; "" is the root."""
        raise NotImplementedError

    def path_of(self, inode: Inode) -> str:
        """Return the shown path of ``inode``, for messages and ``status``."""
        raise NotImplementedError

    async def refresh(self, path: str) -> None:
        """List the folder at ``path`` anew now, whatever its age, and push what changed."""
        raise NotImplementedError

    def status(self) -> Mapping[str, object]:
        """Return health per remote, counts, and every open file, as plain data."""
        raise NotImplementedError


@asynccontextmanager
async def open_filesystem(
    member: Member,
    *,
    reader: Reader,
    store: TreeStore | None,
    kernel: Kernel | None = None,
    answer_within_s: float = 5.0,
    stale_after_s: float = 1.0,
) -> AsyncIterator[Filesystem]:
    """Open the tree over ``member``; background listings run in its own nursery."""
    raise NotImplementedError
    yield
