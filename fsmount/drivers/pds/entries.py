"""From PDS's file objects to entries.

The hash that PDS computed over a file is both its digest and its version. A file without one (a
domain may switch it off) goes by its revision, and by its time where that is not told either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsmount.drivers import wire
from fsmount.model import Entry, EntryId, Kind

if TYPE_CHECKING:
    from fsmount.drivers.pds.api import FileObject

_DIGESTS = ("sha1", "md5", "sha256")


def entry(file: FileObject) -> Entry:
    """Return one entry."""
    ident = EntryId(wire.text(file.file_id))
    mtime_ns = wire.time_ns(file.updated_at) or 0
    if file.is_folder:
        return Entry(id=ident, name=file.name, kind=Kind.FOLDER, mtime_ns=mtime_ns)
    size = wire.whole(file.size)
    return Entry(
        id=ident,
        name=file.name,
        kind=Kind.FILE,
        size=size if size is not None and size >= 0 else None,
        mtime_ns=mtime_ns,
        version=_version(file) if size else "",
        digest=_digest(file),
    )


def _version(file: FileObject) -> str:
    for told in (file.content_hash, file.crc64_hash, file.revision_id, file.updated_at):
        if version := wire.text(told):
            return version.lower()
    return ""


def _digest(file: FileObject) -> str:
    value = wire.text(file.content_hash).lower()
    name = wire.text(file.content_hash_name).lower() or "sha1"
    return f"{name}:{value}" if value and name in _DIGESTS else ""
