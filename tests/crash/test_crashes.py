"""A seeded part of the crash campaign; ``./run crash-test`` runs two hundred."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]


@pytest.mark.fuse
@pytest.mark.timeout(600)
def test_twenty_kills_and_power_cuts_leave_nothing_wrong():
    """The next mount stands, its bytes are right, and nobody has to sign in again."""
    if os.geteuid() != 0:
        pytest.skip("only root may make the disk that loses its power")
    done = subprocess.run(
        [sys.executable, "-m", "tests.crash", "--times", "20"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=580,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "20 ends (seed 1)" in done.stdout
    assert done.stderr.count("power cut") > 5
