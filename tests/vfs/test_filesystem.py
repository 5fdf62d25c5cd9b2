"""The door: paths, references, refresh, status, and what survives a remount."""

from __future__ import annotations

from dataclasses import replace

import pytest
import trio

from fsmount import errors
from fsmount.model import ROOT_INODE, Inode, Space
from fsmount.vfs.filesystem import open_filesystem
from tests.vfs.cloud import (
    Cloud,
    DictStore,
    FakeReader,
    failing,
    member_of,
    names_of,
    opened,
    rows_of,
)

pytestmark = pytest.mark.autojump


async def black_hole(_folder, _cursor):
    await trio.sleep_forever()


async def test_a_path_is_found_by_the_names_that_are_shown():
    """Every name that readdir shows can be looked up, and the path of its inode is told again."""
    cloud = Cloud()
    folder = cloud.folder("a/b")
    cloud.file("x?#%.txt", folder)
    async with opened(cloud) as fs:
        found = await fs.find("a／b/x?#%.txt")
        assert found.entry.name == "x?#%.txt"
        assert fs.path_of(found.inode) == "a／b/x?#%.txt"
        assert (await fs.find("")).inode == ROOT_INODE
        assert (await fs.find("/a／b/")).is_folder
        assert isinstance(await failing(fs.find("a／b/nothing")), errors.NotFound)
        assert isinstance(await failing(fs.find("a／b/x?#%.txt/y")), errors.NotFolder)


async def test_the_capacity_is_what_the_member_last_learned():
    """Nothing is asked for it."""
    cloud = Cloud()
    member = replace(member_of(cloud), space=lambda: Space(total=10, used=3))
    async with open_filesystem(member, reader=FakeReader(), store=None) as fs:
        assert fs.space() == Space(total=10, used=3)
    assert cloud.listed == []


async def test_refresh_lists_a_folder_whatever_its_age():
    """And tells how many entries it has now; a file's path names its folder."""
    cloud = Cloud()
    folder = cloud.folder("d")
    cloud.file("a", folder)
    async with opened(cloud) as fs:
        assert await names_of(fs, (await fs.lookup(ROOT_INODE, "d")).inode) == ["a"]
        cloud.file("b", folder)
        assert await fs.refresh("d") == 2
        cloud.file("c", folder)
        assert await fs.refresh("d/a") == 3
        assert await fs.refresh("") == 1


async def test_refresh_does_not_join_a_listing_that_began_before():
    """That one may have passed the place where the change is."""
    cloud = Cloud()

    async def slow(_folder, _cursor):
        await trio.sleep(1)

    cloud.meet = slow
    async with opened(cloud) as fs, trio.open_nursery() as nursery:
        nursery.start_soon(rows_of, fs)
        await trio.sleep(0.5)
        await fs.refresh("")
    assert len(cloud.listed) == 2


@pytest.mark.logs("cloud is offline")
async def test_a_refresh_that_fails_says_so_and_keeps_what_is_known():
    """It is an error for who asked only."""
    cloud = Cloud()
    cloud.file("a")
    async with opened(cloud) as fs:
        await rows_of(fs)

        async def meet(_folder, _cursor):
            raise errors.Unreachable("no network")

        cloud.meet = meet
        assert isinstance(await failing(fs.refresh("")), errors.Unreachable)
        assert await names_of(fs) == ["a"]


async def test_references_are_counted_and_never_fall_below_zero():
    """Whatever the kernel gives back."""
    cloud = Cloud()
    cloud.file("a")
    async with opened(cloud) as fs:
        inode = (await fs.lookup(ROOT_INODE, "a")).inode
        fs.remember(inode)
        assert fs.status()["counts"]["referenced"] == 2
        fs.forget([(inode, 1)])
        assert fs.status()["counts"]["referenced"] == 2
        fs.forget([(inode, 5), (inode, 1), (Inode(999), 3), (ROOT_INODE, 7)])
        assert fs.status()["counts"]["referenced"] == 1
        assert (await fs.attributes(inode)).size == 3
        assert isinstance(await failing(fs.attributes(Inode(999))), errors.Gone)


async def test_status_is_plain_data():
    """Health of each remote, counts and handles."""
    cloud = Cloud()
    cloud.file("a")
    async with opened(cloud) as fs:
        await rows_of(fs)
        assert fs.status() == {
            "state": "online",
            "reason": "",
            "until": None,
            "remotes": [
                {"name": "cloud", "paths": ["/"], "state": "online", "reason": "", "until": None}
            ],
            "counts": {"nodes": 2, "folders": 1, "referenced": 1},
            "handles": [],
        }


async def everything(fs):
    """Walk the whole tree; return path to inode and mtime."""
    found = {}
    folders = [ROOT_INODE]
    for folder in folders:
        for row in await rows_of(fs, folder):
            fs.remember(row.attributes.inode)
            found[fs.path_of(row.attributes.inode)] = (
                row.attributes.inode,
                row.attributes.mtime_ns,
            )
            if row.attributes.is_folder:
                folders.append(row.attributes.inode)
    return found


