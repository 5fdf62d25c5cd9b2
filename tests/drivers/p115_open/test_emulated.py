"""115 Open as it is emulated: sign-in, tokens of one use, the limit of calls, and odd folders."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from fsmount import source as sources
from fsmount.account.credentials import Credentials
from fsmount.account.login import keep, walk
from fsmount.config import Config, RemoteConfig
from fsmount.drivers.p115_open.driver import SPEC
from fsmount.drivers.p115_open.options import P115OpenOptions
from fsmount.errors import Blocked, LoginLost, NotFound
from fsmount.model import ShowQr, Waiting
from fsmount.net.client import NetSettings, open_api_client
from fsmount.remote import open_remote
from fsmount.store.tokens import TokenFile, token_path
from tests.conformance.cases import open_world, unpaced
from tests.conformance.p115_open import DRIVE
from tests.conformance.tree import children, read


@pytest.fixture
def world(tmp_path):
    """Serve what is below `tmp_path/tree`, with the given switches."""
    root, state = tmp_path / "tree", tmp_path / "state"
    root.mkdir()
    state.mkdir(mode=0o700)
    (root / "a.txt").write_bytes(b"a" * 10)

    @asynccontextmanager
    async def opened(*options):
        async with open_world(replace(DRIVE, emulator=options), root, state) as world:
            yield world

    return opened


async def names(remote):
    """Return what is in the root."""
    return [
        entry.name for page in await children(remote.driver, remote.driver.root) for entry in page
    ]


# --- signing in -----------------------------------------------------------------------------------


class Person:
    """Looks on; does with the first code what `decides` says."""

    def __init__(self, world, decides=""):
        self._world = world
        self._decides = decides
        self.shown = []

    async def __call__(self, step):
        self.shown.append(step)
        if isinstance(step, ShowQr) and self._decides:
            self._world.emulator.state.control("qr", {"state": self._decides})
            self._decides = ""
        return {}


@pytest.fixture
def hurried(monkeypatch):
    """Let nobody wait a second between two looks at a code."""
    monkeypatch.setattr("fsmount.account.login._LOOK_AGAIN_S", 0.0)
    monkeypatch.setattr("fsmount.drivers.p115_open.login._LOOK_AGAIN_S", 0.0)


async def signed_in(world, person, client_id=""):
    """Walk a sign-in; return what it ended with."""
    options = P115OpenOptions(
        hosts=f"{world.emulator.address}/{{host}}",
        client_id=client_id or world.emulator.line["client_id"],
    )
    async with open_api_client(NetSettings()) as api:
        return await walk(SPEC.login(options, api.send), person), options


@pytest.mark.parametrize(
    "options", [(), ("--spelling", "mixed"), ("--defect", "poll-empty"), ("--defect", "sparse")]
)
async def test_a_scanned_code_ends_in_a_token_that_lists(world, hurried, options):
    """Kept, it signs without anything in the configuration but the client id."""
    async with world(*options) as world:
        person = Person(world)
        done, given = await signed_in(world, person)
        assert isinstance(person.shown[0], ShowQr)
        assert any(isinstance(step, Waiting) and step.note for step in person.shown)
        assert done.note.startswith("signed in as ")
        config = Config(remotes={"mine": RemoteConfig(driver="p115_open", options=given)})
        source = await sources.resolve("mine", config, {}, send=None, detections=None)
        tokens = TokenFile(token_path(world.directories, source.account_key))
        await keep(done.token, tokens=tokens, credentials=Credentials())
        async with open_remote(source, world.directories) as remote:
            assert await names(remote) == ["a.txt"]


@pytest.mark.parametrize("options", [(), ("--defect", "expired-as-code")])
async def test_a_code_that_expires_is_replaced(world, hurried, options):
    """However the service says so."""
    async with world(*options) as world:
        person = Person(world, "expired")
        done, _ = await signed_in(world, person)
        assert done.token.refresh
        shown = [step.text for step in person.shown if isinstance(step, ShowQr)]
        assert len(set(shown)) == 2


async def test_a_cancelled_code_and_a_wrong_client_id_end_it(world, hurried):
    """In words."""
    async with world() as world:
        with pytest.raises(LoginLost, match="cancelled"):
            await signed_in(world, Person(world, "cancelled"))
        with pytest.raises(LoginLost, match="client_id is wrong") as info:
            await signed_in(world, Person(world), client_id="123")
        assert info.value.advice == "copy the APP ID from open.115.com"


# --- tokens ---------------------------------------------------------------------------------------


async def test_two_mounts_of_an_account_share_one_renewal(world):
    """A refresh token works once: whoever comes second takes what the first was given."""
    async with world() as world:
        async with world.opened(keep=True) as one, world.opened(keep=True) as other:
            assert await names(one) == await names(other) == ["a.txt"]
            before = world.requests()["auth"]
            world.wish("access")
            assert await names(one) == await names(other) == ["a.txt"]
            assert world.requests()["auth"] == before + 1
        async with world.opened(keep=True) as later:
            assert await names(later) == ["a.txt"]


async def test_renewing_goes_on_for_days(world):
    """Pair after pair, each from the one before."""
    async with world() as world, world.opened(keep=True) as remote:
        for _ in range(5):
            world.emulator.clock.jump(7200)
            assert await names(remote) == ["a.txt"]


@pytest.mark.logs("login lost")
async def test_a_login_that_was_revoked_is_lost_in_words(world):
    """In the app: neither token works, and asking on would not help."""
    async with world() as world, world.opened(keep=True) as remote:
        await names(remote)
        world.emulator.state.control("expire", {"what": "app"})
        with pytest.raises(LoginLost) as info:
            await names(remote)
        assert 'run "fsmount login demo"' in str(info.value)
        asked = sum(world.requests().values())
        with pytest.raises(LoginLost):
            await names(remote)
        assert sum(world.requests().values()) - asked <= 1


# --- the limit of calls ---------------------------------------------------------------------------


@pytest.mark.logs("shut us out", "is throttled")
@pytest.mark.parametrize("options", [(), ("--defect", "limit-plain")])
async def test_the_limit_of_calls_leaves_the_account_alone(world, options):
    """Text and number swapped or not: one call meets it, the next ones are not sent."""
    async with world(*options) as world, world.opened(keep=True) as remote:
        await names(remote)
        world.emulator.state.control(
            "block", {"form": "open-limit", "family": "open", "seconds": 300}
        )
        before = world.requests()["list"]
        with pytest.raises(Blocked) as info:
            await names(remote)
        assert "no more calls for now" in info.value.message
        assert 0 < info.value.retry_after_s <= 1800
        for _ in range(5):
            with pytest.raises(Blocked):
                await names(remote)
        assert world.requests()["list"] == before + 1
        assert remote.health.report.until is not None


@pytest.mark.logs("shut us out", "is throttled")
async def test_a_daily_budget_is_met_once(world):
    """By whichever call it is."""
    async with world() as world, world.opened() as remote:
        world.emulator.state.control("settings", {"open_daily_calls": 3})
        for _ in range(3):
            await names(remote)
        with pytest.raises(Blocked):
            await names(remote)


@pytest.mark.logs("shut us out", "is throttled")
async def test_the_firewalls_page_is_a_block(world):
    """And neither an empty folder nor a missing one."""
    async with world() as world, world.opened() as remote:
        world.emulator.state.control("block", {"form": "waf", "family": "open", "seconds": 300})
        with pytest.raises(Blocked, match="HTTP 405"):
            await names(remote)


# --- odd folders ----------------------------------------------------------------------------------


async def test_names_that_no_disk_could_hold_and_names_twice(world):
    """Files and folders of one name are all there, each with its own id."""
    async with world() as world, world.opened() as remote:
        for name, content in [("x/y", "1"), ('q"<>', "2"), ("a.txt", "3"), ("a.txt", None)]:
            world.emulator.state.control("add", {"path": "/", "name": name, "content": content})
        page = await remote.driver.list(remote.driver.root, None)
        assert sorted(entry.name for entry in page.entries) == sorted(
            ["a.txt", "a.txt", "a.txt", "x/y", 'q"<>']
        )
        assert len({entry.id for entry in page.entries}) == 5
        (second,) = (entry for entry in page.entries if entry.size == 1 and entry.name == "a.txt")
        assert await read(remote, second) == b"3"


async def test_what_is_not_wholly_uploaded_is_not_shown(world):
    """Reading it would fail; it comes when it is there."""
    async with world() as world, world.opened() as remote:
        world.emulator.state.control("mark", {"path": "/a.txt", "incomplete": True})
        assert await names(remote) == []
        world.emulator.state.control("mark", {"path": "/a.txt", "incomplete": False})
        assert await names(remote) == ["a.txt"]


async def test_a_root_is_a_folder_of_the_drive(world, tmp_path):
    """By its cid or the address bar's URL; the drive does not stand in for a missing one."""
    (tmp_path / "tree/films").mkdir()
    (tmp_path / "tree/films/b.mkv").write_bytes(b"b")
    async with world() as world:
        cid = world.emulator.state.control("find", {"path": "/films"})["id"]
        for root in (cid, f"https://115.com/?cid={cid}&offset=0"):
            async with world.opened(keep=True, root=root) as remote:
                assert await names(remote) == ["b.mkv"]
                assert (await remote.driver.stat(remote.driver.root)).name == ""
        async with world.opened(keep=True, root="12345") as remote:
            with pytest.raises(NotFound, match="12345"):
                await names(remote)


