"""A folder's entries come in the order that was asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args, get_type_hints

import pytest

from fsmount.drivers.base import DriverOptions
from fsmount.model import Entry, EntryId, Inode, Kind
from fsmount.vfs.filesystem import open_filesystem
from fsmount.vfs.nodes import Node
from fsmount.vfs.order import ordered
from tests.vfs.cloud import Cloud, FakeReader, member_of, names_of

FILES = {"b": (2, 30), "a": (30, 1), "c": (2, 2), "D": (None, 9)}
"""Name to size and time, in the provider's order."""


def nodes():
    yield from (
        Node(
            Inode(number),
            None,
            None,
            Entry(id=EntryId(name), name=name, kind=kind, size=size, mtime_ns=time_ns),
            name,
            size,
        )
        for number, (name, kind, size, time_ns) in enumerate(
            [
                *((name, Kind.FILE, size, time_ns) for name, (size, time_ns) in FILES.items()),
                ("y", Kind.FOLDER, 0, 5),
                ("x", Kind.FOLDER, 0, 6),
            ]
        )
    )


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("", "bacDyx"),
        ("name", "xyDabc"),
        ("-name", "yxcbaD"),
        ("size", "yxDbca"),
        ("-size", "yxabcD"),
        ("time", "yxacDb"),
        ("-time", "xybDca"),
    ],
)
def test_entries_are_put_in_order(sort, names):
    """Folders first, equal ones as listed, an unknown size is the smallest."""
    assert "".join(node.name for node in ordered(nodes(), sort)) == names


def test_the_option_offers_these_orders():
    """Every word that a configuration may hold is understood."""
    for sort in get_args(get_type_hints(DriverOptions)["sort"]):
        assert len(ordered(nodes(), sort)) == 6


@pytest.mark.autojump
async def test_a_sorted_folder_is_asked_for_as_any_other():
    """The order is ours: the provider's pages and their cursors stay as they are."""
    cloud = Cloud(page_size=2)
    for name, (size, _) in FILES.items():
        cloud.file(name, content=b"x" * (size or 0))
    member = replace(member_of(cloud), sort="-size")
    async with open_filesystem(member, reader=FakeReader(), store=None) as fs:
        assert await names_of(fs) == list(FILES)  # shown as they arrived
        assert await names_of(fs) == ["a", "b", "c", "D"]
    assert cloud.pages() == [None, "2"]
