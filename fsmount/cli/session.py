"""Opens a SOURCE without a mount: a remote or several, and the tree over them."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fsmount.assembly import find_arrangement, open_assembly
from fsmount.config import load_config
from fsmount.options import parse_options
from fsmount.reader.stream import open_reader
from fsmount.remote import find_source, open_remote
from fsmount.store.directories import find_directories, prepare
from fsmount.vfs.filesystem import open_filesystem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from fsmount.assembly import Assembly
    from fsmount.cli.parameters import Invocation
    from fsmount.remote import Remote
    from fsmount.source import Source
    from fsmount.store.directories import Directories
    from fsmount.vfs.filesystem import Filesystem

# A person waits and can press Ctrl-C; a kernel request could not.
_ANSWER_WITHIN_S = 60.0
# Names are looked up, no file is read.
_BROWSING_BYTES = 16 << 20


@asynccontextmanager
async def open_source(
    invocation: Invocation, text: str, options: Sequence[str]
) -> AsyncIterator[Remote]:
    """Open the remote that ``text`` means; tokens and pace are shared with mounts of it."""
    source, directories = await find(invocation, text, options)
    async with open_remote(source, directories) as remote:
        yield remote


async def find(
    invocation: Invocation, text: str, options: Sequence[str]
) -> tuple[Source, Directories]:
    """Return what ``text`` means, not opened, and where things are kept."""
    directories = find_directories()
    prepare(directories.state)
    wanted = parse_options(options)
    config = load_config(config_path(invocation, wanted.config), directories)
    return await find_source(text, config, wanted.remote, directories), directories


@asynccontextmanager
async def open_browsed(
    invocation: Invocation, text: str, options: Sequence[str]
) -> AsyncIterator[tuple[Remote, Filesystem]]:
    """Open the remote that ``text`` means, and the tree over it; no listing is kept on disk."""
    async with (
        open_source(invocation, text, options) as remote,
        open_reader(memory_bytes=_BROWSING_BYTES, disk=None) as reader,
        open_filesystem(
            remote.member,
            reader=reader,
            store=None,
            answer_within_s=_ANSWER_WITHIN_S,
            stale_after_s=_ANSWER_WITHIN_S,
        ) as filesystem,
    ):
        yield remote, filesystem


@asynccontextmanager
async def open_tree(
    invocation: Invocation, text: str, options: Sequence[str]
) -> AsyncIterator[tuple[Assembly, Filesystem]]:
    """Open everything that ``text`` shows, and the tree over it; no listing is kept on disk."""
    directories = find_directories()
    prepare(directories.state)
    wanted = parse_options(options)
    config = load_config(config_path(invocation, wanted.config), directories, lenient=True)
    arrangement = await find_arrangement(text, config, wanted.remote, directories)
    async with (
        open_assembly(arrangement, directories) as assembly,
        open_reader(memory_bytes=wanted.memory_bytes, disk=None) as reader,
        open_filesystem(
            assembly.layout,
            reader=reader,
            store=None,
            answer_within_s=_ANSWER_WITHIN_S,
            stale_after_s=_ANSWER_WITHIN_S,
        ) as filesystem,
    ):
        yield assembly, filesystem


def config_path(invocation: Invocation, option: str) -> Path | None:
    """Return the configuration file that was asked for by ``--config`` or ``-o config=``."""
    from pathlib import Path

    return invocation.config or (Path(option) if option else None)
