"""Finds every file at and below a path, with patience: for what is done behind everybody."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import trio

from fsmount import errors
from fsmount.errors import FsmountError
from fsmount.vfs.wishes import is_at_or_below

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fsmount.model import ContentKey, Inode
    from fsmount.vfs.filesystem import Filesystem

T = TypeVar("T")

_LIST_WITHIN_S = 120.0
_ROWS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What there is at and below a path.

    Attributes:
        files: What is in each file, by path.
        failed: What could not be found out, a sentence each.
        unknown: The folders and files that it is about: what was known of them may still be true.
    """

    files: dict[str, ContentKey] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    def is_gone(self, path: str) -> bool:
        """Tell whether nothing is at ``path`` any more: an error is not an absence."""
        return path not in self.files and not any(
            is_at_or_below(path, unknown) for unknown in self.unknown
        )


async def survey(filesystem: Filesystem, path: str) -> Survey:
    """Return what is at and below ``path``; lists what is not listed, or too old.

    Raises:
        FsmountError: ``path`` itself cannot be found or listed.
    """
    found = Survey()
    node = await patiently(lambda: filesystem.find(path))
    if not node.is_folder:
        _add(found, path, filesystem.content(node.inode))
        return found
    folders = [(path, node.inode)]
    while folders:
        folder, inode = folders.pop()
        try:
            rows = await _rows(filesystem, inode)
        except FsmountError as exc:
            if folder == path:
                raise
            found.failed.append(f"{folder}: {exc}")
            found.unknown.append(folder)
            continue
        for name, below, is_folder, key in rows:
            shown = f"{folder}/{name}" if folder else name
            if is_folder:
                folders.append((shown, below))
            else:
                _add(found, shown, key)
    return found


def _add(found: Survey, path: str, key: ContentKey | None) -> None:
    if key is not None:
        found.files[path] = key
    else:
        found.failed.append(f"{path}: its size is not known")
        found.unknown.append(path)


async def _rows(
    filesystem: Filesystem, inode: Inode
) -> list[tuple[str, Inode, bool, ContentKey | None]]:
    """Return name, inode, kind and content of everything in a folder."""
    rows: list[tuple[str, Inode, bool, ContentKey | None]] = []
    handle = filesystem.open_folder(inode)
    try:
        cookie = 0
        while page := await patiently(partial(handle.read, cookie, _ROWS)):
            cookie = page[-1].next_cookie
            for row in page:
                node = row.attributes
                key = None if node.is_folder else filesystem.content(node.inode)
                rows.append((row.name, node.inode, node.is_folder, key))
    finally:
        handle.close()
    return rows


async def patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """Return what ``ask`` returns; a time-out is asked again: its fetch goes on behind."""
    deadline = trio.current_time() + _LIST_WITHIN_S
    while True:
        try:
            return await ask()
        except errors.TimedOut:
            if trio.current_time() >= deadline:
                raise
            await trio.sleep(1.0)
