"""The border that drivers see: one call, signed, paced, renewed once, classified."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import trio

from fsmount.account.advice import named
from fsmount.account.border import Limit, Scheme, Send
from fsmount.errors import Blocked, FsmountError, NotFound, Unauthorized

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from fsmount.account.governor import Governor
    from fsmount.account.lifetime import Ends
    from fsmount.account.refresher import Refresher
    from fsmount.health import Health
    from fsmount.model import Answer, Call, Token

__all__ = ["Account", "Limit", "Scheme", "Send", "host_of", "paced"]

log = logging.getLogger(__name__)


def paced(send: Send, governor: Governor, *, family: str = "auth") -> Send:
    """Return ``send`` under the pace of ``family``: what a refresher or a sign-in sends with.

    It never renews, and leaves it to the scheme to say what an answer means.
    """

    async def paced_send(call: Call) -> Answer:
        async with governor.slot(family, host_of(call)):
            return await send(call)

    return paced_send


def host_of(call: Call) -> str:
    """Return the host, with its port where it is not the usual one, that ``call`` goes to."""
    return urlsplit(call.url).netloc.rpartition("@")[2].lower()


class Account:
    """One account of one provider, as its driver sees it.

    Args:
        name: The remote's name, for messages.
        scheme: Signs and classifies.
        refresher: Holds the token; None for an anonymous account.
        governor: Paces.
        send: Sends one call (``net.client.ApiClient.send``).
        health: Told of every success and failure.
    """

    def __init__(
        self,
        *,
        name: str,
        scheme: Scheme,
        refresher: Refresher | None,
        governor: Governor,
        send: Send,
        health: Health,
    ) -> None:
        self.name = name
        self._scheme = scheme
        self._refresher = refresher
        self._governor = governor
        self._send = send
        self._health = health

    @property
    def anonymous(self) -> bool:
        """True when no token signs the calls."""
        return self._refresher is None

    def ends(self) -> Ends | None:
        """Return when the login ends, asking nobody; None for a stranger, or before it is used."""
        return None if self._refresher is None else self._refresher.ends()

    async def token(self) -> Token | None:
        """Return the token that signs a call now, for one that goes along with another's call.

        None for an anonymous account. Raises as ``call`` does when there is none to be had.
        """
        return None if self._refresher is None else await self._token(self._refresher.current())

    async def call(self, family: str, call: Call, *, signed: bool = True) -> Answer:
        """Send ``call`` and return its successful answer.

        Waits for the governor's pace at the priority of the current context. On ``Unauthorized``
        the token is renewed once (shared with every caller) and the call sent once more.

        Args:
            family: Endpoint family that paces it ("list", "link", "info", "auth").
            call: Unsigned.
            signed: False asks as a stranger: what is told to everybody needs no token.

        Raises:
            FsmountError: Whatever the scheme makes of the answer, or the way there.
        """
        if self._refresher is None or not signed:
            return await self._attempt(family, call, None, last=True)
        token = await self._token(self._refresher.current())
        try:
            return await self._attempt(family, call, token, last=False)
        except Unauthorized:
            token = await self._token(self._refresher.renew(token))
        return await self._attempt(family, call, token, last=True)

    async def _token(self, wanted: Awaitable[Token]) -> Token:
        try:
            return await wanted
        except FsmountError as exc:
            self._health.failed(exc)
            raise

    async def _attempt(self, family: str, call: Call, token: Token | None, *, last: bool) -> Answer:
        """Send ``call`` once; health hears of ``Unauthorized`` only when nothing is left to try."""
        host = host_of(call)
        try:
            async with self._governor.slot(family, host):
                return await self._exchange(family, host, call, token)
        except Blocked as exc:
            # Also when it was the slot that said so: a breaker may be older than this process.
            self._health.failed(exc)
            raise
        except Unauthorized as exc:
            if last:
                self._health.failed(exc)
            raise

    async def _exchange(self, family: str, host: str, call: Call, token: Token | None) -> Answer:
        signed = self._scheme.sign(call, token)
        started = trio.current_time()
        status = 0
        failure: FsmountError | None = None
        try:
            answer = await self._send(signed)
            status = answer.status
            self._scheme.classify(call, answer, signed=token is not None)
        except FsmountError as exc:
            failure = named(exc, self._refresher.name if self._refresher else self.name)
            if isinstance(exc, NotFound):
                self._health.succeeded()  # a living provider said so
            elif not isinstance(exc, Unauthorized):
                self._health.failed(exc)
            raise
        else:
            self._health.succeeded()
            return answer
        finally:
            if status or failure is not None:
                self._governor.met(family, host, failure)
            # The path may name a person's files and the query may sign: neither is logged.
            log.debug(
                "remote=%s family=%s host=%s status=%s ms=%.0f%s",
                self.name,
                family,
                host,
                status or "none",
                (trio.current_time() - started) * 1e3,
                f" {type(failure).__name__}" if failure is not None else "",
            )
