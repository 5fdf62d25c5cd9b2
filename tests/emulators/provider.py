"""What every emulated provider is to the machinery around it, and the list of them."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    import argparse

    from tests.emulators.clock import Clock
    from tests.emulators.counters import Counters
    from tests.emulators.faults import Faults
    from tests.emulators.messages import Request, Response

# A provider is a module with the two functions of `ProviderModule`.
PROVIDERS = {
    "cloudreve": "tests.emulators.cloudreve.provider",
    "aliyundrive": "tests.emulators.aliyun.drive",
    "aliyundrive_share": "tests.emulators.aliyun.share",
    "aliyundrive_open": "tests.emulators.aliyun.open",
    "p115": "tests.emulators.p115.provider",
    "p115_share": "tests.emulators.p115.share_provider",
    "p115_open": "tests.emulators.p115.open_provider",
    "pds": "tests.emulators.pds.provider",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """What a user needs to mount an emulator that has started.

    Args:
        source: the SOURCE that mounts the served tree.
        options: mount options that SOURCE needs, "" for none.
        remotes: stanzas for the configuration file, by remote name.
        more: what else this provider wants to tell in its line of JSON.
        files: files that remotes name, written beside the configuration; `{folder}` in a value of
            `remotes` is that directory.
    """

    source: str
    options: str = ""
    remotes: dict[str, dict[str, str]] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)


class Provider(Protocol):
    """One emulated provider: state that is changed by requests, pure towards the network."""

    clock: Clock
    counters: Counters
    faults: Faults

    def start(self, address: str) -> Ready:
        """Take note of the address it is reached at; called once, before any request."""
        ...

    def kind(self, request: Request) -> str:
        """How this request is counted and what faults call it."""
        ...

    def answer(self, request: Request) -> Response:
        """Answer as the real provider would."""
        ...

    def refuse(self, code: int | str, message: str) -> Response:
        """The provider's own error answer, for the fault `error_code`."""
        ...

    def control(self, verb: str, wish: dict[str, Any]) -> Any:
        """Obey the control door ("expire", "switch", "share", ...); raises ValueError."""
        ...


class ProviderModule(Protocol):
    """What a provider's module has to offer."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the provider's own command line options."""
        ...

    def make(self, arguments: argparse.Namespace) -> Provider:
        """Make a provider over `arguments.root`."""
        ...


def load(name: str) -> ProviderModule:
    """The module of a provider; raises KeyError for an unknown name."""
    return cast("ProviderModule", importlib.import_module(PROVIDERS[name]))
