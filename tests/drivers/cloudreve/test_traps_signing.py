"""The traps of signing in and of tokens (wire §2 to §4), each met on an emulated site."""

from __future__ import annotations

import pytest
import trio

from fsmount.errors import LoginLost, StoreFault, Unauthorized
from fsmount.model import Token
from fsmount.net.client import NetSettings, open_api_client
from fsmount.store.tokens import TokenFile, token_path
from tests.conformance.tree import read, walk
from tests.drivers.cloudreve.scripted import opened, recorded


def requests(world, *kinds):
    """Return how often each kind was asked."""
    return tuple(world.requests().get(kind, 0) for kind in kinds)


async def until(condition, within_s=10):
    """Wait for what the refresher does behind."""
    with trio.fail_after(within_s):
        while not condition():  # noqa: ASYNC110 (the counters of the site tell nobody)
            await trio.sleep(0.02)


@pytest.fixture
def file(tree):
    """A file, and one beside it."""
    (tree / "b.txt").write_bytes(b"beside\n")
    (tree / "a.txt").write_bytes(b"0123456789")
    return "a.txt"


# --- §4 an expired token is not rejected: the call runs as the anonymous user ---------------------


async def test_s4_an_expired_token_in_a_drive_shows_as_401(site, file):
    """Listing and looking go on; one renewal, no second sign-in."""
    async with site() as world, world.opened() as remote:
        found = await walk(remote.driver)
        for call in (lambda: walk(remote.driver), lambda: remote.driver.stat(found[file])):
            before = requests(world, "refresh")[0]
            world.emulator.clock.jump(3601)
            await call()
            assert requests(world, "refresh", "login") == (before + 1, 1)


async def test_s4_an_expired_token_in_a_batch_is_401_inside_40081(site, file):
    """Links are asked in batches; renewing mends every part of them."""
    async with site() as world, world.opened() as remote:
        found = await walk(remote.driver)
        world.emulator.clock.jump(3601)
        assert (await remote.driver.link(found[file])).url
        world.emulator.clock.jump(3601)
        links = await remote.driver.links([found[file], found["b.txt"]])
        assert [isinstance(link, Exception) for link in links] == [False, False]
        assert requests(world, "login") == (1,)


async def test_s4_an_expired_token_in_the_middle_of_a_file_is_not_noticed(site, file):
    """Content is not signed by it, the next link is."""
    async with site() as world, world.opened() as remote:
        entry = (await walk(remote.driver))[file]
        assert await read(remote, entry, 0, 5) == b"01234"
        world.emulator.clock.jump(2 * 3600)  # of the link as well
        assert await read(remote, entry, 5, 10) == b"56789"


async def test_s4_an_expired_token_in_a_share_is_silent_so_it_is_renewed_ahead(site, file):
    """No answer gives it away: the listing works on, as a guest's."""
    async with (
        site("--access-life", "3", share=True) as world,
        world.opened(auth="ref:demo") as remote,
    ):
        await walk(remote.driver)
        await until(lambda: requests(world, "refresh")[0] >= 1)
        assert requests(world, "list") == (1,)


@pytest.mark.logs("login lost")
@pytest.mark.parametrize("action", ["list", "link"])
async def test_s4_a_blocked_account_looks_like_a_broken_database(site, file, action):
    """50001 on everything; the refused renewal tells what it is."""
    async with site() as world, world.opened("demo-refresh") as remote:
        entry = (await walk(remote.driver))[file]
        world.emulator.state.control("user", {"status": "manual_banned"})
        with pytest.raises(LoginLost, match="blocked"):
            await (remote.driver.link(entry) if action == "link" else walk(remote.driver))


async def test_s4_a_refresh_token_in_the_place_of_an_access_token_is_40020():
    """Not a wrong password, and not a missing file: the token is not taken."""
    driver, _ = opened(recorded("list_my_refresh_token_as_access"), token=Token(access="REFRESH"))
    with pytest.raises(Unauthorized, match="no longer takes the access token"):
        await driver.list(driver.root, None)


async def test_s4_an_upload_answers_an_expired_token_with_40011():
    """Reading never meets it; the table knows it for the day that writes come."""
    driver, _ = opened(recorded("upload_chunk_no_auth"), token=Token(access="OLD"))
    with pytest.raises(Unauthorized, match="no longer takes the access token"):
        await driver.list(driver.root, None)


