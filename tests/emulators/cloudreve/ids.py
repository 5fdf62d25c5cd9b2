"""Hash ids: numbers shown as short strings, salted per server and per kind of object.

Source: wire Cloudreve V4 §1. The strings are opaque to clients; what matters is that they are
short, alphanumeric, stable, and that most invented ones are malformed rather than unknown.
"""

from __future__ import annotations

import hashlib
import random
import string

_ALPHABET = string.ascii_letters + string.digits
_BASE = len(_ALPHABET)
_SHORTEST = 3  # digits before the check digit, so four characters as in the recordings
# Odd and no multiple of 31, hence coprime to every power of 62: multiplying permutes the numbers.
_FACTOR = 2_654_435_761


class IdSpace:
    """The ids of one kind of object ("file", "entity", "share", "user", ...)."""

    def __init__(self, kind: str, salt: str) -> None:
        seed = hashlib.blake2b(f"{salt}/{kind}".encode(), digest_size=8).digest()
        shuffled = list(_ALPHABET)
        generator = random.Random(seed)
        generator.shuffle(shuffled)
        self._alphabet = "".join(shuffled)
        self._offset = generator.randrange(_BASE**_SHORTEST)

    def encode(self, number: int) -> str:
        """The id of this number, which is 0 or more."""
        length = _SHORTEST
        while number >= _BASE**length:
            length += 1
        mixed = (number * _FACTOR + self._offset) % _BASE**length
        digits = []
        for _ in range(length):
            mixed, digit = divmod(mixed, _BASE)
            digits.append(digit)
        digits.append(self._check(digits))
        return "".join(self._alphabet[digit] for digit in digits)

    def decode(self, text: str) -> int:
        """The number behind an id; raises ValueError when no number has this id."""
        try:
            digits = [self._alphabet.index(letter) for letter in text]
        except ValueError:
            raise ValueError(f"malformed id {text!r}") from None
        *body, check = digits or [0]
        if len(body) < _SHORTEST or check != self._check(body):
            raise ValueError(f"malformed id {text!r}")
        modulus = _BASE ** len(body)
        mixed = sum(digit * _BASE**place for place, digit in enumerate(body))
        number: int = (mixed - self._offset) * pow(_FACTOR, -1, modulus) % modulus
        if self.encode(number) != text:
            raise ValueError(f"malformed id {text!r}")
        return number

    def _check(self, digits: list[int]) -> int:
        return sum((place + 7) * (digit + 11) for place, digit in enumerate(digits)) % _BASE


def number_of(*parts: object) -> int:
    """A number for something that has a lasting description, below 2**40.

    Used for what lies in the served directory, so that ids outlive a restart of the emulator and a
    mount's persisted tree still fits.
    """
    text = "\0".join(str(part) for part in parts)
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=5).digest()
    # The first numbers are left to objects that are counted: users, shares, uploads, entity 0.
    return int.from_bytes(digest, "big") | 1 << 24
