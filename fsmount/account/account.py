"""The border that drivers see: one call, signed, paced, renewed once, classified."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from fsmount.model import Answer, Call

if TYPE_CHECKING:
    from fsmount.account.credentials import Credentials
    from fsmount.account.governor import Governor
    from fsmount.account.refresher import Refresher
    from fsmount.health import Health
    from fsmount.model import Token

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
    """How a provider signs calls and says no; ``drivers/X/auth.py`` implements it, purely."""

    def sign(self, call: Call, token: Token | None) -> Call:
        """Return ``call`` with what identifies the account; unchanged for an anonymous one."""
        ...

    def classify(self, call: Call, answer: Answer, *, signed: bool) -> None:
        """Return for a success, raise the ``FsmountError`` that ``answer`` amounts to.

        ``signed`` says whether a token went along: only then can it be ``Unauthorized``.
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

        Raises:
            LoginLost: They are refused, or a person is needed (captcha, second factor); says so.
        """
        ...


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

    @property
    def anonymous(self) -> bool:
        """True when no token signs the calls."""
        raise NotImplementedError

    async def call(self, family: str, call: Call) -> Answer:
        """Send ``call`` and return its successful answer.

        Waits for the governor's pace at the priority of the current context. On ``Unauthorized``
        the token is renewed once (shared with every caller) and the call sent once more.

        Args:
            family: Endpoint family that paces it ("list", "link", "info", "auth").
            call: Unsigned.

        Raises:
            FsmountError: Whatever the scheme makes of the answer, or the way there.
        """
        raise NotImplementedError
