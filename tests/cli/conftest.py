"""What tests of commands share: an emulated site, and a way to run one command line."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from dataclasses import dataclass

import pytest

from fsmount.cli.command import run
from tests import sweep
from tests.emulators.doors import run_emulator

TREE = {
    "hello.txt": b"hello\n",
    "你好 🎉.txt": "你好\n".encode(),
    "100% #1?.bin": bytes(range(256)) * 16,
    "photos/summer/a&b.txt": b"sun\n",
    "photos/empty.txt": b"",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def line(self):
        """The one line on standard error; more or fewer fail."""
        lines = self.err.splitlines()
        assert len(lines) == 1, f"not one line: {self.err!r}"
        assert "Traceback" not in self.err
        return lines[0]


@pytest.fixture(scope="session")
def tree(tmp_path_factory):
    """A directory with TREE in it."""
    root = tmp_path_factory.mktemp("tree")
    for name, content in TREE.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


@pytest.fixture(scope="module")
def site(tree):
    """A Cloudreve site over the tree, in a process of its own."""
    with run_emulator(tree, "--share-file", "hello.txt") as emulator:
        yield emulator


@pytest.fixture(scope="module")
def locked_site(tree):
    """The same, its share with a password."""
    with run_emulator(tree, "--share-password", "pw12") as emulator:
        yield emulator


@pytest.fixture
def places(tmp_path):
    """Environment variables that keep everything of a command below the test's directory."""
    return {
        "HOME": str(tmp_path / "home"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "STATE_DIRECTORY": str(tmp_path / "state"),
        "CACHE_DIRECTORY": str(tmp_path / "cache"),
        "RUNTIME_DIRECTORY": str(tmp_path / "run"),
    }


@pytest.fixture
def fsmount(places, monkeypatch, capfdbinary):
    """Run a command line in this process; returns a Result."""
    for name, value in places.items():
        monkeypatch.setenv(name, value)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    logger = logging.getLogger("fsmount")
    kept = logger.handlers[:], logger.level

    def fsmount(*words):
        capfdbinary.readouterr()
        code = run([str(word) for word in words])
        out, err = capfdbinary.readouterr()
        sweep.heard(f"the output of fsmount {words[:2]}", (out + err).decode(errors="replace"))
        return Result(code=code, out=out.decode(), err=err.decode())

    yield fsmount
    logger.handlers, logger.level = kept


@pytest.fixture
def program(places):
    """Run ``python -m fsmount`` in a process of its own; returns a Result."""

    def program(*words, stdin="", **variables):
        done = subprocess.run(
            [sys.executable, "-m", "fsmount", *(str(word) for word in words)],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, **places, **variables},
            check=False,
        )
        sweep.heard(f"the output of python -m fsmount {words[:2]}", done.stdout + done.stderr)
        return Result(code=done.returncode, out=done.stdout, err=done.stderr)

    return program
