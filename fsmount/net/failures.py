"""Names what went wrong on the way to a server: every failure of the libraries below in our words.

Messages name the host and the reason, never a path, a query or a header: those may sign a request.
"""

from __future__ import annotations

import os
import socket
import ssl
from typing import TYPE_CHECKING

import httpx

from fsmount.errors import FsmountError, ProtocolError, TimedOut, Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

# The most derived class decides, so the order is from special to general. tests/net/test_failures
# fails when httpx has a class that no line names.
_HTTPX: tuple[tuple[type[Exception], type[FsmountError], str], ...] = (
    (httpx.TimeoutException, TimedOut, "{host} did not answer in time"),
    (httpx.ProxyError, Unreachable, "cannot reach {host}: the proxy refused"),
    (httpx.NetworkError, Unreachable, "cannot reach {host}: {reason}"),
    (httpx.RemoteProtocolError, ProtocolError, "{host} does not speak HTTP as it should"),
    (httpx.LocalProtocolError, ProtocolError, "a header for {host} cannot be sent"),
    (httpx.UnsupportedProtocol, ProtocolError, "{host}: only http:// and https:// can be read"),
    (httpx.TransportError, Unreachable, "cannot reach {host}: {reason}"),
    (httpx.TooManyRedirects, ProtocolError, "{host} redirects in circles"),
    (httpx.DecodingError, ProtocolError, "{host} sent a body that cannot be decompressed"),
    (httpx.HTTPError, ProtocolError, "the exchange with {host} failed"),
    (httpx.InvalidURL, ProtocolError, "{host}: not an address that can be asked"),
    (httpx.CookieConflict, ProtocolError, "{host} sent cookies that contradict each other"),
    (httpx.StreamError, ProtocolError, "the exchange with {host} was used wrongly"),
)

HTTPX_ERRORS: tuple[type[Exception], ...] = tuple(theirs for theirs, _, _ in _HTTPX)
"""What to catch around any use of httpx."""

# httpcore and h11 tell a dropped connection and a broken protocol apart by these words only.
_DROPPED = ("Server disconnected", "peer closed connection")

# X509_V_ERR_*: self signed, self signed in the chain, issuer unknown, leaf not verifiable
_UNKNOWN_ISSUER = frozenset({18, 19, 20, 21})
_CERTIFICATE_EXPIRED = 10
_HOST_MISMATCH = frozenset({62, 64})  # of a name, of an address

_TRUST = "use -o ca_file=FILE or -o insecure"


def from_httpx(exc: Exception, host: str) -> FsmountError:
    """Return our error for one of ``HTTPX_ERRORS``; raise it ``from`` the original."""
    if isinstance(exc, httpx.RemoteProtocolError) and str(exc).startswith(_DROPPED):
        return Unreachable(f"cannot reach {host}: it closed the connection before it had answered")
    if isinstance(exc, httpx.NetworkError):
        return unreachable(exc, host)
    ours, text = next((ours, text) for theirs, ours, text in _HTTPX if isinstance(exc, theirs))
    return ours(text.format(host=host, reason="the exchange broke off"))


def unreachable(exc: BaseException, host: str) -> Unreachable:
    """Return ``Unreachable`` with the reason that is buried in ``exc``'s causes."""
    causes = list(_causes(exc))
    for cls in (ssl.SSLCertVerificationError, ssl.SSLError, socket.gaierror, OSError):
        # The deepest cause is the one that the kernel or the TLS library gave.
        for cause in reversed(causes):
            if isinstance(cause, cls) and (reason := _reason(cause)):
                text, advice = reason
                return Unreachable(f"cannot reach {host}: {text}", advice=advice)
    return Unreachable(f"cannot reach {host}: the connection was lost")


def _reason(cause: BaseException) -> tuple[str, str] | None:
    """Return what happened and what to do about it; None when ``cause`` does not tell."""
    match cause:
        case ssl.SSLCertVerificationError(verify_code=code) if code in _UNKNOWN_ISSUER:
            return "self-signed certificate", _TRUST
        case ssl.SSLCertVerificationError(verify_code=code) if code == _CERTIFICATE_EXPIRED:
            return "its certificate has expired", _TRUST
        case ssl.SSLCertVerificationError(verify_code=code) if code in _HOST_MISMATCH:
            return "its certificate is for another host", _TRUST
        case ssl.SSLCertVerificationError():
            return f"its certificate is not valid ({cause.verify_message})", _TRUST
        case ssl.SSLError(reason="WRONG_VERSION_NUMBER" | "HTTP_REQUEST" | "RECORD_LAYER_FAILURE"):
            return "it does not speak TLS", "is it http:// rather than https://?"
        case ssl.SSLError(reason=str(reason)):
            return f"TLS failed ({reason.lower().replace('_', ' ')})", ""
        case socket.gaierror(errno=socket.EAI_NONAME | socket.EAI_NODATA):
            return "there is no such host", "check the address"
        case socket.gaierror():
            return "its name cannot be resolved now", ""
        case ConnectionRefusedError():
            return "connection refused", "check the address, or the site is down"
        case OSError(errno=int(code)) if code > 0:
            # Not its text: Trio writes "Error connecting to (address, port)" in front.
            return os.strerror(code).lower(), ""
        case _:
            return None


def _causes(exc: BaseException) -> Iterator[BaseException]:
    """Yield ``exc`` and everything that led to it, groups included, outermost first."""
    seen: set[int] = set()
    waiting: list[BaseException] = [exc]
    while waiting:
        current = waiting.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        if isinstance(current, BaseExceptionGroup):
            waiting.extend(current.exceptions)
        waiting.extend(c for c in (current.__cause__, current.__context__) if c is not None)
