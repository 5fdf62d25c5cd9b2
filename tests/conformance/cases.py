"""The drivers under test: how each is reached through its emulator, as data.

To add a driver: one `Case` per way in (an own drive, a share, each kind of sign-in), and the tree
it cannot hold, if any, in `tree.py`.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fsmount import source as sources
from fsmount.config import load_config
from fsmount.drivers import load
from fsmount.remote import open_remote
from fsmount.store.directories import Directories
from tests.emulators import open_emulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from fsmount.remote import Remote
    from tests.emulators import Emulator


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One way in to one provider.

    Attributes:
        name: Of the case.
        provider: Of the emulator and of the driver.
        emulator: Its command line options.
        source: Key of the emulator's line that holds the SOURCE, or a configured remote's name.
        signed: A token signs the calls.
        only: The one file that is shown; None for the whole tree.
        overrides: Options beyond those that the emulator asks for.
        small_pages: Options that make pages of at most `small_page` entries.
        small_page: See there.
    """

    name: str
    provider: str = "cloudreve"
    emulator: tuple[str, ...] = ()
    source: str = "source"
    signed: bool = False
    only: str | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)
    small_pages: Mapping[str, str] = field(default_factory=lambda: {"page_size": "3"})
    small_page: int = 3

    @property
    def spec(self):
        """The driver's declaration."""
        return load(self.provider)

    def __str__(self):
        return f"{self.provider} {self.name}"


DRIVE = Case(name="drive, password", source="demo", signed=True)
SHARE = Case(name="share")
CASES = (
    DRIVE,
    SHARE,
    Case(name="drive, refresh token", source="demo-refresh", signed=True),
    Case(name="share with a code", emulator=("--share-password", "abcd")),
    Case(name="share, paged by number", emulator=("--defect", "offset-paging")),
    Case(name="share, files lost at borders", emulator=("--defect", "page-border-loss")),
    Case(
        name="drive, small pages at most",
        source="demo",
        signed=True,
        emulator=("--defect", "page-border-loss", "--max-page-size", "7"),
    ),
    Case(name="share, foreign fields", emulator=("--defect", "foreign-fields")),
    Case(
        name="share of one file",
        emulator=("--share-file", "plain.txt"),
        source="share_file",
        only="plain.txt",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A running emulator over a tree, and the ways to open remotes on it."""

    case: Case
    emulator: Emulator
    root: Path
    state: Path

    @asynccontextmanager
    async def opened(self, source: str = "", **overrides: str) -> AsyncIterator[Remote]:
        """Open the case's remote, or the SOURCE under the key `source` of the emulator's line."""
        key = source or self.case.source
        text = self.emulator.line.get(key, key)
        # The line's options belong to its source; other shares and remotes need none.
        given = self.emulator.options if key == "source" else ""
        asked = dict(option.split("=", 1) for option in given.split(",") if option)
        directories = Directories(
            config_files=(),
            state=self.state,
            cache=self.state,
            runtime=self.state,
            credentials=None,
        )
        found = await sources.resolve(
            text,
            load_config(self.emulator.config, directories),
            {**asked, **self.case.overrides, **overrides},
            send=None,
            detections=None,
        )
        async with open_remote(found, None) as remote:
            yield remote

    def requests(self) -> dict[str, int]:
        """Return how often the provider was asked, by kind."""
        return dict(self.emulator.counters.requests)


@asynccontextmanager
async def open_world(case: Case, root: Path, state: Path) -> AsyncIterator[World]:
    """Run the case's emulator over the tree at `root`."""
    async with open_emulator(root, *case.emulator, provider=case.provider) as emulator:
        yield World(case=case, emulator=emulator, root=root, state=state)
