"""What is stored: nodes with ids, several of one name in one folder if need be.

A folder that mirrors a directory looks at the disk each time it is listed from its start, so that a
test changes files with ordinary programs. What the API creates, renames or deletes happens in
memory only; the directory is never written. Symbolic links and special files are not shown.
"""

from __future__ import annotations

import hashlib
import os
import stat
import uuid
from typing import TYPE_CHECKING

from tests.emulators.disk import DiskContent, entries_of
from tests.emulators.pds.contents import Content

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = "root"
BIN = "recyclebin"


class Node:
    """A file or folder; the tree owns it.

    Invariant: `parent.children[file_id] is node` for every node that has a parent. A node in the
    recycle bin has the bin for its parent, and `former` is the folder it came from.
    """

    __slots__ = (
        "_by_disk_name",
        "children",
        "content",
        "created_ns",
        "description",
        "directory",
        "file_id",
        "former",
        "generation",
        "hidden",
        "is_folder",
        "name",
        "parent",
        "punish_flag",
        "starred",
        "trashed_ns",
        "updated_ns",
        "uploading",
    )

    def __init__(self, file_id: str, name: str, *, is_folder: bool, time_ns: int) -> None:
        self.file_id = file_id
        self.name = name
        self.is_folder = is_folder
        self.created_ns = time_ns
        self.updated_ns = time_ns
        self.parent: Node | None = None
        self.former: Node | None = None
        self.children: dict[str, Node] = {}
        self.content: Content | None = None
        self.directory: str | None = None
        self.trashed_ns: int | None = None
        self.uploading = False
        self.starred = False
        self.hidden = False
        self.description = ""
        self.punish_flag = 0
        self.generation = 0  # counts changes of what a listing shows
        self._by_disk_name: dict[str, Node] = {}

    @property
    def size(self) -> int:
        """Bytes of a file; 0 for a folder."""
        return self.content.size if self.content is not None else 0

    @property
    def top(self) -> Node:
        """The root, or recycle bin, that it is in; itself when it is in none."""
        node = self
        while node.parent is not None:
            node = node.parent
        return node

    @property
    def is_trashed(self) -> bool:
        """Whether it, or a folder above it, is in the recycle bin."""
        return self.top.file_id == BIN

    def lineage(self) -> list[Node]:
        """Itself, then the folders above it without the root: innermost first."""
        nodes = []
        node = self
        while node.parent is not None:
            nodes.append(node)
            node = node.parent
        return nodes

    def named(self, name: str) -> Node | None:
        """The first child of that name."""
        return next(
            (one for one in self.children.values() if one.name == name and not one.uploading), None
        )

    def adopt(self, child: Node) -> None:
        """Take a node in that has no parent."""
        child.parent = self
        self.children[child.file_id] = child
        self.generation += 1

    def part_with(self, child: Node) -> None:
        """Let go of a child; its place on disk stays claimed, so that it does not come back."""
        del self.children[child.file_id]
        child.parent = None
        self.generation += 1

    def touch(self) -> None:
        """Let the listings that show this node be made anew."""
        if self.parent is not None:
            self.parent.generation += 1


