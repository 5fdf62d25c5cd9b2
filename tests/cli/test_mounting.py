"""Commands and a real mount: mount, umount, and what they say of a mounted path."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from tests.cli.conftest import TREE
from tests.emulators.doors import run_emulator

pytestmark = pytest.mark.fuse


@pytest.fixture
def mountpoint(tmp_path, fsmount):
    """An empty directory; what is mounted on it at the end is unmounted."""
    path = tmp_path / "mnt"
    path.mkdir()
    yield path
    if os.path.ismount(path):
        assert fsmount("umount", path).code == 0


@pytest.fixture
def mounted(program, site, mountpoint):
    """The site's share, mounted."""
    result = program("mount", site.source, mountpoint)
    assert (result.code, result.err) == (0, "")
    return mountpoint


def test_the_short_form_mounts_too(program, site, mountpoint):
    """``fsmount SOURCE MOUNTPOINT -o …`` is what mount.fuse3 runs."""
    result = program(site.source, mountpoint, "-o", "nosuid,nodev,cache=0")
    assert (result.code, result.err) == (0, "")
    assert (mountpoint / "hello.txt").read_bytes() == b"hello\n"
    assert program("umount", mountpoint).code == 0
    assert list(mountpoint.iterdir()) == []


def test_a_folder_is_made_when_that_is_wished(program, site, mountpoint):
    """-o X-mount.mkdir, as mount(8) has it; a mount that answers is not stale."""
    mountpoint.rmdir()
    assert program("mount", site.source, mountpoint).code == 1
    result = program("mount", site.source, mountpoint, "-o", "X-mount.mkdir")
    assert (result.code, result.err) == (0, "")
    result = program("umount", "--stale", mountpoint, mountpoint.parent)
    assert (result.code, result.err) == (0, "")
    assert (mountpoint / "hello.txt").read_bytes() == b"hello\n"


