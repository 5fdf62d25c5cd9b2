"""The tree that is served: nodes and the entities (content versions) behind them.

A folder that mirrors a directory looks at the disk each time it is asked, so that a test changes
files with ordinary programs: a changed size or mtime is a new entity, as an overwrite is on the
server. What the API creates, renames or deletes happens in memory only; the directory is never
written. Symbolic links and special files are not shown: the server has none.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from tests.emulators.cloudreve.ids import number_of
from tests.emulators.disk import DiskContent, entries_of, is_shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.emulators.messages import Segment


@dataclass(slots=True, kw_only=True, eq=False)
class Entity:
    """One version of a file's content, or a thumbnail (`kind` 1) made from it."""

    number: int
    size: int
    created_ns: int
    content: DiskContent | bytes
    kind: int = 0
    holders: int = 0  # files that have it: a copy shares its entity (§9)

    def read(self) -> Segment | None:
        """The whole content; None when it is gone."""
        return self.content if isinstance(self.content, bytes) else self.content.read()


class Node:
    """A file or folder; the tree owns it, handlers change it through the verbs below.

    Invariant: `parent.children[name] is node` for every node but roots and trashed ones.
    """

    __slots__ = (
        "_by_disk_name",
        "children",
        "created_ns",
        "directory",
        "entities",
        "generation",
        "is_folder",
        "metadata",
        "name",
        "number",
        "parent",
        "primary",
        "size",
        "updated_ns",
    )

    def __init__(self, number: int, name: str, *, is_folder: bool, time_ns: int) -> None:
        self.number = number
        self.name = name
        self.is_folder = is_folder
        self.parent: Node | None = None
        self.children: dict[str, Node] = {}
        self.created_ns = time_ns
        self.updated_ns = time_ns
        self.size = 0
        self.metadata: dict[str, str] = {}
        self.entities: list[Entity] = []  # newest first
        self.primary: Entity | None = None  # None is entity 0
        self.generation = 0  # counts changes of `children` and of what they show
        self.directory: str | None = None
        self._by_disk_name: dict[str, Node] = {}

    def lineage(self) -> list[Node]:
        """The nodes from the root's child down to this one; empty for a root."""
        nodes: list[Node] = []
        node = self
        while node.parent is not None:
            nodes.append(node)
            node = node.parent
        return nodes[::-1]

    def walk(self, tree: Tree) -> Iterator[Node]:
        """Everything below this folder, as it is now."""
        tree.look(self)
        for child in list(self.children.values()):
            yield child
            if child.is_folder:
                yield from child.walk(tree)

    def adopt(self, child: Node) -> None:
        """Take a node in under its name, which must be free."""
        child.parent = self
        self.children[child.name] = child
        self.generation += 1

    def part_with(self, child: Node) -> None:
        """Let go of a node; its place on disk stays claimed, so it does not come back."""
        del self.children[child.name]
        child.parent = None
        self.generation += 1

    def add(self, entity: Entity) -> None:
        """Keep an entity beside the current one: a thumbnail, or what `show` is told next."""
        self.entities.insert(0, entity)
        entity.holders += 1

    def show(self, entity: Entity, time_ns: int) -> None:
        """Make an entity of this file the current one; the file is updated at this time."""
        self.primary = entity
        self.size = entity.size
        self.updated_ns = time_ns
        self.touch()

    def touch(self) -> None:
        """Let the parent's listings be made anew."""
        if self.parent is not None:
            self.parent.generation += 1


