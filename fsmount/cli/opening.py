"""A SOURCE that is not mounted, opened for one command: its remotes and its tree."""

from __future__ import annotations

from collections.abc import AsyncIterator  # noqa: TC003  # asynccontextmanager's own
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fsmount.assembly import Assembly
    from fsmount.cli.parameters import Invocation
    from fsmount.cli.place import Unmounted
    from fsmount.vfs.filesystem import Filesystem


@asynccontextmanager
async def opened(
    invocation: Invocation, at: Unmounted, options: tuple[str, ...]
) -> AsyncIterator[tuple[Assembly, Filesystem]]:
    """Open what ``at`` names, with the memory that ``options`` ask for."""
    # Here and not above: commands on mounted paths have no need of Trio and httpx.
    from fsmount.cli.session import open_tree

    async with open_tree(invocation, at.source, options) as found:
        yield found