# --- §4 nothing rotates, and what kills a refresh token -------------------------------------------


@pytest.mark.logs("cannot be kept")
async def test_s4_nothing_rotates_so_renewal_goes_on_when_nothing_can_be_written(
    site, file, monkeypatch
):
    """A single-use token would burn; here the old one stays good, also after a restart."""
    async with site() as world:
        async with world.opened(keep=True) as remote:
            await walk(remote.driver)

        def refuse(*_args, **_kwargs):
            raise StoreFault("the disk is read-only")

        monkeypatch.setattr(TokenFile, "save", refuse)
        monkeypatch.setattr(TokenFile, "ensure_writable", refuse)
        world.emulator.clock.jump(3601)
        async with world.opened(keep=True) as remote:
            await walk(remote.driver)
        monkeypatch.undo()
        async with world.opened(keep=True) as remote:
            await walk(remote.driver)
        assert requests(world, "login") == (1,)


async def test_s4_a_dead_refresh_token_is_replaced_where_the_password_is_known(site, file):
    """Ended after 14 days of sleep: the mount signs in anew by itself."""
    async with site() as world, world.opened() as remote:
        before = await walk(remote.driver)
        world.emulator.clock.jump(15 * 24 * 3600)
        assert await walk(remote.driver) == before
        assert requests(world, "login") == (2,)


@pytest.mark.logs("login lost")
async def test_s4_a_changed_password_kills_every_refresh_token(site, file):
    """Said in words that name the remote, once; nothing known disappears with it."""
    async with site() as world, world.opened("demo-refresh") as remote:
        await walk(remote.driver)
        world.emulator.state.control("user", {"password": "another-one"})
        world.emulator.clock.jump(3601)
        with pytest.raises(LoginLost, match='run "fsmount login demo-refresh"') as info:
            await walk(remote.driver)
        assert "another password" in info.value.message


async def test_s4_signing_out_ends_the_family_but_not_the_access_token(site, file):
    """So a token that was given up is forgotten at once, not used to its end."""
    async with site() as world, world.opened(keep=True) as remote:
        await walk(remote.driver)
        source = remote.source
        tokens = TokenFile(token_path(world.directories, source.account_key))
        token = tokens.load()
        async with open_api_client(NetSettings()) as api:
            await source.spec.sign_out(source.options, token, api.send)
            await source.spec.sign_out(source.options, token, api.send)  # as good as done
            with pytest.raises(LoginLost, match="signed out"):
                await source.spec.scheme(source.options).refresh(token, api.send)
        await walk(remote.driver)  # cannot be revoked


async def test_s4_equal_access_tokens_of_one_second_are_no_session_key(site, file):
    """Two sign-ins in one second may give the same text; both remotes go on."""
    async with site() as world, world.opened() as one, world.opened() as two:
        assert await walk(one.driver) == await walk(two.driver)


# --- §2 and §3 signing in -------------------------------------------------------------------------


async def test_s2_a_captcha_that_is_off_is_a_flag_that_is_missing(site, file):
    """False is left out; a missing flag asks for nothing."""
    async with site() as world, world.opened() as remote:
        await walk(remote.driver)
        assert requests(world, "captcha", "login") == (0, 1)


async def test_s3_a_renewal_never_asks_for_a_captcha(site, file):
    """A refresh token is the way in where a picture stops the password."""
    async with (
        site("--defect", "captcha") as world,
        world.opened("demo-refresh") as remote,
    ):
        assert await walk(remote.driver)
        world.emulator.clock.jump(3601)
        assert await walk(remote.driver)
        assert requests(world, "captcha", "login") == (0, 0)


@pytest.mark.logs("login lost")
@pytest.mark.parametrize(
    ("defect", "says"), [("captcha", "captcha"), ("two-factor", "second factor")]
)
async def test_s3_what_needs_a_person_says_how_to_go_on(site, file, defect, says):
    """A mount asks nobody: sign in once, or copy a refresh token from the browser, and where."""
    async with site("--defect", defect) as world, world.opened() as remote:
        with pytest.raises(LoginLost, match=says) as info:
            await walk(remote.driver)
        assert 'run "fsmount login demo"' in info.value.advice
        assert "refresh_token" in info.value.advice
        assert "Local Storage" in info.value.advice
