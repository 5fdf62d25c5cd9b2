"""An emulated site per test, and what tests ask it beside the driver."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from fsmount.model import Call
from tests.conformance.cases import open_world
from tests.conformance.cloudreve import DRIVE, SHARE
from tests.conformance.tree import open_tree


@pytest.fixture
def tree(tmp_path):
    """Where the site's files are made."""
    root = tmp_path / "tree"
    root.mkdir()
    return root


@pytest.fixture
def site(tmp_path, tree):
    """Serve ``tree`` with the given options; what is opened is the owner's drive, or the share."""

    @asynccontextmanager
    async def open_site(*options, share=False):
        case = SHARE if share else DRIVE
        state = tmp_path / "state"
        state.mkdir(exist_ok=True)
        async with open_world(replace(case, emulator=options), tree, state) as world:
            yield world

    return open_site


@pytest.fixture
def ask():
    """Ask the site what the driver does not, signed as the remote is; returns the raw answer."""

    async def ask(remote, method, path, json=None, **params):
        address = remote.source.options.address
        call = Call(method=method, url=f"{address}/api/v4{path}", json=json, params=params)
        return await remote.account.call("info", call)

    return ask


@pytest.fixture
def read_through():
    """Read a file whole as a mounted program does: through handles, blocks, links and checks."""

    async def read_through(remote, path):
        async with open_tree(remote) as filesystem:
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
