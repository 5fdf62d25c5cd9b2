"""A remote, a reader and a store without threads or network, for tests of the tree."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import msgspec
import pytest
import trio

from fsmount.errors import FsmountError, NotFound, WrongSize
from fsmount.health import Health
from fsmount.model import Entry, EntryId, Inode, Kind, Page
from fsmount.vfs.filesystem import Layout, Member, open_filesystem

ROOT = Entry(id=EntryId("root"), name="", kind=Kind.FOLDER)


class Cloud:
    """A driver over a tree in memory.

    Attributes:
        folders: Folder id to what is in it, in the provider's order.
        contents: File id to its bytes, which may be of another size than listed.
        page_size: Entries in a page.
        listed: Every page that was asked for: folder id and cursor.
        meet: Awaited with the folder id and the cursor before each page: sleeps or raises.
    """

    root = ROOT

    def __init__(self, page_size=1000):
        self.folders = {ROOT.id: []}
        self.contents = {}
        self.page_size = page_size
        self.listed = []
        self.meet = None
        self.fetched = []
        self._numbers = 0

    def _new_id(self, id_):
        self._numbers += 1
        return EntryId(id_ or f"id{self._numbers}")

    def file(self, name, parent=ROOT, *, id=None, content=b"abc", **fields):
        """Add a file; returns its entry."""
        entry = Entry(
            id=self._new_id(id),
            name=name,
            kind=Kind.FILE,
            **{"size": len(content), "mtime_ns": 1_000, "version": "v1", **fields},
        )
        self.contents[entry.id] = content
        self.folders[parent.id].append(entry)
        return entry

    def folder(self, name, parent=ROOT, *, id=None):
        """Add a folder; returns its entry."""
        entry = Entry(id=self._new_id(id), name=name, kind=Kind.FOLDER, mtime_ns=1_000)
        self.folders[entry.id] = []
        self.folders[parent.id].append(entry)
        return entry

    def remove(self, entry, parent=ROOT):
        """Take an entry away, and what is in it."""
        self.folders[parent.id].remove(entry)
        self.folders.pop(entry.id, None)

    def change(self, entry, parent=ROOT, **fields):
        """Let an entry be another, in its place; returns it."""
        place = self.folders[parent.id]
        changed = msgspec.structs.replace(entry, **fields)
        place[place.index(entry)] = changed
        return changed

    async def list(self, folder, cursor):
        self.listed.append((folder.id, cursor))
        await trio.lowlevel.checkpoint()
        if self.meet is not None:
            await self.meet(folder.id, cursor)
        if folder.id not in self.folders:
            raise NotFound("no such folder")
        start = int(cursor or 0)
        stop = start + self.page_size
        entries = self.folders[folder.id]
        more = str(stop) if stop < len(entries) else None
        return Page(entries=entries[start:stop], next_cursor=more)

    def pages(self, folder=ROOT):
        """Return the cursors that ``folder`` was listed with."""
        return [cursor for id_, cursor in self.listed if id_ == folder.id]

    def source(self, entry):
        return Source(self, entry)


@dataclass
class Source:
    """A ``FileSource`` that checks the size as the real one does."""

    cloud: Cloud
    entry: Entry
    connections = 4
    link_remaining_s = None

    def close(self):
        """Nobody needs to know."""

    async def fetch(self, start, stop, sink):
        self.cloud.fetched.append((self.entry.id, start, stop))
        await trio.lowlevel.checkpoint()
        content = self.cloud.contents[self.entry.id]
        if isinstance(content, Exception):
            raise content
        if len(content) != self.entry.size:
            raise WrongSize("another size", actual=len(content))
        while start < stop:
            part = content[start : min(start + len(sink.room()), stop)]
            sink.room()[: len(part)] = part
            sink.filled(len(part))
            start += len(part)


class Sink:
    def __init__(self, size):
        self.bytes = bytearray(size)

    def room(self):
        return memoryview(self.bytes)

    def filled(self, count):
        pass


class FakeStream:
    def __init__(self, key, source):
        self.key = key
        self.source = source
        self.closed = False

    def read_nowait(self, offset, size):
        return None

    async def read(self, offset, size):
        assert not self.closed
        sink = Sink(size)
        await self.source.fetch(offset, offset + size, sink)
        return bytes(sink.bytes)

    async def close(self):
        await trio.lowlevel.checkpoint()
        self.closed = True

    def snapshot(self):
        return {"position": 0}


class FakeReader:
    """Opens streams that read straight from their source."""

    def __init__(self):
        self.streams = []
        self.labels = {}
        self.at_hand = {}

    def cached(self, key):
        return self.at_hand.get(key, 0)

    def open(self, key, source, label=""):
        self.labels[key] = label
        self.streams.append(FakeStream(key, source))
        return self.streams[-1]


class FakeKernel:
    """Writes down what it was told to forget."""

    def __init__(self):
        self.inodes = []
        self.entries = []

    def invalidate_inode(self, inode):
        self.inodes.append(inode)

    def invalidate_entry(self, parent, name):
        self.entries.append((parent, name))


class DictStore:
    """A ``TreeStore`` that survives its filesystem, without a disk or a thread."""

    keeps = True

    def __init__(self):
        self.records = {}
        self.loads = []
        self.known = {}
        self.next = 2

    async def load(self, member, folder):
        await trio.lowlevel.checkpoint()
        self.loads.append(folder)
        return self.records.get((member, folder))

    async def inodes(self, member, ids):
        await trio.lowlevel.checkpoint()
        return [self.known.get((member, i)) or self._number(member, i) for i in ids]

    def _number(self, member, id_):
        self.known[member, id_] = self.new_inode()
        return self.known[member, id_]

    def new_inode(self):
        self.next += 1
        return Inode(self.next - 1)

    def save(self, member, folder, record):
        self.records[member, folder] = record

    def confirm(self, member, folder, listed_at_ns):
        if (record := self.records.get((member, folder))) is not None:
            self.records[member, folder] = replace(record, listed_at_ns=listed_at_ns)

    async def room(self):
        await trio.lowlevel.checkpoint()


def member_of(cloud, *, ttl_s=300.0, domain="", name="cloud", **fields):
    return Member(
        name=name,
        identity=f"{name}:1",
        domain=domain,
        driver=cloud,
        source=cloud.source,
        health=Health(remote=name),
        listing_ttl_s=ttl_s,
        **fields,
    )


@asynccontextmanager
async def opened(cloud, *, store=None, kernel=None, reader=None, ttl_s=300.0, domain="", **options):
    """Open a filesystem over a cloud (or a layout of several), whose wall clock is trio's."""
    shown = cloud if isinstance(cloud, Layout) else member_of(cloud, ttl_s=ttl_s, domain=domain)
    async with open_filesystem(
        shown,
        reader=reader or FakeReader(),
        store=store,
        kernel=kernel,
        wall=lambda: 1e9 + trio.current_time(),
        **options,
    ) as filesystem:
        yield filesystem


async def rows_of(filesystem, inode=1, count=100):
    """Read a folder to its end, as the kernel does."""
    handle = filesystem.open_folder(inode)
    rows = []
    try:
        while more := await handle.read(rows[-1].next_cookie if rows else 0, count):
            rows += more
        await check_rows_at_hand(handle)
    finally:
        handle.close()
    return rows


async def check_rows_at_hand(handle):
    """Rows that were rendered for an earlier reader are those that a new one would make."""
    ready = handle.at_hand(0)
    if ready is None:
        return
    if ready.rendered is None:
        ready.rendered = []

        def take(*row):
            ready.rendered.append(row)
            return True

        ready.give(take)
    assert ready.rendered == [
        (
            row.name,
            row.attributes.inode,
            row.attributes.is_folder,
            row.attributes.size,
            row.attributes.mtime_ns,
            row.next_cookie,
        )
        for row in await handle.read(0, 100_000)
    ]


async def names_of(filesystem, inode=1):
    return [row.name for row in await rows_of(filesystem, inode)]


async def failing(awaitable):
    """Return the failure of ours that ``awaitable`` ends in."""
    with pytest.raises(FsmountError) as caught:
        await awaitable
    return caught.value
