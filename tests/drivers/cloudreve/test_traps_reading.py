"""The traps of info, links, content and shares (wire §7, §8, §11), each met on an emulated site."""

from __future__ import annotations

import httpx
import pytest
import trio

from fsmount.errors import (
    Changed,
    Denied,
    FsmountError,
    Gone,
    LinkExpired,
    NotFound,
    NotSupported,
    WrongSize,
)
from fsmount.health import State
from fsmount.model import Link, Priority, priority
from tests.conformance.tree import open_tree, read, walk
from tests.demo import ripples
from tests.emulators.faults import Fault


@pytest.fixture(autouse=True)
def files(tree):
    """Some files and a folder."""
    (tree / "d").mkdir()
    (tree / "d" / "inner").write_bytes(b"inner")
    (tree / "a.txt").write_bytes(b"0123456789")
    (tree / "b.txt").write_bytes(b"beside")
    (tree / "empty").write_bytes(b"")


def requests(world, *kinds):
    """Return how often each kind was asked."""
    return tuple(world.requests().get(kind, 0) for kind in kinds)


# --- §7 info --------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["demo", "source", "share_file"])
async def test_s7_a_root_is_described_by_its_listing_only(site, source):
    """403 for every question about it, in drives, shares and shares of one file."""
    async with site() as world, world.opened(source) as remote:
        root = await remote.driver.stat(remote.driver.root)
        assert (root.id, root.is_folder) == (remote.driver.root.id, True)
        assert requests(world, "info") == (0,)


async def test_s7_a_second_folder_summary_is_a_panic_that_means_unknown(site):
    """HTTP 500 without a body for 300 s: neither an error of the folder nor of the remote."""
    async with site("--defect", "folder-summary-500") as world, world.opened() as remote:
        folder = (await walk(remote.driver))["d"]
        assert (await remote.driver.folder_size(folder)).size == 5
        assert await remote.driver.folder_size(folder) is None
        assert remote.health.report.state is State.ONLINE
        assert await remote.driver.stat(folder) == folder
        world.emulator.clock.jump(301)
        assert (await remote.driver.folder_size(folder)).files == 1


@pytest.mark.logs("is failing")
async def test_s7_any_other_empty_500_is_still_a_fault(site):
    """Only the one panic that is known is forgiven."""
    async with site() as world, world.opened() as remote:
        folder = (await walk(remote.driver))["d"]
        world.emulator.faults.add(Fault(action="status", status=500, kind="info"))
        with pytest.raises(FsmountError, match="500"):
            await remote.driver.stat(folder)


async def test_s7_the_size_of_a_shared_folder_is_the_owners_alone(site):
    """40082 for a guest, in words."""
    async with site(share=True) as world, world.opened() as remote:
        folder = (await walk(remote.driver))["d"]
        with pytest.raises(Denied, match="only the owner"):
            await remote.driver.folder_size(folder)
        assert remote.health.report.state is State.ONLINE


async def test_s7_the_time_moves_by_itself_and_the_version_does_not(site):
    """A scanner would probe every file again: the first time that was seen is kept."""
    async with site("--defect", "moving-mtime") as world, world.opened() as remote:
        one, two = [(await walk(remote.driver))["a.txt"] for _ in range(2)]
        assert one.mtime_ns != two.mtime_ns
        assert (one.version, one.id) == (two.version, two.id)
        async with open_tree(remote) as filesystem:
            before = await filesystem.find("a.txt")
            await filesystem.refresh("")
            assert (await filesystem.find("a.txt")).mtime_ns == before.mtime_ns


async def test_s7_a_size_that_the_listing_gets_wrong_is_repaired(site, read_through):
    """``Content-Range`` is right; a program gets all bytes there are and no more."""
    async with site("--defect", "wrong-size") as world, world.opened() as remote:
        entry = (await walk(remote.driver))["a.txt"]
        assert entry.size != 10
        with pytest.raises(WrongSize) as info:
            await read(remote, entry)
        assert info.value.actual == 10
        assert await read_through(remote, "a.txt") == b"0123456789"


# --- §8 links -------------------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["always", "never"])
async def test_s8_links_name_the_configured_site_not_the_host_that_was_called(site, when):
    """Where that name leads nowhere, listings work and downloads fail: it can be replaced."""
    async with site("--address-host", "localhost", share=True) as world:
        there = world.emulator.address.replace("localhost", "127.0.0.1")
        async with world.opened(address=there, site_url_rewrite=when) as remote:
            entry = (await walk(remote.driver))["a.txt"]
            link = await remote.driver.link(entry)
            assert link.url.startswith(there) is (when == "always")
            assert await read(remote, entry) == b"0123456789"


