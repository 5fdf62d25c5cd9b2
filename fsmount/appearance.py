"""How a mount looks: nodes of the tree as the structures that the kernel is answered with."""

from __future__ import annotations

import stat
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import pyfuse3

if TYPE_CHECKING:
    from fsmount.model import Inode, Space
    from fsmount.vfs.filesystem import Attributes, Rows, Take

# What a program asks for at once: the kernel sends reads of at most 1 MiB, and glibc sizes its
# buffers after it, also those of getdents(2): 64 KiB hold 400 rows, and 1 MiB is allocated, mapped
# and cleared for each request of a folder by the kernel and by pyfuse3, however few it has.
_BLOCK_SIZE = 1024 * 1024
_FOLDER_BLOCK_SIZE = 64 * 1024

# Shown when the provider does not tell a capacity: 0 makes file managers refuse, petabytes make
# tools overflow.
_UNKNOWN_CAPACITY = 1024**4
_FRAGMENT = 4096
_NAME_MAX = 255

_NAMES = sys.getfilesystemencoding()

Rendered: TypeAlias = "list[tuple[pyfuse3.FileNameT, pyfuse3.EntryAttributes, int]]"
"""Rows as ``readdir_reply`` takes them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Appearance:
    """What a mount shows of each node beyond what the tree knows.

    Attributes:
        uid: Owner of everything.
        gid: Group of everything.
        file_mode: Permission bits of files.
        folder_mode: Permission bits of folders.
        known_for_s: Seconds the kernel may keep attributes and names; no longer than listings live.
        absent_for_s: Seconds the kernel may keep that a name does not exist.
    """

    uid: int
    gid: int
    file_mode: int = 0o444
    folder_mode: int = 0o555
    known_for_s: float = 60.0
    absent_for_s: float = 1.0

    def shown(self, node: Attributes) -> pyfuse3.EntryAttributes:
        """Return the attributes of ``node``."""
        shown = self._blank()
        self._show(shown, node.inode, node.is_folder, node.size, node.mtime_ns)
        return shown

    def absent(self) -> pyfuse3.EntryAttributes:
        """Return what lets the kernel keep for a while that a name does not exist."""
        shown = pyfuse3.EntryAttributes()
        shown.st_ino = pyfuse3.InodeT(0)
        shown.entry_timeout = self.absent_for_s
        return shown

    def rendered(self, rows: Rows) -> Rendered:
        """Return all of ``rows``, to be handed out as often as they are asked for."""
        rendered: Rendered = []

        def take(
            name: str, inode: Inode, is_folder: bool, size: int, mtime_ns: int, next_cookie: int
        ) -> bool:
            shown = self._blank()
            self._show(shown, inode, is_folder, size, mtime_ns)
            rendered.append((_encoded(name), shown, next_cookie))
            return True

        rows.give(take)
        return rendered

    def into(self, token: pyfuse3.ReaddirToken) -> Take:
        """Return what puts one row into the answer that ``token`` stands for."""
        shown = self._blank()

        def take(
            name: str, inode: Inode, is_folder: bool, size: int, mtime_ns: int, next_cookie: int
        ) -> bool:
            self._show(shown, inode, is_folder, size, mtime_ns)
            return pyfuse3.readdir_reply(token, _encoded(name), shown, next_cookie)

        return take

    def _blank(self) -> pyfuse3.EntryAttributes:
        """Return attributes with all that every node of a mount has in common.

        ``st_nlink`` is 1 from the start, and stays so for folders: 2 would tell ``find`` that there
        are no subfolders.
        """
        shown = pyfuse3.EntryAttributes()
        shown.entry_timeout = shown.attr_timeout = self.known_for_s
        shown.st_uid = self.uid
        shown.st_gid = self.gid
        return shown

    def _show(
        self,
        shown: pyfuse3.EntryAttributes,
        inode: Inode,
        is_folder: bool,
        size: int,
        mtime_ns: int,
    ) -> None:
        """Put into ``shown``, from ``_blank``, what one node has of its own."""
        mode = stat.S_IFDIR | self.folder_mode if is_folder else stat.S_IFREG | self.file_mode
        shown.st_ino = pyfuse3.InodeT(inode)
        shown.st_mode = pyfuse3.ModeT(mode)
        shown.st_blksize = _FOLDER_BLOCK_SIZE if is_folder else _BLOCK_SIZE
        shown.st_size = size
        shown.st_blocks = -(-size // 512)
        shown.st_atime_ns = shown.st_mtime_ns = shown.st_ctime_ns = mtime_ns


def capacity(space: Space | None) -> pyfuse3.StatvfsData:
    """Return what statfs(2) tells of a capacity; None is one that nobody knows."""
    total = space.total if space else _UNKNOWN_CAPACITY
    free = max(0, space.total - space.used) if space else _UNKNOWN_CAPACITY
    shown = pyfuse3.StatvfsData()
    shown.f_bsize = shown.f_frsize = _FRAGMENT
    shown.f_blocks = total // _FRAGMENT
    shown.f_bfree = shown.f_bavail = free // _FRAGMENT
    # 0 of 0 is how file systems without an inode table answer; ``df -i`` shows a dash.
    shown.f_files = shown.f_ffree = shown.f_favail = 0
    shown.f_namemax = _NAME_MAX
    return shown


def _encoded(name: str) -> pyfuse3.FileNameT:
    """Return what ``os.fsencode`` does, at a third of its time."""
    return pyfuse3.FileNameT(name.encode(_NAMES, "surrogateescape"))
