"""Which handler answers which host, method and path."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email import message_from_bytes, policy
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from tests.emulators.p115.hosts import place_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.emulators.messages import Request, Response
    from tests.emulators.p115.sessions import Session

_INDEXED = re.compile(r"(\w+)\[\d*\]")


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request on its way to its handler: who asks, and the variable parts of the path.

    Parameters are looked up in the query, then in the form; unknown ones harm nobody (§2).
    """

    request: Request
    host: str
    parts: tuple[str, ...] = ()
    session: Session | None = None

    @cached_property
    def form(self) -> list[tuple[str, str]]:
        """The body's fields, whether it is url-encoded or multipart."""
        kind = self.request.headers.get("content-type", "")
        if kind.startswith("multipart/form-data"):
            return _multipart(kind, self.request.body)
        return parse_qsl(self.request.body.decode("utf-8", "replace"), keep_blank_values=True)

    def text(self, name: str, default: str = "") -> str:
        """A parameter; `default` when it was not sent or is empty."""
        value = self.request.query.get(name)
        if value is None:
            value = next((text for key, text in self.form if key == name), None)
        return value or default

    def number(self, name: str, default: int = 0) -> int:
        """A parameter as a number; `default` when it is none."""
        try:
            return int(self.text(name))
        except ValueError:
            return default

    def many(self, name: str) -> list[str]:
        """A parameter that may be repeated: `name`, `name[]`, `name[0]` or with commas (§2)."""
        found = []
        for key, value in [*self.request.query.items(), *self.form]:
            match = _INDEXED.fullmatch(key)
            if key == name or (match is not None and match[1] == name):
                found += [part for part in value.split(",") if part]
        return found

    @property
    def agent(self) -> str:
        """The User-Agent, "" when none was sent."""
        return self.request.headers.get("user-agent", "")


def _multipart(kind: str, body: bytes) -> list[tuple[str, str]]:
    head = f"content-type: {kind}\r\n\r\n".encode()
    parts = message_from_bytes(head + body, policy=policy.HTTP)
    fields = []
    for part in parts.iter_parts():
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(payload, bytes):
            fields.append((name, payload.decode("utf-8", "replace")))
    return fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A place and its handler; `kind` is how requests of it are counted."""

    host: str
    method: str
    pattern: re.Pattern[str]
    kind: str
    handler: Callable[[Call], Response]

    @classmethod
    def to(
        cls, place: str, kind: str, handler: Callable[[Call], Response], method: str = "*"
    ) -> Route:
        """A route for `host/path`, in which `*` stands for one segment and `**` for the rest."""
        host, slash, path = place.partition("/")
        escaped = re.escape(f"{slash}{path}").replace(r"\*\*", "(.*)").replace(r"\*", "([^/]*)")
        return cls(
            host=host, method=method, pattern=re.compile(escaped), kind=kind, handler=handler
        )


class Router:
    """All routes; a final slash of a path means nothing."""

    def __init__(self, routes: list[Route]) -> None:
        self._routes: dict[str, list[Route]] = {}
        for route in routes:
            self._routes.setdefault(route.host, []).append(route)

    def find(self, request: Request) -> tuple[Route, Call] | None:
        """The route of a request, and the request as its handler takes it."""
        asked, host, path = place_of(request)
        path = path.rstrip("/") or "/"
        for route in self._routes.get(host, ()):
            if route.method in ("*", request.method):
                match = route.pattern.fullmatch(path)
                if match is not None:
                    return route, Call(request=request, host=asked, parts=match.groups())
        return None
