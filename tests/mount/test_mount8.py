"""The real mount(8), fstab and umount(8), on a private copy of this machine's /etc and /sbin."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import pytest

from fsmount import mountpoint
from tests.emulators import run_emulator
from tests.mount.machine import private_machine
from tests.mount.standing import Places, state_of, wait_for

pytestmark = [
    pytest.mark.fuse,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can have a private /etc and /sbin"),
]

PASSWORD = "pw12"  # as people have them: in the link
USER = 12345


@pytest.fixture
def places():
    """Directories of this test alone, into which other users may go as well."""
    with tempfile.TemporaryDirectory(prefix="fsmount-") as top:
        os.chmod(top, 0o755)
        yield Places(Path(top).resolve())
    # Of a user without XDG_RUNTIME_DIR, which setuid programs drop.
    shutil.rmtree(f"/tmp/fsmount-{USER}", ignore_errors=True)


@pytest.fixture
def machine(places):
    """A machine on which fsmount is installed."""
    with private_machine(places) as machine:
        installed = machine.fsmount("systemd", "install")
        assert installed.code == 0
        yield machine


@pytest.fixture
def locked(tree):
    """A site whose share has a password."""
    with run_emulator(tree, "--share-password", PASSWORD) as cloud:
        yield cloud


@pytest.fixture
def target(places):
    """A folder to mount on."""
    path = places.top / "mnt"
    path.mkdir()
    return path


def content(machine, path, **kwargs):
    return machine.run("cat", path / "hello.txt", **kwargs).out


def test_mount_and_umount_by_type(machine, locked, target):
    """Type and source as findmnt shows them: fuse.fsmount, and no password."""
    machine.run("mount", "-t", "fsmount", locked.source, target, "-o", "cache=1G")
    assert content(machine, target) == "hello\n"
    kind, source, options = machine.table(target).split()
    assert kind == "fuse.fsmount"
    assert source == locked.source.removesuffix(PASSWORD) + "***"
    assert {"ro", "nosuid", "nodev"} <= set(options.split(","))
    machine.run("umount", target)
    assert machine.table(target) == ""


def test_mount_fuse3_finds_the_program(machine, locked, target):
    """``-t fuse.fsmount`` runs "fsmount" with the system's PATH, and passes fstab's words on."""
    options = "nofail,_netdev,x-systemd.automount,user,cache=1G"
    machine.run("mount", "-t", "fuse.fsmount", locked.source, target, "-o", options)
    assert content(machine, target) == "hello\n"
    machine.run("umount", target)
    assert machine.table(target) == ""


def test_mount_all_mounts_each_line_once(machine, locked, target):
    """Also a line whose source the mount table does not have, since its code is not shown."""
    machine.fstab(
        f"{locked.source} {target} fsmount _netdev,nofail,x-systemd.automount,x-gvfs-show 0 0",
        "elsewhere /nowhere fsmount noauto 0 0",
    )
    machine.run("mount", "-a")
    assert content(machine, target) == "hello\n"
    again = machine.run("mount", "-a")
    assert (again.code, again.err) == (0, "")
    # The namespace began as a copy of the machine's: other tests may have mounts of their own.
    mounts = machine.run("findmnt", "-n", "-o", "TARGET", "-t", "fuse.fsmount").out.split()
    assert mounts.count(str(target)) == 1
    other = machine.run("mount", "-t", "fsmount", locked.line["expired"], target, check=False)
    assert other.code == 32
    assert "is already mounted there" in other.err
    machine.run("umount", target)


def test_mount_all_mounts_anew_what_died(machine, locked, target):
    """A line whose daemon and supervisor were killed is cleared and mounted."""
    machine.fstab(f"{locked.source} {target} fsmount defaults 0 0")
    machine.run("mount", "-a")
    (told,) = status(machine)
    supervisor = parent_of(told["pid"])
    os.kill(told["pid"], signal.SIGSTOP)  # it must not act on its supervisor's death
    os.kill(supervisor, signal.SIGKILL)
    os.kill(told["pid"], signal.SIGKILL)
    wait_for(lambda: state_of(told["pid"]) in ("", "Z"))
    assert machine.run("ls", target, check=False).code != 0
    machine.run("mount", "-a")
    assert content(machine, target) == "hello\n"


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(r"user_agent=a\,b\040c,cache=1G", id="backslash"),
        pytest.param('user_agent="a,b\\040c",cache=1G', id="quotes"),
    ],
)
def test_commas_in_values(machine, cloud, target, written):
    r"""``\,`` as well as double quotes, on their way through libmount."""
    machine.fstab(f"{cloud.source} {target} fsmount {written} 0 0")
    machine.run("mount", target)
    assert content(machine, target) == "hello\n"
    assert "User-Agent: a,b c" in machine.fsmount("link", target / "hello.txt").out


def test_an_ordinary_user_mounts_a_line_with_user(machine, locked, target):
    """It is that user's own mount, who alone sees into it and takes it away again."""
    enters = [sys.executable, "-c", "import fsmount"]
    if machine.run(*enters, user=USER, check=False).code != 0:
        pytest.skip(f"other users cannot run {sys.executable}")
    os.chown(target, USER, USER)
    # mount(8) is setuid and drops HOME: the account's own counts.
    home = machine.home(USER)
    users = f"root:x:0:0::/root:/bin/sh\nann:x:{USER}:{USER}::{home}:/bin/sh\n"
    machine.file("/etc/passwd", users)
    machine.fstab(f"{locked.source} {target} fsmount noauto,user 0 0")
    machine.run("mount", target, user=USER)
    assert content(machine, target, user=USER) == "hello\n"
    assert machine.run("cat", target / "hello.txt", check=False).code != 0
    assert f"user_id={USER}" in machine.table(target)
    assert "noexec" in machine.table(target)
    refused = machine.run("umount", target, user=USER + 1, check=False)
    assert refused.code != 0
    machine.run("umount", target, user=USER)
    assert machine.table(target) == ""


def test_account_secrets_are_refused_in_options(machine, locked, target):
    """With the reason, and what to use instead; mount(8) reports a usage error."""
    options = "password=hunter2-secret"
    done = machine.run("mount", "-t", "fsmount", "demo", target, "-o", options, check=False)
    assert done.code == 1
    assert "everyone could read it in ps and /etc/fstab" in done.err
    assert 'use password_file=FILE, or "fsmount login REMOTE"' in done.err
    assert "hunter2" not in done.err
    assert machine.table(target) == ""


def test_uninstalling_takes_everything_back(machine, locked, target):
    """mount(8) knows the type no longer; what stands goes on."""
    machine.run("mount", "-t", "fsmount", locked.source, target)
    removed = machine.fsmount("systemd", "uninstall").out
    assert "removed /sbin/mount.fsmount" in removed
    assert content(machine, target) == "hello\n"
    machine.run("umount", target)
    done = machine.run("mount", "-t", "fsmount", locked.source, target, check=False)
    assert "unknown filesystem type 'fsmount'" in done.err


def status(machine):
    return json.loads(machine.fsmount("status", "--json").out)


def parent_of(pid):
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[1])


def test_what_is_mounted_there_is_seen_by_nobody_else(machine, locked, target):
    """These tests leave the machine as it is."""
    machine.run("mount", "-t", "fsmount", locked.source, target)
    assert mountpoint.mounted_at(target) is None
