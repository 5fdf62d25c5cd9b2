"""From the provider's items to entries: the same shape in own drives, shares and the Open API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from fsmount.drivers import wire
from fsmount.drivers.aliyundrive.options import ROOT
from fsmount.drivers.wire import Scalar
from fsmount.model import Entry, EntryId, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fsmount.drivers.aliyundrive.api import ItemPage

RECYCLE_BIN = "recyclebin"

FROZEN = "frozen"
"""The locator of a file that the provider does not give out any more (wire §6.1)."""

_FROZEN_FLAGS = (2, 103)
_HASH_DIGITS = {"sha1": 40}


class Item(msgspec.Struct, frozen=True, gc=False):
    """A file or folder as listings and info calls describe it; every other key may be missing."""

    file_id: Scalar
    name: str
    type: Scalar
    size: Scalar = None
    updated_at: Scalar = None
    content_hash: Scalar = None
    content_hash_name: Scalar = None
    parent_file_id: Scalar = None
    drive_id: Scalar = None
    status: Scalar = None
    trashed: Scalar = None
    punish_flag: Scalar = None
    thumbnail: Scalar = None

    @property
    def is_folder(self) -> bool:
        """True for a folder."""
        return self.type == "folder"

    @property
    def is_trashed(self) -> bool:
        """True for what lies in the recycle bin; calls by id still answer for it (wire §6.2)."""
        return wire.text(self.parent_file_id) == RECYCLE_BIN or wire.truth(self.trashed)


def fault(item: Item) -> str | None:
    """Return why ``item`` cannot be an entry; None when it can."""
    if not wire.text(item.file_id):
        return "Object with an empty `file_id`"
    if item.type not in ("file", "folder"):
        return f"Object of unknown `type` {wire.text(item.type)[:20]!r}"
    return None


def sorted_out(items: Iterable[Item]) -> tuple[list[Item], list[str]]:
    """Return the items that are entries, and why each of the others is none."""
    good: list[Item] = []
    faults: list[str] = []
    for item in items:
        reason = fault(item)
        if reason is None:
            good.append(item)
        else:
            faults.append(reason)
    return good, faults


def entries(items: Iterable[Item]) -> Sequence[Entry]:
    """Return what a folder shows of ``items``: no uploads under way, nothing in the bin."""
    return [
        entry(item)
        for item in items
        if not item.is_trashed and wire.text(item.status) != "uploading"
    ]


def is_doubtful(folder: Entry, page: ItemPage, cursor: str | None) -> bool:
    """Tell whether ``page`` may be of a folder that is not there any more.

    Whether listing one is refused is not known; taken for an empty folder it would make a mirror
    delete its copy. So whoever lists an empty one asks about the folder itself.
    """
    return cursor is None and not page.items and page.next is None and folder.id != ROOT


def entry(item: Item) -> Entry:
    """Return one entry.

    The hash is the version: the provider computes it, and a rename moves the time but not the hash.
    """
    ident = EntryId(wire.text(item.file_id))
    mtime_ns = wire.time_ns(item.updated_at) or 0
    if item.is_folder:
        return Entry(id=ident, name=item.name, kind=Kind.FOLDER, mtime_ns=mtime_ns)
    size = wire.whole(item.size)
    hashed = digest(item.content_hash, item.content_hash_name)
    return Entry(
        id=ident,
        name=item.name,
        kind=Kind.FILE,
        locator=FROZEN if is_frozen(item.punish_flag) else "",
        size=size if size is not None and size >= 0 else None,
        mtime_ns=mtime_ns,
        version="" if size == 0 else hashed.partition(":")[2],
        digest=hashed,
    )


def digest(value: Scalar, name: Scalar) -> str:
    """Return ``sha1:hex`` of a hash as it came; "" without one, or of a kind that is not known."""
    algorithm = wire.text(name).lower() or "sha1"
    digits = wire.text(value).lower()
    if len(digits) != _HASH_DIGITS.get(algorithm) or set(digits) - set("0123456789abcdef"):
        return ""
    return f"{algorithm}:{digits}"


def is_frozen(flag: Scalar) -> bool:
    """Tell whether a ``punish_flag`` means that the file is not given out (wire §6.1)."""
    return wire.whole(flag) in _FROZEN_FLAGS
