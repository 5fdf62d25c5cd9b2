"""Any listing becomes legal, unique, stable, reversible names."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsmount.model import Entry, EntryId, Kind
from fsmount.vfs.names import assign, choose, legal, original

# Names as hostile as providers get: what is special to us is frequent, surrogates may stand alone.
SPECIAL = st.sampled_from("/\0.／␀．‛∅ude0~\n\t 电🎉é\ud800\udfff")
ANY_NAME = st.text(SPECIAL | st.characters(), max_size=300)


def file(id_, name, kind=Kind.FILE):
    return Entry(id=EntryId(id_), name=name, kind=kind)


LISTINGS = st.lists(
    st.tuples(ANY_NAME | st.sampled_from(["a.txt", "A.txt", "a/b", "x" * 254 + "é"]), st.booleans())
).map(lambda items: [file(f"id{n}", name, _kind(f)) for n, (name, f) in enumerate(items)])


def _kind(is_folder):
    return Kind.FOLDER if is_folder else Kind.FILE


def shown(entries, kept=None):
    """Name ``entries`` as the tree does; returns id to shown name."""
    kept = kept or {}
    kept = {e.id: kept[e.id] for e in entries if e.id in kept}
    assigned = assign(entries, kept, set(kept.values()))
    return {e.id: name for e, name in zip(entries, assigned, strict=True)}


@given(LISTINGS)
def test_names_are_legal_and_unique(entries):
    """Every name may stand in a directory, and no two are the same."""
    names = list(shown(entries).values())
    assert len(set(names)) == len(names)
    for name in names:
        coded = os.fsencode(name)
        assert 0 < len(coded) <= 255
        assert os.fsdecode(coded) == name
        assert name not in (".", "..")
        assert "/" not in name
        assert "\0" not in name


@given(ANY_NAME)
def test_a_legal_name_can_be_undone(name):
    """What stands in place of illegal characters tells the provider's name again."""
    assert original(legal(name)) == name


@given(ANY_NAME, ANY_NAME)
def test_different_names_stay_different(one, other):
    """No two names are written alike."""
    assert (legal(one) == legal(other)) == (one == other)


@given(LISTINGS, st.randoms(use_true_random=False))
def test_names_stay_when_others_come_and_go_in_any_order(entries, random):
    """What keeps its name never flips: neither by removals, nor additions, nor another order."""
    before = shown(entries)
    rest = [entry for entry in entries if random.random() < 0.6]
    rest += [file(f"new{n}", entry.name) for n, entry in enumerate(entries[:5])]
    random.shuffle(rest)
    after = shown(rest, before)
    assert all(after[id_] == before[id_] for id_ in before.keys() & after.keys())
    assert len(set(after.values())) == len(after)


def test_the_first_seen_keeps_the_plain_name():
    """Twins get a suffix made from their id, before the extension."""
    names = shown([file("1", "film.mkv"), file("2", "film.mkv"), file("3", "film.mkv")])
    assert names["1"] == "film.mkv"
    assert names["2"] != names["3"]
    assert all(
        len(names[id_]) == len("film~abcdef.mkv") and names[id_].endswith(".mkv") for id_ in "23"
    )


def test_a_suffix_depends_on_nothing_but_the_entry():
    """Twin two is called the same whether or not twin three is there."""
    two, three = file("2", "film.mkv"), file("3", "film.mkv")
    assert choose(two, {"film.mkv"}) == choose(two, {"film.mkv", choose(three, {"film.mkv"})})


def test_a_removed_twin_leaves_the_other_its_name():
    """The suffix stays when the one with the plain name is gone."""
    before = shown([file("1", "a"), file("2", "a")])
    assert shown([file("2", "a")], before) == {"2": before["2"]}


def test_a_suffix_that_is_taken_grows():
    """A provider's own name that looks like a suffix of ours is no collision."""
    entry = file("2", "a.txt")
    first = choose(entry, {"a.txt"})
    second = choose(entry, {"a.txt", first})
    assert len(second) > len(first)
    taken = {"a.txt"}
    for _ in range(8):
        taken.add(choose(entry, taken))
    assert len(taken) == 9


def test_upper_and_lower_case_are_different_names():
    """Linux tells them apart, so nothing is done."""
    assert list(shown([file("1", "a"), file("2", "A")]).values()) == ["a", "A"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a/b", "a／b"),
        ("a／b", "a‛／b"),
        ("a‛b", "a‛‛b"),
        (".", "．"),
        ("..", "．．"),
        ("．", "‛．"),
        ("...", "..."),
        ("", "‛∅"),
        ("‛∅", "‛‛∅"),
        ("a\0", "a␀"),
        ("\ud83d", "‛ud83d"),
        ("line\nbreak", "line\nbreak"),
        (" spaces and dots. ", " spaces and dots. "),
        ("100% #1?&+;\"'\\", "100% #1?&+;\"'\\"),
    ],
)
def test_characters_are_written_as_promised(name, expected):
    """Only what cannot stand in a name is replaced."""
    assert legal(name) == expected


def test_an_ordinary_name_is_not_copied():
    """A million names are not held twice."""
    for name in ("holiday.jpg", "假期照片.jpg"):
        name = "".join(name)
        assert legal(name) is name


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("电" * 100 + ".mkv", ".mkv"),
        ("x" * 300 + ".tar.gz", ".tar.gz"),
        ("x" * 300, ""),
        ("." + "x" * 300, ""),
        ("a." + "x" * 300, ""),
    ],
)
def test_a_long_name_is_cut_at_a_character_and_keeps_its_extension(name, ending):
    """Over 255 bytes a name loses its middle, not its kind."""
    cut = choose(file("1", name), set())
    assert 240 < len(cut.encode()) <= 255
    assert cut.endswith(ending)
    assert name.startswith(cut.split("~")[0])


def test_255_bytes_of_chinese_are_not_touched():
    """The limit itself is legal."""
    name = "电" * 85
    assert choose(file("1", name), set()) == name