class Tree:
    """All nodes and entities by number, and how they are kept true to the directory."""

    def __init__(self) -> None:
        self.nodes: dict[int, Node] = {}
        self.entities: dict[int, Entity] = {}
        self._numbers = count(1)

    def new_root(self, directory: str | None, time_ns: int) -> Node:
        """A drive's root; with a directory it mirrors that one."""
        root = self.new_node("", is_folder=True, time_ns=time_ns)
        root.directory = directory
        return root

    def new_node(self, name: str, *, is_folder: bool, time_ns: int) -> Node:
        """A node that the API creates, not yet anywhere in the tree."""
        node = Node(next(self._numbers), name, is_folder=is_folder, time_ns=time_ns)
        self.nodes[node.number] = node
        return node

    def new_entity(self, content: bytes, time_ns: int, kind: int = 0) -> Entity:
        """An entity that the API creates."""
        number = next(self._numbers)
        entity = Entity(
            number=number, size=len(content), created_ns=time_ns, content=content, kind=kind
        )
        self.entities[number] = entity
        return entity

    def forget(self, node: Node) -> None:
        """Delete a node that has no parent any more, with all that is below it."""
        for child in [node, *list(node.walk(self))]:
            self.nodes.pop(child.number, None)
            for entity in list(child.entities):
                self.drop(child, entity)

    def drop(self, node: Node, entity: Entity) -> None:
        """Take a version from a file; it is gone when no copy of the file has it."""
        node.entities.remove(entity)
        entity.holders -= 1
        if not entity.holders:
            self.entities.pop(entity.number, None)

    def child(self, folder: Node, name: str) -> Node | None:
        """One child as it is now, without looking at its siblings."""
        if folder.directory is not None and not self._agrees(folder, name):
            self.look(folder)
        return folder.children.get(name)

    def _agrees(self, folder: Node, name: str) -> bool:
        """Whether what is known of a name is still true; only then is looking needless."""
        known = folder.children.get(name)
        if known is not None and name not in folder._by_disk_name:
            return True  # made by the API
        try:
            status = os.lstat(os.path.join(folder.directory or "", name))
        except (OSError, ValueError):
            return known is None and name not in folder._by_disk_name
        claimed = folder._by_disk_name.get(name)
        if claimed is None:
            return not is_shown(status.st_mode)
        return claimed.is_folder or (
            claimed.is_folder == stat.S_ISDIR(status.st_mode) and _current(claimed, status)
        )

    def look(self, folder: Node) -> None:
        """Bring a folder's children up to what the disk has."""
        if folder.directory is None:
            return
        seen = set()
        for entry, status in entries_of(folder.directory):
            node = folder._by_disk_name.get(entry.name)
            if node is not None and node.is_folder != stat.S_ISDIR(status.st_mode):
                node = None  # another thing under an old name
            if node is None:
                self._discover(folder, entry.name, entry.path, status)
            elif not node.is_folder and not _current(node, status):
                self._overwritten(node, entry.path, status)
            seen.add(entry.name)
        for name in folder._by_disk_name.keys() - seen:
            node = folder._by_disk_name.pop(name)
            if node.parent is not None:
                node.parent.part_with(node)
            self.forget(node)

    def _discover(self, folder: Node, name: str, path: str, status: os.stat_result) -> None:
        old = folder._by_disk_name.pop(name, None)
        if old is not None and old.parent is not None:
            old.parent.part_with(old)
            self.forget(old)
        if name in folder.children:
            return  # the API made something of this name first
        number = number_of("node", folder.number, name)
        while number in self.nodes:
            number += 1
        is_folder = stat.S_ISDIR(status.st_mode)
        node = Node(number, name, is_folder=is_folder, time_ns=status.st_mtime_ns)
        self.nodes[number] = node
        folder._by_disk_name[name] = node
        if is_folder:
            node.directory = path
        folder.adopt(node)
        if not is_folder:
            self._overwritten(node, path, status)

    def _overwritten(self, node: Node, path: str, status: os.stat_result) -> None:
        """Give a file the content that the disk has now; the old bytes exist nowhere any more."""
        for entity in node.entities:
            self.entities.pop(entity.number, None)
        node.entities.clear()
        content = DiskContent.of(path, status)
        number = number_of("entity", node.number, content.size, content.mtime_ns, content.inode)
        while number in self.entities:
            number += 1
        entity = Entity(
            number=number, size=content.size, created_ns=content.mtime_ns, content=content
        )
        self.entities[number] = entity
        node.add(entity)
        node.show(entity, content.mtime_ns)


def _current(node: Node, status: os.stat_result) -> bool:
    """Whether a file's newest disk content is what the disk has; versions of the API go on top."""
    for entity in reversed(node.entities):
        if isinstance(entity.content, DiskContent):
            known = entity.content
            return (known.size, known.mtime_ns, known.inode) == (
                status.st_size,
                status.st_mtime_ns,
                status.st_ino,
            )
    return True
