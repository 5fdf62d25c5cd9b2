"""The provider's web and phone API: requests out, typed answers in; pure functions, no I/O.

Whether an answer is a success was settled before (``auth.classify``); the readers here take
successes only and raise ``ProtocolError`` when one is not what the protocol promises. Every call
is a POST with a JSON body (wire §1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from fsmount.drivers import wire
from fsmount.drivers.aliyundrive import entries, refusals
from fsmount.drivers.aliyundrive.entries import Item
from fsmount.drivers.aliyundrive.hosts import API, AUTH, Hosts
from fsmount.drivers.aliyundrive.links import LONGEST_S
from fsmount.drivers.wire import Scalar
from fsmount.errors import FsmountError, ProtocolError
from fsmount.model import Call, EntryId, FolderSize, Space

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fsmount.model import Answer

CREATE_SESSION = "/users/v1/users/device/create_session"

_PICTURES = {
    "image_thumbnail_process": "image/resize,w_400/format,jpeg",
    "video_thumbnail_process": "video/snapshot,t_0,f_jpg,ar_auto,w_300",
}


def call(hosts: Hosts, path: str, body: dict[str, Any], **headers: str) -> Call:
    """Return a call of the API."""
    return Call(method="POST", url=hosts.url(API, path), json=body, headers=headers)


# --- the account ----------------------------------------------------------------------------------


class TokenAnswer(msgspec.Struct, frozen=True):
    """What a refresh brings."""

    access_token: str
    refresh_token: str
    expires_in: Scalar = None
    user_id: Scalar = None
    nick_name: Scalar = None
    user_name: Scalar = None


class UserAnswer(msgspec.Struct, frozen=True):
    """Who the account is, and its drives."""

    default_drive_id: Scalar
    user_id: Scalar = None
    resource_drive_id: Scalar = None
    backup_drive_id: Scalar = None

    def drive_id(self, drive: str) -> str:
        """Return the id of ``drive``; "" where the account has none.

        The backup drive was once the only one; older accounts know it as the default (wire §5).
        """
        match drive:
            case "resource":
                return wire.text(self.resource_drive_id)
            case "backup":
                return wire.text(self.backup_drive_id) or wire.text(self.default_drive_id)
            case _:
                return wire.text(self.default_drive_id)


class SpaceData(msgspec.Struct, frozen=True):
    """Bytes of the account, all drives together."""

    used_size: Scalar
    total_size: Scalar


class SpaceAnswer(msgspec.Struct, frozen=True):
    """What the account may hold."""

    personal_space_info: SpaceData


class SessionAnswer(msgspec.Struct, frozen=True):
    """Whether a device session was made."""

    result: Scalar = None


def refresh_call(hosts: Hosts, refresh_token: str) -> Call:
    """Ask for a new pair of tokens; the old refresh token is dead afterwards (wire §3)."""
    body = {"refresh_token": refresh_token, "grant_type": "refresh_token"}
    return Call(method="POST", url=hosts.url(AUTH, "/v2/account/token"), json=body)


def user_call(hosts: Hosts) -> Call:
    """Ask who the account is."""
    return call(hosts, "/v2/user/get", {})


def space_call(hosts: Hosts) -> Call:
    """Ask how much the account may hold."""
    return call(hosts, "/v2/databox/get_personal_info", {})


def create_session_call(hosts: Hosts) -> Call:
    """Make this device known; the scheme adds its public key, which only it knows."""
    return call(hosts, CREATE_SESSION, {"deviceName": "fsmount", "modelName": "Linux"})


def logout_device_call(hosts: Hosts) -> Call:
    """Give up the session of this device: an account may have ten (wire §4.2)."""
    return call(hosts, "/users/v1/users/device_logout", {})


def read_user(answer: Answer) -> UserAnswer:
    """Return who the account is."""
    return wire.decode(answer.body, UserAnswer, "the account's drives")


def read_space(answer: Answer) -> Space:
    """Return the room of the whole account."""
    return space(wire.decode(answer.body, SpaceAnswer, "the account's space"))


def space(answer: SpaceAnswer) -> Space:
    """Return the room that an answer tells."""
    found = answer.personal_space_info
    total, used = wire.whole(found.total_size), wire.whole(found.used_size)
    if total is None or used is None:
        raise ProtocolError("the account's space: `total_size` or `used_size` is no number")
    return Space(total=total, used=used)


def session_made(answer: Answer) -> bool:
    """Tell whether a device session was made; it is not when ten are there (wire §4.2)."""
    found = wire.decode(answer.body, SessionAnswer, "a device session")
    return found.result is None or wire.truth(found.result)


# --- listings and files ---------------------------------------------------------------------------


class ListAnswer(msgspec.Struct, frozen=True):
    """A page of a folder."""

    items: list[msgspec.Raw]
    next_marker: Scalar = None


class SizeAnswer(msgspec.Struct, frozen=True):
    """What is below a folder."""

    size: Scalar
    file_count: Scalar = None
    folder_count: Scalar = None


class ItemPage(NamedTuple):
    """One page of a listing, as it came.

    Attributes:
        items: What could be understood, in order.
        next: The marker of the page after this one; None on the last.
        faults: Why rows were left out.
    """

    items: Sequence[Item]
    next: str | None
    faults: Sequence[str]


def list_call(hosts: Hosts, drive_id: str, folder: str, *, limit: int, marker: str | None) -> Call:
    """Ask for a page of a folder, by name: the order that stays while files are changed."""
    body = {
        "drive_id": drive_id,
        "parent_file_id": folder,
        "limit": limit,
        "marker": marker or "",
        "order_by": "name",
        "order_direction": "ASC",
        "fields": "*",
    }
    return call(hosts, "/adrive/v3/file/list", body)


def read_list(answer: Answer, asked: str | None) -> ItemPage:
    """Return the page that the marker ``asked`` brought.

    Raises:
        ProtocolError: It is none, or the same page would come for ever.
    """
    listing = wire.decode_rows(answer.body, ListAnswer, Item, path=("items",), what="a listing")
    if not listing.raw_count:
        # An answer without a list is no empty folder: that would make a mirror delete its copy.
        wire.decode(answer.body, ListAnswer, "a listing")
    good, faults = entries.sorted_out(listing.rows)
    after = wire.text(listing.document.next_marker) or None
    if after is not None and after == asked:
        raise ProtocolError("a listing does not move on: its next page is the same page again")
    return ItemPage(items=good, next=after, faults=[*listing.faults, *faults])


def info_call(hosts: Hosts, drive_id: str, file_id: str, *, pictures: bool = False) -> Call:
    """Ask about one file or folder; ``pictures`` has its thumbnail made."""
    body = {"drive_id": drive_id, "file_id": file_id, "fields": "*"}
    return call(hosts, "/v2/file/get", body | (_PICTURES if pictures else {}))


def read_item(answer: Answer) -> Item:
    """Return what an info call told."""
    item = wire.decode(answer.body, Item, "the details of a file")
    fault = entries.fault(item)
    if fault is not None:
        raise ProtocolError(f"the details of a file: {fault}")
    return item


def size_call(hosts: Hosts, drive_id: str, folder: str) -> Call:
    """Ask how much is below a folder."""
    body = {"drive_id": drive_id, "file_id": folder}
    return call(hosts, "/adrive/v1/file/get_folder_size_info", body)


def read_size(answer: Answer) -> FolderSize:
    """Return how much is below a folder."""
    found = wire.decode(answer.body, SizeAnswer, "the size of a folder")
    size = wire.whole(found.size)
    if size is None:
        raise ProtocolError("the size of a folder: `size` is no number")
    files, folders = wire.whole(found.file_count), wire.whole(found.folder_count)
    return FolderSize(size=size, files=files or 0, folders=folders or 0)


def link_call(hosts: Hosts, drive_id: str, file_id: str) -> Call:
    """Ask for a link that lives as long as there are any."""
    body = {"drive_id": drive_id, "file_id": file_id, "expire_sec": LONGEST_S}
    return call(hosts, "/v2/file/get_download_url", body)


class MadeFolder(msgspec.Struct, frozen=True):
    """A folder that was made, or that was there already: then ``exist`` is true (wire §8.1)."""

    file_id: Scalar


def make_folder_call(hosts: Hosts, drive_id: str, parent: str, name: str) -> Call:
    """Make a folder; one that is there already is told in the same way."""
    body = {
        "drive_id": drive_id,
        "parent_file_id": parent,
        "name": name,
        "type": "folder",
        "check_name_mode": "refuse",
    }
    return call(hosts, "/adrive/v2/file/createWithFolders", body)


def read_made(answer: Answer) -> EntryId:
    """Return the id of the folder."""
    ident = wire.text(wire.decode(answer.body, MadeFolder, "a new folder").file_id)
    if not ident:
        raise ProtocolError("a new folder: `file_id` is empty")
    return EntryId(ident)


# --- batches --------------------------------------------------------------------------------------

BATCH_SIZE = 100
"""Parts of one call at most (wire §8.2)."""


class Part(msgspec.Struct, frozen=True):
    """The answer to one part of a batch; ``body`` is missing for 204."""

    id: Scalar = None
    status: Scalar = None
    body: msgspec.Raw = msgspec.Raw(b"null")


class BatchAnswer(msgspec.Struct, frozen=True):
    """All parts, in any order; the call itself always succeeds (wire §8.2)."""

    responses: list[Part]


def batch_call(
    hosts: Hosts, version: str, path: str, bodies: Sequence[dict[str, Any]], **headers: str
) -> Call:
    """Ask several things of one kind at once."""
    parts = [
        {
            "id": str(number),
            "method": "POST",
            "url": path,
            "headers": {"Content-Type": "application/json"},
            "body": body,
        }
        for number, body in enumerate(bodies)
    ]
    return call(hosts, version, {"resource": "file", "requests": parts}, **headers)


def read_batch(answer: Answer, count: int) -> list[bytes | FsmountError]:
    """Return, in the order asked, each part's JSON or why it was refused."""
    found = wire.decode(answer.body, BatchAnswer, "the answers to a batch")
    parts = {wire.text(part.id): part for part in found.responses}
    return [_part(parts.get(str(number))) for number in range(count)]


def _part(part: Part | None) -> bytes | FsmountError:
    if part is None:
        return ProtocolError("the answers to a batch: one is missing")
    body, status = bytes(part.body), wire.whole(part.status) or 0
    if 200 <= status < 300:
        return body
    try:
        envelope = msgspec.json.decode(body, type=refusals.Envelope)
    except msgspec.DecodeError:
        envelope = refusals.Envelope()
    code = refusals.code_of(envelope) or f"HTTP {status}"
    return refusals.refused(code, wire.text(envelope.message), status=status)
