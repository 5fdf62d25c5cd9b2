"""The border that drivers see: one call, signed, paced, renewed once, classified."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

import trio

from fsmount.account.advice import named
from fsmount.errors import Blocked, FsmountError, NotFound, Unauthorized
from fsmount.model import Answer, Call

if TYPE_CHECKING:
    from fsmount.account.credentials import Credentials
    from fsmount.account.governor import Governor
    from fsmount.account.refresher import Refresher
    from fsmount.health import Health
    from fsmount.model import Token

log = logging.getLogger(__name__)

Send = Callable[[Call], Awaitable[Answer]]
"""Sends one call as it is; returns every answer whatever its status, raises when none came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """The starting pace of one endpoint family.

    Attributes:
        rate_per_s: Calls per second in the long run; None for no limit.
        burst: Calls that may go at once after a pause.
        concurrency: Calls under way at once; None for no limit.
    """

    rate_per_s: float | None = None
    burst: int = 1
    concurrency: int | None = None


class Scheme(Protocol):
    """How a provider signs calls and says no; ``drivers/X/auth.py`` implements it, purely.

    A scheme whose refresh tokens may be used any number of times says so with an attribute
    ``reusable_refresh = True``. All others are taken to be used up by one refresh: they are not
    refreshed while the state directory cannot be written.
    """

    def sign(self, call: Call, token: Token | None) -> Call:
        """Return ``call`` with what identifies the account; unchanged for an anonymous one.

        Headers that the call already has stay: a driver may send a second credential.
        """
        ...

    def classify(self, call: Call, answer: Answer, *, signed: bool) -> None:
        """Return for a success, raise the ``FsmountError`` that ``answer`` amounts to.

        ``signed`` says whether a token went along: only then can it be ``Unauthorized``. Where a
        person has to sign in, the advice is ``advice.LOGIN_AGAIN``.
        """
        ...

    async def refresh(self, token: Token, send: Send) -> Token:
        """Return a newer token for ``token``.

        Raises:
            LoginLost: The provider refuses for good.
            Unreachable, TimedOut, Throttled, ProviderFault: Not now.
        """
        ...

    async def sign_in(self, credentials: Credentials, send: Send) -> Token:
        """Return a token from stored credentials, without a person.

        Called with login and password, or with an access token alone: that one is returned as it
        is, with the end that it tells about itself if it does.

        Raises:
            LoginLost: They are refused, or a person is needed (captcha, second factor); says so.
        """
        ...


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
