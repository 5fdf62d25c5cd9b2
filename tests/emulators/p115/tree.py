"""The drive that is served: its files and folders, two of which may have one name.

A folder that mirrors a directory looks at the disk when it is asked, so that a test changes files
with ordinary programs. A file whose size or time changed is another file, as after an upload to the
real service, which cannot change content. What the API makes, renames or deletes happens in memory
only; the directory is never written. Symbolic links, special files and names that are no UTF-8 are
not shown: 115 has none.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from itertools import count
from typing import TYPE_CHECKING

from tests.emulators.disk import DiskContent, entries_of
from tests.emulators.p115.ids import number_of, pickcode_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.emulators.messages import Segment

_NS = 1_000_000_000
# The hash of a larger file is made up: nobody waits seconds for a listing, and no test reads it.
_MOST_HASHED_BYTES = 64 << 20


class Node:
    """A file or folder of the drive.

    Invariant: a node with a parent is in `parent.children`, under its id.
    """

    __slots__ = (
        "_by_disk_name",
        "_sha1",
        "children",
        "content",
        "created_ns",
        "directory",
        "flagged",
        "generation",
        "id",
        "incomplete",
        "is_folder",
        "looked_ns",
        "modified_ns",
        "name",
        "parent",
        "pinned",
        "remembered",
        "starred",
    )

    def __init__(self, number: int, name: str, *, is_folder: bool, time_ns: int) -> None:
        self.id = number
        self.name = name
        self.is_folder = is_folder
        self.parent: Node | None = None
        self.children: dict[int, Node] = {}
        self.content: DiskContent | bytes = b""
        self.created_ns = time_ns
        self.modified_ns = time_ns
        self.directory: str | None = None
        self.looked_ns = -1  # the directory's mtime when it was last looked at
        self.generation = 0  # counts changes of `children` and of what they show
        self.remembered: tuple[str, int, int] | None = None  # order, is_asc, fc_mix
        self.flagged = 0
        self.incomplete = False
        self.pinned = False
        self.starred = False
        self._sha1 = ""
        self._by_disk_name: dict[str, Node] = {}

    @property
    def size(self) -> int:
        """The content's length in bytes; 0 for a folder."""
        content = self.content
        return len(content) if isinstance(content, bytes) else content.size

    @property
    def pickcode(self) -> str:
        """What links are asked for with."""
        return pickcode_of(self.id, is_folder=self.is_folder)

    @property
    def sha1(self) -> str:
        """The content's SHA-1 in 40 upper-case hex digits; "" for a folder."""
        if self.is_folder:
            return ""
        if not self._sha1:
            self._sha1 = _sha1(self.content)
        return self._sha1

    @property
    def extension(self) -> str:
        """What follows the last dot, "" without one."""
        return os.path.splitext(self.name)[1].removeprefix(".")

    def read(self) -> Segment | None:
        """The whole content; None when it is gone."""
        return self.content if isinstance(self.content, bytes) else self.content.read()

    def lineage(self) -> list[Node]:
        """The nodes from the root's child down to this one; empty for a root."""
        nodes: list[Node] = []
        node = self
        while node.parent is not None:
            nodes.append(node)
            node = node.parent
        return nodes[::-1]

    def adopt(self, child: Node) -> None:
        """Take a node in, whatever it is called."""
        child.parent = self
        self.children[child.id] = child
        self.generation += 1

    def part_with(self, child: Node) -> None:
        """Let go of a node; its place on disk stays claimed, so it does not come back."""
        del self.children[child.id]
        child.parent = None
        self.generation += 1


