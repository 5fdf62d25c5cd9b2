"""The account's own shares, and what it saves from others': the wire, pure as ``api``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from fsmount.drivers import wire
from fsmount.drivers.aliyundrive import api
from fsmount.drivers.aliyundrive.api import call
from fsmount.drivers.wire import Scalar
from fsmount.errors import FsmountError, NotSupported, ProtocolError
from fsmount.model import EntryId, OwnShare, Saving

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fsmount.drivers.aliyundrive.hosts import Hosts
    from fsmount.model import Answer, Call, Entry, SharePass

SHARE_CANARY = "client=web,app=share,version=v2.3.1"
"""Share calls without it are soon refused as too many (wire §B3)."""

MOST_SHARED = 100
"""Files and folders of one share at most (wire §B7)."""

_LONGEST_CODE = 64
_PAGE = 100


class ShareObject(msgspec.Struct, frozen=True):
    """A share as its owner sees it; every other key may be missing."""

    share_id: Scalar
    share_name: Scalar = None
    display_name: Scalar = None
    share_url: Scalar = None
    share_pwd: Scalar = None
    created_at: Scalar = None
    expiration: Scalar = None
    expired: Scalar = None
    status: Scalar = None
    access_count: Scalar = None
    preview_count: Scalar = None
    download_count: Scalar = None


class ShareList(msgspec.Struct, frozen=True):
    """A page of own shares."""

    items: list[msgspec.Raw]
    next_marker: Scalar = None


def create_call(
    hosts: Hosts, drive_id: str, entries: Sequence[Entry], *, name: str, code: str, expiration: str
) -> Call:
    """Share ``entries``; "" for no code and no end."""
    body: dict[str, Any] = {
        "drive_id": drive_id,
        "file_id_list": [entry.id for entry in entries],
        "share_pwd": code,
        "expiration": expiration,
        "description": "",
    }
    if name:
        body["share_name"] = name
    return call(hosts, "/adrive/v2/share_link/create", body)


def list_call(hosts: Hosts, marker: str | None) -> Call:
    """Ask for a page of own shares, the newest first; cancelled ones are not in it."""
    body = {
        "limit": _PAGE,
        "marker": marker or "",
        "order_by": "created_at",
        "order_direction": "DESC",
        "include_canceled": False,
    }
    return call(hosts, "/adrive/v3/share_link/list", body)


def update_call(
    hosts: Hosts, share_id: str, *, name: str | None, code: str | None, expiration: str | None
) -> Call:
    """Change what is not None; what is absent stays as it is."""
    changes = {"share_name": name, "share_pwd": code, "expiration": expiration}
    body = {key: value for key, value in changes.items() if value is not None}
    return call(hosts, "/v2/share_link/update", {"share_id": share_id, **body})


def cancel_call(hosts: Hosts, share_id: str) -> Call:
    """End a share."""
    return call(hosts, "/adrive/v2/share_link/cancel", {"share_id": share_id})


def checked_code(code: str) -> str:
    """Return ``code`` if the provider can take it.

    Raises:
        NotSupported: It cannot.
    """
    if len(code) > _LONGEST_CODE or not all("!" <= character <= "~" for character in code):
        raise NotSupported(
            "the provider takes codes of at most 64 visible ASCII characters",
            advice="the phone app uses 4 letters or digits",
        )
    return code


def expiration(lifetime_s: float | None, date: float) -> str:
    """Return the end of a share that lives ``lifetime_s`` from ``date`` on; "" for none."""
    if lifetime_s is None:
        return ""
    end = datetime.fromtimestamp(date + lifetime_s, UTC)
    return end.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def read_share(answer: Answer) -> OwnShare:
    """Return the share that a call made or changed."""
    return own_share(wire.decode(answer.body, ShareObject, "a share"))


def read_shares(answer: Answer, asked: str | None) -> tuple[list[OwnShare], str | None, list[str]]:
    """Return a page of own shares, the marker of the next one, and why rows were left out."""
    listing = wire.decode_rows(
        answer.body, ShareList, ShareObject, path=("items",), what="the list of shares"
    )
    after = wire.text(listing.document.next_marker) or None
    if after is not None and after == asked:
        raise ProtocolError("the list of shares does not move on")
    return [own_share(row) for row in listing.rows], after, listing.faults


def own_share(share: ShareObject) -> OwnShare:
    """Return a share in our words."""
    ident = wire.text(share.share_id)
    url = wire.text(share.share_url).partition("?")[0].partition(" ")[0]
    return OwnShare(
        id=ident,
        name=wire.text(share.share_name) or wire.text(share.display_name) or ident,
        url=url or f"https://www.alipan.com/s/{ident}",
        code=wire.text(share.share_pwd),
        created_ns=wire.time_ns(share.created_at) or 0,
        expires_ns=wire.time_ns(share.expiration),
        state=_state(share),
        views=_first(share.access_count, share.preview_count),
        downloads=wire.whole(share.download_count),
    )


def _state(share: ShareObject) -> str:
    match wire.text(share.status):
        case "" | "enabled":
            return "expired" if wire.truth(share.expired) else "open"
        case "disabled":
            return "cancelled"
        case other:
            return other


def _first(*values: Scalar) -> int | None:
    numbers = (wire.whole(value) for value in values)
    return next((number for number in numbers if number is not None), None)


# --- saving from a share --------------------------------------------------------------------------


class Copied(msgspec.Struct, frozen=True):
    """The answer to one part of a save: a file is there at once, a folder by and by (wire §B5)."""

    file_id: Scalar = None
    async_task_id: Scalar = None


class Task(msgspec.Struct, frozen=True):
    """How far an asynchronous copy is."""

    state: Scalar
    total_process: Scalar = None
    consumed_process: Scalar = None
    failed_process: Scalar = None


def save_call(
    hosts: Hosts, share: SharePass, entries: Sequence[Entry], drive_id: str, folder: str
) -> Call:
    """Copy ``entries`` of a share into a folder of the own drive."""
    bodies = [
        {
            "share_id": share.id,
            "file_id": entry.id,
            "auto_rename": True,
            "to_drive_id": drive_id,
            "to_parent_file_id": folder,
        }
        for entry in entries
    ]
    headers = {"x-share-token": share.token, "x-canary": SHARE_CANARY}
    return api.batch_call(hosts, "/adrive/v4/batch", "/file/copy", bodies, **headers)


def read_save(answer: Answer, entries: Sequence[Entry]) -> tuple[Saving, list[FsmountError]]:
    """Return what was begun, and the failures of those that were not."""
    tasks: list[str] = []
    saved: list[EntryId] = []
    sentences: list[str] = []
    failures: list[FsmountError] = []
    for entry, part in zip(entries, api.read_batch(answer, len(entries)), strict=True):
        if isinstance(part, FsmountError):
            failures.append(part)
            sentences.append(f'"{entry.name}": {part}')
            continue
        copied = wire.decode(part, Copied, "a saved file") if part != b"null" else Copied()
        if task := wire.text(copied.async_task_id):
            tasks.append(task)
        if ident := wire.text(copied.file_id):
            saved.append(EntryId(ident))
    return Saving(tasks=tasks, saved=saved, failures=sentences), failures


def task_call(hosts: Hosts, task: str) -> Call:
    """Ask how far an asynchronous copy is."""
    return call(hosts, "/v2/async_task/get", {"async_task_id": task})


def read_task(answer: Answer) -> Task:
    """Return how far an asynchronous copy is."""
    return wire.decode(answer.body, Task, "the progress of a copy")