async def test_s8_a_cached_link_may_be_near_its_end(site):
    """Its life is what is left of it, by the server's own clock."""
    async with site(share=True) as world, world.opened() as remote:
        entry = (await walk(remote.driver))["a.txt"]
        first = await remote.driver.link(entry)
        assert first.lifetime_s == pytest.approx(3600, abs=5)
        world.emulator.clock.jump(2990)
        second = await remote.driver.link(entry)
        assert second.url == first.url
        assert second.lifetime_s == pytest.approx(610, abs=5)
        fresh = await remote.driver.link(entry, fresh=True)
        assert fresh.url != first.url
        assert fresh.lifetime_s == pytest.approx(3600, abs=5)


async def test_s8_one_bad_file_does_not_fail_the_links_of_the_others(site, tree):
    """Left out, it has an empty link and no reason: it is asked alone for that."""
    async with site(share=True) as world, world.opened() as remote:
        found = await walk(remote.driver)
        (tree / "a.txt").unlink()
        links = await remote.driver.links([found["a.txt"], found["b.txt"], found["empty"]])
        assert isinstance(links[0], NotFound)
        assert [type(link) for link in links[1:]] == [Link, Link]
        assert requests(world, "url") == (2,)


async def test_s8_opening_and_reading_ask_for_a_link_once(site, read_through):
    """And never for details: what was listed is known."""
    async with site(share=True) as world, world.opened() as remote:
        assert await read_through(remote, "a.txt") == b"0123456789"
        assert await read_through(remote, "a.txt") == b"0123456789"
        assert requests(world, "url", "info") == (1, 0)


# --- §8.1 content ---------------------------------------------------------------------------------


@pytest.mark.parametrize("habit", ["expired-json", "403"])
async def test_s8_1_an_expired_link_is_http_200_and_json_also_to_a_range(site, habit):
    """Its 96 bytes are not the file's: a fresh link brings those (and so it is with a 403)."""
    async with site(share=True) as world, world.opened() as remote:
        world.emulator.state.control("switch", {"expired-json": habit == "expired-json"})
        entry = (await walk(remote.driver))["a.txt"]
        assert await read(remote, entry, 0, 3) == b"012"
        world.emulator.state.control("expire", {"what": "links"})
        assert await read(remote, entry, 3, 10) == b"3456789"
        assert requests(world, "url") == (2,)


async def test_s8_1_a_bad_signature_is_http_200_and_json_too(site):
    """40071 and 403: taken for a link that has to be renewed, not for bytes."""
    async with site(share=True) as world, world.opened() as remote:
        entry = (await walk(remote.driver))["a.txt"]
        link = await remote.driver.link(entry)
        async with httpx.AsyncClient(trust_env=False, verify=False) as client:
            for url in (link.url.replace("a.txt", "other.txt"), link.url.partition("?")[0]):
                answer = await client.get(url, headers={"range": "bytes=0-4"})
                assert answer.status_code == 200
                told = remote.driver.classify_content(200, dict(answer.headers), answer.content)
                assert isinstance(told, LinkExpired)


async def test_s8_1_a_version_that_is_gone_is_a_changed_file_never_a_mix(site, tree):
    """40077 in mid-file: what was read stays true, the rest is an error until it is reopened."""
    async with site(share=True) as world, world.opened() as remote:
        old = (await walk(remote.driver))["a.txt"]
        assert await read(remote, old, 0, 5) == b"01234"
        (tree / "a.txt").write_bytes(b"abcdefghijkl")
        with pytest.raises(Changed):
            await read(remote, old, 5, 10)
        new = (await walk(remote.driver))["a.txt"]
        assert await read(remote, new) == b"abcdefghijkl"


@pytest.mark.logs("is failing")
@pytest.mark.parametrize("action", ["full_200_for_range", "wrong_content_range", "html"])
async def test_s8_1_only_a_206_with_the_asked_range_is_taken(site, action):
    """A 200 to a range is an error or the whole file: neither goes where the range belongs."""
    async with site(share=True) as world, world.opened() as remote:
        entry = (await walk(remote.driver))["a.txt"]
        world.emulator.faults.add(Fault(action=action, kind="content", count=1))
        with pytest.raises(FsmountError):
            await read(remote, entry, 4, 8)
        assert await read(remote, entry, 4, 8) == b"4567"


