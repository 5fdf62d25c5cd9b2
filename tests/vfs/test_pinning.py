"""Pinned files: found, fetched behind others, kept, looked at again, refused when too large."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
import trio

from fsmount.cache.disk import most_of
from fsmount.cache.inventory import content_name
from fsmount.cache.opening import open_disk_cache
from fsmount.errors import Unreachable
from fsmount.model import Priority, priority
from fsmount.reader.stream import open_reader
from fsmount.store.pins import PinStore
from fsmount.vfs import pinning
from fsmount.vfs.pinning import load_files, open_pins
from tests.vfs.cloud import Cloud, DictStore, failing, opened

MIB = 1024 * 1024
LARGE = bytes(range(256)) * 4096 * 9  # 9 MiB: two blocks and a short one


class Site:
    """A cloud and the places that outlive its mounts."""

    def __init__(self, directory):
        self.cloud = Cloud()
        self.directory = directory
        self.tree = DictStore()
        self.priorities = []
        source = self.cloud.source

        def watched(entry):
            made = source(entry)
            fetch = made.fetch

            async def told(start, stop, sink):
                self.priorities.append(priority.get())
                await fetch(start, stop, sink)

            made.fetch = told
            return made

        self.cloud.source = watched

    @asynccontextmanager
    async def mounted(self, budget=64 * MIB, **options):
        """Open everything; yields the filesystem, the pins and the disk cache."""
        store = PinStore(self.directory / "pins.sqlite")
        files = load_files(store, "tree", most_of(budget))
        async with (
            open_disk_cache(
                self.directory / "cache", budget, pinned=lambda _: files.values()
            ) as disk,
            open_reader(memory_bytes=32 * MIB, disk=disk) as reader,
            opened(self.cloud, store=self.tree, reader=reader, **options) as filesystem,
            open_pins(filesystem, disk, store, "tree", files) as pins,
        ):
            self.memory = reader.memory
            yield filesystem, pins, disk
        store.close()


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path)
    folder = site.cloud.folder("films", id="films")
    site.large = site.cloud.file("large", folder, id="large", content=LARGE)
    site.small = site.cloud.file("small", folder, id="small", content=b"small")
    site.cloud.file("deep", site.cloud.folder("below", folder, id="below"), id="deep")
    site.cloud.file("aside", id="aside", content=b"aside")
    site.films = folder
    return site


async def ended(pins, path, state="kept", within_s=20):
    """Wait until a wish is over; return what it tells."""
    with trio.fail_after(within_s):
        while True:
            wishes = pins.told(path)
            if wishes and wishes[0]["state"] in ("kept", "failed", "refused"):
                assert wishes[0]["state"] == state, wishes
                return wishes[0]
            await trio.sleep(0.01)


async def content_of(filesystem, path):
    return filesystem.content((await filesystem.find(path)).inode)


async def on_disk(filesystem, disk, path):
    """Return how many of a file's blocks have something on disk."""
    key = await content_of(filesystem, path)
    return sum(bool(disk.holds(key, index)) for index in range(-(-key.size // (4 * MIB))))


async def test_a_folder_is_kept_with_all_that_is_below(site):
    """And nothing beside it; at the priority of a crawl, so that readers go first."""
    async with site.mounted() as (filesystem, pins, disk):
        await pins.add("films")
        wish = await ended(pins, "films")
        assert (wish["files"], wish["bytes"], wish["kept"]) == (3, len(LARGE) + 8, len(LARGE) + 8)
        assert set(pins.pinned) == {"films/large", "films/small", "films/below/deep"}
        assert await on_disk(filesystem, disk, "films/large") == 3
        assert await on_disk(filesystem, disk, "aside") == 0
    assert set(site.priorities) == {Priority.CRAWL}
    async with site.mounted() as (filesystem, _, disk):
        site.cloud.fetched.clear()
        handle = filesystem.open_file((await filesystem.find("films/large")).inode)
        assert bytes(await handle.read(0, MIB)) == LARGE[:MIB]
        await handle.close()
    assert site.cloud.fetched == []


async def test_what_is_there_already_is_not_fetched_again(site):
    """Pinning what was read costs nothing."""
    async with site.mounted() as (filesystem, pins, disk):
        handle = filesystem.open_file((await filesystem.find("films/large")).inode)
        for offset in range(0, len(LARGE), MIB):
            await handle.read(offset, MIB)
        await handle.close()
        await disk.drain()
        site.cloud.fetched.clear()
        await pins.add("films/large")
        assert (await ended(pins, "films/large"))["kept"] == len(LARGE)
        assert site.cloud.fetched == []


async def test_pins_survive_a_restart_and_go_on_where_they_were(site):
    """What was cut off is fetched; what is there is not."""
    async with site.mounted() as (_, pins, _disk):
        site.cloud.contents["small"] = Unreachable("the network is gone")
        await pins.add("films")
        wish = await ended(pins, "films", "failed")
        assert wish["reasons"] == ["films/small: the network is gone"]
        assert wish["kept"] == len(LARGE) + 3
    site.cloud.contents["small"] = b"small"
    site.cloud.fetched.clear()
    async with site.mounted() as (_, pins, _disk):
        wish = await ended(pins, "films")
        assert wish["kept"] == wish["bytes"] == len(LARGE) + 8
    assert {id for id, _, _ in site.cloud.fetched} == {"small"}


@pytest.mark.parametrize("seen_by", ["itself", "a listing"])
async def test_another_version_is_fetched_when_it_is_seen(site, monkeypatch, seen_by):
    """The old one may be evicted then; what is new in the folder is fetched as well."""
    if seen_by == "itself":
        monkeypatch.setattr(pinning, "LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(pinning, "_SETTLE_S", 0.05)
    async with site.mounted(ttl_s=0.05 if seen_by == "itself" else 300.0) as (
        filesystem,
        pins,
        disk,
    ):
        await pins.add("films")
        await ended(pins, "films")
        old = pins.pinned["films/large"]
        changed = bytes(reversed(LARGE))
        site.cloud.contents["large"] = changed
        site.cloud.change(site.large, site.films, version="v2")
        site.cloud.file("new", site.films, id="new", content=b"new")
        site.cloud.remove(site.small, site.films)
        if seen_by == "a listing":
            await filesystem.refresh("films")
        with trio.fail_after(20):
            while set(pins.pinned) != {"films/large", "films/new", "films/below/deep"}:  # noqa: ASYNC110  # nobody tells of it
                await trio.sleep(0.01)
            await ended(pins, "films")
        assert pins.pinned["films/large"] != old
        assert await on_disk(filesystem, disk, "films/large") == 3
        assert disk.discard({content_name(old)}) > 0, "the old version is still pinned"


async def test_a_folder_that_cannot_be_listed_keeps_its_pins(site, monkeypatch):
    """An error is not an absence."""
    monkeypatch.setattr(pinning, "LOOK_EVERY_S", 0.05)
    async with site.mounted(ttl_s=0.05) as (_, pins, _disk):
        await pins.add("films")
        await ended(pins, "films")
        site.cloud.meet = lost
        await trio.sleep(0.5)
        assert set(pins.pinned) == {"films/large", "films/small", "films/below/deep"}


async def lost(_folder, _cursor):
    raise Unreachable("no way")


async def test_what_cannot_fit_is_refused_in_words(site):
    """Nothing is fetched, nothing is remembered."""
    async with site.mounted(budget=8 * MIB) as (_, pins, _disk):
        await pins.add("films")
        wish = await ended(pins, "films", "refused")
        assert wish["reasons"] == [
            '"films" does not fit: it needs 9.0 MiB, and of the 6.3 MiB that may be pinned '
            "0.0 MiB are taken; mount with a larger cache=SIZE, or unpin something"
        ]
        assert pins.pinned == {}
        await pins.add("films/small")
        await ended(pins, "films/small")
    assert site.cloud.fetched != []
    assert {id for id, _, _ in site.cloud.fetched} == {"small"}
    async with site.mounted(budget=8 * MIB) as (_, pins, _disk):
        assert [wish["path"] for wish in pins.told()] == ["films/small"]


@pytest.mark.parametrize(("budget", "stays"), [(16, {"films/large"}), (6, set())])
async def test_a_smaller_budget_keeps_what_fits_and_says_what_does_not(site, budget, stays):
    """The first that fit stay pinned; a larger budget brings the others back."""
    site.cloud.file("other", site.films, id="other", content=LARGE)
    async with site.mounted() as (_, pins, _disk):
        await pins.add("films")
        await ended(pins, "films")
    async with site.mounted(budget=budget * MIB) as (filesystem, pins, disk):
        wish = await ended(pins, "films", "failed")
        assert set(pins.pinned) == {"films/small", "films/below/deep", *stays}
        gone = 2 - len(stays)
        room = f"{most_of(budget * MIB) * 0.9 / MIB:.1f} MiB"
        assert wish["reasons"] == [
            f"{gone} of 4 files ({9.0 * gone} MiB) are not kept: no more than {room} may be "
            "pinned now; mount with a larger cache=SIZE, or unpin something"
        ]
        assert wish["kept"] == wish["bytes"] == 8 + len(LARGE) * len(stays)
        assert disk.statistics()["bytes"] <= budget * MIB
        assert await on_disk(filesystem, disk, "films/large") == 3 * len(stays)
    async with site.mounted() as (_, pins, _disk):
        await ended(pins, "films")
        assert len(pins.pinned) == 4


async def test_a_folder_that_outgrows_its_room_keeps_what_it_had(site, monkeypatch):
    """A file that is new is not fetched, and it is said."""
    monkeypatch.setattr(pinning, "_SETTLE_S", 0.05)
    async with site.mounted(budget=24 * MIB) as (filesystem, pins, _disk):
        await pins.add("films")
        await ended(pins, "films")
        site.cloud.file("a film", site.films, id="new", content=LARGE * 2)
        site.cloud.fetched.clear()
        await filesystem.refresh("films")
        with trio.fail_after(20):
            while not (reasons := pins.told("films")[0]["reasons"]):  # noqa: ASYNC110  # nobody tells of it
                await trio.sleep(0.01)
        assert reasons[0].startswith("1 of 4 files (18.0 MiB) are not kept: ")
        assert set(pins.pinned) == {"films/large", "films/small", "films/below/deep"}
        assert site.cloud.fetched == []


async def test_what_is_pinned_already_counts(site):
    """Each content once, however many paths have it."""
    async with site.mounted(budget=24 * MIB) as (_, pins, _disk):
        site.cloud.file("other", id="other", content=LARGE)
        site.cloud.file("third", id="third", content=LARGE)
        await pins.add("films")
        await ended(pins, "films")
        await pins.add("films/large")
        await ended(pins, "films/large")
        await pins.add("other")
        await ended(pins, "other")
        await pins.add("third")
        (reason,) = (await ended(pins, "third", "refused"))["reasons"]
        assert "it needs 9.0 MiB, and of the 18.9 MiB that may be pinned 18.0 MiB" in reason


async def test_unpinning_lets_go_of_what_nothing_else_wants(site):
    """The file that is pinned by itself stays, when the folder is not wanted any more."""
    async with site.mounted() as (_, pins, disk):
        await pins.add("films")
        await pins.add("films/below/deep")
        await ended(pins, "films")
        await ended(pins, "films/below/deep")
        key = pins.pinned["films/large"]
        failure = await failing(pins.remove("films/large"))
        assert str(failure) == '"films/large" is kept as a part of "films"; unpin that'
        assert await pins.remove("films") == 3
        assert pins.pinned == {}
        assert disk.discard({content_name(key)}) > 0
        assert str(await failing(pins.remove("films"))) == '"films" is not pinned'


async def test_without_a_disk_cache_nothing_can_be_pinned(site):
    """Said at once."""
    async with site.mounted(budget=0) as (_, pins, _disk):
        failure = await failing(pins.add("films"))
        assert str(failure) == (
            "there is no disk cache to keep it in; mount without cache=0; "
            "the log says why when it is off all the same"
        )


async def test_a_path_that_is_gone_is_told(site):
    """Its wish stays: it may come back."""
    async with site.mounted() as (_, pins, _disk):
        await pins.add("nothing")
        wish = await ended(pins, "nothing", "failed")
        assert wish["reasons"] == ['there is no "nothing" in "/"']


async def test_pins_keep_the_budget_under_load(site):
    """Others read and are evicted, memory and disk stay within their budgets."""
    for number in range(6):
        site.cloud.file(f"load {number}", id=f"load{number}", content=LARGE)
    async with site.mounted(budget=32 * MIB) as (filesystem, pins, disk):
        await pins.add("films")

        async def read(number):
            handle = filesystem.open_file((await filesystem.find(f"load {number}")).inode)
            for offset in range(0, len(LARGE), MIB):
                assert bytes(await handle.read(offset, MIB)) == LARGE[offset : offset + MIB]
                assert disk.statistics()["bytes"] <= 32 * MIB
                assert site.memory.used <= 32 * MIB
            await handle.close()

        async with trio.open_nursery() as nursery:
            for number in range(6):
                nursery.start_soon(read, number)
        await ended(pins, "films")
        await disk.drain()
        assert await on_disk(filesystem, disk, "films/large") == 3
