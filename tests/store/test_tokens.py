"""Tokens on disk: durable, newest wins, one lock per account."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from fsmount.errors import StoreFault
from fsmount.model import Token
from fsmount.store import files
from fsmount.store.directories import find_directories
from fsmount.store.tokens import TokenFile, account_key, token_path


def token(access="a1", issued_at=1000.0, **more):
    return Token(access=access, refresh=f"r-{access}", issued_at=issued_at, **more)


@pytest.fixture
def kept(tmp_path):
    return TokenFile(tmp_path / "tokens" / "me.json")


def test_a_token_comes_back_as_it_was_kept(kept):
    """All fields survive, what a scheme added included."""
    before = token(access_expires_at=4600.0, refresh_expires_at=9e6, extra={"drive": "云盘"})
    kept.save(before)
    assert kept.load() == before


def test_the_file_is_for_us_alone(kept):
    """Token files are 0600 below a 0700 directory, whatever the umask."""
    old = os.umask(0)
    try:
        kept.save(token())
    finally:
        os.umask(old)
    assert kept.path.stat().st_mode & 0o777 == 0o600
    assert kept.path.parent.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in kept.path.parent.iterdir()] == ["me.json"]


def test_nothing_kept_is_none(kept):
    """A missing file, and a missing directory, mean that there is no token."""
    assert kept.load() is None
    assert kept.stamp() is None
    kept.forget()


def test_a_newer_token_is_not_overwritten(kept):
    """A process that comes late with an older token loses."""
    kept.save(token("new", issued_at=2000.0))
    kept.save(token("old", issued_at=1000.0))
    assert kept.load().access == "new"
    kept.save(token("newer", issued_at=2001.0))
    assert kept.load().access == "newer"


def test_a_token_replaces_the_one_it_was_made_from_whatever_the_dates_say(kept):
    """A provider's clock that was set back does not strand the account."""
    ahead = token("from the future", issued_at=9e9)
    kept.save(ahead)
    kept.save(token("now"), replaces=ahead)
    assert kept.load().access == "now"


@pytest.mark.logs("cannot be understood")
@pytest.mark.parametrize("data", [b"", b"{", b'{"access": 5}', b'{"access": "\xff"}', b"[]"])
def test_a_damaged_file_is_as_if_there_were_none(kept, data):
    """It is warned of and can be replaced."""
    kept.path.parent.mkdir()
    kept.path.write_bytes(data)
    assert kept.load() is None
    kept.save(token())
    assert kept.load() == token()


def test_what_a_later_version_adds_is_no_damage(kept):
    """Unknown fields are left out."""
    kept.path.parent.mkdir()
    kept.path.write_bytes(b'{"access": "a", "colour": "red"}')
    assert kept.load() == Token(access="a")


def test_a_file_that_cannot_be_read_is_not_taken_for_absence(kept):
    """Reading fails with a sentence."""
    kept.path.mkdir(parents=True)
    with pytest.raises(StoreFault, match="cannot read the token"):
        kept.load()


def test_every_write_reaches_the_disk_before_the_name_does(kept, monkeypatch):
    """Written, fsynced, renamed, directory fsynced: in this order."""
    kept.save(token("first"))
    order = []
    fsync, rename = os.fsync, os.replace

    def recorded_fsync(fd):
        order.append("fsync " + Path(os.readlink(f"/proc/self/fd/{fd}")).name)
        fsync(fd)

    def recorded_replace(source, target):
        order.append(f"rename {Path(source).name} {Path(target).name}")
        rename(source, target)

    monkeypatch.setattr(os, "fsync", recorded_fsync)
    monkeypatch.setattr(os, "replace", recorded_replace)
    kept.save(token("second", issued_at=2000.0))
    assert order == ["fsync me.json.new", "rename me.json.new me.json", "fsync tokens"]


def test_a_disk_that_is_full_changes_nothing_and_says_so(kept, monkeypatch):
    """ENOSPC while writing: the old token is still there, no half one lies about."""
    kept.save(token("old"))

    def full(fd):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreFault, match="No space left"):
        kept.save(token("new", issued_at=2000.0))
    with pytest.raises(StoreFault, match="No space left"):
        kept.ensure_writable()
    assert kept.load().access == "old"
    assert [path.name for path in kept.path.parent.iterdir()] == ["me.json"]


