"""login with a QR code or a pasted cookie, against an emulated 115."""

from __future__ import annotations

import json

import pytest

from tests.emulators.doors import run_emulator


@pytest.fixture(scope="module")
def site(tree):
    """A 115 over the tree, in a process of its own."""
    with run_emulator(tree, provider="p115") as emulator:
        yield emulator


@pytest.fixture
def config(site, tmp_path):
    """A configuration whose remote "films" has no cookie."""
    path = tmp_path / "login.toml"
    path.write_text(
        f"[remotes.films]\ndriver = 'p115'\nhosts = '{site.address}/{{host}}'\n"
        f"rsa_modulus = '{site.line['modulus']}'\n"
    )
    path.chmod(0o600)
    return path


def kept(tmp_path):
    """Return the tokens that are kept."""
    return [
        json.loads(path.read_bytes()) for path in (tmp_path / "state" / "tokens").glob("*.json")
    ]


def test_a_qr_code_is_shown_and_becomes_a_cookie(program, config, tmp_path):
    """The device is chosen first; each step is said, and the drive can be listed then."""
    result = program("--config", config, "login", "films", stdin="tv\n")
    assert result.code == 0, result.err
    assert "QR code, 115 on a television" in result.err
    assert "Scan this with the 115 app" in result.err
    assert "█" in result.err or "▀" in result.err or "▄" in result.err
    assert "Scanned. Confirm the sign-in on the phone" in result.err
    assert "films: signed in as" in result.err.splitlines()[-1]
    (token,) = kept(tmp_path)
    assert token["access"].startswith("UID=")
    assert token["access"] not in result.err
    listed = program("--config", config, "ls", "films")
    assert (listed.code, "hello.txt" in listed.out) == (0, True)


def test_a_pasted_cookie_is_read_from_standard_input(program, site, config, tmp_path):
    """Checked before it is kept, and never printed."""
    cookie = site.line["cookie"]
    result = program("--config", config, "login", "films", stdin=f"cookie\n{cookie}; lang=zh\n")
    assert result.code == 0, result.err
    assert "films: signed in as user" in result.err
    (token,) = kept(tmp_path)
    assert token["access"] == cookie
    assert cookie not in result.err + result.out
    assert program("--config", config, "cat", "films", "hello.txt").out == "hello\n"


def test_a_cookie_that_is_none_is_one_line(program, config, tmp_path):
    """What is missing and where to find it; nothing is kept."""
    result = program("--config", config, "login", "films", stdin="cookie\nUID=1_A1_2; CID=x\n")
    assert result.code == 2
    said = result.err.splitlines()[-1]
    assert "lacks SEID" in said
    assert "developer tools" in said
    assert kept(tmp_path) == []


def test_a_drive_without_a_login_says_what_to_run(fsmount, config):
    """Before anything is asked."""
    result = fsmount("--config", config, "ls", "films")
    assert result.code == 1
    assert 'run "fsmount login films"' in result.err


def test_logout_forgets_the_cookie(program, site, config, tmp_path):
    """115 is told nothing: other devices stay signed in."""
    program("--config", config, "login", "films", stdin=f"cookie\n{site.line['cookie']}\n")
    result = program("--config", config, "logout", "films")
    assert (result.code, result.line) == (0, "films: signed out")
    assert kept(tmp_path) == []
