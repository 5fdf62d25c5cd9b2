"""Rows of ``ls`` and the fields of ``stat``, as text for people."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fsmount.vfs.filesystem import Attributes


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One file or folder: its name (or path), bytes, and Unix nanoseconds (0 when unknown)."""

    name: str
    is_folder: bool
    size: int
    mtime_ns: int

    def written(self, *, long: bool) -> str:
        """Return the line; a folder's name ends with a slash."""
        name = printable(self.name) + "/" * self.is_folder
        if not long:
            return name
        size = "-" if self.is_folder else str(self.size)
        return f"{size:>14}  {local_time(self.mtime_ns):16}  {name}"


def row(name: str, attributes: Attributes) -> Row:
    """Return the row of a node of the tree."""
    return Row(
        name=name,
        is_folder=attributes.is_folder,
        size=attributes.size,
        mtime_ns=attributes.mtime_ns,
    )


def row_of(name: str, found: os.stat_result, *, is_folder: bool) -> Row:
    """Return the row of something in a mount."""
    return Row(name=name, is_folder=is_folder, size=found.st_size, mtime_ns=found.st_mtime_ns)


def printable(text: str) -> str:
    """Return ``text`` as a terminal may have it: names are the work of strangers.

    Control characters become "?" on a terminal, where they could move the cursor; elsewhere, in a
    pipe, names stay what they are.
    """
    if not sys.stdout.isatty():
        return text
    return "".join(character if character.isprintable() else "?" for character in text)


def say(line: str) -> None:
    """Write a line to standard output, names that are not Unicode included."""
    sys.stdout.flush()
    sys.stdout.buffer.write(os.fsencode(line) + b"\n")
    sys.stdout.buffer.flush()


def local_time(ns: int) -> str:
    """Return a time of this machine's zone; "" when unknown."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(ns / 1e9)) if ns else ""


def size_text(count: float) -> str:
    """Return bytes as people say them: ``4.2 MiB``."""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if count < 1024 or unit == "TiB":
            break
        count /= 1024
    return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
