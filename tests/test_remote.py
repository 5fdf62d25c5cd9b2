"""One SOURCE, opened without a kernel."""

from __future__ import annotations

import dataclasses

import pytest
import trio

from fsmount import drivers
from fsmount.config import Config, RemoteConfig, load_config
from fsmount.drivers.base import DriverOptions
from fsmount.errors import Denied, IsFolder, LoginLost, ProviderFault, UsageError
from fsmount.model import Space
from fsmount.remote import Capacity, find_source, net_settings, open_remote
from fsmount.source import resolve
from fsmount.store.directories import Directories
from fsmount.store.tokens import token_path
from fsmount.vfs.filesystem import Attributes
from tests.emulators.doors import open_emulator
from tests.fake_driver import FakeOptions


@pytest.fixture
def directories(tmp_path):
    return Directories(
        config_files=(),
        state=tmp_path / "state",
        cache=tmp_path / "cache",
        runtime=tmp_path / "run",
        credentials=None,
    )


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "tree"
    root.mkdir()
    (root / "你好.txt").write_bytes(b"hello")
    return root


@pytest.fixture
def fake(monkeypatch):
    """Let the fake driver be all there is; returns a source of it by its options."""
    registry = {"fake": "tests.fake_driver"}
    monkeypatch.setattr("fsmount.drivers.registry.REGISTRY", registry)
    monkeypatch.setattr(drivers, "REGISTRY", registry)

    async def fake(**options):
        remote = RemoteConfig(driver="fake", options=FakeOptions(**options))
        config = Config(remotes={"it": remote})
        return await resolve("it", config, {}, send=None, detections=None)

    return fake


async def listed(remote):
    page = await remote.driver.list(remote.driver.root, None)
    return {entry.name: entry for entry in page.entries}


async def test_a_pasted_share_lists_after_two_calls(tree, directories):
    """One asks the site who it is, one lists; the second time the first is remembered."""
    async with open_emulator(tree) as site:
        for calls in (2, 1):
            site.counters.reset()
            source = await find_source(site.source, Config(), {}, directories)
            async with open_remote(source, directories) as remote:
                assert list(await listed(remote)) == ["你好.txt"]
                assert remote.account.anonymous
                assert remote.member.listing_ttl_s == 3600.0
                assert not remote.member.has_quota
            assert sum(site.counters.snapshot()["requests"].values()) == calls


async def test_nothing_is_kept_without_directories(tree, directories):
    """A share can be read with nothing on disk at all."""
    async with open_emulator(tree) as site:
        source = await find_source(site.source, Config(), {}, directories)
        before = sorted(path.name for path in directories.state.rglob("*"))
        async with open_remote(source, None) as remote:
            entry = (await listed(remote))["你好.txt"]
            assert (await remote.links.get(entry)).url.startswith(site.address)
        assert sorted(path.name for path in directories.state.rglob("*")) == before


async def test_an_own_drive_signs_in_and_keeps_its_token(tree, directories):
    """The second opening signs in no more; the capacity is asked behind."""
    async with open_emulator(tree) as site:
        config = load_config(site.config, directories)
        source = await find_source("demo", config, {}, directories)
        async with open_remote(source, directories) as remote:
            assert await listed(remote)
            assert remote.member.has_quota
            assert remote.member.space() is None
            await remote.capacity.update()
            assert remote.member.space().total > 0
        assert token_path(directories, source.account_key).stat().st_mode & 0o777 == 0o600
        site.counters.reset()
        async with open_remote(source, directories) as remote:
            assert await listed(remote)
        assert sum(site.counters.snapshot()["requests"].values()) == 1


async def test_a_share_borrows_the_login_of_a_remote(tree, directories):
    """With auth=ref:NAME its calls are signed; without it they never are."""
    async with open_emulator(tree) as site:
        site.state.settings.guests_may_open_shares = False
        config = load_config(site.config, directories)
        lent = await find_source(site.source, config, {"auth": "ref:demo"}, directories)
        async with open_remote(lent, directories) as remote:
            assert not remote.account.anonymous
            assert await listed(remote)
        alone = await find_source(site.source, config, {}, directories)
        async with open_remote(alone, directories) as remote:
            assert remote.account.anonymous
            with pytest.raises(Denied):
                await listed(remote)


@pytest.mark.logs("login lost")
async def test_a_drive_without_credentials_says_that_a_person_must_sign_in(tree, directories):
    """And takes a token that comes later."""
    async with open_emulator(tree) as site:
        config = load_config(site.config, directories)
        options = config.remotes["demo"].options
        bare = dataclasses.replace(
            await find_source("demo", config, {}, directories),
            signer=type(options)(address=options.address, email=options.email),
        )
        async with open_remote(bare, directories) as remote:
            with pytest.raises(LoginLost, match="fsmount login"):
                await listed(remote)


