"""Whether words name something inside a mount, or a SOURCE and a path in it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import click

from fsmount import mountpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Mounted:
    """A path inside a mount of fsmount, absolute."""

    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmounted:
    """A SOURCE, and a path in it ("" is its root)."""

    source: str
    path: str


def place(words: tuple[str, ...]) -> Mounted | Unmounted:
    """Return what ``MOUNTED/PATH`` or ``SOURCE [PATH]`` names, without asking any file system."""
    if len(words) == 1:
        path = Path(os.path.abspath(os.path.expanduser(words[0])))
        if mountpoint.mount_over(path) or mountpoint.mount_over(mountpoint.located(path)):
            return Mounted(path=path)
        if words[0].startswith(("/", "./", "../", "~")):
            raise click.UsageError(f'"{words[0]}" is not in a mount of fsmount, nor a SOURCE')
        return Unmounted(source=words[0], path="")
    return Unmounted(source=words[0], path=words[1].strip("/"))


def within(path: Path, root: Path) -> str:
    """Return ``path`` as the mount on ``root`` names it, also when a symbolic link leads there."""
    if not path.is_relative_to(root):
        path = mountpoint.located(path)
    return "" if path == root else str(path.relative_to(root))
