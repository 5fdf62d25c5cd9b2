"""The server's secret, in generations, so that everything signed so far can be made to expire."""

from __future__ import annotations

import hashlib
import hmac
from enum import Enum


class Verdict(Enum):
    """What a signature is worth."""

    GOOD = "good"
    EXPIRED = "signed before everything was made to expire"
    WRONG = "not ours"


class Keyring:
    """Signs text; `expire_all` turns the present key into an old one.

    The key comes from the server's name, so a restarted emulator honours what it gave out before,
    as a real server does.
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._generation = 0

    def sign(self, text: str) -> bytes:
        """The signature of a text today."""
        return self._signature(text, self._generation)

    def check(self, text: str, signature: bytes) -> Verdict:
        """Whether a signature is good, old or wrong."""
        if hmac.compare_digest(self.sign(text), signature):
            return Verdict.GOOD
        for generation in range(self._generation):
            if hmac.compare_digest(self._signature(text, generation), signature):
                return Verdict.EXPIRED
        return Verdict.WRONG

    def expire_all(self) -> None:
        """Let everything signed so far count as expired."""
        self._generation += 1

    def _signature(self, text: str, generation: int) -> bytes:
        key = f"{self._secret}/{generation}".encode()
        return hmac.new(key, text.encode("utf-8", "surrogateescape"), hashlib.sha256).digest()
