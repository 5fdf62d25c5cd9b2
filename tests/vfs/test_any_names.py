"""Any names at all, from the remote through the tree and the disk: a legal POSIX tree that stays.

``test_names`` holds the rules themselves; here they go through the door that the kernel uses.
"""

from __future__ import annotations

import os
import random
import tempfile
from collections import Counter
from pathlib import Path

import trio
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fsmount import errors
from fsmount.model import ROOT_INODE
from fsmount.store.tree import open_tree_store
from fsmount.vfs.names import legal, original
from tests.vfs.cloud import ROOT, Cloud, opened, rows_of

# What is special to us is frequent, and few names make duplicates.
SPECIAL = st.sampled_from("/\0.／␀．‛∅ud8~\n\t 电🎉é\ud800\udfff")
HARD_NAMES = ["", ".", "..", "．", "‛", "a/b", "a／b", "a.txt", "A.TXT", "\0", "\ud83c", "电" * 100]
NAMES = (
    st.sampled_from([*HARD_NAMES, "x" * 300, "y" * 252 + ".tar.gz", "é" * 127 + ".jpg"])
    | st.text(SPECIAL, max_size=4)
    | st.text(SPECIAL | st.characters(), max_size=300)
)
# (name, is a folder, in which of the folders before it)
TREES = st.lists(st.tuples(NAMES, st.booleans(), st.integers(0, 3)), min_size=1, max_size=25)


def made(tree):
    """Return a remote that has ``tree``."""
    cloud = Cloud(page_size=4)
    folders = [ROOT]
    for name, is_folder, where in tree:
        parent = folders[where % len(folders)]
        if is_folder:
            folders.append(cloud.folder(name, parent))
        else:
            cloud.file(name, parent)
    return cloud


async def walked(filesystem, *, refreshed=False):
    """Walk the whole tree as the kernel does; return its rows by folder id, then by entry id."""
    tree = {}
    waiting = [(ROOT_INODE, ROOT.id, "")]
    for inode, id_, path in waiting:
        if refreshed:
            await filesystem.refresh(path)
        rows = await rows_of(filesystem, inode, count=3)
        tree[id_] = {row.attributes.entry.id: row for row in rows}
        assert len(tree[id_]) == len(rows)
        for row in rows:
            found = await filesystem.lookup(inode, row.name)
            assert found.inode == row.attributes.inode
            if found.is_folder:
                waiting.append((found.inode, found.entry.id, f"{path}/{row.name}"))
    return tree


def check(cloud, tree):
    """Nothing is missing, every name may stand in a directory, and tells the provider's own."""
    assert {id_: list(rows) for id_, rows in tree.items()} == {
        id_: [entry.id for entry in entries] for id_, entries in cloud.folders.items()
    }
    inodes = Counter(row.attributes.inode for rows in tree.values() for row in rows.values())
    assert set(inodes.values()) <= {1}
    for id_, rows in tree.items():
        assert len({row.name for row in rows.values()}) == len(rows)
        for entry in cloud.folders[id_]:
            row = rows[entry.id]
            coded = os.fsencode(row.name)
            assert 0 < len(coded) <= 255
            assert os.fsdecode(coded) == row.name
            assert row.name not in (".", "..")
            assert not {"/", "\0"} & set(row.name)
            assert row.attributes.entry.name == entry.name
            assert row.attributes.is_folder == entry.is_folder


def check_plain(cloud, tree):
    """The first seen of equal names keeps the plain one, from which the provider's is read."""
    for id_, rows in tree.items():
        first = {}
        for entry in cloud.folders[id_]:
            first.setdefault(entry.name, entry.id)
        for name, entry_id in first.items():
            if len(legal(name).encode()) <= 255:
                assert rows[entry_id].name == legal(name)
                assert original(rows[entry_id].name) == name


def shown(tree):
    """Return what must not change: the name and number of each entry."""
    return {
        (id_, entry_id): (row.name, row.attributes.inode)
        for id_, rows in tree.items()
        for entry_id, row in rows.items()
    }


async def live(cloud, shuffle, path):
    """Show a tree, in other orders, with more in it, and in a second life without network."""
    async with open_tree_store(path) as store, opened(cloud, store=store) as filesystem:
        before = await walked(filesystem)
        check(cloud, before)
        check_plain(cloud, before)
        for entries in cloud.folders.values():
            shuffle(entries)
        reordered = await walked(filesystem, refreshed=True)
        check(cloud, reordered)
        assert shown(reordered) == shown(before)
        for id_, entries in cloud.folders.items():
            parent = ROOT if id_ == ROOT.id else next(e for e in _folders(cloud) if e.id == id_)
            for entry in entries[:2]:
                cloud.file(entry.name, parent)  # one more of a name, listed first
                entries.insert(0, entries.pop())
        grown = await walked(filesystem, refreshed=True)
        check(cloud, grown)
        assert shown(grown).items() >= shown(before).items()

    async with open_tree_store(path) as store, opened(cloud, store=store) as filesystem:
        cloud.meet = _unreachable
        offline = await walked(filesystem)
        check(cloud, offline)
        assert shown(offline) == shown(grown)
        cloud.meet = None
        for entries in cloud.folders.values():
            shuffle(entries)
        again = await walked(filesystem, refreshed=True)
        check(cloud, again)
        assert shown(again) == shown(grown)


def _folders(cloud):
    return [entry for entries in cloud.folders.values() for entry in entries if entry.is_folder]


async def _unreachable(folder, cursor):
    raise errors.Unreachable("no network")


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@example([("\ud800\udfff", False, 0)], random.Random(1))  # two halves are not the whole character
@given(TREES, st.randoms(use_true_random=False))
def test_any_remote_tree_is_a_legal_tree_that_stays(tree, order):
    """Duplicates, slashes, NUL, dots, nothing, surrogates, too many bytes; reorders and remounts.

    The store is the real one: a name that cannot be written to disk would not come back.
    """
    with tempfile.TemporaryDirectory() as directory:
        trio.run(live, made(tree), order.shuffle, Path(directory) / "tree.sqlite")
