"""Opens a SOURCE without a mount: a remote, and the tree over it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fsmount.config import load_config
from fsmount.options import parse_options
from fsmount.reader.stream import open_reader
from fsmount.remote import find_source, open_remote
from fsmount.store.directories import find_directories, prepare
from fsmount.vfs.filesystem import open_filesystem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from fsmount.cli.parameters import Invocation
    from fsmount.remote import Remote
    from fsmount.vfs.filesystem import Filesystem

# A person waits and can press Ctrl-C; a kernel request could not.
_ANSWER_WITHIN_S = 60.0


@asynccontextmanager
async def open_source(
    invocation: Invocation, text: str, options: Sequence[str]
) -> AsyncIterator[Remote]:
    """Open the remote that ``text`` means; tokens and pace are shared with mounts of it."""
    directories = find_directories()
    prepare(directories.state)
    wanted = parse_options(options)
    config = load_config(config_path(invocation, wanted.config), directories)
    source = await find_source(text, config, wanted.remote, directories)
    async with open_remote(source, directories) as remote:
        yield remote


@asynccontextmanager
async def open_tree(remote: Remote, *, memory_bytes: int) -> AsyncIterator[Filesystem]:
    """Open the tree over ``remote``; nothing of it is kept on disk."""
    async with (
        open_reader(memory_bytes=memory_bytes, disk=None) as reader,
        open_filesystem(
            remote.member,
            reader=reader,
            store=None,
            answer_within_s=_ANSWER_WITHIN_S,
            stale_after_s=_ANSWER_WITHIN_S,
        ) as filesystem,
    ):
        yield filesystem


def config_path(invocation: Invocation, option: str) -> Path | None:
    """Return the configuration file that was asked for by ``--config`` or ``-o config=``."""
    from pathlib import Path

    return invocation.config or (Path(option) if option else None)
