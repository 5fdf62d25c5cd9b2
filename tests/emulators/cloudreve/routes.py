"""Which handler answers which method and path."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.emulators.cloudreve.envelope import invalid

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.emulators.cloudreve.users import User
    from tests.emulators.messages import Request, Response


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request on its way to its handler: who asks, and the variable parts of the path."""

    request: Request
    user: User
    parts: tuple[str, ...] = ()

    def body(self) -> dict[str, Any]:
        """The JSON body; raises Refused 40001 when it does not bind."""
        try:
            return self.request.json()
        except ValueError:
            raise invalid("Parameter error") from None

    @property
    def flags(self) -> dict[str, bool]:
        """The query's values as booleans."""
        return {name: value == "true" for name, value in self.request.query.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A method, a path and its handler; `kind` is how requests of it are counted."""

    method: str
    pattern: re.Pattern[str]
    kind: str
    handler: Callable[[Call], Response]
    identified: bool

    @classmethod
    def to(
        cls,
        method: str,
        path: str,
        kind: str,
        handler: Callable[[Call], Response],
        *,
        identified: bool = True,
    ) -> Route:
        """A route for a path in which `*` stands for one segment.

        One that is not `identified` ignores the Authorization header, whatever it holds.
        """
        pattern = re.compile(re.escape(path).replace(r"\*", "([^/]*)"))
        return cls(
            method=method, pattern=pattern, kind=kind, handler=handler, identified=identified
        )


class Router:
    """All routes of the site; what has none is HTTP 404, HEAD of a GET included (§1)."""

    def __init__(self, routes: list[Route]) -> None:
        self._routes = routes

    def find(self, request: Request) -> tuple[Route, tuple[str, ...]] | None:
        """The route of a request and the variable parts of its path."""
        for route in self._routes:
            if route.method == request.method:
                match = route.pattern.fullmatch(request.path)
                if match is not None:
                    return route, match.groups()
        return None
