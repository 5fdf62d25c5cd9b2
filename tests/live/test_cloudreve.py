"""What fsmount promises of any Cloudreve V4 site, held to a real one."""

from __future__ import annotations

import hashlib
import os
import random
import time

import httpx
import msgspec
import pytest
import trio

from fsmount.account.login import walk as sign_in
from fsmount.drivers.cloudreve.driver import SPEC
from fsmount.drivers.cloudreve.options import CloudreveOptions
from fsmount.drivers.cloudreve.pasted import parse_link
from fsmount.errors import Denied, Gone, LoginLost
from fsmount.model import Ask, Choose, Link
from fsmount.net.client import open_api_client
from fsmount.remote import net_settings
from tests.conformance.tree import read, walk
from tests.live.site import everything, same, shown_by, sum_of, where

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]

SMALL = 8 << 20
"""Files up to so many bytes are read whole without a sum to hold them to."""


def odd_spans(size, count=12):
    """Return ranges at odd offsets, the ends included."""
    chance = random.Random(size)
    spans = [(0, 1), (size - 1, size), (size // 3, size // 3 + 1), (1, min(size, 70_001))]
    for _ in range(count):
        start = chance.randrange(size)
        spans.append((start, min(size, start + chance.choice([1, 7, 4095, 131_073, 1_000_003]))))
    return [(start, stop) for start, stop in spans if 0 <= start < stop]


# --- shares, through the layers -------------------------------------------------------------------


@pytest.mark.parametrize("key", ["share", "share_password", "share_file"])
async def test_a_pasted_link_lists_everything(live, key):
    """Every page of every folder; each entry once, with an id, a name and a size."""
    (link,) = live.needs(key)
    async with live.opened(link) as remote:
        assert remote.account.anonymous
        found = await walk(remote.driver)
        ids = [entry.id for entry in found.values()]
        assert len(set(ids)) == len(ids)
        assert all(entry.name and entry.locator for entry in found.values())
        assert all(entry.size is not None for entry in found.values())
        assert all(entry.version for entry in found.values() if entry.size)
    print(f"{key}: {len(found)} entries")
    assert found


@pytest.mark.parametrize("key", ["share", "share_password"])
async def test_small_pages_list_the_same(live, key):
    """Borders of pages lose and repeat nothing, with whatever paging the site has."""
    (link,) = live.needs(key)
    async with live.opened(link) as remote:
        whole = await walk(remote.driver)
    size = 2 if len(whole) < 300 else 50
    async with live.opened(link, page_size=str(size)) as remote:
        paged = await walk(remote.driver)
    assert {path: entry.id for path, entry in paged.items()} == {
        path: entry.id for path, entry in whole.items()
    }


async def test_what_is_asked_by_itself_is_what_was_listed(live):
    """Details agree with listings, but for a time that the server moved meanwhile."""
    (link,) = live.needs("share")
    async with live.opened(link) as remote:
        found = await walk(remote.driver)
        for path in sorted(found)[:40]:
            listed, asked = found[path], await remote.driver.stat(found[path])
            assert (asked.id, asked.name, asked.kind) == (listed.id, listed.name, listed.kind)
            assert (asked.size, asked.version) == (listed.size, listed.version)


async def test_all_sums_are_right(live):
    """Every file of ``sums``, read through links, checks and blocks."""
    (link,), sums = live.needs("share"), live.sums
    async with live.tree(link) as filesystem:
        prefix = where(await everything(filesystem), sums)
        assert prefix is not None, "the share does not hold all files of sums"
        for path, digest in sorted(sums.items()):
            assert await sum_of(filesystem, prefix + path) == digest, path


async def test_ranges_at_odd_offsets_are_pieces_of_the_whole(live):
    """As one GET each, and together."""
    (link,) = live.needs("share")
    async with live.opened(link) as remote:
        found = await walk(remote.driver)
        files = sorted(
            (entry for entry in found.values() if entry.size and entry.size <= 4 * SMALL),
            key=lambda entry: -entry.size,
        )
        assert files, "the share holds no file that is small enough"
        for file in files[:3]:
            whole = await read(remote, file)
            assert len(whole) == file.size
            for start, stop in odd_spans(file.size):
                assert await read(remote, file, start, stop) == whole[start:stop]


async def test_links_come_in_batches_and_are_read_by_any_client(live):
    """No cookie, no token: a plain ranged GET is 206 with the asked range."""
    (link,) = live.needs("share")
    async with live.opened(link) as remote:
        files = [entry for entry in (await walk(remote.driver)).values() if entry.size][:20]
        links = await remote.driver.links(files)
        assert all(isinstance(each, Link) for each in links), links
        async with httpx.AsyncClient(verify=False, follow_redirects=True) as client:
            for file, each in zip(files[:5], links, strict=False):
                assert each.lifetime_s is None or each.lifetime_s > 60
                headers = {**each.headers, "range": "bytes=0-0", "accept-encoding": "identity"}
                answer = await client.get(each.url, headers=headers)
                assert answer.status_code == 206, "is the site's own URL configured right?"
                assert answer.headers["content-range"] == f"bytes 0-0/{file.size}"


async def test_a_share_tells_about_itself(live):
    """Name, kind and that it is open."""
    (link,) = live.needs("share")
    async with live.opened(link) as remote:
        info = await remote.driver.share_info()
    assert info.name
    assert (info.is_folder, info.locked, info.expired) == (True, False, False)


async def test_a_share_of_one_file_shows_one_file(live):
    """Which reads whole; its link is asked once for all of this run."""
    (link,) = live.needs("share_file")
    async with live.tree(link) as filesystem:
        ((name, file),) = (await everything(filesystem)).items()
        assert not file.is_folder
        digest = await sum_of(filesystem, name)
    known = {path.rpartition("/")[2]: each for path, each in live.told.sums.items()}
    if name in known:
        assert digest == known[name].lower()


async def test_a_share_with_its_code_reads(live):
    """The code is part of the pasted link."""
    (link,) = live.needs("share_password")
    async with live.opened(link) as remote:
        assert "***" in remote.source.shown or "share_password" not in parse_link(link).options
        files = [each for each in (await walk(remote.driver)).values() if each.size]
        for file in [each for each in files if each.size <= SMALL][:5]:
            assert len(await read(remote, file)) == file.size


@pytest.mark.parametrize("code", ["", "wr0ngc0de"])
async def test_a_wrong_code_is_denied_in_words(live, code):
    """What is wrong and what to do; never the right code."""
    (link,) = live.needs("share_password")
    right = parse_link(link).options["share_password"]
    assert right != code
    async with live.opened(link, share_password=code) as remote:
        assert (await remote.driver.share_info()).locked
        with pytest.raises(Denied, match="password") as info:
            await remote.driver.list(remote.driver.root, None)
    assert info.value.advice
    assert right not in str(info.value)


@pytest.mark.parametrize("key", ["expired", "cancelled"])
async def test_a_share_that_is_over_says_so(live, key, expect_log):
    """Which of the two it is; it is neither empty nor missing."""
    (link,) = live.needs(key)
    expect_log("is gone")
    async with live.opened(link) as remote:
        with pytest.raises(Gone, match=key) as info:
            await remote.driver.list(remote.driver.root, None)
    assert info.value.advice


@pytest.mark.parametrize(
    ("key", "word"),
    [("expired", "expired"), ("cancelled", "cancelled"), ("share_password", "code")],
)
def test_the_program_says_it_in_one_line(live, key, word):
    """``ls`` and ``mount``: exit code 1, one sentence, nothing mounted."""
    (link,) = live.needs(key)
    options = live.options("share_password=wr0ngc0de") if word == "code" else live.options()
    wanted = "password" if word == "code" else word
    assert wanted in live.fsmount("ls", link, *options).sentence
    point = live.places.top / "refused"
    point.mkdir(exist_ok=True)
    said = live.fsmount("mount", link, point, *options)
    assert (said.code, wanted in said.sentence) == (1, True), said
    assert not os.path.ismount(point)


# --- accounts, through the layers -----------------------------------------------------------------


class Person:
    """Knows an e-mail and its password, and nothing that a picture or a telephone would tell."""

    def __init__(self, live):
        self._known = dict(zip(("email", "password"), live.needs("email", "password"), strict=True))

    async def __call__(self, step):
        match step:
            case Choose(field="method"):
                return {"method": "password"}
            case Ask(field=field) if field in self._known:
                return {field: self._known.pop(field)}
            case _:
                pytest.skip(f"the site asks what this suite cannot answer: {step.prompt}")


def options_of(live):
    """Return the options of the site without any account."""
    return msgspec.convert(
        {"address": live.told.address, **live.needed}, CloudreveOptions, strict=False
    )


async def signed_in(live):
    """Sign in by e-mail and password, once in a run; skips where that takes a person."""
    if "login" not in live.kept:
        options = options_of(live)
        async with open_api_client(net_settings(options)) as api:
            live.kept["login"] = await sign_in(SPEC.login(options, api.send), Person(live))
    return live.kept["login"]


async def test_e_mail_and_password_sign_in(live):
    """As ``fsmount login`` does; both tokens come, with their ends."""
    done = await signed_in(live)
    assert done.note.startswith("signed in")
    token = done.token
    assert token.access
    assert token.refresh
    assert token.access_expires_at - token.issued_at > 60
    assert token.refresh_expires_at > token.access_expires_at


async def test_a_refresh_token_alone_opens_the_drive(live, tmp_path):
    """And brings a newer one; the old one stays good."""
    token = (await signed_in(live)).token
    options = options_of(live)
    scheme = SPEC.scheme(options)
    async with open_api_client(net_settings(options)) as api:
        newer = await scheme.refresh(token, api.send)
        again = await scheme.refresh(token, api.send)
    assert newer.access
    assert newer.refresh
    assert again.issued_at >= newer.issued_at
    secret = tmp_path / "token"
    secret.touch(mode=0o600)
    secret.write_text(newer.refresh)
    config = live.config("token", email="", password_file="", refresh_token_file=str(secret))
    async with live.opened("live", config) as remote:
        page = await remote.driver.list(remote.driver.root, None)
        assert page.skipped == 0


async def test_a_wrong_password_is_one_sentence(live, tmp_path, expect_log):
    """Without the password in it."""
    (email,) = live.needs("email")
    expect_log("login lost")
    secret = tmp_path / "wrong"
    secret.touch(mode=0o600)
    secret.write_text("not-the-passw0rd")
    config = live.config("wrong", email=f"x{email}", password_file=str(secret))
    async with live.opened("live", config) as remote:
        with pytest.raises(LoginLost) as info:
            await remote.driver.list(remote.driver.root, None)
    assert "not-the-passw0rd" not in str(info.value)
    assert "password" in info.value.message or "captcha" in info.value.message


async def test_the_drive_lists_everything_and_tells_its_space(live):
    """Signed calls; folders first on every page."""
    await signed_in(live)
    async with live.opened("live", live.config()) as remote:
        assert not remote.account.anonymous
        page = await remote.driver.list(remote.driver.root, None)
        kinds = [entry.is_folder for entry in page.entries]
        assert kinds == sorted(kinds, reverse=True)
        space = await remote.driver.space()
        assert space.used >= 0
        assert space.total > 0
        print(f"drive: {space}")


async def test_the_size_of_a_folder_is_told_or_unknown(live):
    """Twice: servers of some versions panic at the second question, which harms nothing."""
    await signed_in(live)
    async with live.opened("live", live.config()) as remote:
        page = await remote.driver.list(remote.driver.root, None)
        folders = [entry for entry in page.entries if entry.is_folder]
        told = [await remote.driver.folder_size(folder) for folder in folders[:1] * 2]
        assert all(each is None or each.size >= 0 for each in told)
        assert str(remote.health.report.state) == "online"
    if not folders:
        pytest.skip("the drive's root holds no folder to ask about")
    print(f"folder size: {told}")


async def test_the_sums_of_the_drive_are_right(live):
    """The same files as in the share, wherever they are in the drive."""
    sums = live.sums
    await signed_in(live)
    async with live.tree("live", live.config()) as filesystem:
        prefix = where(await everything(filesystem), sums)
        found = {} if prefix is None else sums
        for path, digest in sorted(found.items()):
            assert await sum_of(filesystem, prefix + path) == digest, path
    if not found:
        pytest.skip("the drive does not hold all files of sums: say where it does with root")


# --- in the kernel --------------------------------------------------------------------------------


@pytest.mark.fuse
@pytest.mark.parametrize("key", ["share", "share_password", "share_file"])
def test_a_mounted_share_shows_what_the_site_lists(live, key):
    """Names survive: each is found by itself, with its size; a second mount has its numbers."""
    (link,) = live.needs(key)

    async def listed():
        async with live.tree(link) as filesystem:
            return {
                path: None if each.is_folder else each.size
                for path, each in (await everything(filesystem)).items()
            }

    wanted = trio.run(listed)
    with live.mounted(link) as path:
        assert shown_by(path) == wanted
        numbers = {name: (path / name).stat().st_ino for name in wanted}
    with live.mounted(link) as path:
        assert {name: (path / name).stat().st_ino for name in wanted} == numbers


@pytest.mark.fuse
def test_the_sums_of_a_mounted_share_are_right(live):
    """And ``diff -r`` sees nothing where the originals are at hand."""
    (link,), sums = live.needs("share"), live.sums
    with live.mounted(link) as path:
        prefix = where(shown_by(path), sums)
        assert prefix is not None, "the share does not hold all files of sums"
        for name, digest in sorted(sums.items()):
            with (path / f"{prefix}{name}").open("rb") as file:
                assert hashlib.file_digest(file, "sha256").hexdigest() == digest, name
        if live.originals:
            same(live.originals, path)


@pytest.mark.fuse
def test_reads_at_odd_offsets_through_the_kernel(live):
    """``pread`` anywhere is a piece of the whole; beyond the end there is nothing."""
    (link,) = live.needs("share")
    with live.mounted(link) as path:
        sizes = {name: size for name, size in shown_by(path).items() if size}
        names = sorted(
            (name for name in sizes if sizes[name] <= 4 * SMALL), key=lambda name: -sizes[name]
        )
        assert names, "the share holds no file that is small enough"
        for name in names[:3]:
            number = os.open(path / name, os.O_RDONLY)
            try:
                pieces = [
                    (start, stop, os.pread(number, stop - start, start))
                    for start, stop in odd_spans(sizes[name])
                ]
                assert os.pread(number, 10, sizes[name] + 5) == b""
            finally:
                os.close(number)
            whole = (path / name).read_bytes()
            assert len(whole) == sizes[name]
            for start, stop, piece in pieces:
                assert piece == whole[start:stop]


@pytest.mark.fuse
def test_a_mounted_drive_shows_its_capacity(live):
    """``df`` asks nobody; the numbers come within seconds of the mount."""
    trio.run(signed_in, live)
    with live.mounted("live", config=live.config()) as path:
        list(path.iterdir())
        deadline = time.monotonic() + 30
        while not (space := os.statvfs(path)).f_blocks:
            assert time.monotonic() < deadline, "no capacity came"
            time.sleep(0.1)
        assert 0 <= space.f_bfree <= space.f_blocks
        print(f"df: {space.f_blocks * space.f_frsize} bytes")


@pytest.mark.fuse
def test_a_mount_is_read_only_and_ends_clean_right_after_a_read(live):
    """What was fetched ahead does not keep it."""
    (link,) = live.needs("share")
    with live.mounted(link) as path:
        with pytest.raises(OSError, match="Read-only"):
            (path / "new").touch()
        sizes = {name: size for name, size in shown_by(path).items() if size}
        with (path / max(sizes, key=sizes.get)).open("rb") as file:
            assert file.read(1)
