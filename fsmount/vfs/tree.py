"""Nodes, inodes and lookup counts: the tree in memory.

A tree of 1,000,000 entries is expected, so a node is small, has the entry that it shows packed, and
folders that nobody holds are let go of and loaded again from the store.
"""

from __future__ import annotations

from collections import OrderedDict
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fsmount.errors import Gone, IsFolder, NotFolder
from fsmount.model import ROOT_INODE, Entry, EntryId, Inode, Kind
from fsmount.vfs.freshness import Freshness
from fsmount.vfs.nodes import LISTED, Folder, Node, Part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from fsmount.vfs.border import Member
    from fsmount.vfs.compose import Layout

NODES_IN_MEMORY = 200_000
"""Some 80 MB. The kernel's own references come on top: what it holds cannot be let go."""


class Tree:
    """All nodes of one mount that are in memory.

    Invariants, which hold whenever no method of this class runs (none of them awaits):

    - ``_nodes`` has each node that is in its folder's ``children``, and each that was taken out of
      them while it was referenced, until its last reference is given back.
    - An inode names one place. An entry that shows in a second place while the first still stands
      (it was moved, and the old folder's listing is older) gets an inode of its own there.
    - A folder is unloaded only when its ``held`` is 0.
    - A folder that the configuration puts somewhere is referenced as long as the tree lives.
    - The parts of any other folder are those that its parent's parts list under its name.

    Args:
        layout: Which remotes are shown where.
        new_inode: Gives an inode that nothing has had.
        most_nodes: How many may be in memory before folders are let go.
        inodes: Of the folders that the layout has below its root, by their paths.
    """

    def __init__(
        self,
        layout: Layout,
        new_inode: Callable[[], Inode],
        most_nodes: int = NODES_IN_MEMORY,
        inodes: Mapping[str, Inode] | None = None,
    ) -> None:
        self._new_inode = new_inode
        self._most_nodes = most_nodes
        self._nodes: dict[Inode, Node] = {}
        self._loaded: OrderedDict[Folder, None] = OrderedDict()
        self._referenced = 1
        self.root = self._laid_out(layout, None, "", {"": ROOT_INODE, **(inodes or {})})
        self.root.lookups = 1

    def _laid_out(
        self, layout: Layout, parent: Folder | None, name: str, inodes: Mapping[str, Inode]
    ) -> Folder:
        """Return the folder for ``layout``, with all that the layout has below it."""
        parts = [
            Part(member=member, key=layout.key(member), entry=member.driver.root)
            for member in layout.members
        ]
        nobodys = Entry(id=EntryId(""), name=name, kind=Kind.FOLDER)
        folder = Folder(
            inodes[layout.path],
            parent,
            None,
            parts[0].entry if parts else nobodys,
            name,
            0,
            parts=parts,
            layout=layout if parent is not None or layout.below else None,
        )
        self._nodes[folder.inode] = folder
        if layout.below:
            folder.children = {}
            self._loaded[folder] = None
        for step, below in layout.below.items():
            child = self._laid_out(below, folder, step, inodes)
            assert folder.children is not None
            folder.children[step] = child
            folder.held += child.children is not None
            self.remember(child)
        return folder

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

    def folders_of(self, member: Member, ident: EntryId) -> list[Folder]:
        """Return the folders in memory that show what ``member`` calls ``ident``.

        Looks at every node: for what happens now and then.
        """
        return [
            node
            for node in self._nodes.values()
            if isinstance(node, Folder)
            and any(part.member is member and part.entry.id == ident for part in node.parts)
        ]

    def path(self, node: Node) -> str:
        """Return the shown path of ``node``; "" for the root."""
        names = []
        while node.parent is not None:
            names.append(node.name)
            node = node.parent
        return "/".join(reversed(names))

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

    def remember_each(self, nodes: Iterable[Node]) -> None:
        """Add a reference to each of ``nodes``, none of them the root."""
        for node in nodes:
            if node.lookups:
                node.lookups += 1  # a walk that is not the first: all of them
            else:
                self.remember(node)

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
        self,
        parent: Folder,
        part: Part,
        entry: Entry,
        name: str,
        inode: Inode,
        size: int | None = None,
    ) -> Node:
        """Return a node for ``entry``, not in ``parent.children`` yet: the caller puts it there.

        A node that was taken out while referenced and has this inode is used again.

        Args:
            parent: Where it will be.
            part: The part of ``parent`` that lists it.
            entry: As listed.
            name: Its shown name.
            inode: Its number, unless something that stands has it.
            size: Its real size where that is not the listed one.
        """
        old = self._nodes.get(inode)
        size = entry.size if size is None else size
        if old is not None and old.is_folder == entry.is_folder and not self.stands(old):
            old.parent, old.part, old.name = parent, part, name
            old.entry, old.size = entry, size
            if isinstance(old, Folder):
                old.parts = [_below(part, entry)]
            parent.held += _weight(old)
            return old
        if old is not None:
            inode = self._new_inode()
        node: Node
        if entry.is_folder:
            node = Folder(inode, parent, part, entry, name, 0, parts=[_below(part, entry)])
        else:
            node = Node(inode, parent, part, entry, name, LISTED if size == entry.size else size)
        self._nodes[inode] = node
        return node

    def join(self, folder: Folder, part: Part, entry: Entry) -> None:
        """Let ``entry``, which ``part`` of the folder above lists, be part of ``folder`` too."""
        assert folder.parent is not None
        order = folder.parent.parts
        folder.parts.append(_below(part, entry))
        folder.parts.sort(key=lambda own: -1 if own.above is None else order.index(own.above))
        self._headed(folder)

    def leave(self, folder: Folder, part: Part) -> list[tuple[Inode, str]]:
        """Take what ``part`` of the folder above adds out of ``folder``, which has more.

        Returns:
            The names that went, with the folders that had them.
        """
        own = folder.part_below(part)
        if own is None:
            return []
        gone: list[tuple[Inode, str]] = []
        beside = folder.beside(own)
        for node in folder.listed_by(own).values():
            if isinstance(node, Folder) and beside.get(node.name) is node:
                gone += self.leave(node, own)
            else:
                gone.append((folder.inode, node.name))
                self.take_out(node)
        folder.parts.remove(own)
        self._headed(folder)
        return gone

    def describe(self, folder: Folder, part: Part, entry: Entry) -> bool:
        """Let ``part`` of the folder above list ``folder`` as ``entry``; return whether it is new.

        The first part says what the folder is.
        """
        own = folder.part_below(part)
        if own is None or own.entry == entry:
            return False
        own.entry = entry
        self._headed(folder)
        return True

    @staticmethod
    def _headed(folder: Folder) -> None:
        if folder.layout is None and folder.parts:
            folder.part, folder.entry = folder.parts[0].above, folder.parts[0].entry

    def show(self, folder: Folder, children: dict[str, Node]) -> None:
        """Let ``children`` be all that ``folder`` shows; nodes that are not in it are taken out."""
        old = folder.children
        folder.children, folder.snapshot = children, None
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
            parent.snapshot = None
            self._taken_out(parent, node)

    def _taken_out(self, folder: Folder, node: Node) -> None:
        folder.held -= _weight(node)
        if isinstance(node, Folder):
            self._empty(node)
        if not node.lookups and self._nodes.get(node.inode) is node:
            del self._nodes[node.inode]

    def _empty(self, folder: Folder) -> None:
        """Let go of everything in a folder that was taken out."""
        children, folder.children, folder.snapshot = folder.children, None, None
        self._loaded.pop(folder, None)
        for part in folder.parts:
            part.freshness, part.loaded = Freshness(asking=part.freshness.asking), False
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
            folder.children = folder.snapshot = None
            for part in folder.parts:
                part.freshness, part.loaded = Freshness(), False
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


def _below(part: Part, entry: Entry) -> Part:
    """Return the part of a folder that ``part`` of the folder above lists as ``entry``."""
    return Part(member=part.member, key=part.key, entry=entry, above=part)


def _may_go(folder: Folder) -> bool:
    """Tell whether nothing is lost when ``folder`` is loaded again: a pause would be."""
    return not folder.held and not any(
        part.freshness.asking or part.freshness.failure is not None for part in folder.parts
    )
