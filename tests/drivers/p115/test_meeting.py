"""The drivers meet an emulated 115 with its traps on, and what happens while they are mounted."""

from __future__ import annotations

import random
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import trio

from fsmount.errors import Denied, FsmountError, Gone, LoginLost, NotFound, NotSupported
from fsmount.model import Entry, EntryId, Kind
from tests.conformance.cases import open_world
from tests.conformance.p115 import DRIVE, GUEST, SIGNED, defects
from tests.conformance.tree import read, walk

CONTENT = random.Random(115).randbytes(3 << 20)


@pytest.fixture
def world(tmp_path):
    """Open a case over a small tree, its emulator with the given options."""
    root = tmp_path / "tree"
    (root / "film").mkdir(parents=True)
    (root / "film" / "a.mkv").write_bytes(CONTENT)
    (root / "b.txt").write_bytes(b"hello\n")
    state = tmp_path / "state"
    state.mkdir()

    @asynccontextmanager
    async def opened(case, *options, **overrides):
        case = replace(case, emulator=(*case.emulator, *options), overrides=overrides)
        async with open_world(case, root, state) as world:
            yield world

    return opened


TRAPS = [
    ("order-refused",),
    ("order-ignored",),
    ("system-folders",),
    ("sparse",),
    ("links-f1",),
    ("links-f3", "other-cookies"),
    ("links-unbound",),
    ("link-transient",),
    ("download-nested", "no-link-empty"),
]


@pytest.mark.parametrize("traps", TRAPS, ids="+".join)
@pytest.mark.parametrize("spelling", ["usual", "text", "number", "mixed"])
async def test_a_drive_is_read_through_every_trap(world, traps, spelling):
    """Listed whole, and byte for byte."""
    options = (*defects(*traps), "--spelling", spelling)
    async with world(DRIVE, *options) as site, site.opened() as remote:
        found = await walk(remote.driver)
        assert await read(remote, found["film/a.mkv"]) == CONTENT
        assert await read(remote, found["b.txt"]) == b"hello\n"


@pytest.mark.parametrize("case", [GUEST, SIGNED], ids=str)
@pytest.mark.parametrize(
    "traps", [("share-other-fields", "share-list-short"), ("sparse", "links-f3")], ids="+".join
)
async def test_a_share_is_read_through_every_trap(world, case, traps):
    """By guests and by members."""
    options = (*defects(*traps), "--spelling", "mixed")
    async with world(case, *options) as site, site.opened() as remote:
        found = await walk(remote.driver)
        assert await read(remote, found["film/a.mkv"]) == CONTENT


@pytest.mark.parametrize("listing", ["web", "aps", "app"])
async def test_every_listing_shows_the_same_entries(world, listing):
    """Ids, sizes, times, hashes: a mount may go from one to the other."""
    async with world(DRIVE) as site, site.opened() as remote, site.opened(listing=listing) as other:
        assert await walk(other.driver) == await walk(remote.driver)


async def test_a_folder_that_was_never_there_is_not_the_root(world):
    """Whatever 115 lists for it, and for a file's id."""
    async with world(DRIVE) as site, site.opened() as remote:
        found = await walk(remote.driver)
        for ident in ("2912345678901234567", found["b.txt"].id):
            ghost = Entry(id=EntryId(ident), name="ghost", kind=Kind.FOLDER)
            with pytest.raises(NotFound):
                await remote.driver.list(ghost, None)


async def test_a_folder_may_be_mounted_by_its_cid(world):
    """Of a drive and of a share; its files are those of the whole."""
    for case in (DRIVE, GUEST):
        async with world(case) as site:
            async with site.opened() as remote:
                film = (await walk(remote.driver))["film"]
            async with site.opened(root=film.id) as remote:
                found = await walk(remote.driver)
                assert list(found) == ["a.mkv"]
                assert await read(remote, found["a.mkv"]) == CONTENT


async def test_an_agent_that_is_too_old_is_told_so(world):
    """It was chosen by the user."""
    async with world(DRIVE) as site, site.opened(user_agent="x 115Browser/9.0") as remote:
        file = (await walk(remote.driver))["b.txt"]
        with pytest.raises(NotSupported, match="user_agent"):
            await remote.driver.link(file)


