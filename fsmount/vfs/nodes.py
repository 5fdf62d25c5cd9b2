"""What the tree is made of: nodes, and the parts of folders."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from fsmount.model import Entry, EntryId, Inode
from fsmount.vfs.border import Attributes, Member
from fsmount.vfs.compose import Layout
from fsmount.vfs.freshness import Freshness

if TYPE_CHECKING:
    from collections.abc import Mapping


# Structs without garbage collection: half the memory of a class with slots, and a million of them
# do not slow every collection down. Their only cycle is parent and children, which the tree undoes.
class Part(msgspec.Struct, gc=False, eq=False, kw_only=True):
    """What one remote has of a folder, listed by itself; nearly every folder has exactly one.

    Attributes:
        member: The remote that lists it.
        key: Names the remote and its place in the tree: keys inodes and what is kept.
        entry: The folder as that remote knows it.
        above: The part of the folder above that lists it; None for the root of a remote.
        freshness: How far its listing is to be trusted.
        loaded: What is kept of it is in memory.
    """

    member: Member
    key: str
    entry: Entry
    above: Part | None = None
    freshness: Freshness = msgspec.field(default_factory=Freshness)
    loaded: bool = False

    def lineage(self) -> set[EntryId]:
        """Return the ids of the folder and of every folder above it, as its remote has them."""
        ids = set()
        part: Part | None = self
        while part is not None:
            ids.add(part.entry.id)
            part = part.above
        return ids


class Node(msgspec.Struct, gc=False, eq=False):
    """One file of the tree, and what a folder has in common with it.

    Attributes:
        inode: Its number.
        parent: The folder it is in, or was in last; None for the root.
        part: The part of ``parent`` that lists it, the first when several do; None for the root and
            for what the configuration puts there.
        entry: As listed, with the first mtime of its version.
        name: Its name in the tree; the very string of ``entry.name`` nearly always.
        size: Its real size in bytes, which a listing may get wrong; None when not known.
        lookups: References that the kernel and open handles hold; never negative.
        open_size: Of its open versions, the size of the longest. The kernel cuts the reads of every
            handle at the size that it knows, so it is told of no less.
    """

    inode: Inode
    parent: Folder | None
    part: Part | None
    entry: Entry
    name: str
    size: int | None
    lookups: int = 0
    open_size: int = 0

    @property
    def is_folder(self) -> bool:
        """True for a folder."""
        return isinstance(self, Folder)

    def entry_in(self, part: Part) -> Entry | None:
        """Return what ``part`` of the folder above lists it as; None when it does not."""
        return self.entry if self.part is part else None

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
        parts: What it is made of, in order of precedence; none when it only leads to others.
        layout: What the configuration shows in it; None for nearly every folder.
        children: Shown name to node, in the order of the listing; None while not in memory.
        held: What keeps it in memory: each referenced child, each child folder that is in memory,
            each open handle and listing of its own.
    """

    parts: list[Part]
    layout: Layout | None = None
    children: dict[str, Node] | None = None
    held: int = 0

    @property
    def is_plain(self) -> bool:
        """True when all that is in it comes from one part."""
        return len(self.parts) == 1 and not (self.layout and self.layout.below)

    @property
    def complete(self) -> bool:
        """True when each of its parts shows a complete listing, however old."""
        return all(part.freshness.complete for part in self.parts)

    @property
    def asking(self) -> bool:
        """True while a listing of one of its parts is under way."""
        return any(part.freshness.asking for part in self.parts)

    @property
    def in_memory(self) -> bool:
        """True when what is kept of each part is among ``children``."""
        return self.children is not None and all(part.loaded for part in self.parts)

    def entry_in(self, part: Part) -> Entry | None:
        """Return what ``part`` of the folder above lists it as; None when it does not."""
        return next((own.entry for own in self.parts if own.above is part), None)

    def part_below(self, part: Part) -> Part | None:
        """Return the part that ``part`` of the folder above adds to it; None when none."""
        return next((own for own in self.parts if own.above is part), None)

    def listed_by(self, part: Part) -> dict[EntryId, Node]:
        """Return what ``part`` lists of the children that are in memory, by its ids."""
        children = (self.children or {}).values()
        if self.is_plain:
            return {node.entry.id: node for node in children}
        found = ((node, node.entry_in(part)) for node in children)
        return {entry.id: node for node, entry in found if entry is not None}

    def beside(self, part: Part) -> Mapping[str, Node]:
        """Return the children that are there without ``part``: it has to leave them in place."""
        if self.is_plain:
            return {}
        return {name: node for name, node in (self.children or {}).items() if _stays(node, part)}


def _stays(node: Node, part: Part) -> bool:
    if isinstance(node, Folder):
        return node.layout is not None or any(own.above is not part for own in node.parts)
    return node.part is not part