def grown_cloud():
    cloud = Cloud()
    for number in range(3):
        folder = cloud.folder(f"d{number}")
        for _ in range(3):
            cloud.file("twin.txt", folder)
    return cloud


async def test_names_inodes_and_mtimes_survive_a_remount_without_network():
    """A mount that was listed before serves its tree while the provider is a black hole."""
    cloud, store = grown_cloud(), DictStore()
    async with opened(cloud, store=store) as fs:
        before = await everything(fs)
    assert len(before) == 12
    cloud.meet = black_hole
    calls = len(cloud.listed)
    async with opened(cloud, store=store) as fs:
        start = trio.current_time()
        assert await everything(fs) == before
        assert trio.current_time() - start == 0
    assert len(cloud.listed) == calls


async def test_a_remount_asks_again_for_what_is_old():
    """Ages are counted through the time that nothing was mounted."""
    cloud, store = grown_cloud(), DictStore()
    async with opened(cloud, store=store) as fs:
        before = await everything(fs)
    await trio.sleep(301)
    cloud.folders["root"].reverse()
    async with opened(cloud, store=store) as fs:
        after = await everything(fs)
    assert after == before
    assert list(after) != list(before)
    assert len(cloud.pages()) == 2


async def test_an_entry_that_comes_back_has_its_inode_again():
    """The same remote and id are the same inode, whatever happened between."""
    cloud, store = Cloud(), DictStore()
    entry = cloud.file("a")
    async with opened(cloud, store=store) as fs:
        first = (await fs.lookup(ROOT_INODE, "a")).inode
        cloud.remove(entry)
        await fs.refresh("")
    cloud.folders["root"].append(entry)
    async with opened(cloud, store=store) as fs:
        await fs.refresh("")
        assert (await fs.lookup(ROOT_INODE, "a")).inode == first


async def test_an_entry_that_is_listed_in_two_places_is_two_inodes():
    """It moved, and the old folder's listing is older: nothing known disappears."""
    cloud = Cloud()
    one, two = cloud.folder("one"), cloud.folder("two")
    entry = cloud.file("a", one)
    async with opened(cloud) as fs:
        first = await fs.find("one/a")
        cloud.folders[one.id].remove(entry)
        cloud.folders[two.id].append(entry)
        second = await fs.find("two/a")
        assert second.inode != first.inode
        assert (await fs.find("one/a")).inode == first.inode
        await fs.refresh("one")
        assert isinstance(await failing(fs.find("one/a")), errors.NotFound)
        assert (await fs.find("two/a")).inode == second.inode


@pytest.mark.logs("cloud is offline")
async def test_a_first_listing_that_broke_goes_on_after_a_remount():
    """Its pages are kept with the cursor where it stopped."""
    cloud, store = Cloud(page_size=2), DictStore()
    for number in range(5):
        cloud.file(f"f{number}")

    async def meet(_folder, cursor):
        if cursor == "4":
            raise errors.Unreachable("no network")

    cloud.meet = meet
    async with opened(cloud, store=store) as fs:
        await failing(names_of(fs))
    cloud.meet = None
    async with opened(cloud, store=store) as fs:
        assert await names_of(fs) == [f"f{number}" for number in range(5)]
    assert cloud.pages() == [None, "2", "4", "4"]


async def test_folders_that_nobody_holds_are_let_go_and_loaded_again():
    """Memory stays bounded over a walk, and costs no further call of the provider."""
    cloud, store = Cloud(), DictStore()
    folders = [cloud.folder(f"d{number}") for number in range(50)]
    for folder in folders:
        for number in range(20):
            cloud.file(f"f{number}", folder)
    async with opened(cloud, store=store, nodes_in_memory=200) as fs:
        inodes = {}
        for _ in range(2):
            for row in await rows_of(fs):
                fs.remember(row.attributes.inode)
                inode = row.attributes.inode
                assert inodes.setdefault(row.name, inode) == inode
                files = await rows_of(fs, inode)
                assert inodes.setdefault(row.name + "/", [f.attributes.inode for f in files]) == [
                    f.attributes.inode for f in files
                ]
                # What may be in memory, the folder being read, and those listed ahead of it.
                assert fs.status()["counts"]["nodes"] <= 200 + 1 + 17 * 20
                fs.forget([(inode, 1)])
    assert len(cloud.listed) == 51


async def test_what_the_kernel_holds_is_not_let_go():
    """A referenced inode is answered however small the memory."""
    cloud, store = Cloud(), DictStore()
    folders = [cloud.folder(f"d{number}") for number in range(10)]
    for folder in folders:
        cloud.file("f", folder)
    async with opened(cloud, store=store, nodes_in_memory=1) as fs:
        held = await fs.find("d0/f")
        fs.remember(held.inode)
        for number in range(10):
            await fs.find(f"d{number}/f")
        assert (await fs.attributes(held.inode)).size == 3
        assert fs.path_of(held.inode) == "d0/f"
