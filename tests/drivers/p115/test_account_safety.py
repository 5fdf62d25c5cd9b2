"""The account is safe: rates, blocks and scans, through the whole stack in virtual time."""

from __future__ import annotations

import errno
import itertools
import stat
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pyfuse3
import pytest
import trio

from fsmount.account.account import Account
from fsmount.account.credentials import Credentials
from fsmount.account.governor import Governor
from fsmount.account.refresher import Refresher
from fsmount.appearance import Appearance
from fsmount.config import parse_config
from fsmount.drivers.p115.driver import SPEC as DRIVE
from fsmount.drivers.p115_share.driver import SPEC as SHARE
from fsmount.errors import Blocked, TimedOut
from fsmount.health import Health, State
from fsmount.model import ROOT_INODE, Entry, EntryId, Kind
from fsmount.operations import METADATA_WITHIN_S, Operations
from fsmount.source import configured
from fsmount.transfer.links import open_links
from fsmount.vfs.filesystem import Member, open_filesystem
from tests.drivers.p115.scripted import (
    COOKIE,
    MODULUS,
    answered,
    file,
    folder,
    listing,
    opened_form,
    sealed_answer,
    url_of,
    wall,
)
from tests.vfs.cloud import FakeReader, rows_of

pytestmark = pytest.mark.autojump

ANSWERS_AFTER_S = 0.15
"""Of 115, roughly, from a home in China."""


