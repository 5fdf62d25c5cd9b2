"""The data path: ranged GETs whose bodies land straight in the caller's buffer.

h11 parses the head only; the body is received with ``recv_into`` (plain) or decrypted with
``SSLObject.read(n, buffer)`` (TLS) into the memory that the reader serves from. Proxies, chunked
bodies and anything unusual fall back to the stock transport and one copy.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from fsmount.net.client import NetSettings


class RangeResponse:
    """The head of an answer to a ranged GET, its body not yet received.

    Attributes:
        status: HTTP status (redirects were followed).
        headers: Lower-case names.
    """

    status: int
    headers: Mapping[str, str]

    async def receive_into(self, view: memoryview) -> int:
        """Receive up to ``len(view)`` body bytes into ``view``; return how many, 0 at the end.

        Raises:
            Unreachable: The connection ended or was reset before the body was whole.
            TimedOut: No byte for ``stall_s`` seconds.
        """
        raise NotImplementedError

    async def receive_text(self, limit: int = 65536) -> bytes:
        """Return the rest of the body, at most ``limit`` bytes (an error's explanation)."""
        raise NotImplementedError


class RangeClient:
    """Sends ranged GETs over kept-alive connections; never queues (the caller bounds them)."""

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
        raise NotImplementedError
        yield


@asynccontextmanager
async def open_range_client(
    settings: NetSettings, *, stall_s: float = 8.0
) -> AsyncIterator[RangeClient]:
    """Open a client for direct links; connections are closed on leaving."""
    raise NotImplementedError
    yield
