"""What the tree is made of: nodes, and the parts of folders."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from fsmount.model import Entry, EntryId, Inode
from fsmount.vfs.border import Attributes, Member
from fsmount.vfs.compose import Layout
from fsmount.vfs.freshness import Freshness
from fsmount.vfs.packed import id_in, measures_in, name_in, pack, unpack
from fsmount.vfs.views import Snapshot

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


LISTED = -2
"""Stands for the listed size, which the packed entry has: nearly every file is as large as that."""


class Node(msgspec.Struct, gc=False, eq=False):
    """One file of the tree, and what a folder has in common with it.

    The entry of a file that nobody is listing is packed (``packed.py``), its locator relative to
    that of its folder: a folder that is known by another path now has its files there.

    Attributes:
        inode: Its number.
        parent: The folder it is in, or was in last; None for the root.
        part: The part of ``parent`` that lists it, the first when several do; None for the root and
            for what the configuration puts there.
        kept: Its entry, packed or not.
        name: Its name in the tree; the very string of ``entry.name`` nearly always. Changed by
            ``rename`` only.
        own_size: Its real size where that is not the listed one.
        lookups: References that the kernel and open handles hold; never negative.
        open_size: Of its open versions, the size of the longest. The kernel cuts the reads of every
            handle at the size that it knows, so it is told of no less.
    """

    inode: Inode
    parent: Folder | None
    part: Part | None
    kept: Entry | bytes
    name: str
    own_size: int | None
    lookups: int = 0
    open_size: int = 0

    @property
    def is_folder(self) -> bool:
        """True for a folder."""
        return isinstance(self, Folder)

    @property
    def entry(self) -> Entry:
        """As listed, with the first mtime of its version."""
        kept = self.kept
        if isinstance(kept, bytes):
            return unpack(kept, self.name, _above(self.part))
        return kept

    @entry.setter
    def entry(self, entry: Entry) -> None:
        size = self.size
        self.kept = entry
        self.size = size

    def pack(self) -> None:
        """Take less memory, until the entry is set again; nothing for a folder."""
        kept = self.kept
        if isinstance(kept, Entry) and not kept.is_folder:
            self.kept = pack(kept, self.name, _above(self.part))

    @property
    def id(self) -> EntryId:
        """That of its entry."""
        kept = self.kept
        return id_in(kept) if isinstance(kept, bytes) else kept.id

    @property
    def size(self) -> int | None:
        """Its real size in bytes, which a listing may get wrong; None when not known."""
        return self._listed()[1] if self.own_size == LISTED else self.own_size

    @size.setter
    def size(self, size: int | None) -> None:
        self.own_size = LISTED if size == self._listed()[1] else size
        self._looks_different()

    def opened(self, size: int) -> None:
        """Take in how long the longest of its open versions is."""
        self.open_size = size
        self._looks_different()

    def _looks_different(self) -> None:
        if self.parent is not None:
            self.parent.snapshot = None

    def _listed(self) -> tuple[int, int | None]:
        kept = self.kept
        return measures_in(kept) if isinstance(kept, bytes) else (kept.mtime_ns, kept.size)

    def shows(self, entry: Entry) -> bool:
        """Tell whether ``entry`` is what its entry is; faster than to compare them."""
        kept = self.kept
        if isinstance(kept, bytes):
            return not entry.is_folder and pack(entry, self.name, _above(self.part)) == kept
        return kept == entry

    def rename(self, name: str) -> None:
        """Show it as ``name``."""
        self.kept = self.entry
        self.name = name
        self.pack()
        self._looks_different()

    def entry_in(self, part: Part) -> Entry | None:
        """Return what ``part`` of the folder above lists it as; None when it does not."""
        return self.entry if self.part is part else None

    def name_in(self, part: Part) -> str | None:
        """Return what ``part`` of the folder above calls it; None when it does not list it."""
        kept = self.kept
        if isinstance(kept, bytes):
            return name_in(kept, self.name) if self.part is part else None
        entry = self.entry_in(part)
        return None if entry is None else entry.name

    def measures(self) -> tuple[int, int]:
        """Return the size that stat(2) tells, and the mtime in Unix nanoseconds."""
        mtime_ns, size = self._listed()
        if self.own_size != LISTED:
            size = self.own_size
        return max(size or 0, self.open_size), mtime_ns

    def attributes(self) -> Attributes:
        """Return what stat(2) tells."""
        size, mtime_ns = self.measures()
        return Attributes(
            inode=self.inode,
            is_folder=isinstance(self, Folder),
            size=size,
            mtime_ns=mtime_ns,
            kept=self.kept,
            name=self.name,
            above=_above(self.part),
        )


class Folder(Node, gc=False, eq=False, kw_only=True):
    """One folder of the tree.

    Attributes:
        parts: What it is made of, in order of precedence; none when it only leads to others.
        layout: What the configuration shows in it; None for nearly every folder.
        children: Shown name to node, in the order of the listing; None while not in memory.
        held: What keeps it in memory: each referenced child, each child folder that is in memory,
            each open handle and listing of its own.
        snapshot: Its rows as they are shown, ready; None when they have to be made.
    """

    parts: list[Part]
    layout: Layout | None = None
    children: dict[str, Node] | None = None
    held: int = 0
    snapshot: Snapshot | None = None

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
            return {node.id: node for node in children}
        found = ((node, node.entry_in(part)) for node in children)
        return {entry.id: node for node, entry in found if entry is not None}

    def beside(self, part: Part) -> Mapping[str, Node]:
        """Return the children that are there without ``part``: it has to leave them in place."""
        if self.is_plain:
            return {}
        return {name: node for name, node in (self.children or {}).items() if _stays(node, part)}


def _above(part: Part | None) -> str:
    return "" if part is None else part.entry.locator


def _stays(node: Node, part: Part) -> bool:
    if isinstance(node, Folder):
        return node.layout is not None or any(own.above is not part for own in node.parts)
    return node.part is not part
