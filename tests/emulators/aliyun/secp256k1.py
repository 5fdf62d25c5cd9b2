"""The curve secp256k1, just enough to say whether a recoverable signature is good.

Written out in integers, so that what is checked was not made by the library that checks it.
"""

from __future__ import annotations

import hashlib

_P = 2**256 - 2**32 - 977
_N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_G = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)
Point = tuple[int, int]


def verifies(public: Point, message: bytes, signature: bytes) -> bool:
    """Whether r, s and the recovery id (65 bytes) sign SHA-256 of the message, with a low s."""
    if len(signature) != 65 or not on_curve(public):
        return False
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    if not (0 < r < _N and 0 < s <= _N // 2):
        return False
    digest = int.from_bytes(hashlib.sha256(message).digest(), "big")
    inverse = pow(s, -1, _N)
    point = _sum(_times(_G, digest * inverse % _N), _times(public, r * inverse % _N))
    return point is not None and point[0] % _N == r and signature[64] == point[1] & 1


def public_key(text: str) -> Point:
    """The point of a key in hex; raises ValueError.

    Taken are 04 X Y, X Y, and the malformed 04 02|03 X that one client sends (Aliyundrive §4.1).
    """
    data = bytes.fromhex(text)
    if len(data) == 65 and data[0] == 4:
        data = data[1:]
    if len(data) == 64:
        point = (int.from_bytes(data[:32], "big"), int.from_bytes(data[32:], "big"))
    elif len(data) == 34 and data[0] == 4 and data[1] in (2, 3):
        x = int.from_bytes(data[2:], "big")
        y = pow(x**3 + 7, (_P + 1) // 4, _P)
        point = (x, y if y & 1 == data[1] & 1 else _P - y)
    else:
        raise ValueError("not a public key")
    if not on_curve(point):
        raise ValueError("not a point of the curve")
    return point


def on_curve(point: Point) -> bool:
    """Whether a point is one of the curve."""
    x, y = point
    return 0 <= x < _P and 0 <= y < _P and (y * y - x**3 - 7) % _P == 0


def _sum(a: Point | None, b: Point | None) -> Point | None:
    if a is None or b is None:
        return a or b
    if a[0] == b[0]:
        if (a[1] + b[1]) % _P == 0:
            return None
        slope = 3 * a[0] * a[0] * pow(2 * a[1], -1, _P) % _P
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, _P) % _P
    x = (slope * slope - a[0] - b[0]) % _P
    return x, (slope * (a[0] - x) - a[1]) % _P


def _times(point: Point, factor: int) -> Point | None:
    total: Point | None = None
    addend: Point | None = point
    while factor:
        if factor & 1:
            total = _sum(total, addend)
        addend = _sum(addend, addend)
        factor >>= 1
    return total
