"""share create to share save, end to end against a domain of PDS."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys

import pytest

from tests.emulators.doors import run_emulator

# Each begins by making a share, whose code is printed to be given away.
pytestmark = pytest.mark.shows_secret


@pytest.fixture(scope="module")
def drive(tmp_path_factory):
    """A tree that a member of a PDS domain owns, in a process of its own; new for each module."""
    root = tmp_path_factory.mktemp("pds")
    for name, content in {
        "你好 🎉.txt": "你好\n",
        "photos/a&b.txt": "sun\n",
        "photos/summer/c.txt": "sea\n",
        "other.txt": "other\n",
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    for name in ("all", "some", "again", "bar", "failing"):
        (root / name).mkdir()
    with run_emulator(root, provider="pds") as emulator:
        yield emulator


@pytest.fixture
def pds(fsmount, drive):
    """Run a command with the drive's configuration."""

    def pds(*words):
        return fsmount("--config", drive.config, *words)

    return pds


@pytest.fixture
def link(pds):
    """What ``share create`` printed about a share of two of the drive's entries, as one text."""
    made = pds(
        "share", "create", "demo-access", "photos", "你好 🎉.txt", "--password", "--expires=7d"
    )
    assert made.code == 0, made.err
    return " ".join(made.out.split("\n"))


def test_a_share_is_made_and_opened_with_what_was_printed(pds, fsmount, drive, link):
    """Several entries of one drive, a code made up, an end."""
    assert re.fullmatch(
        r"https://hz22\.apps\.aliyunpds\.com/disk/s/[A-Za-z0-9]{11} code: [a-z0-9]{4} ", link
    )
    found = fsmount("ls", "-R", link, "-o", drive.options).out.splitlines()
    assert sorted(found) == [
        "photos/",
        "photos/a&b.txt",
        "photos/summer/",
        "photos/summer/c.txt",
        "你好 🎉.txt",
    ]
    told = json.loads(fsmount("share", "info", link, "--json", "-o", drive.options).out)
    assert (told["locked"], told["expired"]) == (False, False)
    assert told["expires_ns"] is not None
    assert "owner's phone" in told["details"]


def test_a_share_is_listed_changed_and_ended(pds, fsmount, drive, link):
    """By its whole link as well as by its id."""
    address = link.split()[0]
    ident = address.rpartition("/")[2]
    listed = json.loads(pds("share", "list", "demo-access", "--json").out)
    assert listed[0]["id"] == ident
    assert (
        pds("share", "update", "demo-access", address, "--no-password", "--name=pictures").code == 0
    )
    told = json.loads(pds("share", "list", "demo-access", "--json").out)[0]
    assert (told["name"], told["code"], told["state"]) == ("pictures", "", "open")
    assert fsmount("ls", address, "-o", drive.options).code == 0
    result = pds("share", "cancel", "demo-access", address)
    assert (result.line, result.code) == (f"{ident}: cancelled", 0)
    assert ident not in pds("share", "list", "demo-access").out
    result = fsmount("ls", address, "-o", drive.options)
    assert (result.line, result.code) == (
        f"fsmount: share {ident} was cancelled by its owner; ask whoever shared it for a new link",
        1,
    )


def test_a_domain_with_a_host_name_of_its_own_is_asked_who_it_is(fsmount, drive):
    """``/s/ID`` is Cloudreve's form too; only the host can tell, and it is remembered."""
    for path in ("/disk/s/", "/s/"):
        address = f"{drive.address}{path}{drive.line['share']}"
        assert "other.txt" in fsmount("ls", address).out
    result = fsmount("ls", "http://127.0.0.1:9/s/sAvciMEXKRz")
    assert (result.line, result.code) == (
        'fsmount: cannot tell what kind of site "http://127.0.0.1:9/s/sAvciMEXKRz" is without '
        "asking it; say -o driver=cloudreve or -o driver=pds",
        2,
    )


