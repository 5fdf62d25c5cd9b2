"""The program itself: help, its table, usage errors, the last handler."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

import fsmount as package
from fsmount.cli.command import COMMANDS
from fsmount.cli.command import program as root
from fsmount.config import RESERVED


def test_help_lists_every_command(fsmount):
    """In the order of the table, each with one line."""
    result = fsmount("--help")
    assert result.code == 0
    for name, (_, text) in COMMANDS.items():
        assert f"{name} " in result.out
        assert text in result.out
    assert fsmount().out == result.out


def test_every_command_of_the_table_is_there_and_says_how_it_is_used(fsmount):
    """A command's own help begins as the table's line does not contradict."""
    for name in COMMANDS:
        result = fsmount(name, "--help")
        assert result.code == 0
        assert result.out.startswith(f"Usage: fsmount {name} ")
        assert "--debug" in result.out


def test_no_remote_may_be_called_like_a_command():
    """The configuration reserves every name of the table."""
    assert set(COMMANDS) <= RESERVED


def test_help_imports_neither_trio_nor_httpx():
    """It is printed while a person waits for a Tab."""
    code = (
        "import sys; from fsmount.cli.command import run; run(['--help']); "
        "print({'trio', 'httpx', 'rich', 'msgspec', 'pyfuse3'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("set()\n")


def test_the_version_is_told(fsmount):
    """One line."""
    assert fsmount("--version").out == f"fsmount {package.__version__}\n"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ("staus",),
            'fsmount: there is no command "staus", did you mean "status"?; see "fsmount --help"',
        ),
        (
            ("https://x/s/A",),
            'fsmount: write "fsmount SOURCE MOUNTPOINT": one is missing; see "fsmount --help"',
        ),
        (
            ("ls",),
            "fsmount: missing argument 'MOUNTED/PATH | SOURCE [PATH]'; see \"fsmount ls --help\"",
        ),
        (
            ("ls", "a", "b", "c"),
            'fsmount: too many words; quote a SOURCE that has spaces; see "fsmount ls --help"',
        ),
        (
            ("mount", "https://x/s/A", "code", "hunter2"),
            'fsmount: too many words; quote a SOURCE that has spaces; see "fsmount mount --help"',
        ),
        (("nonsense",), 'fsmount: there is no command "nonsense"; see "fsmount --help"'),
        (
            ("ls", "./nowhere"),
            'fsmount: "./nowhere" is not in a mount of fsmount, nor a SOURCE; '
            'see "fsmount ls --help"',
        ),
        (("mount", "a"), "fsmount: missing argument 'MOUNTPOINT'; see \"fsmount mount --help\""),
        (
            ("--config", "/nowhere/c.toml", "remotes"),
            "fsmount: cannot read the configuration /nowhere/c.toml: No such file or directory",
        ),
        (
            ("remotes", "--config", "/nowhere/c.toml"),
            "fsmount: cannot read the configuration /nowhere/c.toml: No such file or directory",
        ),
        (
            ("remotes", "example", "cloudreev"),
            'fsmount: there is no driver "cloudreev"; did you mean cloudreve?',
        ),
    ],
)
def test_what_is_not_understood_is_one_line_and_exit_code_2(fsmount, words, line):
    """Wherever it stands: in the program's words or in a command's."""
    result = fsmount(*words)
    assert result.line == line
    assert result.code == 2


def test_an_unknown_flag_is_named(fsmount):
    """In click's words, which differ between its versions."""
    result = fsmount("ls", "--loud", "x")
    assert "no such option" in result.line
    assert "--loud" in result.line
    assert result.line.endswith('; see "fsmount ls --help"')
    assert result.code == 2


def _broken(monkeypatch, exc):
    @click.command()
    def status():
        raise exc

    monkeypatch.setattr(root, "get_command", lambda ctx, name: status)


@pytest.mark.parametrize(
    "exc", [RuntimeError("x\ny"), ExceptionGroup("", [ExceptionGroup("", [RuntimeError("x y")])])]
)
def test_an_unknown_failure_is_called_a_bug(fsmount, monkeypatch, exc):
    """One line, no traceback, and how to get one."""
    _broken(monkeypatch, exc)
    result = fsmount("status")
    assert result.line == (
        "fsmount: this is a bug: RuntimeError: x y; "
        "run it again with --debug and report what it prints"
    )
    assert result.code == 1


def test_debug_shows_the_traceback(fsmount, monkeypatch):
    """And the line after it, secrets blanked."""
    _broken(monkeypatch, RuntimeError("at https://h/x?sign=hunter2"))
    result = fsmount("--debug", "status")
    assert "Traceback (most recent call last)" in result.err
    assert result.err.splitlines()[-1].startswith("fsmount: this is a bug: RuntimeError")
    assert "hunter2" not in result.err


@pytest.mark.parametrize(
    "exc", [KeyboardInterrupt(), BaseExceptionGroup("", [KeyboardInterrupt()]), click.Abort()]
)
def test_ctrl_c_ends_quietly_with_130(fsmount, monkeypatch, exc):
    """Nothing was wrong, so nothing is said."""
    _broken(monkeypatch, exc)
    result = fsmount("status")
    assert (result.code, result.err.strip()) == (130, "")


def test_a_failure_of_the_operating_system_names_the_file(fsmount, monkeypatch):
    """What, and why."""
    _broken(monkeypatch, PermissionError(13, "Permission denied", "/x/y"))
    result = fsmount("status")
    assert result.line == 'fsmount: cannot use "/x/y": Permission denied'
    assert result.code == 1


def test_completion_knows_the_commands():
    """Of click, through the lazy table."""
    found = root.shell_complete(
        root.make_context("fsmount", ["--help"], resilient_parsing=True), "st"
    )
    assert [item.value for item in found] == ["stat", "status"]


def test_the_module_runs_as_the_program(program):
    """``python -m fsmount`` gives the exit code of the command."""
    result = program("nonsense")
    assert result.code == 2
    assert 'there is no command "nonsense"' in result.line
