"""Which handler answers which host, method and path."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qsl

from tests.emulators.pds.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.emulators.messages import Request, Response
    from tests.emulators.pds.tokens import Session

# "login": an access token is needed; "share": it, or a share token where the body names a share;
# "none": neither is looked at.
Access = Literal["login", "share", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request on its way to its handler: who asks, and what for."""

    request: Request
    body: dict[str, Any]
    session: Session | None = None
    share_token: str | None = None
    parts: tuple[str, ...] = ()

    @property
    def member(self) -> Session:
        """Who is signed in; raises Refused when nobody is."""
        if self.session is None:
            raise Refused("AccessTokenInvalid")
        return self.session

    def form(self) -> dict[str, str]:
        """The body as form fields."""
        return dict(parse_qsl(self.request.body.decode(), keep_blank_values=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A path and its handler; `kind` is how requests of it are counted.

    Args:
        method: GET, POST or PUT.
        path: in which `*` stands for one segment.
        kind: a short word, see the provider's control door.
        handler: answers.
        hosts: the sorts of host that have it ("api", "auth", "data"...).
        access: who may call.
        signed: whether the device session of Aliyundrive is checked.
    """

    method: str
    path: str
    kind: str
    handler: Callable[[Call], Response]
    hosts: tuple[str, ...]
    access: Access = "login"
    signed: bool = False


def get(
    path: str, kind: str, handler: Callable[[Call], Response], *, hosts: tuple[str, ...]
) -> Route:
    """A route for a page or a question that anybody may ask."""
    return Route(method="GET", path=path, kind=kind, handler=handler, hosts=hosts, access="none")


def post(
    path: str,
    kind: str,
    handler: Callable[[Call], Response],
    *,
    hosts: tuple[str, ...] = ("api",),
    access: Access = "login",
    signed: bool = False,
) -> Route:
    """A route for a call, which nearly all are."""
    return Route(
        method="POST",
        path=path,
        kind=kind,
        handler=handler,
        hosts=hosts,
        access=access,
        signed=signed,
    )


@dataclass(slots=True)
class Router:
    """All routes; a request to a host that has none of that path finds nothing."""

    _plain: dict[tuple[str, str], list[Route]] = field(default_factory=dict)
    _patterns: list[tuple[re.Pattern[str], Route]] = field(default_factory=list)

    def add(self, routes: Iterable[Route]) -> None:
        """Know more routes."""
        for route in routes:
            if "*" in route.path:
                pattern = re.escape(route.path).replace(r"\*", "([^/]*)")
                self._patterns.append((re.compile(pattern), route))
            else:
                self._plain.setdefault((route.method, route.path), []).append(route)

    def find(self, sort: str, request: Request) -> tuple[Route, tuple[str, ...]] | None:
        """The route of a request to a sort of host; "" is a client that names no host."""
        for route in self._plain.get((request.method, request.path), ()):
            if not sort or sort in route.hosts:
                return route, ()
        for pattern, route in self._patterns:
            if route.method == request.method and (not sort or sort in route.hosts):
                match = pattern.fullmatch(request.path)
                if match is not None:
                    return route, match.groups()
        return None


def json_body(request: Request) -> dict[str, Any]:
    """The JSON body, {} for none; raises Refused for anything but an object."""
    if not request.body:
        return {}
    try:
        value = json.loads(request.body)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise Refused("InvalidRequestJSONFormat")
    return value
