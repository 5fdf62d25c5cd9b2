"""What a shared file needs of those around it: the service above, the handles that read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fsmount.cache.disk import DiskCache
    from fsmount.cache.memory import Memory
    from fsmount.reader.window import Window
    from fsmount.transfer.fetch import FileSource


@dataclass(slots=True, kw_only=True)
class Counts:
    """What the reader did so far; bytes unless said."""

    hits: int = 0  # reads answered from memory at once
    waits: int = 0  # reads that waited
    gets: int = 0
    gets_cancelled: int = 0
    gets_failed: int = 0
    fetched: int = 0
    from_disk: int = 0
    wasted: int = 0


class Service(Protocol):
    """What a shared file needs of the service that owns it."""

    memory: Memory
    disk: DiskCache | None
    counts: Counts
    closing: bool

    def spawn(self, task: Callable[..., Awaitable[None]], *args: object) -> None:
        """Run a task that outlives the read that asked for it."""
        ...

    def share(self) -> int:
        """Return the bytes that one streaming handle may read ahead."""
        ...

    def freed(self) -> None:
        """Tell who waits for room that some memory may be free."""
        ...

    async def room(self) -> None:
        """Wait until some memory may be free."""
        ...


class Reading(Protocol):
    """What a shared file needs of a handle."""

    window: Window
    source: FileSource
    protected: list[tuple[int, int]]
    last_active: float
