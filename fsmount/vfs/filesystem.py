"""The door to the tree: every question that the kernel or the command line asks."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio

from fsmount.health import combined
from fsmount.model import EntryId
from fsmount.store.tree import MemoryTreeStore
from fsmount.vfs.border import (
    Attributes,
    DirEntry,
    FileHandle,
    FolderHandle,
    Kernel,
    Member,
    Rows,
    Take,
)
from fsmount.vfs.changes import Changes
from fsmount.vfs.compose import MOUNT_POINTS, Layout, layout_of, space_of
from fsmount.vfs.fetching import Fetcher
from fsmount.vfs.freshness import Patience
from fsmount.vfs.handles import OpenFiles, OpenFolder
from fsmount.vfs.kept import Keeper
from fsmount.vfs.listing import Listings
from fsmount.vfs.nodes import Folder, Node
from fsmount.vfs.progress import Progress
from fsmount.vfs.scans import Scans
from fsmount.vfs.tree import Tree
from fsmount.vfs.walks import Walks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping

    from fsmount.health import Report
    from fsmount.model import ContentKey, Inode, Space
    from fsmount.reader.stream import Reader
    from fsmount.store.tree import TreeStore

__all__ = [
    "Attributes",
    "DirEntry",
    "FileHandle",
    "Filesystem",
    "FolderHandle",
    "Kernel",
    "Layout",
    "Member",
    "Rows",
    "Take",
    "layout_of",
    "open_filesystem",
]


class Filesystem:
    """One mounted tree.

    Metadata methods answer within their deadlines (DESIGN promise 1): stale data after
    ``stale_after_s`` of waiting, an error after ``answer_within_s``; the fetch goes on behind.
    """

    def __init__(
        self,
        layout: Layout,
        tree: Tree,
        keeper: Keeper,
        listings: Listings,
        files: OpenFiles,
        changes: Changes,
        walks: Walks,
    ) -> None:
        self._layout = layout
        self._tree = tree
        self._keeper = keeper
        self._listings = listings
        self._files = files
        self._changes = changes
        self._walks = walks

    def watch(self, told: Callable[[str], None]) -> None:
        """Have ``told`` called with the path of each folder when a listing changed it."""
        self._changes.watch(lambda folder: told(self._tree.path(folder)))

    async def lookup(self, parent: Inode, name: str) -> Attributes:
        """Return the child ``name``; adds one to its lookup count.

        Raises:
            NotFound: Only from a complete listing.
            TimedOut: The listing is not complete yet.
        """
        node = await self._listings.child(self._tree.folder(parent), name)
        self._tree.remember(node)
        return node.attributes()

    def lookup_nowait(self, parent: Inode, name: str) -> Attributes | None:
        """Do as ``lookup`` where that needs no waiting; else return None.

        Raises:
            NotFound: Only from a complete listing.
        """
        node = self._listings.child_at_hand(self._tree.folder(parent), name)
        if node is None:
            return None
        self._tree.remember(node)
        return node.attributes()

    async def attributes(self, inode: Inode) -> Attributes:
        """Return attributes; of the root always at once."""
        node = self._tree.node(inode)
        if node.parent is not None and self._tree.stands(node):
            await self._listings.settled(node.parent)
        return node.attributes()

    def attributes_nowait(self, inode: Inode) -> Attributes | None:
        """Return attributes where that needs no waiting; else None."""
        node = self._tree.node(inode)
        if node.parent is None or not self._tree.stands(node):
            return node.attributes()
        return node.attributes() if self._listings.is_at_hand(node.parent) else None

    def remember(self, inode: Inode) -> None:
        """Add one to the lookup count of ``inode`` (readdirplus hands out references).

        Raises:
            Gone: It was taken out since the row was made: the row must not be handed out.
        """
        self._tree.remember(self._tree.node(inode))

    def forget(self, inodes: Iterable[tuple[Inode, int]]) -> None:
        """Take back lookup counts; numbers that nothing has any more are ignored."""
        for inode, count in inodes:
            if (node := self._tree.known(inode)) is not None:
                self._tree.forget(node, count)
                if not node.lookups:
                    self._files.forgotten(inode)

    def open_folder(self, inode: Inode, *, walking: bool = True) -> FolderHandle:
        """Open a folder for readdir; starts or joins its listing when it is not fresh.

        Returns at once: the first read waits.

        Args:
            inode: Its number.
            walking: A program does it, which may be on its way to other folders.

        Raises:
            NotFolder: It is a file.
        """
        folder = self._tree.folder(inode)
        walks = self._walks if walking else None
        handle = OpenFolder(folder, self._tree, self._listings, walks)
        self._listings.start_ahead(folder)
        if walks is not None:
            walks.entered(folder)
        return handle

    def open_file(self, inode: Inode) -> FileHandle:
        """Open a file at its listed version; asks nobody.

        Raises:
            IsFolder: It is a folder.
        """
        return self._files.open(self._tree.file(inode))

    def content(self, inode: Inode) -> ContentKey | None:
        """Return the key of a file's listed version; None while its size is not known.

        Raises:
            IsFolder: It is a folder.
        """
        return self._files.content(self._tree.file(inode))

    def keep(self, inode: Inode) -> None:
        """Have the disk cache take soon what it has not of a file that is in memory.

        Raises:
            IsFolder: It is a folder.
        """
        self._files.keep(self._tree.file(inode))

    def cached(self, inode: Inode) -> int:
        """Return how many bytes of a file are at hand, in memory or on disk; asks nobody.

        Raises:
            IsFolder: It is a folder.
        """
        return self._files.cached(self._tree.file(inode))

    def space(self) -> Space | None:
        """Return the capacity as last known, each account once; never asks the network."""
        return space_of(self._layout.everyone())

    def member_of(self, inode: Inode) -> Member | None:
        """Return the remote that a file is of, or a folder first; None for one of nobody's."""
        node = self._tree.node(inode)
        if isinstance(node, Folder):
            return node.parts[0].member if node.parts else None
        return None if node.part is None else node.part.member

    def root_stands(self) -> bool:
        """Tell whether something of the root is known: a part of it, or that it needs none."""
        root = self._tree.root
        return bool(root.children) or any(part.freshness.complete for part in root.parts)

    async def find(self, path: str) -> Attributes:
        """Return what ``path`` (``/``-separated, shown names) names; "" is the root.

        Adds nothing to any lookup count: what is found is to be opened before the next await.
        """
        return (await self._find(path)).attributes()

    async def _find(self, path: str) -> Node:
        node: Node = self._tree.root
        for name in path.split("/"):
            if name:
                folder = self._tree.folder(node.inode)
                with self._tree.referencing(folder):
                    node = await self._listings.child(folder, name)
        return node

    def path_of(self, inode: Inode) -> str:
        """Return the shown path of ``inode``, for messages and ``status``."""
        return self._tree.path(self._tree.node(inode))

    async def refresh(self, path: str) -> int:
        """List every part of the folder at ``path`` anew now, and push what changed.

        The folder of a file is listed when ``path`` names a file. Waits for the whole listing.

        Returns:
            How many entries the folder has now.

        Raises:
            FsmountError: It could not be listed; what was known stays.
        """
        node = await self._find(path)
        folder = node if isinstance(node, Folder) else node.parent
        assert folder is not None
        with self._tree.referencing(folder):
            return await self._listings.refresh(folder)

    async def renew(self, member: Member, ident: EntryId) -> None:
        """List the folder that ``member`` calls ``ident`` anew, wherever it is shown.

        In memory it is listed now, and what changed is pushed; elsewhere when it is next asked for.
        Where nothing of it is known, the root is listed: it may be a new folder there.

        Raises:
            FsmountError: It could not be listed; what was known stays, and counts as old.
        """
        for layout in self._layout.walk():
            if any(shown.identity == member.identity for shown in layout.members):
                self._keeper.outdate(layout.key(member), ident)
        found = self._tree.folders_of(member, ident)
        for folder in found or self._tree.folders_of(member, member.driver.root.id):
            for part in folder.parts:
                part.freshness.outdated()
            if folder.in_memory:
                with self._tree.referencing(folder):
                    await self._listings.refresh(folder)

    def status(self) -> Mapping[str, object]:
        """Return health per remote, counts, and every open file, as plain data."""
        members = self._layout.everyone()
        return {
            **_plain(combined({member.name: member.health.report for member in members})),
            "remotes": [
                {
                    "name": member.name,
                    "paths": self._layout.paths_of(member),
                    **_plain(member.health.report),
                }
                for member in members
            ],
            "counts": self._tree.statistics(),
            "handles": self._files.snapshots(self._tree.path),
        }


