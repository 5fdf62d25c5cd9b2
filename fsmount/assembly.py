"""Opens everything that one SOURCE shows: one remote, or the several of a configured mount."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fsmount.errors import IsFolder
from fsmount.health import Health, Healths
from fsmount.remote import find_source, open_remote
from fsmount.source import alone, arranged
from fsmount.vfs.filesystem import Layout, layout_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from fsmount.config import Config
    from fsmount.remote import Remote
    from fsmount.source import Arrangement
    from fsmount.store.directories import Directories
    from fsmount.vfs.filesystem import Attributes, Filesystem


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """What one SOURCE shows, open.

    Attributes:
        arrangement: What was opened.
        remotes: Each once, in the order in which they are written.
        layout: The same as the tree takes it.
    """

    arrangement: Arrangement
    remotes: tuple[Remote, ...]
    layout: Layout

    @property
    def health(self) -> Health | Healths:
        """How they are doing, together."""
        if len(self.remotes) == 1:
            return self.remotes[0].health
        return Healths({remote.source.name: remote.health for remote in self.remotes})

    @property
    def driver(self) -> str:
        """The names of their drivers."""
        return ", ".join(dict.fromkeys(remote.source.driver for remote in self.remotes))

    @property
    def listing_ttl_s(self) -> float:
        """The shortest time that a listing of theirs is fresh."""
        return min(remote.member.listing_ttl_s for remote in self.remotes)

    def governors(self) -> dict[str, object]:
        """Return the pace of each account as plain data, by endpoint family (and remote)."""
        if len(self.remotes) == 1:
            return dict(self.remotes[0].governor.snapshot())
        return {
            f"{remote.source.name} {family}": lane
            for remote in self.remotes
            for family, lane in remote.governor.snapshot().items()
        }

    def remote_of(self, filesystem: Filesystem, node: Attributes) -> Remote:
        """Return the remote that a node of ``filesystem`` is of; of a folder of several the first.

        Raises:
            IsFolder: It is a folder that only leads to remotes.
        """
        member = filesystem.member_of(node.inode)
        for remote in self.remotes:
            if remote.member is member:
                return remote
        raise IsFolder(f'"{node.entry.name or "/"}" is a folder', advice="only files have links")


async def find_arrangement(
    text: str, config: Config, overrides: Mapping[str, str], directories: Directories
) -> Arrangement:
    """Return what ``text`` means: a configured mount, or a single remote; raises as those do."""
    if text.strip() in config.mounts:
        return arranged(text.strip(), config, overrides)
    return alone(await find_source(text, config, overrides, directories))


@asynccontextmanager
async def open_assembly(
    arrangement: Arrangement, directories: Directories | None
) -> AsyncIterator[Assembly]:
    """Open every remote of ``arrangement``; asks the network nothing by itself.

    A remote that cannot be reached is open all the same: its health says so, and it heals. See
    ``open_remote`` for the arguments and what is raised.
    """
    async with AsyncExitStack() as stack:
        remotes = {
            source.identity: await stack.enter_async_context(open_remote(source, directories))
            for source in arrangement.sources
        }
        layout = layout_of(
            {
                path: [remotes[source.identity].member for source in sources]
                for path, sources in arrangement.places.items()
            }
        )
        yield Assembly(arrangement=arrangement, remotes=tuple(remotes.values()), layout=layout)
