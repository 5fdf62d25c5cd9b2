"""Mounts a tree made of thin air through the real supervisor, daemon and kernel code.

What the tests of the lower edge need and no remote gives on demand: names that are never answered,
reads that stall, handlers that fail in ways no layer below would let through.
"""

from __future__ import annotations

import argparse
import contextlib
import pathlib
import sys
import threading

import trio

from fsmount import daemon, log, mountpoint, supervisor
from fsmount.errors import IsFolder, NotFolder, NotFound, Unreachable
from fsmount.health import Health
from fsmount.model import ROOT_INODE, Entry, EntryId, Inode, Kind, Space
from fsmount.options import parse_options
from fsmount.vfs.filesystem import Attributes, DirEntry

MTIME_NS = 1_700_000_000_000_000_000


class Node:
    """A file that is its bytes, or a folder that is its children."""

    def __init__(self, inode, content=b"", children=None):
        self.inode = Inode(inode)
        self.content = content
        self.children = children

    @property
    def attributes(self):
        folder = self.children is not None
        size = 0 if folder else len(self.content)
        return Attributes(
            inode=self.inode,
            is_folder=folder,
            size=size,
            mtime_ns=MTIME_NS,
            kept=Entry(
                id=EntryId(str(self.inode)),
                name="",
                kind=Kind.FOLDER if folder else Kind.FILE,
                size=size,
            ),
        )


class FakeFile:
    """An open file; its name says how it behaves."""

    keep_cache = True
    direct_io = False

    def __init__(self, node, name):
        self.inode = node.inode
        self.size = len(node.content)
        self._content = memoryview(node.content)
        self._name = name

    def read_nowait(self, offset, size):
        if self._name == "breaks at once":
            raise RuntimeError("a bug in read_nowait")
        return None if "read" in self._name else self._content[offset : offset + size]

    async def read(self, offset, size):
        match self._name:
            case "read stalls":
                await trio.sleep_forever()
            case "read breaks":
                raise RuntimeError("a bug in read")
            case "read breaks in a group":
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(trio.sleep_forever)
                    raise Unreachable("no way there")
        await trio.lowlevel.checkpoint()
        return self._content[offset : offset + size]

    async def close(self):
        await trio.lowlevel.checkpoint()


class FakeRows:
    """All rows of a folder, ready for whoever comes."""

    def __init__(self, rows, remember):
        self.rendered = None
        self._rows = rows
        self._remember = remember

    def give(self, take):
        for row in self._rows:
            assert give(row, take)

    def took(self, start, count):
        for row in self._rows[start : start + count]:
            self._remember(row.attributes.inode)


class FakeFolder:
    """An open folder over a list that is whole from the start; at hand, or to be waited for."""

    def __init__(self, node, filesystem):
        self._filesystem = filesystem
        self._rows = [
            DirEntry(name=name, attributes=child.attributes, next_cookie=number)
            for number, (name, child) in enumerate(node.children.items(), start=1)
        ]
        self._ready = FakeRows(self._rows, filesystem.remember)

    def at_hand(self, cookie):
        return self._ready if self._filesystem.at_hand else None

    async def read(self, cookie, count):
        await trio.lowlevel.checkpoint()
        return self._rows[cookie : cookie + count]

    async def give(self, cookie, take):
        await trio.lowlevel.checkpoint()
        for row in self._rows[cookie:]:
            if not give(row, take):
                break
            self._filesystem.remember(row.attributes.inode)

    def close(self):
        pass


def give(row, take):
    shown = row.attributes
    return take(row.name, shown.inode, shown.is_folder, shown.size, shown.mtime_ns, row.next_cookie)


