"""Sends calls to providers' APIs through one httpx client per set of network settings."""

from __future__ import annotations

import email.utils
import http.cookiejar
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import trio

import fsmount
from fsmount.errors import ProtocolError, TimedOut
from fsmount.model import Answer, Priority, priority
from fsmount.net.failures import HTTPX_ERRORS, from_httpx
from fsmount.net.proxies import ProxiedTransport, Proxies
from fsmount.net.tls import tls_context

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from fsmount.model import Call

USER_AGENT = f"fsmount/{fsmount.__version__}"

# The longest listing that was recorded is 1.4 MB; what is beyond this is no API's answer.
_MOST_BODY_BYTES = 64 * 1024 * 1024
_MOST_REDIRECTS = 5
# Bounds sockets, not the account (the governor does that): connections of httpx are not limited.
_MOST_AT_ONCE = 32
# As long as a read waits for the next byte of its content (DESIGN promise 1): a link that does not
# come is no better.
_READING_WITHIN_S = 8.0


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
    """Sends one call at a time per caller; safe for any number of tasks.

    Args:
        client: Owned by ``open_api_client``.
        answer_within_s: Deadline of one call.
        wall: Wall clock, Unix seconds, for answers without a ``Date``.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        answer_within_s: float,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._answer_within_s = answer_within_s
        self._wall = wall
        self._limiter = trio.CapacityLimiter(_MOST_AT_ONCE)

    async def send(self, call: Call) -> Answer:
        """Send ``call``, return the answer whatever its status.

        Raises:
            Unreachable: No connection, no name, bad certificate, dropped half-way.
            TimedOut: Not whole within ``answer_within_s``, or within 8 s where a read waits for it;
                a call with a time of its own has that, whoever waits.
            ProtocolError: More redirects or bytes than any API sends.
        """
        host = _shown_host(call.url)
        within_s = self._answer_within_s if call.within_s is None else call.within_s
        if call.within_s is None and priority.get() <= Priority.OPENING:
            within_s = min(within_s, _READING_WITHIN_S)
        with trio.move_on_after(within_s):
            try:
                async with self._limiter:
                    return await self._exchange(call, host)
            except HTTPX_ERRORS as exc:
                raise from_httpx(exc, host) from exc
        raise TimedOut(f"{host} did not answer within {within_s:g} s")

    async def _exchange(self, call: Call, host: str) -> Answer:
        request = self._client.build_request(
            call.method,
            # httpx replaces a URL's own query by ``params``, even by empty ones.
            httpx.URL(call.url).copy_merge_params(dict(call.params)) if call.params else call.url,
            headers=dict(call.headers),
            json=call.json,
            data=None if call.form is None else dict(call.form),
        )
        request.stream = _Body(request.content)
        response = await self._client.send(request, stream=True, follow_redirects=call.follow)
        try:
            body = await _whole_body(response, host)
        finally:
            # Under a cancelled scope httpx closes the socket at once; nothing here may linger.
            with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
                await response.aclose()
        return Answer(
            status=response.status_code,
            headers=_plain_headers(response.headers),
            body=body,
            url=str(response.url.copy_with(query=None, fragment=None, userinfo=b"")),
            date=_sent_at(response.headers.get("date"), self._wall),
        )


class _Body(httpx.AsyncByteStream):
    """A request's body that may be left half-way.

    httpx's own is an async generator: given up in the middle, it is a ResourceWarning and work for
    Trio's finalizer (httpx 0.28, observed 2026-11-22).
    """

    def __init__(self, content: bytes) -> None:
        self._content = content

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _Once(self._content)


class _Once:
    def __init__(self, content: bytes) -> None:
        self._left = [content] if content else []

    def __aiter__(self) -> _Once:
        return self

    async def __anext__(self) -> bytes:
        if not self._left:
            raise StopAsyncIteration
        return self._left.pop()


@asynccontextmanager
async def open_api_client(settings: NetSettings) -> AsyncIterator[ApiClient]:
    """Open a client; its connections are closed on leaving.

    Raises:
        UsageError: ``ca_file`` cannot be read.
    """
    context = tls_context(ca_file=settings.ca_file, insecure=settings.insecure)
    # A cookie that one call brought must not sign the next: whoever needs cookies sends them.
    forgetful = http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
    async with httpx.AsyncClient(
        transport=ProxiedTransport(context, Proxies(settings.proxy)),
        headers={"user-agent": settings.user_agent or USER_AGENT},
        cookies=forgetful,
        timeout=None,  # noqa: S113 -- one deadline over the whole call, in send
        max_redirects=_MOST_REDIRECTS,
        trust_env=False,
    ) as client:
        yield ApiClient(client, answer_within_s=settings.answer_within_s)


async def _whole_body(response: httpx.Response, host: str) -> bytes:
    """Return the decompressed body; bounded while it arrives, so a bomb cannot go off."""
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > _MOST_BODY_BYTES:
            raise ProtocolError(f"{host} sent more than {_MOST_BODY_BYTES >> 20} MiB as one answer")
    return bytes(body)


def _plain_headers(headers: httpx.Headers) -> dict[str, str]:
    """Return lower-case names; the last of equal ones, but each ``set-cookie`` on its line."""
    plain: dict[str, str] = {}
    for name, value in headers.multi_items():
        if name == "set-cookie" and name in plain:
            plain[name] += f"\n{value}"
        else:
            plain[name] = value
    return plain


def _sent_at(date: str | None, wall: Callable[[], float]) -> float:
    """Return the Unix seconds of a ``Date`` header; the local clock's for none or a bad one."""
    if date is not None:
        try:
            return email.utils.parsedate_to_datetime(date).timestamp()
        except ValueError:
            pass  # not a date: as if it had not been sent
    return wall()


def _shown_host(url: str) -> str:
    """Return host and port of ``url``: all of it that a message may show."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return "the server"
    return parsed.netloc.decode("ascii", "replace") or "the server"
