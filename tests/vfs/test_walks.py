"""Programs that go through the tree find the next folders listed; others cost nothing more."""

from __future__ import annotations

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from fsmount import errors
from fsmount.model import ROOT_INODE, Priority, priority
from tests.vfs.cloud import ROOT, Cloud, names_of, opened, rows_of

pytestmark = pytest.mark.autojump

CALL_S = 0.08


async def answer_slowly(_folder, _cursor):
    await trio.sleep(CALL_S)


def library(*, folders=100, files=10, below=0):
    """Return a cloud of folders with files (and subfolders with one file) in them."""
    cloud = Cloud()
    for number in range(folders):
        folder = cloud.folder(f"d{number:03}")
        for file in range(files):
            cloud.file(f"f{file}", folder)
        for deeper in range(below):
            cloud.file("deep", cloud.folder(f"s{deeper}", folder))
    cloud.meet = answer_slowly
    return cloud


def library_with_a_large_folder():
    """Return a small library whose last folder has 30 pages, and that folder."""
    cloud = library(folders=10)
    cloud.page_size = 1000
    large = cloud.folder("large")
    for number in range(30_000):
        cloud.file(f"f{number}", large)
    return cloud, large


async def walk(fs, inode=ROOT_INODE, *, deepest=99, level=0):
    """Do what find does; return how many entries it saw."""
    rows = await rows_of(fs, inode)
    seen = len(rows)
    for row in rows:
        if row.attributes.is_folder and level < deepest:
            seen += await walk(fs, row.attributes.inode, deepest=deepest, level=level + 1)
    return seen


async def test_a_walk_takes_a_fraction_of_one_call_after_the_other():
    """Each folder is listed once, and the later ones stand when they are entered."""
    cloud = library(below=2)
    async with opened(cloud) as fs:
        began = trio.current_time()
        assert await walk(fs) == 100 + 100 * 12 + 200
        assert trio.current_time() - began < 0.35 * 301 * CALL_S
    assert len(cloud.listed) == len(set(cloud.listed)) == 301


async def test_a_second_walk_asks_nothing():
    """What stands is neither asked for again nor ahead."""
    cloud = library()
    async with opened(cloud) as fs:
        await walk(fs)
        asked = len(cloud.listed)
        await walk(fs)
        assert len(cloud.listed) == asked


async def test_a_walk_that_begins_anew_goes_no_further_than_before():
    """Its first folder is no step on from its last one, whose neighbours nobody asked for."""
    cloud = Cloud()
    for name in ("before", "walked", "behind"):
        above = cloud.folder(name)
        for number in range(20):
            cloud.file("f", cloud.folder(f"s{number}", above))
    async with opened(cloud) as fs:
        root = fs.open_folder(ROOT_INODE, walking=False)  # as a mount looks at it first
        walked = next(r for r in await root.read(0, 9) if r.name == "walked").attributes.inode
        root.close()
        await walk(fs, walked)
        await walk(fs, walked)
        await wait_all_tasks_blocked()
    assert len(cloud.listed) == 1 + 1 + 20


async def test_who_goes_down_to_something_lists_nothing_else():
    """A path of several folders is no walk."""
    cloud = Cloud()
    above = ROOT
    for level in range(6):
        for beside in ("x", "y"):
            cloud.folder(f"{beside}{level}", above)
        above = cloud.folder(f"on{level}", above)
    async with opened(cloud) as fs:
        inode = ROOT_INODE
        for level in range(6):
            rows = {row.name: row for row in await rows_of(fs, inode)}
            inode = rows[f"on{level}"].attributes.inode
        await wait_all_tasks_blocked()
    assert len(cloud.listed) == 6


async def test_who_takes_a_persons_time_lists_nothing_ahead():
    """Looking into one folder after another by hand costs one call each."""
    cloud = library(folders=10)
    async with opened(cloud) as fs:
        for row in await rows_of(fs):
            await trio.sleep(3)
            await rows_of(fs, row.attributes.inode)
        assert len(cloud.listed) == 11
        await trio.sleep(10)
    assert len(cloud.listed) == 11


async def test_a_walk_that_ends_has_cost_a_few_calls_more():
    """Sixteen at most stand ahead, and nothing goes on by itself."""
    cloud = library()
    async with opened(cloud) as fs:
        for row in (await rows_of(fs))[:40]:
            await rows_of(fs, row.attributes.inode)
        await trio.sleep(60)
    assert 41 < len(cloud.listed) <= 41 + 16


