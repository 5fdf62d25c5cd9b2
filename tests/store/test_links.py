"""Links on disk end when they end, and never cost more than a provider call."""

from __future__ import annotations

import sqlite3

import pytest

from fsmount.errors import StoreFault
from fsmount.model import EntryId, Link
from fsmount.store import links as module
from fsmount.store.links import LinkStore

FILE = EntryId("f1")


class Wall:
    def __init__(self):
        self.now = 1_700_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def wall():
    return Wall()


@pytest.fixture
def store(tmp_path, wall):
    store = LinkStore(tmp_path / "links.sqlite", wall=wall)
    yield store
    store.close()


def link(url="https://cdn/x?sign=1", lifetime_s=3600.0, **more):
    return Link(url=url, lifetime_s=lifetime_s, **more)


def test_a_link_comes_back_with_the_life_that_is_left(store, wall):
    """600 seconds later 600 seconds are gone; all else is as it was."""
    store.save("cloud", FILE, "v1", link(headers={"User-Agent": "ä"}, max_connections=2))
    wall.now += 600
    assert store.load("cloud", FILE, "v1") == link(
        lifetime_s=3000.0, headers={"User-Agent": "ä"}, max_connections=2
    )


def test_a_link_without_an_end_has_none(store, wall):
    """A month later it is still usable."""
    store.save("cloud", FILE, "v1", link(lifetime_s=None))
    wall.now += 30 * 86400
    assert store.load("cloud", FILE, "v1").lifetime_s is None


@pytest.mark.parametrize("passed_s", [3600.0, 3601.0, 1e9])
def test_a_link_that_is_over_is_none(store, wall, passed_s):
    """At its end and after."""
    store.save("cloud", FILE, "v1", link())
    wall.now += passed_s
    assert store.load("cloud", FILE, "v1") is None


def test_a_clock_that_was_set_back_makes_the_end_unknowable(store, wall):
    """A machine without a clock battery boots in 1970: the link is asked for again."""
    store.save("cloud", FILE, "v1", link())
    wall.now -= 86400
    assert store.load("cloud", FILE, "v1") is None


def test_a_link_belongs_to_one_version_of_one_file_of_one_remote(store):
    """Nothing else gets it; a new version takes the place of the old one."""
    store.save("cloud", FILE, "v1", link())
    assert store.load("cloud", FILE, "v2") is None
    assert store.load("cloud", EntryId("f2"), "v1") is None
    assert store.load("other", FILE, "v1") is None
    store.save("cloud", FILE, "v2", link("https://cdn/y"))
    assert store.load("cloud", FILE, "v1") is None
    assert store.load("cloud", FILE, "v2").url == "https://cdn/y"


def test_a_refused_link_is_forgotten(store):
    """And only that one."""
    store.save("cloud", FILE, "v1", link())
    store.save("cloud", EntryId("f2"), "v1", link())
    store.drop("cloud", FILE)
    assert store.load("cloud", FILE, "v1") is None
    assert store.load("cloud", EntryId("f2"), "v1") is not None


def test_links_survive_a_restart_and_the_dead_are_pruned(tmp_path, wall):
    """What is over when the store opens is removed from the disk."""
    store = LinkStore(tmp_path / "links.sqlite", wall=wall)
    store.save("cloud", EntryId("short"), "v1", link(lifetime_s=60.0))
    store.save("cloud", EntryId("long"), "v1", link(lifetime_s=7200.0))
    store.close()
    wall.now += 600
    again = LinkStore(tmp_path / "links.sqlite", wall=wall)
    assert again.load("cloud", EntryId("long"), "v1").lifetime_s == 6600.0
    again.close()
    raw = sqlite3.connect(tmp_path / "links.sqlite")
    assert raw.execute("SELECT file FROM links").fetchall() == [("long",)]
    raw.close()


def test_the_oldest_go_when_there_are_too_many(tmp_path, wall, monkeypatch):
    """The file is bounded; the newest links are the ones in use."""
    monkeypatch.setattr(module, "_MOST_LINKS", 10)
    monkeypatch.setattr(module, "_SAVES_BETWEEN_PRUNES", 5)
    store = LinkStore(tmp_path / "links.sqlite", wall=wall)
    for number in range(100):
        wall.now += 1
        store.save("cloud", EntryId(f"f{number}"), "v1", link())
    kept = [n for n in range(100) if store.load("cloud", EntryId(f"f{n}"), "v1") is not None]
    assert len(kept) <= 15
    assert kept[-1] == 99
    store.close()


def test_files_are_for_us_alone(store, tmp_path):
    """Links are signed: database, log and index are 0600."""
    store.save("cloud", FILE, "v1", link())
    for file in tmp_path.iterdir():
        assert file.stat().st_mode & 0o077 == 0, file


@pytest.mark.logs("cannot write links")
def test_a_disk_without_room_is_said_once_and_reading_goes_on(store, unexpected_warnings):
    """Saving fails quietly after the first time; what is kept stays readable."""
    store.save("cloud", FILE, "v1", link())
    (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
    store._connection.execute(f"PRAGMA max_page_count = {pages}")
    for number in range(200):
        store.save("cloud", EntryId(f"f{number}"), "v1", link("https://cdn/" + "x" * 2000))
    assert store.load("cloud", FILE, "v1") is not None
    assert len(unexpected_warnings.records) == 1


@pytest.mark.logs("cannot write links")
def test_a_store_that_became_read_only_still_reads(store):
    """Writes are logged, reads go on."""
    store.save("cloud", FILE, "v1", link())
    store._connection.execute("PRAGMA query_only = 1")
    store.save("cloud", FILE, "v2", link())
    store.drop("cloud", FILE)
    assert store.load("cloud", FILE, "v1") is not None


@pytest.mark.logs("cannot read links")
def test_a_store_that_cannot_be_read_knows_no_link(store):
    """The link is asked for again."""
    store._connection.execute("DROP TABLE links")
    assert store.load("cloud", FILE, "v1") is None


def test_a_state_directory_that_cannot_be_used_is_a_store_fault(tmp_path):
    """Said when the store is opened; the composition then goes on without one."""
    (tmp_path / "state").write_text("")
    with pytest.raises(StoreFault):
        LinkStore(tmp_path / "state" / "links.sqlite")
