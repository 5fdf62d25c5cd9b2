"""Caches of several mounts: what one has, another need not fetch."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing

import pytest

from fsmount.cache import loads as loads_module
from fsmount.cache.buffers import BLOCK
from fsmount.cache.memory import ALL_CELLS
from fsmount.cache.opening import open_disk_cache
from fsmount.cache.peers import Peers
from fsmount.model import ContentKey
from fsmount.reader.stream import open_reader
from tests.cache.fakes import MIB, bytes_of, keep, key_of, load, new_block, value_files
from tests.cache.test_faults import Source, read_through

BUDGET = 64 * MIB


@pytest.fixture
def places(tmp_path):
    return tmp_path / "a", tmp_path / "b"


async def kept_in(place, *blocks, **options):
    """Have a cache of its own at ``place`` with ``blocks`` in it."""
    async with open_disk_cache(place, BUDGET, **options) as disk:
        await keep(disk, *blocks)


async def test_what_another_mount_has_is_read_from_there(places):
    """Not fetched, not written a second time; whether that mount still stands or not."""
    film = ContentKey("115", "sha1:0a", 3 * BLOCK)
    async with open_disk_cache(places[0], BUDGET) as first:
        await keep(first, *(new_block(film, number) for number in range(3)))
        for _ in range(2):
            async with open_disk_cache(places[1], BUDGET) as second:
                async with open_reader(memory_bytes=32 * MIB, disk=second) as reader:
                    assert (await read_through(reader, film)).fetched == 0
                await second.drain()
                assert second.statistics()["bytes"] == 0
    assert value_files(places[1]) == []
    async with (
        open_disk_cache(places[1], BUDGET) as second,
        open_reader(memory_bytes=32 * MIB, disk=second) as reader,
    ):
        assert (await read_through(reader, film)).fetched == 0


async def test_a_hash_counts_within_one_trust_domain_only(places):
    """A stranger's share can plant nothing under the hash of a file of yours."""
    await kept_in(places[0], new_block(ContentKey("evil.example", "sha1:0a", BLOCK)))
    async with (
        open_disk_cache(places[1], BUDGET) as second,
        open_reader(memory_bytes=32 * MIB, disk=second) as reader,
    ):
        mine = ContentKey("115", "sha1:0a", BLOCK)
        assert (await read_through(reader, mine)).fetched == BLOCK


async def test_what_is_read_by_two_mounts_at_once_is_fetched_in_turn(places, monkeypatch):
    """What one has fetched since, the other finds when it looks again."""
    monkeypatch.setattr(loads_module, "_ASK_AGAIN_S", 0.0)
    film = key_of(8 * BLOCK)
    async with (
        open_disk_cache(places[0], BUDGET) as first,
        open_disk_cache(places[1], BUDGET) as second,
        open_reader(memory_bytes=32 * MIB, disk=second) as reader,
    ):
        source = Source(film)
        stream = reader.open(film, source)
        for number in (0, 7, 1, 6):  # no reading ahead
            await keep(first, new_block(film, number))
            start = number * BLOCK + MIB
            assert bytes(await stream.read(start, MIB)) == bytes_of(film, start, start + MIB)
        await stream.close()
        assert source.fetched == 0


async def test_what_its_owner_evicted_meanwhile_is_a_miss(places):
    """No warning, no wrong byte: it is fetched, and then kept here."""
    film = key_of(2 * BLOCK)
    async with (
        open_disk_cache(places[0], BUDGET) as first,
        open_disk_cache(places[1], BUDGET) as second,
    ):
        await keep(first, new_block(film, 0), new_block(film, 1))
        await second.ask_others(film)
        assert second.holds(film, 0) == ALL_CELLS
        assert second.keeps(film, 0) == 0
        for path in value_files(places[0]):
            path.unlink()
        assert await load(second, film) == 0
        assert second.holds(film, 0) == 0
        async with open_reader(memory_bytes=32 * MIB, disk=second) as reader:
            assert (await read_through(reader, film)).fetched == film.size
        await second.drain()
        assert second.keeps(film, 0) == ALL_CELLS


async def test_damage_elsewhere_is_not_served_and_not_mended(places):
    """It is the owner's to drop."""
    film = key_of(BLOCK)
    async with (
        open_disk_cache(places[0], BUDGET) as first,
        open_disk_cache(places[1], BUDGET) as second,
    ):
        await keep(first, new_block(film))
        await second.ask_others(film)
        (path,) = value_files(places[0])
        os.truncate(path, MIB)
        assert await load(second, film) == 0b11111111
        assert second.holds(film, 0) == 0
        assert path.exists()
        assert second.statistics()["damaged"] == 0


async def test_own_and_lent_cells_make_one_block(places):
    """Its own come first."""
    film = key_of(BLOCK)
    await kept_in(places[0], new_block(film, 0, 0xFFFF))
    async with open_disk_cache(places[1], BUDGET) as second:
        await keep(second, new_block(film, 0, 0xFF000000))
        await second.ask_others(film)
        assert second.holds(film, 0) == 0xFF00FFFF
        assert await load(second, film) == 0xFF00FFFF
        assert second.keeps(film, 0) == 0xFF000000


def others(*places):
    return Peers(places[0].with_name("own")).find(key_of(BLOCK))


async def test_a_cache_that_cannot_be_believed_or_asked_has_nothing(places, tmp_path):
    """Writable by others, broken, of another program, no cache at all."""
    await kept_in(places[0], new_block(key_of(BLOCK)))
    assert len(others(*places)) == 1
    places[0].chmod(0o777)
    assert others(*places) == []
    places[0].chmod(0o700)
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    with closing(sqlite3.connect(places[0] / "cache.db")) as index:
        index.execute("UPDATE Cache SET filename = '../../etc/passwd'")
        index.commit()
    assert others(*places) == []
    (places[0] / "cache.db").write_bytes(os.urandom(8192))
    assert others(*places) == []


async def test_pinned_is_what_this_cache_has_itself(places):
    """What is lent may go any time: a pin has it copied."""
    film = key_of(BLOCK)
    await kept_in(places[0], new_block(film))
    async with (
        open_disk_cache(places[1], BUDGET) as second,
        open_reader(memory_bytes=32 * MIB, disk=second) as reader,
    ):
        assert (await read_through(reader, film)).fetched == 0
        reader.keep(film)
        await second.drain()
        assert second.keeps(film, 0) == ALL_CELLS
