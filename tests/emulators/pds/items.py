"""Files and folders as the API shows them.

Sources: PDS §6.1, Aliyundrive §6.1, Aliyundrive Open §5.1.
"""

from __future__ import annotations

import mimetypes
from typing import TYPE_CHECKING, Any

from tests.emulators.pds import times
from tests.emulators.pds.tree import BIN, ROOT

if TYPE_CHECKING:
    from tests.emulators.pds.links import Links
    from tests.emulators.pds.reach import Place
    from tests.emulators.pds.settings import Settings
    from tests.emulators.pds.tree import Node

_CATEGORIES = {
    "image": ("jpg", "jpeg", "png", "gif", "bmp", "webp", "heic", "livp"),
    "video": ("mp4", "mkv", "avi", "mov", "ts", "flv", "webm"),
    "audio": ("mp3", "flac", "wav", "aac", "ogg", "m4a"),
    "doc": ("txt", "md", "pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "csv"),
    "zip": ("zip", "rar", "7z", "gz", "tar", "xz"),
    "app": ("apk", "exe", "dmg", "ipa"),
}
_KEPT_DAYS_NS = 10 * 86400 * 1_000_000_000
_PREVIEW_BYTES = 5_000_000  # smaller files have a url in listings (Open §5.1)
# What is left with the switch "bare-items": a reader may rely on nothing else.
_BARE = ("drive_id", "file_id", "parent_file_id", "name", "type", "size", "updated_at")
# Keys that the Open API sends with null (Open §5.1).
_OPEN_NULLS = ("thumbnail", "url", "play_cursor", "video_media_metadata", "album_id")


def extension(name: str) -> str:
    """The extension without its dot, in lower case."""
    stem, dot, tail = name.rpartition(".")
    return tail.lower() if dot and stem else ""


def category(name: str) -> str:
    """What sort of file the service takes it for."""
    ending = extension(name)
    return next((sort for sort, known in _CATEGORIES.items() if ending in known), "others")


class Items:
    """Shows nodes in one of three dialects: "pds", "aliyun" or "open"."""

    def __init__(self, links: Links, settings: Settings, domain_id: str) -> None:
        self._links = links
        self._settings = settings
        self._domain_id = domain_id

    def view(self, node: Node, place: Place, dialect: str) -> dict[str, Any]:
        """The object of a list or get answer."""
        share = place.share
        drive_id: str | int = place.drive.drive_id
        if self._settings.on("numeric-ids"):
            drive_id = int(drive_id)
        parent = ROOT if share is not None and share.is_top(node) else _parent_id(node)
        value: dict[str, Any] = {
            "drive_id": drive_id,
            "domain_id": self._domain_id,
            "file_id": node.file_id,
            "name": node.name,
            "type": "folder" if node.is_folder else "file",
            "created_at": times.written(node.created_ns),
            "updated_at": times.written(node.updated_ns),
            "hidden": node.hidden,
            "starred": node.starred,
            "status": "available",
            "parent_file_id": parent,
            "encrypt_mode": "none",
        }
        if share is not None:
            value["share_id"] = share.share_id
        if dialect == "pds":
            value |= {"description": node.description, "labels": [], "user_tags": {}}
        elif share is None:
            value |= {"trashed": node.trashed_ns is not None, "sync_flag": False}
        if node.trashed_ns is not None:
            value["trashed_at"] = times.written(node.trashed_ns)
            value["gmt_expired"] = times.written(node.trashed_ns + _KEPT_DAYS_NS)
        if not node.is_folder:
            value |= self._file(node, place, dialect)
        if self._settings.on("bare-items"):
            return {key: value[key] for key in _BARE if key in value}
        if dialect == "open":
            if 0 < node.size < _PREVIEW_BYTES and not node.is_folder:
                value["url"] = self._links.make(node, place, self._settings.default_link_s)[0]
            return dict.fromkeys(_OPEN_NULLS) | value
        return value

    def _file(self, node: Node, place: Place, dialect: str) -> dict[str, Any]:
        ending = extension(node.name)
        media_type = mimetypes.guess_type(node.name)[0] or "application/octet-stream"
        value: dict[str, Any] = {
            "size": node.size,
            "file_extension": ending,
            "mime_type": media_type,
            "mime_extension": ending,
            "content_type": media_type if dialect == "aliyun" else "application/oct-stream",
            "category": category(node.name),
            "punish_flag": node.punish_flag,
        }
        content = node.content
        if content is not None:
            value["revision_id"] = content.revision_id
            value["upload_id"] = content.revision_id[:32].upper()
            if content.sha1 is not None:
                value["content_hash"] = content.sha1
                value["content_hash_name"] = "sha1"
            if content.crc64 is not None and dialect != "open":
                value["crc64_hash"] = content.crc64
        if category(node.name) in ("image", "video"):
            value["thumbnail"] = self._links.thumbnail(node, place)
        if place.share is None and dialect == "aliyun":
            url = self._links.make(node, place, self._settings.default_link_s)[0]
            value |= {"url": url, "download_url": url}
            value["user_meta"] = "{}"
        return value


def _parent_id(node: Node) -> str:
    if node.parent is not None:
        return node.parent.file_id
    return "" if node.file_id in (ROOT, BIN) else ROOT
