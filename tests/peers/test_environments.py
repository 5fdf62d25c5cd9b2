"""How the peers' environments are chosen, and that a failing check fails the run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.peers import __main__ as runner
from tests.peers.checks import Checks, refused
from tests.peers.environments import find_python
from tests.peers.families import FAMILIES

PROJECT = Path(__file__).parents[2]


def test_a_python_that_is_old_enough_is_our_own():
    """Nothing is looked for where this one will do."""
    assert find_python((3, 11)) == sys.executable


def test_a_python_that_nobody_has_is_not_found():
    """And a family that needs it is skipped aloud, which is no failure."""
    assert find_python((3, 99)) is None


def test_a_family_without_its_python_is_skipped_aloud(monkeypatch, capsys):
    """The clients are named, and the version that they need."""
    monkeypatch.setattr(runner, "find_python", lambda _oldest: None)
    family = next(one for one in FAMILIES if one.name == "p115")
    assert runner.run_family(family) == []
    told = capsys.readouterr().err
    assert "SKIPPED: p115client and py115: they need Python 3.12 or newer" in told


def test_a_family_that_cannot_be_installed_has_failed(monkeypatch, capsys):
    """It is no reason to skip: what it holds to was not looked at."""

    def refuse(_family, python):
        raise subprocess.CalledProcessError(1, [python, "-m", "pip"])

    monkeypatch.setattr(runner, "environment", refuse)
    monkeypatch.setattr(runner, "find_python", lambda _oldest: "python3.99")
    assert runner.run_family(FAMILIES[0]) == [FAMILIES[0].name]
    assert "cannot be installed" in capsys.readouterr().err


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_every_requirement_is_pinned_and_every_script_there(family):
    """What ran yesterday runs today."""
    lines = family.requirements.read_text().splitlines()
    packages = [line for line in lines if line and not line.startswith("#")]
    assert packages
    assert [line for line in packages if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []
    folder = family.requirements.parent
    assert [
        one.module for one in family.scripts if not (folder / f"{one.module}.py").exists()
    ] == []


def test_a_script_fails_with_one_of_its_checks(capsys):
    """Each is a line; a script without any check fails, too."""
    check = Checks()

    @check("two is two")
    def _():
        assert 2 == 1 + 1

    assert check.run() == 0

    @check("the moon is cheese")
    async def _():
        raise ValueError("it is not")

    assert check.run() == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "ok two is two",
        "ok two is two",
        "FAILED the moon is cheese: ValueError: it is not",
    ]
    assert Checks().run() == 1


def test_refused_wants_the_error_and_what_it_says():
    """No error, or another text, is a failure."""
    with refused(ValueError, "4"):
        raise ValueError("404")
    with pytest.raises(AssertionError, match="no ValueError"), refused(ValueError):
        pass
    with pytest.raises(AssertionError, match="has no"), refused(ValueError, "5"):
        raise ValueError("404")


def test_an_unknown_family_is_refused():
    """With the names there are."""
    command = [sys.executable, "-m", "tests.peers", "nobody"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "p115" in done.stderr
