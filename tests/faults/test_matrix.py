"""A seeded part of the fault matrix; ``./run fault-matrix`` runs all of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.names import answered

PROJECT = Path(__file__).parents[2]
SEED = os.environ.get("FSMOUNT_FAULT_SEED", "2")


@pytest.mark.fuse
@pytest.mark.timeout(400)
def test_every_program_returns_by_itself_and_the_mount_heals():
    """Three faults, chosen by the seed, under every operation."""
    if os.geteuid() != 0:
        pytest.skip("only root may give its children another name server")
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults", "--some", "3", "--seed", SEED],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=380,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "HUNG" not in done.stdout
    assert done.stderr.count("well, healed in") == 3


def test_the_name_server_knows_one_address():
    """Every name is this machine; other records are none."""
    asked = b"\x12\x34\x01\x00\x00\x01\0\0\0\0\0\0\x05cloud\x04test\0\0\x01\0\x01"
    answer = answered(asked)
    assert answer[:2] == asked[:2]
    assert answer[-4:] == bytes([127, 0, 0, 1])
    assert answered(asked[:-3] + b"\x1c\0\x01")[6:8] == b"\0\0"
