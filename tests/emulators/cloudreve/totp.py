"""Time-based one-time codes (RFC 6238: SHA-1, six digits, 30 s), as in authenticator apps."""

from __future__ import annotations

import base64
import hmac
import struct

_STEP_S = 30


def code(secret: str, now: float, *, steps: int = 0) -> str:
    """The code of a base32 secret at a time in seconds since 1970, or `steps` codes later."""
    key = base64.b32decode(secret.upper() + "=" * (-len(secret) % 8))
    counter = struct.pack(">Q", int(now // _STEP_S) + steps)
    digest = hmac.new(key, counter, "sha1").digest()
    offset = digest[-1] & 0x0F
    number = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"


def accepts(secret: str, given: str, now: float) -> bool:
    """Whether a code is the present one, or its neighbour, since clocks differ."""
    return any(given == code(secret, now, steps=steps) for steps in (-1, 0, 1))