async def test_a_walk_that_does_not_go_deeper_is_not_led_there():
    """``find -maxdepth 1``: what it passes by is not listed on and on."""
    cloud = library(folders=60, files=1, below=3)
    async with opened(cloud) as fs:
        await walk(fs, deepest=1)
        await trio.sleep(10)
    deeper = [id_ for id_, _ in cloud.listed if len(cloud.folders[id_]) == 1]
    assert len(deeper) <= 2 * 16  # before the first of them is passed by, of 180


async def test_a_very_large_folder_ahead_of_a_walk_is_begun_only():
    """Whoever comes finds a beginning, and the listing goes on where it stopped."""
    cloud, large = library_with_a_large_folder()
    async with opened(cloud) as fs:
        rows = await rows_of(fs)
        for row in rows[:-1]:
            await rows_of(fs, row.attributes.inode)
        await trio.sleep(60)
        assert cloud.pages(large) == [None, *(str(count) for count in (1000, 2000, 3000, 4000))]
        assert len(await rows_of(fs, rows[-1].attributes.inode)) == 30_000
    assert len(cloud.pages(large)) == len(set(cloud.pages(large))) == 30


async def test_a_very_large_folder_that_is_entered_meanwhile_is_listed_to_its_end():
    """Who waits for it needs the whole of it, whoever began."""
    cloud, large = library_with_a_large_folder()
    async with opened(cloud) as fs:
        rows = await rows_of(fs)
        for row in rows[:-1]:
            await rows_of(fs, row.attributes.inode)
            if cloud.pages(large):
                break
        assert len(cloud.pages(large)) < 4
        handle = fs.open_folder(rows[-1].attributes.inode)
        await trio.sleep(60)
        handle.close()
    assert len(cloud.pages(large)) == 30


async def test_two_walks_at_once_do_not_mislead_each_other():
    """Each is ahead of itself; no folder is listed twice."""
    cloud = Cloud()
    tops = [cloud.folder("a"), cloud.folder("b")]
    for top in tops:
        for number in range(50):
            cloud.file("f", cloud.folder(f"d{number}", top))
    cloud.meet = answer_slowly
    async with opened(cloud) as fs:
        began = trio.current_time()
        rows = await rows_of(fs)
        async with trio.open_nursery() as nursery:
            for row in rows:
                nursery.start_soon(walk, fs, row.attributes.inode)
        assert trio.current_time() - began < 0.5 * 50 * CALL_S
    assert len(cloud.listed) == len(set(cloud.listed)) == 103


async def test_what_is_listed_ahead_waits_behind_whoever_waits():
    """It asks at the lowest priority, and is raised by a request that joins it."""
    cloud = library(folders=30)
    urgencies = {}

    async def note(folder, _cursor):
        urgencies[folder] = priority.get()
        await trio.sleep(CALL_S if urgencies[folder] < Priority.CRAWL else 3 * CALL_S)
        if priority.get() != urgencies[folder]:
            urgencies[folder] = (urgencies[folder], priority.get())

    cloud.meet = note
    async with opened(cloud) as fs:
        await walk(fs)
    found = list(urgencies.values())
    assert found[:3] == [Priority.LISTING] * 3
    assert all(each in (Priority.CRAWL, (Priority.CRAWL, Priority.LISTING)) for each in found[3:])
    assert (Priority.CRAWL, Priority.LISTING) in found


async def test_a_listing_ahead_that_had_to_wait_too_long_is_nobodys_failure():
    """Who enters the folder asks again at once."""
    cloud = library(folders=30)

    async def meet(_folder, _cursor):
        if priority.get() == Priority.CRAWL:
            raise errors.TimedOut("asked too often to answer soon")

    cloud.meet = meet
    async with opened(cloud) as fs:
        assert await walk(fs) == 30 + 300


@pytest.mark.logs("offline no route")
async def test_a_remote_that_is_not_well_is_not_asked_ahead():
    """After a failure only what somebody waits for is asked."""
    cloud = library(folders=40)
    async with opened(cloud) as fs:
        rows = await rows_of(fs)
        for row in rows[:8]:
            await rows_of(fs, row.attributes.inode)
        await trio.sleep(1)
        cloud.meet = None

        async def fail(_folder, _cursor):
            raise errors.Unreachable("no route")

        cloud.meet = fail
        before = len(cloud.listed)
        for row in rows[30:34]:
            with pytest.raises(errors.Unreachable):
                await rows_of(fs, row.attributes.inode)
        assert len(cloud.listed) <= before + 4 + 16
        assert await names_of(fs) == [row.name for row in rows]
