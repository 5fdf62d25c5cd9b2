"""What is kept of a folder, and its rows as bytes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from fsmount.model import Entry, Inode

if TYPE_CHECKING:
    from collections.abc import Sequence


class Row(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One entry of a kept folder.

    Attributes:
        inode: Its number in the tree.
        entry: As listed, with its first mtime.
        shown: Its name in the tree; None when it is the provider's own.
        size: Its real size in bytes; None when the listed one was not found wrong.
    """

    inode: Inode
    entry: Entry
    shown: str | None = None
    size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderRecord:
    """What is kept of one folder.

    Attributes:
        rows: In listing order; never changed once handed over.
        complete: They are all there is; else a listing stopped in the middle.
        listed_at_ns: When the listing was asked for, Unix nanoseconds.
        cursor: Where an incomplete listing stopped.
        mtime_ns: Of the folder itself; a root has it from nowhere else.
    """

    rows: Sequence[Row]
    complete: bool
    listed_at_ns: int
    cursor: str | None = None
    mtime_ns: int = 0


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Row])


def encoded(rows: Sequence[Row]) -> bytes:
    """Return ``rows`` as bytes for ``decoded``."""
    try:
        return _encoder.encode(rows)
    except (UnicodeEncodeError, OverflowError):
        # A lone surrogate or a number beyond 64 bits from some provider: JSON can write them. Not
        # as escapes: two halves side by side would be read as the one character that they make.
        text = json.dumps(msgspec.to_builtins(rows), ensure_ascii=False)
        return text.encode("utf-8", "surrogatepass")


def decoded(chunk: bytes) -> list[Row]:
    """Return the rows in ``chunk``; raises what msgspec and json raise when it is damaged."""
    if chunk.startswith(b"["):  # no msgpack array begins so
        return msgspec.convert(json.loads(chunk.decode("utf-8", "surrogatepass")), list[Row])
    return _decoder.decode(chunk)
