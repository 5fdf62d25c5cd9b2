"""Entries packed and unpacked: the same ones, in fewer bytes."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsmount.model import Entry, EntryId, Kind
from fsmount.vfs.packed import id_in, measures_in, name_in, pack, unpack

texts = st.text(st.characters() | st.sampled_from("/\0%你🎉\udcff"), max_size=12)
entries = st.builds(
    Entry,
    id=texts.map(EntryId),
    name=texts,
    kind=st.just(Kind.FILE),
    locator=texts,
    size=st.none() | st.integers(-(2**64), 2**64),
    mtime_ns=st.integers(-(2**64), 2**64),
    version=texts,
    digest=texts,
)


@given(entries, texts, texts, st.booleans(), st.booleans())
def test_what_is_unpacked_is_what_was_packed(entry, name, above, same_name, below):
    """Any text, any number, whatever the file is shown as; else it stays an entry."""
    if below:
        entry = Entry(**{**fields(entry), "locator": above + entry.locator})
    name = entry.name if same_name else name
    packed = pack(entry, name, above)
    if isinstance(packed, Entry):
        assert packed is entry
        return
    assert unpack(packed, name, above) == entry
    assert id_in(packed) == entry.id
    assert name_in(packed, name) == entry.name
    assert measures_in(packed) == (entry.mtime_ns, entry.size)


def fields(entry):
    return {name: getattr(entry, name) for name in entry.__struct_fields__}


def film(**other):
    known = {
        "id": EntryId("8ZZKs6"),
        "name": "IMG_0001.jpg",
        "kind": Kind.FILE,
        "locator": "cloudreve://AbC1@share/%E5%81%87%E6%9C%9F/IMG_0001.jpg",
        "size": 3_000_000,
        "mtime_ns": 1_700_000_000_000_000_000,
        "version": "Pj9YF1",
    }
    return Entry(**{**known, **other})


def test_a_path_is_kept_once_for_all_files_of_a_folder():
    """Where the folder is known by another path, so are its files."""
    above = "cloudreve://AbC1@share/%E5%81%87%E6%9C%9F"
    packed = pack(film(), "IMG_0001.jpg", above)
    assert sys.getsizeof(packed) < 90
    moved = unpack(packed, "IMG_0001.jpg", "cloudreve://AbC1@share/new")
    assert moved.locator == "cloudreve://AbC1@share/new/IMG_0001.jpg"


@pytest.mark.parametrize(
    "other",
    [{"name": "a\udcff"}, {"size": 2**63}, {"mtime_ns": -(2**63) - 1}, {"version": "a\0b"}],
)
def test_what_cannot_be_packed_stays_an_entry(other):
    """A lone surrogate, numbers beyond 64 bits, a NUL in a text."""
    entry = film(**other)
    assert pack(entry, "shown", "") is entry


def test_a_size_that_is_not_known_is_none():
    """And not the number that stands for it."""
    assert unpack(pack(film(size=None), "a", ""), "a", "").size is None
    assert pack(film(size=0), "a", "") != pack(film(size=None), "a", "")
