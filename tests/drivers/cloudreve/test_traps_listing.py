"""The traps of URIs and of listings (wire §5 and §6), each met on an emulated site."""

from __future__ import annotations

import json
import os

import httpx
import pytest

from fsmount.drivers.cloudreve.options import CloudreveOptions, place
from fsmount.errors import Denied, NotFolder, NotFound, UsageError
from fsmount.model import ROOT_INODE, Entry, EntryId, Kind
from tests.conformance.tree import children, open_tree, read, walk


def make(tree, **files):
    for name, content in files.items():
        (tree / name).write_bytes(content)


# --- §5 URIs --------------------------------------------------------------------------------------


async def test_s5_percent_hash_and_question_mark_reach_the_file_they_are_in(site, tree):
    """Raw, the first is refused, the second cuts the name, the third turns into a search."""
    names = ["a", "a%", "a%41", "aA", "a#b", "a?b", "a?name=a", "a%23b", "a%2523b", "a b", "a+b"]
    for name in names:
        (tree / name).write_bytes(f"this is {name}".encode())
    (tree / "d#e?f%20g").mkdir()
    (tree / "d#e?f%20g" / "in").write_bytes(b"inner")
    async with site() as world, world.opened() as remote:
        found = await walk(remote.driver)
        assert set(found) == {*names, "d#e?f%20g", "d#e?f%20g/in"}
        for name in names:
            assert await remote.driver.stat(found[name]) == found[name]
            assert await read(remote, found[name]) == f"this is {name}".encode()


async def test_s5_a_root_with_such_a_name_can_be_mounted_as_the_browser_gives_it(site, tree):
    """Encoded or not, by path or by URI."""
    (tree / "100% #1").mkdir()
    make(tree / "100% #1", x=b"x")
    async with site() as world:
        for root in ("/100% #1", "100%25%20%231", "cloudreve://my/100%25%20%231"):
            async with world.opened(root=root) as remote:
                assert set(await walk(remote.driver)) == {"x"}


@pytest.mark.parametrize("root", ["/a/../..", "a/%2e%2e/b", "cloudreve://my/a/..", "..%2Fetc/.."])
def test_s5_dots_cannot_climb(root):
    """Servers follow them upward, even encoded: they are refused before anything is asked."""
    with pytest.raises(UsageError, match=r"\.\."):
        place(CloudreveOptions(address="https://x.test", root=root))


async def test_s5_names_that_look_alike_are_several_files(site, tree):
    """No case is folded and nothing is normalised: NFC, NFD, upper and lower are four files."""
    names = {"\u00e9": b"nfc", "e\u0301": b"nfd", "A": b"upper", "a": b"lower"}
    make(tree, **names)
    async with site(share=True) as world, world.opened() as remote:
        found = await walk(remote.driver)
        assert {name: await read(remote, entry) for name, entry in found.items()} == names


async def test_s5_a_users_own_id_names_the_own_drive_and_anothers_is_denied(site, tree, ask):
    """``cloudreve://ID@my``: 403 for whoever it does not belong to."""
    make(tree, a=b"a")
    async with site() as world:
        async with world.opened() as remote:
            me = json.loads((await ask(remote, "GET", "/user/me")).body)["data"]["id"]
        async with world.opened(root=f"cloudreve://{me}@my") as remote:
            assert set(await walk(remote.driver)) == {"a"}
        async with world.opened(root="cloudreve://zzzz@my") as remote:
            with pytest.raises((Denied, NotFound, UsageError)):
                await walk(remote.driver)


async def test_s5_a_code_is_escaped_inside_the_uri(site, tree):
    """Raw, this one would name another server, another folder, or nothing at all."""
    make(tree, a=b"a")
    odd = "p w&d/@my:%41#?"
    async with (
        site("--share-password", "abcd", share=True) as world,
        world.opened(share_password=odd) as remote,
    ):
        with pytest.raises(Denied, match="password"):
            await walk(remote.driver)