async def test_a_state_directory_that_cannot_be_made_is_a_store_fault(tmp_path):
    """Writing, locking and the proof of writability all say it in words."""
    (tmp_path / "tokens").write_text("a file where the directory should be")
    kept = TokenFile(tmp_path / "tokens" / "me.json")
    with pytest.raises(StoreFault, match="cannot read the token"):
        kept.save(token())
    with pytest.raises(StoreFault, match="no token could be kept"):
        kept.ensure_writable()
    with pytest.raises(StoreFault, match="cannot make"):
        async with kept.locked():
            pytest.fail("locked without a directory")


def test_proving_that_a_token_could_be_kept_leaves_nothing_behind(kept):
    """The stand-in goes, the token stays."""
    kept.save(token())
    kept.ensure_writable()
    assert [path.name for path in kept.path.parent.iterdir()] == ["me.json"]


def test_forget_removes_the_token(kept):
    """After a sign-out nothing is left."""
    kept.save(token())
    kept.forget()
    assert kept.load() is None


def test_the_stamp_changes_with_every_token(kept):
    """Another process's token is noticed without reading it."""
    stamps = set()
    for number in range(5):
        kept.save(token(issued_at=float(number)))
        stamps.add(kept.stamp())
    assert len(stamps) == 5


async def test_the_lock_is_held_by_one_at_a_time(kept):
    """Ten tasks, each with its own handle, never meet."""
    inside, most = 0, 0

    async def enter():
        nonlocal inside, most
        async with TokenFile(kept.path).locked():
            inside += 1
            most = max(most, inside)
            await trio.lowlevel.checkpoint()
            inside -= 1

    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(enter)
    assert most == 1


async def test_a_cancelled_waiter_leaves_the_lock_free(kept):
    """Who stops waiting harms nobody."""
    async with kept.locked():
        with trio.move_on_after(0.05) as scope:
            async with TokenFile(kept.path).locked():
                pytest.fail("held twice")
        assert scope.cancelled_caught
    with trio.fail_after(5):
        async with TokenFile(kept.path).locked():
            pass


HOLD = """
import sys, trio
from pathlib import Path
from fsmount.store.tokens import TokenFile

async def hold():
    async with TokenFile(Path(sys.argv[1])).locked():
        print("held", flush=True)
        await trio.sleep_forever()

trio.run(hold)
"""


@pytest.fixture
def other_process(kept):
    """Return a process that holds the lock."""
    holder = subprocess.Popen([sys.executable, "-c", HOLD, kept.path], stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"
    yield holder
    holder.kill()
    holder.wait()
    holder.stdout.close()


async def test_the_kernel_frees_the_lock_of_a_killed_process(kept, other_process):
    """After a kill -9 of its holder the next one gets it."""
    with trio.move_on_after(0.1) as scope:
        async with kept.locked():
            pytest.fail("another process holds it")
    assert scope.cancelled_caught
    other_process.kill()
    with trio.fail_after(5):
        async with kept.locked():
            pass


async def test_a_directory_that_became_read_only_can_still_be_locked(kept, monkeypatch):
    """An existing lock file is opened for reading when it cannot be for writing."""
    async with kept.locked():
        pass
    real_open = os.open

    def read_only(path, flags, *rest):
        if flags & (os.O_WRONLY | os.O_RDWR):
            raise OSError(30, "Read-only file system")
        return real_open(path, flags, *rest)

    monkeypatch.setattr(files.os, "open", read_only)
    async with kept.locked():
        with pytest.raises(StoreFault, match="Read-only"):
            kept.save(token())
    (kept.path.with_suffix(".lock")).unlink()
    with pytest.raises(StoreFault, match="Read-only"):
        async with kept.locked():
            pytest.fail("no lock file can be made")


def test_account_keys_are_readable_unique_and_harmless():
    """Any name becomes a file name; two accounts never share one."""
    keys = {
        account_key(name, name) for name in ("a", "../../etc", "我的云盘", "", ".hidden", "a b")
    }
    assert len(keys) == 6
    directories = find_directories({"HOME": "/h"}, uid=7)
    for key in keys:
        path = token_path(directories, key)
        assert path.parent == directories.state / "tokens"
        assert not path.name.startswith(".")
    assert account_key("work", "x").startswith("work-")
    assert account_key("work", "x") != account_key("work", "y")


@pytest.mark.parametrize("key", ["", "../x", "a/b", ".x"])
def test_a_path_is_no_account_key(key):
    """A token is never written outside its directory."""
    with pytest.raises(ValueError, match="account key"):
        token_path(find_directories({"HOME": "/h"}, uid=7), key)