class Service:
    """A 115 that notes when it is asked what, and answers by ``answer``."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    async def send(self, call):
        self.asked.append((trio.current_time(), urlsplit(call.url).path))
        await trio.sleep(ANSWERS_AFTER_S)
        return self.answer(call)

    def times(self, *paths):
        """When it was asked for any of ``paths``; for anything, without one."""
        return [at for at, path in self.asked if not paths or path in paths]


class Remote:
    """A driver over its account, paced as a mount's is, on trio's clock."""

    def __init__(self, service, spec=DRIVE, **options):
        self.spec = spec
        given = spec.options(rsa_modulus=MODULUS, **options)
        self.health = Health(remote="films", wall=trio.current_time)
        self.governor = Governor(None, spec.limits, clock=trio.current_time, wall=trio.current_time)
        scheme = spec.scheme(given)
        self.account = Account(
            name="films",
            scheme=scheme,
            refresher=Refresher(
                scheme=scheme,
                tokens=None,
                credentials=Credentials(access_token=COOKIE),
                send=service.send,
                name="films",
                clock=trio.current_time,
                wall=trio.current_time,
            ),
            governor=self.governor,
            send=service.send,
            health=self.health,
        )
        self.driver = spec.open(given, self.account)

    @asynccontextmanager
    async def mounted(self, links=None, *, ttl_s=21600.0):
        """Open the tree over it, as a mount does."""
        member = Member(
            name="films",
            identity="films:1",
            domain="",
            driver=self.driver,
            source=lambda entry: None,
            health=self.health,
            listing_ttl_s=ttl_s,
            prepare=None if links is None else links.prepare,
        )
        async with open_filesystem(
            member,
            reader=FakeReader(),
            store=None,
            kernel=None,
            wall=lambda: 1e9 + trio.current_time(),
        ) as filesystem:
            yield filesystem


def most_at_once(times, within_s):
    """Return the most calls in any stretch of ``within_s`` seconds."""
    most, start = 0, 0
    for stop, at in enumerate(times):
        while times[start] <= at - within_s:
            start += 1
        most = max(most, stop - start + 1)
    return most


def library(call):
    """Answer listings of 40 shelves with 49 folders each: 2,000 folders below the root."""
    cid = call.params["cid"]
    if cid == "0":
        return listing(*[folder(f"shelf {n}", n) for n in range(1, 41)])
    if int(cid) <= 40:
        first = 1000 + int(cid) * 100
        return listing(*[folder(f"film {n}", n) for n in range(first, first + 49)], cid=cid)
    return listing(file("film.mkv", int(cid) * 10, parent=cid), cid=cid)


async def walk(filesystem, inode=1):
    """Walk the tree as ``find`` does: each folder within the deadline of a kernel request."""
    found = 0
    for row in await patient(lambda: rows_of(filesystem, inode)):
        found += 1
        if row.attributes.is_folder:
            found += await walk(filesystem, row.attributes.inode)
    return found


async def patient(ask):
    """Ask as a program does that tries again after ETIMEDOUT."""
    for _ in range(100):
        try:
            with trio.fail_after(METADATA_WITHIN_S):
                return await ask()
        except (TimedOut, trio.TooSlowError):
            await trio.sleep(1)
    raise AssertionError("it never came")


class Program:
    """Walks a mount by the requests that the kernel makes of ``find``."""

    def __init__(self, filesystem, monkeypatch):
        self._operations = Operations(filesystem, Appearance(uid=0, gid=0))
        self._ctx = SimpleNamespace(pid=0, uid=1000)
        self._rows = []
        monkeypatch.setattr(pyfuse3, "readdir_reply", self._take)

    def _take(self, _token, name, attributes, next_id):
        self._rows.append((attributes.st_ino, stat.S_ISDIR(attributes.st_mode), next_id))
        return True

    async def walk(self, inode=ROOT_INODE):
        """Return how many entries there are below a folder; no request may fail."""
        handle = await self._operations.opendir(inode, self._ctx)
        found, cookie = [], 0
        while rows := await self._read(handle, cookie):
            found += rows
            cookie = rows[-1][2]
        await self._operations.releasedir(handle)
        below = [await self.walk(number) for number, is_folder, _ in found if is_folder]
        await self._operations.forget([(number, 1) for number, _, _ in found])
        return len(found) + sum(below)

    async def _read(self, handle, cookie):
        self._rows = []
        await self._operations.readdir(handle, cookie, None)
        return self._rows


async def test_a_walk_over_2000_folders_never_exceeds_the_rate(monkeypatch):
    """Whatever is listed ahead: in any stretch of time no more calls than the limit grants."""
    limit = DRIVE.limits["list"]
    service = Service(library)
    remote = Remote(service)
    async with remote.mounted() as filesystem:
        assert await Program(filesystem, monkeypatch).walk() == 40 + 40 * 49 * 2
    times = service.times()
    assert len(times) == 1 + 40 + 40 * 49
    for within_s in (0.5, 1.0, 5.0, 60.0, 600.0):
        allowed = limit.burst + limit.rate_per_s * within_s
        assert most_at_once(times, within_s) <= allowed + 1e-6, within_s
    assert remote.health.report.state is State.ONLINE


async def test_many_folders_of_a_share_never_exceed_its_rate():
    """Slower than a drive: one folder of 2,000 was enough to be shut out of all shares."""
    empty = answered(
        {"state": True, "errno": 0, "data": {"count": 0, "list": [], "share_state": 1}}
    )
    service = Service(lambda call: empty)
    remote = Remote(service, SHARE, share="sw1")
    async with trio.open_nursery() as nursery:
        for number in range(1, 201):
            shelf = Entry(id=EntryId(str(number)), name="x", kind=Kind.FOLDER, locator="0")
            nursery.start_soon(remote.driver.list, shelf, None)
    times = service.times("/webapi/share/snap")
    assert len(times) == 200
    limit = SHARE.limits["share list"]
    for within_s in (0.5, 1.0, 5.0, 60.0):
        allowed = limit.burst + limit.rate_per_s * within_s
        assert most_at_once(times, within_s) <= allowed + 1e-6


async def test_a_second_walk_within_six_hours_asks_nothing():
    """Listings are kept for as long as that."""
    service = Service(
        lambda call: listing(folder("a", 1)) if call.params["cid"] == "0" else listing(cid=1)
    )
    assert DRIVE.listing_ttl_s[0] == 6 * 3600
    async with Remote(service).mounted(ttl_s=DRIVE.listing_ttl_s[0]) as filesystem:
        await walk(filesystem)
        asked = len(service.asked)
        await trio.sleep(3600)
        await walk(filesystem)
    assert len(service.asked) == asked


def videos(count):
    return [
        Entry(
            id=EntryId(str(100 + n)),
            name=f"{n}.mkv",
            kind=Kind.FILE,
            locator=f"a{100 + n}",
            size=5,
            version=f"{n:040}",
        )
        for n in range(count)
    ]


def chrome(call):
    """Answer the link call for each of its pick codes."""
    plain, _ = opened_form(call)
    codes = plain["pickcode"].split(",")
    told = {
        code: {"pick_code": code, "file_size": "5", "url": {"url": url_of(code, ends=1.9e9)}}
        for code in codes
    }
    return sealed_answer(call, told, date=1.8e9)


async def test_a_second_scan_of_200_videos_costs_no_link_call():
    """A link is kept for its life; concurrent opens of the first scan share calls."""
    service = Service(chrome)
    remote = Remote(service)
    async with open_links(remote.driver, None, "films") as links:
        for start in range(0, 200, 50):  # scanners open some files at once
            async with trio.open_nursery() as nursery:
                for video in videos(200)[start : start + 50]:
                    nursery.start_soon(patient, lambda video=video: links.get(video))
        first = len(service.asked)
        assert first <= 200 / 20 + 4
        for video in videos(200):
            await links.get(video)
        assert len(service.asked) == first
    limit = DRIVE.limits["link"]
    for within_s in (0.5, 1.0, 5.0):
        allowed = limit.burst + limit.rate_per_s * within_s
        assert most_at_once(service.times(), within_s) <= allowed + 1e-6


# --- blocks ---------------------------------------------------------------------------------------

BLOCKS = {
    "405": (wall(), 600.0),
    "margin": (answered({"margin": 90}), 90.0),
    "911": (answered({"state": False, "errno": 911, "error": "请验证账号"}), 600.0),
    "590075": (answered({"state": False, "errno": 590075, "error": "太频繁"}), 60.0),
    "770004": (answered({"state": False, "code": "已达到当前访问上限", "message": 770004}), 1800.0),
}


@pytest.mark.logs("shut us out", "is throttled")
@pytest.mark.parametrize("name", BLOCKS)
async def test_a_block_stops_the_calls_and_the_tree_is_served_on(name):
    """Not one call more until the breaker closes; what was listed stays, and stays listed."""
    answer, seconds = BLOCKS[name]
    blocked = []
    service = Service(lambda call: answer if blocked else listing(file("a", 5), folder("b", 6)))
    remote = Remote(service)
    async with remote.mounted(ttl_s=300.0) as filesystem:
        names = [row.name for row in await rows_of(filesystem)]
        blocked.append(True)
        await trio.sleep(400)  # the listing is stale now
        started = trio.current_time()
        for _ in range(20):
            assert [row.name for row in await rows_of(filesystem)] == names
            await trio.sleep(1)
        assert len(service.asked) == 2
        report = remote.health.report
        assert report.state is State.THROTTLED
        assert report.reason
        lane = remote.governor.snapshot()["list webapi.115.com"]
        assert started + seconds - 30 <= lane["blocked_until"] <= started + seconds + 30
        blocked.clear()
        await trio.sleep(seconds + 60)
        await rows_of(filesystem)
        await trio.sleep(2)
        assert len(service.asked) == 3
        assert remote.health.report.state is State.ONLINE


@pytest.mark.logs("shut us out", "is throttled")
async def test_a_new_folder_meets_the_open_breaker_at_once():
    """ETIMEDOUT without a call, in words that say until when; never ENOENT, never empty."""
    service = Service(lambda call: wall() if call.params["cid"] != "0" else library(call))
    remote = Remote(service)
    async with remote.mounted() as filesystem:
        shelves = await rows_of(filesystem)
        for shelf in shelves[:5]:
            with pytest.raises(Blocked) as info, trio.fail_after(METADATA_WITHIN_S):
                await rows_of(filesystem, shelf.attributes.inode)
            assert "until" in str(info.value) or "shut" in str(info.value)
        assert len(service.asked) <= 1 + remote.spec.limits["list"].concurrency
    from fsmount.errors import errno_of

    assert errno_of(info.value) == errno.ETIMEDOUT


@pytest.mark.logs("shut us out", "is throttled")
async def test_a_share_that_is_shut_out_does_not_stop_the_drive():
    """Families of their own, though both are the same account's."""

    def answer(call):
        return wall() if "share" in call.url else listing(file("a", 5))

    service = Service(answer)
    drive = Remote(service)
    share = SHARE.open(SHARE.options(share="sw1", rsa_modulus=MODULUS), drive.account)
    lent = Account(
        name="share",
        scheme=SHARE.scheme(SHARE.options(share="sw1")),
        refresher=drive.account._refresher,
        governor=drive.governor,
        send=service.send,
        health=Health(remote="share"),
    )
    share._account = lent
    with pytest.raises(Blocked):
        await share.list(share.root, None)
    for _ in range(3):
        assert (await drive.driver.list(drive.driver.root, None)).entries
    with pytest.raises(Blocked):
        await share.list(share.root, None)
    shown = drive.governor.snapshot()
    assert shown["share list 115cdn.com"]["blocked_until"]
    assert not shown["list webapi.115.com"]["blocked_until"]
    assert len(service.times("/webapi/share/snap")) == 1


