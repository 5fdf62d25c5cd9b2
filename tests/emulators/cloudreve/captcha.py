"""Captcha pictures: real PNGs with digits that a person or a test can read.

Source: wire Cloudreve V4 §3 (type `normal`), recordings captcha_get, login_captcha_*.
"""

from __future__ import annotations

import base64
import random
import struct
import zlib

_WIDTH, _HEIGHT, _SCALE = 240, 60, 6
_GLYPHS = (  # five rows of three dots a digit
    ("111 010 111 111 101 111 111 111 111 111"),
    ("101 110 001 001 101 100 100 001 101 101"),
    ("101 010 111 111 111 111 111 010 111 111"),
    ("101 010 100 001 001 001 101 010 101 001"),
    ("111 111 111 111 001 111 111 010 111 111"),
)
_ROWS = [row.split() for row in _GLYPHS]


class Captchas:
    """Tickets and what their pictures show; one ticket, one try."""

    def __init__(self) -> None:
        self._answers: dict[str, str] = {}
        self._random = random.Random()

    def new(self) -> tuple[str, str]:
        """A picture as a data URL, and its ticket."""
        letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
        ticket = "".join(self._random.choices(letters, k=20))
        answer = "".join(self._random.choices("0123456789", k=6))
        self._answers[ticket] = answer
        picture = base64.b64encode(draw(answer)).decode()
        return f"data:image/png;base64,{picture}", ticket

    def answer(self, ticket: str) -> str | None:
        """What the picture of an unused ticket shows; for tests, which cannot see."""
        return self._answers.get(ticket)

    def accept(self, ticket: str, answer: str) -> bool:
        """Whether this is right; upper and lower case do not matter. The ticket is used up."""
        right = self._answers.pop(ticket, None)
        return right is not None and answer.casefold() == right.casefold()


def draw(digits: str) -> bytes:
    """A PNG, 240 by 60 pixels in grey, that shows these digits."""
    rows = [bytearray(b"\xff" * _WIDTH) for _ in range(_HEIGHT)]
    for place, digit in enumerate(digits):
        left = 12 + place * 6 * _SCALE
        for y, row in enumerate(_ROWS):
            for x, dot in enumerate(row[int(digit)]):
                if dot == "1":
                    for line in rows[15 + y * _SCALE : 15 + (y + 1) * _SCALE]:
                        start = left + x * _SCALE
                        line[start : start + _SCALE] = bytes(_SCALE)
    raw = b"".join(b"\0" + bytes(row) for row in rows)
    header = struct.pack(">IIBBBBB", _WIDTH, _HEIGHT, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(raw)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)
