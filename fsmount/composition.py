"""The composition root of a mount: every layer opened once, lowest first, and closed in reverse."""

from __future__ import annotations

import logging
import os
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from fsmount.assembly import find_arrangement, open_assembly
from fsmount.attributes import Costly
from fsmount.cache.disk import most_of
from fsmount.cache.opening import open_disk_cache
from fsmount.caching import NAME_FILE, CacheDoor
from fsmount.config import load_config
from fsmount.daemon import Served
from fsmount.drivers.base import Ability, OfflineDownloads
from fsmount.errors import UsageError
from fsmount.guard import Guard
from fsmount.offline import Watched, watching_downloads
from fsmount.reader.stream import open_reader
from fsmount.remote import describe
from fsmount.store.directories import on_network_filesystem, prepare
from fsmount.store.offline import ledger_file
from fsmount.store.pins import PinStore
from fsmount.store.tree import open_tree_store
from fsmount.vfs.filesystem import open_filesystem
from fsmount.vfs.pinning import load_files, open_pins

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from fsmount.assembly import Assembly
    from fsmount.daemon import Compose, Verb
    from fsmount.model import ContentKey
    from fsmount.options import MountOptions
    from fsmount.store.directories import Directories
    from fsmount.vfs.filesystem import Attributes, Filesystem, Kernel

log = logging.getLogger(__name__)

_PREPARE_WITHIN_S = 3.0
"""Of the 10 s that a mount may take to stand; a disk that is dead answers nothing."""


def composition(
    text: str, options: MountOptions, config_path: Path | None, directories: Directories
) -> Compose:
    """Return what opens the SOURCE ``text`` under ``options``, with everything it keeps on disk."""

    @asynccontextmanager
    async def compose(kernel: Kernel) -> AsyncIterator[Served]:
        config = await trio.to_thread.run_sync(
            partial(load_config, config_path, directories, lenient=True)
        )
        wanted = await find_arrangement(text, config, options.remote, directories)
        trees = await trio.to_thread.run_sync(prepare, directories.state / "trees")
        async with AsyncExitStack() as stack:
            enter = stack.enter_async_context
            assembly = await enter(open_assembly(wanted, directories))
            _give_notice(assembly)
            blocks = await _blocks(directories, wanted.identity)
            budget = options.cache_bytes if blocks else 0
            pinned = await trio.to_thread.run_sync(PinStore, directories.state / "pins.sqlite")
            stack.callback(pinned.close)

            def files_of(directory: Path) -> Mapping[str, ContentKey]:
                # Of two mounts of one SOURCE each has pins of its own, as it has its own cache.
                return load_files(pinned, directory.name, most_of(budget))

            disk = await enter(
                open_disk_cache(
                    blocks or Path(os.devnull),
                    budget,
                    on_network=blocks is not None and on_network_filesystem(blocks),
                    pinned=lambda directory: files_of(directory).values(),
                )
            )
            place = disk.directory or blocks or Path(wanted.identity)
            if disk.directory is not None:
                await trio.to_thread.run_sync(_name, disk.directory, wanted.shown)
            reader = await enter(open_reader(memory_bytes=options.memory_bytes, disk=disk))
            store = await enter(open_tree_store(trees / f"{wanted.identity}.sqlite"))
            filesystem = await enter(
                open_filesystem(assembly.layout, reader=reader, store=store, kernel=kernel)
            )
            files = await trio.to_thread.run_sync(files_of, place)
            pins = await enter(open_pins(filesystem, disk, pinned, place.name, files))
            downloads = await enter(
                watching_downloads(_downloading(assembly, directories), filesystem)
            )
            door = CacheDoor(filesystem=filesystem, disk=disk, pins=pins)
            yield Served(
                filesystem=filesystem,
                health=assembly.health,
                shown=wanted.shown,
                remote=wanted.name,
                driver=assembly.driver,
                listing_ttl_s=assembly.listing_ttl_s,
                verbs={**_verbs(filesystem, assembly), **door.verbs()},
                costly=_costly(filesystem, assembly),
                guard=Guard(config.guard),
                details=lambda: {
                    "memory": dict(reader.statistics()),
                    "disk": dict(disk.statistics()),
                    "governor": assembly.governors(),
                    "downloads": downloads(),
                    "lives": [remote.lives() for remote in assembly.remotes],
                },
            )

    return compose


def _verbs(filesystem: Filesystem, assembly: Assembly) -> dict[str, Verb]:
    """Return what ``fsmount stat`` and ``fsmount link`` ask about a path in the mount."""

    async def stat(path: str) -> Mapping[str, object]:
        found = await filesystem.find(path)
        cached = None if found.is_folder else filesystem.cached(found.inode)
        return describe(path, found, cached=cached)

    async def link(path: str) -> Mapping[str, object]:
        found = await filesystem.find(path)
        return await assembly.remote_of(filesystem, found).direct_link(found)

    async def below(path: str) -> Mapping[str, object]:
        found = await filesystem.find(path)
        return await assembly.remote_of(filesystem, found).below(found)

    return {"stat": stat, "link": link, "below": below}


def _downloading(assembly: Assembly, directories: Directories) -> list[Watched]:
    """Return the remotes whose providers may be downloading something by themselves."""
    return [
        Watched(
            member=remote.member,
            driver=remote.driver,
            ledger=ledger_file(directories, remote.source.account_key),
        )
        for remote in assembly.remotes
        if Ability.OFFLINE in remote.source.spec.abilities
        and isinstance(remote.driver, OfflineDownloads)
    ]


def _costly(filesystem: Filesystem, assembly: Assembly) -> Costly:
    """Return what attributes of a file ask of the remote that has it."""

    async def link(node: Attributes) -> Mapping[str, object]:
        return await assembly.remote_of(filesystem, node).direct_link(node)

    async def thumbnail(node: Attributes) -> str:
        return await assembly.remote_of(filesystem, node).thumbnail(node)

    return Costly(link=link, thumbnail=thumbnail)


def _give_notice(assembly: Assembly) -> None:
    """Say what of a remote is known not to work as its options are."""
    for remote in assembly.remotes:
        source = remote.source
        notice = "" if source.spec.notice is None else source.spec.notice(source.options)
        if notice:
            log.warning("%s: %s", source.name, notice)


async def _blocks(directories: Directories, identity: str) -> Path | None:
    """Return the cache directory of what is mounted, which a second mount of it leaves alone.

    None, after a warning, when it cannot be made, or not in time: that stops caching, not reading.
    One that others could have written to is refused all the same.
    """
    place = directories.cache / "blocks" / identity
    try:
        with trio.move_on_after(_PREPARE_WITHIN_S):
            return await trio.to_thread.run_sync(prepare, place, abandon_on_cancel=True)
    except UsageError as exc:
        if not isinstance(exc.__cause__, OSError):
            raise
        log.warning("caching on disk is off: %s", exc)
    else:
        log.warning("caching on disk is off: %s does not answer", place)
    return None


def _name(blocks: Path, shown: str) -> None:
    """Note in a cache directory whose it is."""
    try:
        (blocks / NAME_FILE).write_text(f"{shown}\n", errors="surrogateescape")
    except OSError as exc:
        log.debug("the cache directory gets no name: %s", exc)  # full or read-only: for people only
