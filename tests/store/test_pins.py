"""Pins on disk: wishes and what they came to, per tree."""

from __future__ import annotations

import sqlite3

import pytest

from fsmount.errors import StoreFault
from fsmount.model import ContentKey
from fsmount.store.pins import PinStore

ONE, TWO = ContentKey("remote", "id@1", 5), ContentKey("", "id\ud800@2", 2**40)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "pins.sqlite"


def test_pins_survive_and_belong_to_their_tree(path):
    """Names that are no Unicode text included; another process sees them at once."""
    store, other = PinStore(path), PinStore(path)
    store.add_wish("a", "films/你好 \udcff")
    store.add_wish("a", "films/你好 \udcff")
    store.add_wish("b", "")
    store.change_files("a", {"films/x": ONE, "\udcff": TWO})
    assert other.wishes("a") == ["films/你好 \udcff"]
    assert other.wishes("b") == [""]
    assert other.files("a") == {"films/x": ONE, "\udcff": TWO}
    assert other.files("b") == {}
    store.close()
    other.close()
    again = PinStore(path)
    assert again.files("a") == {"films/x": ONE, "\udcff": TWO}
    again.close()


def test_changes_come_all_or_not_at_all(path):
    """One is replaced, one goes, one comes, in one step."""
    store = PinStore(path)
    store.change_files("a", {"x": ONE, "y": ONE})
    store.change_files("a", {"x": TWO, "y": None, "z": ONE})
    assert store.files("a") == {"x": TWO, "z": ONE}
    with pytest.raises((StoreFault, OverflowError)):
        store.change_files("a", {"z": None, "w": ContentKey("", "c", 2**70)})
    assert store.files("a") == {"x": TWO, "z": ONE}
    store.remove_wish("a", "never there")
    store.close()


def test_a_broken_table_is_one_sentence(path):
    """Not an error of sqlite."""
    store = PinStore(path)
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE wishes")
    connection.close()
    with pytest.raises(StoreFault, match="cannot use the list of pins: no such table"):
        store.wishes("a")
    store.close()
