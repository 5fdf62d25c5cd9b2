"""From Cloudreve's file objects to entries: ids, versions, shortcuts, uploads in progress.

An id is the server's own, except behind a shortcut to a share: there the same file may also be seen
in the drive itself, so its id is ``SHORTCUT.SHARE.ID`` (server ids hold no dot). The chain also
tells a shortcut that leads back to a share it was reached through; that one is left out, or a walk
would never end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsmount.drivers import wire
from fsmount.drivers.cloudreve.api import SHORTCUT, UPLOADING
from fsmount.drivers.cloudreve.uri import SCHEME, FileUri
from fsmount.errors import UsageError
from fsmount.model import Entry, EntryId, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fsmount.drivers.cloudreve.api import FileObject, FilePage

ROOT_ID = EntryId("@root")  # server ids are letters and digits

SINGLE = "#single"
"""Ends the locator of the file of a single-file share.

Each link of such a file counts against the share's downloads (wire §11). The mark is kept with the
entry, so that nobody asks for one ahead of need, after a restart either. No encoded URI holds a
``#`` of its own.
"""


def entries(page: FilePage, folder: Entry, *, mounted: FileUri) -> Iterator[Entry]:
    """Yield what ``folder`` shows of ``page``; uploads in progress and endless shortcuts are not.

    Args:
        page: As the server sent it.
        folder: The listed folder.
        mounted: The place that is mounted.
    """
    nothing = wire.text(page.parent.primary_entity)
    prefix = _prefix_inside(folder, mounted)
    through = {_share_of(mounted), *prefix.split(".")[1::2]}
    for file in page.files:
        if is_placeholder(file, nothing):
            continue
        target = shortcut_target(file)
        if target is not None and target.id in through:
            continue
        yield entry(file, mounted=mounted, prefix=prefix, nothing=nothing, single=page.single)


def entry(
    file: FileObject,
    *,
    mounted: FileUri,
    prefix: str = "",
    nothing: str = "",
    single: bool = False,
) -> Entry:
    """Return one entry.

    Args:
        file: As the server describes it.
        mounted: The place that is mounted.
        prefix: Goes before the id.
        nothing: The id of the empty entity: a constant of the server that is no version (wire §1).
        single: It is the file of a single-file share.
    """
    ident = EntryId(prefix + wire.text(file.id))
    mtime_ns = wire.time_ns(file.updated_at) or 0
    if file.is_folder:
        target = shortcut_target(file)
        # Listing a shortcut itself is refused; one follows its URI (wire §6.3).
        locator = _without_code(file.path, mounted) if target is None else str(target)
        return Entry(id=ident, name=file.name, kind=Kind.FOLDER, locator=locator, mtime_ns=mtime_ns)
    size = wire.whole(file.size)
    version = wire.text(file.primary_entity)
    return Entry(
        id=ident,
        name=file.name,
        kind=Kind.FILE,
        locator=_without_code(file.path, mounted) + (SINGLE if single else ""),
        size=size if size is not None and size >= 0 else None,
        mtime_ns=mtime_ns,
        # No bytes have no version. This also covers the empty entity in answers that do not give
        # its id away, so that stat and list agree.
        version="" if size == 0 or version == nothing else version,
    )


def is_placeholder(file: FileObject, nothing: str) -> bool:
    """Tell whether ``file`` is a new file whose upload is under way.

    The mark alone does not tell: a good file that is getting a new version carries it as well, but
    keeps its own entity (wire §10.4). Without the constant to compare with, a size does.
    """
    if file.is_folder or UPLOADING not in (file.metadata or {}):
        return False
    if nothing:
        return wire.text(file.primary_entity) == nothing
    return wire.whole(file.size) == 0


def shortcut_target(file: FileObject) -> FileUri | None:
    """Return the share that a shortcut leads to; None for anything else."""
    redirect = wire.text((file.metadata or {}).get(SHORTCUT))
    if not file.is_folder or not redirect:
        return None
    try:
        uri = FileUri.parse(redirect)
    except UsageError:
        return None
    return uri if uri.fs == "share" else None


def _without_code(uri: str, mounted: FileUri) -> str:
    """Return ``uri`` without the password of the mounted share, which servers write into it.

    Entries are kept on disk and shown in reports; the driver adds the password when it asks. Of a
    share behind a shortcut it stays: nothing else knows it.
    """
    authority, slash, path = uri.removeprefix(SCHEME).partition("/")
    if not mounted.password or not authority.startswith(f"{mounted.id}:"):
        return uri
    return f"{SCHEME}{mounted.id}@{authority.rpartition('@')[2]}{slash}{path}"


def prefix_of(known: Entry) -> str:
    """Return what goes before the server's own id in the id of ``known``."""
    chain, dot, _ = known.id.rpartition(".")
    return chain + dot


def _prefix_inside(folder: Entry, mounted: FileUri) -> str:
    if folder.id == ROOT_ID:
        return ""
    prefix = prefix_of(folder)
    uri = FileUri.parse(folder.locator)
    if uri.fs != "share":
        return prefix
    # Only a shortcut's locator names another share than the one that it stands in.
    stands_in = prefix.split(".")[-2] if prefix else _share_of(mounted)
    return prefix if uri.id == stands_in else f"{folder.id}.{uri.id}."


def _share_of(mounted: FileUri) -> str:
    # A drive's id is a user's: another space of ids, in which a share's may occur again (wire §1).
    return mounted.id if mounted.fs == "share" else ""
