"""Nodes, inodes and lookup counts: the tree in memory.

A tree of 1,000,000 entries is expected, so a node is small, shares its strings with the entry it
shows, and folders that nobody holds are let go of and loaded again from the store.
"""

from __future__ import annotations

from collections import OrderedDict
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from fsmount.errors import Gone, IsFolder, NotFolder
from fsmount.model import ROOT_INODE, Entry, EntryId, Inode
from fsmount.vfs.border import Attributes, Member
from fsmount.vfs.freshness import Freshness

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NODES_IN_MEMORY = 200_000
"""Some 150 MB. The kernel's own references come on top: what it holds cannot be let go."""


# Structs without garbage collection: half the memory of a class with slots, and a million of them
# do not slow every collection down. Their only cycle is parent and children, which the tree undoes.
class Node(msgspec.Struct, gc=False, eq=False):
    """One file of the tree, and what a folder has in common with it.

    Attributes:
        inode: Its number.
        parent: The folder it is in, or was in last; None for the root.
        entry: As listed, with the first mtime of its version.
        name: Its name in the tree; the very string of ``entry.name`` nearly always.
        size: Its real size in bytes, which a listing may get wrong; None when not known.
        lookups: References that the kernel and open handles hold; never negative.
        open_size: Of its open versions, the size of the longest. The kernel cuts the reads of every
            handle at the size that it knows, so it is told of no less.
    """

    inode: Inode
    parent: Folder | None
    entry: Entry
    name: str
    size: int | None
    lookups: int = 0
    open_size: int = 0

    @property
    def is_folder(self) -> bool:
        """True for a folder."""
        return isinstance(self, Folder)

    def attributes(self) -> Attributes:
        """Return what stat(2) tells."""
        return Attributes(
            inode=self.inode,
            is_folder=isinstance(self, Folder),
            size=max(self.size or 0, self.open_size),
            mtime_ns=self.entry.mtime_ns,
            entry=self.entry,
        )


class Folder(Node, gc=False, eq=False, kw_only=True):
    """One folder of the tree.

    Attributes:
        member: The remote that it belongs to, and that lists it.
        children: Shown name to node, in the order of the listing; None while not in memory.
        freshness: How far its listing is to be trusted.
        held: What keeps it in memory: each referenced child, each child folder that is in memory,
            each open handle and listing of its own.
    """

    member: Member
    children: dict[str, Node] | None = None
    freshness: Freshness = msgspec.field(default_factory=Freshness)
    held: int = 0


