"""The composition root of a mount: every layer opened once, lowest first, and closed in reverse."""

from __future__ import annotations

import logging
import os
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from fsmount.attributes import Costly
from fsmount.cache.disk import open_disk_cache
from fsmount.config import load_config
from fsmount.daemon import Served
from fsmount.errors import UsageError
from fsmount.reader.stream import open_reader
from fsmount.remote import describe, find_source, open_remote
from fsmount.store.directories import on_network_filesystem, prepare
from fsmount.store.tree import open_tree_store
from fsmount.vfs.filesystem import open_filesystem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from fsmount.daemon import Compose, Verb
    from fsmount.options import MountOptions
    from fsmount.remote import Remote
    from fsmount.store.directories import Directories
    from fsmount.vfs.filesystem import Filesystem, Kernel

log = logging.getLogger(__name__)


def composition(
    text: str, options: MountOptions, config_path: Path | None, directories: Directories
) -> Compose:
    """Return what opens the SOURCE ``text`` under ``options``, with everything it keeps on disk."""

    @asynccontextmanager
    async def compose(kernel: Kernel) -> AsyncIterator[Served]:
        config = await trio.to_thread.run_sync(load_config, config_path, directories)
        source = await find_source(text, config, options.remote, directories)
        trees = await trio.to_thread.run_sync(prepare, directories.state / "trees")
        async with AsyncExitStack() as stack:
            enter = stack.enter_async_context
            remote = await enter(open_remote(source, directories))
            blocks = await trio.to_thread.run_sync(_blocks, directories, source.identity)
            disk = await enter(
                open_disk_cache(
                    blocks or Path(os.devnull),
                    options.cache_bytes if blocks else 0,
                    on_network=blocks is not None and on_network_filesystem(blocks),
                )
            )
            reader = await enter(open_reader(memory_bytes=options.memory_bytes, disk=disk))
            store = await enter(open_tree_store(trees / f"{source.identity}.sqlite"))
            filesystem = await enter(
                open_filesystem(remote.member, reader=reader, store=store, kernel=kernel)
            )
            yield Served(
                filesystem=filesystem,
                health=remote.health,
                shown=source.shown,
                remote=source.name,
                driver=source.driver,
                listing_ttl_s=remote.member.listing_ttl_s,
                verbs=_verbs(filesystem, remote),
                costly=Costly(link=remote.direct_link, thumbnail=remote.thumbnail),
                details=lambda: {
                    "memory": dict(reader.statistics()),
                    "disk": dict(disk.statistics()),
                    "governor": dict(remote.governor.snapshot()),
                },
            )

    return compose


def _verbs(filesystem: Filesystem, remote: Remote) -> dict[str, Verb]:
    """Return what ``fsmount stat`` and ``fsmount link`` ask of a path in the mount."""

    async def stat(path: str) -> Mapping[str, object]:
        found = await filesystem.find(path)
        cached = None if found.is_folder else filesystem.cached(found.inode)
        return describe(path, found, cached=cached)

    async def link(path: str) -> Mapping[str, object]:
        return await remote.direct_link(await filesystem.find(path))

    return {"stat": stat, "link": link}


def _blocks(directories: Directories, identity: str) -> Path | None:
    """Return the cache directory of what is mounted: one process at a time may have one.

    None, after a warning, when it cannot be made: that stops caching, not reading. One that others
    could have written to is refused all the same.
    """
    try:
        return prepare(directories.cache / "blocks" / identity)
    except UsageError as exc:
        if not isinstance(exc.__cause__, OSError):
            raise
        log.warning("caching on disk is off: %s", exc)
        return None
