"""Ids of 19 digits and the pickcodes that belong to them.

Source: wire 115 §0.1, §11.4. The letters are what p115pickcode 0.0.5.4 makes of known numbers; of
the ten prefixes an account may have, one for files and one for folders are used.
"""

from __future__ import annotations

import hashlib

# Beyond 2^53, so that a client which takes ids for floats is found out.
_FIRST = 3_000_000_000_000_000_000
_BASE = 36
_FILE = ("a", "h4t9jfsmdigqnew0clr8p2b3z7kya61vxo5u")
_FOLDER = ("fa", "4ht9jfsmdigqnew0clr83p2bz7kya61vxo5u")
# The account's own constant at the end of every pickcode, in base 36.
STABLE_POINT = "0b1c"


def number_of(*parts: object) -> int:
    """The id of something that has a lasting description, so that it outlives a restart."""
    text = "\0".join(str(part) for part in parts)
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return _FIRST + (int.from_bytes(digest, "big") >> 5)


def pickcode_of(number: int, *, is_folder: bool) -> str:
    """The pickcode of a file or folder."""
    prefix, letters = _FOLDER if is_folder else _FILE
    digits = []
    while number:
        number, digit = divmod(number, _BASE)
        digits.append(letters[digit])
    tail = "".join(letters[int(letter, _BASE)] for letter in STABLE_POINT)
    return prefix + "".join(reversed(digits)) + tail


def number_in(pickcode: str) -> int:
    """The id behind a pickcode; raises ValueError for what is none."""
    prefix, letters = _FOLDER if pickcode.startswith(_FOLDER[0]) else _FILE
    body = pickcode.removeprefix(prefix)[: -len(STABLE_POINT)]
    number = 0
    for letter in body:
        number = number * _BASE + letters.index(letter)
    return number
