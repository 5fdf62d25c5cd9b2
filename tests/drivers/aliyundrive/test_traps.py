"""What the provider is known to do to its users, done to a remote that reads."""

from __future__ import annotations

import random

import pytest

from fsmount.account import login as signing_in
from fsmount.account.credentials import Credentials
from fsmount.drivers.aliyundrive.login import start_login
from fsmount.errors import Denied, Gone, NotFound
from fsmount.model import Done, ShowQr
from fsmount.store.tokens import TokenFile, token_path
from tests.conformance.tree import children, read, walk

MIB = 1 << 20


def say(world, verb, **wish):
    """Let something happen at the provider."""
    return world.emulator.state.control(verb, wish)


async def test_a_read_of_forty_minutes_notices_no_renewal(provider, tree):
    """Tokens and links that live ten minutes end again and again while a film is read."""
    content = random.Random(1).randbytes(2 * MIB)
    (tree / "film.mkv").write_bytes(content)
    lives = ("--access-life", "600", "--link-life", "600", "--share-token-life", "600")
    for kind in ("drive", "share", "open"):
        async with provider(kind, *lives) as world, world.opened() as remote:
            file = (await walk(remote.driver))["film.mkv"]
            piece = len(content) // 16
            for at in range(0, len(content), piece):
                assert await read(remote, file, at, at + piece) == content[at : at + piece]
                world.emulator.clock.jump(150)
            await remote.driver.list(remote.driver.root, None)
            asked = world.requests()
        # A renewed token costs a refused call as well.
        assert 4 <= asked["link"] <= 9, kind
        if kind == "share":
            assert asked["save" if "save" in asked else "copy"] == 1