# --- §6.1 paging ----------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [6, 7, 8, 14])
async def test_s6_1_the_page_size_is_capped_silently(site, tree, count):
    """What came tells, not what was asked for; a last page may be exactly full."""
    make(tree, **{f"f{number:02}": b"" for number in range(count)})
    async with site("--max-page-size", "7") as world, world.opened() as remote:
        pages = await children(remote.driver, remote.driver.root)
        assert [len(page) for page in pages] == [7] * (count // 7) + [count % 7] * bool(count % 7)


@pytest.mark.parametrize("count", [1, 9, 10, 11])
async def test_s6_1_pages_by_number_have_a_total_and_no_token(site, tree, count):
    """Whoever only follows tokens shows the first page and stops, without any error."""
    make(tree, **{f"f{number:02}": b"" for number in range(count)})
    async with site("--defect", "offset-paging") as world, world.opened(page_size="5") as remote:
        assert len(await walk(remote.driver)) == count


@pytest.mark.parametrize("on", [True, False])
async def test_s6_1_paging_that_is_switched_in_the_middle_loses_nothing(site, tree, on):
    """An administrator's click between two pages: the tree lists on and drops what came twice."""
    make(tree, **{f"f{number:02}": b"" for number in range(23)})
    async with (
        site(*([] if on else ["--defect", "offset-paging"])) as world,
        world.opened(page_size="5") as remote,
    ):
        first = await remote.driver.list(remote.driver.root, None)
        world.emulator.state.control("switch", {"offset-paging": on})
        names, cursor = {entry.name for entry in first.entries}, first.next_cursor
        while cursor is not None:
            page = await remote.driver.list(remote.driver.root, cursor)
            names |= {entry.name for entry in page.entries}
            cursor = page.next_cursor
        assert len(names) == 23


# --- §6.2 defects ---------------------------------------------------------------------------------


@pytest.mark.parametrize("size", range(1, 14))
async def test_s6_2_1_files_behind_a_page_that_ends_with_the_last_folder_are_not_lost(
    site, tree, size
):
    """The recorded case, 5 folders and 7 files that sort before them, with every page size."""
    for number in range(5):
        (tree / f"z-dir{number}").mkdir()
    make(tree, **{f"a-file{number}": b"" for number in range(7)})
    async with (
        site("--defect", "page-border-loss") as world,
        world.opened(page_size=str(size)) as remote,
    ):
        pages = await children(remote.driver, remote.driver.root)
    names = [entry.name for page in pages for entry in page]
    assert len(names) == len(set(names)) == 12
    assert names[:5] == [f"z-dir{number}" for number in range(5)]  # folders first, always


async def test_s6_2_2_the_order_that_repeats_entries_is_never_asked_for(site, tree):
    """By time, ascending, pages of one never end; whatever order is shown, names are asked."""
    for number in range(12):
        make(tree, **{f"f{number:02}": b""})
        os.utime(tree / f"f{number:02}", (1e9 - number // 4, 1e9 - number // 4))
    async with site("--defect", "updated-at-repeat", "--max-page-size", "1") as world:
        async with world.opened(sort="time") as remote:
            assert len(await children(remote.driver, remote.driver.root)) == 12
            async with open_tree(remote) as filesystem:
                for _ in range(2):  # while it arrives, and when it stands
                    handle = filesystem.open_folder(ROOT_INODE)
                    rows = []
                    while more := await handle.read(rows[-1].next_cookie if rows else 0, 100):
                        rows += more
                    handle.close()
        times = [row.attributes.mtime_ns for row in rows]
        assert len(times) == 12
        assert times == sorted(times)


async def test_s6_2_3_what_others_asked_for_last_changes_nothing_here(site, tree):
    """Left out, size and order are those of whoever came last: all three are always sent."""
    make(tree, **{f"f{number}": b"x" * number for number in range(9)})
    async with site("--defect", "shared-default-view") as world, world.opened() as remote:
        before = await children(remote.driver, remote.driver.root)
        async with httpx.AsyncClient(trust_env=False, verify=False) as other:
            view = {"page_size": "2", "order_by": "size", "order_direction": "desc"}
            share = world.emulator.source.rsplit("/", 1)[1]
            asked = {"uri": f"cloudreve://{share}@share", **view}
            answer = await other.get(f"{world.emulator.address}/api/v4/file", params=asked)
            assert len(answer.json()["data"]["files"]) == 2
        assert await children(remote.driver, remote.driver.root) == before


async def test_s6_2_4_fields_of_other_objects_are_not_taken_for_ones_own(site, tree):
    """A file does not become as large as a folder whose size somebody asked for."""
    (tree / "d").mkdir()
    make(tree / "d", big=b"x" * 5000)
    make(tree, small=b"x")
    async with site("--defect", "foreign-fields") as world, world.opened() as remote:
        found = await walk(remote.driver)
        assert (await remote.driver.folder_size(found["d"])).size == 5000
        for _ in range(5):
            assert await remote.driver.stat(found["small"]) == found["small"]
            assert await walk(remote.driver) == found


# --- §6.3 special entries, §10.4 uploads ----------------------------------------------------------


@pytest.fixture
def begin_upload(ask):
    """Begin to upload ``name`` to the drive, and stop there."""

    async def begin_upload(remote, name, **more):
        listed = await ask(remote, "GET", "/file", uri="cloudreve://my", page_size="1")
        policy = json.loads(listed.body)["data"]["storage_policy"]["id"]
        body = {"uri": f"cloudreve://my/{name}", "size": 100, "policy_id": policy, **more}
        await ask(remote, "PUT", "/file/upload", body)

    return begin_upload


async def test_s6_3_a_new_file_is_hidden_until_it_is_whole(site, tree, begin_upload):
    """It is there at once, empty, and reads as nothing."""
    make(tree, a=b"a")
    async with site() as world, world.opened() as remote:
        await walk(remote.driver)
        await begin_upload(remote, "new.bin")
        assert set(await walk(remote.driver)) == {"a"}


async def test_s6_3_a_good_file_stays_while_it_gets_a_new_version(site, tree, begin_upload):
    """It carries the same mark, and its old bytes are still there to be read."""
    make(tree, a=b"old bytes", empty=b"")
    async with site() as world, world.opened() as remote:
        before = await walk(remote.driver)
        await begin_upload(remote, "a", entity_type="version")
        found = await walk(remote.driver)
        assert set(found) == {"a", "empty"}
        assert (found["a"].version, found["a"].size) == (before["a"].version, 9)
        assert await read(remote, found["a"]) == b"old bytes"


async def test_s6_3_a_shortcut_to_a_share_is_followed_and_never_in_circles(site, tree, ask):
    """Listing it is refused with 403; its own URI is followed, but not back into itself."""
    (tree / "d").mkdir()
    make(tree / "d", inner=b"inner")
    async with site() as world, world.opened() as remote:
        await walk(remote.driver)
        share = world.emulator.source.rsplit("/", 1)[1]
        body = {
            "uri": "cloudreve://my/short",
            "type": "folder",
            "metadata": {"sys:shared_redirect": f"cloudreve://{share}@share"},
        }
        await ask(remote, "POST", "/file/create", body)
        found = await walk(remote.driver)
        assert set(found) == {"d", "d/inner", "short", "short/d", "short/d/inner"}
        assert found["short/d/inner"].id != found["d/inner"].id
        assert await read(remote, found["short/d/inner"]) == b"inner"
        assert await remote.driver.stat(found["short/d/inner"]) == found["short/d/inner"]


def test_s6_3_the_trash_cannot_be_mounted():
    """Its paths are opaque and its parent is nothing: no tree to show."""
    with pytest.raises(UsageError, match="cannot be mounted"):
        place(CloudreveOptions(address="https://x.test", root="cloudreve://trash"))


# --- §6.4 errors ----------------------------------------------------------------------------------


async def test_s6_4_listing_a_file_is_answered_as_if_it_were_missing(site, tree):
    """So a file is never listed; a folder that became a file is gone as a folder."""
    (tree / "d").mkdir()
    make(tree, a=b"a")
    async with site() as world, world.opened() as remote:
        found = await walk(remote.driver)
        with pytest.raises(NotFolder):
            await remote.driver.list(found["a"], None)
        lied = Entry(
            id=EntryId("x"), name="a", kind=Kind.FOLDER, locator=found["a"].locator, size=0
        )
        with pytest.raises(NotFound):
            await remote.driver.list(lied, None)
