"""Every driver shows the same tree, whole, whatever the pages and the types it comes in."""

from __future__ import annotations

import functools
import itertools
import json
from typing import TYPE_CHECKING

import pytest

from fsmount.drivers.base import BatchLinks, Quota, ShareDetails
from fsmount.errors import Changed, IsFolder, NotFolder, NotFound, ProtocolError
from fsmount.vfs.identity import content_key
from tests.conformance.cases import CASES, FIRST, link_of, spoiled
from tests.conformance.cloudreve import DRIVE, SHARE, TOKEN
from tests.conformance.tree import FILES, children, walk, wanted

if TYPE_CHECKING:
    from fsmount.model import ContentKey

WHOLE = [case for case in CASES if case.only is None]
PAGED = [case for case in WHOLE if case.page_option and not case.code and case is not TOKEN]


async def test_the_tree_is_shown_whole(world):
    """Every name, kind and size, once; nothing else."""
    async with world.opened() as remote:
        found = await walk(remote.driver)
    shown = {path: None if each.is_folder else each.size for path, each in found.items()}
    assert shown == wanted(world.case.only, world.case.holds)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("case", PAGED, ids=str)
async def test_small_pages_show_the_same_tree(world, size):
    """Several pages per folder, none too long, nothing lost or repeated at their borders."""
    async with world.paged(size) as remote:
        found = await walk(remote.driver)
        assert set(found) == set(wanted(world.case.only, world.case.holds))
        pages = await children(remote.driver, found["many"])
    assert sum(map(len, pages)) == 25
    # A driver may move a border that its provider loses entries at, by one.
    assert max(map(len, pages)) <= max(size, 2)
    assert len(pages) >= 25 / max(size, 2)


@pytest.mark.parametrize("case", PAGED, ids=str)
async def test_a_listing_can_be_begun_anew_at_any_page(world):
    """A driver keeps no place of its own: a first page between two others harms neither."""
    async with world.paged(4) as remote:
        driver = remote.driver
        folder = (await walk(driver))["many"]
        whole = await children(driver, folder)
        first = await driver.list(folder, None)
        again = await driver.list(folder, None)
        second = await driver.list(folder, first.next_cursor)
    assert first.entries == again.entries == whole[0]
    assert second.entries == whole[1]


async def test_ids_are_unique_and_the_same_another_day(world):
    """Inodes hang on them. The token is kept: one that is good for one use was used up."""
    async with world.opened(keep=True) as remote:
        first = await walk(remote.driver)
        assert len({entry.id for entry in first.values()} | {remote.driver.root.id}) == (
            len(first) + 1
        )
    async with world.opened(keep=True) as remote:
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
        for path in itertools.islice(sorted(found), 0, None, 3):
            assert await remote.driver.stat(found[path]) == found[path]
        root = await remote.driver.stat(remote.driver.root)
        assert (root.id, root.is_folder) == (remote.driver.root.id, True)


async def test_versions_name_contents(world):
    """Files that blocks are shared between have the same bytes; folders have no version."""
    async with world.opened() as remote:
        found = await walk(remote.driver)
    assert all(not each.version for each in found.values() if each.is_folder)
    contents: dict[ContentKey, bytes] = {}
    for path, each in found.items():
        if each.size:
            assert each.version or each.mtime_ns
            key = content_key(remote.member, each)
            assert contents.setdefault(key, FILES[path]) == FILES[path]
    assert contents


@pytest.mark.parametrize("case", WHOLE, ids=str)
async def test_what_was_removed_is_not_found(world):
    """Said by a living provider: the one way in which absence is told."""
    async with world.opened() as remote:
        gone = (await walk(remote.driver))["plain.txt"]
        (world.root / "plain.txt").unlink()
        with pytest.raises(NotFound):
            await remote.driver.stat(gone)
        with pytest.raises((NotFound, Changed)):
            await link_of(remote, gone)
        assert "plain.txt" not in await walk(remote.driver)


@pytest.mark.parametrize("case", WHOLE, ids=str)
async def test_a_removed_folder_is_not_found(world):
    """Neither an empty folder nor an error of another kind."""
    async with world.opened() as remote:
        found = await walk(remote.driver)
        (world.root / "empty folder").rmdir()
        with pytest.raises(NotFound):
            await remote.driver.list(found["empty folder"], None)


@pytest.mark.parametrize("case", [DRIVE, SHARE], ids=str)
async def test_a_changed_file_has_another_version_and_the_same_id(world):
    """What hangs on the version is read anew, what hangs on the id stays."""
    async with world.opened() as remote:
        before = (await walk(remote.driver))["plain.txt"]
        (world.root / "plain.txt").write_bytes(b"now something else")
        after = await remote.driver.stat(before)
    assert (after.id, after.size) == (before.id, 18)
    assert after.version != before.version


