"""PDS's wire for files: requests out, typed answers in; pure functions, no I/O.

Every call is a POST of JSON. Whether an answer is a success was settled before
(``auth.classify``); the readers here take successes only and raise ``ProtocolError`` when one is
not what the protocol promises. Unknown keys are ignored (wire: PDS §1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qs, urlsplit

import msgspec

from fsmount.drivers import wire
from fsmount.drivers.wire import Scalar
from fsmount.errors import ProtocolError
from fsmount.model import Call

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fsmount.drivers.pds.options import Domain
    from fsmount.model import Answer

SHARE_TOKEN = "x-share-token"  # noqa: S105 (the name of a header)
"""The header of a share's visitor (wire: PDS §1.1)."""

LINK_ASKED_S = 14400
"""Asked for a link, of 115,200 at most; what it says of its end decides (wire: PDS §6.2)."""

LINK_LEAST_S = 900.0
"""What a link lives when neither the answer nor the URL says (wire: PDS §6.2, the default)."""


def call(domain: Domain, path: str, body: Mapping[str, object], *, share_token: str = "") -> Call:
    """Return the call of ``path`` (``file/list``); ``share_token`` goes along where it is given."""
    headers = {SHARE_TOKEN: share_token} if share_token else {}
    url = f"{domain.endpoint}/v2/{path}"
    return Call(method="POST", url=url, json=dict(body), headers=headers)


# --- listings and files ---------------------------------------------------------------------------


class FileObject(msgspec.Struct, frozen=True, gc=False):
    """A file or folder as listings and ``file/get`` describe it."""

    file_id: Scalar
    name: str
    type: Scalar
    status: Scalar = None
    size: Scalar = None
    updated_at: Scalar = None
    trashed: Scalar = None
    trashed_at: Scalar = None
    content_hash: Scalar = None
    content_hash_name: Scalar = None
    crc64_hash: Scalar = None
    revision_id: Scalar = None

    @property
    def is_folder(self) -> bool:
        """True for a folder; only the type tells, never the name (wire: PDS §6.1)."""
        return self.type == "folder"

    @property
    def is_there(self) -> bool:
        """False for an upload under way and for what lies in the recycle bin."""
        uploading = wire.text(self.status) in ("uploading", "trashed")
        return not (uploading or wire.truth(self.trashed) or wire.text(self.trashed_at))


class ListData(msgspec.Struct, frozen=True):
    """A page of a listing."""

    items: list[msgspec.Raw] = []
    next_marker: Scalar = None


class FilePage(NamedTuple):
    """One page of a listing, as it came: what could be understood, what follows, what was not."""

    files: Sequence[FileObject]
    next: str | None
    faults: Sequence[str]


def list_body(parent: str, *, page_size: int, marker: str | None) -> dict[str, object]:
    """Ask for a page of a folder; the order is always said, the default is by creation (§4)."""
    body: dict[str, object] = {
        "parent_file_id": parent,
        "limit": page_size,
        "order_by": "name",
        "order_direction": "ASC",
    }
    return body | ({"marker": marker} if marker else {})


def read_list(answer: Answer, marker: str | None) -> FilePage:
    """Return the page that ``marker`` brought."""
    listing = wire.decode_rows(answer.body, ListData, FileObject, path=("items",), what="a listing")
    if not listing.raw_count and b'"items"' not in answer.body:
        raise ProtocolError("a listing: `items` is missing")
    following = wire.text(listing.document.next_marker)
    if following and following == marker:
        raise ProtocolError("a listing does not move on: its next page is the same page again")
    rows, faults = [], list(listing.faults)
    for row in listing.rows:
        fault = _fault(row)
        if fault is None:
            rows.append(row)
        else:
            faults.append(fault)
    return FilePage(files=rows, next=following or None, faults=faults)


def _fault(row: FileObject) -> str | None:
    if not wire.text(row.file_id):
        return "Object with an empty `file_id`"
    if row.type not in ("file", "folder"):
        return f"Object of unknown `type` {wire.text(row.type)[:20]!r}"
    return None


def read_file(answer: Answer) -> FileObject:
    """Return what ``file/get`` told."""
    row = wire.decode(answer.body, FileObject, "the details of a file")
    fault = _fault(row)
    if fault is not None:
        raise ProtocolError(f"the details of a file: {fault}")
    return row


# --- links ----------------------------------------------------------------------------------------


class DownloadData(msgspec.Struct, frozen=True):
    """A link and what it leads to. ``internal_url`` and ``cdn_url`` may be unused (wire §6.2)."""

    url: str
    expiration: Scalar = None
    content_hash: Scalar = None


class Download(NamedTuple):
    """A link, the seconds that it lives, and the hash of what it leads to ("" when not told)."""

    url: str
    lifetime_s: float
    content_hash: str


def download_body(file_id: str) -> dict[str, object]:
    """Ask for a link."""
    return {"file_id": file_id, "expire_sec": LINK_ASKED_S}


def read_download(answer: Answer) -> Download:
    """Return a link; its life is counted from the answer's own ``Date``.

    Of the two that tell its end, the answer and the signed URL, the earlier is believed.
    """
    data = wire.decode(answer.body, DownloadData, "the link of a file")
    if not data.url:
        raise ProtocolError("the link of a file: `url` is empty")
    told_ns = wire.time_ns(data.expiration)
    ends = [] if told_ns is None else [told_ns / 1e9]
    query = parse_qs(urlsplit(data.url).query)
    for name in ("Expires", "x-oss-expires"):
        signed = wire.whole(query.get(name, [""])[0])
        if signed is not None:
            ends.append(float(signed))
    lifetime_s = max(0.0, min(ends) - answer.date) if ends else LINK_LEAST_S
    return Download(
        url=data.url,
        lifetime_s=lifetime_s,
        content_hash=wire.text(data.content_hash).lower(),
    )


# --- drives ---------------------------------------------------------------------------------------


class DriveData(msgspec.Struct, frozen=True):
    """A drive; sizes in bytes, ``total_size`` 0 or absent where it has no limit (wire §3)."""

    drive_id: Scalar
    used_size: Scalar = None
    total_size: Scalar = None


def read_drive(answer: Answer) -> DriveData:
    """Return what a drive call told."""
    drive = wire.decode(answer.body, DriveData, "the details of a drive")
    if not wire.text(drive.drive_id):
        raise ProtocolError("the details of a drive: `drive_id` is empty")
    return drive
