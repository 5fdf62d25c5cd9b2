"""A SOURCE that is not mounted, opened for one command: its remote and its tree."""

from __future__ import annotations

from collections.abc import AsyncIterator  # noqa: TC003  # asynccontextmanager's own
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fsmount.cli.parameters import Invocation
    from fsmount.cli.place import Unmounted
    from fsmount.remote import Remote
    from fsmount.vfs.filesystem import Filesystem


@asynccontextmanager
async def opened(
    invocation: Invocation, at: Unmounted, options: tuple[str, ...]
) -> AsyncIterator[tuple[Remote, Filesystem]]:
    """Open what ``at`` names, with the memory that ``options`` ask for."""
    # Here and not above: commands on mounted paths have no need of Trio and httpx.
    from fsmount.cli.session import open_source, open_tree
    from fsmount.options import parse_options

    async with (
        open_source(invocation, at.source, options) as remote,
        open_tree(remote, memory_bytes=parse_options(options).memory_bytes) as filesystem,
    ):
        yield remote, filesystem
