"""Signing Cloudreve calls, saying no in words, and keeping tokens fresh.

The subtle trap (wire: Cloudreve V4 §4, server of 2025-06-21): **an expired access token is not
rejected; the call runs as the anonymous user.** In an own drive that fails and is seen (401, 401
inside 40081, 40011), so ``classify`` calls it ``Unauthorized`` and the account renews. In a share
nothing fails: listings and ``/file/url`` go on working with the rights of a guest, who may see
less, be slower, or be refused in words that have nothing to do with tokens. No answer gives that
away, so the token must be renewed ahead of ``access_expires``; renewing on error is not enough.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from fsmount.account.advice import LOGIN_AGAIN
from fsmount.drivers import wire
from fsmount.drivers.cloudreve import api, refusals, session
from fsmount.drivers.cloudreve.codes import CAPTCHA_WRONG, SECOND_FACTOR, WHERE_TO_LOOK
from fsmount.drivers.cloudreve.options import CloudreveOptions, Site, place
from fsmount.errors import LoginLost
from fsmount.model import Token

if TYPE_CHECKING:
    from fsmount.account.account import Send
    from fsmount.account.credentials import Credentials
    from fsmount.drivers.cloudreve.session import TokenPair
    from fsmount.drivers.cloudreve.uri import FileUri
    from fsmount.model import Answer, Call


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudreveScheme:
    """Signs with a bearer token, and reads every refusal (``account.Scheme``).

    Attributes:
        site: Where tokens may go, and nowhere else.
        mounted: What is mounted; tells the own share from those behind shortcuts.
    """

    # Nothing rotates (see refresh), so that renewing goes on when nothing can be written.
    reusable_refresh: ClassVar[bool] = True

    site: Site
    mounted: FileUri

    @classmethod
    def of(cls, options: CloudreveOptions) -> CloudreveScheme:
        """Make the scheme of a remote."""
        return cls(site=Site.parse(options.address), mounted=place(options))

    def sign(self, call: Call, token: Token | None) -> Call:
        """Add the bearer token; never to content URLs and never for another host.

        Content URLs carry their own signature, and real S3 refuses two credentials (wire §8.1).
        """
        if token is None or not token.access or not self._is_api(call.url):
            return call
        return replace(call, headers={**call.headers, "Authorization": f"Bearer {token.access}"})

    def _is_api(self, url: str) -> bool:
        ours, its = urlsplit(self.site.api("/")), urlsplit(url)
        return (
            (its.scheme, its.netloc) == (ours.scheme, ours.netloc)
            and its.path.startswith(ours.path)
            and not its.path.startswith((f"{ours.path}file/content/", f"{ours.path}slave/"))
        )

    def classify(self, call: Call, answer: Answer, *, signed: bool) -> None:
        """Return for a success, raise what a refusal amounts to; see ``refusals``."""
        failure = refusals.failure(call, answer, signed=signed, mounted=self.mounted)
        if failure is not None:
            raise failure

    async def refresh(self, token: Token, send: Send) -> Token:
        """Return a newer pair of tokens.

        Nothing rotates: the old refresh token stays valid until its own end, so several processes
        may refresh at once; the newest pair is worth keeping, since each begins a new life of 14
        days (wire §4). A refresh never asks for a captcha.

        Raises:
            LoginLost: The refresh token is dead: ended, signed out, or the account's password or
                e-mail was changed.
        """
        if not token.refresh:
            raise LoginLost(
                "the access token has ended and there is no refresh token to renew it",
                advice=LOGIN_AGAIN,
            )
        call = session.refresh_call(self.site, token.refresh)
        answer = await send(call)
        try:
            self.classify(call, answer, signed=False)
        except LoginLost as exc:
            raise LoginLost(
                "the refresh token is no longer taken: it has ended or was signed out, or the "
                "account was blocked or got another password",
                advice=LOGIN_AGAIN,
            ) from exc
        pair = api.read(answer, session.TokenPair, "a renewed login")
        return replaced(token, pair, answer.date)

    async def sign_in(self, credentials: Credentials, send: Send) -> Token:
        """Return a token from what is configured: refresh token, else password, else access token.

        A refresh token goes first: it works where a captcha or a second factor stops a password.

        Raises:
            LoginLost: Refused; or the site wants a captcha or a second factor, which take a person.
        """
        if credentials.refresh_token:
            try:
                return await self.refresh(Token(refresh=credentials.refresh_token), send)
            except LoginLost:
                if not credentials.password:
                    raise
        if credentials.login and credentials.password:
            return await self._with_password(credentials, send)
        if credentials.access_token:
            return with_access_token(credentials.access_token)
        raise LoginLost("there is nothing to sign in with", advice=LOGIN_AGAIN)

    async def _with_password(self, credentials: Credentials, send: Send) -> Token:
        call = session.sign_in_call(self.site, credentials.login, credentials.password)
        answer = await send(call)
        code = refusals.code(answer)
        if code == CAPTCHA_WRONG:
            raise LoginLost(
                "the site asks for a captcha at every sign-in",
                advice=f"{LOGIN_AGAIN}, or give a refresh_token: {WHERE_TO_LOOK}",
            )
        if code == SECOND_FACTOR:
            raise LoginLost(
                "the account wants a second factor",
                advice=f"{LOGIN_AGAIN}, or give a refresh_token: {WHERE_TO_LOOK}",
            )
        self.classify(call, answer, signed=False)
        return signed_in(answer)


def signed_in(answer: Answer) -> Token:
    """Return the token that a successful sign-in brought."""
    data = api.read(answer, session.SignInData, "a sign-in")
    return replaced(Token(), data.token, answer.date)


def replaced(old: Token, pair: TokenPair, date: float) -> Token:
    """Return ``old`` with a new pair; its ends are on the provider's clock, as ``date`` is."""
    return Token(
        access=pair.access_token,
        refresh=pair.refresh_token,
        access_expires_at=_seconds(pair.access_expires, pair.access_token),
        refresh_expires_at=_seconds(pair.refresh_expires, pair.refresh_token),
        issued_at=date,
        extra=old.extra,
    )


def with_access_token(access: str) -> Token:
    """Return a token that cannot be renewed; its life is read from the token itself."""
    claims = _claims(access)
    issued_at = wire.whole(claims.get("nbf"))
    return Token(
        access=access,
        access_expires_at=_seconds(None, access),
        issued_at=float(issued_at or 0),
    )


def _seconds(time: wire.Scalar, token: str) -> float | None:
    moment_ns = wire.time_ns(time)
    if moment_ns is not None:
        return moment_ns / 1e9
    ends = wire.whole(_claims(token).get("exp"))
    return None if ends is None else float(ends)


def _claims(token: str) -> dict[str, Any]:
    # Both tokens are JWTs whose exp and nbf are Unix seconds (wire §4). Nothing is verified: the
    # claims only say when to ask for the next pair.
    parts = token.split(".")
    try:
        body = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (IndexError, ValueError, binascii.Error):
        return {}
    return body if isinstance(body, dict) else {}
