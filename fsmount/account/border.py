"""What an account is given from outside: how a provider is signed to, paced and sent to.

``account.account`` re-exports all of it: drivers import from there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from fsmount.model import Answer, Call

if TYPE_CHECKING:
    from fsmount.account.credentials import Credentials
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
