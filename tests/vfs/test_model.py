"""Any sequence of changes, failures, listings and remounts: the tree shows what a model says."""

from __future__ import annotations

import logging

import pytest
import trio
import trio.testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fsmount import errors
from fsmount.model import ROOT_INODE
from tests.vfs.cloud import ROOT, Cloud, DictStore, FakeKernel, opened, rows_of

NAMES = st.sampled_from(["a.txt", "a.txt", "a/b", "", "é" * 200, "\ud800"])
NUMBER = st.integers(0, 7)
STEPS = st.one_of(
    st.tuples(st.just("add"), NUMBER, NAMES, st.booleans()),
    st.tuples(st.just("remove"), NUMBER, NUMBER),
    st.tuples(st.just("rename"), NUMBER, NUMBER, NAMES),
    st.tuples(st.just("overwrite"), NUMBER, NUMBER, st.integers(1, 9)),
    st.tuples(st.just("reorder"), NUMBER),
    st.tuples(st.just("fail"), st.sampled_from([None, None, 0, 3, 6])),
    st.tuples(st.just("wait"), st.sampled_from([1, 30, 100, 1000])),
    st.tuples(st.just("refresh"), NUMBER),
    st.tuples(st.just("refresh"), st.just(0)),
    st.tuples(st.just("read"), NUMBER),
    st.tuples(st.just("hold"), NUMBER),
    st.tuples(st.just("forget"), st.integers(1, 30), st.integers(1, 5)),
)


class Told(Cloud):
    """A remote that remembers what it told: of each folder the last listing that went through.

    Attributes:
        known: Folder id to its entries by id, as the pages of that listing said.
        fails_from: Pages from this cursor on fail; None when none does.
    """

    def __init__(self):
        super().__init__(page_size=3)
        self.known = {}
        self.fails_from = None
        self._telling = {}

    async def list(self, folder, cursor):
        if self.fails_from is not None and int(cursor or 0) >= self.fails_from:
            await trio.lowlevel.checkpoint()
            raise errors.Unreachable("no network")
        try:
            page = await super().list(folder, cursor)
        except errors.NotFound:
            for listing in self.known.values():
                listing.pop(folder.id, None)
            raise
        told = {} if cursor is None else self._telling[folder.id]
        for entry in page.entries:
            told.setdefault(entry.id, entry)
        self._telling[folder.id] = told
        if page.next_cursor is None:
            self.known[folder.id] = told
        return page


