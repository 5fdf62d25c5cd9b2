"""PDS's wire for tokens of users and applications; pure, as ``api``.

Three dialects exist for one answer: a form at ``/v2/oauth/token``, JSON at ``/v2/account/token``
for the vendor's own pages and for JWT applications, and the device flow (wire: PDS §2).
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from fsmount.drivers import wire
from fsmount.drivers.wire import Scalar
from fsmount.errors import ProtocolError, UsageError
from fsmount.model import Call, Token

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fsmount.drivers.pds.options import Domain
    from fsmount.model import Answer

WEB_PAGE = "BasicUI"
"""The application that the vendor's own pages sign in as (wire: PDS §2.1)."""

_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
_ASSERTION_LIFE_S = 300
"""An assertion may live 60 to 300 s (wire: PDS §2.1)."""


class TokenData(msgspec.Struct, frozen=True):
    """The answer of every token call."""

    access_token: str
    refresh_token: Scalar = None
    expires_in: Scalar = None
    expire_time: Scalar = None
    user_name: Scalar = None
    nick_name: Scalar = None


class DeviceData(msgspec.Struct, frozen=True):
    """What a person confirms with a browser elsewhere."""

    device_code: str
    user_code: Scalar = None
    verification_uri: Scalar = None
    interval: Scalar = None


def oauth_call(domain: Domain, form: Mapping[str, str]) -> Call:
    """Ask for a token by a form."""
    return Call(method="POST", url=f"{domain.auth}/v2/oauth/token", form=form)


def refresh_call(domain: Domain, refresh: str, *, client: str, secret: str, jwt: bool) -> Call:
    """Ask for a new token; who gave out the old one decides on the dialect."""
    form = {"grant_type": "refresh_token", "refresh_token": refresh}
    if not client or jwt:
        body = {"app_id": client or WEB_PAGE, **form}
        return Call(method="POST", url=f"{domain.auth}/v2/account/token", json=body)
    more = {"client_secret": secret} if secret else {}
    return oauth_call(domain, {"client_id": client, **more, **form})


def assertion_call(domain: Domain, client: str, assertion: str) -> Call:
    """Ask for a token with an assertion that a JWT application has signed."""
    form = {"grant_type": _JWT_BEARER, "client_id": client, "assertion": assertion}
    return oauth_call(domain, form)


def clock_call(domain: Domain) -> Call:
    """Ask for nothing but the ``Date`` of the answer: an assertion's times are the provider's."""
    return Call(method="GET", url=f"{domain.auth}/")


def authorize_url(domain: Domain, client: str, redirect: str) -> str:
    """Return the page on which a person grants an application access (wire: PDS §2.2)."""
    query = {
        "client_id": client,
        "redirect_uri": redirect,
        "response_type": "code",
        "login_type": "default",
    }
    return f"{domain.auth}/v2/oauth/authorize?{urlencode(query)}"


def code_call(domain: Domain, code: str, *, client: str, secret: str, redirect: str) -> Call:
    """Exchange what that page sent the browser away with."""
    more = {"client_secret": secret} if secret else {}
    form = {
        "grant_type": "authorization_code",
        "client_id": client,
        **more,
        "code": code,
        "redirect_uri": redirect,
    }
    return oauth_call(domain, form)


def device_call(domain: Domain, client: str) -> Call:
    """Begin a sign-in that a person confirms with a browser elsewhere (wire: PDS §2.3)."""
    form = {"client_id": client, "device_name": "fsmount", "login_type": "default"}
    return Call(method="POST", url=f"{domain.auth}/v2/oauth/device_authorization", form=form)


def device_poll_call(domain: Domain, device_code: str, *, client: str, secret: str) -> Call:
    """Ask whether it was confirmed."""
    more = {"client_secret": secret} if secret else {}
    form = {"grant_type": _DEVICE_CODE, "client_id": client, **more, "device_code": device_code}
    return oauth_call(domain, form)


def read_device(answer: Answer) -> DeviceData:
    """Return what a person is shown."""
    return wire.decode(answer.body, DeviceData, "the begin of a sign-in")


def read_token(answer: Answer, old: Token) -> tuple[Token, str]:
    """Return the token of an answer, which may leave the refresh token as it is, and whose it is.

    Its end is on the provider's clock, as the answer's ``Date`` is.
    """
    data = wire.decode(answer.body, TokenData, "a token")
    if not data.access_token:
        raise ProtocolError("a token: `access_token` is empty")
    lives_s, ends_ns = wire.whole(data.expires_in), wire.time_ns(data.expire_time)
    ends_at: float | None = None
    if lives_s is not None:
        ends_at = answer.date + lives_s
    elif ends_ns is not None:
        ends_at = ends_ns / 1e9
    token = Token(
        access=data.access_token,
        refresh=wire.text(data.refresh_token) or old.refresh,
        access_expires_at=ends_at,
        issued_at=answer.date,
        extra=old.extra,
    )
    return token, wire.text(data.nick_name) or wire.text(data.user_name)


def with_access_token(access: str) -> Token:
    """Return a token that cannot be renewed; its end is read from the token itself if it tells."""
    claims = _claims(access)
    ends, issued = wire.whole(claims.get("exp")), wire.whole(claims.get("iat"))
    return Token(
        access=access,
        access_expires_at=None if ends is None else float(ends),
        issued_at=float(issued or 0),
    )


def _claims(token: str) -> dict[str, Any]:
    parts = token.split(".")
    try:
        body = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (IndexError, ValueError, binascii.Error):
        return {}
    return body if isinstance(body, dict) else {}


def assertion(
    domain: Domain, pem: str, *, client: str, user: str, key_id: str, now_s: float
) -> str:
    """Return what a JWT application says of itself, signed RS256 (wire: PDS §2.1).

    Args:
        domain: Whose application it is.
        pem: The private key.
        client: The application's id.
        user: For whom it acts; "" for the domain itself.
        key_id: Which of its keys; "" when it has one.
        now_s: Unix seconds of the provider's clock.

    Raises:
        UsageError: The key cannot be used; says nothing of it.
    """
    head = {"alg": "RS256", "typ": "JWT"} | ({"kid": key_id} if key_id else {})
    claims = {
        "iss": client,
        "sub": user or domain.id,
        "sub_type": "user" if user else "service",
        "aud": domain.id,
        "jti": secrets.token_hex(16),
        "iat": int(now_s),
        "exp": int(now_s) + _ASSERTION_LIFE_S,
        "auto_create": False,
    }
    signed = ".".join(_base64url(json.dumps(part).encode()) for part in (head, claims))
    signature = _key(pem).sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signed}.{_base64url(signature)}"


def _key(pem: str) -> rsa.RSAPrivateKey:
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # Without its cause, which may quote the key; a TypeError is one behind a passphrase.
        raise UsageError(
            "the private key cannot be read",
            advice="private_key_file wants a PEM file without a passphrase",
        ) from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise UsageError("the private key is not of RSA, which PDS wants")
    return key


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
