"""Every driver gives links that any client can read with ranges, and says when they are over."""

from __future__ import annotations

import random
import ssl

import httpx
import pytest

from fsmount.drivers.base import Ability, ReadsContentErrors
from fsmount.errors import FsmountError, LinkExpired
from fsmount.model import Link
from tests.conformance.cases import CASES, link_of
from tests.conformance.cloudreve import DRIVE, SHARE
from tests.conformance.tree import FILES, read, walk

BATCHES = [
    case for case in CASES if case.only is None and Ability.BATCH_LINKS in case.spec.abilities
]


# Making a client reads the machine's certificates: 25 ms each time.
TLS = ssl.create_default_context()


async def got(link, start, stop):
    """GET a range as any client would; returns status, Content-Range and bytes."""
    async with httpx.AsyncClient(trust_env=False, verify=TLS) as client:
        headers = {**link.headers, "range": f"bytes={start}-{stop - 1}"}
        answer = await client.get(link.url, headers=headers)
        return answer.status_code, answer.headers.get("content-range"), answer.content


async def test_a_link_is_read_by_a_plain_ranged_get(world):
    """No cookie, no token: the URL and the link's own headers are all."""
    async with world.opened() as remote:
        found = await walk(remote.driver)
        for path in ("plain.txt", "100% real.txt", "你好 🎉.txt", "z folder/inner.bin"):
            if path not in found:
                continue
            content = FILES[path]
            link = await link_of(remote, found[path])
            assert link.lifetime_s is None or link.lifetime_s > 60
            status, content_range, body = await got(link, 1, 5)
            assert (status, body) == (206, content[1:5])
            assert content_range == f"bytes 1-4/{len(content)}"


async def test_every_file_is_read_whole(world):
    """Through the links, checks and renewals of a mount; whatever it is called."""
    async with world.opened() as remote:
        found = await walk(remote.driver)
        for path, entry in found.items():
            if not entry.is_folder:
                assert await read(remote, entry) == FILES[path], path


@pytest.mark.parametrize("case", [DRIVE, SHARE], ids=str)
async def test_ranges_anywhere_are_pieces_of_the_whole(world):
    """At odd offsets, of odd lengths, down to one byte, up to the very end."""
    chance = random.Random(5)
    async with world.opened() as remote:
        entry = (await walk(remote.driver))["z folder/inner.bin"]
        content = FILES["z folder/inner.bin"]
        spans = [(0, 1), (len(content) - 1, len(content)), (1, len(content))]
        for _ in range(20):
            start = chance.randrange(len(content))
            spans.append((start, chance.randint(start + 1, len(content))))
        for start, stop in spans:
            assert await read(remote, entry, start, stop) == content[start:stop]


@pytest.mark.parametrize("case", BATCHES, ids=str)
async def test_many_links_are_each_their_own_files(world):
    """In the order asked; what is missing fails alone."""
    async with world.opened() as remote:
        found = await walk(remote.driver)
        paths = [path for path in sorted(found, reverse=True) if found[path].size]
        paths = paths[: remote.driver.batch_size]
        assert "plain.txt" in paths
        (world.root / "plain.txt").unlink()
        links = await remote.driver.links([found[path] for path in paths])
        for path, link in zip(paths, links, strict=True):
            if path == "plain.txt":
                assert isinstance(link, FsmountError)
            else:
                assert isinstance(link, Link)
                assert (await got(link, 0, len(FILES[path])))[2] == FILES[path]


async def test_an_expired_link_is_recognised_and_replaced(world):
    """What the content server answers then is LinkExpired, and a fresh link reads."""
    async with world.opened() as remote, httpx.AsyncClient(trust_env=False, verify=TLS) as client:
        file = (await walk(remote.driver))["plain.txt"]
        old = await link_of(remote, file)
        world.emulator.clock.jump((old.lifetime_s or 0) + 5)
        ranged = {"range": "bytes=0-4"}
        answer = await client.get(old.url, headers={**old.headers, **ranged})
        assert answer.status_code != 206
        if isinstance(remote.driver, ReadsContentErrors):
            headers = {name.lower(): value for name, value in answer.headers.items()}
            told = remote.driver.classify_content(answer.status_code, headers, answer.content)
            assert isinstance(told, LinkExpired)
        new = await link_of(remote, file, fresh=True)
        assert (await got(new, 0, 5))[::2] == (206, b"01234")


async def test_a_link_that_ended_is_renewed_without_an_error(world):
    """As a reader sees it: the next bytes come."""
    async with world.opened() as remote:
        file = (await walk(remote.driver))["plain.txt"]
        assert await read(remote, file, 0, 10) == b"0123456789"
        link = remote.links.kept(file)
        assert link is not None
        world.emulator.clock.jump((link.lifetime_s or 0) + 5)
        assert await read(remote, file, 10, 30) == b"0123456789" * 2


@pytest.mark.parametrize("case", [DRIVE, SHARE], ids=str)
async def test_a_link_costs_one_call_however_often_it_is_read(world):
    """It is kept for its life; a driver does not ask again by itself."""
    async with world.opened() as remote:
        file = (await walk(remote.driver))["plain.txt"]
        for start in range(20):
            await read(remote, file, start, start + 1)
    assert world.requests()[world.case.kinds["link"]] == 1