class Model:
    """Steps of a provider and of a kernel, and what must be shown after each of them."""

    def __init__(self):
        self.cloud = Told()
        self.store = DictStore()
        self.seen = {}
        self.walked = []
        for parent in (ROOT, self.cloud.folder("d"), self.cloud.folder("e")):
            for _ in range(3):
                self.cloud.file("a.txt", parent)
            self.cloud.file("b.txt", parent)

    async def live(self, steps):
        """Live one life of a mount; the next one is a remount over the same store."""
        async with opened(
            self.cloud, store=self.store, kernel=FakeKernel(), nodes_in_memory=8, ttl_s=50.0
        ) as fs:
            self.fs = fs
            for name, *arguments in steps:
                await getattr(self, name)(*arguments)
                await trio.testing.wait_all_tasks_blocked()
                await self.check()
                sound(fs._tree)
                fs.forget([(inode, 1) for inode in self.walked])
                self.walked.clear()

    def folders(self):
        return [ROOT, *(e for es in self.cloud.folders.values() for e in es if e.is_folder)]

    def picked(self, where, which):
        folders = self.folders()
        parent = folders[where % len(folders)]
        entries = self.cloud.folders[parent.id]
        return (entries[which % len(entries)], parent) if entries else (None, None)

    async def add(self, where, name, is_folder):
        folders = self.folders()
        make = self.cloud.folder if is_folder else self.cloud.file
        make(name, folders[where % len(folders)])

    async def remove(self, where, which):
        entry, parent = self.picked(where, which)
        if entry is not None:
            self.cloud.folders[parent.id].remove(entry)
            gone = [entry]
            for each in gone:
                gone += self.cloud.folders.pop(each.id, [])

    async def rename(self, where, which, name):
        entry, parent = self.picked(where, which)
        if entry is not None:
            self.cloud.change(entry, parent, name=name)

    async def overwrite(self, where, which, size):
        entry, parent = self.picked(where, which)
        if entry is not None and not entry.is_folder:
            self.cloud.change(entry, parent, size=size, version=f"v{size}", mtime_ns=size)

    async def reorder(self, where):
        folders = self.folders()
        self.cloud.folders[folders[where % len(folders)].id].reverse()

    async def fail(self, cursor):
        self.cloud.fails_from = cursor

    async def wait(self, seconds):
        await trio.sleep(seconds)

    async def refresh(self, where):
        folders = await self.shown()
        _, entry, path = folders[where % len(folders)]
        try:
            await self.fs.refresh(path)
        except (errors.NotFound, errors.ProtocolError):
            pass  # it is gone, or its pages moved while they were read
        except errors.Unreachable:
            assert self.cloud.fails_from is not None
        else:
            assert entry.id in self.cloud.known

    async def read(self, where):
        """Read a folder as the kernel does, whatever comes of it."""
        folders = await self.shown()
        try:
            await rows_of(self.fs, folders[where % len(folders)][0], count=2)
        except errors.FsmountError:
            pass  # the check after each step tells what must be readable

    async def hold(self, where):
        folders = await self.shown()
        self.fs.remember(folders[where % len(folders)][0])

    async def forget(self, inode, count):
        self.fs.forget([(inode, count)])

    async def shown(self):
        """Return (inode, entry, path) of every folder that a walk without network reaches.

        As the kernel does, it holds a reference to each until the step is over.
        """
        found = [(ROOT_INODE, ROOT, "")]
        before, self.cloud.fails_from = self.cloud.fails_from, 0
        for inode, entry, path in found:
            if entry.id not in self.cloud.known:
                with pytest.raises(errors.FsmountError):
                    await rows_of(self.fs, inode, count=2)
                continue
            for row in await rows_of(self.fs, inode, count=2):
                if row.attributes.is_folder:
                    child = row.attributes
                    self.fs.remember(child.inode)
                    self.walked.append(child.inode)
                    found.append((child.inode, child.entry, f"{path}/{row.name}"))
        self.cloud.fails_from = before
        return found

    async def check(self):
        """Each folder shows its last successful listing, and without one an error."""
        for inode, folder, _ in await self.shown():
            known = self.cloud.known.get(folder.id)
            if known is None:
                continue
            before, self.cloud.fails_from = self.cloud.fails_from, 0
            rows = await rows_of(self.fs, inode, count=2)
            self.cloud.fails_from = before
            assert {row.attributes.entry.id for row in rows} == known.keys()
            assert len({row.name for row in rows}) == len(rows)
            for row in rows:
                self.check_row(folder, known[row.attributes.entry.id], row)

    def check_row(self, folder, entry, row):
        shown = row.attributes
        assert (shown.entry.name, shown.is_folder, shown.size, shown.entry.version) == (
            entry.name,
            entry.is_folder,
            entry.size,
            entry.version,
        )
        name, row_name, inode = self.seen.get(
            (folder.id, entry.id), (entry.name, row.name, shown.inode)
        )
        assert inode == shown.inode
        assert row_name == row.name or name != entry.name
        self.seen[folder.id, entry.id] = (entry.name, row.name, shown.inode)


def sound(tree):
    """Hold the tree to the invariants that its class states."""
    referenced = 0
    for inode, node in tree._nodes.items():
        assert node.inode == inode
        assert node.lookups >= 0
        referenced += node.lookups > 0
        assert node.lookups or tree.stands(node)
        if node.is_folder and node.children is not None:
            held = sum(
                (child.lookups > 0) + (child.is_folder and child.children is not None)
                for child in node.children.values()
            )
            # 1 more for each part whose listing is being kept.
            assert 0 <= node.held - held <= max(1, len(node.parts))
            for name, child in node.children.items():
                assert child.name == name
                assert child.parent is node
                assert tree._nodes[child.inode] is child
    assert tree.statistics()["referenced"] == referenced


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.lists(STEPS, min_size=2, max_size=15), min_size=2, max_size=3))
def test_the_tree_shows_the_last_successful_listings(lives):
    """Through failures, changes, references, small memory and remounts; inodes and names stay."""
    model = Model()
    logging.disable(logging.WARNING)  # outages are the point here
    try:
        for steps in lives:
            trio.run(model.live, steps, clock=trio.testing.MockClock(autojump_threshold=0))
    finally:
        logging.disable(logging.NOTSET)
