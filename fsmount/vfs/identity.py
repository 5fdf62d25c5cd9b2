"""What makes two looks at a file the same content: versions, and the keys of its blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from fsmount.model import ContentKey

if TYPE_CHECKING:
    from fsmount.model import Entry
    from fsmount.vfs.border import Member


def version_of(entry: Entry) -> str:
    """Return what names the bytes of a file among all that it ever had.

    The provider's version and the listed size; its mtime where it gives no version.
    """
    return f"{entry.version or entry.mtime_ns}.{entry.size}"


def content_key(member: Member, entry: Entry) -> ContentKey:
    """Return the key of the bytes of ``entry``, whose size is known.

    A digest counts only where its provider vouches for it (DESIGN §2, identity): under the digest
    of your file a hostile share can then plant nothing.
    """
    assert entry.size is not None
    if member.domain and entry.digest:
        return ContentKey(member.domain, entry.digest, entry.size)
    return ContentKey(member.identity, f"{entry.id}@{version_of(entry)}", entry.size)


def with_first_mtime(old: Entry, new: Entry) -> Entry:
    """Return ``new`` with the mtime of ``old`` while version and size stay.

    Cloudreve's mtime moves by itself, and a moved mtime makes scanners probe the file again. A
    folder has no version, so its mtime follows the provider.
    """
    if new.is_folder or not new.version or not old.mtime_ns or old.mtime_ns == new.mtime_ns:
        return new
    if version_of(old) != version_of(new):
        return new
    return msgspec.structs.replace(new, mtime_ns=old.mtime_ns)