async def test_options_reach_the_network_settings():
    """Those that every driver has."""
    options = DriverOptions(user_agent="ua", proxy="http://p", ca_file="/ca", insecure=True)
    settings = net_settings(options)
    assert (settings.user_agent, settings.proxy) == ("ua", "http://p")
    assert (settings.ca_file, settings.insecure) == ("/ca", True)


async def test_a_site_is_asked_with_the_settings_of_the_command_line(tree, directories):
    """A certificate given with -o is needed before anything is known about the SOURCE."""
    async with open_emulator(tree, "--tls", "--address-host", "localhost") as site:
        overrides = dict([site.options.split("=")])
        source = await find_source(site.source, Config(), overrides, directories)
        assert source.options.ca_file == overrides["ca_file"]
        async with open_remote(source, directories) as remote:
            assert await listed(remote)


async def test_a_setting_that_makes_no_sense_is_named(directories, fake):
    """By the same words as any other option."""
    with pytest.raises(UsageError, match="-o insecure: expected bool, got str"):
        await find_source("fake://A", Config(), {"insecure": "perhaps"}, directories)


async def test_the_driver_is_closed_at_the_end(directories, fake):
    """Whatever happens in the block."""
    source = await fake(address="http://127.0.0.1:9")
    with pytest.RaisesGroup(ProviderFault, flatten_subgroups=True):
        async with open_remote(source, directories) as remote:
            raise ProviderFault("x")
    assert remote.driver.closed


async def test_listing_ttl_is_the_option_or_the_kind_of_remote(directories, fake):
    """Own drive 5 min, share 1 h, or as configured."""
    for options, ttl in (({}, 300.0), ({"share": "A"}, 3600.0), ({"listing_ttl_s": 7.0}, 7.0)):
        async with open_remote(await fake(**options), directories) as remote:
            assert remote.member.listing_ttl_s == ttl


async def test_a_proxy_url_is_checked_when_the_remote_is_opened(directories, fake):
    """Not at the first read."""
    with pytest.raises(UsageError, match="wants a download_proxy_url"):
        async with open_remote(await fake(download="proxy_url"), directories):
            pytest.fail("opened")
    template = "http://p.example/?u={nonsense}"
    with pytest.raises(UsageError, match="unknown field"):
        async with open_remote(
            await fake(download="proxy_url", download_proxy_url=template), directories
        ):
            pytest.fail("opened")


async def test_a_direct_link_is_plain_data(directories, fake):
    """For whoever asks for it by name; folders have none."""
    async with open_remote(await fake(address="http://h"), directories) as remote:
        entry = (await listed(remote))["hello.txt"]
        node = Attributes(inode=2, is_folder=False, size=6, mtime_ns=0, kept=entry)
        assert await remote.direct_link(node) == {
            "url": "http://h/hello.txt?sign=secret",
            "headers": {},
            "lifetime_s": None,
        }
        with_agent = dataclasses.replace(remote, source=await fake(user_agent="mine/1"))
        assert (await with_agent.direct_link(node))["headers"] == {"User-Agent": "mine/1"}
        root = Attributes(inode=1, is_folder=True, size=0, mtime_ns=0, kept=remote.driver.root)
        with pytest.raises(IsFolder, match='"/" is a folder; only files have links'):
            await remote.direct_link(root)


class Quota:
    """Tells a capacity, or fails."""

    def __init__(self, *told):
        self.told = list(told)
        self.asked = 0

    async def space(self):
        self.asked += 1
        told = self.told.pop(0)
        if isinstance(told, Exception):
            raise told
        return told


@pytest.mark.autojump
async def test_capacity_is_asked_behind_and_a_failure_keeps_the_last():
    """A second after opening, then every five minutes; df itself asks nobody."""
    first, third = Space(total=10, used=1), Space(total=10, used=3)
    quota = Quota(first, ProviderFault("x"), third, third)
    capacity = Capacity(quota)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(capacity.run)
        assert capacity.last() is None
        await trio.sleep(2)
        assert capacity.last() == first
        await trio.sleep(300)
        assert (capacity.last(), quota.asked) == (first, 2)
        await trio.sleep(300)
        assert (capacity.last(), quota.asked) == (third, 3)
        nursery.cancel_scope.cancel()


async def test_a_share_has_no_capacity():
    """Nothing is asked."""
    capacity = Capacity(None)
    await capacity.update()
    assert capacity.last() is None
