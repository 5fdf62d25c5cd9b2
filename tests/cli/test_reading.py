"""ls, stat, cat and link of a SOURCE that is not mounted."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from fsmount.cli.reading import curl
from tests.cli.conftest import TREE
from tests.emulators.doors import run_emulator


def test_a_folder_is_listed_one_name_a_line(fsmount, site):
    """Folders end with a slash; Chinese and emoji names are what they are."""
    result = fsmount("ls", site.source)
    assert (result.code, result.err) == (0, "")
    assert sorted(result.out.splitlines()) == sorted(
        ["photos/", "hello.txt", "你好 🎉.txt", "100% #1?.bin"]
    )
    assert fsmount("ls", site.source, "photos").out.splitlines() == ["summer/", "empty.txt"]


def test_the_long_form_has_sizes_and_times(fsmount, site, tree):
    """Bytes, local time, name."""
    lines = fsmount("ls", "-l", site.source).out.splitlines()
    (line,) = [line for line in lines if line.endswith("  hello.txt")]
    assert line.split()[0] == "6"
    (line,) = [line for line in lines if line.endswith("  photos/")]
    assert line.split()[0] == "-"


def test_everything_below_is_listed_as_paths(fsmount, site):
    """The same set as the tree, each folder before what is in it."""
    names = fsmount("ls", "-R", site.source).out.splitlines()
    assert {name for name in names if not name.endswith("/")} == set(TREE)
    assert names.index("photos/") < names.index("photos/summer/")
    assert names.index("photos/summer/") < names.index("photos/summer/a&b.txt")


def test_a_file_is_listed_as_itself(fsmount, site):
    """As ls does."""
    assert fsmount("ls", site.source, "/photos/empty.txt").out == "empty.txt\n"


def test_ls_of_many_files_brings_them_all(fsmount, tmp_path):
    """More than one page of the provider and of ours."""
    names = {f"{number:04}.txt" for number in range(2500)}
    root = tmp_path / "many"
    root.mkdir()
    for name in names:
        (root / name).touch()
    with run_emulator(root) as many:
        assert set(fsmount("ls", many.source).out.splitlines()) == names


@pytest.mark.parametrize("name", [name for name in TREE if TREE[name]])
def test_cat_writes_the_bytes(program, fsmount, site, name, tmp_path):
    """To standard output, and to a file."""
    assert fsmount("cat", "-O", tmp_path / "out", site.source, name).code == 0
    assert (tmp_path / "out").read_bytes() == TREE[name]
    if name != "100% #1?.bin":
        assert fsmount("cat", site.source, name).out.encode() == TREE[name]


def test_cat_of_an_empty_file_is_empty(fsmount, site, tmp_path):
    """And the file appears."""
    assert fsmount("cat", "-O", tmp_path, site.source, "photos/empty.txt").code == 0
    assert (tmp_path / "empty.txt").read_bytes() == b""


def test_cat_of_a_share_of_one_file(fsmount, site):
    """Its root is a folder with that file."""
    link = site.line["share_file"]
    assert fsmount("ls", link).out == "hello.txt\n"
    assert fsmount("cat", link, "hello.txt").out == "hello\n"


def test_a_reader_that_has_enough_ends_cat_quietly(site, places):
    """``fsmount cat … | head -c 1``: nothing on standard error."""
    command = f"python -m fsmount cat {shlex.quote(site.source)} '100% #1?.bin' | head -c 1"
    done = subprocess.run(
        command.replace("python", shlex.quote(sys.executable), 1),
        shell=True, capture_output=True, timeout=60, env={**os.environ, **places}, check=True,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == (b"\0", b"")


def test_stat_tells_what_is_known(fsmount, site):
    """As lines, or as JSON."""
    facts = json.loads(fsmount("stat", "--json", site.source, "photos/summer/a&b.txt").out)
    assert (facts["path"], facts["kind"], facts["size"]) == ("photos/summer/a&b.txt", "file", 4)
    assert facts["id"]
    assert facts["version"]
    out = fsmount("stat", site.source, "photos/summer/a&b.txt").out
    assert "     size: 4 (4 B)\n" in out
    assert f"       id: {facts['id']}\n" in out
    assert "     kind: folder\n" in fsmount("stat", site.source).out


@pytest.mark.shows_secret
def test_link_prints_a_curl_command_that_works(fsmount, site, tmp_path):
    """The name is quoted, the lifetime goes to standard error."""
    result = fsmount("link", site.source, "你好 🎉.txt")
    words = shlex.split(result.out)
    assert words[:4] == ["curl", "-L", "-o", "你好 🎉.txt"]
    with urllib.request.urlopen(words[4], timeout=10) as answer:
        assert answer.read() == TREE["你好 🎉.txt"]
    assert result.line == "valid for 60 minutes" or result.line == "valid for 59 minutes"


def test_link_gives_the_headers_that_the_link_needs():
    """A bound User-Agent or a cookie: without them the content server refuses."""
    line = curl("it's.mkv", "https://cdn/x?a=1&b=2", {"User-Agent": "a b", "Cookie": "k='v'"})
    assert shlex.split(line) == [
        *("curl", "-L", "-H", "User-Agent: a b", "-H", "Cookie: k='v'"),
        *("-o", "it's.mkv", "https://cdn/x?a=1&b=2"),
    ]


@pytest.mark.shows_secret
def test_link_for_scripts(fsmount, site):
    """The URL alone, or everything as JSON."""
    url = fsmount("link", "--url", site.source, "hello.txt").out.strip()
    facts = json.loads(fsmount("link", "--json", site.source, "hello.txt").out)
    assert facts["url"].partition("?")[0] == url.partition("?")[0]
    assert facts["headers"] == {}
    assert 0 < facts["lifetime_s"] <= 3600


def test_a_configured_remote_is_named(fsmount, site):
    """--config before the command or after it."""
    first = fsmount("--config", site.config, "ls", "demo")
    second = fsmount("ls", "demo", "--config", site.config)
    assert first.out == second.out == fsmount("ls", site.source).out


@pytest.mark.parametrize("word", ["ls", "stat", "cat", "link"])
def test_a_path_that_is_not_there_is_said(fsmount, site, word):
    """With the folder that was looked in."""
    result = fsmount(word, site.source, "photos/nothing.txt")
    assert result.line == 'fsmount: there is no "nothing.txt" in "/photos"'
    assert result.code == 1


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("cat", 'fsmount: "photos" is a folder; list it with "fsmount ls"'),
        ("link", 'fsmount: "photos" is a folder; only files have links'),
    ],
)
def test_a_folder_where_a_file_is_wanted_is_said(fsmount, site, word, line):
    """And what to do."""
    result = fsmount(word, site.source, "photos")
    assert result.line == line
    assert result.code == 1


@pytest.mark.parametrize("which", ["expired", "cancelled"])
@pytest.mark.parametrize("words", [("ls",), ("stat",), ("cat", "x"), ("link", "x")])
def test_a_share_that_is_over_is_one_line(fsmount, site, which, words):
    """Whatever is asked of it."""
    result = fsmount(words[0], site.line[which], *words[1:])
    assert "expired" in result.line or "cancelled" in result.line
    assert result.code == 1


def test_a_wrong_or_missing_password_is_one_line(fsmount, locked_site):
    """It is not repeated."""
    assert fsmount("ls", locked_site.source).code == 0
    link = locked_site.source.removesuffix("/pw12")
    for wrong in (link, f"{link}/hunter2"):
        result = fsmount("ls", wrong)
        assert "password" in result.line
        assert "hunter2" not in result.err
        assert result.code == 1


def test_a_wrong_login_is_one_line(fsmount, site, tmp_path):
    """It names the remote, and what to do."""
    path = tmp_path / "wrong.toml"
    path.write_text(
        f"[remotes.mine]\ndriver = 'cloudreve'\naddress = '{site.address}'\n"
        f"email = '{site.line['email']}'\npassword = 'hunter2hunter2'\n"
    )
    path.chmod(0o600)
    result = fsmount("--config", path, "ls", "mine")
    assert "the e-mail or the password is wrong" in result.line
    assert "fsmount login" in result.line
    assert "hunter2" not in result.err
    assert result.code == 1


def test_secrets_in_a_readable_configuration_are_warned_of(fsmount, site, tmp_path):
    """One line more, and it still works."""
    path = tmp_path / "open.toml"
    with open(site.config) as config:
        path.write_text(config.read())
    path.chmod(0o644)
    result = fsmount("--config", path, "ls", "demo")
    assert result.line == (
        f'fsmount: {path} holds secrets and others may read it; run "chmod 600 {path}"'
    )
    assert (result.code, result.out != "") == (0, True)


def test_a_broken_connection_is_one_line(fsmount, tree):
    """The site is known, and then it is gone."""
    with run_emulator(tree) as site:
        source = site.source
        assert fsmount("ls", source).code == 0
    result = fsmount("ls", source)
    assert "127.0.0.1" in result.line
    assert result.code == 1


def test_a_page_that_fails_in_the_middle_is_an_error(fsmount, tmp_path):
    """What came is printed, and then it is said that it is not all."""
    root = tmp_path / "many"
    root.mkdir()
    for number in range(60):
        (root / f"{number:02}").touch()
    with run_emulator(root, "--max-page-size", "20") as many:
        many.fault("error_code", kind="list", nth=2, code=50001)
        result = fsmount("ls", many.source)
    assert len(result.out.splitlines()) == 20
    assert result.code == 1
    assert "database" in result.line


def test_ctrl_c_while_the_site_says_nothing_ends_quietly(tree, places):
    """130, and no word about it."""
    with run_emulator(tree) as site:
        site.fault("stall", kind="list")
        process = subprocess.Popen(
            [sys.executable, "-m", "fsmount", "ls", site.source],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **places},
        )  # fmt: skip
        while "list" not in site.stats()["requests"]:
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err.strip()) == (130, b"", b"")


@pytest.mark.shows_secret
def test_a_mount_of_several_remotes_is_read_without_being_mounted(fsmount, site, tmp_path):
    """ls, stat, cat and link take its name as a SOURCE; remotes lists it."""
    config = tmp_path / "c.toml"
    text = Path(site.config).read_text()
    config.write_text(f"{text}\n[mounts.media]\ntree = {{ '/a/one' = 'demo', '/b' = 'demo' }}\n")
    config.chmod(0o600)

    def ask(command, *words):
        return fsmount("--config", config, command, "media", *words)

    assert ask("ls").out.split() == ["a/", "b/"]
    assert ask("ls", "a").out.split() == ["one/"]
    assert "hello.txt" in ask("ls", "a/one").out.split()
    assert ask("cat", "b/hello.txt").out == "hello\n"
    assert ask("link", "--url", "b/hello.txt").out.startswith("http")
    assert ask("link", "a").line == 'fsmount: "a" is a folder; only files have links'
    shown = fsmount("--config", config, "remotes").out.splitlines()[-1]
    assert shown == "media  mount of several  /a/one: demo, /b: demo"


def test_stat_asks_how_much_is_below_a_folder_when_told_to(fsmount, site):
    """As the provider counts it; a file has nothing below it."""
    own = ("--config", site.config)
    below = json.loads(fsmount(*own, "stat", "--json", "--below", "demo", "photos").out)["below"]
    inside = [content for name, content in TREE.items() if name.startswith("photos/")]
    assert (below["files"], below["size"]) == (len(inside), sum(map(len, inside)))
    assert below["complete"]
    result = fsmount(*own, "stat", "--below", "demo", "photos/summer")
    assert re.search(r"    below: \d+ B, 1 files, 0 folders, counted 20\d\d-", result.out)
    result = fsmount(*own, "stat", "--below", "demo", "hello.txt")
    assert (result.code, result.line) == (1, 'fsmount: "hello.txt" is a file')