async def test_a_second_scan_of_200_files_costs_no_link_call(provider, tree, shown):
    """Open, head, tail, close of each; the first costs one each."""
    for number in range(200):
        (tree / f"{number:03}.mp3").write_bytes(bytes([number]) * (3 * MIB // 8))
    async with provider("drive") as world, world.opened() as remote, shown(remote) as filesystem:

        async def scan():
            for number in range(200):
                found = await filesystem.find(f"{number:03}.mp3")
                handle = filesystem.open_file(found.inode)
                size = found.size
                assert bytes(await handle.read(0, 1000)) == bytes([number]) * 1000
                assert bytes(await handle.read(size - 1000, 1000)) == bytes([number]) * 1000
                await handle.close()

        await scan()
        assert world.requests()["link"] == 200
        await scan()
        assert world.requests()["link"] == 200
        assert world.requests().get("info", 0) == 0


async def test_ten_thousand_entries_come_over_their_markers(provider, tree):
    """Each once, in pages of two hundred."""
    for number in range(10_000):
        (tree / f"{number:05}").touch()
    async with provider("drive") as world, world.opened() as remote:
        pages = await children(remote.driver, remote.driver.root)
    assert len(pages) == 50
    assert [entry.name for page in pages for entry in page] == [f"{n:05}" for n in range(10_000)]


async def test_entries_of_one_name_are_told_apart_by_their_ids(provider, tree, shown, read_through):
    """The provider allows them; a tree does not."""
    (tree / "a.txt").write_text("one")
    (tree / "b.txt").write_text("two")
    async with provider("drive") as world:
        say(world, "duplicate", path="a.txt")
        async with world.opened() as remote, shown(remote) as filesystem:
            page = await remote.driver.list(remote.driver.root, None)
            assert sorted(entry.name for entry in page.entries) == ["a.txt", "a.txt", "b.txt"]
            assert len({entry.id for entry in page.entries}) == 3
            assert await read_through(filesystem, "a.txt") == b"one"


async def test_a_file_in_the_bin_is_not_found(provider, tree):
    """Although calls by id still answer for it."""
    (tree / "a.txt").write_text("one")
    for kind in ("drive", "open"):
        async with provider(kind) as world, world.opened() as remote:
            file = (await walk(remote.driver))["a.txt"]
            say(world, "trash", path="a.txt")
            with pytest.raises(NotFound):
                await remote.driver.stat(file)
            with pytest.raises(NotFound):
                await remote.driver.link(file)
            assert await walk(remote.driver) == {}


async def test_a_frozen_file_is_denied_and_its_notice_never_read(provider, tree):
    """Its siblings go on."""
    (tree / "bad.mp4").write_bytes(b"x" * 1000)
    (tree / "good.mp4").write_bytes(b"y" * 1000)
    for kind in ("drive", "share"):
        async with provider(kind) as world:
            say(world, "punish", path="bad.mp4", flag=2)
            async with world.opened() as remote:
                found = await walk(remote.driver)
                with pytest.raises(Denied):
                    await read(remote, found["bad.mp4"])
                assert await read(remote, found["good.mp4"]) == b"y" * 1000


@pytest.mark.parametrize("switch", ["null-links", "empty-links"])
async def test_a_link_that_is_none_is_denied(provider, tree, switch):
    """A 200 all the same."""
    (tree / "a.txt").write_text("one")
    async with provider("open", "--defect", switch) as world, world.opened() as remote:
        with pytest.raises(Denied):
            await remote.driver.link((await walk(remote.driver))["a.txt"])


async def test_one_download_at_a_time_is_learned_and_everything_is_read(
    provider, tree, shown, read_through
):
    """A refusal of one too many costs no link, and fewer are asked afterwards."""
    content = random.Random(2).randbytes(48 * MIB)
    (tree / "film.mkv").write_bytes(content)
    async with provider("drive", "--max-bodies", "1") as world, world.opened() as remote:
        async with shown(remote) as filesystem:
            assert await read_through(filesystem, "film.mkv") == content
        assert world.requests()["link"] == 1


async def test_a_device_that_was_forgotten_makes_itself_known_again(provider, tree):
    """Or was pushed out by another; the token stays."""
    (tree / "a.txt").write_text("one")
    async with provider("drive") as world, world.opened() as remote:
        await walk(remote.driver)
        auths = world.requests()["auth"]
        for do in ("drop", "push_out"):
            say(world, "devices", do=do)
            assert (await walk(remote.driver))["a.txt"]
        assert world.requests()["auth"] == auths


async def test_too_many_devices_are_told_in_words(provider, tree):
    """Only a person can remove one."""
    options = ("--defect", "too-many-devices")
    async with provider("drive", *options) as world, world.opened() as remote:
        with pytest.raises(Denied, match="as many devices"):
            await remote.driver.list(remote.driver.root, None)


@pytest.mark.logs("login lost")
async def test_a_relay_that_mixes_accounts_up_is_not_followed(provider, tree):
    """Nor an application: the account stays what it was."""
    async with provider("open", "--defect", "other-sub") as world:
        for source in ("demo", "demo-relay"):
            async with world.opened(source) as remote:
                with pytest.raises(Denied, match="another account"):
                    await remote.driver.list(remote.driver.root, None)


async def test_a_borrowed_login_is_renewed_with_the_lenders_application(provider, tree):
    """The borrower has none of its own."""
    (tree / "a.txt").write_text("one")
    async with (
        provider("open") as world,
        world.opened("unsigned", auth="ref:demo", client_id="") as remote,
    ):
        assert "a.txt" in await walk(remote.driver)


@pytest.mark.logs("is gone")
async def test_a_share_that_ends_while_it_is_mounted_may_come_back(provider, tree):
    """Cancelled, expired, blocked, with another code: each in its words; nothing is absent."""
    (tree / "a.txt").write_text("one")
    async with provider("share", "--share-password", "ab12") as world, world.opened() as remote:
        before = await walk(remote.driver)
        for state, words in (
            ("expired", "expired"),
            ("cancelled", "cancelled"),
            ("forbidden", "blocked"),
        ):
            say(world, "share", state=state)
            with pytest.raises(Gone, match=words):
                await walk(remote.driver)
            with pytest.raises(Gone):
                await remote.driver.stat(before["a.txt"])
            say(world, "share", state="fine")
            assert await walk(remote.driver) == before
        say(world, "share", password="zz99")
        say(world, "expire", what="share_token")
        with pytest.raises(Denied, match="was changed"):
            await walk(remote.driver)


async def test_a_closed_folder_does_not_fail_the_share(provider, tree):
    """It is denied, its siblings are shown."""
    for name in ("open", "closed"):
        (tree / name).mkdir()
        (tree / name / "a.txt").write_text(name)
    async with provider("share") as world:
        say(world, "share", closed="closed")
        async with world.opened() as remote:
            page = await remote.driver.list(remote.driver.root, None)
            folders = {entry.name: entry for entry in page.entries}
            with pytest.raises(Denied):
                await remote.driver.list(folders["closed"], None)
            assert (await remote.driver.list(folders["open"], None)).entries


async def test_copies_of_a_share_are_gone_when_it_is_closed(provider, tree):
    """Nothing stays in the own drive, its recycle bin's folders excepted."""
    for number in range(3):
        (tree / f"{number}.txt").write_text(f"file {number}")
    async with provider("share") as world:
        async with world.opened(keep=True) as remote:
            found = await walk(remote.driver)
            for number in range(3):
                assert await read(remote, found[f"{number}.txt"]) == f"file {number}".encode()
        async with world.opened("own", keep=True) as own:
            left = await walk(own.driver)
        assert [path for path, entry in left.items() if not entry.is_folder] == []
        assert set(left) <= {".fsmount-staging"}


async def test_own_shares_are_made_listed_changed_and_ended(provider, tree):
    """And what somebody else saves from them arrives."""
    (tree / "films").mkdir()
    (tree / "films" / "a.txt").write_text("one")
    async with provider("drive") as world, world.opened() as remote:
        driver = remote.driver
        folder = (await walk(driver))["films"]
        made = await driver.create_share([folder], name="", code="ab12", lifetime_s=86400)
        assert (made.code, made.state) == ("ab12", "open")
        assert made.url.endswith(made.id)
        assert made.expires_ns is not None
        listed, _ = await driver.own_shares(None)
        assert made.id in {share.id for share in listed}
        changed = await driver.update_share(made.id, code="zz99", never_expires=True)
        assert (changed.code, changed.expires_ns) == ("zz99", None)
        async with world.opened(
            f"https://www.alipan.com/s/{made.id}",
            hosts=remote.source.options.hosts,
            share_password="zz99",
            via="resource",
        ) as share:
            shared = await walk(share.driver)
            assert set(shared) == {"films", "films/a.txt"}
            page = await driver.list(driver.root, None)
            saving = await driver.save(
                await share.driver.share_pass(), [shared["films"]], driver.root
            )
            while saving.tasks:
                saving = await driver.saving(saving)
            assert saving.failures == []
            names = [entry.name for entry in (await driver.list(driver.root, None)).entries]
            assert len(names) == len(page.entries) + 1
            await driver.cancel_share(made.id)
            with pytest.raises(NotFound):
                await driver.cancel_share("doesNotExist")


async def test_a_person_signs_in_by_phone(provider, tree):
    """New, scanned, confirmed; what is kept opens the drive."""
    (tree / "a.txt").write_text("one")
    async with provider("drive") as world:
        say(world, "qr", states=["NEW", "SCANED", "CONFIRMED"])
        async with world.opened("unsigned", keep=True) as remote:
            send = remote.account._send
            flow = start_login(remote.source.options, send)
            await flow.start({})
            assert isinstance(await flow.start({"method": "qr"}), ShowQr)
            for _ in range(4):
                step = await flow.poll()
                if isinstance(step, Done):
                    break
            assert isinstance(step, Done)
            tokens = TokenFile(token_path(world.directories, remote.source.account_key))
            await signing_in.keep(step.token, tokens=tokens, credentials=Credentials())
            assert "a.txt" in await walk(remote.driver)
