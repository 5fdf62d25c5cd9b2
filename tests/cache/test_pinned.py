"""Pinned contents in the disk cache, and the catalogue that people see."""

from __future__ import annotations

import sqlite3

import pytest

from fsmount.cache.catalogue import NAME_DIGITS, read_catalogue
from fsmount.cache.inventory import content_name
from fsmount.cache.memory import CELL
from fsmount.cache.opening import open_disk_cache
from fsmount.cache.records import charge_of, charge_of_file
from fsmount.errors import StoreFault
from tests.cache.fakes import MIB, disk_usage, keep, key_of, load, new_block

PINNED = key_of(8 * MIB, "pinned")
BUDGET = 40 * MIB


def other(number):
    return key_of(4 * MIB, f"other {number}")


async def fill_up(disk, count=30):
    """Keep more than the budget holds."""
    for number in range(count):
        await keep(disk, new_block(other(number)))


async def test_pinned_blocks_outlive_everything_that_is_read(tmp_path):
    """The budget is kept all the same: the others go, the oldest first."""
    async with open_disk_cache(tmp_path, BUDGET) as disk:
        disk.pin(PINNED)
        await keep(disk, new_block(PINNED, 0), new_block(PINNED, 1))
        await fill_up(disk)
        assert disk.holds(PINNED, 0) == disk.holds(PINNED, 1) == 2**32 - 1
        assert disk.holds(other(29), 0)
        assert not disk.holds(other(0), 0)
        assert disk.statistics()["bytes"] <= BUDGET
        assert await load(disk, PINNED, 1) == 2**32 - 1
    assert disk_usage(tmp_path) <= BUDGET


async def test_pins_hold_from_the_start_after_a_restart(tmp_path):
    """Before anybody has looked at the tree."""
    async with open_disk_cache(tmp_path, BUDGET) as disk:
        await keep(disk, new_block(PINNED, 0), new_block(PINNED, 1), new_block(other(1)))
    async with open_disk_cache(tmp_path, 10 * MIB, pinned=lambda _: [PINNED]) as disk:
        assert disk.holds(PINNED, 0)
        assert disk.holds(PINNED, 1)
        assert not disk.holds(other(1), 0)
        await fill_up(disk, 3)  # there is no room for any, and no end of trying
        assert not disk.holds(other(2), 0)


@pytest.mark.logs("more is pinned than cache=6291456 holds")
async def test_a_budget_smaller_than_the_pins_is_kept(tmp_path):
    """Some of what is pinned is let go, and it is said once."""
    async with open_disk_cache(tmp_path, BUDGET) as disk:
        await keep(disk, new_block(PINNED, 0), new_block(PINNED, 1), new_block(other(1)))
    async with open_disk_cache(tmp_path, 6 * MIB, pinned=lambda _: [PINNED]) as disk:
        assert not disk.holds(PINNED, 0)
        assert disk.holds(PINNED, 1)
        await disk.drain()
    assert disk_usage(tmp_path) <= 6 * MIB


async def test_a_disk_that_others_fill_takes_no_pinned_block(tmp_path):
    """Nothing more is cached; what a person wants kept stays."""
    async with open_disk_cache(tmp_path, BUDGET) as disk:
        disk.pin(PINNED)
        await keep(disk, new_block(PINNED, 0), new_block(other(1)))
        disk.give_way(0, 100 * MIB)
        assert disk.limit < 5 * MIB
        assert disk.holds(PINNED, 0)
        assert not disk.holds(other(1), 0)


async def test_unpinned_blocks_go_as_others_do(tmp_path):
    """They are not favoured by having been pinned."""
    async with open_disk_cache(tmp_path, BUDGET) as disk:
        disk.pin(PINNED)
        await keep(disk, new_block(PINNED, 0))
        disk.unpin(PINNED)
        await fill_up(disk)
        assert not disk.holds(PINNED, 0)


async def test_what_is_discarded_is_gone_from_the_disk_unless_pinned(tmp_path):
    """Its bytes are told, and free when it was written down."""
    async with open_disk_cache(tmp_path, BUDGET) as disk:
        disk.pin(PINNED)
        await keep(disk, new_block(PINNED, 0), new_block(other(1)), new_block(other(2)))
        before = disk_usage(tmp_path)
        freed = disk.discard({content_name(PINNED), content_name(other(1))})
        await disk.drain()
        assert freed == charge_of(2**32 - 1)
        assert before - disk_usage(tmp_path) > 3 * MIB  # the index has grown by a little
        assert disk.holds(PINNED, 0)
        assert disk.holds(other(2), 0)
        assert not disk.holds(other(1), 0)


async def test_a_cache_that_is_off_says_so(tmp_path):
    """By its budget."""
    async with open_disk_cache(tmp_path, 0) as disk:
        assert disk.is_off
    async with open_disk_cache(tmp_path, BUDGET) as disk:
        assert not disk.is_off
        assert 0 < disk.limit < BUDGET


def test_what_a_file_takes_is_not_less_than_its_records_take():
    """Whole blocks, a record each."""
    assert charge_of_file(0) == 0
    assert charge_of_file(1) == 4096 + 4096
    assert charge_of_file(8 * MIB) == 2 * charge_of(2**32 - 1)
    assert charge_of_file(4 * MIB + CELL) == charge_of(2**32 - 1) + charge_of(1)


async def test_the_catalogue_tells_of_each_file(tmp_path):
    """Path, size, what is kept, and when it was read; while it is open, and after."""
    large = key_of(64 * MIB, "large")
    async with open_disk_cache(tmp_path, BUDGET) as disk:
        await keep(disk, new_block(large, 3, label="films/你好 \udcff a"))
        await keep(disk, new_block(large, 4, 0b11, label="films/你好 \udcff a"))
        await keep(disk, new_block(other(1), label="b"))
        during = read_catalogue(tmp_path)
    after = read_catalogue(tmp_path)
    assert during == after
    told = {one.path: (one.name, one.size, one.cached) for one in after}
    assert told == {
        "films/你好 \udcff a": (content_name(large), 64 * MIB, 4 * MIB + 2 * CELL),
        "b": (content_name(other(1)), 4 * MIB, 4 * MIB),
    }
    assert all(len(one.name) == NAME_DIGITS for one in after)
    assert abs(after[0].used_ns - (tmp_path / "cache.db").stat().st_mtime_ns) < 120 * 1e9


def test_a_catalogue_of_nothing_is_empty(tmp_path):
    """No directory, no index: and none is made."""
    assert read_catalogue(tmp_path / "never") == []
    assert read_catalogue(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"no database at all, but long enough" * 99, b""])
def test_a_catalogue_that_cannot_be_read_is_one_sentence(tmp_path, content):
    """And the index is left as it is."""
    (tmp_path / "cache.db").write_bytes(content)
    with pytest.raises(StoreFault, match="cannot read the index of the cache"):
        read_catalogue(tmp_path)
    assert (tmp_path / "cache.db").read_bytes() == content


async def test_a_label_of_another_program_is_no_harm(tmp_path):
    """The size is unknown then."""
    async with open_disk_cache(tmp_path, BUDGET) as disk:
        await keep(disk, new_block(other(1), label="b"))
    with sqlite3.connect(tmp_path / "cache.db") as index:
        index.execute("UPDATE Cache SET tag = 'strange'")
    index.close()
    (one,) = read_catalogue(tmp_path)
    assert (one.size, one.cached) == (0, 4 * MIB)