class FakeFilesystem:
    """``vfs.filesystem.Filesystem`` over nodes in memory.

    Attributes:
        at_hand: Names, attributes and rows need no waiting.
        references: What was handed out.
    """

    def __init__(self, many):
        self.at_hand = False
        self._nodes = {}
        self.references = {}
        files = {
            "hello.txt": b"hello\n",
            "empty": b"",
            "large": bytes(range(256)) * 4096 * 8,
            "breaks at once": b"x" * 10,
            "read stalls": b"x" * 4_000_000,
            "read breaks": b"x" * 10,
            "read breaks in a group": b"x" * 10,
        }
        children = {name: self._node(content) for name, content in files.items()}
        children["folder"] = self._node(children={"inner.txt": self._node(b"inner\n")})
        children["many"] = self._node(
            children={f"file {number:06}": self._node(b"m") for number in range(many)}
        )
        self._root = self._node(children=children, inode=ROOT_INODE)

    def _node(self, content=b"", children=None, inode=None):
        node = Node(inode or len(self._nodes) + 2, content, children)
        self._nodes[node.inode] = node
        return node

    def lookup_nowait(self, parent, name):
        return self._found(parent, name) if self.at_hand else None

    async def lookup(self, parent, name):
        await trio.lowlevel.checkpoint()
        if name == "never":
            await trio.sleep_forever()
        if name == "broken":
            raise RuntimeError("a bug in lookup")
        return self._found(parent, name)

    def _found(self, parent, name):
        try:
            found = self._nodes[parent].children[name]
        except KeyError:
            raise NotFound(f"no {name}") from None
        self.remember(found.inode)
        return found.attributes

    def attributes_nowait(self, inode):
        return self._nodes[inode].attributes if self.at_hand else None

    async def attributes(self, inode):
        await trio.lowlevel.checkpoint()
        return self._nodes[inode].attributes

    def remember(self, inode):
        self.references[inode] = self.references.get(inode, 0) + 1

    def forget(self, inodes):
        for inode, count in inodes:
            self.references[inode] = self.references.get(inode, 0) - count

    def open_folder(self, inode, *, walking=True):
        if self._nodes[inode].children is None:
            raise NotFolder("a file")
        return FakeFolder(self._nodes[inode], self)

    def open_file(self, inode):
        node = self._nodes[inode]
        if node.children is not None:
            raise IsFolder("a folder")
        name = next(name for name, child in self._root.children.items() if child is node)
        return FakeFile(node, name)

    def root_stands(self):
        return True

    def space(self):
        return Space(total=1_000_000_000, used=250_000_000)

    def path_of(self, inode):
        return f"node {inode}"

    async def refresh(self, path):
        await trio.lowlevel.checkpoint()
        if path == "missing":
            raise NotFound('there is no "missing"')

    def status(self):
        return {"handles": [], "references": sum(self.references.values())}


def composition(many):
    """Return what ``daemon.run`` opens."""

    @contextlib.asynccontextmanager
    async def compose(_kernel):
        yield daemon.Served(
            filesystem=FakeFilesystem(many),
            health=Health(remote="fake"),
            shown="fake, with a comma \\ 假",
            remote="fake",
            driver="none",
            listing_ttl_s=300.0,
        )

    return compose


def main():
    """Mount as ``fsmount mount`` does, and stay in the foreground unless told otherwise."""
    parser = argparse.ArgumentParser()
    parser.add_argument("mountpoint", type=pathlib.Path)
    parser.add_argument("socket", type=pathlib.Path)
    parser.add_argument("-o", action="append", default=[])
    parser.add_argument("--many", type=int, default=10)
    parser.add_argument("--background", type=pathlib.Path)
    parser.add_argument("--looks-at-itself", action="store_true")
    arguments = parser.parse_args()
    options = parse_options(arguments.o)
    mountpoint.show_connections()
    path = mountpoint.check(arguments.mountpoint, nonempty=False)

    def serve(reports):
        log.setup("info", False)
        place = daemon.Place(mountpoint=path, options=options, socket=arguments.socket)

        def look():
            # What nothing in fsmount does; a blocking notify call ends up just so.
            with contextlib.suppress(OSError):
                (path / "never").stat()

        def ready():
            if arguments.looks_at_itself:
                threading.Thread(target=look, daemon=True).start()
            if arguments.background:
                supervisor.leave_terminal(arguments.background)

        daemon.run(composition(arguments.many), place, reports, ready=ready)
        return 0

    return supervisor.supervise(
        serve,
        mountpoint.Guard(path),
        background=arguments.background is not None,
        log_to=arguments.background,
    )


if __name__ == "__main__":
    sys.exit(main())
