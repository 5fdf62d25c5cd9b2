"""The drivers under test: how each is reached through its emulator, as data.

To add a driver, write one `Case` per way in (an own drive, a share, each kind of sign-in, each
habit of its servers that has a switch) into `CASES`, and say in it what differs from the defaults:

* `emulator` and `source`: the command line of `python -m tests.emulators PROVIDER` and the key of
  its line of JSON, or the configured remote, that is opened;
* `kinds`: what its emulator counts the requests of each driver call as, so that faults hit them;
* `page_option`: the option that makes small pages, or "" where the provider has one size only;
* `rows`: where in the JSON of a listing its rows are;
* `wishes`: what its control door must be told for a share to end and for a token to die.

Nothing else is written for it: every test takes each case that it is about. What a provider cannot
hold at all (a name, an empty folder) is left out of its tree by `Case.holds`.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from fsmount import source as sources
from fsmount.config import load_config
from fsmount.drivers import load
from fsmount.remote import open_remote
from fsmount.store.directories import Directories
from tests.emulators import open_emulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from fsmount.drivers.base import Driver
    from fsmount.remote import Remote
    from tests.emulators import Emulator


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a control door is told: a verb and its details."""

    verb: str
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One way in to one provider.

    Attributes:
        name: Of the case.
        provider: Of the emulator and of the driver.
        emulator: Its command line options.
        source: Key of the emulator's line that holds the SOURCE, or a configured remote's name.
        signed: A token signs the calls.
        password: What is configured can sign in anew when a refresh token is dead.
        share: It is one, and may end.
        code: Its extraction code; "" without one.
        only: The one file that is shown; None for the whole tree.
        holds: Whether the provider can hold a path of the tree.
        overrides: Options beyond those that the emulator asks for.
        page_option: Sets the entries of a page; "" when the provider has no such choice.
        kinds: Driver call to what the emulator counts it as.
        rows: Names that lead to the rows in the JSON of a listing.
        wishes: What ends a share ("expired", "cancelled", "fine" again), an access token
            ("access") and a refresh token ("refresh").
    """

    name: str
    provider: str = "cloudreve"
    emulator: tuple[str, ...] = ()
    source: str = "source"
    signed: bool = False
    password: bool = False
    share: bool = False
    code: str = ""
    only: str | None = None
    holds: Callable[[str], bool] = lambda _path: True
    overrides: Mapping[str, str] = field(default_factory=dict)
    page_option: str = "page_size"
    kinds: Mapping[str, str] = field(
        default_factory=lambda: {
            "list": "list",
            "stat": "info",
            "link": "url",
            "space": "capacity",
            "share info": "share_info",
            "content": "content",
        }
    )
    rows: tuple[str, ...] = ("data", "files")
    wishes: Mapping[str, Wish] = field(
        default_factory=lambda: {
            **{
                state: Wish(verb="share", details={"state": state})
                for state in ("expired", "cancelled", "fine")
            },
            **{what: Wish(verb="expire", details={"what": what}) for what in ("access", "refresh")},
        }
    )

    @property
    def spec(self):
        """The driver's declaration."""
        return load(self.provider)

    def __str__(self):
        return f"{self.provider} {self.name}"


DRIVE = Case(name="drive, password", source="demo", signed=True, password=True)
SHARE = Case(name="share", share=True)
LOCKED = replace(
    SHARE, name="share with a code", code="s3cr3t", emulator=("--share-password", "s3cr3t")
)
TOKEN = Case(name="drive, refresh token", source="demo-refresh", signed=True)
CASES = (
    DRIVE,
    SHARE,
    TOKEN,
    LOCKED,
    replace(SHARE, name="share, signed", signed=True, overrides={"auth": "ref:demo"}),
    replace(SHARE, name="share, paged by number", emulator=("--defect", "offset-paging")),
    replace(SHARE, name="share, files lost at borders", emulator=("--defect", "page-border-loss")),
    replace(
        DRIVE,
        name="drive, small pages at most",
        emulator=("--defect", "page-border-loss", "--max-page-size", "7"),
    ),
    replace(SHARE, name="share, foreign fields", emulator=("--defect", "foreign-fields")),
    replace(
        SHARE,
        name="share of one file",
        emulator=("--share-file", "plain.txt"),
        source="share_file",
        only="plain.txt",
    ),
)

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
        async with open_remote(found, self.directories if keep else None) as remote:
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

    async def call(self, family, call):
        """Ask, and falsify the answer."""
        answer = await self._account.call(family, call)
        return replace(answer, body=self._change(answer.body))


def spoiled(remote: Remote, change: Callable[[bytes], bytes]) -> Driver:
    """Return a driver of its own for `remote`, whose provider's answers go through `change`."""
    source = remote.source
    return source.spec.open(source.options, Spoiled(remote.account, change))
