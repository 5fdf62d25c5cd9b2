"""What ``fsmount mount`` decides before anything heavy is imported."""

from __future__ import annotations

import os
import pty

import pytest

from fsmount import mount
from fsmount.kernel import kernel_options
from fsmount.options import parse_options
from fsmount.store.directories import Directories


@pytest.fixture
def directories(tmp_path):
    return Directories(
        config_files=(), state=tmp_path / "s", cache=tmp_path, runtime=tmp_path, credentials=None
    )


def test_each_mountpoint_has_its_log_and_the_last_one_is_kept(directories, tmp_path):
    """Named as systemd names mount units; a restart does not lose why the last one ended."""
    path = tmp_path / "a" / "b"
    name = str(path).strip("/").replace("/", "-")
    file = mount.log_file(directories, path)
    assert file == directories.state / "log" / f"{name}.log"
    file.write_text("the last one\n")
    assert mount.log_file(directories, path) == file
    assert not file.exists()
    assert file.with_suffix(".log.1").read_text() == "the last one\n"


def test_standard_error_of_a_unit_is_the_journal(monkeypatch, directories, tmp_path):
    """Then there is no file: journalctl has it."""
    with (tmp_path / "journal").open("w") as file:
        found = os.fstat(file.fileno())
        environ = {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}
        assert mount.to_journal(environ, file.fileno())
        assert not mount.to_journal({"JOURNAL_STREAM": "1:2"}, file.fileno())
        assert not mount.to_journal({}, file.fileno())


def test_a_terminal_that_is_a_unit_itself_is_not_a_boot():
    """Shells inherit INVOCATION_ID from a terminal emulator of the user's session."""
    ours, theirs = pty.openpty()
    nothing = os.open(os.devnull, os.O_RDONLY)
    try:
        assert not mount.under_systemd({"INVOCATION_ID": "x"}, theirs)
        assert mount.under_systemd({"INVOCATION_ID": "x"}, nothing)
        assert mount.under_systemd({"NOTIFY_SOCKET": "/run/x"}, theirs)
        assert not mount.under_systemd({}, nothing)
    finally:
        for file in (ours, theirs, nothing):
            os.close(file)


@pytest.mark.parametrize(
    ("shown", "name"),
    [
        ("films", "fsname=films"),
        ("https://x/s/AbC1/***", "fsname=https://x/s/AbC1/***"),
        ("a,b\\c", "fsname=a\\,b\\\\c"),
        ("相册", "fsname=%E7%9B%B8%E5%86%8C"),
    ],
)
def test_a_source_is_written_so_that_libfuse_takes_it_as_one_name(shown, name):
    """It parts options at commas, drops backslashes, and pyfuse3 takes ASCII only."""
    assert name in kernel_options(parse_options([]), shown)


def test_the_kernel_gets_what_was_asked_for_and_always_ro_nosuid_nodev():
    """And nothing that libfuse does not know: it would refuse the mount."""
    wanted = kernel_options(
        parse_options(["rw,allow_other,noexec,max_read=65536,_netdev,nofail,noatime"]), "x"
    )
    assert wanted == {
        "fsname=x",
        "subtype=fsmount",
        "ro",
        "nosuid",
        "nodev",
        "noexec",
        "allow_other",
        "default_permissions",
        "max_read=65536",
    }
