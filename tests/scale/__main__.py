"""Measures a tree of any size in a process of its own, where peak memory is nobody else's.

    python -m tests.scale walk STORE --folders 1000 --files 1000 [--hold]
    python -m tests.scale restart STORE --folders 1000 --files 1000

Each prints one line of JSON. ``walk`` reads the whole tree once, as ``find`` does; with ``--hold``
the kernel keeps every entry, else it forgets a folder when it is through. ``restart`` opens what
``walk`` left in STORE and reads the root and one folder.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from fsmount.model import ROOT_INODE
from fsmount.store.tree import open_tree_store
from fsmount.vfs.filesystem import open_filesystem
from tests.scale.crowd import Crowd, NoReader, forget, list_whole, member_of


@asynccontextmanager
async def opened(crowd, store):
    """Open the tree of ``crowd`` that is kept in the file ``store``."""
    async with (
        open_tree_store(store) as kept,
        open_filesystem(member_of(crowd), reader=NoReader(), store=kept) as filesystem,
    ):
        yield filesystem


async def walk(crowd, store, *, hold):
    """Read everything; return what there was."""
    entries = 0
    async with opened(crowd, store) as filesystem:
        folders = await list_whole(filesystem, ROOT_INODE)
        entries += len(folders)
        for folder in folders:
            rows = await list_whole(filesystem, folder.attributes.inode)
            entries += len(rows)
            if not hold:
                forget(filesystem, rows)
        return {"entries": entries, **filesystem.status()["counts"]}


async def restart(crowd, store):
    """Read the root and one of its folders; return what there was."""
    async with opened(crowd, store) as filesystem:
        folders = await list_whole(filesystem, ROOT_INODE)
        rows = await list_whole(filesystem, folders[-1].attributes.inode)
        return {"entries": len(folders) + len(rows)}


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.scale", description=__doc__)
    parser.add_argument("what", choices=["walk", "restart"])
    parser.add_argument("store", type=Path)
    parser.add_argument("--folders", type=int, required=True)
    parser.add_argument("--files", type=int, required=True)
    parser.add_argument("--hold", action="store_true")
    wish = parser.parse_args()
    crowd = Crowd(wish.folders, wish.files)
    idle, begun = _peak_bytes(), time.monotonic()
    if wish.what == "walk":
        found = trio.run(lambda: walk(crowd, wish.store, hold=wish.hold))
    else:
        found = trio.run(restart, crowd, wish.store)
    figures = {
        "seconds": round(time.monotonic() - begun, 3),
        "idle_bytes": idle,
        "peak_bytes": _peak_bytes(),
        "pages": crowd.pages,
    }
    print(json.dumps(figures | found))


def _peak_bytes():
    """Return the most memory that this process ever had."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024


if __name__ == "__main__":
    main()
