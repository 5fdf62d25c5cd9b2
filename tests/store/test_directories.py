"""Where things live, and that they are ours alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fsmount.errors import UsageError
from fsmount.store.directories import (
    filesystem_type,
    find_directories,
    on_network_filesystem,
    prepare,
    refuse_below,
)


def test_root_uses_the_systems_directories():
    """Root: /etc, /var/lib, /var/cache, /run."""
    found = find_directories({"HOME": "/root"}, uid=0)
    assert found.config_files == (Path("/etc/fsmount/config.toml"),)
    assert (found.state, found.cache, found.runtime, found.credentials) == (
        Path("/var/lib/fsmount"),
        Path("/var/cache/fsmount"),
        Path("/run/fsmount"),
        None,
    )


def test_others_use_the_xdg_directories():
    """A user's places follow XDG, the system's configuration comes second."""
    environ = {"HOME": "/home/u", "XDG_CACHE_HOME": "/fast/cache", "XDG_RUNTIME_DIR": "/run/user/7"}
    found = find_directories(environ, uid=7)
    assert found.config_files == (
        Path("/home/u/.config/fsmount/config.toml"),
        Path("/etc/fsmount/config.toml"),
    )
    assert found.state == Path("/home/u/.local/state/fsmount")
    assert found.cache == Path("/fast/cache/fsmount")
    assert found.runtime == Path("/run/user/7/fsmount")


def test_a_relative_xdg_value_is_ignored():
    """The XDG rules: a path that is not absolute counts as unset."""
    found = find_directories({"HOME": "/home/u", "XDG_STATE_HOME": "state"}, uid=7)
    assert found.state == Path("/home/u/.local/state/fsmount")


@pytest.mark.parametrize("uid", [0, 7])
def test_systemds_directories_win(uid):
    """In a unit the directories that systemd made are used as they are, the first of several."""
    environ = {
        "HOME": "/home/u",
        "STATE_DIRECTORY": "/var/lib/fsmount-a:/var/lib/other",
        "CACHE_DIRECTORY": "/var/cache/fsmount-a",
        "RUNTIME_DIRECTORY": "/run/fsmount-a",
        "CONFIGURATION_DIRECTORY": "/etc/fsmount-a",
        "CREDENTIALS_DIRECTORY": "/run/credentials/a.service",
    }
    found = find_directories(environ, uid=uid)
    assert found.state == Path("/var/lib/fsmount-a")
    assert found.cache == Path("/var/cache/fsmount-a")
    assert found.runtime == Path("/run/fsmount-a")
    assert found.credentials == Path("/run/credentials/a.service")
    assert found.config_files[0] == Path("/etc/fsmount-a/config.toml")


def test_no_home_is_needed_where_the_account_database_knows_one():
    """A boot runs without HOME: the password database is asked."""
    found = find_directories({"XDG_RUNTIME_DIR": "/run/user/0"}, uid=1)
    assert found.state.is_absolute()
    assert found.state.name == "fsmount"


def test_a_user_without_any_home_is_told_so():
    """A container's random uid has no home: one sentence, not a KeyError."""
    with pytest.raises(UsageError, match="set HOME"):
        find_directories({}, uid=4_000_123)


def test_without_a_runtime_directory_the_name_in_tmp_tells_users_apart():
    """Under cron and su there is no XDG_RUNTIME_DIR."""
    assert find_directories({"HOME": "/h"}, uid=4_000_123).runtime == Path("/tmp/fsmount-4000123")


def test_prepare_makes_every_missing_part_for_us_alone(tmp_path):
    """What is made is 0700, parents included."""
    made = prepare(tmp_path / "a" / "b")
    assert made == tmp_path / "a" / "b"
    assert made.stat().st_mode & 0o777 == 0o700
    assert made.parent.stat().st_mode & 0o777 == 0o700


def test_prepare_closes_a_directory_that_others_could_read(tmp_path):
    """The state directories that systemd makes are 0755."""
    tmp_path.chmod(0o755)
    prepare(tmp_path)
    assert tmp_path.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_prepare_refuses_a_directory_that_others_could_write_to(tmp_path, mode):
    """Its content is not to be trusted."""
    tmp_path.chmod(mode)
    with pytest.raises(UsageError, match="writable by others"):
        prepare(tmp_path)


def test_prepare_refuses_somebody_elses_directory(tmp_path, monkeypatch):
    """A name that another user took in /tmp."""
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(UsageError, match="belongs to user"):
        prepare(tmp_path)


@pytest.mark.parametrize("below", ["", "deeper"])
def test_prepare_refuses_a_file(tmp_path, below):
    """A file where the directory, or its parent, should be."""
    (tmp_path / "state").write_text("")
    with pytest.raises(UsageError, match="directory"):
        prepare(tmp_path / "state" / below)


def test_a_mountpoint_must_not_hide_our_directories(tmp_path):
    """The state directory, or one above it, cannot be the mountpoint; a link does not help."""
    directories = find_directories({"HOME": str(tmp_path / "home")}, uid=7)
    (tmp_path / "home").mkdir()
    (tmp_path / "alias").symlink_to(tmp_path / "home")
    for mountpoint in (directories.state, directories.state.parent, tmp_path / "alias"):
        with pytest.raises(UsageError, match="below the mountpoint"):
            refuse_below(directories, mountpoint)
    refuse_below(directories, tmp_path / "home" / "mnt")
    refuse_below(directories, tmp_path / "ho")  # a prefix of the text is not a parent


MOUNTINFO = r"""
21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 21 0:40 / /home rw - nfs4 server:/home rw,vers=4.2
31 30 8:2 / /home/local\040disk rw - xfs /dev/sdb1 rw
32 21 0:50 / /mnt rw - ext4 /dev/sdc1 rw
33 21 0:51 / /mnt rw shared:5 master:1 - fuse.sshfs me@host: rw
a line that is cut
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", "ext4"),
        ("/homes", "ext4"),
        ("/home", "nfs4"),
        ("/home/u/.cache", "nfs4"),
        ("/home/local disk/cache", "xfs"),
        ("/mnt/x", "fuse.sshfs"),
    ],
)
def test_the_nearest_and_last_mount_holds_a_path(path, expected):
    """The longest mountpoint wins, of equal ones the one mounted last."""
    assert filesystem_type(path, MOUNTINFO) == expected


def test_a_cache_on_a_network_file_system_is_recognised(tmp_path):
    """NFS and sshfs are, a local disk is not, and without a table nothing is."""
    table = tmp_path / "mountinfo"
    table.write_text(MOUNTINFO)
    assert on_network_filesystem(Path("/home/u/.cache/fsmount"), mountinfo=table)
    assert on_network_filesystem(Path("/mnt/cache"), mountinfo=table)
    assert not on_network_filesystem(Path("/home/local disk/cache"), mountinfo=table)
    assert not on_network_filesystem(Path("/home/u"), mountinfo=tmp_path / "none")
