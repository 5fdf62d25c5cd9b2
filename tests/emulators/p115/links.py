"""Links to content, what each is bound to, and the host that serves them.

Source: wire 115 §0.8, §5.2.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tests.emulators import ranges
from tests.emulators.messages import FileSpan, Response, json_response, text_response
from tests.emulators.p115 import hosts
from tests.emulators.p115.sessions import USER_ID

if TYPE_CHECKING:
    from tests.emulators.clock import Clock
    from tests.emulators.messages import Request
    from tests.emulators.p115.routes import Call
    from tests.emulators.p115.settings import Settings
    from tests.emulators.p115.tree import Node

# What a link is bound to: nothing, the User-Agent, or that and a cookie of the answer (§5.2).
AGENT, AGENT_AND_COOKIE = 1, 3
# The cookie of the firewall, which is not the link's.
_OTHER_COOKIE = (
    "acw_tc=0bc1a09617000000001234567e6f7a8b9c0d1e2f3a4b5c6d7e8f90a1b2c3d4; path=/;HttpOnly"
)


@dataclass(slots=True, kw_only=True, eq=False)
class Link:
    """One link that was handed out, with its conditions; times in seconds since 1970."""

    node: Node
    agent: str
    bound: int
    expires: int
    connections: int
    cookie: tuple[str, str]
    cookie_expires: float
    query: dict[str, str] = field(default_factory=dict)
    open: int = 0
    uses: int | None = None  # requests that it still answers; None is any number


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A link as an answer has it: the URL, and the `Set-Cookie` lines that belong to it."""

    url: str
    cookies: tuple[str, ...]


class Links:
    """Makes links, remembers them, and serves what they lead to."""

    def __init__(self, settings: Settings, clock: Clock, root: str, secret: str) -> None:
        self._settings = settings
        self._clock = clock
        self._root = root
        self._key = secret.encode()
        self._known: dict[str, Link] = {}
        self._made = 0

    def make(self, node: Node, agent: str, bound: int, uses: int | None = None) -> Made:
        """A link for whoever asked with this User-Agent."""
        settings = self._settings
        for name, forced in (("links-f1", 1), ("links-f3", 3), ("links-unbound", 0)):
            if settings.on(name):
                bound = forced
        now = self._clock.now()
        expires = int(now + settings.link_life_s)
        elsewhere = self._at_origin(node)
        if elsewhere is not None:
            return Made(url=f"{elsewhere}?t={expires}&u={USER_ID}&c=0&f=", cookies=())
        small = node.size < settings.small_link_bytes
        connections = settings.small_link_connections if small else settings.link_connections
        self._made += 1
        folder = hashlib.sha1(f"{node.id}".encode()).hexdigest()
        query = {
            "t": str(expires),
            "u": str(USER_ID),
            "s": "524288000",
            "d": f"vip-1732-{node.pickcode}-1-100195123",
            "c": str(connections),
            "f": str(bound) if bound else "",
        }
        query["k"] = self._digits(f"{folder}{sorted(query.items())}{self._made}")
        query |= {"us": "5242880000", "uc": "10", "v": "1"}
        link = Link(
            node=node,
            agent=agent,
            bound=bound,
            expires=expires,
            connections=connections,
            cookie=(self._digits(f"name{self._made}"), self._digits(f"value{self._made}")),
            cookie_expires=now + settings.link_cookie_life_s,
            query=query,
            uses=uses,
        )
        self._known[query["k"]] = link
        path = f"/{folder}/{quote(node.name, safe='')}"
        text = "&".join(f"{name}={value}" for name, value in query.items())
        return Made(
            url=f"{settings.address}/{hosts.CDN}{path}?{text}", cookies=self._cookies(link, folder)
        )

    def expire(self) -> None:
        """Let every link that exists now be expired."""
        for link in self._known.values():
            link.expires = 0

    def expire_cookies(self) -> None:
        """Let the cookies of all links be too old, while the links live."""
        for link in self._known.values():
            link.cookie_expires = 0.0

    def serve(self, call: Call) -> Response:
        """Serve what a link leads to, or HTTP 403 with the form that its violation has."""
        request = call.request
        link = self._known.get(request.query.get("k", ""))
        if link is None or any(request.query.get(k) != v for k, v in link.query.items()):
            return _forbidden("sign error")
        now = self._clock.now()
        if link.expires <= now:
            return _forbidden("expired")
        if link.bound in (AGENT, AGENT_AND_COOKIE) and call.agent != link.agent:
            return _forbidden("user agent")
        if link.bound == AGENT_AND_COOKIE:
            if not self._has_cookie(request, link):
                short = self._settings.on("no-cookie-short")
                return self._no_cookie("no cookie" if short else "no cookie value")
            if link.cookie_expires <= now:
                return _forbidden("cookie expired")
        if link.uses == 0:
            return _forbidden("used up")
        if link.connections and link.open >= link.connections:
            return _forbidden("too many connections")
        return self._content(request, link)

    def _content(self, request: Request, link: Link) -> Response:
        whole = link.node.read()
        if whole is None:
            return text_response(404, "not found\n")
        size = len(whole)
        if not size and "range" in request.headers:
            response = text_response(416, "requested range not satisfiable\n")
            response.headers["content-range"] = "bytes */0"
            return response
        tag = hashlib.md5(f"{link.node.id}".encode()).hexdigest().upper()
        content = ranges.Content(
            whole=whole, media_type="application/octet-stream", etag=f'"{tag}"', headers={}
        )
        answered = ranges.serve(request, content)
        if link.uses is not None:
            link.uses -= 1
        link.open += 1
        ended = False

        def closed() -> None:
            nonlocal ended
            if not ended:
                ended = True
                link.open -= 1

        return Response(
            status=answered.status,
            headers=answered.headers,
            segments=answered.segments,
            rate=self._settings.speed_limit or None,
            ended=closed,
        )

    def _has_cookie(self, request: Request, link: Link) -> bool:
        name, value = link.cookie
        pairs = request.headers.get("cookie", "").split(";")
        return f"{name}={value}" in (pair.strip() for pair in pairs)

    def _cookies(self, link: Link, folder: str) -> tuple[str, ...]:
        if link.bound != AGENT_AND_COOKIE:
            return ()
        name, value = link.cookie
        life = int(self._settings.link_cookie_life_s)
        own = f"{name}={value}; Max-Age={life}; path=/{folder}/"
        return (_OTHER_COOKIE, own) if self._settings.on("other-cookies") else (own,)

    def _no_cookie(self, message: str) -> Response:
        body: dict[str, Any] = {"status": 403, "message": message}
        return json_response({**body, "request_id": self._digits(message)}, status=403)

    def _digits(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), hashlib.md5).hexdigest()

    def _at_origin(self, node: Node) -> str | None:
        """The same file on the other server, which serves the same directory."""
        whole = node.read()
        if self._settings.origin is None or not isinstance(whole, FileSpan):
            return None
        return f"{self._settings.origin}/{quote(os.path.relpath(whole.path, self._root))}"


def _forbidden(why: str) -> Response:
    """HTTP 403; the real bodies are not known, this one tells a person what was wrong."""
    page = f"<html><head><title>403 Forbidden</title></head><body>{why}</body></html>\n"
    return text_response(403, page, "text/html")
