"""The configuration file: read strictly, explained kindly."""

from __future__ import annotations

from pathlib import Path

import pytest

from fsmount import drivers
from fsmount.config import Config, line_of, load_config, nearest, parse_config
from fsmount.errors import UsageError
from fsmount.store.directories import Directories

HERE = Path("/c/config.toml")


@pytest.fixture(autouse=True)
def only_the_fake_driver(monkeypatch):
    """Let the fake driver be all there is."""
    monkeypatch.setattr("fsmount.drivers.registry.REGISTRY", {"fake": "tests.fake_driver"})
    monkeypatch.setattr(drivers, "REGISTRY", {"fake": "tests.fake_driver"})


def directories(tmp_path, *config_files):
    return Directories(
        config_files=config_files,
        state=tmp_path / "state",
        cache=tmp_path / "cache",
        runtime=tmp_path / "run",
        credentials=None,
    )


def test_each_remote_becomes_its_drivers_options():
    """Types are those of the declarations, names keep the file's order, Chinese ones included."""
    config = parse_config(
        """
        [remotes.b]
        driver = "fake"
        address = "https://b.example"
        pages = 3
        insecure = true
        listing_ttl_s = 60
        [remotes."网盘"]
        driver = "fake"
        """,
        HERE,
    )
    assert list(config.remotes) == ["b", "网盘"]
    options = config.remotes["b"].options
    assert (options.address, options.pages, options.insecure) == ("https://b.example", 3, True)
    assert options.listing_ttl_s == 60.0
    assert config.path == HERE


def test_an_empty_file_is_a_configuration_without_remotes():
    """Nothing is required."""
    assert parse_config("", HERE) == Config(path=HERE)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[remotes.a]\ndriver = \"fake\"\n\nadress = 'x'\n",
            '/c/config.toml line 4: unknown name "adress" in [remotes.a]; did you mean "address"?',
        ),
        (
            "[remotes.a]\naddress = 'x'\n[remotes.b]\ndriver='fake'\nzzz = 1\n",
            '/c/config.toml line 1: [remotes.a] lacks driver = "…"; drivers are fake',
        ),
        (
            "[remotes.a]\ndriver = 'fake'\n[remotes.b]\ndriver='fake'\ninsecure = 'yes'\n",
            "/c/config.toml line 5: [remotes.b] insecure: expected bool, got str",
        ),
        (
            "[remotes.a]\ndriver = 'fake'\npassword = 12345\n",
            "/c/config.toml line 3: [remotes.a] password: expected str, got int",
        ),
        (
            "[remotes.a]\n# mine\ndriver = 'fakee'\n",
            '/c/config.toml line 3: there is no driver "fakee"; did you mean fake?',
        ),
        (
            "[remote.a]\ndriver = 'fake'\n",
            '/c/config.toml line 1: unknown name "remote"; did you mean "remotes"?',
        ),
        (
            "\nlog = 'x'\n",
            '/c/config.toml line 2: unknown name "log"; known are guard, mounts, remotes',
        ),
        (
            "[mounts.a]\nsource = 'x'\n",
            '/c/config.toml line 2: unknown name "source" in [mounts.a]; known are tree',
        ),
        (
            "[remotes.login]\ndriver = 'fake'\n",
            '/c/config.toml line 1: [remotes.login] is called like the command "fsmount login"; '
            "choose another name",
        ),
        (
            "[remotes.'a/b']\ndriver = 'fake'\n",
            "/c/config.toml line 1: [remotes.a/b] cannot be typed as a SOURCE; "
            "use letters, digits, - _ and .",
        ),
        (
            "[remotes]\na = 'fake'\n",
            "/c/config.toml line 2: remotes.a is not a table; write [remotes.a] above its keys",
        ),
        (
            "remotes = 1\n",
            '/c/config.toml line 1: "remotes" is not a table; write [remotes.NAME]',
        ),
        (
            "[remotes.a\n",
            "cannot read the configuration /c/config.toml: "
            "Expected ']' at the end of a table declaration (at line 1, column 11)",
        ),
    ],
)
def test_what_is_not_understood_is_named_with_its_line(text, message):
    """One line: where, what, and what was probably meant."""
    with pytest.raises(UsageError) as caught:
        parse_config(text, HERE)
    assert str(caught.value) == message


