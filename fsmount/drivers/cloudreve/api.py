"""Cloudreve's wire: requests out, typed answers in; pure functions, no I/O.

Whether an answer is a success was settled before (``auth.classify``); the readers here take
successes only and raise ``ProtocolError`` when one is not what the protocol promises. Fields that
are unknown are ignored: newer servers add them, and servers of 2025-06 put other objects'
``extended_info`` and ``folder_summary`` into answers (wire: Cloudreve V4 §6.2.4).
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import msgspec

from fsmount.drivers import wire
from fsmount.drivers.wire import Scalar
from fsmount.errors import ProtocolError
from fsmount.model import Call

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fsmount.drivers.cloudreve.options import Site
    from fsmount.model import Answer

Data = TypeVar("Data")

FOLDER = 1
UPLOADING = "sys:upload_session_id"
SHORTCUT = "sys:shared_redirect"


# --- the envelope ---------------------------------------------------------------------------------


class InnerEnvelope(msgspec.Struct, frozen=True):
    """One refused part of a batch call."""

    code: Scalar = None
    msg: Scalar = None
    correlation_id: Scalar = None


class Envelope(msgspec.Struct, frozen=True):
    """What is around every answer, its data left undecoded."""

    code: Scalar
    msg: Scalar = None
    correlation_id: Scalar = None
    aggregated_error: dict[str, InnerEnvelope] | None = None


class Success(msgspec.Struct, Generic[Data], frozen=True):
    """An envelope whose data is wanted."""

    data: Data


def read(answer: Answer, kind: type[Data], what: str) -> Data:
    """Return the data of a successful answer as ``kind``."""
    return wire.decode(answer.body, Success[kind], what).data  # type: ignore[valid-type]


# --- listings and files ---------------------------------------------------------------------------


class FileObject(msgspec.Struct, frozen=True, gc=False):
    """A file or folder as listings and info calls describe it."""

    type: Scalar
    id: Scalar
    name: str
    path: str
    size: Scalar = None
    updated_at: Scalar = None
    metadata: dict[str, Scalar] | None = None
    primary_entity: Scalar = None

    @property
    def is_folder(self) -> bool:
        """True for a folder."""
        return wire.whole(self.type) == FOLDER


class Parent(msgspec.Struct, frozen=True):
    """The listed folder itself; a zero object in the trash."""

    updated_at: Scalar = None
    primary_entity: Scalar = None


class Pagination(msgspec.Struct, frozen=True):
    """Where a page stands: by cursor, or by number where the administrator wants that."""

    page: Scalar = None
    page_size: Scalar = None
    next_token: Scalar = None
    is_cursor: Scalar = None
    total_items: Scalar = None


class ListData(msgspec.Struct, frozen=True):
    """The data of a listing."""

    files: list[msgspec.Raw] = []
    parent: Parent | None = None
    pagination: Pagination = Pagination()
    single_file_view: Scalar = None


class Position(NamedTuple):
    """The place of a page in a listing: a token, or a page number. The first has neither."""

    token: str = ""
    page: int = 0

    @classmethod
    def parse(cls, cursor: str | None) -> Position:
        """Read what ``str`` wrote; None is the first page."""
        mode, _, value = (cursor or "").partition(":")
        if mode == "token":
            return cls(token=value)
        return cls(page=int(value)) if mode == "page" and value.isdecimal() else cls()

    def __str__(self) -> str:
        return f"token:{self.token}" if self.token else f"page:{self.page}"


class FilePage(NamedTuple):
    """One page of a listing, as it came.

    Attributes:
        files: What could be understood, in order.
        parent: The listed folder.
        next: The page after this one; None on the last.
        shorter: The size with which to ask this page again, because the server would lose files
            behind it; None when it would not.
        single: The page is the whole of a single-file share.
        faults: Why rows were left out.
    """

    files: Sequence[FileObject]
    parent: Parent
    next: Position | None
    shorter: int | None
    single: bool
    faults: Sequence[str]


def list_call(site: Site, uri: str, *, page_size: int, position: Position) -> Call:
    """Ask for a page of a folder.

    Size, order and direction always go along: what is left out is taken from whatever request came
    last, of any user (wire §6.2.3). By name, ascending, is the order that no server breaks (§6.2).
    """
    params = {
        "uri": uri,
        "page_size": str(page_size),
        "order_by": "name",
        "order_direction": "asc",
    }
    if position.token:
        params["next_page_token"] = position.token
    elif position.page:
        params["page"] = str(position.page)
    return Call(method="GET", url=site.api("/file"), params=params)


def read_list(answer: Answer, position: Position) -> FilePage:
    """Return the page that ``position`` brought.

    The answer, not the question, says which kind of paging is on: when it was switched meanwhile,
    the listing starts anew in the other kind and no entry is lost.
    """
    listing = wire.decode_rows(
        answer.body, Success[ListData], FileObject, path=("data", "files"), what="a listing"
    )
    data, rows, faults = listing.document.data, [], list(listing.faults)
    for row in listing.rows:
        fault = _fault(row)
        if fault is None:
            rows.append(row)
        else:
            faults.append(fault)
    after = _after(data.pagination, position, listing.raw_count)
    return FilePage(
        files=rows,
        parent=data.parent or Parent(),
        next=None if wire.truth(data.single_file_view) else after,
        shorter=_shorter(after, rows, listing.raw_count),
        single=wire.truth(data.single_file_view),
        faults=faults,
    )


def _fault(row: FileObject) -> str | None:
    if not wire.text(row.id):
        return "Object with an empty `id`"
    if wire.whole(row.type) not in (0, FOLDER):
        return f"Object of unknown `type` {wire.text(row.type)[:20]!r}"
    return None if row.path else "Object with an empty `path`"


def _after(pagination: Pagination, asked: Position, count: int) -> Position | None:
    token = wire.text(pagination.next_token)
    if token:
        if token == asked.token:
            raise ProtocolError("a listing does not move on: its next page is the same page again")
        return Position(token=token)
    if wire.truth(pagination.is_cursor) or count == 0:
        return None
    # By number: no is_cursor, no token, but a total (wire §6.1). Without a total a page that is not
    # full is the last.
    page = wire.whole(pagination.page)
    page = asked.page if page is None else page
    size = wire.whole(pagination.page_size) or 0
    total = wire.whole(pagination.total_items)
    more = (page + 1) * size < total if total is not None else 0 < size <= count
    return Position(page=page + 1) if more else None


def _shorter(after: Position | None, files: Sequence[FileObject], count: int) -> int | None:
    """Return how many entries to ask instead, where files would be lost at this page's border.

    When the last folder of all ends a page, the token says ``start_with_file`` but carries that
    folder as its cursor, and files that sort before it never come (wire §6.2.1). Any other border
    is sound; one entry less moves it (one more where the page holds a single one). Folders come
    first, so a page that holds a file does not end with a folder.
    """
    if after is None or not _starts_with_file(after.token):
        return None
    if count == 0 or not all(file.is_folder for file in files):
        return None
    return count - 1 if count > 1 else 2


def _starts_with_file(token: str) -> bool:
    try:
        decoded = json.loads(base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_"))
    except (ValueError, binascii.Error):
        return False  # opaque after all
    return isinstance(decoded, dict) and bool(decoded.get("start_with_file"))


def info_call(site: Site, uri: str) -> Call:
    """Ask about one file or folder; roots cannot be asked (403, wire §7)."""
    return Call(method="GET", url=site.api("/file/info"), params={"uri": uri})


def read_info(answer: Answer) -> FileObject:
    """Return what an info call told."""
    row = read(answer, FileObject, "the details of a file")
    fault = _fault(row)
    if fault is not None:
        raise ProtocolError(f"the details of a file: {fault}")
    return row


# --- links ----------------------------------------------------------------------------------------


class UrlObject(msgspec.Struct, frozen=True):
    """One link; ``url`` is empty for a file that was skipped."""

    url: str = ""


class UrlData(msgspec.Struct, frozen=True):
    """Links in the order asked, and when the first of them ends."""

    urls: list[UrlObject] | None = None
    expires: Scalar = None


class Urls(NamedTuple):
    """Links in the order asked ("" for none), and the seconds that all of them live."""

    urls: Sequence[str]
    lifetime_s: float | None


def url_call(site: Site, uris: Sequence[str], *, fresh: bool, skip_error: bool) -> Call:
    """Ask for links; ``fresh`` for ones that the server has not cached (wire §8)."""
    body: dict[str, Any] = {"uris": list(uris), "download": True}
    if fresh:
        body["no_cache"] = True
    if skip_error:
        body["skip_error"] = True
    return Call(method="POST", url=site.api("/file/url"), json=body)


def read_urls(answer: Answer, count: int) -> Urls:
    """Return ``count`` links; their life is counted from the answer's own ``Date``."""
    data = read(answer, UrlData, "the links of files")
    urls = [each.url for each in data.urls or ()]
    if len(urls) != count:
        raise ProtocolError(f"the links of files: {len(urls)} came for {count} files")
    return Urls(urls=urls, lifetime_s=lifetime_s(data.expires, answer))


def lifetime_s(expires: Scalar, answer: Answer) -> float | None:
    """Return the seconds that a link lives, counted from the ``Date`` of the answer with it."""
    expires_ns = wire.time_ns(expires)
    return None if expires_ns is None else max(0.0, expires_ns / 1e9 - answer.date)
