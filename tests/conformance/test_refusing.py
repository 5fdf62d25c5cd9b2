"""Every driver says which kind of failure it met, at once, and takes none for absence."""

from __future__ import annotations

import dataclasses

import pytest
import trio

from fsmount.errors import (
    Denied,
    Gone,
    LoginLost,
    ProtocolError,
    ProviderFault,
    Throttled,
    Unreachable,
)
from tests.conformance.cases import CASES
from tests.conformance.cloudreve import DRIVE, LOCKED, SHARE, TOKEN
from tests.conformance.tree import walk
from tests.emulators.faults import Fault

# Where a token has an end that can be brought about, and something to renew it with.
SIGNED = [case for case in CASES if case.signed and "access" in case.wishes]


@pytest.mark.parametrize("code", ["wrong", ""])
@pytest.mark.parametrize("case", [LOCKED], ids=str)
async def test_a_wrong_code_is_denied_in_words(world, code):
    """It says what is wrong and what to do, without the code."""
    async with world.opened(share_password=code) as remote:
        with pytest.raises(Denied) as info:
            await remote.driver.list(remote.driver.root, None)
    assert "password" in info.value.message
    assert world.case.code not in str(info.value)
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


@pytest.mark.logs("is gone")
@pytest.mark.parametrize("state", ["expired", "cancelled"])
@pytest.mark.parametrize("case", [SHARE, LOCKED], ids=str)
async def test_a_share_that_ends_meanwhile_is_gone_and_may_come_back(world, state):
    """From every call; what is in it is not taken for removed."""
    async with world.opened() as remote:
        driver = remote.driver
        found = await walk(driver)
        world.wish(state)
        for call in (driver.list(driver.root, None), driver.list(found["z folder"], None)):
            with pytest.raises(Gone):
                await call
        for call in (driver.stat(found["plain.txt"]), driver.link(found["plain.txt"], fresh=True)):
            with pytest.raises(Gone):
                await call
        world.wish("fine")
        assert await walk(driver) == found


# --- logins ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", SIGNED, ids=str)
async def test_an_expired_token_is_renewed_without_an_error(world):
    """Servers may run the call as a guest instead of saying so."""
    async with world.opened() as remote:
        before = await walk(remote.driver)
        world.wish("access")
        assert await walk(remote.driver) == before
        world.emulator.clock.jump(2 * 3600)
        await remote.driver.link(before["plain.txt"])


@pytest.mark.parametrize("case", [case for case in SIGNED if case.password], ids=str)
async def test_a_dead_refresh_token_is_replaced_by_a_new_sign_in(world):
    """Where the password is known nobody notices."""
    async with world.opened() as remote:
        before = await walk(remote.driver)
        world.wish("refresh")
        world.wish("access")
        assert await walk(remote.driver) == before


@pytest.mark.logs("login lost")
@pytest.mark.parametrize("case", [TOKEN], ids=str)
async def test_a_login_that_nothing_can_renew_is_lost_in_words(world):
    """It names what to do and the remote to do it with; nothing is taken for removed."""
    async with world.opened() as remote:
        await walk(remote.driver)
        world.wish("refresh")
        world.wish("access")
        with pytest.raises(LoginLost) as info:
            await walk(remote.driver)
    assert f"fsmount login {world.case.source}" in str(info.value)


# --- the way there --------------------------------------------------------------------------------

BROKEN = [
    (Fault(action="status", status=500), ProviderFault),
    (Fault(action="status", status=502), ProviderFault),
    (Fault(action="html"), ProtocolError),
    (Fault(action="short_body"), ProtocolError),
    (Fault(action="half_body"), Unreachable),
    (Fault(action="drop"), Unreachable),
    (Fault(action="reset"), Unreachable),
    # Last: the pace of all that follows is another.
    (Fault(action="status", status=429, retry_after="3"), Throttled),
]


@pytest.mark.logs("remote=")
@pytest.mark.parametrize("call", ["list", "stat", "link"])
@pytest.mark.parametrize(
    ("fault", "kind"), BROKEN, ids=lambda value: getattr(value, "action", None)
)
@pytest.mark.parametrize("case", [DRIVE, SHARE], ids=str)
async def test_what_goes_wrong_on_the_way_is_an_error_at_once(world, fault, kind, call):
    """Never an empty answer; one request, since drivers leave trying again to others."""
    counted = world.case.kinds[call]
    async with world.opened() as remote:
        driver = remote.driver
        file = (await walk(driver))["plain.txt"]
        calls = {
            "list": lambda: driver.list(driver.root, None),
            "stat": lambda: driver.stat(file),
            "link": lambda: driver.link(file),
        }
        before = world.requests().get(counted, 0)
        world.emulator.faults.add(dataclasses.replace(fault, kind=counted))
        with trio.fail_after(5), pytest.raises(kind) as info:
            await calls[call]()
        assert world.requests()[counted] - before == 1
        assert info.value.message
        assert "\n" not in str(info.value)
        if isinstance(info.value, Throttled):
            assert info.value.retry_after_s == 3


@pytest.mark.logs("remote=")
@pytest.mark.parametrize("case", [DRIVE, SHARE], ids=str)
async def test_a_second_page_that_fails_can_be_asked_again(world):
    """The cursor is still good afterwards."""
    async with world.paged(3) as remote:
        driver = remote.driver
        first = await driver.list(driver.root, None)
        world.emulator.faults.add(Fault(action="drop", kind=world.case.kinds["list"], count=1))
        with pytest.raises(Unreachable):
            await driver.list(driver.root, first.next_cursor)
        second = await driver.list(driver.root, first.next_cursor)
        assert {entry.id for entry in second.entries}.isdisjoint(
            entry.id for entry in first.entries
        )


@pytest.mark.logs("remote=")
async def test_no_failure_is_taken_for_an_empty_or_a_missing_folder(world):
    """Whatever its servers answer with, each at a time, to a folder that has entries."""
    async with world.opened() as remote:
        driver = remote.driver
        await driver.list(driver.root, None)
        for fault, kind in BROKEN:
            world.emulator.faults.clear()
            world.emulator.faults.add(dataclasses.replace(fault, kind=world.case.kinds["list"]))
            with pytest.raises(kind):
                await driver.list(driver.root, None)