async def test_files_and_folders_are_not_mistaken(world):
    """A file has no listing, a folder no link."""
    async with world.opened() as remote:
        found = await walk(remote.driver)
        with pytest.raises(NotFolder):
            await remote.driver.list(found["plain.txt"], None)
        with pytest.raises(IsFolder):
            await remote.driver.link(remote.driver.root)


# --- wrong types ----------------------------------------------------------------------------------

WRONG = (None, "", 7, 7.5, True, -1, [], {}, {"a": 1}, "\ud800", "0001-01-01T00:00:00Z")


def changed_rows(body, rows, change):
    """Return a listing's ``body`` after ``change`` has had its rows; any other body as it is."""
    answer = json.loads(body)
    try:
        place = functools.reduce(lambda at, name: at[name], rows[:-1], answer)
        place[rows[-1]] = change(place[rows[-1]])
    except (KeyError, TypeError):
        return body
    return json.dumps(answer).encode()


@pytest.mark.logs("left_out=1")
@pytest.mark.parametrize("case", [DRIVE, SHARE], ids=str)
async def test_wrong_types_in_one_entry_cost_that_entry_at_most(world):
    """Whatever its provider writes into any field of it, or leaves out: the others are there."""
    async with world.opened() as remote:
        good = (await remote.driver.list(remote.driver.root, None)).entries
        fields = {}
        changed_rows(
            await raw_listing(remote), world.case.rows, lambda rows: fields.update(rows[0]) or rows
        )
        assert len(fields) > 5
        for name, value in itertools.product(fields, (*WRONG, "left out")):

            def spoil(rows, name=name, value=value):
                victim = rows[len(rows) // 2]
                victim.pop(name, None)
                if value != "left out":
                    victim[name] = value
                return rows

            change = functools.partial(changed_rows, rows=world.case.rows, change=spoil)
            page = await spoiled(remote, change).list(remote.driver.root, None)
            at = len(good) // 2
            others = [*good[:at], *good[at + 1 :]]
            kept = [entry for entry in page.entries if entry in others]
            assert kept == others, f"{name} = {value!r} cost more than itself"
            hidden = len(good) - len(page.entries) - page.skipped
            assert 0 <= hidden <= 1, f"{name} = {value!r}: an entry was lost without a word"


async def raw_listing(remote):
    """Return the body of the root's listing as the provider sent it."""
    bodies = []
    await spoiled(remote, lambda body: bodies.append(body) or body).list(remote.driver.root, None)
    return bodies[0]


@pytest.mark.parametrize("row", [None, 7, "x", [], {}])
@pytest.mark.logs("left_out=1")
@pytest.mark.parametrize("case", [DRIVE, SHARE], ids=str)
async def test_a_row_that_is_no_entry_is_left_out_and_counted(world, row):
    """Said in the log, without what was in it."""
    async with world.opened() as remote:
        good = (await remote.driver.list(remote.driver.root, None)).entries
        change = functools.partial(
            changed_rows, rows=world.case.rows, change=lambda rows: [row, *rows]
        )
        page = await spoiled(remote, change).list(remote.driver.root, None)
    assert (page.entries, page.skipped) == (good, 1)


@pytest.mark.parametrize("rows", [{}, "x", 7, {"0": {}}])
@pytest.mark.parametrize("case", [DRIVE, SHARE], ids=str)
async def test_a_listing_without_a_list_is_an_error_not_an_empty_folder(world, rows):
    """An empty folder makes a mirror delete its copy."""
    async with world.opened() as remote:
        change = functools.partial(changed_rows, rows=world.case.rows, change=lambda _: rows)
        with pytest.raises(ProtocolError):
            await spoiled(remote, change).list(remote.driver.root, None)


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"{}", b'"x"', b"{", b"\xff\xfe", b"<html></html>", b"[" * 100_000],
)
@pytest.mark.parametrize("case", FIRST, ids=str)
async def test_an_answer_that_is_something_else_is_a_protocol_error(world, body):
    """From every call that reads an answer; never an empty one, never a crash."""
    async with world.opened() as remote:
        file = (await walk(remote.driver))["plain.txt"]
        driver = spoiled(remote, lambda _: body)
        calls = [driver.list(driver.root, None), driver.stat(file)]
        if not world.case.staged:
            calls.append(driver.link(file))
        if isinstance(driver, BatchLinks):
            calls.append(driver.links([file]))
        if isinstance(driver, Quota) and not world.case.share:
            calls.append(driver.space())
        if isinstance(driver, ShareDetails) and world.case.share:
            calls.append(driver.share_info())
        for call in calls:
            with pytest.raises(ProtocolError):
                await call


# --- what a remote tells of itself ----------------------------------------------------------------


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
