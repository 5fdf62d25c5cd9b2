"""Rows in every spelling become entries."""

from __future__ import annotations

import msgspec
import pytest

from fsmount.drivers.p115_open.api import FileRow, Info
from fsmount.drivers.p115_open.entries import entries, entry
from fsmount.model import Entry, EntryId, Kind
from tests.drivers.p115_open.scripted import SHA1, row


def shown(**fields):
    """Return the entries of one row."""
    return list(entries([msgspec.convert(row("a.txt", fid="7", **fields), FileRow)]))


def test_a_file_has_its_hash_as_version_and_digest():
    """The provider computed it, so that equal bytes are known as equal."""
    assert shown() == [
        Entry(
            id=EntryId("7"),
            name="a.txt",
            kind=Kind.FILE,
            locator="pca.txt",
            size=5,
            mtime_ns=1700000000 * 10**9,
            version=SHA1.lower(),
            digest=f"sha1:{SHA1.lower()}",
        )
    ]


def test_a_folder_has_neither():
    """Nor a size."""
    assert shown(fc="0", sha1="", fs=0) == [
        Entry(id=EntryId("7"), name="a.txt", kind=Kind.FOLDER, mtime_ns=1700000000 * 10**9)
    ]


@pytest.mark.parametrize(
    ("fields", "change"),
    [
        ({"fc": 1, "fs": "5", "upt": "1700000000", "fta": 1, "aid": 1}, {}),
        ({"fs": 5.0, "fta": None, "aid": ""}, {}),
        ({"fs": ""}, {"size": None}),
        ({"fs": -1}, {"size": None}),
        ({"fs": 2**60 + 1}, {"size": 2**60 + 1}),
        ({"upt": 0}, {"mtime_ns": 1700000001 * 10**9}),
        ({"upt": "", "uet": None}, {"mtime_ns": 1600000000 * 10**9}),
        ({"upt": "", "uet": None, "uppt": "0"}, {"mtime_ns": 0}),
        ({"sha1": ""}, {"version": "", "digest": ""}),
        ({"sha1": "no hash"}, {"version": "", "digest": ""}),
    ],
)
def test_numbers_come_in_any_spelling(fields, change):
    """Text, floats, nothing at all (wire: 115 §0.1)."""
    (plain,) = shown()
    assert shown(**fields) == [msgspec.structs.replace(plain, **change)]


@pytest.mark.parametrize("fields", [{"fta": "0"}, {"fta": 2}, {"aid": "7"}, {"aid": 120}])
def test_what_is_not_there_yet_or_any_more_is_not_shown(fields):
    """Uploads under way, and what lies in the recycle bin."""
    assert shown(**fields) == []


def test_details_agree_with_the_listing():
    """The same file asked by itself is the same entry."""
    info = Info(
        file_id="7",
        file_name="a.txt",
        file_category="1",
        pick_code="pca.txt",
        sha1=SHA1,
        size_byte=5,
        ptime="1600000000",
        utime="1700000000",
    )
    (listed,) = shown()
    assert entry(info, listed) == listed


def test_details_without_times_leave_the_known_one():
    """Files may lack them there (wire: 115 §10.2)."""
    (listed,) = shown()
    info = Info(file_id=7, file_name="b.txt", file_category=1, size_byte="5")
    assert entry(info, listed).mtime_ns == listed.mtime_ns
    assert entry(info, listed).name == "b.txt"
