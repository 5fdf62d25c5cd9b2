"""Rows of a folder are kept for the next who reads it, until something in it changes."""

from __future__ import annotations

from contextlib import contextmanager

import msgspec
import pytest

from fsmount.model import ROOT_INODE, Entry, Kind
from fsmount.vfs import views
from fsmount.vfs.filesystem import layout_of
from tests.vfs.cloud import ROOT, Cloud, member_of, opened, rows_of

pytestmark = pytest.mark.autojump


@contextmanager
def at_hand(fs, inode=ROOT_INODE):
    """Give the rows of a folder as the kernel's edge asks for them; None where it has to wait."""
    handle = fs.open_folder(inode)
    try:
        yield handle.at_hand(0)
    finally:
        handle.close()


def shown(ready):
    """Return name, inode and size of each row, as whoever came first rendered them."""
    if ready.rendered is None:
        rendered = ready.rendered = []

        def take(*row):
            rendered.append(row)
            return True

        ready.give(take)
    return [(name, inode, size) for name, inode, _, size, _, _ in ready.rendered]


async def test_rows_are_at_hand_once_a_folder_is_listed():
    """And the same ones for everybody; each that is taken is one reference."""
    cloud = Cloud()
    entries = [cloud.file(name) for name in "abc"]
    async with opened(cloud) as fs:
        with at_hand(fs) as ready:
            assert ready is None, "it was never listed"
        await rows_of(fs)
        with at_hand(fs) as ready, at_hand(fs) as again:
            assert ready is again
            assert [name for name, _, _ in shown(ready)] == [entry.name for entry in entries]
            ready.took(1, 2)
            ready.took(2, 1)
            b, c = (inode for _, inode, _ in shown(ready)[1:])
            assert fs.status()["counts"]["referenced"] == 3
            fs.forget([(b, 1), (c, 1)])
            assert fs.status()["counts"]["referenced"] == 2, "c was taken twice"


async def test_rows_go_on_at_hand_where_others_were_waited_for():
    """A cookie of the one counts in the other as long as both show the same."""
    cloud = Cloud()
    for name in "abc":
        cloud.file(name)
    async with opened(cloud) as fs:
        handle = fs.open_folder(ROOT_INODE)
        assert handle.at_hand(0) is None
        first = await handle.read(0, 2)
        await fs.refresh("")
        ready = handle.at_hand(first[-1].next_cookie)
        assert [name for name, _, _ in shown(ready)] == ["a", "b", "c"]
        cloud.remove(cloud.folders[ROOT.id][0])
        await fs.refresh("")
        assert handle.at_hand(2) is None, "its second row is another one now"
        assert [row.name for row in await handle.read(2, 9)] == ["c"]
        handle.close()


async def test_whatever_changes_a_row_makes_them_anew():
    """A listing, a size that is put right, a version that is still open."""
    cloud = Cloud()
    entry = cloud.file("a", content=b"12345", size=3)
    async with opened(cloud) as fs:
        await rows_of(fs)
        with at_hand(fs) as ready:
            ((_, inode, size),) = shown(ready)
        assert size == 3
        file = fs.open_file(inode)
        assert await file.read(0, 9) == b"12345"
        with at_hand(fs) as ready:
            assert shown(ready) == [("a", inode, 5)], "the file told its size"
        cloud.change(entry, size=2, version="v2")
        await fs.refresh("")
        with at_hand(fs) as ready:
            assert shown(ready) == [("a", inode, 5)], "the handle may still read five"
        await file.close()
        with at_hand(fs) as ready:
            assert shown(ready) == [("a", inode, 2)]


async def test_a_mount_point_that_is_described_later_is_shown_anew():
    """Its own listing tells its time: the folder above, which lists nothing, has another row."""

    class Describing(Cloud):
        async def list(self, folder, cursor):
            page = await super().list(folder, cursor)
            itself = Entry(id=ROOT.id, name="", kind=Kind.FOLDER, mtime_ns=77)
            return msgspec.structs.replace(page, folder=itself)

    async with opened(layout_of({"/films": [member_of(Describing())]})) as fs:
        (row,) = await rows_of(fs)
        assert row.attributes.mtime_ns == 0
        await rows_of(fs, row.attributes.inode)
        (row,) = await rows_of(fs)  # and compares the rows at hand
        assert row.attributes.mtime_ns == 77


async def test_only_so_many_rows_are_kept(monkeypatch):
    """A large folder has none, and the oldest go."""
    monkeypatch.setattr(views, "_MOST_ROWS_EACH", 3)
    monkeypatch.setattr(views, "_MOST_ROWS", 10)
    cloud = Cloud()
    for count in (3, 4, 3, 2):
        folder = cloud.folder(f"has {count}")
        for number in range(count):
            cloud.file(f"f{number}", folder)
    async with opened(cloud) as fs:
        inodes = [row.attributes.inode for row in await rows_of(fs)]
        for inode in inodes:
            await rows_of(fs, inode)
        kept = []
        for inode in inodes:
            with at_hand(fs, inode) as ready:
                kept.append(ready)
        assert [ready is not None for ready in kept] == [True, False, True, True]
        with at_hand(fs, inodes[3]) as ready:
            assert ready is kept[3]
        with at_hand(fs, inodes[0]) as ready:
            assert ready is not kept[0], "it was the oldest, and made room"
