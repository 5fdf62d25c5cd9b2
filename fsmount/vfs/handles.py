"""Open files and folders: what a handle was opened on is what it shows until it is closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import trio

from fsmount.errors import Changed, NotFound, WrongSize
from fsmount.vfs.border import DirEntry
from fsmount.vfs.changes import InodeStale
from fsmount.vfs.identity import content_key, version_of
from fsmount.vfs.views import give

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from fsmount.model import ContentKey, Entry, Inode
    from fsmount.reader.stream import Reader, Stream
    from fsmount.vfs.border import Member, Take
    from fsmount.vfs.changes import Changes
    from fsmount.vfs.kept import Keeper
    from fsmount.vfs.listing import Listings
    from fsmount.vfs.nodes import Folder, Node
    from fsmount.vfs.scans import Scans
    from fsmount.vfs.tree import Tree
    from fsmount.vfs.views import Snapshot, View
    from fsmount.vfs.walks import Walks


_ROWS = 256
"""Taken out of a view at once: more than an answer to the kernel usually holds."""


class OpenFolder:
    """One open folder: rows of a view that stays, and grows while pages arrive."""

    def __init__(self, folder: Folder, tree: Tree, listings: Listings, walks: Walks | None) -> None:
        self._folder = folder
        self._tree = tree
        self._listings = listings
        self._walks = walks
        self._view: View | None = None
        tree.remember(folder)
        folder.held += 1  # unloaded, its rows would be nobody's

    async def read(self, cookie: int, count: int) -> Sequence[DirEntry]:
        """Return up to ``count`` rows after ``cookie``; see ``FolderHandle``."""
        view = await self._viewed(cookie)
        rows: list[DirEntry] = []
        while not rows:
            await self._listings.more(self._folder, view, cookie)
            nodes = view.nodes[cookie : cookie + count]
            if not nodes:
                break
            rows = [
                DirEntry(name=node.name, attributes=node.attributes(), next_cookie=next_cookie)
                for next_cookie, node in self._standing(nodes, cookie)
            ]
            cookie += len(nodes)
        return rows

    async def give(self, cookie: int, take: Take) -> None:
        """Let ``take`` have the rows after ``cookie``; see ``FolderHandle``."""
        view = await self._viewed(cookie)
        while True:
            await self._listings.more(self._folder, view, cookie)
            at_once = len(view.nodes)
            if self._give(view, cookie, take) or at_once <= cookie:
                return
            cookie = at_once  # all that were left have gone meanwhile

    def at_hand(self, cookie: int) -> Snapshot | None:
        """Return all rows where nobody has to wait for them; see ``FolderHandle``.

        Also to who has waited for them and asks whether there are more: so the rows stand ready for
        the next reader at a moment when the network is what takes time.
        """
        snapshot = self._listings.snapshot(self._folder)
        if snapshot is None:
            return None
        if cookie and (self._view is None or self._view.nodes != snapshot.view.nodes):
            return None  # the cookie counts rows of another view
        self._view = snapshot.view
        return snapshot

    async def _viewed(self, cookie: int) -> View:
        if self._view is None or cookie == 0:
            self._view = await self._listings.view(self._folder)
        return self._view

    def _give(self, view: View, cookie: int, take: Take) -> bool:
        """Let ``take`` have what the view has after ``cookie``; return whether it took any row."""
        took = False
        while nodes := view.nodes[cookie : cookie + _ROWS]:
            for next_cookie, node in self._standing(nodes, cookie):
                if not give(node, next_cookie, take):
                    return took
                took = True
                self._tree.remember(node)
            cookie += len(nodes)
        return took

    def _standing(self, nodes: Sequence[Node], cookie: int) -> Iterator[tuple[int, Node]]:
        """Yield those of ``nodes`` that are still in the folder, each with the cookie after it."""
        children = self._folder.children or {}
        for next_cookie, node in enumerate(nodes, cookie + 1):
            if children.get(node.name) is node:
                yield next_cookie, node

    def close(self) -> None:
        """Let go of the view."""
        if self._walks is not None:
            self._walks.left(self._folder)
        self._folder.held -= 1
        self._tree.forget(self._folder)
        self._view = None


class OpenFiles:
    """All open files, and which versions of a file the kernel may hold pages of.

    Pages belong to the inode, not to the handle. They are kept over an open only when every handle
    since has been of the same version; and while a handle of an older version is open, whoever
    opens a newer one reads past them.
    """

    def __init__(
        self,
        tree: Tree,
        listings: Listings,
        keeper: Keeper,
        changes: Changes,
        reader: Reader,
        walks: Walks,
        scans: Scans,
    ) -> None:
        self._tree = tree
        self._listings = listings
        self._keeper = keeper
        self._changes = changes
        self._reader = reader
        self._walks = walks
        self._scans = scans
        self._open: dict[OpenFile, None] = {}
        self._paged: dict[Inode, str] = {}

    def open(self, node: Node) -> OpenFile:
        """Return a handle on the listed version of ``node``; asks nobody."""
        version = version_of(node.entry)
        mixed = any(file.inode == node.inode and file.version != version for file in self._open)
        keep_cache = self._paged.get(node.inode) == version and not mixed
        self._paged[node.inode] = version
        self._tree.remember(node)
        file = OpenFile(node, self, keep_cache=keep_cache, mixed=mixed)
        self._open[file] = None
        self._measure(node)
        return file

    def stream(self, node: Node, member: Member, entry: Entry) -> Stream:
        """Return a stream of the reader over ``entry`` of ``node``, whose size is known."""
        key, label = content_key(member, entry), self._tree.path(node)
        return self._reader.open(key, member.source(entry), label)

    def began(self, node: Node) -> None:
        """Take note that a handle of ``node`` begins to read it from its start."""
        self._scans.began(node)
        if node.parent is not None:
            self._walks.stays(node.parent)

    def content(self, node: Node) -> ContentKey | None:
        """Return the key of the listed version of a file; None while its size is not known."""
        assert node.part is not None
        if node.size is None:
            return None
        return content_key(node.part.member, msgspec.structs.replace(node.entry, size=node.size))

    def keep(self, node: Node) -> None:
        """Have the disk cache take what it has not of a file that is in memory."""
        if (key := self.content(node)) is not None:
            self._reader.keep(key)

    def cached(self, node: Node) -> int:
        """Return how many bytes of the listed version of a file are at hand."""
        key = self.content(node)
        return 0 if key is None else self._reader.cached(key)

    def closed(self, file: OpenFile) -> None:
        """Forget a handle; pages it may have left of an older version are not kept."""
        del self._open[file]
        self._measure(file.node)
        if self._paged.get(file.inode) != file.version:
            self._paged.pop(file.inode, None)
        self._tree.forget(file.node)

    def forgotten(self, inode: Inode) -> None:
        """The kernel let go of ``inode``, and so of its pages."""
        self._paged.pop(inode, None)

    def repair(self, file: OpenFile, size: int) -> None:
        """Put the size of a file right for everybody who has this version of it."""
        node = file.node
        if node.size == size or version_of(node.entry) != file.version:
            return
        node.size = size
        self._measure(node)
        if node.parent is not None and node.part is not None:
            self._keeper.repaired(node.parent, node.part)
        self._changes.push([InodeStale(node.inode)])

    def _measure(self, node: Node) -> None:
        """Bring ``node.open_size`` up to date; a size that only handles held is taken back."""
        before = node.attributes().size
        node.opened(max((file.size for file in self._open if file.node is node), default=0))
        if node.attributes().size < before:
            self._changes.push([InodeStale(node.inode)])

    def outdated(self, file: OpenFile) -> None:
        """A file turned out to be another than was listed: its folder is listed anew behind."""
        node = file.node
        if node.parent is not None and node.part is not None:
            self._listings.refresh_behind(node.parent, node.part)

    def snapshots(self, path_of: Callable[[Node], str]) -> list[Mapping[str, object]]:
        """Return every open file as plain data, for ``status``."""
        return [{"path": path_of(file.node), **file.snapshot()} for file in self._open]


class OpenFile:
    """One open file, at the version that was listed when it was opened.

    Attributes:
        node: What was opened; kept in the tree while the handle lives.
        listed: Its entry as it was then.
        version: Names the bytes that this handle reads.
    """

    def __init__(self, node: Node, files: OpenFiles, *, keep_cache: bool, mixed: bool) -> None:
        assert node.part is not None
        self.node = node
        self.listed = node.entry
        self.version = version_of(node.entry)
        self.inode = node.inode
        self.size = node.size or 0
        self.opener = ""
        self.keep_cache = keep_cache
        self.direct_io = mixed or node.size is None
        self._known = node.size is not None
        self._member = node.part.member
        self._files = files
        self._stream: Stream | None = None
        self._retired: list[Stream] = []
        self._changed: Changed | None = None
        self._probing = trio.Lock()

    def read_nowait(self, offset: int, size: int) -> memoryview | bytes | None:
        """Return the bytes when all are in memory, else None."""
        if not self._known or self._changed is not None:
            return None
        size = min(size, self.size - offset)
        if size <= 0:
            return b""
        return self._opened(offset).read_nowait(offset, size)

    async def read(self, offset: int, size: int) -> memoryview | bytes:
        """Return ``size`` bytes from ``offset``, fewer only at the end of the file.

        Raises:
            Changed: The file is another version now; stays so for this handle.
            FsmountError: As the stream.
        """
        if self._changed is not None:
            raise self._changed.with_traceback(None)
        try:
            if not self._known:
                await self._learn_size()
            try:
                return await self._read(offset, size)
            except WrongSize as exc:
                self._repair(exc.actual)
                return await self._read(offset, size)
        except Changed as exc:
            self._changed = exc
            self._files.outdated(self)
            raise
        except NotFound:
            self._files.outdated(self)
            raise

    async def _read(self, offset: int, size: int) -> memoryview | bytes:
        size = min(size, self.size - offset)
        if size <= 0:
            return b""
        return await self._opened(offset).read(offset, size)

    def _opened(self, offset: int) -> Stream:
        """Return the stream, opened by the first read: a scan that only opens costs nothing."""
        if self._stream is None:
            entry = msgspec.structs.replace(self.listed, size=self.size)
            self._stream = self._files.stream(self.node, self._member, entry)
            if offset == 0:
                self._files.began(self.node)
        return self._stream

    async def _learn_size(self) -> None:
        """Fetch one byte, as if the file had no more: the answer tells how many there are.

        The lock is held while the network is asked: the handle's other reads need the same answer.
        """
        async with self._probing:
            if self._known:
                return
            source = self._member.source(msgspec.structs.replace(self.listed, size=1))
            try:
                await source.fetch(0, 1, _OneByte())
            except WrongSize as exc:
                self._repair(exc.actual)
            else:
                self._repair(1)
            finally:
                source.close()

    def _repair(self, actual: int) -> None:
        """Go on with the real size; the old stream may still serve others, and ends with us."""
        if self._stream is not None and self.size != actual:
            self._retired.append(self._stream)
            self._stream = None
        self.size = actual
        self._known = True
        self._files.repair(self, actual)

    async def close(self) -> None:
        """Release the handle; its read-ahead ends."""
        self._files.closed(self)
        streams = [*self._retired, *([self._stream] if self._stream else [])]
        self._stream = None
        for stream in streams:
            await stream.close()

    def snapshot(self) -> Mapping[str, object]:
        """Return size, state and what the stream tells."""
        stream = {} if self._stream is None else self._stream.snapshot()
        return {
            "size": self.size,
            "changed": self._changed is not None,
            "opener": self.opener,
            **stream,
        }


class _OneByte:
    """A ``Sink`` for a byte that nobody wants."""

    def __init__(self) -> None:
        self._room = memoryview(bytearray(1))

    def room(self) -> memoryview:
        """Return what is left of one byte."""
        return self._room

    def filled(self, count: int) -> None:
        """Take the byte."""
        self._room = self._room[count:]
