"""Legal, unique, stable, reversible file names for whatever a remote calls its entries.

Pure. A name is *legal* when Linux and the tools on it take it: not empty, not ``.`` or ``..``, no
``/`` and no NUL, valid UTF-8 of at most 255 bytes. Everything else passes, control characters too.

What is not legal is written with look-alikes, as rclone does it, so that people recognise it::

    /  -> ／ (U+FF0F)      NUL -> ␀ (U+2400)      .  -> ．      .. -> ．．      "" -> ‛∅

A name that has such a look-alike of its own gets the quote ``‛`` (U+201B) before it, and a quote is
doubled: no two names are written alike, and ``original`` undoes it. A lone surrogate becomes ``‛u``
and its four hex digits.

A name that another entry of the folder has, or that is too long, carries a suffix made from its id
before the extension (``film~k3f9x2.mkv``): it depends on nothing but the entry, so it neither moves
nor flips when others come and go.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence

    from fsmount.model import Entry, EntryId

LONGEST = 255
"""Bytes of UTF-8: NAME_MAX of every tool that the name will meet."""

_QUOTE = "‛"
_EMPTY = "‛∅"
_DOTS = {".": "．", "..": "．．"}
_UNDOTS = {shown: name for name, shown in _DOTS.items()}
_LOOKALIKES = {"/": "／", "\0": "␀"}
_REVERSED = {shown: name for name, shown in _LOOKALIKES.items()}
_SPECIAL = re.compile("[/\0／␀‛\ud800-\udfff]")
_QUOTED = re.compile("‛u([0-9a-f]{4})|‛(.)|[／␀]", re.DOTALL)

_SUFFIX_LENGTHS = (6, 10, 16, 32)
"""Characters of base32: 30 bits, and more only when two ids of a folder begin alike."""

_LONGEST_EXTENSION = 16
"""Bytes: what is longer after the last dot is part of the name, not an extension."""


def legal(name: str) -> str:
    """Return ``name`` in legal characters; different names stay different. Its length may be over.

    A name that is legal already, nearly every one, is returned as the same object.
    """
    if not name:
        return _EMPTY
    if name in _DOTS:
        return _DOTS[name]
    if name in _UNDOTS:
        return _QUOTE + name
    if name.isascii() and "/" not in name and "\0" not in name:
        return name
    return _SPECIAL.sub(_written, name)


def original(shown: str) -> str:
    """Return the name that ``legal`` wrote as ``shown``.

    A name with a suffix of ours is not told apart from one that the provider gave: the entry knows.
    """
    if shown == _EMPTY:
        return ""
    return _UNDOTS.get(shown) or _QUOTED.sub(_read, shown)


def _written(found: re.Match[str]) -> str:
    char = found[0]
    if char in _LOOKALIKES:
        return _LOOKALIKES[char]
    if "\ud800" <= char <= "\udfff":
        return f"{_QUOTE}u{ord(char):04x}"
    return _QUOTE + char


def _read(found: re.Match[str]) -> str:
    code, quoted = found[1], found[2]
    if code is not None:
        return chr(int(code, 16))
    return quoted if quoted is not None else _REVERSED[found[0]]


def choose(entry: Entry, taken: Container[str]) -> str:
    """Return the shown name of ``entry`` in a folder where ``taken`` names are in use."""
    name = legal(entry.name)
    if name not in taken and _fits(name):
        return name
    return next(candidate for candidate in _suffixed(name, entry) if candidate not in taken)


def assign(
    entries: Sequence[Entry], kept: Mapping[EntryId, str], taken: Container[str]
) -> list[str]:
    """Return the shown name of each of ``entries``, in order.

    Args:
        entries: Of one folder, each id once; the first seen of equal names keeps the plain one.
        kept: Names that ids carry already and keep.
        taken: Names in use, those of ``kept`` included.
    """
    new: set[str] = set()
    both = Either(taken, new)
    names = []
    for entry in entries:
        name = kept.get(entry.id)
        if name is None:
            name = choose(entry, both)
            new.add(name)
        names.append(name)
    return names


class Either:
    """A container of two."""

    __slots__ = ("_first", "_second")

    def __init__(self, first: Container[str], second: Container[str]) -> None:
        self._first = first
        self._second = second

    def __contains__(self, name: object) -> bool:
        return name in self._first or name in self._second


def _fits(name: str) -> bool:
    # A character takes at most four bytes, so short names are not encoded to be counted.
    return len(name) * 4 <= LONGEST or len(name.encode()) <= LONGEST


def _suffixed(name: str, entry: Entry) -> Iterator[str]:
    """Yield names with ever longer suffixes made from the id; without end."""
    digest = hashlib.sha256(entry.id.encode("utf-8", "surrogatepass")).digest()
    code = base64.b32encode(digest).decode().lower()
    stem, extension = (name, "") if entry.is_folder else _split(name)
    for length in _SUFFIX_LENGTHS:
        yield _joined(stem, f"~{code[:length]}", extension)
    number = 2
    while True:
        yield _joined(stem, f"~{code[: _SUFFIX_LENGTHS[-1]]}-{number}", extension)
        number += 1


def _joined(stem: str, suffix: str, extension: str) -> str:
    room = LONGEST - len(suffix) - len(extension.encode())
    # Cut inside a character, the rest of it is dropped.
    return stem.encode()[:room].decode(errors="ignore") + suffix + extension


def _split(name: str) -> tuple[str, str]:
    stem, dot, extension = name.rpartition(".")
    if not stem.strip(".") or not extension or len(extension.encode()) > _LONGEST_EXTENSION:
        return name, ""
    if stem.endswith(".tar") and len(stem) > len(".tar"):
        return stem[: -len(".tar")], f".tar.{extension}"
    return stem, dot + extension
