"""The door to the tree: every question that the kernel or the command line asks."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fsmount.vfs.border import Attributes, DirEntry, FileHandle, FolderHandle, Kernel, Member

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping

    from fsmount.model import Inode, Space
    from fsmount.reader.stream import Reader
    from fsmount.store.tree import TreeStore

__all__ = [
    "Attributes",
    "DirEntry",
    "FileHandle",
    "Filesystem",
    "FolderHandle",
    "Kernel",
    "Member",
    "open_filesystem",
]


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
