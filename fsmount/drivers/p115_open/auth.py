"""Signing 115 Open's calls, and keeping tokens that renew once each.

A refresh token is dead the moment it is used, and with it the login if the answer is lost (wire:
115 §10.1). So the pair is kept durably before its first use, one process of the host refreshes at a
time, and what is under way is not cancelled: ``account.refresher`` sees to all of it, because this
scheme does not call its tokens reusable. What is left is a connection that breaks between the two:
then the old access token serves to its end, and the refusal says what may have happened.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fsmount.account.advice import LOGIN_AGAIN
from fsmount.drivers.p115 import hosts
from fsmount.drivers.p115.codes import OTHER_ORDER
from fsmount.drivers.p115.hosts import Hosts
from fsmount.drivers.p115_open import api, refusals, session
from fsmount.errors import LoginLost, ProtocolError
from fsmount.model import Token

if TYPE_CHECKING:
    from fsmount.account.account import Send
    from fsmount.account.credentials import Credentials
    from fsmount.drivers.p115_open.options import P115OpenOptions
    from fsmount.drivers.p115_open.session import TokenPair
    from fsmount.model import Answer, Call


@dataclass(frozen=True, slots=True, kw_only=True)
class P115OpenScheme:
    """Signs with a bearer token, and reads every refusal (``account.Scheme``).

    Attributes:
        hosts: Where tokens may go: to the API's, and nowhere else.
    """

    hosts: Hosts

    @classmethod
    def of(cls, options: P115OpenOptions) -> P115OpenScheme:
        """Make the scheme of a remote."""
        return cls(hosts=Hosts.parse(options.hosts))

    def sign(self, call: Call, token: Token | None) -> Call:
        """Add the bearer token to calls of the API; content hosts and sign-ins get none."""
        if (
            token is None
            or not token.access
            or not call.url.startswith(self.hosts.url(hosts.APP, "/open/"))
        ):
            return call
        return replace(call, headers={**call.headers, "Authorization": f"Bearer {token.access}"})

    def classify(self, call: Call, answer: Answer, *, signed: bool) -> None:
        """Return for a success, raise what a refusal amounts to; see ``refusals``.

        That a listing wants another order is an answer as well: the driver asks again with it.
        """
        failure = refusals.failure(call, answer, signed=signed, where=self.hosts)
        if failure is None and not _is_listing(call) and refusals.code(answer) == OTHER_ORDER:
            failure = ProtocolError("115 speaks of an order where none was asked for")
        if failure is not None:
            raise failure

    async def refresh(self, token: Token, send: Send) -> Token:
        """Return the next pair of tokens; ``token.refresh`` is used up by asking.

        Raises:
            LoginLost: The refresh token is refused for good.
            Throttled, ProviderFault: Not now; the token was not looked at.
        """
        if not token.refresh:
            raise LoginLost(
                "the access token has ended and there is no refresh token to renew it",
                advice=LOGIN_AGAIN,
            )
        call = session.refresh_call(self.hosts, token.refresh)
        answer = await send(call)
        self.classify(call, answer, signed=False)
        pair = session.checked(api.read(answer, session.TokenPair, "a renewed login"))
        return replaced(token, pair, answer.date)

    async def sign_in(self, credentials: Credentials, send: Send) -> Token:
        """Return a token from what is configured: a refresh token, else an access token.

        Raises:
            LoginLost: Refused, or there is neither.
        """
        if credentials.refresh_token:
            return await self.refresh(Token(refresh=credentials.refresh_token), send)
        if credentials.access_token:
            # It does not tell when it ends: the service says so.
            return Token(access=credentials.access_token)
        raise LoginLost("115 Open signs in with a QR code only", advice=LOGIN_AGAIN)


def _is_listing(call: Call) -> bool:
    return call.url.endswith("/open/ufile/files")


def replaced(old: Token, pair: TokenPair, date: float) -> Token:
    """Return ``old`` with a new pair; its end is on the provider's clock, as ``date`` is."""
    return Token(
        access=pair.access_token,
        refresh=pair.refresh_token or old.refresh,
        access_expires_at=date + pair.lifetime_s,
        issued_at=date,
        extra=old.extra,
    )
