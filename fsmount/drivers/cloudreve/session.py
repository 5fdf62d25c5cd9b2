"""Cloudreve's wire for signing in and for what is asked before it; pure, as ``api``.

A sign-in, a second factor and a refresh answer with a pair of tokens; none of them is signed.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Literal

import msgspec

from fsmount.drivers.wire import Scalar
from fsmount.errors import ProtocolError
from fsmount.model import Call

if TYPE_CHECKING:
    from fsmount.drivers.cloudreve.options import Site


class TokenPair(msgspec.Struct, frozen=True):
    """Both tokens and when they end."""

    access_token: str
    refresh_token: str
    access_expires: Scalar = None
    refresh_expires: Scalar = None


class User(msgspec.Struct, frozen=True):
    """Who signed in."""

    nickname: Scalar = None
    email: Scalar = None


class SignInData(msgspec.Struct, frozen=True):
    """The answer to a sign-in."""

    token: TokenPair
    user: User | None = None


class LoginConfig(msgspec.Struct, frozen=True):
    """Site settings; a flag that is off is left out (wire §2)."""

    login_captcha: Scalar = None


class BasicConfig(msgspec.Struct, frozen=True):
    """Site settings."""

    captcha_type: Scalar = None


class Captcha(msgspec.Struct, frozen=True):
    """A picture as a data URL, and the ticket that goes along with what it says."""

    image: str
    ticket: str


def sign_in_call(
    site: Site, email: str, password: str, *, captcha: str = "", ticket: str = ""
) -> Call:
    """Sign in with a password."""
    body = {"email": email, "password": password}
    if ticket:
        body |= {"captcha": captcha, "ticket": ticket}
    return Call(method="POST", url=site.api("/session/token"), json=body)


def second_factor_call(site: Site, otp: str, session: str) -> Call:
    """Finish a sign-in that wants a second factor."""
    body = {"otp": otp, "session_id": session}
    return Call(method="POST", url=site.api("/session/token/2fa"), json=body)


def refresh_call(site: Site, refresh_token: str) -> Call:
    """Ask for a new pair of tokens."""
    body = {"refresh_token": refresh_token}
    return Call(method="POST", url=site.api("/session/token/refresh"), json=body)


def sign_out_call(site: Site, refresh_token: str) -> Call:
    """End the whole family of tokens that descends from one sign-in (wire §4)."""
    body = {"refresh_token": refresh_token}
    return Call(method="DELETE", url=site.api("/session/token"), json=body)


def config_call(site: Site, section: Literal["basic", "login"]) -> Call:
    """Ask for a section of the site's settings."""
    return Call(method="GET", url=site.api(f"/site/config/{section}"))


def captcha_call(site: Site) -> Call:
    """Ask for a picture to read."""
    return Call(method="GET", url=site.api("/site/captcha"))


def ping_call(address: str, version: Literal[3, 4]) -> Call:
    """Ask a site for its version."""
    return Call(method="GET", url=f"{address}/api/v{version}/site/ping")


def picture(captcha: Captcha) -> bytes:
    """Return the picture of a captcha.

    Raises:
        ProtocolError: It is not a data URL in base64.
    """
    head, _, data = captcha.image.partition(",")
    if not head.startswith("data:image/") or not head.endswith(";base64"):
        raise ProtocolError("the captcha is not a picture")
    try:
        return base64.b64decode(data)
    except binascii.Error as exc:
        raise ProtocolError("the captcha's picture is broken") from exc