async def test_a_large_folder_costs_full_pages(world, tmp_path):
    """3,000 entries in three calls, each once."""
    for number in range(2999):
        (tmp_path / f"tree/f{number:05}").touch()
    async with world("--spelling", "mixed") as world, world.opened() as remote:
        found = await names(remote)
        assert (len(found), len(set(found))) == (3000, 3000)
        assert world.requests()["list"] == 3


async def test_a_remembered_order_does_not_lose_entries(world, tmp_path):
    """The service may keep to what the user chose in the app, or insist on it."""
    for number in range(40):
        (tmp_path / f"tree/f{number:05}").write_bytes(b"x" * (number % 3))
    for options in (("--defect", "order-ignored"), ("--defect", "order-refused")):
        async with world(*options, "--max-page-size", "7") as opened:
            opened.emulator.state.control(
                "remember", {"path": "/", "order": "file_size", "is_asc": 0}
            )
            async with opened.opened() as remote:
                found = await names(remote)
            assert (len(found), len(set(found))) == (41, 41)


async def test_space_and_what_is_below_a_folder(world, tmp_path):
    """As the provider counts."""
    (tmp_path / "tree/films/old").mkdir(parents=True)
    (tmp_path / "tree/films/b.mkv").write_bytes(b"b" * 70)
    async with world() as world, world.opened() as remote:
        space = await remote.driver.space()
        assert 0 < space.used < space.total == pytest.approx(1 << 50)
        page = await remote.driver.list(remote.driver.root, None)
        (films,) = (entry for entry in page.entries if entry.is_folder)
        told = await remote.driver.folder_size(films)
        assert (told.size, told.files, told.folders) == (70, 1, 1)


async def test_the_shipped_pace_is_what_its_clients_keep_to(world):
    """About a call a second each; nothing is unlimited."""
    async with world() as world, world.opened() as remote:
        assert unpaced(remote.source).spec.limits["list"].rate_per_s is None
    assert all(limit.rate_per_s or limit.concurrency for limit in SPEC.limits.values())
    assert sum(SPEC.limits[family].rate_per_s for family in ("list", "info", "link")) <= 3
