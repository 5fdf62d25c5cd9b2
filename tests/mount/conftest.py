"""Fixtures for mounts in the real kernel, with ordinary programs on top."""

from __future__ import annotations

import sys

import pytest

from fsmount import mountpoint
from tests.mount.standing import Places, mounted


@pytest.fixture
def places(tmp_path):
    """Directories of this test alone."""
    return Places(tmp_path)


@pytest.fixture
def fake(tmp_path, places):
    """Mount the tree of thin air, until the end of the block."""

    def mount(*arguments, name="mnt"):
        path = tmp_path.resolve() / name
        if mountpoint.mounted_at(path) is None:  # a dead mount cannot even be looked at
            path.mkdir(exist_ok=True)
        socket = tmp_path / f"{name}.sock"
        argv = [sys.executable, "-m", "tests.mount.fake_mount", path, socket, *arguments]
        return mounted(argv, path, socket, environ=places.environ)

    return mount
