"""The steps that scenes are made of: a recording to replay, or a change of the world before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.emulators.cloudreve.users import Status
    from tests.emulators.messages import Request
    from tests.emulators.replays.cloudreve_world import World

# Defect §6.2.4 was at work while some were recorded; it has a test of its own.
FOREIGN = ("folder_summary", "extended_info")
# Some listings were sorted by id; here ids follow from paths, not from the order of creation.
BY_ID = ("name", "path", "size", "id", "primary_entity")


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """A recording that needs more than its name: a changed request, keys that may differ."""

    name: str
    change: Callable[[Request], Request] = lambda request: request
    free: frozenset[str] = frozenset()


def play(name: str, *free: str) -> Play:
    """A recording in which these keys (or headers) may differ."""
    return Play(name=name, free=frozenset(free))


Step = str | Play | Callable[["World"], object]


def switch(name: str) -> Step:
    """Turn a defect on."""
    return lambda world: world.site.settings.switch(name, on=True)


def setting(**values: object) -> Step:
    """Change settings of the server."""

    def step(world: World) -> None:
        for name, value in values.items():
            setattr(world.site.settings, name, value)

    return step


def second_is(status: Status) -> Step:
    """Change the second user's account."""
    return lambda world: setattr(world.site.second, "status", status)


def jump(seconds: float) -> Step:
    """Move the clock."""
    return lambda world: world.site.clock.jump(seconds)


def ask(method: str, target: str, body: object = None) -> Step:
    """Send a request that was not recorded, as the owner."""
    return lambda world: world.ask(method, target, body)


def make(path: str, content: bytes = b"", *, folder: bool = False) -> Step:
    """Make a file or folder in the owner's drive."""
    return lambda world: world.make(path, content, folder=folder)
