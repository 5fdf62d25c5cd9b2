"""The drivers under test, each reached through its emulator; `case.Case` says how one is added."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fsmount import source as sources
from fsmount.config import load_config
from fsmount.remote import open_remote
from fsmount.store.directories import Directories
from tests.conformance import aliyun, cloudreve, p115, p115_open, pds
from tests.emulators import open_emulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from fsmount.drivers.base import Driver
    from fsmount.model import Entry, Link
    from fsmount.remote import Remote
    from fsmount.source import Source
    from tests.conformance.case import Case
    from tests.emulators import Emulator

CASES = (
    *cloudreve.CASES,
    *aliyun.CASES,
    *pds.CASES,
    *p115.CASES,
    *p115_open.CASES,
)
"""Every way in to every driver."""

FIRST = tuple({case.provider: case for case in reversed(CASES)}.values())
"""One case of each provider, for what does not depend on the way in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A running emulator over a tree, and the ways to open remotes on it."""

    case: Case
    emulator: Emulator
    root: Path
    state: Path

    @property
    def directories(self) -> Directories:
        """Where a remote that is opened with `keep` keeps what it keeps."""
        return Directories(
            config_files=(),
            state=self.state,
            cache=self.state,
            runtime=self.state,
            credentials=None,
        )

    @asynccontextmanager
    async def opened(
        self, source: str = "", *, keep: bool = False, **overrides: str
    ) -> AsyncIterator[Remote]:
        """Open the case's remote, or the SOURCE under the key `source` of the emulator's line.

        With `keep` what is kept on disk lies below `state`, as for a mount.
        """
        key = source or self.case.source
        text = self.emulator.line.get(key, key)
        # The line's options belong to its source; other shares and remotes need none.
        given = self.emulator.options if key == "source" else ""
        asked = dict(option.split("=", 1) for option in given.split(",") if option)
        found = await sources.resolve(
            text,
            load_config(self.emulator.config, self.directories),
            {**asked, **self.case.overrides, **overrides},
            send=None,
            detections=None,
        )
        async with open_remote(unpaced(found), self.directories if keep else None) as remote:
            yield remote

    @asynccontextmanager
    async def paged(self, size: int) -> AsyncIterator[Remote]:
        """Open the case's remote with pages of `size` entries at most."""
        async with self.opened(**{self.case.page_option: str(size)}) as remote:
            yield remote

    def requests(self) -> dict[str, int]:
        """Return how often the provider was asked, by kind."""
        return dict(self.emulator.counters.requests)

    def wish(self, name: str) -> None:
        """Let something happen at the provider (see `Case.wishes`)."""
        wish = self.case.wishes[name]
        self.emulator.state.control(wish.verb, dict(wish.details))


def unpaced(source: Source) -> Source:
    """Return ``source`` without its rates: what is asked is tested here, not how fast.

    The tests of a driver, and of the governor, hold it to them.
    """
    limits = {
        family: replace(limit, rate_per_s=None) for family, limit in source.spec.limits.items()
    }
    via = None if source.via is None else unpaced(source.via)
    return replace(source, spec=replace(source.spec, limits=limits), via=via)


@asynccontextmanager
async def open_world(case: Case, root: Path, state: Path) -> AsyncIterator[World]:
    """Run the case's emulator over the tree at `root`."""
    async with open_emulator(root, *case.emulator, provider=case.provider) as emulator:
        yield World(case=case, emulator=emulator, root=root, state=state)


class Spoiled:
    """An account whose answers are changed before the driver sees them."""

    def __init__(self, account, change):
        self._account = account
        self._change = change

    @property
    def name(self):
        """The remote's name."""
        return self._account.name

    @property
    def anonymous(self):
        """True when no token signs."""
        return self._account.anonymous

    async def token(self):
        """The token as it is."""
        return await self._account.token()

    async def call(self, family, call, *, signed=True):
        """Ask, and falsify the answer."""
        answer = await self._account.call(family, call, signed=signed)
        return replace(answer, body=self._change(answer.body))


async def link_of(remote: Remote, file: Entry, *, fresh: bool = False) -> Link:
    """Return a link of ``file``: the driver's, or where it has none that of a copy."""
    if remote.source.via is None:
        return await remote.driver.link(file, fresh=fresh)
    return await remote.links.get(file, rejected=remote.links.kept(file) if fresh else None)


def spoiled(remote: Remote, change: Callable[[bytes], bytes]) -> Driver:
    """Return a driver of its own for `remote`, whose provider's answers go through `change`."""
    source = remote.source
    return source.spec.open(source.options, Spoiled(remote.account, change))
