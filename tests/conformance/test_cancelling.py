"""Every call of every driver can be left at any moment: nothing leaks, the next one works."""

from __future__ import annotations

import pytest
import trio

from fsmount.drivers.base import Ability
from tests.conformance.cloudreve import DRIVE, LOCKED, SHARE
from tests.conformance.tree import read, walk
from tests.emulators.faults import Fault

CASES = (DRIVE, SHARE, LOCKED)

# More than any family of calls may have under way: a place that is not given back is missed.
OFTEN = 20


def names_of(case):
    """Return what can be asked of a remote of ``case``."""
    told = case.spec.abilities
    return (
        *("list", "stat", "link", "read"),
        *["links"] * (Ability.BATCH_LINKS in told),
        *["space"] * (Ability.QUOTA in told and not case.share),
        *["share info"] * (Ability.SHARE_INFO in told and case.share),
    )


ASKED = [(case, name) for case in CASES for name in names_of(case)]


async def calls_of(world, remote):
    """Return what can be asked of the case's remote, each as a function that asks."""
    driver = remote.driver
    found = await walk(driver)
    file = found["plain.txt"]
    # Only those in `names_of` are ever called.
    return {
        "list": lambda: driver.list(driver.root, None),
        "stat": lambda: driver.stat(file),
        "link": lambda: driver.link(file, fresh=True),
        "read": lambda: read(remote, file),
        "links": lambda: driver.links([file, found["z folder/inner.bin"]]),
        "space": lambda: driver.space(),
        "share info": lambda: driver.share_info(),
    }


async def nothing_is_under_way(world):
    """Wait until the provider serves nobody any more."""
    await true_soon(lambda: not +world.emulator.counters.active)


async def true_soon(condition):
    """Wait for what nobody announces."""
    with trio.fail_after(5):
        while not condition():  # noqa: ASYNC110 (the state of another program, as it were)
            await trio.sleep(0.005)


@pytest.mark.parametrize("after_bytes", [None, 20])
@pytest.mark.parametrize(("case", "name"), ASKED, ids=str)
async def test_a_call_that_gets_no_answer_can_be_left(world, name, after_bytes):
    """Before the answer and in the middle of it, again and again; then it is asked as ever."""
    async with world.opened() as remote:
        calls = await calls_of(world, remote)
        await calls[name]()
        if name == "space":
            # A remote asks for it once by itself, and would meet the fault in our place.
            await true_soon(lambda: remote.capacity.last() is not None)
        kind = world.case.kinds[{"links": "link", "read": "content"}.get(name, name)]
        living = trio.lowlevel.current_statistics().tasks_living
        for _ in range(OFTEN):
            world.emulator.faults.add(Fault(action="stall", kind=kind, after_bytes=after_bytes))
            with trio.move_on_after(0.01) as scope:
                await calls[name]()
            assert scope.cancelled_caught
            world.emulator.faults.clear()
        with trio.fail_after(5):
            await calls[name]()
        await nothing_is_under_way(world)
        # The emulator lives in this program as well: its tasks end with their connections.
        await true_soon(lambda: trio.lowlevel.current_statistics().tasks_living <= living + 2)


@pytest.mark.parametrize(("case", "name"), ASKED, ids=str)
async def test_a_call_can_be_left_at_any_moment(world, name):
    """Wherever the deadline falls; what came of it is whole or nothing."""
    async with world.opened() as remote:
        calls = await calls_of(world, remote)
        caught = 0
        for step in range(40):
            with trio.move_on_after(step * 0.0001) as scope:
                await calls[name]()
            caught += scope.cancelled_caught
        assert caught
        with trio.fail_after(5):
            await calls[name]()
        await nothing_is_under_way(world)


@pytest.mark.parametrize("case", [DRIVE], ids=str)
async def test_a_first_call_that_is_left_while_it_signs_in_harms_nobody(world):
    """The next one signs in, or finds that the first did."""
    async with world.opened() as remote:
        driver = remote.driver
        for step in range(10):
            with trio.move_on_after(step * 0.001):
                await driver.list(driver.root, None)
        with trio.fail_after(5):
            assert (await driver.list(driver.root, None)).entries