class Tree:
    """All nodes by id, and how they are kept true to the served directory."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self.nodes: dict[str, Node] = {}
        self.roots: list[Node] = []

    def new_root(self, directory: str | None, time_ns: int) -> Node:
        """A drive's root; with a directory it mirrors that one."""
        root = Node(ROOT, "Default", is_folder=True, time_ns=time_ns)
        root.directory = directory
        self.roots.append(root)
        return root

    def new_node(self, name: str, *, is_folder: bool, time_ns: int) -> Node:
        """A node that the API creates, not yet in any folder."""
        file_id = hashlib.sha1(uuid.uuid4().bytes).hexdigest()
        node = Node(file_id, name, is_folder=is_folder, time_ns=time_ns)
        self.nodes[file_id] = node
        return node

    def find(self, file_id: str) -> Node | None:
        """The node of an id as it is now, wherever it is; roots and bins have no id of their own.

        An id that is not known yet may be of a place on disk that nobody looked at.
        """
        if file_id not in self.nodes:
            for root in self.roots:
                for _ in self.walk(root):
                    pass
        node = self.nodes.get(file_id)
        if node is not None and isinstance(node.content and node.content.data, DiskContent):
            self._refresh(node)
        elif node is not None and node.directory is not None and node.parent is not None:
            self.look(node.parent)  # the folder may have left the disk
        return self.nodes.get(file_id)

    def walk(self, folder: Node) -> Iterator[Node]:
        """Everything below a folder, as it is now."""
        self.look(folder)
        for child in list(folder.children.values()):
            yield child
            if child.is_folder:
                yield from self.walk(child)

    def size(self, folder: Node) -> int:
        """The bytes of all files below."""
        return sum(node.size for node in self.walk(folder))

    def forget(self, node: Node) -> None:
        """Delete a node that has no parent any more, with all that is below it."""
        for one in [node, *self.walk(node)]:
            self.nodes.pop(one.file_id, None)

    def copy(self, node: Node, time_ns: int) -> Node:
        """The same again under new ids, in no folder; contents are shared."""
        twin = self.new_node(node.name, is_folder=node.is_folder, time_ns=time_ns)
        twin.content = node.content
        if node.is_folder:
            self.look(node)
            for child in node.children.values():
                if not child.uploading:
                    twin.adopt(self.copy(child, time_ns))
        return twin

    def look(self, folder: Node) -> None:
        """Bring a folder's children up to what the disk has."""
        if folder.directory is None:
            return
        seen = set()
        for entry, status in entries_of(folder.directory):
            seen.add(entry.name)
            self._see(folder, entry.name, entry.path, status)
        for name in folder._by_disk_name.keys() - seen:
            self._lose(folder, name)

    def _see(self, folder: Node, name: str, path: str, status: os.stat_result) -> None:
        is_folder = stat.S_ISDIR(status.st_mode)
        node = folder._by_disk_name.get(name)
        if node is not None and node.is_folder != is_folder:
            self._lose(folder, name)  # another thing under an old name
            node = None
        if node is None:
            node = self._discovered(folder, name, is_folder, status.st_mtime_ns)
            node.directory = path if is_folder else None
        if not is_folder:
            self._update(node, path, status)

    def _discovered(self, folder: Node, name: str, is_folder: bool, time_ns: int) -> Node:
        above = folder.file_id
        if above == ROOT:
            above = f"{ROOT} {self.roots.index(folder)}"
        for attempt in range(1 << 16):
            text = f"{self._secret}/{above}/{name}/{is_folder}/{attempt}"
            file_id = hashlib.sha1(text.encode()).hexdigest()
            if file_id not in self.nodes:
                break
        node = Node(file_id, name, is_folder=is_folder, time_ns=time_ns)
        self.nodes[file_id] = node
        folder._by_disk_name[name] = node
        folder.adopt(node)
        return node

    def _lose(self, folder: Node, name: str) -> None:
        node = folder._by_disk_name.pop(name)
        if node.parent is not None:
            node.parent.part_with(node)
        self.forget(node)

    def _update(self, node: Node, path: str, status: os.stat_result) -> None:
        data = DiskContent.of(path, status)
        known = node.content.data if node.content is not None else None
        if known == data or (known is not None and not isinstance(known, DiskContent)):
            return  # as it was; or the API put another content on top
        node.content = Content.of(data)
        node.updated_ns = status.st_mtime_ns
        node.touch()

    def _refresh(self, node: Node) -> None:
        """Bring one file up to what the disk has; a file that left takes its place's look along."""
        assert node.content is not None
        assert isinstance(node.content.data, DiskContent)
        path = node.content.data.path
        try:
            status = os.lstat(path)
        except OSError:
            status = None
        if status is not None and stat.S_ISREG(status.st_mode):
            self._update(node, path, status)
            return
        home = os.path.dirname(path)
        for folder in [*self.roots, *list(self.nodes.values())]:
            if folder.directory == home:
                self.look(folder)
