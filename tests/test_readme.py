"""The README is true: its tables, its commands, its five steps."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from fsmount.cli.command import program
from fsmount.options import parse_options
from tests.emulators.doors import run_emulator
from tests.readme import README, renewed

TEXT = README.read_text(encoding="utf-8")


def blocks(language):
    """Return the code blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def commands():
    """Return the words of every line that runs fsmount."""
    for line in "".join(blocks("sh")).splitlines() + re.findall(r"`(fsmount [^`]+)`", TEXT):
        words = shlex.split(line, comments=True)
        if words and Path(words[0]).name == "fsmount":
            yield [word for word in words[1:] if word != "…"]


def test_its_tables_are_what_the_code_declares():
    """``python -m tests.readme`` writes them."""
    assert renewed(TEXT) == TEXT


def test_there_are_commands_to_check():
    """So that the next test cannot pass over nothing."""
    assert len(list(commands())) > 15


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_every_command_is_understood(words):
    """Its words and flags are parsed by the command itself; nothing is run."""
    context = program.make_context("fsmount", words, resilient_parsing=False)
    while isinstance(context.command, click.Group):
        rest = [*context._protected_args, *context.args]
        if not rest:
            return
        name, command, rest = context.command.resolve_command(context, rest)
        context = command.make_context(name, rest, parent=context)
    for text in context.params.get("options") or ():
        parse_options([text])


STANZAS = [block for block in blocks("toml") if block.startswith("[remotes.")]


def test_there_are_stanzas_to_check():
    """So that the next test cannot pass over nothing."""
    assert len(STANZAS) > 3


@pytest.mark.parametrize(
    "stanza", STANZAS, ids=lambda text: re.findall('driver = "(.*?)"', text)[0]
)
def test_every_stanza_is_understood(stanza, tmp_path):
    """``fsmount remotes`` lists each remote of it, and finds nothing to say."""
    config = tmp_path / "config.toml"
    config.touch(mode=0o600)
    config.write_text(stanza, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "fsmount", "--config", config, "remotes"],
        env=os.environ | {"STATE_DIRECTORY": str(tmp_path / "state")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    names = re.findall(r"^\[remotes\.(\w+)\]", stanza, re.MULTILINE)
    assert [line.split()[0] for line in done.stdout.splitlines()] == names


def test_lines_for_fstab_are_understood():
    """Six fields, and options that are known."""
    for line in "".join(blocks("fstab")).splitlines():
        source, mountpoint, kind, options, *numbers = line.split()
        assert (kind, numbers) == ("fsmount", ["0", "0"])
        assert mountpoint.startswith("/mnt/")
        assert source
        assert parse_options([options]).remote == {}


def test_every_file_it_links_to_is_there():
    """Relative links."""
    for target in re.findall(r"\]\(([^)]+)\)", TEXT):
        assert (README.parent / target).exists(), target


@pytest.mark.fuse
def test_its_five_commands_mount_and_unmount(tmp_path):
    """From mkdir on, with the emulator's link for the example's; installing is ``./run``'s test."""
    tree, home, binaries = tmp_path / "tree", tmp_path / "home", tmp_path / "home/.local/bin"
    for path in (tree, binaries):
        path.mkdir(parents=True)
    (tree / "hello.txt").write_text("hello\n")
    script = binaries / "fsmount"
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m fsmount "$@"\n')
    script.chmod(0o755)
    install, *_ = blocks("sh")
    lines = install.splitlines()
    assert len(lines) == 5
    assert [line.split()[0] for line in lines[:2]] == ["sudo", "pipx"]
    with run_emulator(tree) as site:
        steps = "\n".join(lines[2:]).replace("https://cloud.example.com/s/AbC1", site.source)
        umount = "~/.local/bin/fsmount umount"
        steps = steps.replace(umount, f"cat ~/share/hello.txt\n{umount}")
        environ = {**os.environ, "HOME": str(home), "PYTHONPATH": str(README.parent)}
        for name in ("STATE", "CACHE", "RUNTIME"):
            environ[f"{name}_DIRECTORY"] = str(tmp_path / name.lower())
        done = subprocess.run(
            ["sh", "-ec", steps],
            env=environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stdout, done.stderr) == (0, "hello\n", "")
    assert not os.path.ismount(home / "share")