@pytest.mark.logs("login lost", "is login lost")
async def test_a_cookie_that_dies_is_said_with_what_to_run(world):
    """Once; what was listed stays, and a sign-in from outside is taken."""
    async with world(DRIVE) as site, site.opened(keep=True) as remote:
        before = await walk(remote.driver)
        site.emulator.state.control("expire", {"what": "cookie"})
        for _ in range(3):
            with pytest.raises(LoginLost, match="fsmount login demo"):
                await remote.driver.list(remote.driver.root, None)
        assert remote.health.report.state == "login lost"
        assert site.requests()["list"] <= len(before) + 3


@pytest.mark.logs("is gone")
@pytest.mark.parametrize("state", ["expired", "cancelled"])
async def test_a_share_that_ends_while_mounted_is_gone_and_may_come_back(world, state):
    """From every call, in its own words."""
    async with world(GUEST) as site, site.opened() as remote:
        driver = remote.driver
        found = await walk(driver)
        site.wish(state)
        for call in (
            driver.list(driver.root, None),
            driver.stat(found["b.txt"]),
            driver.link(found["b.txt"]),
            driver.share_info(),
        ):
            with pytest.raises(Gone, match=state):
                await call
        site.wish("fine")
        assert await walk(driver) == found


@pytest.mark.parametrize("code", ["", "zzzz"])
async def test_a_missing_and_a_wrong_code_are_told_apart(world, code):
    """And what to do about it, without the right one."""
    async with world(GUEST) as site, site.opened(receive_code=code) as remote:
        with pytest.raises(Denied, match="wrong" if code else "wants a receive code") as info:
            await remote.driver.list(remote.driver.root, None)
        assert "receive_code" in info.value.advice
        assert "a1b2" not in str(info.value)


async def test_a_share_that_wants_a_login_takes_a_lent_one(world):
    """A guest is told how; the same files come with it."""
    async with world(GUEST, *defects("login-required")) as site:
        async with site.opened() as remote:
            file = (await walk(remote.driver))["b.txt"]
            with pytest.raises(Denied, match="signed-in"):
                await remote.driver.link(file)
        async with site.opened("signed") as remote:
            assert await read(remote, file) == b"hello\n"


async def test_files_of_a_share_are_saved_into_a_drive(world):
    """What one driver gives, the other takes."""
    async with world(SIGNED) as site, site.opened() as share, site.opened("demo") as drive:
        shared = await walk(share.driver)
        target = (await walk(drive.driver))["film"]
        given = await share.driver.share_pass()
        saving = await drive.driver.save(given, [shared["b.txt"]], target)
        assert (saving.done, saving.tasks) == (1, [])
        assert "film/b.txt" in await walk(drive.driver)
        again = await drive.driver.save(given, [shared["b.txt"]], target)
        assert isinstance(again.done, int)


async def test_two_mounts_that_share_a_link_cost_each_other_speed_only(world):
    """Together they are more connections than it allows; each reads every byte."""
    slow = ("--speed-limit", "6000000")
    async with (
        world(DRIVE, *slow) as site,
        site.opened(keep=True) as one,
        site.opened(keep=True) as other,
    ):
        file = (await walk(one.driver))["film/a.mkv"]
        got = {}

        async def reading(remote, start, stop):
            got[remote is one, start] = await read(remote, file, start, stop)

        async with trio.open_nursery() as nursery:
            for remote in (one, other):
                for start in range(0, len(CONTENT), 1 << 20):
                    nursery.start_soon(reading, remote, start, start + (1 << 20))
        assert len(got) == 6
        for (_, start), content in got.items():
            assert content == CONTENT[start : start + (1 << 20)]


async def test_offline_downloads_are_added_listed_and_removed(world):
    """Through the whole of it, the cipher included."""
    link = "https://example.com/film.iso"
    async with world(DRIVE) as site, site.opened() as remote:
        driver = remote.driver
        (task,) = await driver.offline_add([link], None)
        assert not isinstance(task, FsmountError)
        assert [each.id for each in await driver.offline_tasks()] == [task.id]
        assert (await driver.offline_quota()).left > 0
        await driver.offline_remove(task)
        assert list(await driver.offline_tasks()) == []
