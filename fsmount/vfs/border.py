"""The values and ports of the tree's upper border, and the remote as the tree sees it.

``vfs.filesystem`` re-exports all of it: whoever is above the tree imports from there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from fsmount.model import Entry, Inode
from fsmount.vfs.packed import unpack

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from fsmount.drivers.base import Driver
    from fsmount.health import Health
    from fsmount.model import Space
    from fsmount.transfer.fetch import FileSource


def _unknown_space() -> Space | None:
    return None


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
        space: Its capacity as last learned, without asking anybody.
        sort: How ``vfs.order`` puts the entries of its folders; "" leaves them as listed.
        account: Names whose account it is: the space of one account counts once.
        prepare: Asks for the links of several files ahead of need in few calls; None where each
            link is a call of its own.
    """

    name: str
    identity: str
    domain: str
    driver: Driver
    source: Callable[[Entry], FileSource]
    health: Health
    listing_ttl_s: float
    has_quota: bool = False
    space: Callable[[], Space | None] = _unknown_space
    sort: str = ""
    account: str = ""
    prepare: Callable[[Sequence[Entry]], Awaitable[None]] | None = None


# Structs, not dataclasses: a readdir of 10,000 rows makes 20,000 of these, and a frozen dataclass
# takes ten times as long to make (1.2 µs against 0.1 µs).
class Attributes(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What stat(2) tells about one node (owner and mode bits belong to the mount).

    Attributes:
        inode: Its number.
        is_folder: Else it is a file.
        size: Bytes; 0 for folders, and while not known.
        mtime_ns: Unix nanoseconds.
        kept: Its entry, packed or not; ``entry`` is what to use. Nearly nobody who asks for
            attributes wants it, so it is unpacked on demand.
        name: That ``kept`` was packed with.
        above: The same.
    """

    inode: Inode
    is_folder: bool
    size: int
    mtime_ns: int
    kept: Entry | bytes
    name: str = ""
    above: str = ""

    @property
    def entry(self) -> Entry:
        """As its remote lists it."""
        kept = self.kept
        return unpack(kept, self.name, self.above) if isinstance(kept, bytes) else kept


class DirEntry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One row of readdir: its shown name, its attributes, and the cookie after it."""

    name: str
    attributes: Attributes
    next_cookie: int


class Take(Protocol):
    """Takes one row of a folder into an answer to the kernel."""

    def __call__(
        self,
        name: str,
        inode: Inode,
        is_folder: bool,
        size: int,
        mtime_ns: int,
        next_cookie: int,
        /,
    ) -> bool:
        """Return whether there was room for the row; may not fail."""
        ...


class Rows(Protocol):
    """All rows of a folder, the same ones for whoever reads it until something in it changes.

    Attributes:
        rendered: What ``give`` was last used for, for the next who comes; None at first.
    """

    rendered: Sequence[Any] | None

    def give(self, take: Take) -> None:
        """Let ``take``, which has room for all, have them; the cookies count the rows."""
        ...

    def took(self, start: int, count: int) -> None:
        """Add one to the lookup count of so many rows from place ``start`` on (readdirplus)."""
        ...


class Kernel(Protocol):
    """The port through which the tree pushes changes upward; never called inside a handler.

    Neither call may block the event loop: an implementation hands over what the kernel may hold up.
    """

    def invalidate_inode(self, inode: Inode) -> None:
        """Attributes and pages of ``inode`` are no longer true."""
        ...

    def invalidate_entry(self, parent: Inode, name: str) -> None:
        """The name ``name`` in ``parent`` is no longer what it was."""
        ...


class FileHandle(Protocol):
    """One open file.

    Attributes:
        inode: Of the file.
        size: Bytes of the opened version; 0 while unknown.
        keep_cache: The kernel's pages of this inode are of this very version.
        direct_io: The kernel must pass each read on: the size is not known yet, or another version
            of the file is still open and its pages must not be mixed with these.
        opener: Who opened it, for ``status``; set by whoever knows.
    """

    inode: Inode
    opener: str
    size: int
    keep_cache: bool
    direct_io: bool

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
        is not complete. Cookie 0 begins a new view.

        Raises:
            FsmountError: A page failed and nothing newer is known; never silently short.
        """
        ...

    async def give(self, cookie: int, take: Take) -> None:
        """Let ``take`` have the rows after ``cookie`` until it has no room; waits as ``read``.

        Each row that it took is a reference: it adds one to the lookup count (readdirplus).

        Raises:
            FsmountError: As ``read``; no row was taken then.
        """
        ...

    def at_hand(self, cookie: int) -> Rows | None:
        """Return all rows where they are known, fresh, and few enough to be kept; else None."""
        ...

    def close(self) -> None:
        """Let go of the view."""
        ...
