"""What files and folders look like in each dialect.

Source: wire 115 §4.1, §4.3, §4.4, §6.2, §10.2 and the types of §14.5.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tests.emulators.p115.tree import seconds

if TYPE_CHECKING:
    from tests.emulators.p115.settings import Settings
    from tests.emulators.p115.spelling import Spelling
    from tests.emulators.p115.tree import Node

_UTC8_S = 8 * 3600
_VIDEO = frozenset({"mkv", "mp4", "avi", "ts", "mov", "wmv", "flv", "rmvb", "iso"})
_ESCAPED = str.maketrans({mark: f"[\x02{ord(mark)}]" for mark in '"<>'})


class Views:
    """Shows nodes as entries."""

    def __init__(self, spelling: Spelling, settings: Settings, user_id: int) -> None:
        self._spelling = spelling
        self._settings = settings
        self._user_id = user_id

    def name(self, node: Node) -> str:
        """A name as listings write it."""
        escaped = self._settings.on("escaped-names")
        return node.name.translate(_ESCAPED) if escaped else node.name

    def _length(self) -> float | str:
        """How long a film is, in seconds; all are the same here."""
        return self._spelling.amount("play_long", 7105.999)

    def web(self, node: Node) -> dict[str, Any]:
        """An entry of `webapi` and `aps`; one without `fid` is a folder."""
        text, number = self._spelling.text, self._spelling.number
        parent = node.parent.id if node.parent is not None else 0
        modified, created = seconds(node.modified_ns), seconds(node.created_ns)
        entry: dict[str, Any] = {
            "n": self.name(node),
            "pc": node.pickcode,
            "te": str(modified),
            "tp": text("tp", created),
            "tu": str(modified),
            "to": "0",
            "m": number("m", int(node.starred)),
            **self._spelling.optional({"fl": [], "u": "", "hdf": 0, "score": 0, "sta": 1}),
        }
        if node.is_folder:
            own = {"cid": text("cid", node.id), "pid": str(parent), "aid": text("aid", 1)}
            return {**own, **entry, "t": str(modified), "ns": "", "cc": "", "sh": "0", "e": ""}
        is_video = node.extension.lower() in _VIDEO
        return {
            "fid": str(node.id),
            "cid": text("cid", parent),
            "pid": "0",
            "aid": number("aid", 1),
            "uid": self._user_id,
            "s": number("s", node.size),
            "sha": node.sha1,
            "ico": node.extension,
            "c": node.flagged,
            **entry,
            "t": time.strftime("%Y-%m-%d %H:%M", time.gmtime(modified + _UTC8_S)),
            **({"iv": 1, "vdi": 4, "play_long": self._length()} if is_video else {}),
        }

    def app(self, node: Node) -> dict[str, Any]:
        """An entry of the Open platform and of `2.0/ufile/files`; its strings are strings."""
        modified, created = seconds(node.modified_ns), seconds(node.created_ns)
        is_video = node.extension.lower() in _VIDEO
        return {
            "fid": str(node.id),
            "aid": "1",
            "pid": str(node.parent.id if node.parent is not None else 0),
            "fc": "0" if node.is_folder else "1",
            "fn": self.name(node),
            "fs": node.size,
            "sha1": node.sha1,
            "pc": node.pickcode,
            "upt": modified,
            "uet": modified,
            "uppt": created,
            "fta": "0" if node.incomplete else "1",
            "ico": "folder" if node.is_folder else node.extension,
            "ism": str(int(node.starred)),
            "ic": node.flagged,
            **self._spelling.optional(
                {"isp": 0, "fl": [], "fco": "", "fdesc": "", "uo": "", "thumb": "", "v_img": ""}
            ),
            "cm": 0,
            "ispl": 0,
            "fatr": "0",
            "isv": int(is_video),
            "def": 4 if is_video else 0,
            "def2": 0,
            "play_long": self._length() if is_video else 0,
        }

    def long(self, node: Node) -> dict[str, Any]:
        """An entry of the app's `files`, with its long names: `ptime` is the *modification*."""
        number = self._spelling.number
        modified, created = seconds(node.modified_ns), seconds(node.created_ns)
        parent = node.parent.id if node.parent is not None else 0
        return {
            "file_id": str(node.id),
            "category_id": str(node.id if node.is_folder else parent),
            "parent_id": str(parent),
            "file_name": self.name(node),
            "file_size": number("file_size", node.size),
            "pick_code": node.pickcode,
            "sha1": node.sha1,
            "file_category": "0" if node.is_folder else "1",
            "user_ptime": str(modified),
            "user_utime": str(modified),
            "user_pptime": str(created),
            "is_mark": str(int(node.starred)),
        }

    def category(self, node: Node, inside: tuple[int, int, int]) -> dict[str, Any]:
        """What `category/get` tells: an object without `state`."""
        files, folders, size = inside
        text = self._spelling.text
        return {
            "count": text("count", files),
            "folder_count": text("folder_count", folders),
            "size": readable(size),
            "ptime": text("ptime", seconds(node.created_ns)),
            "utime": text("utime", seconds(node.modified_ns)),
            "is_share": text("is_share", 0),
            "file_name": self.name(node),
            "pick_code": node.pickcode,
            "sha1": node.sha1,
            "is_mark": text("is_mark", int(node.starred)),
            "open_time": 0,
            "score": self._spelling.number("score", 0),
            "desc": "",
            "file_category": text("file_category", int(not node.is_folder)),
            "play_long": 0,
            "show_play_long": 0,
            "paths": [
                {"file_id": one.id, "file_name": self.name(one) or "根目录"} for one in _above(node)
            ],
        }

    def open_info(self, node: Node, inside: tuple[int, int, int]) -> dict[str, Any]:
        """What the Open `get_info` tells."""
        files, folders, size = inside
        return {
            "count": files,
            "folder_count": folders,
            "size": readable(size),
            "size_byte": size,
            "ptime": str(seconds(node.created_ns)),
            "utime": str(seconds(node.modified_ns)),
            "file_name": self.name(node),
            "pick_code": node.pickcode,
            "sha1": node.sha1,
            "file_id": str(node.id),
            "is_mark": str(int(node.starred)),
            "file_category": str(int(not node.is_folder)),
            **self._spelling.optional({"play_long": 0, "show_play_long": 0, "open_time": 0}),
            "paths": [
                {"file_id": str(one.id), "file_name": self.name(one) or "根目录"}
                for one in _above(node)
            ],
        }


def readable(size: int) -> str:
    """A size as people read it."""
    amount = float(size)
    for unit in ("B", "KB", "MB", "GB"):
        if amount < 1024:
            return f"{amount:.2f}{unit}"
        amount /= 1024
    return f"{amount:.2f}TB"


def _above(node: Node) -> list[Node]:
    nodes = []
    while node.parent is not None:
        node = node.parent
        nodes.append(node)
    return nodes[::-1]