class Tree:
    """All nodes of one mount that are in memory.

    Invariants, which hold whenever no method of this class runs (none of them awaits):

    - ``_nodes`` has each node that is in its folder's ``children``, and each that was taken out of
      them while it was referenced, until its last reference is given back.
    - An inode names one place. An entry that shows in a second place while the first still stands
      (it was moved, and the old folder's listing is older) gets an inode of its own there.
    - A folder is unloaded only when its ``held`` is 0.

    Args:
        member: The remote whose root is ``/``.
        new_inode: Gives an inode that nothing has had.
        most_nodes: How many may be in memory before folders are let go.
    """

    def __init__(
        self, member: Member, new_inode: Callable[[], Inode], most_nodes: int = NODES_IN_MEMORY
    ) -> None:
        root = member.driver.root
        self.root = Folder(ROOT_INODE, None, root, "", 0, lookups=1, member=member)
        self._new_inode = new_inode
        self._most_nodes = most_nodes
        self._nodes: dict[Inode, Node] = {ROOT_INODE: self.root}
        self._loaded: OrderedDict[Folder, None] = OrderedDict()
        self._referenced = 1

    def node(self, inode: Inode) -> Node:
        """Return the node numbered ``inode``.

        Raises:
            Gone: There is none in memory: whoever asks holds a number of an earlier life.
        """
        try:
            return self._nodes[inode]
        except KeyError:
            raise Gone(f"nothing has the inode {inode} any more") from None

    def known(self, inode: Inode) -> Node | None:
        """Return the node numbered ``inode``; None when there is none in memory."""
        return self._nodes.get(inode)

    def folder(self, inode: Inode) -> Folder:
        """Return the folder numbered ``inode``; raises NotFolder, Gone."""
        node = self.node(inode)
        if not isinstance(node, Folder):
            raise NotFolder(f"{self.path(node)} is not a folder")
        return node

    def file(self, inode: Inode) -> Node:
        """Return the file numbered ``inode``; raises IsFolder, Gone."""
        node = self.node(inode)
        if isinstance(node, Folder):
            raise IsFolder(f"{self.path(node) or '/'} is a folder")
        return node

    def path(self, node: Node) -> str:
        """Return the shown path of ``node``; "" for the root."""
        names = []
        while node.parent is not None:
            names.append(node.name)
            node = node.parent
        return "/".join(reversed(names))

    def lineage(self, folder: Folder) -> set[EntryId]:
        """Return the ids of ``folder`` and of every folder above it."""
        ids = {folder.entry.id}
        while folder.parent is not None:
            folder = folder.parent
            ids.add(folder.entry.id)
        return ids

    @staticmethod
    def stands(node: Node) -> bool:
        """Tell whether ``node`` is still where its parent says."""
        parent = node.parent
        return parent is None or (
            parent.children is not None and parent.children.get(node.name) is node
        )

    def remember(self, node: Node) -> None:
        """Add a reference to ``node``; those to the root are not counted, it always stays."""
        if node.parent is None:
            return
        if node.lookups == 0:
            self._referenced += 1
            if self.stands(node):
                node.parent.held += 1
        node.lookups += 1
        self._nodes.setdefault(node.inode, node)

    def forget(self, node: Node, count: int = 1) -> None:
        """Give back ``count`` references, at most as many as there are."""
        if node.lookups == 0 or node.parent is None:
            return
        node.lookups = max(0, node.lookups - count)
        if node.lookups:
            return
        self._referenced -= 1
        if self.stands(node):
            node.parent.held -= 1
            return
        if self._nodes.get(node.inode) is node:
            del self._nodes[node.inode]
        if isinstance(node, Folder):
            self._empty(node)

    def make(
        self, parent: Folder, entry: Entry, name: str, inode: Inode, size: int | None = None
    ) -> Node:
        """Return a node for ``entry``, not in ``parent.children`` yet: the caller puts it there.

        A node that was taken out while referenced and has this inode is used again.
        """
        old = self._nodes.get(inode)
        size = entry.size if size is None else size
        if old is not None and old.is_folder == entry.is_folder and not self.stands(old):
            old.parent, old.entry, old.name, old.size = parent, entry, name, size
            parent.held += _weight(old)
            return old
        if old is not None:
            inode = self._new_inode()
        node: Node
        if entry.is_folder:
            node = Folder(inode, parent, entry, name, 0, member=parent.member)
        else:
            node = Node(inode, parent, entry, name, size)
        self._nodes[inode] = node
        return node

    def show(self, folder: Folder, children: dict[str, Node]) -> None:
        """Let ``children`` be all that ``folder`` shows; nodes that are not in it are taken out."""
        old = folder.children
        folder.children = children
        if old is None:
            if folder.parent is not None and self.stands(folder):
                folder.parent.held += 1
        else:
            for node in old.values():
                if children.get(node.name) is not node:
                    self._taken_out(folder, node)
        self.touch(folder)

    def take_out(self, node: Node) -> None:
        """Remove one node from its folder."""
        parent = node.parent
        if parent is not None and parent.children is not None and self.stands(node):
            del parent.children[node.name]
            self._taken_out(parent, node)

    def _taken_out(self, folder: Folder, node: Node) -> None:
        folder.held -= _weight(node)
        if isinstance(node, Folder):
            self._empty(node)
        if not node.lookups and self._nodes.get(node.inode) is node:
            del self._nodes[node.inode]

    def _empty(self, folder: Folder) -> None:
        """Let go of everything in a folder that was taken out."""
        children, folder.children = folder.children, None
        self._loaded.pop(folder, None)
        folder.freshness = Freshness(asking=folder.freshness.asking)
        for node in (children or {}).values():
            self._taken_out(folder, node)

    def touch(self, folder: Folder) -> None:
        """Note that ``folder`` was used just now."""
        if folder.children is not None:
            self._loaded[folder] = None
            self._loaded.move_to_end(folder)

    def make_room(self) -> None:
        """Let go of the folders not used for longest until the tree is small enough, if it can."""
        if len(self._nodes) <= self._most_nodes:
            return
        for folder in [folder for folder in self._loaded if _may_go(folder)]:
            children = folder.children or {}
            folder.children = None
            folder.freshness = Freshness()
            del self._loaded[folder]
            if folder.parent is not None:
                folder.parent.held -= 1
            for node in children.values():
                del self._nodes[node.inode]
            if len(self._nodes) <= self._most_nodes:
                return

    @contextmanager
    def referencing(self, node: Node) -> Iterator[None]:
        """Keep ``node`` itself in memory while somebody waits for it."""
        self.remember(node)
        try:
            yield
        finally:
            self.forget(node)

    @contextmanager
    def holding(self, folder: Folder) -> Iterator[None]:
        """Keep the children of ``folder`` in memory."""
        folder.held += 1
        try:
            yield
        finally:
            folder.held -= 1

    def statistics(self) -> dict[str, int]:
        """Return how many nodes, loaded folders and referenced nodes there are."""
        return {
            "nodes": len(self._nodes),
            "folders": len(self._loaded),
            "referenced": self._referenced,
        }


def _weight(node: Node) -> int:
    """Return what ``node`` adds to the ``held`` of the folder it is in."""
    loaded = isinstance(node, Folder) and node.children is not None
    return (node.lookups > 0) + loaded


def _may_go(folder: Folder) -> bool:
    """Tell whether nothing is lost when ``folder`` is loaded again: a pause would be."""
    freshness = folder.freshness
    return not folder.held and not freshness.asking and freshness.failure is None
