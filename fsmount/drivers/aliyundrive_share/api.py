"""A share's wire: requests out, typed answers in; pure functions, no I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from fsmount.drivers import wire
from fsmount.drivers.aliyundrive.api import call
from fsmount.drivers.wire import Scalar
from fsmount.model import ShareInfo

if TYPE_CHECKING:
    from fsmount.drivers.aliyundrive.hosts import Hosts
    from fsmount.model import Answer, Call


class TokenAnswer(msgspec.Struct, frozen=True):
    """What opens a share for two hours."""

    share_token: str
    expires_in: Scalar = None


class FileInfo(msgspec.Struct, frozen=True):
    """One of the shared files and folders."""

    type: Scalar = None


class InfoAnswer(msgspec.Struct, frozen=True):
    """What a share tells to strangers (wire §B1)."""

    share_name: Scalar
    share_title: Scalar = None
    file_count: Scalar = None
    file_infos: list[FileInfo] | None = None
    creator_name: Scalar = None
    creator_phone: Scalar = None
    display_name: Scalar = None
    avatar: Scalar = None
    updated_at: Scalar = None
    expiration: Scalar = None
    has_pwd: Scalar = None


def token_call(hosts: Hosts, share: str, code: str) -> Call:
    """Open a share; the call is needed also where there is no code (wire §B2)."""
    body = {"share_id": share, "share_pwd": code}
    return call(hosts, "/v2/share_link/get_share_token", body)


def info_call(hosts: Hosts, share: str) -> Call:
    """Ask what a share tells to strangers; the code is not looked at."""
    path = f"/adrive/v3/share_link/get_share_by_anonymous?share_id={share}"
    return call(hosts, path, {"share_id": share})


def list_call(hosts: Hosts, share: str, folder: str, *, limit: int, marker: str | None) -> Call:
    """Ask for a page of a folder, by name."""
    body = {
        "share_id": share,
        "parent_file_id": folder,
        "limit": limit,
        "marker": marker or "",
        "order_by": "name",
        "order_direction": "ASC",
    }
    return call(hosts, "/adrive/v2/file/list_by_share", body)


def file_call(hosts: Hosts, share: str, file_id: str) -> Call:
    """Ask about one file or folder."""
    body = {"share_id": share, "file_id": file_id, "fields": "*"}
    return call(hosts, "/adrive/v2/file/get_by_share", body)


def read_info(answer: Answer, *, has_code: bool) -> ShareInfo:
    """Return what a share tells about itself; ``has_code`` says whether a code is at hand."""
    found = wire.decode(answer.body, InfoAnswer, "the details of a share")
    expires_ns = wire.time_ns(found.expiration)
    told = {
        "files": wire.text(found.file_count),
        "phone": wire.text(found.creator_phone),
        "avatar": wire.text(found.avatar),
    }
    kinds = [wire.text(each.type) for each in found.file_infos or ()]
    return ShareInfo(
        name=wire.text(found.share_name) or wire.text(found.share_title),
        owner=wire.text(found.creator_name) or wire.text(found.display_name),
        is_folder=kinds != ["file"],
        expires_ns=expires_ns,
        locked=wire.truth(found.has_pwd) and not has_code,
        expired=expires_ns is not None and expires_ns / 1e9 <= answer.date,
        details={label: text for label, text in told.items() if text},
    )
