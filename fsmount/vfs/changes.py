"""What the kernel has to forget after a listing, the task that tells it, and who else is told.

Nothing is told from inside a handler: the kernel may hold the very lock that the handler's request
holds. Changes are put on a list, and the filesystem's own task works it off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from fsmount.model import Entry, Inode
    from fsmount.vfs.border import Kernel
    from fsmount.vfs.nodes import Folder


@dataclass(frozen=True, slots=True)
class InodeStale:
    """Attributes and pages of ``inode`` are no longer true."""

    inode: Inode


@dataclass(frozen=True, slots=True)
class NameStale:
    """``name`` in ``parent`` is no longer what it was: gone, new, or somebody else."""

    parent: Inode
    name: str


Change = InodeStale | NameStale


def changed_names(
    parent: Inode, before: Mapping[str, object], after: Mapping[str, object]
) -> list[Change]:
    """Return the names of ``parent`` that two listings give to different nodes.

    A name that is new counts: the kernel may remember that there was none.
    """
    gone = (name for name, node in before.items() if after.get(name) is not node)
    new = (name for name in after if name not in before)
    return [NameStale(parent, name) for names in (gone, new) for name in names]


def looks_different(old: Entry, new: Entry) -> bool:
    """Tell whether stat(2) or read(2) would answer differently."""
    return (old.size, old.mtime_ns, old.version) != (new.size, new.mtime_ns, new.version)


class Changes:
    """The list of what the kernel has to forget, each thing once.

    Args:
        kernel: Told in order; None when there is no kernel above (the command line).
    """

    def __init__(self, kernel: Kernel | None) -> None:
        self._kernel = kernel
        self._waiting: dict[Change, None] = {}
        self._wake = trio.Event()
        self._watchers: list[Callable[[Folder], None]] = []

    def watch(self, watcher: Callable[[Folder], None]) -> None:
        """Have ``watcher`` called with each folder of which a listing brought something else."""
        self._watchers.append(watcher)

    def listed_anew(self, folder: Folder) -> None:
        """Tell who watches that ``folder`` is not what it was."""
        for watcher in self._watchers:
            watcher(folder)

    def push(self, changes: Iterable[Change]) -> None:
        """Have ``changes`` told soon."""
        if self._kernel is None:
            return
        self._waiting.update(dict.fromkeys(changes))
        if self._waiting:
            self._wake.set()

    async def run(self) -> None:
        """Tell the kernel for ever."""
        while self._kernel is not None:
            await self._wake.wait()
            self._wake = trio.Event()
            while self._waiting:
                change = next(iter(self._waiting))
                del self._waiting[change]
                match change:
                    case InodeStale(inode):
                        self._kernel.invalidate_inode(inode)
                    case NameStale(parent, name):
                        self._kernel.invalidate_entry(parent, name)
                # Readers go between: a folder of 100,000 that changed is a long list.
                await trio.lowlevel.checkpoint()
