"""A remote with as many entries as wanted, made when they are asked for."""

from __future__ import annotations

from urllib.parse import quote

import trio

from fsmount.health import Health
from fsmount.model import Entry, EntryId, Kind, Page
from fsmount.vfs.filesystem import Member

_PAGE = 2000
"""Cloudreve's largest page (wire: Cloudreve V4 §6.1)."""

_ROWS = 512
"""What ``operations`` reads of a folder at once."""


class Crowd:
    """A driver over ``folders`` folders in the root, with ``files`` files in each of them.

    Its entries are as long as those of a real share, and it keeps none of them.

    Args:
        folders: How many; 0 puts the files into the root itself.
        files: How many in each folder.

    Attributes:
        pages: How many pages were asked for.
    """

    root = Entry(id=EntryId("@root"), name="", kind=Kind.FOLDER, locator="cloudreve://AbC1@share")

    def __init__(self, folders, files):
        self._folders = folders
        self._files = files
        self.pages = 0

    async def list(self, folder, cursor):
        self.pages += 1
        await trio.lowlevel.checkpoint()
        is_root = folder.id == self.root.id
        start = int(cursor or 0)
        in_root = is_root and self._folders > 0
        count = self._folders if in_root else self._files
        stop = min(start + _PAGE, count)
        make = self._folder if in_root else self._file
        return Page(
            entries=[make(folder, number) for number in range(start, stop)],
            next_cursor=str(stop) if stop < count else None,
        )

    def _folder(self, parent, number):
        name = f"假期 {number:05}"
        return Entry(
            id=EntryId(f"d{number:x}"),
            name=name,
            kind=Kind.FOLDER,
            locator=f"{parent.locator}/{quote(name)}",
            mtime_ns=1_700_000_000_000_000_000 + number,
        )

    def _file(self, parent, number):
        name = f"IMG_{number:06}.jpg"
        return Entry(
            id=EntryId(f"{parent.id}f{number:x}"),
            name=name,
            kind=Kind.FILE,
            locator=f"{parent.locator}/{quote(name)}",
            size=3_000_000 + number,
            mtime_ns=1_700_000_000_000_000_000 + number,
            version=f"{parent.id}v{number:x}",
        )


class NoReader:
    """A reader for trees whose files nobody opens."""

    def open(self, key, source):
        raise NotImplementedError


def member_of(crowd):
    """Return the remote as the tree sees it; its listings are fresh for an hour."""
    return Member(
        name="crowd",
        identity="crowd:1",
        domain="",
        driver=crowd,
        source=NotImplemented,
        health=Health(remote="crowd"),
        listing_ttl_s=3600.0,
    )


async def list_whole(filesystem, inode):
    """Read a folder to its end as the kernel does, which then refers to each row; return those."""
    handle = filesystem.open_folder(inode)
    rows = []
    try:
        while more := await handle.read(rows[-1].next_cookie if rows else 0, _ROWS):
            for row in more:
                filesystem.remember(row.attributes.inode)
            rows += more
    finally:
        handle.close()
    return rows


def forget(filesystem, rows):
    """Give the references of ``rows`` back, as the kernel does when it needs its memory."""
    filesystem.forget([(row.attributes.inode, 1) for row in rows])