def test_an_unknown_name_unlike_any_other_lists_the_known_ones():
    """Without a near one, all are told."""
    with pytest.raises(UsageError, match=r"line 3: unknown name \"qqq\".*; known are .*driver"):
        parse_config("[remotes.a]\ndriver = 'fake'\nqqq = 1\n", HERE)


def test_the_first_file_that_is_there_is_read(tmp_path):
    """In the order of the search; without any there are no remotes."""
    first, second = tmp_path / "1.toml", tmp_path / "2.toml"
    assert load_config(None, directories(tmp_path, first, second)) == Config()
    second.write_text("[remotes.two]\ndriver = 'fake'\n")
    assert list(load_config(None, directories(tmp_path, first, second)).remotes) == ["two"]
    first.write_text("")
    assert load_config(None, directories(tmp_path, first, second)).path == first


def test_a_named_file_that_is_missing_is_an_error(tmp_path):
    """--config never falls back to another file."""
    missing = tmp_path / "none.toml"
    with pytest.raises(UsageError) as caught:
        load_config(missing, directories(tmp_path))
    assert str(caught.value) == (
        f"cannot read the configuration {missing}: No such file or directory"
    )


def test_a_file_that_is_not_text_is_an_error(tmp_path):
    """TOML is UTF-8."""
    path = tmp_path / "c.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="it is not UTF-8 text"):
        load_config(path, directories(tmp_path))


@pytest.mark.logs('holds secrets and others may read it; run "chmod 600')
def test_secrets_that_others_may_read_are_warned_of(tmp_path, unexpected_warnings):
    """A password in a file of mode 0644 is worth a line, and still works."""
    path = tmp_path / "c.toml"
    path.write_text("[remotes.a]\ndriver = 'fake'\npassword = 'hunter2'\n")
    path.chmod(0o644)
    assert load_config(path, directories(tmp_path)).remotes["a"].options.password == "hunter2"
    assert not any("hunter2" in record.getMessage() for record in unexpected_warnings.records)


@pytest.mark.parametrize(
    ("mode", "password"), [(0o600, "password = 'x'\n"), (0o644, "address = 'x'\n")]
)
def test_a_private_file_or_one_without_secrets_is_not_warned_of(tmp_path, mode, password):
    """No log record at all."""
    path = tmp_path / "c.toml"
    path.write_text("[remotes.a]\ndriver = 'fake'\n" + password)
    path.chmod(mode)
    assert load_config(path, directories(tmp_path)).remotes


@pytest.mark.parametrize(
    ("text", "table", "key", "line"),
    [
        ("a = 1\n[t]\na = 2\n", ("t",), "a", 3),
        ("a = 1\n[t]\na = 2\n", (), "a", 1),
        ("[ remotes . 'x' ]\n", ("remotes", "x"), "", 1),
        ("[remotes.x.y]\nk = 1\n", ("remotes", "x"), "", 1),
        ("[t]\n[u]\nk = 1\n", ("t",), "k", 1),
        ("t.k = 1\n", ("t",), "k", None),
        ('[t]\n"k" = 1\n', ("t",), "k", 2),
    ],
)
def test_lines_are_found_again(text, table, key, line):
    """As well as a search can: the key, else its table, else nothing."""
    assert line_of(text, table, key) == line


def test_the_nearest_name_is_near():
    """And nothing when all are far."""
    assert nearest("adress", ["address", "auth"]) == "address"
    assert nearest("zzz", ["address", "auth"]) is None


REMOTES = "[remotes.films]\ndriver = 'fake'\n[remotes.music]\ndriver = 'fake'\n"