# --- one account, several mounts ------------------------------------------------------------------

CONFIG = f"""
[remotes.drive]
driver = "p115"
cookie_file = "/x"
[remotes.films]
driver = "p115"
root = "77"
auth = "ref:drive"
[remotes.inline]
driver = "p115"
cookie = "{COOKIE}"
[remotes.inline-too]
driver = "p115"
cookie = "{COOKIE}"
root = "77"
[remotes.shared]
driver = "p115_share"
share = "sw1"
auth = "ref:drive"
[remotes.guest]
driver = "p115_share"
share = "sw1"
"""


def test_mounts_of_one_account_share_token_pace_and_breaker():
    """Whether a login is borrowed, or the same cookie is written twice; a guest has none of it."""
    config = parse_config(CONFIG, Path("config.toml"))
    keys = {name: configured(name, config).account_key for name in config.remotes}
    assert keys["drive"] == keys["films"] == keys["shared"]
    assert keys["inline"] == keys["inline-too"] != keys["drive"]
    assert keys["guest"] not in (keys["drive"], keys["inline"])
    shared = configured("shared", config)
    assert shared.signer_name == "drive"
    assert shared.signer.cookie_file == "/x"
    places = {name: configured(name, config).identity for name in config.remotes}
    assert places["shared"] == places["guest"]
    assert len({places[name] for name in ("drive", "films", "inline", "inline-too")}) == 4


async def test_two_mounts_of_one_account_keep_one_rate_together(tmp_path):
    """Their governors meet in the state directory."""
    service = Service(lambda call: listing(file("a", 5)))
    limit = DRIVE.limits["list"]
    drives = []
    for _ in range(2):
        remote = Remote(service)
        remote.account._governor = Governor(
            tmp_path, DRIVE.limits, clock=trio.current_time, wall=trio.current_time
        )
        drives.append(remote.driver)
    async with trio.open_nursery() as nursery:
        for drive, _ in itertools.product(drives, range(20)):
            nursery.start_soon(drive.list, drive.root, None)
    times = service.times()
    assert len(times) == 40
    for within_s in (0.5, 1.0, 5.0, 20.0):
        allowed = limit.burst + limit.rate_per_s * within_s
        assert most_at_once(times, within_s) <= allowed + 1e-6
