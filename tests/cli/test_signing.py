"""login and logout against an emulated site."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import subprocess
import sys
import termios
import time

import pytest

from fsmount.cli import signing
from fsmount.model import Ask, Choose, ShowPicture, ShowQr, Waiting
from tests.demo import ripples


@pytest.fixture
def asked_for_password(site, places, tmp_path):
    """A configuration whose remote "demo" has an e-mail and no password."""
    config = tmp_path / "login.toml"
    config.write_text(
        f"[remotes.demo]\ndriver = 'cloudreve'\naddress = '{site.address}'\n"
        f"email = '{site.line['email']}'\n"
    )
    config.chmod(0o600)
    return config


def tokens(tmp_path):
    return list((tmp_path / "state" / "tokens").glob("*.json"))


def test_login_asks_for_what_is_missing_and_keeps_a_token(
    program, site, asked_for_password, tmp_path
):
    """From standard input, line by line; nothing secret is printed; the file is 0600."""
    result = program(
        "--config", asked_for_password, "login", "demo", stdin=site.line["password"] + "\n"
    )
    assert result.line.startswith("demo: signed in as ")
    assert (result.code, result.out) == (0, "")
    (token,) = tokens(tmp_path)
    assert token.stat().st_mode & 0o777 == 0o600
    assert json.loads(token.read_bytes())["refresh"]
    assert site.line["password"] not in token.read_text()


def test_logout_forgets_the_token(program, site, asked_for_password, tmp_path):
    """And a second time says that there is none."""
    program("--config", asked_for_password, "login", "demo", stdin=site.line["password"] + "\n")
    result = program("--config", asked_for_password, "logout", "demo")
    assert (result.code, result.line) == (0, "demo: signed out")
    assert tokens(tmp_path) == []
    assert site.stats()["requests"]["logout"] >= 1
    result = program("--config", asked_for_password, "logout", "demo")
    assert (result.code, result.line) == (0, "demo: no token is kept")


def test_a_wrong_password_is_one_line(program, asked_for_password, tmp_path):
    """After three attempts: what, why, what to do; exit code 1; not the password."""
    result = program("--config", asked_for_password, "login", "demo", stdin="hunter2\n" * 3)
    assert "the e-mail or the password is wrong" in result.line
    assert result.code == 1
    assert "hunter2" not in result.err
    assert tokens(tmp_path) == []


def test_no_answer_is_a_usage_error(program, asked_for_password):
    """Standard input that has ended cannot be asked."""
    result = program("--config", asked_for_password, "login", "demo")
    assert "was not answered: standard input has ended" in result.line
    assert result.code == 2


@pytest.mark.parametrize("word", ["login", "logout"])
def test_only_configured_remotes_are_signed_in_to(fsmount, asked_for_password, word):
    """The nearest is told; without any configuration, how to begin."""
    result = fsmount("--config", asked_for_password, word, "dem")
    assert result.line == (
        f'fsmount: there is no remote "dem" in {asked_for_password}; did you mean "demo"?'
    )
    result = fsmount(word, "dem")
    assert result.line == (
        'fsmount: there is no remote "dem" in any configuration file; a login belongs to a remote '
        'of the configuration; "fsmount remotes example cloudreve" prints one'
    )
    assert result.code == 2


def test_no_network_is_one_line(program, tmp_path):
    """Nobody listens there."""
    config = tmp_path / "c.toml"
    config.write_text(
        "[remotes.demo]\ndriver = 'cloudreve'\naddress = 'http://127.0.0.1:9'\nemail = 'a@b.c'\n"
    )
    result = program("--config", config, "login", "demo", stdin="password\n")
    assert "127.0.0.1:9" in result.line
    assert result.code == 1


def test_a_qr_code_is_drawn(capsys):
    """As half blocks, on standard error."""
    assert signing._draw(ShowQr(text="https://x/y", prompt="Scan this")) == {}
    err = capsys.readouterr().err
    assert err.startswith("Scan this:\n")
    assert "▀" in err or "▄" in err


def test_a_picture_is_drawn_where_a_person_looks():
    """Wide enough for the terminal."""
    assert "▀" in signing.drawn(ripples(40, 20, 1), 80)


def test_a_picture_that_cannot_be_drawn_is_saved(tmp_path, monkeypatch):
    """A JPEG, or standard error is no terminal: its path is told, and others cannot read it."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    for picture, columns in ((b"\xff\xd8 JPEG", 80), (ripples(4, 4, 1), 0)):
        text = signing.drawn(picture, columns)
        path = text.removeprefix("the picture is in ")
        with open(path, "rb") as file:
            assert file.read() == picture
            assert path.startswith(str(tmp_path))


@pytest.mark.parametrize(
    ("step", "typed", "answers"),
    [
        (Ask(field="otp", prompt="Code"), "123456\n", {"otp": "123456"}),
        (Ask(field="p", prompt="Password", secret=True), " a b \n", {"p": " a b "}),
        (ShowPicture(picture=b"?", field="captcha", prompt="Letters"), "xyz\n", {"captcha": "xyz"}),
        (Waiting(after_s=1.0, note="confirm on your phone"), "", {}),
        (Choose(field="d", prompt="Which", choices={"1": "one", "2": "two"}), "2\n", {"d": "2"}),
    ],
)
def test_steps_are_answered_from_standard_input(step, typed, answers, monkeypatch, capsys):
    """One line each, spaces kept."""
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    assert signing._draw(step) == answers
    if isinstance(step, Waiting):
        assert capsys.readouterr().err == "confirm on your phone\n"


def test_ctrl_c_at_a_password_gives_the_terminal_its_echo_back(places, asked_for_password):
    """It ends quietly with 130."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "fsmount", "--config", asked_for_password, "login", "demo"],
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        env={**os.environ, **places},
    )  # fmt: skip
    seen = b""
    while b"Password of" not in seen:
        seen += os.read(ours, 4096)
    deadline = time.monotonic() + 10
    while termios.tcgetattr(ours)[3] & termios.ECHO and time.monotonic() < deadline:
        time.sleep(0.01)
    os.write(ours, b"\x03")
    assert process.wait(10) == 130
    assert termios.tcgetattr(ours)[3] & termios.ECHO
    os.set_blocking(ours, False)
    assert b"Traceback" not in os.read(ours, 65536)
    os.close(theirs)
    os.close(ours)