def test_a_mount_shows_remotes_at_paths():
    """One name or several; slashes too many do no harm; a table of its own is as good."""
    text = f"""{REMOTES}
        [mounts.media]
        tree = {{ "/" = "music", "//films/" = ["films", "music"] }}
        [mounts.other.tree]
        "/a/b" = "films"
        """
    config = parse_config(text, HERE)
    assert config.mounts["media"].tree == {"/": ("music",), "/films": ("films", "music")}
    assert config.mounts["other"].tree == {"/a/b": ("films",)}


@pytest.mark.parametrize(
    ("mounts", "message"),
    [
        (
            "[mounts.m]\n",
            "line 5: [mounts.m] lacks a tree; "
            'write tree = { "/" = "REMOTE", "/films" = ["REMOTE", "REMOTE"] }',
        ),
        (
            "[mounts.m]\ntree = {}\n",
            "line 6: [mounts.m] tree: it shows nothing; "
            'write tree = { "/" = "REMOTE", "/films" = ["REMOTE", "REMOTE"] }',
        ),
        (
            "[mounts.m]\ntree = { '/' = 'film' }\n",
            'line 6: [mounts.m] tree: there is no remote "film" to show at "/"; '
            'did you mean "films"?',
        ),
        (
            "[mounts.m.tree]\n'/' = 'films'\n'/x' = ['films', 'zzz']\n",
            'line 7: [mounts.m] tree: there is no remote "zzz" to show at "/x"; '
            "there are films, music",
        ),
        (
            "[mounts.m]\ntree = { 'films' = 'films' }\n",
            'line 6: [mounts.m] tree: "films" is not an absolute path; write "/films"',
        ),
        (
            "[mounts.m]\ntree = { '/a/../b' = 'films' }\n",
            'line 6: [mounts.m] tree: "/a/../b" holds "." or ".."; write the path without them',
        ),
        (
            f"[mounts.m]\ntree = {{ '/{'x' * 256}' = 'films' }}\n",
            f'line 6: [mounts.m] tree: "/{"x" * 256}" cannot be the path of a directory; '
            "names have 255 bytes at most",
        ),
        (
            "[mounts.m]\ntree = { '/a' = [] }\n",
            'line 6: [mounts.m] tree: "/a" names no remote; '
            'write "/a" = "REMOTE" or ["REMOTE", "REMOTE"]',
        ),
        (
            "[mounts.m]\ntree = { '/a' = ['films', 'films'] }\n",
            'line 6: [mounts.m] tree: "films" stands twice at "/a"; name it once',
        ),
        (
            "[mounts.m]\ntree = { '/a' = 'films', '/a/' = 'music' }\n",
            'line 6: [mounts.m] tree: "/a/" stands twice; list its remotes in one ["a", "b"]',
        ),
        (
            "[mounts.films]\ntree = { '/' = 'films' }\n",
            "line 5: [mounts.films] is called like the remote [remotes.films]; choose another name",
        ),
        (
            "[mounts.status]\ntree = { '/' = 'films' }\n",
            'line 5: [mounts.status] is called like the command "fsmount status"; '
            "choose another name",
        ),
        (
            "[mounts.m]\ntreee = 1\n",
            'line 6: unknown name "treee" in [mounts.m]; did you mean "tree"?',
        ),
    ],
)
def test_what_is_wrong_with_a_mount_is_said_in_words(mounts, message):
    """With its line, and what was probably meant."""
    with pytest.raises(UsageError) as caught:
        parse_config(REMOTES + mounts, HERE)
    assert str(caught.value) == f"/c/config.toml {message}"


def test_one_table_that_is_wrong_can_be_left_for_who_asks_for_it():
    """The others are understood, and a mount of both too."""
    text = (
        "[remotes.a]\ndriver = 'fake'\nqqq = 1\n[remotes.b]\ndriver = 'fake'\n"
        "[mounts.m]\ntree = { '/' = ['a', 'b'] }\n"
    )
    config = parse_config(text, HERE, lenient=True)
    assert list(config.remotes) == ["b"]
    assert 'unknown name "qqq" in [remotes.a]' in str(config.broken["a"])
    assert config.mounts["m"].tree == {"/": ("a", "b")}
    with pytest.raises(UsageError, match="qqq"):
        parse_config(text, HERE)
