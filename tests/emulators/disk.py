"""The served directory as every emulator looks at it: what is in it, and a file as it was.

Symbolic links, special files and names that are no UTF-8 are not shown: no provider has them.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.emulators.messages import FileSpan

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskContent:
    """A file of the served directory as it was when it was looked at."""

    path: str
    size: int
    mtime_ns: int
    inode: int

    @classmethod
    def of(cls, path: str, status: os.stat_result) -> DiskContent:
        """The content that a file has now."""
        return cls(path=path, size=status.st_size, mtime_ns=status.st_mtime_ns, inode=status.st_ino)

    def is_current(self) -> bool:
        """Whether the file is still the one that was looked at."""
        try:
            return DiskContent.of(self.path, os.lstat(self.path)) == self
        except OSError:
            return False

    def read(self) -> FileSpan | None:
        """The whole content; None when the file is no longer the one that was looked at."""
        return FileSpan(path=self.path, start=0, stop=self.size) if self.is_current() else None


def entries_of(directory: str) -> Iterator[tuple[os.DirEntry[str], os.stat_result]]:
    """Yield the files and folders that a directory has now; nothing when it is gone."""
    try:
        entries = list(os.scandir(directory))
    except OSError:
        return
    for entry in entries:
        try:
            status = entry.stat(follow_symlinks=False)
            entry.name.encode()
        except (OSError, UnicodeEncodeError):
            continue  # gone meanwhile; or a name that cannot be written in JSON
        if is_shown(status.st_mode):
            yield entry, status


def is_shown(mode: int) -> bool:
    """Whether a provider could have it: a file or a folder."""
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)
