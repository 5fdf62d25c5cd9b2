"""The documented rates hold for all who ask; who would wait for a minute is told at once."""

from __future__ import annotations

import bisect

import pytest
import trio

from fsmount.account.account import Account
from fsmount.account.governor import Governor
from fsmount.drivers.aliyundrive_open.driver import SPEC
from fsmount.drivers.aliyundrive_open.options import OpenOptions
from fsmount.errors import Throttled, TimedOut
from fsmount.health import Health
from tests.drivers.aliyundrive.scripted import FILE, answered, item, refused

WINDOW_S = 10.0
MOST = {"list": 40, "getDownloadUrl": 10, "other": 150}


class Clocked:
    """A provider that notes when each bucket was asked."""

    def __init__(self, refuse=None):
        self.asked = {bucket: [] for bucket in MOST}
        self.refuse = refuse

    async def send(self, call):
        name = call.url.rpartition("/")[2]
        self.asked[name if name in MOST else "other"].append(trio.current_time())
        if self.refuse is not None:
            answer, self.refuse = self.refuse, None
            return answer
        if name == "getDriveInfo":
            return answered({"default_drive_id": "1"})
        if name == "list":
            return answered({"items": [], "next_marker": ""})
        if name == "getDownloadUrl":
            return answered({"url": "https://x/"})
        return answered(item("a"))

    def busiest(self, bucket):
        """Return the most calls in any ten seconds."""
        times = self.asked[bucket]
        return max(
            bisect.bisect_right(times, start + WINDOW_S) - number
            for number, start in enumerate(times)
        )


def opened(provider):
    """Return a driver under the real pace, on Trio's clock."""
    options = OpenOptions()
    health = Health(remote="demo")
    governor = Governor(None, SPEC.limits, clock=trio.current_time, wall=trio.current_time)
    account = Account(
        name="demo",
        scheme=SPEC.scheme(options),
        refresher=None,
        governor=governor,
        send=provider.send,
        health=health,
    )
    return SPEC.open(options, account)


@pytest.mark.autojump
async def test_sixty_four_readers_never_exceed_the_documented_rates():
    """In any ten seconds of two minutes, whatever they ask."""
    provider = Clocked()
    driver = opened(provider)

    async def read(number):
        while True:
            # A mix: most look around, some read.
            if number % 3 == 0:
                await driver.list(driver.root, None)
            elif number % 3 == 1:
                await driver.stat(FILE)
            else:
                await driver.link(FILE)

    async with trio.open_nursery() as nursery:
        for number in range(64):
            nursery.start_soon(read, number)
        await trio.sleep(120)
        nursery.cancel_scope.cancel()
    for bucket, most in MOST.items():
        assert len(provider.asked[bucket]) > 8 * most
        assert provider.busiest(bucket) <= most, bucket


@pytest.mark.autojump
async def test_who_cannot_be_served_within_a_minute_is_told_at_once():
    """The others are served within theirs; nobody waits out a minute to fail."""
    provider = Clocked()
    driver = opened(provider)
    await driver.list(driver.root, None)
    served, refused_after = [], []

    async def read():
        began = trio.current_time()
        try:
            with trio.fail_after(59.5):  # not where one more would just be served
                await driver.link(FILE)
        except TimedOut:
            refused_after.append(trio.current_time() - began)
        else:
            served.append(trio.current_time() - began)

    async with trio.open_nursery() as nursery:
        for _ in range(64):
            nursery.start_soon(read)
    assert len(served) + len(refused_after) == 64
    assert 50 <= len(served) <= 56
    assert max(served) <= 59.5
    assert max(refused_after) < 1
    assert provider.busiest("getDownloadUrl") <= 10


@pytest.mark.autojump
@pytest.mark.logs("is throttled")
async def test_the_asked_pause_is_kept_in_milliseconds():
    """Whoever ignores it is shut out for longer; other kinds of calls go on."""
    provider = Clocked()
    driver = opened(provider)
    await driver.list(driver.root, None)
    provider.refuse = refused("TooManyRequests", status=429, headers={"x-retry-after": "7500"})
    with pytest.raises(Throttled) as info:
        await driver.link(FILE)
    assert info.value.retry_after_s == 7.5
    began = trio.current_time()
    await driver.stat(FILE)
    assert trio.current_time() - began < 1
    await driver.link(FILE)
    assert trio.current_time() - began >= 7.4
