"""Cloudreve's wire beyond listing and reading: what shares, drives, folders and pictures tell.

Pure, as ``api``; each of these is asked because a person asked, or behind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from fsmount.drivers import wire
from fsmount.drivers.cloudreve import api
from fsmount.drivers.wire import Scalar
from fsmount.errors import ProtocolError
from fsmount.model import Call, FolderSize

if TYPE_CHECKING:
    from fsmount.drivers.cloudreve.options import Site
    from fsmount.model import Answer


class FolderSummary(msgspec.Struct, frozen=True):
    """What is below a folder, in bytes of all entities: old versions and thumbnails included."""

    size: Scalar = None
    files: Scalar = None
    folders: Scalar = None
    completed: Scalar = None
    calculated_at: Scalar = None


class SummarizedFolder(msgspec.Struct, frozen=True):
    """A folder whose summary was asked for: only then may the field be read.

    Servers of 2025-06 leave it in other answers, where it is of another object (wire §6.2.4).
    """

    folder_summary: FolderSummary | None = None


def summary_call(site: Site, uri: str) -> Call:
    """Ask how much is below one folder; the server walks it. Roots cannot be asked (wire §7)."""
    params = {"uri": uri, "folder_summary": "true"}
    return Call(method="GET", url=site.api("/file/info"), params=params)


def read_summary(answer: Answer) -> FolderSize | None:
    """Return how much is below a folder; None where the server panicked or did not tell."""
    if not answer.body:
        return None
    summary = api.read(answer, SummarizedFolder, "the size of a folder").folder_summary
    size = None if summary is None else wire.whole(summary.size)
    if summary is None or size is None:
        return None
    return FolderSize(
        size=size,
        files=wire.whole(summary.files) or 0,
        folders=wire.whole(summary.folders) or 0,
        complete=wire.truth(summary.completed),
        counted_ns=wire.time_ns(summary.calculated_at) or 0,
    )


class ThumbnailData(msgspec.Struct, frozen=True):
    """Where a thumbnail is, and when that ends."""

    url: str
    expires: Scalar = None


def thumbnail_call(site: Site, uri: str) -> Call:
    """Ask for a thumbnail; where there is none yet the server makes it and moves the file's time.

    It also counts as used space (wire §8.2).
    """
    return Call(method="GET", url=site.api("/file/thumb"), params={"uri": uri})


def read_thumbnail(answer: Answer) -> api.Urls:
    """Return the one link of a thumbnail."""
    data = api.read(answer, ThumbnailData, "a thumbnail")
    return api.Urls(urls=[data.url], lifetime_s=api.lifetime_s(data.expires, answer))


class Owner(msgspec.Struct, frozen=True):
    """Who shared."""

    nickname: Scalar = None


class ShareData(msgspec.Struct, frozen=True):
    """What a share tells. Its ``url`` and ``password`` are not even read.

    ``url`` holds the share's password for anyone who asks, right password or not (wire §11).
    """

    name: Scalar = None
    owner: Owner | None = None
    created_at: Scalar = None
    expires: Scalar = None
    visited: Scalar = None
    downloaded: Scalar = None
    remain_downloads: Scalar = None
    source_type: Scalar = None
    unlocked: Scalar = None
    expired: Scalar = None


class CapacityData(msgspec.Struct, frozen=True):
    """Bytes of an account."""

    total: Scalar
    used: Scalar


def share_call(site: Site, share: str, password: str) -> Call:
    """Ask what a share tells about itself; needs no login."""
    params = {"password": password} if password else {}
    return Call(method="GET", url=site.api(f"/share/info/{quote(share, safe='')}"), params=params)


def read_share(answer: Answer) -> ShareData:
    """Return what a share told."""
    return api.read(answer, ShareData, "the details of a share")


def capacity_call(site: Site) -> Call:
    """Ask for the capacity of the account's own drive."""
    return Call(method="GET", url=site.api("/user/capacity"))


def read_capacity(answer: Answer) -> tuple[int, int]:
    """Return total and used bytes."""
    data = api.read(answer, CapacityData, "the capacity")
    total, used = wire.whole(data.total), wire.whole(data.used)
    if total is None or used is None:
        raise ProtocolError("the capacity: `total` or `used` is not a number")
    return total, used