async def test_s8_1_an_empty_file_is_http_200_to_any_range(site, read_through):
    """So it is read without asking for any."""
    async with site(share=True) as world, world.opened() as remote:
        assert await read_through(remote, "empty") == b""
        assert requests(world, "url", "content") == (0, 0)


async def test_s8_1_one_etag_for_all_files_proves_nothing_and_harms_nothing(site):
    """Slave nodes send the same one with every file."""
    async with site("--defect", "constant-etag", share=True) as world, world.opened() as remote:
        found = await walk(remote.driver)
        assert await read(remote, found["a.txt"], 0, 4) == b"0123"
        assert await read(remote, found["b.txt"]) == b"beside"
        assert await read(remote, found["a.txt"], 4, 10) == b"456789"


# --- §8.2 thumbnails ------------------------------------------------------------------------------


@pytest.fixture
def picture(tree):
    """A file that a thumbnail can be made of."""
    (tree / "p.png").write_bytes(ripples(64, 48, 1))
    return "p.png"


async def test_s8_2_a_thumbnail_moves_the_time_and_not_the_version(site, picture):
    """It is made when it is asked for, so nobody asks without wanting it."""
    async with site() as world, world.opened() as remote:
        before = (await walk(remote.driver))[picture]
        assert await read(remote, before)
        assert requests(world, "thumb") == (0,)
        link = await remote.driver.thumbnail(before)
        async with httpx.AsyncClient(trust_env=False, verify=False) as client:
            answer = await client.get(link.url)
        assert answer.status_code == 200
        assert answer.content
        after = await remote.driver.stat(before)
        assert after.mtime_ns > before.mtime_ns
        assert (after.version, after.size) == (before.version, before.size)


async def test_s8_2_a_file_without_a_thumbnail_fails_in_two_ways(site):
    """-1 once, 40077 ever after: both mean that there is none, and not that the file is gone."""
    async with site() as world, world.opened() as remote:
        entry = (await walk(remote.driver))["a.txt"]
        for _ in range(2):
            with pytest.raises(NotSupported, match="no thumbnail"):
                await remote.driver.thumbnail(entry)
        assert remote.health.report.state is State.ONLINE


# --- §11 shares of one file -----------------------------------------------------------------------


async def test_s11_each_link_of_a_single_file_share_costs_one_of_its_downloads(site):
    """One link for all who read, kept over a restart; looking, listing and guessing cost none."""
    options = ("--share-file", "a.txt", "--share-downloads", "2")
    async with site(*options, share=True) as world:
        for _ in range(3):
            async with world.opened("share_file", keep=True) as remote:
                ((_, entry),) = (await walk(remote.driver)).items()
                await remote.driver.stat(entry)
                token = priority.set(Priority.PREFETCH)
                with pytest.raises(NotSupported, match="counts as a download"):
                    await remote.driver.link(entry)
                priority.reset(token)
                async with trio.open_nursery() as nursery:
                    for _ in range(16):
                        nursery.start_soon(read, remote, entry)
        assert requests(world, "url") == (1,)


@pytest.mark.logs("is gone")
async def test_s11_a_share_whose_downloads_are_used_up_is_gone_while_its_link_lives(site):
    """What is being read is read to its end; a new reader is told why there is nothing more."""
    options = ("--share-file", "a.txt", "--share-downloads", "1")
    async with site(*options, share=True) as world, world.opened("share_file") as remote:
        (entry,) = (await walk(remote.driver)).values()
        assert await read(remote, entry, 0, 5) == b"01234"
        with pytest.raises(Gone, match="used up"):
            await remote.driver.link(entry, fresh=True)
        assert await read(remote, entry, 5, 10) == b"56789"


async def test_s11_a_share_of_one_file_is_a_folder_with_that_file(site):
    """Its parent is the owner's own folder, whose name is nobody's business."""
    options = ("--share-file", "d/inner")
    async with site(*options, share=True) as world, world.opened("share_file") as remote:
        page = await remote.driver.list(remote.driver.root, None)
        assert [entry.name for entry in page.entries] == ["inner"]
        assert (page.folder.is_folder, page.folder.name) == (True, "")


async def test_s11_details_of_a_locked_share_succeed_and_show_its_password(site):
    """``url`` holds it for anyone who asks: it is not even read."""
    async with (
        site("--share-password", "abcd", share=True) as world,
        world.opened(share_password="wrong") as remote,
    ):
        info = await remote.driver.share_info()
        assert info.locked
        assert "abcd" not in repr(info)