def _plain(report: Report) -> Mapping[str, object]:
    return {"state": str(report.state), "reason": report.reason, "until": report.until}


@asynccontextmanager
async def open_filesystem(
    shown: Member | Layout,
    *,
    reader: Reader,
    store: TreeStore | None,
    kernel: Kernel | None = None,
    answer_within_s: float = 5.0,
    stale_after_s: float = 1.0,
    nodes_in_memory: int = 200_000,
    wall: Callable[[], float] = time.time,
) -> AsyncIterator[Filesystem]:
    """Open the tree over ``shown``; background listings run in its own nursery.

    Args:
        shown: A remote whose root becomes ``/``, or several at their places.
        reader: Reads the open files.
        store: Keeps the tree; None keeps it in memory as long as it is open.
        kernel: Told what to forget; None without one.
        answer_within_s: The longest that a metadata request waits.
        stale_after_s: How long it waits when it has an older answer.
        nodes_in_memory: Entries after which folders that nobody holds are let go (some 80 MB);
            only with a store that keeps them. What the kernel holds comes on top.
        wall: Unix seconds.
    """
    store = MemoryTreeStore() if store is None else store
    layout = shown if isinstance(shown, Layout) else layout_of({"/": [shown]})
    paths = [EntryId(each.path) for each in layout.walk() if each.path]
    numbers = await store.inodes(MOUNT_POINTS, paths) if paths else []
    inodes: dict[str, Inode] = dict(zip(paths, numbers, strict=True))
    tree = Tree(layout, store.new_inode, nodes_in_memory, inodes)
    changes = Changes(kernel)
    progress = Progress()
    async with trio.open_nursery() as nursery:
        spawn = nursery.start_soon
        keeper = Keeper(tree, store, progress, spawn=spawn, wall=wall)
        fetcher = Fetcher(tree, store, keeper, changes, progress, spawn=spawn)
        patience = Patience(answer_within_s=answer_within_s, stale_after_s=stale_after_s)
        listings = Listings(tree, keeper, fetcher, progress, patience)
        walks = Walks(tree, listings, spawn=spawn)
        scans = Scans(tree, reader, spawn=spawn)
        files = OpenFiles(tree, listings, keeper, changes, reader, walks, scans)
        nursery.start_soon(keeper.run)
        nursery.start_soon(changes.run)
        yield Filesystem(layout, tree, keeper, listings, files, changes, walks)
        nursery.cancel_scope.cancel()
