"""The driver against an emulated domain: long folders, ends of tokens, links and shares."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace

import msgspec
import pytest

from fsmount.errors import Denied, FsmountError, Gone, LinkExpired, Throttled
from fsmount.model import Call, Done, Link, ShowQr, Waiting
from tests.conformance.cases import open_world
from tests.conformance.pds import LOCKED, SHARE, TOKEN
from tests.conformance.tree import children, open_tree, read, walk
from tests.emulators.faults import Fault


@pytest.fixture
def tree(tmp_path):
    """Where the domain's files are made."""
    root = tmp_path / "tree"
    root.mkdir()
    (root / "a.txt").write_bytes(b"0123456789" * 100)
    return root


@pytest.fixture
def domain(tmp_path, tree):
    """Serve ``tree`` with the given options; what is opened is the case's share or drive."""

    @asynccontextmanager
    async def open_domain(*options, case=SHARE):
        state = tmp_path / "state"
        state.mkdir(exist_ok=True)
        whole = replace(case, emulator=(*case.emulator, *options))
        async with open_world(whole, tree, state) as world:
            yield world

    return open_domain


def change(world, **wish):
    """Let the owner change the share."""
    world.emulator.state.control("share", wish)


def counted(world, kind):
    """Return how often the domain was asked for ``kind``."""
    return world.requests().get(kind, 0)


async def test_ten_thousand_entries_come_over_markers(domain, tree):
    """A hundred pages, each entry once, none missing, whatever the names."""
    crowd = tree / "crowd"
    crowd.mkdir()
    names = {f"图 {number:05}.jpg" for number in range(10_000)}
    for name in names:
        (crowd / name).touch()
    async with domain() as world, world.opened() as remote:
        top = await walk_top(remote)
        pages = await children(remote.driver, top["crowd"])
        assert len(pages) == 100
        listed = [entry.name for page in pages for entry in page]
        assert len(listed) == len(set(listed))
        assert set(listed) == names
        assert len({entry.id for page in pages for entry in page}) == 10_000
        assert counted(world, "share_token") == 1


async def walk_top(remote):
    """Return the entries of the root by name."""
    pages = await children(remote.driver, remote.driver.root)
    return {entry.name: entry for page in pages for entry in page}


@pytest.mark.parametrize("case", [SHARE, LOCKED], ids=str)
async def test_a_share_token_that_ends_is_renewed_unseen(domain, case):
    """Of its life of two hours; the provider's clock goes on while ours does not."""
    async with domain(case=case) as world, world.opened() as remote:
        found = await walk_top(remote)
        for _ in range(3):
            world.emulator.clock.jump(7201)
            assert (await walk_top(remote)) == found
        assert counted(world, "share_token") == 4
        world.emulator.state.control("expire", {"what": "share_token"})
        await remote.driver.link(found["a.txt"])
        assert counted(world, "share_token") == 5


async def test_a_read_of_forty_minutes_outlives_links_and_tokens(domain):
    """Links of 15 minutes, though four hours were asked; share tokens of ten."""
    options = ("--link-life", "900", "--share-token-life", "600")
    async with domain(*options, case=LOCKED) as world, world.opened() as remote:
        file = (await walk_top(remote))["a.txt"]
        link = await remote.driver.link(file)
        assert link.lifetime_s == pytest.approx(900, abs=2)
        got = b""
        for start in range(0, 1000, 25):
            got += await read(remote, file, start, start + 25)
            world.emulator.clock.jump(60)
        assert got == b"0123456789" * 100
        # Two by hand and for the first bytes, and at each end one that meets the ended share token.
        assert counted(world, "link") == 6
        assert counted(world, "share_token") == 3


async def test_a_share_that_wants_another_code_meanwhile_is_denied(domain):
    """At the latest when the token of before has ended; the new code opens it."""
    async with domain(case=LOCKED) as world, world.opened() as remote:
        found = await walk_top(remote)
        change(world, password="another")
        world.emulator.clock.jump(7201)
        with pytest.raises(Denied, match=r"the password of share .* is wrong or was changed"):
            await walk_top(remote)
        async with world.opened(share_password="another") as again:
            assert await walk_top(again) == found


@pytest.mark.logs("is gone")
@pytest.mark.parametrize("state", ["cancelled", "expired", "forbidden"])
async def test_a_share_that_is_over_keeps_its_siblings_going(domain, state):
    """Nothing of it is taken for removed, and a drive of the same domain does not notice."""
    async with domain() as world, world.opened() as remote, world.opened("demo-access") as drive:
        file = (await walk_top(remote))["a.txt"]
        change(world, state=state)
        for call in (remote.driver.link(file), remote.driver.list(remote.driver.root, None)):
            with pytest.raises(Gone):
                await call
        assert "a.txt" in await walk_top(drive)
        assert str(drive.health.report.state) == "online"


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"flags": {"disable_download": True}}, "has switched off downloading"),
        ({"limits": {"download_limit": 1}}, "are used up"),
    ],
)
async def test_what_the_owner_has_switched_off_is_said(domain, wish, words):
    """Listing goes on; the refusal itself does not say why."""
    async with domain() as world, world.opened() as remote:
        file = (await walk_top(remote))["a.txt"]
        change(world, **wish)

        async def links():
            for _ in range(3):
                await remote.driver.link(file, fresh=True)

        with pytest.raises(Denied, match=words):
            await links()
        assert "a.txt" in await walk_top(remote)


