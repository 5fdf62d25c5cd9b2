"""Fixtures for mounts in the real kernel, with ordinary programs on top."""

from __future__ import annotations

import sys

import pytest

from fsmount import mountpoint
from tests.emulators import run_emulator
from tests.mount.standing import Places, mounted, share


@pytest.fixture
def places(tmp_path):
    """Directories of this test alone."""
    return Places(tmp_path.resolve())


@pytest.fixture
def fake(places):
    """Mount the tree of thin air, until the end of the block."""

    def mount(*arguments, name="mnt"):
        path = places.top / name
        if mountpoint.mounted_at(path) is None:  # a dead mount cannot even be looked at
            path.mkdir(exist_ok=True)
        socket = places.top / f"{name}.sock"
        argv = [sys.executable, "-m", "tests.mount.fake_mount", path, socket, *arguments]
        return mounted(argv, path, socket, environ=places.environ)

    return mount


@pytest.fixture
def tree(places):
    """A small tree to be served by ``cloud``."""
    root = places.top / "tree"
    (root / "sub").mkdir(parents=True)
    (root / "hello.txt").write_text("hello\n")
    (root / "sub" / "inner.txt").write_text("inner\n")
    (root / "film.mkv").write_bytes(bytes(range(256)) * 4096 * 16)
    return root


@pytest.fixture
def cloud(tree):
    """Serve ``tree`` as a Cloudreve site."""
    with run_emulator(tree) as cloud:
        yield cloud


@pytest.fixture
def mount(places):
    """Mount a SOURCE as a person would, until the end of the block."""

    def mount(source, *options, **kwargs):
        return share(places, source, *options, **kwargs)

    return mount
