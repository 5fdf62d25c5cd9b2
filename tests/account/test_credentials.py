"""Secrets are found where people keep them, and never told."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from fsmount.account import credentials as module
from fsmount.account.credentials import Credentials, resolve
from fsmount.errors import UsageError

SECRET = "pässwort 密码"


@pytest.fixture
def secret_file(tmp_path):
    """Return a file with a secret, closed to others, ended as an editor ends it."""
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n", encoding="utf-8")
    file.chmod(0o600)
    return file


def python(code):
    return f"{sys.executable} -c '{code}'"


async def test_nothing_given_is_nobody():
    """A share without a login; unknown options are not looked at."""
    found = await resolve({"address": "x", "password": "", "page_size": 5}, remote="cloud")
    assert found == Credentials()
    assert not found


async def test_secrets_may_stand_in_the_options():
    """E-mail is another word for login."""
    found = await resolve(
        {"email": "me@example.com", "password": "p", "refresh_token": "r", "access_token": "a"},
        remote="cloud",
    )
    assert found == Credentials(
        login="me@example.com", password="p", refresh_token="r", access_token="a"
    )
    assert found


@pytest.mark.parametrize("name", ["password", "refresh_token", "access_token"])
async def test_a_file_holds_one_secret(secret_file, name):
    """Without the newline that editors add."""
    found = await resolve({f"{name}_file": str(secret_file)}, remote="cloud")
    assert getattr(found, name) == SECRET


async def test_a_file_below_the_home_directory(secret_file, monkeypatch):
    """``~`` is the user's."""
    monkeypatch.setenv("HOME", str(secret_file.parent))
    assert (await resolve({"password_file": "~/secret"}, remote="cloud")).password == SECRET


@pytest.mark.logs("is open to others")
@pytest.mark.parametrize("mode", [0o644, 0o604, 0o620, 0o606])
async def test_a_file_that_others_can_use_is_warned_of(secret_file, mode, unexpected_warnings):
    """It works all the same: not everybody can change modes everywhere."""
    secret_file.chmod(mode)
    found = await resolve({"password_file": str(secret_file)}, remote="cloud")
    assert found.password == SECRET
    assert len(unexpected_warnings.records) == 1
    assert SECRET not in unexpected_warnings.records[0].getMessage()


async def test_a_pipe_is_a_file_too(tmp_path):
    """Process substitution of a shell: ``password_file=<(pass show cloud)``."""
    reader, writer = os.pipe()
    os.write(writer, SECRET.encode() + b"\n")
    os.close(writer)
    try:
        found = await resolve({"password_file": f"/dev/fd/{reader}"}, remote="cloud")
    finally:
        os.close(reader)
    assert found.password == SECRET


async def test_a_pipe_that_nobody_writes_to_does_not_hang(tmp_path, monkeypatch):
    """After some seconds it is given up."""
    monkeypatch.setattr(module, "_FILE_WITHIN_S", 0.1)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(UsageError, match="nothing came"):
        await resolve({"password_file": str(pipe)}, remote="cloud")
    os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))  # lets the thread end


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"one\ntwo\n", "more than one line"),
        (b"a\0b", "more than one line"),
        (b"\xff\xfe", "not UTF-8"),
    ],
)
async def test_a_file_that_is_no_secret_is_refused(tmp_path, content, problem):
    """A key file, a binary, an empty one: the content is not told."""
    file = tmp_path / "secret"
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(UsageError, match=problem) as caught:
        await resolve({"password_file": str(file)}, remote="cloud")
    assert str(file) in str(caught.value)
    assert "two" not in str(caught.value)


async def test_a_missing_file_is_named(tmp_path):
    """And the reason."""
    with pytest.raises(UsageError, match="No such file"):
        await resolve({"password_file": str(tmp_path / "none")}, remote="cloud")


async def test_a_command_prints_the_secret_on_its_first_line():
    """Password stores print more below."""
    code = 'print("first"); print("login: me")'
    found = await resolve({"password_command": python(code)}, remote="cloud")
    assert found.password == "first"


async def test_a_command_is_run_without_a_shell(tmp_path):
    """Nothing is expanded, quotes group words."""
    command = (
        f"{sys.executable} -c 'import sys; print(sys.argv[1:])' \"a b\" $HOME ; echo > {tmp_path}/x"
    )
    found = await resolve({"password_command": command}, remote="cloud")
    assert found.password == str(["a b", "$HOME", ";", "echo", ">", f"{tmp_path}/x"])
    assert not (tmp_path / "x").exists()


async def test_a_command_that_fails_tells_its_complaint_but_not_its_output():
    """One line, without the arguments."""
    code = 'import sys; print("THE-SECRET"); sys.exit("no key\\nto open it")'
    with pytest.raises(UsageError) as caught:
        await resolve({"password_command": python(code)}, remote="cloud")
    text = str(caught.value)
    assert text.startswith(f'password_command "{Path(sys.executable).name}" ')
    assert "ended with status 1: no key to open it" in text
    assert "THE-SECRET" not in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("/no/such/program --now", "No such file"),
        ("'unclosed", "cannot be understood"),
        ("  ", "is empty"),
        (python("pass"), "is empty"),
        (python("import os; os.kill(os.getpid(), 9)"), "was killed"),
        (python("import os; os.write(1, bytes([255]))"), "not UTF-8"),
    ],
)
async def test_a_command_that_gives_nothing_is_a_usage_error(command, problem):
    """Whatever went wrong is one sentence."""
    with pytest.raises(UsageError, match=problem):
        await resolve({"password_command": command}, remote="cloud")


async def test_a_command_that_does_not_end_is_ended(monkeypatch):
    """It has a deadline."""
    monkeypatch.setattr(module, "_COMMAND_WITHIN_S", 0.3)
    with pytest.raises(UsageError, match="did not end"):
        await resolve({"password_command": python("import time; time.sleep(60)")}, remote="cloud")


async def test_a_secret_given_twice_is_refused(secret_file):
    """Which one is meant is not guessed."""
    with pytest.raises(UsageError, match='"password" and "password_file"'):
        await resolve({"password": "p", "password_file": str(secret_file)}, remote="cloud")


async def test_systemd_credentials_are_found_by_the_remotes_name(tmp_path):
    """``LoadCredential=cloud.password:…``; what the configuration says goes first."""
    for name, text in (("cloud.password", "from systemd"), ("other.login", "nobody")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(stat.S_IRUSR)
    found = await resolve({"email": "me"}, remote="cloud", directory=tmp_path)
    assert found == Credentials(login="me", password="from systemd")
    found = await resolve({"password": "p"}, remote="cloud", directory=tmp_path)
    assert found.password == "p"
    assert await resolve({}, remote="../cloud", directory=tmp_path) == Credentials()


def test_credentials_never_show_themselves():
    """Their repr names what is set."""
    shown = repr(Credentials(login="me", password="THE-SECRET"))
    assert shown == "Credentials(login, password)"
    assert repr(Credentials()) == "Credentials(none)"
