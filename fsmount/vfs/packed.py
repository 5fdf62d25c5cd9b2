"""A file's entry in as few bytes as it can have.

A tree of a million entries has most of them in memory only to show their names and sizes: as an
object with seven values of its own an entry takes some 450 bytes, packed some 100. What its folder
says as well is left out: the beginning of a locator that is a path, and a name that is the shown
one.

What is asked of every entry at each listing (size, time, id, name) is had without the rest.
"""

from __future__ import annotations

import struct

from fsmount.model import Entry, EntryId, Kind

_HEADER = struct.Struct("<qqB")
"""mtime, size and flags; then the texts, id first."""

_RELATIVE = 1  # the locator begins as that of the folder, and that is left out
_OWN_NAME = 2  # the provider's name is another than the shown one, and comes last
_NO_SIZE = 4
_BETWEEN = "\0"
_TEXTS = 4


def pack(entry: Entry, name: str, above: str) -> bytes | Entry:
    """Return ``entry`` of a file for ``unpack``; the entry itself when it cannot be packed.

    Args:
        entry: As listed.
        name: That it is shown by.
        above: The locator of its folder.
    """
    locator, flags, texts = entry.locator, 0, _TEXTS
    if above and locator.startswith(above):
        locator, flags = locator[len(above) :], _RELATIVE
    text = f"{entry.id}\0{entry.version}\0{entry.digest}\0{locator}"
    if entry.name != name:
        text, flags, texts = f"{text}\0{entry.name}", flags | _OWN_NAME, _TEXTS + 1
    if text.count(_BETWEEN) != texts - 1:
        return entry
    size = entry.size
    if size is None:
        size, flags = 0, flags | _NO_SIZE
    try:
        return _HEADER.pack(entry.mtime_ns, size, flags) + text.encode()
    except (UnicodeEncodeError, struct.error):
        return entry  # a lone surrogate, or a number beyond 64 bits


def unpack(packed: bytes, name: str, above: str) -> Entry:
    """Return what ``pack`` was given with the same ``name`` and ``above``."""
    mtime_ns, size, flags = _HEADER.unpack_from(packed)
    id_, version, digest, locator, *own = packed[_HEADER.size :].decode().split(_BETWEEN)
    return Entry(
        id=EntryId(id_),
        name=own[0] if own else name,
        kind=Kind.FILE,
        locator=above + locator if flags & _RELATIVE else locator,
        size=None if flags & _NO_SIZE else size,
        mtime_ns=mtime_ns,
        version=version,
        digest=digest,
    )


def id_in(packed: bytes) -> EntryId:
    """Return the id of a packed entry."""
    return EntryId(packed[_HEADER.size : packed.index(0, _HEADER.size)].decode())


def name_in(packed: bytes, name: str) -> str:
    """Return the provider's name of a packed entry that is shown as ``name``."""
    if packed[_HEADER.size - 1] & _OWN_NAME:
        return packed[packed.rindex(0) + 1 :].decode()
    return name


def measures_in(packed: bytes) -> tuple[int, int | None]:
    """Return the mtime, Unix nanoseconds, and the size of a packed entry."""
    mtime_ns, size, flags = _HEADER.unpack_from(packed)
    return mtime_ns, None if flags & _NO_SIZE else size
