"""What the kernel has to forget, and when it is told."""

from __future__ import annotations

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from fsmount.model import Entry, EntryId, Inode, Kind
from fsmount.vfs.changes import Changes, InodeStale, NameStale, changed_names, looks_different
from fsmount.vfs.identity import with_first_mtime
from tests.vfs.cloud import FakeKernel

ONE, TWO, THREE = object(), object(), object()


def file(**fields):
    return Entry(id=EntryId("i"), name="n", kind=Kind.FILE, **fields)


@pytest.mark.parametrize(
    ("before", "after", "names"),
    [
        ({}, {}, []),
        ({"a": ONE}, {"a": ONE}, []),
        ({"a": ONE}, {}, ["a"]),
        ({}, {"a": ONE}, ["a"]),
        ({"a": ONE}, {"a": TWO}, ["a"]),
        ({"a": ONE, "b": TWO}, {"b": ONE, "c": TWO}, ["a", "b", "c"]),
        ({"a": ONE, "b": TWO, "c": THREE}, {"c": THREE, "a": ONE, "b": TWO}, []),
    ],
)
def test_names_that_mean_another_node_are_forgotten(before, after, names):
    """Gone, new or somebody else; another order is no change."""
    assert changed_names(Inode(7), before, after) == [NameStale(Inode(7), name) for name in names]


@pytest.mark.parametrize(
    ("old", "new", "different"),
    [
        (file(size=1), file(size=1), False),
        (file(size=1), file(size=2), True),
        (file(version="a"), file(version="b"), True),
        (file(mtime_ns=1), file(mtime_ns=2), True),
        (file(locator="a"), file(locator="b"), False),
    ],
)
def test_what_stat_or_read_would_show_counts(old, new, different):
    """A new address of the same bytes is nobody's business."""
    assert looks_different(old, new) is different


@pytest.mark.parametrize(
    ("old", "new", "mtime_ns"),
    [
        (file(version="v", mtime_ns=1), file(version="v", mtime_ns=2), 1),
        (file(version="v", mtime_ns=1), file(version="w", mtime_ns=2), 2),
        (file(version="v", mtime_ns=1, size=1), file(version="v", mtime_ns=2, size=2), 2),
        (file(mtime_ns=1), file(mtime_ns=2), 2),
        (file(version="v", mtime_ns=0), file(version="v", mtime_ns=2), 2),
    ],
)
def test_the_first_mtime_stays_with_version_and_size(old, new, mtime_ns):
    """Without a version the mtime itself tells versions apart."""
    assert with_first_mtime(old, new).mtime_ns == mtime_ns


async def test_the_kernel_is_told_by_a_task_of_its_own_each_thing_once():
    """Never from inside the handler that found out: the kernel may hold the very lock it needs."""
    kernel = FakeKernel()
    changes = Changes(kernel)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(changes.run)
        changes.push([InodeStale(Inode(2)), NameStale(Inode(1), "a"), InodeStale(Inode(2))])
        assert kernel.inodes == []
        await wait_all_tasks_blocked()
        assert kernel.inodes == [2]
        assert kernel.entries == [(1, "a")]
        changes.push([])
        changes.push([InodeStale(Inode(2))])
        await wait_all_tasks_blocked()
        assert kernel.inodes == [2, 2]
        nursery.cancel_scope.cancel()


async def test_without_a_kernel_nothing_is_gathered():
    """The command line has none, and its list would grow for ever."""
    changes = Changes(None)
    changes.push([InodeStale(Inode(2))])
    with trio.fail_after(1):
        await changes.run()
    assert not changes._waiting
