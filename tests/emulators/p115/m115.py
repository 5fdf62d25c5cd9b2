"""The service's side of the cipher m115, under a test key whose private half is known.

Nobody has the private half of the real key, so a client must take another modulus to be answered
here. Source: wire 115 §11.1, vectors V4 and V5 of §11.2.
"""

from __future__ import annotations

import base64
import binascii
import os

MODULUS = int(
    "c7eb8d9a0e0b61080a0079d2b7b27a2cb34344b6b3810ab0c5c3aaa96135760a8fbfed0a9758e3d522e8524f5d462c"
    "bb29da6b7a106a314d5c8d6c215661c1a36eb06e53f21f0f59a6edba054c9b55259eab8fef7cb93b2ebf00c1e259a7"
    "fe084901a1c4ef7ab8aaee9febadb3944d04d1a37885f15fe4b7fcd3877eaf3c3635",
    16,
)
_PRIVATE = int(
    "8fc37c188470fa5de59362077dc202c9923f95722cb36714a7a2855f3860517a56d51588c03d53d9393907b7bac373"
    "f743a9a610292db436858fcd6a4bcc108a48351f76f5ce0aafd1c8a660a607b1c4a2ade0b2f87931d22872d88a9bfe"
    "9117de57ef30717ef02edd33171788fa23726fe411f62fc9078c85376f852b02e71",
    16,
)
_TABLE = bytes.fromhex(
    "f0e569aebfdcbf8a1a45e8be7da673b8de8fe7c445da86c49b648b146ab4f1aa3801359e26692c86006b4fa5363462"
    "a62a966818f24afdbd6b978f4d8f8913b76c8e93ed0e0d483ed72f88d8fefe7e8650954fd1eb832634db667b9c7e9d"
    "7a8132eab633de3aa95934663baaba816048b9d5819cf86c8477ff5478265fbee81e369f34805c452c9b76d51b8fcc"
    "c3b8f5"
)
_CLIENT_KEY = bytes.fromhex("7806ad4c33865d184c013f46")
_BLOCK = 128
_MOST_IN_BLOCK = 117
_SEED = 16


def open_request(text: str) -> tuple[bytes, bytes]:
    """Read what a client sent: its plain text and the key that the answer is made with.

    Raises:
        ValueError: It was made for another modulus, or is no m115 at all.
    """
    try:
        cipher = base64.b64decode(text, validate=True)
    except binascii.Error as exc:
        raise ValueError("not base64") from exc
    if not cipher or len(cipher) % _BLOCK:
        raise ValueError("not whole blocks")
    message = b""
    for start in range(0, len(cipher), _BLOCK):
        number = pow(int.from_bytes(cipher[start : start + _BLOCK], "big"), _PRIVATE, MODULUS)
        block = number.to_bytes(_BLOCK, "big")
        end = block.find(0, 2)
        if block[:2] != b"\0\2" or end < 0:
            raise ValueError("made for another key")
        message += block[end + 1 :]
    seed, rest = message[:_SEED], message[_SEED:]
    return _mixed(_mixed(rest, _CLIENT_KEY)[::-1], _derived(seed, 4)), seed


def seal_answer(plain: bytes, seed: bytes, server_seed: bytes = b"") -> str:
    """Write an answer for the client whose request had this seed."""
    server_seed = server_seed or os.urandom(_SEED)
    mixed = _mixed(plain, _derived(seed, 4))[::-1]
    message = server_seed + _mixed(mixed, _derived(server_seed, 12))
    cipher = b""
    for start in range(0, len(message), _MOST_IN_BLOCK):
        block = message[start : start + _MOST_IN_BLOCK]
        padded = b"\0\2" + b"\xff" * (_BLOCK - 3 - len(block)) + b"\0" + block
        cipher += pow(int.from_bytes(padded, "big"), _PRIVATE, MODULUS).to_bytes(_BLOCK, "big")
    return base64.b64encode(cipher).decode()


def _derived(seed: bytes, size: int) -> bytes:
    last = size - 1
    return bytes(
        ((seed[i] + _TABLE[size * i]) & 255) ^ _TABLE[size * (last - i)] for i in range(size)
    )


def _mixed(data: bytes, key: bytes) -> bytes:
    odd = len(data) % 4
    return bytes(byte ^ key[i if i < odd else (i - odd) % len(key)] for i, byte in enumerate(data))
