"""Chooses the outgoing proxy of a request: the option, else what the environment says."""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

# typeshed leaves the second one out
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]

import httpx

if TYPE_CHECKING:
    import ssl
    from types import TracebackType


# httpx logs each request's URL, query and all, as INFO; httpcore logs headers.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


class Proxies:
    """Tells which proxy a request goes through.

    Args:
        option: A proxy URL for everything; "" takes HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY
            (in either case) as they are now.
    """

    def __init__(self, option: str) -> None:
        self._option = option
        self._environment = {} if option else getproxies_environment()

    def of(self, scheme: str, host: str) -> str:
        """Return the proxy URL for requests to ``scheme://host``; "" goes straight."""
        if self._option or not self._environment:
            return self._option
        chosen = self._environment.get(scheme) or self._environment.get("all") or ""
        if not chosen or proxy_bypass_environment(host, self._environment):
            return ""
        return chosen if "://" in chosen else f"http://{chosen}"


class ProxiedTransport(httpx.AsyncBaseTransport):
    """Stock httpx transports, one per proxy in use; each request and redirect is judged anew.

    Its pools never queue: httpcore loses a pool's slot when a request is cancelled while it waits
    for a connection (encode/httpcore#1093), so there is no limit here and the caller bounds.
    """

    def __init__(self, context: ssl.SSLContext, proxies: Proxies) -> None:
        self._context = context
        self._proxies = proxies
        self._transports: dict[str, httpx.AsyncHTTPTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send ``request`` by the way that its host needs."""
        proxy = self._proxies.of(request.url.scheme, request.url.host)
        transport = self._transports.get(proxy)
        if transport is None:
            transport = self._transports[proxy] = httpx.AsyncHTTPTransport(
                verify=self._context,
                trust_env=False,
                limits=httpx.Limits(max_connections=None, keepalive_expiry=5.0),
                proxy=proxy or None,
            )
        return await transport.handle_async_request(request)

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """Close as on a normal end."""
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection."""
        async with AsyncExitStack() as stack:
            for transport in self._transports.values():
                stack.push_async_callback(transport.aclose)
            self._transports.clear()