def test_all_of_a_share_is_saved(pds, drive, link):
    """Folders by a task that is followed to its end, files at once."""
    result = pds("share", "save", link, "demo-access", "all", "-o", drive.options)
    assert (result.line, result.code) == ('saved 2 files and folders into "all"', 0)
    assert sorted(pds("ls", "-R", "demo-access", "all").out.splitlines()) == [
        "photos/",
        "photos/a&b.txt",
        "photos/summer/",
        "photos/summer/c.txt",
        "你好 🎉.txt",
    ]
    assert pds("cat", "demo-access", "all/photos/summer/c.txt").out == "sea\n"


def test_some_of_a_share_is_saved(pds, drive, link):
    """By path, from any depth."""
    result = pds(
        "share", "save", link, "demo-access", "/some", "photos/summer", "-o", drive.options
    )
    assert (result.line, result.code) == ('saved "summer" into "/some"', 0)
    assert pds("ls", "-R", "demo-access", "some").out.splitlines() == ["summer/", "summer/c.txt"]


def test_what_could_not_be_saved_is_said(pds, drive, link):
    """A line for each reason, one for the whole, and an exit code."""
    drive.ask("POST", "/switch", {"name": "fail-tasks", "on": True})
    try:
        result = pds("share", "save", link, "demo-access", "failing", "photos", "-o", drive.options)
    finally:
        drive.ask("POST", "/switch", {"name": "fail-tasks", "on": False})
    reason, whole = result.err.splitlines()
    assert reason.startswith("fsmount: it was not saved; the reason: ")
    assert whole == 'fsmount: not all of "photos" was saved into "failing"'
    assert result.code == 1


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("demo-access", "other.txt"), '"other.txt" is a file; name a folder to save into'),
        (("demo-access", "nowhere"), 'there is no "nowhere" in "/"'),
        (("demo-access", "all", "missing.txt"), 'there is no "missing.txt" in "/"'),
        (("shared", "all"), '"shared" is a share, not a drive of yours; name a remote of your'),
    ],
)
def test_why_nothing_is_saved_is_said(pds, drive, link, words, line):
    """One line, before anything was begun."""
    result = pds("share", "save", link, *words, "-o", drive.options)
    assert result.line.startswith(f"fsmount: {line}")
    assert result.code == 1


def test_a_drive_is_no_share(pds):
    """There is nothing to save from it."""
    result = pds("share", "save", "demo-jwt", "demo-access", "all")
    assert (result.line, result.code) == ('fsmount: "demo-jwt" is not a share', 1)


def test_a_share_of_another_provider_cannot_be_saved(pds, site):
    """A provider copies within itself alone."""
    result = pds("share", "save", site.source, "demo-access", "all")
    assert (result.line, result.code) == (
        "fsmount: a drive of Alibaba PDS cannot save from Cloudreve V4",
        1,
    )


def test_a_share_of_another_domain_cannot_be_saved(pds, drive, link):
    """Nor can a domain from another one."""
    with run_emulator(drive.line["root"], provider="pds") as other:
        result = pds("share", "save", other.source, "demo-access", "all", "-o", other.options)
    assert (result.line, result.code) == (
        f"fsmount: the share is at {other.address}, and demo-access at {drive.address}",
        1,
    )


def test_a_person_sees_how_far_it_is(drive, link, places):
    """A bar on the terminal, which is gone at the end; the sentence stays."""
    parent, child = pty.openpty()
    words = (
        "--config",
        drive.config,
        "share",
        "save",
        link,
        "demo-access",
        "bar",
        "-o",
        drive.options,
    )
    with subprocess.Popen(
        [sys.executable, "-m", "fsmount", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=child,
        env={**os.environ, **places, "TERM": "xterm-256color", "COLUMNS": "80"},
    ) as process:
        os.close(child)
        shown = b""
        try:
            while more := os.read(parent, 65536):
                shown += more
        except OSError:
            pass  # Linux: the other end was closed
    os.close(parent)
    assert process.returncode == 0, shown
    assert "saving" in shown.decode()
    assert re.search(r"\d+/\d+", shown.decode())
    assert shown.decode().rstrip().endswith('saved 2 files and folders into "bar"')