def test_the_helper_mounts_as_mount_calls_it(places, site, mountpoint):
    """``mount.fsmount SOURCE DIR -o rw``: read-only without a word."""
    code = "import sys; from fsmount.__main__ import mount_helper; sys.exit(mount_helper())"
    words = [sys.executable, "-c", code, site.source, str(mountpoint), "-o", "rw,user,_netdev"]
    done = subprocess.run(
        words, env={**os.environ, **places}, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    with pytest.raises(OSError, match="Read-only"):
        (mountpoint / "new").touch()


def test_a_mounted_path_is_listed_and_read(fsmount, mounted, tmp_path):
    """ls, cat: as of a SOURCE, in the order of names."""
    assert fsmount("ls", mounted).out.splitlines() == [
        *("100% #1?.bin", "hello.txt", "photos/", "你好 🎉.txt"),
    ]
    names = fsmount("ls", "-R", mounted).out.splitlines()
    assert {name for name in names if not name.endswith("/")} == set(TREE)
    line = fsmount("ls", "-l", mounted / "hello.txt").out
    assert (line.split()[0], line.split()[-1]) == ("6", "hello.txt")
    assert fsmount("cat", mounted / "hello.txt").out == "hello\n"
    assert fsmount("cat", "-O", tmp_path / "out", mounted / "100% #1?.bin").code == 0
    assert (tmp_path / "out").read_bytes() == TREE["100% #1?.bin"]
    result = fsmount("ls", mounted / "nothing")
    assert result.line == f'fsmount: cannot list "{mounted}/nothing": No such file or directory'
    result = fsmount("cat", mounted / "photos")
    assert result.line == f'fsmount: cannot read "{mounted}/photos": Is a directory'


@pytest.mark.shows_secret
def test_a_mounted_path_is_described_and_linked(fsmount, mounted, site, tmp_path):
    """By its mount, which is asked; also through a symbolic link."""
    facts = json.loads(fsmount("stat", "--json", mounted / "hello.txt").out)
    apart = json.loads(fsmount("stat", "--json", site.source, "hello.txt").out)
    assert {**facts, "inode": 0} == {**apart, "inode": 0, "cached": 0}
    assert apart["cached"] is None  # nothing is kept of a SOURCE that is not mounted
    assert facts["inode"] == (mounted / "hello.txt").stat().st_ino
    assert "curl -L -o hello.txt " in fsmount("link", mounted / "hello.txt").out
    (tmp_path / "symlink").symlink_to(mounted)
    through = fsmount("stat", "--json", tmp_path / "symlink" / "hello.txt")
    assert json.loads(through.out) == facts
    result = fsmount("stat", mounted / "photos" / "nothing")
    assert result.line == 'fsmount: there is no "nothing" in "/photos"'


def test_stat_says_when_a_provider_does_not_count_now(program, fsmount, tmp_path, mountpoint):
    """A server of 2025-06 fails when it is asked again within minutes; of a mounted path too."""
    (tmp_path / "tree" / "folder").mkdir(parents=True)
    with run_emulator(tmp_path / "tree", "--defect", "folder-summary-500") as site:
        own = ("--config", site.config)
        assert "0 files" in fsmount(*own, "stat", "--below", "demo", "folder").out
        assert program(*own, "mount", "demo", mountpoint).code == 0
        out = fsmount("stat", "--below", mountpoint / "folder").out
        assert "    below: the provider does not tell it now; ask again in some minutes\n" in out


def test_status_tells_of_the_mount_and_of_open_files(fsmount, mounted, site):
    """As text and as JSON."""
    with (mounted / "100% #1?.bin").open("rb") as file:
        file.read(1)
        (told,) = json.loads(fsmount("status", "--json").out)
        text = fsmount("status", mounted / "photos").out
    assert told["mountpoint"] == str(mounted)
    assert told["source"] == site.source
    assert (told["state"], told["driver"]) == ("online", "cloudreve")
    assert told["handles"][0]["path"] == "100% #1?.bin"
    assert text.splitlines()[0] == f"{mounted}  {site.source}"
    assert "  open: 100% #1?.bin (4.0 KiB)" in text


def test_prometheus_may_ask_a_mount(program, fsmount, site, mountpoint):
    """On the port that was asked for, and by the command line; a taken port is only said."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert program("mount", site.source, mountpoint, "-o", f"metrics={port}").code == 0
    (mountpoint / "hello.txt").read_bytes()
    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10).read().decode()
    asked = fsmount("status", "--metrics", mountpoint).out
    figure = re.compile(r'fsmount_kernel_requests_total\{kind="open",.*\} 1\.0')
    assert figure.search(text)
    assert figure.search(asked)
    result = fsmount("status", "--metrics")
    assert result.line == "fsmount: --metrics is about one mount; say which: its mountpoint"


def test_status_is_watched_until_ctrl_c(places, mounted):
    """Drawn anew every second; ends with 130 and without a word."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "fsmount", "status", "--watch"],
        env={**os.environ, **places, "TERM": "xterm", "COLUMNS": "300"},
        stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    seen = ""
    deadline = time.monotonic() + 30
    while seen.count("online") < 2 and time.monotonic() < deadline:
        seen += os.read(ours, 65536).decode(errors="replace")
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 130
    os.close(ours)
    assert seen.count("online") >= 2
    assert "Traceback" not in seen


def test_refresh_shows_what_is_new(program, fsmount, tmp_path, mountpoint):
    """A share is listed for an hour; refresh asks now."""
    root = tmp_path / "tree"
    (root / "sub").mkdir(parents=True)
    with run_emulator(root) as site:
        assert program("mount", site.source, mountpoint).code == 0
        assert os.listdir(mountpoint / "sub") == []
        (root / "sub" / "new.txt").write_text("new")
        result = fsmount("refresh", mountpoint / "sub")
        assert (result.code, result.line) == (0, f'"{mountpoint}/sub" is listed anew')
        deadline = time.monotonic() + 10
        while os.listdir(mountpoint / "sub") != ["new.txt"] and time.monotonic() < deadline:
            time.sleep(0.1)
        assert os.listdir(mountpoint / "sub") == ["new.txt"]
        assert fsmount("umount", mountpoint).code == 0


def test_the_password_of_a_share_shows_nowhere(program, fsmount, locked_site, mountpoint):
    """Neither in status, nor in the table of mounts, nor in its log."""
    assert program("mount", locked_site.source, mountpoint).code == 0
    assert "pw12" not in fsmount("status", "--json").out + fsmount("status").out
    with open("/proc/self/mountinfo") as table:
        assert "pw12" not in table.read()
    (log,) = (mountpoint.parent / "state" / "log").iterdir()
    assert "pw12" not in log.read_text()


def test_rw_warns_once(program, site, mountpoint):
    """And mounts all the same."""
    result = program("mount", site.source, mountpoint, "-o", "rw")
    assert result.line == "fsmount: writing is not possible yet, the mount is read-only"
    assert result.code == 0


@pytest.mark.parametrize(
    ("source", "words", "code"),
    [
        ("expired", "has expired", 1),
        ("cancelled", "was cancelled or deleted", 1),
    ],
)
def test_a_share_that_is_over_is_not_mounted(program, site, mountpoint, source, words, code):
    """One line; nothing is left mounted."""
    result = program("mount", site.line[source], mountpoint)
    assert words in result.line
    assert result.code == code
    assert not os.path.ismount(mountpoint)


def test_what_cannot_be_mounted_is_one_line(program, site, locked_site, mountpoint, tmp_path):
    """Addresses, ids, passwords, options, configuration."""
    bad_toml = tmp_path / "bad.toml"
    bad_toml.write_text("[remotes.a\n")
    cases = [
        (["http://127.0.0.1:9/s/AbC1"], "127.0.0.1:9", 1),
        ([f"{site.address}/s/no"], "is not the id of a share", 1),
        ([locked_site.source.removesuffix("pw12") + "hunter2"], "password", 1),
        ([site.source, "-o", "insecuer"], 'did you mean "insecure"?', 2),
        ([site.source, "-o", "memory=lots"], "is not a size", 2),
        (["nothing"], 'there is no remote "nothing"', 2),
        (["demo", "--config", bad_toml], "cannot read the configuration", 2),
    ]
    for (source, *more), words, code in cases:
        result = program("mount", source, mountpoint, *more)
        assert words in result.line, source
        assert "hunter2" not in result.err
        assert result.code == code, source
        assert not os.path.ismount(mountpoint)


def test_a_certificate_of_nobody_is_not_mounted(program, tree, mountpoint):
    """Both ways out are told, and work."""
    with run_emulator(tree, "--tls", "--address-host", "localhost") as secure:
        result = program("mount", secure.source, mountpoint)
        assert "certificate" in result.line
        assert "ca_file" in result.line
        assert result.code == 1
        assert program("mount", secure.source, mountpoint, "-o", secure.options).code == 0
        assert (mountpoint / "hello.txt").read_bytes() == b"hello\n"
        assert program("umount", mountpoint).code == 0


def test_a_mountpoint_that_will_not_do_is_one_line(program, site, mounted, tmp_path):
    """Missing, a file, not empty, busy with another mount."""
    missing, file, full = tmp_path / "missing", tmp_path / "file", tmp_path / "full"
    file.touch()
    full.mkdir()
    (full / "x").touch()
    for path, words in (
        (missing, "mkdir"),
        (file, "not a folder"),
        (full, "not empty"),
        (mounted, "mounted"),
    ):
        result = program("mount", site.source, path)
        assert words in result.line, path
        assert str(path) in result.line
        assert result.code in (1, 2)
