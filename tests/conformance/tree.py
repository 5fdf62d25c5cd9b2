"""The tree that every driver is shown, and how to read it back through a driver."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fsmount.reader.stream import open_reader
from fsmount.vfs.filesystem import open_filesystem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from fsmount.drivers.base import Driver
    from fsmount.model import Entry
    from fsmount.remote import Remote
    from fsmount.vfs.filesystem import Filesystem

_PRINTABLE = [chr(code) for code in range(0x20, 0x7F) if chr(code) not in "/."]

FILES = {
    "plain.txt": b"0123456789" * 10,
    "empty.txt": b"",
    "100% real.txt": b"percent\n",
    "hash#tag.txt": b"hash\n",
    "what?.txt": b"question\n",
    "amp&eq=+;.txt": b"query\n",
    "quote'\"back\\slash.txt": b"quotes\n",
    " leading and trailing . ": b"spaces\n",
    "你好 🎉.txt": "你好\n".encode(),
    "e\u0301 nfd.txt": b"nfd\n",
    "\u00e9 nfc.txt": b"nfc\n",
    "长" * 84 + ".md"[:3]: b"255 bytes of name\n",
    "z folder/inner.bin": bytes(range(256)) * 300,
    "目录 😀 100%/deep/deeper/deepest/文件.txt": b"deep\n",
    # Every printable character by itself: what is encoded twice, or not at all, meets one of them.
    **{f"each/{character}": character.encode() for character in _PRINTABLE},
    **{f"each/{character}%{character}": b"%" + character.encode() for character in "%#?&+ 2"},
    "each/line\nbreak": b"newline\n",
    "each/%2e%2e": b"encoded dots\n",
    "each/...": b"three dots\n",
    # As many folders as a small page holds, twice: where servers lose files behind them.
    **{f"borders/z-dir{n}/in": b"x" for n in range(6)},
    **{f"borders/a-file{n}": b"y" * n for n in range(7)},
    **{f"many/f{n:04}.txt": b"" for n in range(25)},
}
FOLDERS = ("empty folder", "folders only/a", "folders only/b", "folders only/c")


def make_tree(root: Path, holds: Callable[[str], bool] = lambda _path: True) -> Path:
    """Make what `holds` of the tree below `root`."""
    for name in filter(holds, FILES):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(FILES[name])
    for name in filter(holds, FOLDERS):
        (root / name).mkdir(parents=True)
    return root


def wanted(
    only: str | None, holds: Callable[[str], bool] = lambda _path: True
) -> dict[str, int | None]:
    """Return path to size (None for a folder) of what is to be seen."""
    if only is not None:
        return {only: len(FILES[only])}
    files = [name for name in FILES if holds(name)]
    found: dict[str, int | None] = {name: len(FILES[name]) for name in files}
    for name in (*files, *(f"{folder}/" for folder in FOLDERS if holds(folder))):
        parts = name.split("/")[:-1]
        for depth in range(1, len(parts) + 1):
            found["/".join(parts[:depth])] = None
    return found


async def children(driver: Driver, folder: Entry) -> list[list[Entry]]:
    """Return the pages of a folder."""
    pages, cursor, seen = [], None, set()
    while True:
        page = await driver.list(folder, cursor)
        pages.append(page.entries)
        if page.next_cursor is None:
            return pages
        assert page.next_cursor not in seen, "the listing goes round in circles"
        seen.add(page.next_cursor)
        cursor = page.next_cursor


async def walk(driver: Driver) -> dict[str, Entry]:
    """Return every entry below the root by its path."""
    found: dict[str, Entry] = {}
    left = [("", driver.root)]
    while left:
        prefix, folder = left.pop()
        for entry in (each for page in await children(driver, folder) for each in page):
            path = f"{prefix}{entry.name}"
            assert path not in found, f"{path} was listed twice"
            found[path] = entry
            if entry.is_folder:
                left.append((f"{path}/", entry))
    return found


class _Sink:
    def __init__(self, length: int) -> None:
        self.data = bytearray(length)
        self.position = 0

    def room(self) -> memoryview:
        return memoryview(self.data)[self.position :]

    def filled(self, count: int) -> None:
        self.position += count


@asynccontextmanager
async def open_tree(remote: Remote) -> AsyncIterator[Filesystem]:
    """Open the tree over one remote, nothing kept on disk; answers come when they come."""
    async with (
        open_reader(memory_bytes=32 << 20, disk=None) as reader,
        open_filesystem(
            remote.member, reader=reader, store=None, answer_within_s=60, stale_after_s=60
        ) as filesystem,
    ):
        yield filesystem


async def read(remote: Remote, file: Entry, start: int = 0, stop: int | None = None) -> bytes:
    """Return bytes of `file` as a mount fetches them: its links, its checks, its renewals."""
    assert file.size is not None
    stop = file.size if stop is None else stop
    sink = _Sink(stop - start)
    await remote.member.source(file).fetch(start, stop, sink)
    assert sink.position == stop - start, "it returned before all bytes were there"
    return bytes(sink.data)
