"""JSON web tokens that an application signs to speak for a user. Source: PDS §2.1."""

from __future__ import annotations

import base64
import binascii
import functools
import json
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

_KEY_BITS = 2048
_SHORTEST_ID, _LONGEST_ID = 16, 128
_LONGEST_LIFE_S = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """An application's key: the PEM that it keeps, and the half that the domain knows."""

    private_pem: str
    public: rsa.RSAPublicKey


@functools.cache
def key_pair() -> KeyPair:
    """The key of the emulator's application; made once a process, since that takes a while."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return KeyPair(private_pem=pem.decode(), public=private.public_key())


def claims(token: str, *, client_id: str, domain_id: str, now: float) -> dict[str, Any]:
    """What a token claims; raises ValueError that says what is wrong with it."""
    parts = token.split(".")
    if len(parts) != 3:
        raise ValueError("not a JSON web token")
    try:
        header, payload = (json.loads(_decoded(part)) for part in parts[:2])
        signature = _decoded(parts[2])
    except (binascii.Error, UnicodeDecodeError, json.JSONDecodeError):
        raise ValueError("not a JSON web token") from None
    if header.get("alg") != "RS256":
        raise ValueError("alg is not RS256")
    try:
        signed = ".".join(parts[:2]).encode()
        key_pair().public.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        raise ValueError("the signature does not verify") from None
    if payload.get("iss") != client_id or payload.get("aud") != domain_id:
        raise ValueError("iss or aud is another's")
    if payload.get("sub_type") not in ("user", "service"):
        raise ValueError("sub_type is neither user nor service")
    end = payload.get("exp")
    if not isinstance(end, int) or not now < end <= now + _LONGEST_LIFE_S:
        raise ValueError("exp is not within 15 minutes")
    if not _SHORTEST_ID <= len(str(payload.get("jti", ""))) <= _LONGEST_ID:
        raise ValueError("jti has not 16 to 128 characters")
    return payload


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
