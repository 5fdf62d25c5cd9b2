"""Signing calls of the Open API, and renewing tokens: by an own application, or by a relay."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from fsmount.account.advice import LOGIN_AGAIN
from fsmount.drivers import wire
from fsmount.drivers.aliyundrive import refusals
from fsmount.drivers.aliyundrive.hosts import OPEN_API, Hosts
from fsmount.drivers.aliyundrive_open import api
from fsmount.errors import FsmountError, LoginLost, ProviderFault, UsageError
from fsmount.model import Token

if TYPE_CHECKING:
    from fsmount.account.account import Send
    from fsmount.account.credentials import Credentials
    from fsmount.drivers.aliyundrive_open.options import OpenOptions
    from fsmount.model import Answer, Call

SUBJECT = "subject"
"""Where a token keeps whose it is."""

USUAL_LIFE_S = 7200.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenScheme:
    """Signs with a bearer token (``account.Scheme``).

    Refresh tokens are good for one use (wire: Open API §2.3), which is what a scheme is taken to
    do.

    Attributes:
        hosts: Where tokens may go, and nowhere else but the relay.
        client_id: Of an own application; "" for none.
        client_secret: Its secret; "" for none.
        relay: Exchanges refresh tokens where there is no own application; "" for none.
    """

    hosts: Hosts
    client_id: str = ""
    client_secret: str = ""
    relay: str = ""

    @classmethod
    def of(cls, options: OpenOptions) -> OpenScheme:
        """Make the scheme of a remote."""
        return cls(
            hosts=Hosts.parse(options.hosts),
            client_id=options.client_id,
            client_secret=options.client_secret,
            relay=options.relay,
        )

    def __repr__(self) -> str:
        """Say nothing of the secret."""
        return f"OpenScheme(client_id={self.client_id!r})"

    def sign(self, call: Call, token: Token | None) -> Call:
        """Add the bearer token; never to another host than the API's."""
        if token is None or not token.access or not self.hosts.is_at(OPEN_API, call.url):
            return call
        return replace(call, headers={**call.headers, "Authorization": f"Bearer {token.access}"})

    def classify(self, call: Call, answer: Answer, *, signed: bool) -> None:
        """Return for a success, raise what a refusal amounts to; see ``refusals``."""
        failure = refusals.failure(answer, signed=signed)
        if failure is not None:
            raise failure

    async def refresh(self, token: Token, send: Send) -> Token:
        """Return a newer pair of tokens; the refresh token in ``token`` is used up.

        Raises:
            LoginLost: It is dead, or what came is another account's: a relay may mix them up.
            UsageError: There is neither an application nor a relay to ask with.
        """
        if not token.refresh:
            raise LoginLost(
                "the access token has ended and there is no refresh token", advice=LOGIN_AGAIN
            )
        if self.client_id and self.client_secret:
            body = {**self.application, "grant_type": "refresh_token"}
            call = api.token_call(self.hosts, {**body, "refresh_token": token.refresh})
        elif self.relay:
            call = api.relay_call(self.relay, token.refresh)
        else:
            raise no_application()
        answer = await send(call)
        return self._same_account(token, self._pair(call, answer))

    async def sign_in(self, credentials: Credentials, send: Send) -> Token:
        """Return a token from a pasted refresh token.

        Raises:
            LoginLost: It is dead, or there is none.
        """
        if credentials.refresh_token:
            return await self.refresh(Token(refresh=credentials.refresh_token), send)
        raise LoginLost("there is nothing to sign in with", advice=LOGIN_AGAIN)

    @property
    def application(self) -> dict[str, Any]:
        """What names the own application in a call."""
        secret = {"client_secret": self.client_secret} if self.client_secret else {}
        return {"client_id": self.client_id, **secret}

    def _pair(self, call: Call, answer: Answer) -> Token:
        if call.method == "GET":
            return self._relayed(answer)
        try:
            self.classify(call, answer, signed=False)
        except LoginLost as exc:
            raise LoginLost(
                "the refresh token is no longer taken: another program used it, or it has ended",
                advice=f"{LOGIN_AGAIN}; each program needs a sign-in of its own",
            ) from exc
        return exchanged(answer)

    def _relayed(self, answer: Answer) -> Token:
        """Return what a relay brought; its words are shown, nothing of the token is."""
        try:
            found = wire.decode(answer.body, api.RelayAnswer, "the relay's answer")
        except FsmountError as exc:
            failure = refusals.failure(answer, signed=False)
            raise failure or exc from exc
        if wire.text(found.access_token) and wire.text(found.refresh_token):
            return exchanged(answer)
        if answer.status == 429 or answer.status >= 500:
            self.classify_relay(answer)
        said = " ".join(wire.text(found.text).split())[:120]
        raise LoginLost(
            f"the relay does not renew the token: {said}" if said else "the relay gives no token",
            advice=f"{LOGIN_AGAIN}, or use an application of your own",
        )

    def classify_relay(self, answer: Answer) -> None:
        """Raise what a relay's own trouble amounts to: it passes, the token is as good as before.

        Raises:
            FsmountError: Always.
        """
        raise refusals.failure(answer, signed=False) or ProviderFault("the relay failed")

    def _same_account(self, old: Token, new: Token) -> Token:
        before = old.extra.get(SUBJECT) or subject(old)
        after = subject(new)
        if before and after and before != after:
            raise LoginLost("what renewed the token gave out another account's", advice=LOGIN_AGAIN)
        return replace_extra(new, {**old.extra, SUBJECT: after or before})


def no_application() -> UsageError:
    """Return what a remote lacks that names nobody to ask with."""
    return UsageError(
        "the Open API wants an application",
        advice="give client_id and client_secret of your own, or a relay that you trust",
    )


def exchanged(answer: Answer) -> Token:
    """Return the tokens of an exchange; their end is on the provider's clock."""
    found = wire.decode(answer.body, api.TokenAnswer, "a renewed login")
    life_s = wire.whole(found.expires_in) or _life_s(found.access_token) or USUAL_LIFE_S
    token = Token(
        access=found.access_token,
        refresh=wire.text(found.refresh_token),
        access_expires_at=answer.date + life_s,
        issued_at=answer.date,
    )
    return replace_extra(token, {SUBJECT: subject(token)})


def replace_extra(token: Token, extra: dict[str, str]) -> Token:
    """Return ``token`` with ``extra`` instead of its own."""
    return Token(
        access=token.access,
        refresh=token.refresh,
        access_expires_at=token.access_expires_at,
        issued_at=token.issued_at,
        extra=extra,
    )


def subject(token: Token) -> str:
    """Return whose ``token`` is, as its parts tell; "" when none does.

    Both parts are JWTs (wire: Open API §2.3). Nothing is verified: it protects from a mix-up, not
    from a forger, who could do without us.
    """
    told = (wire.text(claims(part).get("sub")) for part in (token.access, token.refresh))
    return next((each for each in told if each), "")


def claims(token: str) -> dict[str, Any]:
    """Return what a JWT says; {} for what is none."""
    try:
        body = token.split(".")[1]
        found = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (IndexError, ValueError, binascii.Error):
        return {}
    return found if isinstance(found, dict) else {}


def _life_s(token: str) -> float | None:
    told = claims(token)
    begins, ends = wire.whole(told.get("iat")), wire.whole(told.get("exp"))
    return float(ends - begins) if begins and ends and ends > begins else None
