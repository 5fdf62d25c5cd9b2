"""Opens everything that one SOURCE shows: one remote, or the several of a configured mount.

Of several, one that cannot be opened (its password file is gone, its table is not understood) does
not keep its siblings from being mounted: in its place stands a remote that lists nothing but its
failure, so that nobody takes what is missing there for deleted.
"""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fsmount.errors import FsmountError, IsFolder, UsageError, known
from fsmount.health import Health, Healths
from fsmount.model import Entry, EntryId, Kind
from fsmount.remote import find_source, open_remote
from fsmount.source import Unusable, alone, arranged
from fsmount.vfs.filesystem import Layout, Member, layout_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from fsmount.config import Config
    from fsmount.model import Link, Page
    from fsmount.remote import Remote
    from fsmount.source import Arrangement
    from fsmount.store.directories import Directories
    from fsmount.transfer.fetch import FileSource
    from fsmount.vfs.filesystem import Attributes, Filesystem

_NOBODY_ASKED_S = 3600.0
"""How long the listing of a remote would be fresh that never has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """What one SOURCE shows, open.

    Attributes:
        arrangement: What was opened.
        remotes: Each once, in the order in which they are written, but for unusable ones.
        unusable: Those that could not be opened, as the tree has them.
        layout: The same as the tree takes it.
    """

    arrangement: Arrangement
    remotes: tuple[Remote, ...]
    unusable: tuple[Member, ...]
    layout: Layout

    @property
    def health(self) -> Health | Healths:
        """How they are doing, together."""
        if len(self.remotes) == 1 and not self.unusable:
            return self.remotes[0].health
        members = [*(remote.member for remote in self.remotes), *self.unusable]
        return Healths({member.name: member.health for member in members})

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
            FsmountError: Its remote could not be opened.
        """
        member = filesystem.member_of(node.inode)
        if member in self.unusable and isinstance(member.driver, _Unopened):
            raise member.driver.failure
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

    A remote that cannot be reached is open all the same: its health says so, and it heals. One of
    several that cannot be opened is among ``unusable``. See ``open_remote`` for the arguments and
    what is raised when none can.
    """
    async with AsyncExitStack() as stack:
        remotes: dict[str, Remote] = {}
        unusable: dict[str, Member] = {}
        for source in arrangement.sources:
            if isinstance(source, Unusable):
                unusable[source.identity] = _unopened(source)
                continue
            try:
                remote = await stack.enter_async_context(open_remote(source, directories))
            except Exception as exc:
                failure = known(exc)
                if failure is None or len(arrangement.sources) == 1:
                    raise
                failed = Unusable(name=source.name, identity=source.identity, failure=failure)
                unusable[source.identity] = _unopened(failed)
            else:
                remotes[source.identity] = remote
        if not remotes:
            raise UsageError(next(iter(unusable.values())).health.report.reason)
        members = {key: remote.member for key, remote in remotes.items()} | unusable
        layout = layout_of(
            {
                path: [members[source.identity] for source in sources]
                for path, sources in arrangement.places.items()
            }
        )
        yield Assembly(
            arrangement=arrangement,
            remotes=tuple(remotes.values()),
            unusable=tuple(unusable.values()),
            layout=layout,
        )


def _unopened(remote: Unusable) -> Member:
    """Return what stands in the tree for a remote that cannot be opened."""
    health = Health(remote=remote.name)
    health.failed(UsageError(str(remote.failure)))
    driver = _Unopened(FsmountError(f"{remote.name} is misconfigured: {remote.failure}"))
    return Member(
        name=remote.name,
        identity=remote.identity,
        domain="",
        driver=driver,
        source=driver.refuse,
        health=health,
        listing_ttl_s=_NOBODY_ASKED_S,
    )


class _Unopened:
    """A driver that only tells why it is none.

    Attributes:
        failure: That is it.
        root: A folder of which nothing is known.
    """

    def __init__(self, failure: FsmountError) -> None:
        self.failure = failure
        self.root = Entry(id=EntryId(""), name="", kind=Kind.FOLDER)

    async def list(self, folder: Entry, cursor: str | None) -> Page:
        """Raise."""
        raise self.failure

    async def stat(self, entry: Entry) -> Entry:
        """Raise."""
        raise self.failure

    async def link(self, file: Entry, *, fresh: bool = False) -> Link:
        """Raise."""
        raise self.failure

    async def close(self) -> None:
        """Do nothing."""

    def refuse(self, file: Entry) -> FileSource:
        """Raise."""
        raise self.failure
