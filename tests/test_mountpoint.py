"""What the mount table says, and the checks before a mount; no mount is needed for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from fsmount import mountpoint
from fsmount.errors import FsmountError
from fsmount.mountpoint import Mounted

MOUNTINFO = r"""
22 27 0:20 / /proc rw,relatime - proc proc rw
43 27 0:40 / /mnt/a\040b\134c ro,nosuid shared:7 - fuse.fsmount films,\0401 ro,user_id=0
44 43 0:41 / /mnt/over rw - tmpfs tmpfs rw
45 44 0:42 / /mnt/over ro - fuse.fsmount https://x/s/1 ro
not a line
"""


@pytest.fixture
def table(monkeypatch):
    monkeypatch.setattr(mountpoint, "mounts", lambda: mountpoint.parse_mountinfo(MOUNTINFO))


def test_a_line_of_mountinfo_is_understood_with_its_escapes():
    """Spaces and backslashes are written as octal digits; optional fields vary in number."""
    found = mountpoint.parse_mountinfo(MOUNTINFO)
    assert found[1] == Mounted(
        mountpoint="/mnt/a b\\c", fstype="fuse.fsmount", source="films, 1", device="0:40"
    )
    assert found[1].connection == 40
    assert [mount.is_ours for mount in found] == [False, True, False, True]


def test_the_uppermost_mount_counts(table):
    """A mount hides an earlier one on the same folder."""
    assert mountpoint.mounted_at(Path("/mnt/over")).device == "0:42"
    assert mountpoint.mounted_at(Path("/mnt")) is None


def test_a_path_lies_in_the_nearest_mount_of_ours(table):
    """Found by its text: nothing is asked of the mount."""
    assert mountpoint.mount_over(Path("/mnt/over/deep/file")).device == "0:42"
    assert mountpoint.mount_over(Path("/mnt/overlay")) is None
    assert mountpoint.mount_over(Path("/proc/1")) is None


def test_an_empty_folder_will_do_also_over_a_link(tmp_path):
    """The path comes back as the mount table will name it."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    expected = tmp_path.resolve() / "real"
    assert mountpoint.check(tmp_path / "link", nonempty=False) == expected
    assert mountpoint.check(tmp_path / "x" / ".." / "real", nonempty=False) == expected


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("missing", 'there is no such folder; make it with "mkdir -p'),
        ("missing/deeper", "there is no such folder"),
        ("file", "it is not a folder"),
        ("full", "the folder is not empty; use an empty folder, or -o nonempty"),
    ],
)
def test_a_mountpoint_that_will_not_do_says_why_and_what_to_do(tmp_path, name, sentence):
    """One sentence each."""
    (tmp_path / "file").touch()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "something").touch()
    with pytest.raises(FsmountError) as caught:
        mountpoint.check(tmp_path / name, nonempty=False)
    assert str(caught.value).startswith(f'cannot mount on "{tmp_path / name}": ')
    assert sentence in str(caught.value)


def test_a_full_folder_will_do_when_that_is_wished(tmp_path):
    """-o nonempty."""
    (tmp_path / "something").touch()
    assert mountpoint.check(tmp_path, nonempty=True) == tmp_path.resolve()


def test_a_mountpoint_of_others_is_busy():
    """/proc is one everywhere, and its daemon is not asked."""
    with pytest.raises(FsmountError, match=r'cannot mount on "/proc": another file system'):
        mountpoint.check(Path("/proc"), nonempty=True)


def test_a_folder_that_waits_for_its_mount_is_not_looked_into(monkeypatch):
    """x-systemd.automount: whoever looks waits for us, and we would wait for ourselves."""
    line = "50 27 0:50 / /mnt/auto rw - autofs systemd-1 rw,fd=49"
    monkeypatch.setattr(mountpoint, "mounts", lambda: mountpoint.parse_mountinfo(line))
    monkeypatch.setattr(mountpoint.os, "scandir", lambda path: pytest.fail("looked into it"))
    assert mountpoint.check(Path("/mnt/auto"), nonempty=False) == Path("/mnt/auto")


def test_a_folder_is_made_with_those_above_it(tmp_path):
    """Once; one that cannot be made is one sentence."""
    for _ in range(2):
        mountpoint.make(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").touch()
    mountpoint.make(tmp_path / "file")
    with pytest.raises(FsmountError, match=r'cannot make the folder ".*/file/a": Not a directory'):
        mountpoint.make(tmp_path / "file" / "a")


def test_an_unknown_connection_cannot_be_aborted():
    """False, no exception: it is called when things are already bad."""
    assert mountpoint.abort(999_999_999) is False


def test_a_guard_without_a_mount_does_nothing(tmp_path):
    """The daemon ended before it mounted."""
    guard = mountpoint.Guard(tmp_path)
    guard.attach()
    guard.abort()
    guard.clear()
    assert mountpoint.mounted_at(tmp_path) is None
