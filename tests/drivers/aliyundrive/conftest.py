"""An emulated provider per test, and what tests ask it beside the driver."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from tests.conformance.aliyun import DRIVE, OPEN, SHARE
from tests.conformance.cases import open_world
from tests.conformance.tree import open_tree

CASES = {"drive": DRIVE, "share": SHARE, "open": OPEN}


@pytest.fixture
def tree(tmp_path):
    """Where the served files are made."""
    root = tmp_path / "tree"
    root.mkdir()
    return root


@pytest.fixture
def provider(tmp_path, tree):
    """Serve ``tree`` as one of the three, with the given options."""

    @asynccontextmanager
    async def open_provider(kind, *options):
        case = CASES[kind]
        state = tmp_path / "state"
        state.mkdir(exist_ok=True)
        case = replace(case, emulator=(*case.emulator, *options))
        async with open_world(case, tree, state) as world:
            yield world

    return open_provider


@pytest.fixture
def read_through():
    """Read a file whole as a mounted program does: through handles, blocks, links and checks."""

    async def read_through(filesystem, path):
        found = await filesystem.find(path)
        handle = filesystem.open_file(found.inode)
        try:
            data = b""
            while more := await handle.read(len(data), 1 << 20):
                data += more
            return data
        finally:
            await handle.close()

    return read_through


@pytest.fixture
def shown():
    """Open the tree over a remote."""
    return open_tree
