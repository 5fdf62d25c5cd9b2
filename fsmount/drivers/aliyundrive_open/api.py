"""The Open API's wire: requests out, typed answers in; pure functions, no I/O.

Items and links have the shape of the web API's, so their readers are ``drivers.aliyundrive``'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from fsmount.drivers import wire
from fsmount.drivers.aliyundrive.hosts import OPEN_API, Hosts
from fsmount.drivers.aliyundrive.links import LONGEST_S
from fsmount.drivers.wire import Scalar
from fsmount.model import Call, OwnShare

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fsmount.model import Answer, Entry

SCOPES = ["user:base", "file:all:read", "file:all:write"]
"""What is asked for; sharing and what saves for others needs the last (wire: Open API §2.1)."""


def call(hosts: Hosts, path: str, body: dict[str, Any]) -> Call:
    """Return a call of the API."""
    return Call(method="POST", url=hosts.url(OPEN_API, f"/adrive/v1.0{path}"), json=body)


# --- signing in -----------------------------------------------------------------------------------


class TokenAnswer(msgspec.Struct, frozen=True):
    """A pair of tokens; without a secret there is no refresh token (wire: Open API §2.3)."""

    access_token: str
    refresh_token: Scalar = None
    expires_in: Scalar = None


class RelayAnswer(msgspec.Struct, frozen=True):
    """What a relay says: both tokens, or a text (wire: Open API §3)."""

    access_token: Scalar = None
    refresh_token: Scalar = None
    text: Scalar = None


class QrAnswer(msgspec.Struct, frozen=True):
    """A sign-in that waits for a phone."""

    sid: str


class QrState(msgspec.Struct, frozen=True):
    """How far it is."""

    status: Scalar = None
    authCode: Scalar = None


def token_call(hosts: Hosts, body: dict[str, Any]) -> Call:
    """Exchange a code or a refresh token; the latter is used up."""
    return Call(method="POST", url=hosts.url(OPEN_API, "/oauth/access_token"), json=body)


def relay_call(relay: str, refresh_token: str) -> Call:
    """Have a relay exchange a refresh token, which it sees."""
    params = {"refresh_ui": refresh_token, "server_use": "true", "driver_txt": "alicloud_qr"}
    return Call(method="GET", url=relay, params=params)


def qr_call(hosts: Hosts, body: dict[str, Any]) -> Call:
    """Begin a sign-in by phone."""
    return Call(method="POST", url=hosts.url(OPEN_API, "/oauth/authorize/qrcode"), json=body)


def qr_text(sid: str) -> str:
    """Return what the QR code says; the picture that the API offers says the same."""
    return f"https://www.aliyundrive.com/o/oauth/authorize?sid={sid}"


def qr_state_call(hosts: Hosts, sid: str) -> Call:
    """Ask how far a sign-in by phone is."""
    return Call(method="GET", url=hosts.url(OPEN_API, f"/oauth/qrcode/{sid}/status"))


# --- the drive ------------------------------------------------------------------------------------


class DriveAnswer(msgspec.Struct, frozen=True):
    """The drives that the account has granted."""

    default_drive_id: Scalar
    resource_drive_id: Scalar = None
    backup_drive_id: Scalar = None

    def drive_id(self, drive: str) -> str:
        """Return the id of ``drive``; "" where it was not granted.

        "" is the resource drive where there is one: what people save stands there.
        """
        match drive:
            case "resource":
                return wire.text(self.resource_drive_id)
            case "backup":
                return wire.text(self.backup_drive_id)
            case "default":
                return wire.text(self.default_drive_id)
            case _:
                return wire.text(self.resource_drive_id) or wire.text(self.default_drive_id)


def drive_call(hosts: Hosts) -> Call:
    """Ask which drives were granted."""
    return call(hosts, "/user/getDriveInfo", {})


def read_drives(answer: Answer) -> DriveAnswer:
    """Return which drives were granted."""
    return wire.decode(answer.body, DriveAnswer, "the account's drives")


def space_call(hosts: Hosts) -> Call:
    """Ask how much the account may hold."""
    return call(hosts, "/user/getSpaceInfo", {})


def list_call(hosts: Hosts, drive_id: str, folder: str, *, limit: int, marker: str | None) -> Call:
    """Ask for a page of a folder, by name."""
    body = {
        "drive_id": drive_id,
        "parent_file_id": folder,
        "limit": limit,
        "marker": marker or "",
        "order_by": "name",
        "order_direction": "ASC",
        "type": "all",
        "fields": "*",
    }
    return call(hosts, "/openFile/list", body)


def info_call(hosts: Hosts, drive_id: str, file_id: str) -> Call:
    """Ask about one file or folder."""
    return call(hosts, "/openFile/get", {"drive_id": drive_id, "file_id": file_id})


def link_call(hosts: Hosts, drive_id: str, file_id: str) -> Call:
    """Ask for a link that lives as long as the application may have."""
    body = {"drive_id": drive_id, "file_id": file_id, "expire_sec": LONGEST_S}
    return call(hosts, "/openFile/getDownloadUrl", body)


# --- own shares -----------------------------------------------------------------------------------


class ShareAnswer(msgspec.Struct, frozen=True):
    """A share that was made."""

    share_id: Scalar
    share_url: Scalar = None
    share_pwd: Scalar = None
    expiration: Scalar = None
    created_at: Scalar = None


def share_call(
    hosts: Hosts, drive_id: str, entries: Sequence[Entry], *, code: str, expiration: str
) -> Call:
    """Share files; camel case here only (wire: Open API §5.2)."""
    body = {
        "driveId": drive_id,
        "fileIdList": [entry.id for entry in entries],
        "sharePwd": code,
        "expiration": expiration,
    }
    return call(hosts, "/openFile/createShare", body)


def read_share(answer: Answer, name: str) -> OwnShare:
    """Return the share that was made; the answer does not name it."""
    found = wire.decode(answer.body, ShareAnswer, "a share")
    ident = wire.text(found.share_id)
    return OwnShare(
        id=ident,
        name=name or ident,
        url=wire.text(found.share_url) or f"https://www.alipan.com/s/{ident}",
        code=wire.text(found.share_pwd),
        created_ns=wire.time_ns(found.created_at) or 0,
        expires_ns=wire.time_ns(found.expiration),
    )
