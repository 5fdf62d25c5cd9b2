"""Every driver shows the same tree, whole, and gives links to its bytes."""

from __future__ import annotations

import itertools

import httpx
import pytest

from fsmount.drivers.base import BatchLinks, Quota, ShareDetails
from fsmount.errors import Changed, FsmountError, IsFolder, NotFolder, NotFound
from fsmount.model import Link
from tests.conformance.cases import CASES, DRIVE, SHARE
from tests.conformance.tree import FILES, children, walk, wanted

WHOLE = [case for case in CASES if case.only is None]


async def got(link, start, stop):
    """GET a range as any client would; returns status, Content-Range and bytes."""
    async with httpx.AsyncClient(trust_env=False) as client:
        headers = {**link.headers, "range": f"bytes={start}-{stop - 1}"}
        answer = await client.get(link.url, headers=headers)
        return answer.status_code, answer.headers.get("content-range"), answer.content


async def test_the_tree_is_shown_whole(world):
    """Every name, kind and size, once; nothing else."""
    async with world.opened() as remote:
        found = await walk(remote.driver)
    shown = {path: None if each.is_folder else each.size for path, each in found.items()}
    assert shown == wanted(world.case.only)


async def test_small_pages_show_the_same_tree(world):
    """Several pages per folder, none too long, nothing lost or repeated at their borders."""
    async with world.opened(**world.case.small_pages) as remote:
        found = await walk(remote.driver)
        assert set(found) == set(wanted(world.case.only))
        if world.case.only is None:
            pages = await children(remote.driver, found["many"])
            assert len(pages) > 5
            assert max(map(len, pages)) <= world.case.small_page


async def test_ids_are_unique_and_the_same_another_day(world):
    """Inodes hang on them."""
    async with world.opened() as remote:
        first = await walk(remote.driver)
        assert len({entry.id for entry in first.values()} | {remote.driver.root.id}) == (
            len(first) + 1
        )
    async with world.opened() as remote:
        again = await walk(remote.driver)
    assert {path: each.id for path, each in again.items()} == {
        path: each.id for path, each in first.items()
    }


async def test_the_root_is_known_without_asking(world):
    """A mount without network has one."""
    async with world.opened() as remote:
        root = remote.driver.root
        assert root.is_folder
        assert root == remote.driver.root
    assert world.requests() == {}


async def test_the_first_page_describes_the_folder_itself(world):
    """Under the id that was asked for."""
    async with world.opened() as remote:
        page = await remote.driver.list(remote.driver.root, None)
        assert page.folder is None or page.folder.id == remote.driver.root.id
        assert page.skipped == 0


async def test_stat_agrees_with_the_listing(world):
    """Whatever was listed is the same when asked by itself."""
    async with world.opened() as remote:
        found = await walk(remote.driver)
        for path in itertools.islice(sorted(found), 40):
            assert await remote.driver.stat(found[path]) == found[path]
        root = await remote.driver.stat(remote.driver.root)
        assert (root.id, root.is_folder) == (remote.driver.root.id, True)


async def test_versions_name_contents(world):
    """Files with bytes have one each; folders have none."""
    async with world.opened() as remote:
        found = await walk(remote.driver)
    assert all(not each.version for each in found.values() if each.is_folder)
    versions = [each.version for each in found.values() if each.size]
    assert all(versions)
    assert len(set(versions)) == len(versions)


async def test_a_link_is_read_by_a_plain_ranged_get(world):
    """No cookie, no token: the URL and the link's own headers are all."""
    async with world.opened() as remote:
        found = await walk(remote.driver)
        for path, content in FILES.items():
            if path not in found or len(content) < 5:
                continue
            link = await remote.driver.link(found[path])
            assert link.lifetime_s is None or link.lifetime_s > 60
            status, content_range, body = await got(link, 1, 5)
            assert (status, body) == (206, content[1:5])
            assert content_range == f"bytes 1-4/{len(content)}"


@pytest.mark.parametrize("case", WHOLE, ids=str)
async def test_many_links_are_each_their_own_files(world):
    """In the order asked; what is missing fails alone."""
    async with world.opened() as remote:
        if not isinstance(remote.driver, BatchLinks):
            pytest.skip("has no batches")
        found = await walk(remote.driver)
        files = [each for path, each in sorted(found.items()) if not each.is_folder and each.size]
        (world.root / "plain.txt").unlink()
        links = await remote.driver.links(files[: remote.driver.batch_size])
        assert len(links) == len(files)
        for file, link in zip(files, links, strict=True):
            if file.name == "plain.txt":
                assert isinstance(link, FsmountError)
            else:
                assert isinstance(link, Link)
                assert (await got(link, 0, file.size))[2] == (
                    next(FILES[path] for path, each in found.items() if each is file)
                )


@pytest.mark.parametrize("case", WHOLE, ids=str)
async def test_what_was_removed_is_not_found(world):
    """Said by a living provider: the one way in which absence is told."""
    async with world.opened() as remote:
        gone = (await walk(remote.driver))["plain.txt"]
        (world.root / "plain.txt").unlink()
        with pytest.raises(NotFound):
            await remote.driver.stat(gone)
        with pytest.raises((NotFound, Changed)):
            await remote.driver.link(gone)
        assert "plain.txt" not in await walk(remote.driver)


@pytest.mark.parametrize("case", [DRIVE, SHARE], ids=str)
async def test_a_removed_folder_is_not_found(world):
    """Neither an empty folder nor an error of another kind."""
    async with world.opened() as remote:
        found = await walk(remote.driver)
        (world.root / "empty folder").rmdir()
        with pytest.raises(NotFound):
            await remote.driver.list(found["empty folder"], None)


async def test_files_and_folders_are_not_mistaken(world):
    """A file has no listing, a folder no link."""
    async with world.opened() as remote:
        found = await walk(remote.driver)
        with pytest.raises(NotFolder):
            await remote.driver.list(found["plain.txt"], None)
        with pytest.raises(IsFolder):
            await remote.driver.link(remote.driver.root)


@pytest.mark.parametrize("case", [DRIVE], ids=str)
async def test_a_drive_tells_its_space(world):
    """Bytes, used within total."""
    async with world.opened() as remote:
        assert isinstance(remote.driver, Quota)
        space = await remote.driver.space()
        assert 0 <= space.used <= space.total


@pytest.mark.parametrize("case", [SHARE], ids=str)
async def test_a_share_tells_about_itself(world):
    """Its name and whether it is over."""
    async with world.opened() as remote:
        assert isinstance(remote.driver, ShareDetails)
        info = await remote.driver.share_info()
        assert (info.is_folder, info.locked, info.expired) == (True, False, False)
        assert info.name
