"""Signing calls of the web and phone API, saying no in words, and keeping tokens fresh."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fsmount.account.advice import LOGIN_AGAIN
from fsmount.drivers import wire
from fsmount.drivers.aliyundrive import api, refusals
from fsmount.drivers.aliyundrive.codes import WHERE_TO_LOOK
from fsmount.drivers.aliyundrive.device import USER_ID, Device
from fsmount.drivers.aliyundrive.hosts import API, Hosts
from fsmount.errors import Gone, LoginLost, NotFound
from fsmount.model import Token

if TYPE_CHECKING:
    from fsmount.account.account import Send
    from fsmount.account.credentials import Credentials
    from fsmount.drivers.aliyundrive.options import AliyundriveOptions
    from fsmount.model import Answer, Call

NAME = "name"
"""What a token keeps of how the person is called."""

CANARY = "client=Android,app=adrive,version=v5.8.0"
"""Without an ``x-canary`` some answers miss fields, and limits come sooner (wire §1.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AliyundriveScheme:
    """Signs with a bearer token and a device's signature (``account.Scheme``).

    Refresh tokens are used up by one refresh (wire §3), which is what a scheme is taken to do.

    Attributes:
        hosts: Where tokens may go, and nowhere else.
    """

    hosts: Hosts

    @classmethod
    def of(cls, options: AliyundriveOptions) -> AliyundriveScheme:
        """Make the scheme of a remote."""
        return cls(hosts=Hosts.parse(options.hosts))

    def sign(self, call: Call, token: Token | None) -> Call:
        """Add token, device and signature; never to another host than the API's.

        A share's call keeps the ``x-canary`` of its own (wire §B3).
        """
        if token is None or not token.access or not self.hosts.is_at(API, call.url):
            return call
        headers = {"Authorization": f"Bearer {token.access}", "x-canary": CANARY}
        device = Device.kept(token.extra)
        if device is None:
            return replace(call, headers=headers | dict(call.headers))
        headers |= {"x-device-id": device.id, "x-signature": device.signature()}
        body = call.json
        if call.url.endswith(api.CREATE_SESSION) and isinstance(body, dict):
            body = body | {"pubKey": device.public_key}
        return replace(call, headers=headers | dict(call.headers), json=body)

    def classify(self, call: Call, answer: Answer, *, signed: bool) -> None:
        """Return for a success, raise what a refusal amounts to; see ``refusals``.

        A drive is never over: a share that is not there is one that the account has not made.
        """
        failure = refusals.failure(answer, signed=signed)
        if isinstance(failure, Gone):
            raise NotFound("the account has no such share, or has cancelled it already")
        if failure is not None:
            raise failure

    async def refresh(self, token: Token, send: Send) -> Token:
        """Return a newer pair of tokens; the refresh token in ``token`` is used up.

        The device stays the same: it is known to the provider by its key.

        Raises:
            LoginLost: The refresh token is dead, or the answer is another account's.
        """
        if not token.refresh:
            raise LoginLost("there is no refresh token to renew the login", advice=LOGIN_AGAIN)
        call = api.refresh_call(self.hosts, token.refresh)
        answer = await send(call)
        try:
            self.classify(call, answer, signed=False)
        except LoginLost as exc:
            raise LoginLost(
                "the refresh token is no longer taken: another program used it, or it has ended",
                advice=f"{LOGIN_AGAIN}; each program needs a sign-in of its own",
            ) from exc
        return replaced(token, answer)

    async def sign_in(self, credentials: Credentials, send: Send) -> Token:
        """Return a token from a pasted refresh token.

        Raises:
            LoginLost: It is dead, or there is none.
        """
        if credentials.refresh_token:
            return await self.refresh(Token(refresh=credentials.refresh_token), send)
        raise LoginLost(
            "there is nothing to sign in with",
            advice=f"{LOGIN_AGAIN}, or give a refresh_token: {WHERE_TO_LOOK}",
        )


def replaced(old: Token, answer: Answer) -> Token:
    """Return ``old`` with the tokens of a refresh; its end is on the provider's clock.

    Raises:
        LoginLost: They are another account's than before.
    """
    found = wire.decode(answer.body, api.TokenAnswer, "a renewed login")
    user_id = wire.text(found.user_id)
    before = old.extra.get(USER_ID, user_id)
    if user_id and before != user_id:
        raise LoginLost("the refresh token turned out to be another account's", advice=LOGIN_AGAIN)
    device = Device.kept(old.extra) or Device.new(user_id)
    life_s = wire.whole(found.expires_in)
    return Token(
        access=found.access_token,
        refresh=found.refresh_token or old.refresh,
        access_expires_at=None if life_s is None else answer.date + life_s,
        issued_at=answer.date,
        extra={**old.extra, **device.extra, NAME: wire.text(found.nick_name or found.user_name)},
    )