async def test_a_share_for_members_wants_a_login(domain):
    """Lent by a remote of the domain, it opens; both tokens go along then."""
    async with domain() as world:
        change(world, require_login=True)
        async with world.opened() as remote:
            with pytest.raises(Denied, match="only users of its domain") as info:
                await walk_top(remote)
            assert "auth=ref:NAME" in info.value.advice
        async with world.opened(auth="ref:demo-access") as remote:
            found = await walk_top(remote)
            assert await read(remote, found["a.txt"], 0, 5) == b"01234"


async def test_a_captcha_in_front_of_a_share_is_said(domain):
    """Nobody can type it here."""
    async with (
        domain("--defect", "share-captcha") as world,
        world.opened() as remote,
    ):
        with pytest.raises(Denied, match="asks for a captcha"):
            await walk_top(remote)


@pytest.mark.logs("is throttled")
@pytest.mark.parametrize(
    "fault",
    [
        Fault(action="status", status=429, kind="list", count=1),
        Fault(action="status", status=429, kind="share_token", count=1),
    ],
    ids=["list", "share token"],
)
async def test_throttling_is_told_as_such(domain, fault):
    """With a body of JSON or without one; the next attempt works."""
    async with domain() as world, world.opened() as remote:
        world.emulator.faults.add(fault)
        with pytest.raises(Throttled):
            await remote.driver.list(remote.driver.root, None)


@pytest.mark.parametrize("defect", ["old-anonymous-info", "v1-links", "bare-items", "numeric-ids"])
async def test_habits_of_older_domains_make_no_difference(domain, defect):
    """Short answers, signatures of the older way, missing keys, numbers for ids."""
    async with domain("--defect", defect, case=LOCKED) as world, world.opened() as remote:
        found = await walk(remote.driver)
        assert await read(remote, found["a.txt"], 990, 1000) == b"0123456789"
        info = await remote.driver.share_info()
        assert (info.locked, info.name) == (False, "tree")


@pytest.mark.logs("sent the whole file where a part was asked")
async def test_a_dead_link_says_so_in_the_storages_words(domain):
    """A Range past the end is answered 200 with everything, and nothing of that is taken."""
    async with domain() as world, world.opened() as remote:
        file = (await walk_top(remote))["a.txt"]
        grown = replace_size(file, 2000)
        with pytest.raises(FsmountError):
            await read(remote, grown, 900, 1500)
        assert isinstance(await remote.driver.link(file), Link)
        told = remote.driver.classify_content(
            403, {}, b"<Error><Code>AccessDenied</Code><Message>Request has expired.</Message>"
        )
        assert isinstance(told, LinkExpired)


def replace_size(file, size):
    """Return ``file`` as a listing that got its size wrong has it."""
    return msgspec.structs.replace(file, size=size)


async def test_a_second_scan_costs_no_link(domain, tree):
    """Open, head, tail, close of every file, twice."""
    for number in range(30):
        (tree / f"{number}.bin").write_bytes(bytes([number]) * 300)
    async with domain() as world, world.opened() as remote, open_tree(remote) as filesystem:
        for _ in range(2):
            for number in range(30):
                found = await filesystem.find(f"{number}.bin")
                handle = filesystem.open_file(found.inode)
                assert await handle.read(0, 100) == bytes([number]) * 100
                assert await handle.read(200, 100) == bytes([number]) * 100
                await handle.close()
        assert counted(world, "link") <= 31  # of the neighbour as well, ahead of need


async def test_a_trashed_file_is_not_there(domain):
    """Neither listed nor linked, although the drive still knows it."""
    async with domain(case=TOKEN) as world, world.opened("demo-access") as remote:
        file = (await walk_top(remote))["a.txt"]
        world.emulator.state.control("trash", {"path": "a.txt"})
        with pytest.raises(FsmountError):
            await remote.driver.stat(file)
        assert "a.txt" not in await walk_top(remote)


@pytest.mark.parametrize("defect", ["no-share-list", "cancel-200"])
async def test_shares_are_listed_and_ended_by_either_call(domain, defect):
    """Whichever of the two the domain has, and whatever it answers."""
    async with domain("--defect", defect) as world, world.opened("demo-access") as remote:
        file = (await walk_top(remote))["a.txt"]
        made = await remote.driver.create_share([file], name="n", code="k9!f2", lifetime_s=60.0)
        shares, _ = await remote.driver.own_shares(None)
        assert [(each.id, each.name, each.code) for each in shares] == [(made.id, "n", "k9!f2")]
        await remote.driver.cancel_share(made.id)
        assert await remote.driver.own_shares(None) == ([], None)


async def test_a_person_signs_in_to_an_application_of_the_domain(domain):
    """Confirmed elsewhere; the token that comes of it lists the drive."""
    async with domain() as world, world.opened("demo-oauth") as remote:
        world.emulator.state.control("device", {"states": ["pending", "confirmed"]})
        options, send = remote.source.options, remote.account._send
        flow = remote.source.spec.login(options, send)
        assert isinstance(await flow.start({"method": "device"}), ShowQr)
        step = await flow.poll()
        while not isinstance(step, Done):
            assert isinstance(step, Waiting)
            step = await flow.poll()
        scheme = remote.source.spec.scheme(options)
        call = Call(method="POST", url=f"{world.emulator.address}/v2/user/get", json={})
        answer = await send(scheme.sign(call, step.token))
        assert answer.status == 200
        assert (await scheme.refresh(step.token, send)).access
