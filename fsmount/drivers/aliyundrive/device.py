"""The signature of a device session: recoverable ECDSA over secp256k1 (wire §4).

Since 2023-02 lists and links are refused to a device that has not registered a public key and does
not send a signature of its own name. The signed nonce is never transmitted and clients that live
never change it (wire §4.3), so one signature serves as long as the key does.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Self

APP_ID = "5dde4e1bdf9e4966b387ba58f4b3fdc3"
"""The same for web and phone (wire §4.1)."""

# The number of points of secp256k1 (SEC 2, §2.4.1).
ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141

# Where a token keeps them.
DEVICE_ID, DEVICE_KEY, USER_ID = "device_id", "device_key", "user_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What this host is to the provider, for one account.

    Attributes:
        id: Any unique string; its own, since two programs with one id push each other out.
        key: The private key, 64 hexadecimal digits.
        user_id: Whose account it is.
    """

    id: str
    key: str
    user_id: str

    @classmethod
    def new(cls, user_id: str) -> Self:
        """Make a device that the provider has never seen."""
        key = 1 + secrets.randbelow(ORDER - 1)
        return cls(id=secrets.token_hex(16), key=f"{key:064x}", user_id=user_id)

    @classmethod
    def kept(cls, extra: Mapping[str, str]) -> Self | None:
        """Return the device that a token keeps; None when it keeps none."""
        try:
            return cls(id=extra[DEVICE_ID], key=extra[DEVICE_KEY], user_id=extra[USER_ID])
        except KeyError:
            return None

    @property
    def extra(self) -> dict[str, str]:
        """What a token keeps of it."""
        return {DEVICE_ID: self.id, DEVICE_KEY: self.key, USER_ID: self.user_id}

    @property
    def public_key(self) -> str:
        """The uncompressed point, 130 hexadecimal digits: the valid one of the forms in use."""
        x, y = _point(int(self.key, 16))
        return f"04{x:064x}{y:064x}"

    def signature(self, nonce: int = 0) -> str:
        """Return what goes into ``x-signature``: r, s and the recovery id, 130 digits."""
        return _signature(self.key, message(self.id, self.user_id, nonce))

    def __repr__(self) -> str:
        """Say which, never the key."""
        return f"Device(id={self.id!r})"


def message(device_id: str, user_id: str, nonce: int) -> bytes:
    """Return what is signed."""
    return f"{APP_ID}:{device_id}:{user_id}:{nonce}".encode()


@functools.lru_cache(maxsize=32)
def _signature(key: str, signed: bytes) -> str:
    private = int(key, 16)
    digest = hashlib.sha256(signed).digest()
    number = int.from_bytes(digest)
    for k in _nonces(private, digest):
        x, y = _point(k)
        r = x % ORDER
        s = pow(k, -1, ORDER) * (number + r * private) % ORDER
        # An x beyond the order would need a recovery id that the provider does not know; nobody
        # will ever see one.
        if r != x or not r or not s:
            continue
        recovery = y & 1
        if s > ORDER // 2:  # of the two signatures the low one; the other is the mirrored point's
            s, recovery = ORDER - s, recovery ^ 1
        return f"{r:064x}{s:064x}{recovery:02x}"
    raise AssertionError("the nonces never end")


def _point(scalar: int) -> tuple[int, int]:
    numbers = ec.derive_private_key(scalar, ec.SECP256K1()).public_key().public_numbers()
    return numbers.x, numbers.y


def _nonces(private: int, digest: bytes) -> Iterator[int]:
    """Yield the numbers of RFC 6979 §3.2 for a key and a digest, with HMAC-SHA-256.

    Deterministic, as the vectors are: no random source can give the key away.
    """
    seed = private.to_bytes(32) + (int.from_bytes(digest) % ORDER).to_bytes(32)
    value, key = b"\x01" * 32, bytes(32)
    for step in (b"\x00", b"\x01"):
        key = _hmac(key, value + step + seed)
        value = _hmac(key, value)
    while True:
        value = _hmac(key, value)
        number = int.from_bytes(value)
        if 0 < number < ORDER:
            yield number
        key = _hmac(key, value + b"\x00")
        value = _hmac(key, value)


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, "sha256")
