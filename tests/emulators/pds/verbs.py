"""What the control door of a domain understands.

expire    {"what": "links" | "access" | "refresh" | "share_token" | "all"}
switch    {"name": "range-416", "on": true}, or {"range-416": true, ...}
settings  {"link_life_s": 900, ...}: any field of `settings.Settings`
share     {"link": a link or id, default the main share's, "state": "fine" | "expired" |
           "cancelled" | "forbidden" | "review", "password": "new", "require_login": true,
           "limits": {"download_limit": 1}, "flags": {"disable_download": true},
           "closed": "path of a folder that nobody may list"}
punish    {"path": "a/b.txt", "flag": 2}: in every drive that shows it
duplicate {"path": "a/b.txt"}: another file or folder of that name beside it
trash     {"path": "a/b.txt"}: into the recycle bin; "for_good": true deletes
path      {"path": "a/b.txt"} tells drive_id and file_id; the owner's first
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.emulators.pds.errors import Refused
from tests.emulators.pds.reach import Place
from tests.emulators.pds.settings import SIGNATURE_CHECKS, Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.emulators.pds.drives import Drive
    from tests.emulators.pds.shares import Share
    from tests.emulators.pds.site import Site
    from tests.emulators.pds.tree import Node


class Verbs:
    """The verbs of one site."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def table(self) -> dict[str, Callable[[dict[str, Any]], Any]]:
        """Each verb by its name."""
        return {
            "expire": self._expire,
            "switch": self._switch,
            "settings": self._adjust,
            "share": self._change_share,
            "punish": self._punish,
            "duplicate": self._duplicate,
            "trash": self._trash,
            "path": self._tell,
        }

    def _expire(self, wish: dict[str, Any]) -> dict[str, Any]:
        what = wish.get("what", "all")
        if what not in ("links", "access", "refresh", "share_token", "all"):
            raise ValueError(f"cannot expire {what!r}")
        if what in ("links", "all"):
            self._site.links.expire()
        if what in ("share_token", "all"):
            self._site.shares.expire_tokens()
        for kind in ("access", "refresh"):
            if what in (kind, "all"):
                self._site.tokens.expire(kind)
        return {}

    def _switch(self, wish: dict[str, Any]) -> dict[str, Any]:
        named = {wish["name"]: wish.get("on", True)} if "name" in wish else wish
        for name, on in named.items():
            self._site.settings.switch(name, on=bool(on))
        return {"on": sorted(self._site.settings.switches)}

    def _adjust(self, wish: dict[str, Any]) -> dict[str, Any]:
        for name, value in wish.items():
            if name not in Settings.__slots__ or name == "switches":
                raise ValueError(f"no setting {name!r}; there are {', '.join(Settings.__slots__)}")
            if name == "signature_check" and value not in SIGNATURE_CHECKS:
                raise ValueError(f"signature_check is one of {', '.join(SIGNATURE_CHECKS)}")
            setattr(self._site.settings, name, value)
        names = [name for name in Settings.__slots__ if name != "switches"]
        return {name: getattr(self._site.settings, name) for name in names}

    def _change_share(self, wish: dict[str, Any]) -> dict[str, Any]:
        share = self._share_of(wish.get("link"))
        if "password" in wish:
            share.password = wish["password"] or ""
        share.require_login = bool(wish.get("require_login", share.require_login))
        share.limits.update(wish.get("limits", {}))
        share.flags.update(wish.get("flags", {}))
        share.expiration = wish.get("expiration", share.expiration)
        if "closed" in wish:
            share.closed_folders.add(self._at(share.drive.root, wish["closed"]).file_id)
        match wish.get("state"):
            case None:
                pass
            case "fine":
                share.status, share.expired, share.forbidden = "enabled", False, False
            case "expired":
                share.expired = True
            case "cancelled":
                share.status = "disabled"
            case "forbidden" | "review":
                share.forbidden = True
            case state:
                raise ValueError(f"a share cannot be {state!r}")
        return {"share_id": share.share_id}

    def _punish(self, wish: dict[str, Any]) -> dict[str, Any]:
        for _, node in self._everywhere(wish["path"]):
            node.punish_flag = wish.get("flag", 2)
            node.touch()
        return {}

    def _duplicate(self, wish: dict[str, Any]) -> dict[str, Any]:
        for _, node in self._everywhere(wish["path"]):
            assert node.parent is not None
            node.parent.adopt(self._site.tree.copy(node, self._site.clock.now_ns()))
        return {}

    def _trash(self, wish: dict[str, Any]) -> dict[str, Any]:
        for drive, node in self._everywhere(wish["path"]):
            if wish.get("for_good"):
                self._site.changes.delete(node)
            else:
                place = Place(drive=drive, share=None, session=None, tree=self._site.tree)
                self._site.changes.trash(place, node)
        return {}

    def _everywhere(self, path: str) -> list[tuple[Drive, Node]]:
        """What is at a path of the served directory, in each drive that shows it."""
        drives = [
            drive
            for user in (self._site.owner, self._site.publisher)
            for drive in user.drives.values()
            if drive.root.directory == self._site.root
        ]
        return [(drive, self._at(drive.root, path)) for drive in drives]

    def _tell(self, wish: dict[str, Any]) -> dict[str, Any]:
        drive, node = self._everywhere(wish["path"])[0]
        return {"drive_id": drive.drive_id, "file_id": node.file_id}

    def _share_of(self, link: str | None) -> Share:
        if link is None:
            return self._site.main_share
        share_id = link.partition("/s/")[2].partition("/")[0].partition("?")[0] or link
        try:
            return self._site.shares.known(share_id)
        except Refused:
            raise ValueError(f"no share {link!r}") from None

    def _at(self, root: Node, path: str) -> Node:
        drive = next(
            one
            for user in self._site.users.values()
            for one in user.drives.values()
            if one.root is root
        )
        place = Place(drive=drive, share=None, session=None, tree=self._site.tree)
        try:
            return place.by_path(f"/{path.strip('/')}")
        except Refused:
            raise ValueError(f"nothing at {path!r}") from None
