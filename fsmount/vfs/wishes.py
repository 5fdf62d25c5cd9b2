"""What people want kept, and what of it fits into the cache. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fsmount.cache.buffers import BLOCK
from fsmount.cache.inventory import MAX_RECORDS
from fsmount.cache.records import charge_of_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fsmount.model import ContentKey

_SHARE = 0.9
"""Of the disk budget may be pinned: what is read beside needs a place for a while."""


@dataclass(slots=True, kw_only=True)
class Wish:
    """How far one wish has come.

    Attributes:
        path: As a person named it; "" for everything.
        state: ``waiting``, ``listing``, ``fetching``, ``kept``, ``failed`` or ``refused``.
        files: How many it came to.
        total: Their bytes.
        kept: Those of them that are on disk.
        reasons: What failed, a sentence each, some only.
        accepted: It did fit once, so it stays.
        due: When to work on it next, trio's clock.
    """

    path: str
    state: str = "waiting"
    files: int = 0
    total: int = 0
    kept: int = 0
    reasons: list[str] = field(default_factory=list)
    accepted: bool = True
    due: float = 0.0

    def told(self) -> dict[str, object]:
        """Return it as plain data."""
        return {
            "path": self.path,
            "state": self.state,
            "files": self.files,
            "bytes": self.total,
            "kept": self.kept,
            "reasons": list(self.reasons),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How much may be pinned.

    Attributes:
        size: Bytes, as the disk budget counts.
        pieces: Records.
    """

    size: int
    pieces: int = int(MAX_RECORDS * _SHARE)

    @classmethod
    def within(cls, limit: int) -> Room:
        """Return the room in a cache whose blocks may take ``limit`` bytes."""
        return cls(size=int(limit * _SHARE))

    def refusal(
        self, path: str, wanted: Iterable[ContentKey], beside: Iterable[ContentKey]
    ) -> str | None:
        """Return why the contents ``wanted`` at ``path`` do not fit ``beside`` others; or None."""
        others = set(beside)
        own = set(wanted) - others
        taken = sum(charge_of_file(key.size) for key in others)
        needed = sum(charge_of_file(key.size) for key in own)
        name = path or "/"
        if needed > self.size - taken:
            return (
                f'"{name}" does not fit: it needs {_size(needed)}, and of the {_size(self.size)} '
                f"that may be pinned {_size(taken)} are taken; {_ADVICE}"
            )
        pieces = sum(map(_pieces, others | own))
        if pieces > self.pieces:
            return (
                f'"{name}" does not fit: pinned files would be in {pieces} pieces, and '
                f"{self.pieces} are the most"
            )
        return None

    def fitting(
        self, wanted: Mapping[str, ContentKey], beside: Iterable[ContentKey] = ()
    ) -> dict[str, ContentKey]:
        """Return those of the files ``wanted``, by path and in order, that fit ``beside`` others.

        For what did fit once: after a larger budget came a smaller one.
        """
        taken = set(beside)
        size = sum(charge_of_file(key.size) for key in taken)
        pieces = sum(map(_pieces, taken))
        found: dict[str, ContentKey] = {}
        for path, key in wanted.items():
            if key not in taken:
                size, pieces = size + charge_of_file(key.size), pieces + _pieces(key)
                if size > self.size or pieces > self.pieces:
                    size, pieces = size - charge_of_file(key.size), pieces - _pieces(key)
                    continue
                taken.add(key)
            found[path] = key
        return found


_ADVICE = "mount with a larger cache=SIZE, or unpin something"


def left_out(wanted: Mapping[str, ContentKey], fits: Mapping[str, ContentKey], room: Room) -> str:
    """Return the sentence for the files ``wanted`` of which only some fit."""
    size = sum(charge_of_file(key.size) for key in set(wanted.values()) - set(fits.values()))
    count = len(wanted) - len(fits)
    return (
        f"{count} of {len(wanted)} files ({_size(size)}) are not kept: no more than "
        f"{_size(room.size)} may be pinned now; {_ADVICE}"
    )


def is_at_or_below(path: str, top: str) -> bool:
    """Tell whether ``path`` is ``top`` or lies in it; "" is above everything."""
    return not top or path == top or path.startswith(f"{top}/")


def _pieces(key: ContentKey) -> int:
    return -(-key.size // BLOCK)


def _size(count: int) -> str:
    return f"{count / 1024**3:.1f} GiB" if count >= 1024**3 else f"{count / 1024**2:.1f} MiB"
