"""115 Open's wire for signing in; pure, as ``api``. None of these calls is signed."""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import TYPE_CHECKING

import msgspec

from fsmount.drivers import wire
from fsmount.drivers.p115 import hosts
from fsmount.drivers.wire import Scalar
from fsmount.errors import ProtocolError
from fsmount.model import Call

if TYPE_CHECKING:
    from fsmount.drivers.p115.hosts import Hosts

EXPIRED, CANCELLED, WAITING, SCANNED, CONFIRMED = -1, -2, 0, 1, 2
"""What a QR code's status says (wire: 115 §3.1)."""

LIFETIME_S = 7200
"""Of an access token that does not tell its own (wire: 115 §10.1)."""


_HELD_S = 40.0
"""The service holds the status of a code back for some 30 s (wire: 115 §3.1)."""

_NOT_TO_BE_LOST_S = 40.0
"""The answer is the only copy of a token that works once; ``account.refresher`` waits for 45 s."""


class TokenPair(msgspec.Struct, frozen=True):
    """Both tokens, and the seconds that the first lives."""

    access_token: str
    refresh_token: str = ""
    expires_in: Scalar = None

    @property
    def lifetime_s(self) -> int:
        """Seconds that the access token lives."""
        told = wire.whole(self.expires_in)
        return told if told is not None and told > 0 else LIFETIME_S


class DeviceCode(msgspec.Struct, frozen=True):
    """A QR code on show."""

    uid: Scalar
    time: Scalar
    sign: Scalar
    qrcode: str = ""

    @property
    def text(self) -> str:
        """What to draw."""
        return self.qrcode or f"https://115.com/scan/dg-{wire.text(self.uid)}"


class QrStatus(msgspec.Struct, frozen=True):
    """How far a person is with the QR code; empty when a long poll ran out (wire: 115 §3.1)."""

    status: Scalar = None


class QrAnswer(msgspec.Struct, frozen=True):
    """The status, or nothing in one of several spellings."""

    data: QrStatus | list[object] | None = None


def new_verifier() -> str:
    """Return the secret of one sign-in, of which only the digest is sent ahead (PKCE)."""
    return secrets.token_urlsafe(64)  # 86 characters; 43 to 128 are taken


def challenge(verifier: str) -> str:
    """Return the digest of a verifier, in *standard* base64 (wire: 115 §10.1)."""
    return base64.b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).decode("ascii")


def device_code_call(where: Hosts, client_id: str, verifier: str) -> Call:
    """Ask for a QR code."""
    form = {
        "client_id": client_id,
        "code_challenge": challenge(verifier),
        "code_challenge_method": "sha256",
    }
    return Call(method="POST", url=where.url(hosts.PASSPORT, "/open/authDeviceCode"), form=form)


def status_call(where: Hosts, code: DeviceCode) -> Call:
    """Ask whether the QR code was scanned; the service holds the answer back for half a minute."""
    params = {
        "uid": wire.text(code.uid),
        "time": wire.text(code.time),
        "sign": wire.text(code.sign),
    }
    return Call(
        method="GET", url=where.url(hosts.QR, "/get/status/"), params=params, within_s=_HELD_S
    )


def token_call(where: Hosts, code: DeviceCode, verifier: str) -> Call:
    """Ask for the tokens of a QR code that was confirmed."""
    form = {"uid": wire.text(code.uid), "code_verifier": verifier}
    return Call(
        method="POST",
        url=where.url(hosts.PASSPORT, "/open/deviceCodeToToken"),
        form=form,
        within_s=_NOT_TO_BE_LOST_S,
    )


def refresh_call(where: Hosts, refresh_token: str) -> Call:
    """Ask for a new pair of tokens; it uses up ``refresh_token``."""
    return Call(
        method="POST",
        url=where.url(hosts.PASSPORT, "/open/refreshToken"),
        form={"refresh_token": refresh_token},
        within_s=_NOT_TO_BE_LOST_S,
    )


def checked(pair: TokenPair) -> TokenPair:
    """Return ``pair`` if it can sign anything.

    Raises:
        ProtocolError: The access token is empty.
    """
    if not pair.access_token:
        raise ProtocolError("a token: Object with an empty `access_token`")
    return pair
