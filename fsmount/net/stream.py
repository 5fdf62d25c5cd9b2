"""The data path: ranged GETs whose bodies land straight in the caller's buffer.

h11 parses the head only; the body is received with ``recv_into`` (plain) or decrypted with
``SSLObject.read(n, buffer)`` (TLS) into the memory that the reader serves from. What goes through a
proxy takes the stock transport and one copy. Redirects are followed here, so that they obey one
rule on both ways.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urljoin, urlsplit

import httpx
import idna
import trio

from fsmount.errors import ProtocolError, TimedOut
from fsmount.net.client import USER_AGENT
from fsmount.net.connection import Dialer
from fsmount.net.exchange import NoAnswer, Wire, exchange
from fsmount.net.failures import HTTPX_ERRORS, from_httpx, unreachable
from fsmount.net.idle import IdleConnections, Origin
from fsmount.net.proxies import ProxiedTransport, Proxies
from fsmount.net.tls import tls_context

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from fsmount.net.client import NetSettings
    from fsmount.net.connection import Connection
    from fsmount.net.exchange import Body, Head

_MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# What identifies us to one host is not told to the next.
_CREDENTIALS = frozenset({"authorization", "cookie", "proxy-authorization"})
# Everything printable goes out as the link has it: a signature may cover its very spelling.
_AS_IT_STANDS = "".join(map(chr, range(0x21, 0x7F)))


class RangeResponse:
    """The head of an answer to a ranged GET, its body not yet received.

    Attributes:
        status: HTTP status (redirects were followed).
        headers: Lower-case names.
        host: Host and port that answered in the end.
    """

    __slots__ = ("_body", "headers", "host", "status")

    def __init__(self, host: str, status: int, headers: Mapping[str, str], body: Body) -> None:
        self.host = host
        self.status = status
        self.headers = headers
        self._body = body

    async def receive_into(self, view: memoryview) -> int:
        """Receive up to ``len(view)`` body bytes into ``view``; return how many, 0 at the end.

        Returns as soon as there is anything, so that a reader who waits gets it early.

        Raises:
            Unreachable: The connection ended or was reset before the body was whole.
            TimedOut: No byte for ``stall_s`` seconds.
        """
        return await self._body.receive_into(view)

    async def receive_text(self, limit: int = 65536) -> bytes:
        """Return the rest of the body, at most ``limit`` bytes (an error's explanation)."""
        text = memoryview(bytearray(limit))
        count = 0
        while got := await self._body.receive_into(text[count:]):
            count += got
        return bytes(text[:count])


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A link, taken apart once.

    Attributes:
        url: As given.
        origin: Where to connect to.
        path: Path and query as they are sent.
    """

    url: str
    origin: Origin
    path: str

    @classmethod
    def of(cls, url: str) -> Target:
        """Take ``url`` apart. Raises ProtocolError when it cannot be asked."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
            if not host.isascii():
                host = idna.encode(host, uts46=True).decode()
        except (ValueError, idna.IDNAError) as exc:
            raise ProtocolError("a link's address cannot be understood") from exc
        if parts.scheme not in ("http", "https") or not host:
            raise ProtocolError(f"a link with the scheme {parts.scheme!r} cannot be read")
        port = port or (443 if parts.scheme == "https" else 80)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(
            url=url, origin=Origin(parts.scheme, host, port), path=quote(path, _AS_IT_STANDS)
        )

    @property
    def host_header(self) -> str:
        """Host, with the port where it is not the scheme's own."""
        scheme, host, port = self.origin
        shown = f"[{host}]" if ":" in host else host
        return shown if port == (443 if scheme == "https" else 80) else f"{shown}:{port}"


class RangeClient:
    """Sends ranged GETs over kept-alive connections; never queues (the caller bounds them).

    Args:
        user_agent: For links that bring none.
        proxies: Which requests go through ``stock``.
        dialer: Opens connections.
        idle: Keeps them between exchanges.
        stock: For what goes through a proxy.
        stall_s: Longest wait for a connection, for the head, and for each next byte.
    """

    def __init__(
        self,
        *,
        user_agent: str,
        proxies: Proxies,
        dialer: Dialer,
        idle: IdleConnections,
        stock: httpx.AsyncClient,
        stall_s: float,
    ) -> None:
        self._user_agent = user_agent
        self._proxies = proxies
        self._dialer = dialer
        self._idle = idle
        self._stock = stock
        self._stall_s = stall_s

    @asynccontextmanager
    async def get(
        self, url: str, headers: Mapping[str, str], *, start: int, stop: int
    ) -> AsyncIterator[RangeResponse]:
        """GET bytes ``start`` to ``stop`` (half-open) of ``url``; yields when the head arrived.

        The connection goes back to the pool when the body was received whole, else it is closed.
        Credentials are not sent on to another host on a redirect.

        Raises:
            Unreachable, TimedOut, ProtocolError: Before a head arrived.
        """
        target = Target.of(url)
        sent = {"user-agent": self._user_agent, "accept": "*/*"}
        sent |= {name.lower(): value for name, value in headers.items()}
        sent |= {"range": f"bytes={start}-{stop - 1}", "accept-encoding": "identity"}
        for _ in range(_MOST_REDIRECTS + 1):
            proxied = self._proxies.of(target.origin.scheme, target.origin.host)
            way = self._proxied if proxied else self._straight
            async with way(target, sent) as response:
                location = response.headers.get("location")
                if response.status not in _REDIRECTS or not location:
                    yield response
                    return
                await response.receive_text()  # an empty or short text: the connection can stay
            previous, target = target, Target.of(urljoin(target.url, location))
            if target.origin != previous.origin:
                sent = {name: value for name, value in sent.items() if name not in _CREDENTIALS}
        raise ProtocolError(f"{target.host_header} redirects in circles")

    @asynccontextmanager
    async def _straight(
        self, target: Target, headers: Mapping[str, str]
    ) -> AsyncIterator[RangeResponse]:
        connection, head = await self._ask(target, headers)
        try:
            yield RangeResponse(target.host_header, head.status, head.headers, head.body)
        finally:
            if head.body.reusable:
                self._idle.put(target.origin, connection)
            else:
                connection.close()

    async def _ask(self, target: Target, headers: Mapping[str, str]) -> tuple[Connection, Head]:
        """Return an answer's head and its connection, which the caller owns from then on.

        A kept connection that turns out to be dead is no failure: the GET is sent once more.
        """
        kept = self._idle.take(target.origin)
        if kept is not None:
            try:
                return kept, await self._ask_on(kept, target, headers)
            except (NoAnswer, TimedOut) as exc:
                # Its siblings went to the same machine through the same NAT.
                self._idle.drop(target.origin)
                if isinstance(exc, TimedOut):
                    raise
        fresh = await self._dial(target)
        return fresh, await self._ask_on(fresh, target, headers)

    async def _ask_on(
        self, connection: Connection, target: Target, headers: Mapping[str, str]
    ) -> Head:
        """Return the head; on failure and cancellation ``connection`` is closed."""
        try:
            wire = Wire(connection, target.host_header, self._stall_s)
            return await exchange(
                wire, host_header=target.host_header, target=target.path, headers=headers
            )
        except BaseException:
            connection.close()
            raise

    async def _dial(self, target: Target) -> Connection:
        with trio.move_on_after(self._stall_s):
            try:
                return await self._dialer.open(*target.origin)
            except OSError as exc:
                raise unreachable(exc, target.host_header) from exc
        raise TimedOut(f"no connection to {target.host_header} within {self._stall_s:g} s")

    @asynccontextmanager
    async def _proxied(
        self, target: Target, headers: Mapping[str, str]
    ) -> AsyncIterator[RangeResponse]:
        request = self._stock.build_request("GET", target.url, headers=dict(headers))
        try:
            response = await self._stock.send(request, stream=True)
        except HTTPX_ERRORS as exc:
            raise from_httpx(exc, target.host_header) from exc
        body = StockBody(response, target.host_header)
        try:
            yield RangeResponse(
                target.host_header, response.status_code, dict(response.headers), body
            )
        finally:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
                await body.leave()
                await response.aclose()


class StockBody:
    """The body of an httpx response; its connection is httpx's own matter."""

    __slots__ = ("_chunk", "_chunks", "_host", "_left", "reusable")

    def __init__(self, response: httpx.Response, host: str) -> None:
        self._chunks = response.aiter_raw()
        self._chunk = memoryview(b"")
        self._host = host
        length = response.headers.get("content-length", "")
        self._left = int(length) if length.isdecimal() else None  # bytes that httpx still holds
        self.reusable = False

    async def receive_into(self, view: memoryview) -> int:
        """See ``exchange.Body``."""
        try:
            while view and not self._chunk:
                self._chunk = memoryview(await anext(self._chunks))
                if self._left is not None:
                    self._left -= len(self._chunk)
        except StopAsyncIteration:
            return 0
        except HTTPX_ERRORS as exc:
            raise from_httpx(exc, self._host) from exc
        count = min(len(view), len(self._chunk))
        view[:count] = self._chunk[:count]
        self._chunk = self._chunk[count:]
        return count

    async def leave(self) -> None:
        """End the body where it stands.

        One that came whole is read to its end, which costs no wait and lets httpx keep the
        connection. Of any other the rest is not waited for; the cancellation ends the generators
        that httpx and httpcore have stacked up, which nothing else reaches.
        """
        with trio.CancelScope() as scope:
            if self._left != 0:
                scope.cancel()
            try:
                async for _ in self._chunks:
                    pass
            except HTTPX_ERRORS:
                pass  # it broke, or was over: there is nothing left to end


@asynccontextmanager
async def open_range_client(
    settings: NetSettings, *, stall_s: float = 8.0
) -> AsyncIterator[RangeClient]:
    """Open a client for direct links; connections are closed on leaving.

    Raises:
        UsageError: ``ca_file`` cannot be read.
    """
    context = tls_context(ca_file=settings.ca_file, insecure=settings.insecure)
    proxies = Proxies(settings.proxy)
    idle = IdleConnections()
    async with (
        httpx.AsyncClient(
            transport=ProxiedTransport(context, proxies),
            timeout=httpx.Timeout(stall_s, pool=None),
            trust_env=False,
        ) as stock,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(idle.sweep)
        try:
            yield RangeClient(
                user_agent=settings.user_agent or USER_AGENT,
                proxies=proxies,
                dialer=Dialer(context),
                idle=idle,
                stock=stock,
                stall_s=stall_s,
            )
        finally:
            idle.close()
            nursery.cancel_scope.cancel()
