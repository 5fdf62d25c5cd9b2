"""Signing PDS calls as a user or an application, and keeping their tokens fresh.

A share's own token is a second credential beside these and not this module's: see ``visitor``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fsmount.account.advice import LOGIN_AGAIN
from fsmount.drivers.pds import refusals, session
from fsmount.drivers.pds.options import Domain, PdsOptions
from fsmount.errors import FsmountError, LoginLost, UsageError
from fsmount.model import Token

if TYPE_CHECKING:
    from fsmount.account.account import Send
    from fsmount.account.credentials import Credentials
    from fsmount.model import Answer, Call


@dataclass(frozen=True, slots=True, kw_only=True)
class PdsScheme:
    """Signs with a bearer token, and reads every refusal (``account.Scheme``).

    Attributes:
        domain: Where tokens may go, and nowhere else.
        options: How to sign in: as which application, for whom.
    """

    domain: Domain
    options: PdsOptions

    @classmethod
    def of(cls, options: PdsOptions) -> PdsScheme:
        """Make the scheme of a remote."""
        return cls(domain=Domain.of(options), options=options)

    def sign(self, call: Call, token: Token | None) -> Call:
        """Add the bearer token, to calls of the domain's API only.

        A share's token beside it does no harm, and saving from a share wants both (wire §1.1).
        """
        if token is None or not token.access or not self._is_api(call.url):
            return call
        return replace(call, headers={**call.headers, "Authorization": f"Bearer {token.access}"})

    def _is_api(self, url: str) -> bool:
        ours, its = urlsplit(f"{self.domain.endpoint}/v2/"), urlsplit(url)
        return (its.scheme, its.netloc) == (ours.scheme, ours.netloc) and its.path.startswith(
            ours.path
        )

    def classify(self, call: Call, answer: Answer, *, signed: bool) -> None:
        """Return for a success, raise what a refusal amounts to; see ``refusals``."""
        failure = refusals.failure(call, answer, signed=signed)
        if failure is not None:
            raise failure

    async def refresh(self, token: Token, send: Send) -> Token:
        """Return a newer token; a refresh token that the answer does not renew is kept.

        Raises:
            LoginLost: The refresh token is dead.
        """
        if not token.refresh:
            raise LoginLost(
                "the access token has ended and there is no refresh token to renew it",
                advice=LOGIN_AGAIN,
            )
        call = session.refresh_call(
            self.domain,
            token.refresh,
            client=self.options.client_id,
            secret=self.options.client_secret,
            jwt=bool(self.options.private_key_file),
        )
        answer = await send(call)
        if (lost := self.refused(call, answer, "the refresh token is no longer taken")) is not None:
            raise lost
        return session.read_token(answer, token)[0]

    async def sign_in(self, credentials: Credentials, send: Send) -> Token:
        """Return a token from what is configured: a key, else a refresh token, else a token.

        Raises:
            LoginLost: Refused.
            UsageError: The private key is of no use.
        """
        if credentials.private_key:
            return await self.with_key(credentials.private_key, send)
        if credentials.refresh_token:
            return await self.refresh(Token(refresh=credentials.refresh_token), send)
        if credentials.access_token:
            return session.with_access_token(credentials.access_token)
        raise LoginLost("there is nothing to sign in with", advice=LOGIN_AGAIN)

    async def with_key(self, pem: str, send: Send) -> Token:
        """Return a token for a JWT application, which signs in without a person."""
        if not self.options.client_id or not self.domain.id:
            raise UsageError(
                "a JWT application needs client_id and domain beside its private key",
                advice="the domain's console shows both",
            )
        now_s = (await send(session.clock_call(self.domain))).date
        assertion = session.assertion(
            self.domain,
            pem,
            client=self.options.client_id,
            user=self.options.user_id,
            key_id=self.options.key_id,
            now_s=now_s,
        )
        call = session.assertion_call(self.domain, self.options.client_id, assertion)
        answer = await send(call)
        said = "the domain refuses the JWT application or its key"
        if (lost := self.refused(call, answer, said)) is not None:
            raise lost
        return session.read_token(answer, Token())[0]

    def refused(self, call: Call, answer: Answer, sentence: str) -> FsmountError | None:
        """Return what the answer to a token call amounts to; None for a success.

        Only the provider's own refusal ends a login: a page, a gateway or a fault does not.
        """
        failure = refusals.failure(call, answer, signed=False)
        said = refusals.reason(answer)
        final = answer.status in (400, 401, 403, 404) and said.code and not said.gateway
        if failure is None or not final:
            return failure
        return LoginLost(f"{sentence} ({refusals.short(said.code)})", advice=LOGIN_AGAIN)
