"""Sends calls to providers' APIs through one httpx client per set of network settings."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fsmount.model import Answer, Call


@dataclass(frozen=True, slots=True, kw_only=True)
class NetSettings:
    """How to reach a provider.

    Attributes:
        user_agent: For API and links alike; "" takes ours.
        proxy: Outgoing proxy URL; "" honours HTTP(S)_PROXY and NO_PROXY.
        ca_file: Further certificate authorities (PEM); "" for none.
        insecure: Accept any certificate.
        answer_within_s: Deadline of one API call, connection and body included.
    """

    user_agent: str = ""
    proxy: str = ""
    ca_file: str = ""
    insecure: bool = False
    answer_within_s: float = 15.0


class ApiClient:
    """Sends one call at a time per caller; safe for any number of tasks."""

    async def send(self, call: Call) -> Answer:
        """Send ``call``, return the answer whatever its status.

        Raises:
            Unreachable: No connection, no name, bad certificate, dropped half-way.
            TimedOut: Not whole within ``answer_within_s``.
            ProtocolError: More redirects or bytes than any API sends.
        """
        raise NotImplementedError


@asynccontextmanager
async def open_api_client(settings: NetSettings) -> AsyncIterator[ApiClient]:
    """Open a client; its connections are closed on leaving."""
    raise NotImplementedError
    yield
