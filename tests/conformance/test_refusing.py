"""Every driver says which kind of failure it met, at once, and takes none for absence."""

from __future__ import annotations

import dataclasses

import httpx
import pytest
import trio

from fsmount.drivers.base import ReadsContentErrors
from fsmount.errors import (
    Denied,
    Gone,
    LinkExpired,
    ProtocolError,
    ProviderFault,
    Throttled,
    Unreachable,
)
from tests.conformance.cases import CASES, DRIVE, SHARE
from tests.conformance.tree import walk
from tests.emulators.faults import Fault

SIGNED = [case for case in CASES if case.signed]
LOCKED = dataclasses.replace(SHARE, name="share with a code", emulator=("--share-password", "abcd"))


@pytest.mark.parametrize("code", ["wrong", ""])
@pytest.mark.parametrize("case", [LOCKED], ids=str)
async def test_a_wrong_code_is_denied_in_words(world, code):
    """It says what is wrong and what to do, without the code."""
    async with world.opened(share_password=code) as remote:
        with pytest.raises(Denied) as info:
            await remote.driver.list(remote.driver.root, None)
    assert "password" in info.value.message
    assert "abcd" not in str(info.value)
    assert info.value.advice


@pytest.mark.logs("is gone")
@pytest.mark.parametrize("key", ["expired", "cancelled"])
@pytest.mark.parametrize("case", [SHARE], ids=str)
async def test_a_share_that_is_over_is_gone(world, key):
    """Not absent, and not an empty folder; it says which it is."""
    async with world.opened(key) as remote:
        with pytest.raises(Gone, match=key) as info:
            await remote.driver.list(remote.driver.root, None)
    assert info.value.advice


@pytest.mark.parametrize("case", SIGNED, ids=str)
async def test_an_expired_token_is_renewed_without_an_error(world):
    """Servers may run the call as a guest instead of saying so."""
    async with world.opened() as remote:
        before = await walk(remote.driver)
        world.emulator.clock.jump(2 * 3600)
        assert await walk(remote.driver) == before
        world.emulator.clock.jump(2 * 3600)
        await remote.driver.link(before["plain.txt"])


async def test_an_expired_link_is_recognised_and_replaced(world):
    """What the content server answers then is LinkExpired, and a fresh link reads."""
    async with world.opened() as remote, httpx.AsyncClient(trust_env=False) as client:
        file = (await walk(remote.driver))["plain.txt"]
        old = await remote.driver.link(file)
        world.emulator.clock.jump((old.lifetime_s or 0) + 5)
        ranged = {"range": "bytes=0-4"}
        answer = await client.get(old.url, headers={**old.headers, **ranged})
        assert answer.status_code != 206
        if isinstance(remote.driver, ReadsContentErrors):
            headers = {name.lower(): value for name, value in answer.headers.items()}
            told = remote.driver.classify_content(answer.status_code, headers, answer.content)
            assert isinstance(told, LinkExpired)
        new = await remote.driver.link(file, fresh=True)
        answer = await client.get(new.url, headers={**new.headers, **ranged})
        assert (answer.status_code, answer.content) == (206, b"01234")


BROKEN = [
    (Fault(action="status", status=500), ProviderFault),
    (Fault(action="status", status=502), ProviderFault),
    (Fault(action="status", status=429, retry_after="3"), Throttled),
    (Fault(action="html"), ProtocolError),
    (Fault(action="short_body"), ProtocolError),
    (Fault(action="half_body"), Unreachable),
    (Fault(action="drop"), Unreachable),
    (Fault(action="reset"), Unreachable),
]


@pytest.mark.logs("remote=")
@pytest.mark.parametrize(
    ("fault", "kind"), BROKEN, ids=lambda value: getattr(value, "action", None)
)
@pytest.mark.parametrize("case", [DRIVE, SHARE], ids=str)
async def test_what_goes_wrong_on_the_way_is_an_error_at_once(world, fault, kind):
    """Never an empty page; one request, since drivers leave trying again to others."""
    async with world.opened() as remote:
        root = remote.driver.root
        await remote.driver.list(root, None)
        before = world.requests()["list"]
        world.emulator.faults.add(dataclasses.replace(fault, kind="list"))
        with trio.fail_after(5), pytest.raises(kind) as info:
            await remote.driver.list(root, None)
        assert world.requests()["list"] - before == 1
        assert isinstance(info.value.message, str)
        if isinstance(info.value, Throttled):
            assert info.value.retry_after_s == 3


@pytest.mark.logs("remote=")
@pytest.mark.parametrize("case", [DRIVE, SHARE], ids=str)
async def test_a_second_page_that_fails_can_be_asked_again(world):
    """The cursor is still good afterwards."""
    async with world.opened(**world.case.small_pages) as remote:
        driver = remote.driver
        first = await driver.list(driver.root, None)
        world.emulator.faults.add(Fault(action="drop", kind="list", count=1))
        with pytest.raises(Unreachable):
            await driver.list(driver.root, first.next_cursor)
        second = await driver.list(driver.root, first.next_cursor)
        assert {entry.id for entry in second.entries}.isdisjoint(
            entry.id for entry in first.entries
        )


@pytest.mark.parametrize("case", [SHARE], ids=str)
async def test_a_provider_that_says_nothing_can_be_left(world):
    """A cancelled call ends at once and leaves the driver usable."""
    async with world.opened() as remote:
        world.emulator.faults.add(Fault(action="stall", kind="list", count=1))
        with trio.move_on_after(0.2) as scope:
            await remote.driver.list(remote.driver.root, None)
        assert scope.cancelled_caught
        with trio.fail_after(5):
            assert (await remote.driver.list(remote.driver.root, None)).entries