class Tree:
    """All nodes by id, and how they are kept true to the directory."""

    def __init__(self, directory: str) -> None:
        self.nodes: dict[int, Node] = {}
        self._made = count(1)
        self.root = self.mirror(0, "", directory)

    def mirror(self, number: int, name: str, directory: str) -> Node:
        """A root over a directory; the second one is another person's drive."""
        root = Node(number, name, is_folder=True, time_ns=os.stat(directory).st_mtime_ns)
        root.directory = directory
        self.nodes[number] = root
        return root

    def find(self, path: str, root: Node | None = None) -> Node:
        """The node at a path from a root; raises ValueError when there is none."""
        node = root or self.root
        for name in path.strip("/").split("/") if path.strip("/") else ():
            self.look(node)
            children = (child for child in node.children.values() if child.name == name)
            found = next(children, None)
            if found is None:
                raise ValueError(f"there is no {path!r}")
            node = found
        return node

    def make(self, folder: Node, name: str, time_ns: int, content: bytes | None = None) -> Node:
        """Make a file with this content, or a folder, beside whatever has the same name."""
        number = number_of("made", next(self._made), name)
        node = Node(number, name, is_folder=content is None, time_ns=time_ns)
        if content is not None:
            node.content = content
        self.nodes[number] = node
        folder.adopt(node)
        return node

    def copy(self, node: Node, folder: Node, time_ns: int) -> Node:
        """Copy a file, or a folder with all that is below it."""
        made = self.make(folder, node.name, time_ns, None if node.is_folder else b"")
        made.content = node.content
        self.look(node)
        for child in list(node.children.values()):
            self.copy(child, made, time_ns)
        return made

    def forget(self, node: Node) -> None:
        """Delete a node that has no parent any more, with all that is below it."""
        for child in [node, *self.below(node)]:
            self.nodes.pop(child.id, None)

    def now(self, number: int) -> Node | None:
        """What has this id once the disk has been looked at; None when nothing has."""
        node = self.nodes.get(number)
        if node is None or node.parent is None:
            return node
        for above in [node.parent, *node.parent.lineage()]:
            if above.parent is not None:
                self.notice(above.parent)
        self.notice(node.parent)
        return self.nodes.get(number)

    def below(self, folder: Node) -> Iterator[Node]:
        """Everything below this folder, as it is now."""
        self.look(folder)
        for child in list(folder.children.values()):
            yield child
            if child.is_folder:
                yield from self.below(child)

    def notice(self, folder: Node) -> None:
        """Look at a folder only when its directory says that it changed."""
        if folder.directory is None:
            return
        try:
            changed_ns = os.stat(folder.directory).st_mtime_ns
        except OSError:
            changed_ns = -1
        if changed_ns != folder.looked_ns:
            self.look(folder)

    def look(self, folder: Node) -> None:
        """Bring a folder's children up to what the disk has."""
        if folder.directory is None:
            return
        with contextlib.suppress(OSError):
            folder.looked_ns = os.stat(folder.directory).st_mtime_ns
        seen = set()
        for entry, status in entries_of(folder.directory):
            seen.add(entry.name)
            known = folder._by_disk_name.get(entry.name)
            if known is None or not _current(known, status):
                if known is not None:
                    self._drop(known)
                folder._by_disk_name[entry.name] = self._discovered(folder, entry, status)
        for name in folder._by_disk_name.keys() - seen:
            self._drop(folder._by_disk_name.pop(name))

    def _discovered(self, folder: Node, entry: os.DirEntry[str], status: os.stat_result) -> Node:
        is_folder = stat.S_ISDIR(status.st_mode)
        version = () if is_folder else (status.st_size, status.st_mtime_ns)
        number = number_of("disk", folder.id, entry.name, *version)
        while number in self.nodes:
            number += 1
        node = Node(number, entry.name, is_folder=is_folder, time_ns=status.st_mtime_ns)
        if is_folder:
            node.directory = entry.path
        else:
            node.content = DiskContent.of(entry.path, status)
        self.nodes[number] = node
        folder.adopt(node)
        return node

    def _drop(self, node: Node) -> None:
        if node.parent is not None:
            node.parent.part_with(node)
        self.forget(node)


def seconds(time_ns: int) -> int:
    """A time as the service writes it: whole seconds since 1970."""
    return time_ns // _NS


def _current(node: Node, status: os.stat_result) -> bool:
    if node.is_folder or not isinstance(node.content, DiskContent):
        return node.is_folder == stat.S_ISDIR(status.st_mode)
    return DiskContent.of(node.content.path, status) == node.content


def _sha1(content: DiskContent | bytes) -> str:
    if isinstance(content, bytes):
        return hashlib.sha1(content).hexdigest().upper()
    if content.size > _MOST_HASHED_BYTES:
        return hashlib.sha1(repr(content).encode()).hexdigest().upper()
    try:
        with open(content.path, "rb") as file:
            return hashlib.file_digest(file, "sha1").hexdigest().upper()
    except OSError:
        return hashlib.sha1(b"").hexdigest().upper()  # gone since: its link will say so
