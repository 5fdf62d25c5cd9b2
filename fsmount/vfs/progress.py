"""Tells whoever waits for a folder that something happened to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from fsmount.vfs.nodes import Folder


class Progress:
    """One event per folder that is waited for; nothing at all for the others."""

    def __init__(self) -> None:
        self._events: dict[Folder, trio.Event] = {}

    async def wait(self, folder: Folder) -> None:
        """Wait for the next thing to happen to ``folder``: a page, an end, a load."""
        await self._events.setdefault(folder, trio.Event()).wait()

    def tell(self, folder: Folder) -> None:
        """Wake whoever waits for ``folder``."""
        waiting = self._events.pop(folder, None)
        if waiting is not None:
            waiting.set()
