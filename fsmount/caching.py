"""What the control door of a mount answers about its cache: what is kept, pinned, let go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import trio

from fsmount.cache.catalogue import read_catalogue
from fsmount.cache.inventory import content_name
from fsmount.errors import FsmountError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from fsmount.cache.catalogue import Kept
    from fsmount.cache.disk import DiskCache
    from fsmount.model import ContentKey
    from fsmount.vfs.filesystem import Filesystem
    from fsmount.vfs.pinning import Pins

_WRITE_WITHIN_S = 5.0

NAME_FILE = "source"
"""A file in a cache directory: the SOURCE it belongs to, as it may be shown."""


def describe_files(
    kept: Sequence[Kept], pinned: Mapping[str, ContentKey]
) -> list[dict[str, object]]:
    """Return the files of a cache as plain data, with what is pinned though nothing of it is kept.

    Args:
        kept: What the index tells.
        pinned: What is to be kept, by path.
    """
    names = {content_name(key): (path, key) for path, key in pinned.items()}
    files: list[dict[str, object]] = []
    for one in kept:
        path, key = names.pop(one.name, (one.path, None))
        files.append(
            {
                "path": path,
                "size": key.size if key is not None else one.size,
                "cached": one.cached,
                "used_ns": one.used_ns,
                "pinned": key is not None,
            }
        )
    for path, key in names.values():
        files.append({"path": path, "size": key.size, "cached": 0, "used_ns": 0, "pinned": True})
    return files


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheDoor:
    """Answers the questions of ``fsmount cache`` for one mount.

    Attributes:
        filesystem: What is mounted.
        disk: Its disk cache.
        pins: What people want kept of it.
    """

    filesystem: Filesystem
    disk: DiskCache
    pins: Pins

    def verbs(self) -> dict[str, Callable[..., Awaitable[Mapping[str, object]]]]:
        """Return the questions by their names."""
        return {
            "cache": self.listed,
            "pin": self.pin,
            "unpin": self.unpin,
            "pins": self.wishes,
            "evict": self.evict,
        }

    async def listed(self) -> Mapping[str, object]:
        """Return what is kept of which file, and the totals."""
        self.disk.write_soon()
        await self._written()
        return {
            "directory": str(self.disk.directory) if self.disk.directory else None,
            "off": self.disk.is_off,
            "bytes": self.disk.statistics()["bytes"],
            "budget": self.disk.budget,
            "pinned": self.pins.bytes,
            "wishes": self.pins.told(),
            "files": describe_files(await self._kept(), self.pins.pinned),
        }

    async def pin(self, path: str) -> Mapping[str, object]:
        """Want ``path`` kept; ``pins`` tells how far it is."""
        await self.filesystem.find(path)  # a name that is not there is said at once
        await self.pins.add(path)
        return {}

    async def unpin(self, path: str) -> Mapping[str, object]:
        """Want it no longer; what is kept of it may be evicted."""
        return {"files": await self.pins.remove(path)}

    async def wishes(self, path: str | None = None) -> Mapping[str, object]:
        """Return how far each wish is, or the one for ``path``."""
        return {"wishes": self.pins.told(path)}

    async def evict(self, path: str | None = None) -> Mapping[str, object]:
        """Forget what is kept at and below ``path``, or everything; pinned files stay."""
        kept = await self._kept()
        names = {one.name for one in kept if path is None or _is_at_or_below(one.path, path)}
        if path:
            names |= await self._name_of(path)
        pinned = {content_name(key) for key in self.pins.pinned.values()}
        if self.disk.is_off:
            raise FsmountError("there is no disk cache")
        freed = self.disk.discard(names)
        await self._written()
        there = names & {one.name for one in kept}
        return {"bytes": freed, "files": len(there - pinned), "pinned": len(there & pinned)}

    async def _name_of(self, path: str) -> set[str]:
        """Return the name of the file at ``path``, which may have been read under another."""
        found = await self.filesystem.find(path)
        key = None if found.is_folder else self.filesystem.content(found.inode)
        return set() if key is None else {content_name(key)}

    async def _kept(self) -> list[Kept]:
        if self.disk.directory is None:
            return []
        return await trio.to_thread.run_sync(read_catalogue, self.disk.directory)

    async def _written(self) -> None:
        with trio.move_on_after(_WRITE_WITHIN_S):
            await self.disk.drain()


def _is_at_or_below(path: str, top: str) -> bool:
    return not top or path == top or path.startswith(f"{top}/")
