"""One way in to one provider, as data.

To add a driver, write a module beside this one with one `Case` per way in (an own drive, a share,
each kind of sign-in, each habit of its servers that has a switch), add it to `cases.CASES`, and say
in it what differs from the defaults:

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

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fsmount.drivers import load

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


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
        staged: Its driver has no links: files are read through an own drive.
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
    staged: bool = False
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
