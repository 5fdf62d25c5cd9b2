"""Points p115client and py115 at the emulator: its address and its test keys.

Source: wire 115 §14.1, §14.2. Both find the hosts of 115 in their own constants, so each request is
sent to the emulator with the host that it was meant for in a header.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import urllib3_future_request as transport
from p115cipher import util

if TYPE_CHECKING:
    from tests.peers.checks import Peer

_EXPONENT = 65537


def point_p115client(peer: Peer) -> None:
    """Redirect all of p115client's requests; to be called before it makes its first."""
    real = transport.request

    def routed(url: Any, method: str = "GET", **more: Any) -> Any:
        parts = urlsplit(str(url))
        if str(url).startswith(peer.address):
            return real(url=str(url), method=method, **more)
        headers = dict(more.pop("headers", None) or {})
        headers["x-real-host"] = parts.netloc
        target = f"{peer.address}{parts.path}" + (f"?{parts.query}" if parts.query else "")
        return real(url=target, method=method, headers=headers, **more)

    transport.request = routed
    modulus = int(peer.line["modulus"], 16)
    for function in (util.rsa_encrypt_with_pubkey, util.rsa_decrypt_with_pubkey):
        function.__defaults__ = (128, modulus, _EXPONENT)


class Rerouted(httpx.HTTPTransport):
    """Sends py115's requests to the emulator."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = httpx.URL(address)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Change where a request goes, not what it says."""
        if request.url.host != self._address.host:
            request.headers["x-real-host"] = request.url.host
            request.url = request.url.copy_with(
                scheme=self._address.scheme, host=self._address.host, port=self._address.port
            )
        return super().handle_request(request)
