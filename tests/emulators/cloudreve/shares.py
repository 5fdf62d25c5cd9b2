"""Share links: who may open one, what it tells of itself, and how its owner handles it.

Source: wire Cloudreve V4 §11 and the share_* recordings (server of 2025-06-21).
"""

from __future__ import annotations

import random
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tests.emulators.cloudreve import times
from tests.emulators.cloudreve.envelope import Refused, invalid
from tests.emulators.cloudreve.uris import FileUri

if TYPE_CHECKING:
    from tests.emulators.clock import Clock
    from tests.emulators.cloudreve.ids import IdSpace
    from tests.emulators.cloudreve.settings import Settings
    from tests.emulators.cloudreve.trash import Trash
    from tests.emulators.cloudreve.tree import Node, Tree
    from tests.emulators.cloudreve.users import User

_NS = 1_000_000_000
_PASSWORD_LETTERS = string.ascii_lowercase + string.digits
_LONGEST_PASSWORD = 32


@dataclass(slots=True, kw_only=True, eq=False)
class Share:
    """One link. `expired` is set by hand through the control door, over and above `expires_ns`."""

    number: int
    id: str
    owner: User
    node: Node
    created_ns: int
    password: str = ""
    expires_ns: int | None = None
    remain_downloads: int | None = None
    downloaded: int = 0
    visited: int = 0
    show_view: bool = False
    expired: bool = False


class Shares:
    """All shares of the site by number; cancelled ones are gone."""

    def __init__(
        self, tree: Tree, trash: Trash, ids: IdSpace, settings: Settings, clock: Clock
    ) -> None:
        self._tree = tree
        self._trash = trash
        self._ids = ids
        self._settings = settings
        self._clock = clock
        self._shares: dict[int, Share] = {}
        self._last = 0

    def create(self, owner: User, node: Node, wish: dict[str, Any]) -> Share:
        """Share a node; raises Refused 40001 for a bad wish."""
        self._last += 1
        share = Share(
            number=self._last,
            id=self._ids.encode(self._last),
            owner=owner,
            node=node,
            created_ns=self._clock.now_ns(),
        )
        self.edit(share, wish)
        self._shares[share.number] = share
        return share

    def edit(self, share: Share, wish: dict[str, Any]) -> None:
        """Set password, limit and end of a share anew; raises Refused 40001 for a bad wish."""
        password = wish.get("password") or ""
        if not isinstance(password, str) or len(password) > _LONGEST_PASSWORD:
            raise invalid("Invalid parameters.")
        if password and not (password.isascii() and password.isalnum()):
            raise invalid("Invalid parameters.")
        if not wish.get("is_private"):
            password = ""
        elif not password:
            password = "".join(random.SystemRandom().choices(_PASSWORD_LETTERS, k=8))
        life_s, limit = wish.get("expire"), wish.get("downloads")
        share.password = password
        share.expires_ns = self._clock.now_ns() + int(life_s) * _NS if life_s else None
        share.remain_downloads = int(limit) if limit else None
        share.show_view = bool(wish.get("share_view"))
        share.expired = False

    def cancel(self, share: Share) -> None:
        """Take the link back; it never existed from now on."""
        self._shares.pop(share.number, None)

    def revive(self, share: Share) -> None:
        """Let a cancelled or expired link live again, as no owner can but a test may wish."""
        self._shares[share.number] = share
        share.expired = False

    def parse(self, text: str) -> Share:
        """The share of an id in an API path; raises Refused 40001 or 404."""
        try:
            number = self._ids.decode(text)
        except ValueError:
            raise Refused(40001, "Failed to parse object ID") from None
        share = self._shares.get(number)
        if share is None or share.node.number not in self._tree.nodes:
            raise Refused(404, "Share not found")
        return share

    def of_node(self, node: Node) -> list[Share]:
        """The shares of one node, newest first."""
        return [share for share in reversed(self._shares.values()) if share.node is node]

    def of_owner(self, owner: User) -> list[Share]:
        """A user's shares, newest first; those whose source is gone for good are gone too."""
        return [
            share
            for share in reversed(self._shares.values())
            if share.owner is owner and share.node.number in self._tree.nodes
        ]

    def is_over(self, share: Share) -> bool:
        """Whether a link is expired, used up, its owner blocked, or its source in the trash."""
        ended = share.expires_ns is not None and share.expires_ns <= self._clock.now_ns()
        return (
            share.expired
            or ended
            or share.remain_downloads == 0
            or share.owner.status.value != "active"
            or self._trash.holds(share.node)
        )

    def opened(self, uri: FileUri, user: User) -> Share:
        """The share a URI goes into; raises Refused 403, 404 or 40069 as §11's table has it."""
        if user.anonymous and not self._settings.guests_may_open_shares:
            raise Refused(403, "You don't have permission to access share links")
        gone = "Shared file does not exist"
        try:
            share = self.parse(uri.id)
        except Refused:
            raise Refused(404, gone) from None
        if self.is_over(share):
            raise Refused(404, gone, detail=f"{gone}: share link expired")
        if share.password and uri.password != share.password:
            raise Refused(40069, "Incorrect share password")
        return share

    def count_download(self, share: Share) -> None:
        """One `/file/url` call for a share of one file; folder shares are not counted (§11)."""
        if not share.node.is_folder:
            share.downloaded += 1
            if share.remain_downloads:
                share.remain_downloads -= 1

    def link(self, share: Share) -> str:
        """The link as people paste it, with its password: anyone who asks is told (§11)."""
        tail = f"/{share.password}" if share.password else ""
        return f"{self._settings.site_url}/s/{share.id}{tail}"

    def view(
        self,
        share: Share,
        viewer: User,
        *,
        password: str = "",
        source: str | None = None,
        with_group: bool = False,
    ) -> dict[str, Any]:
        """What a share tells of itself; `source` is the URI an owner is shown on request."""
        own = share.owner is viewer
        right = bool(share.password) and password == share.password
        view: dict[str, Any] = {"id": share.id, "name": share.node.name}
        if share.remain_downloads is not None:
            view["remain_downloads"] = share.remain_downloads
        view["visited"] = share.visited
        if share.downloaded:
            view["downloaded"] = share.downloaded
        if share.expires_ns is not None:
            view["expires"] = times.written(share.expires_ns)
        owner = share.owner.brief(with_email=own)
        if with_group:
            owner["group"] = {"id": share.owner.group.id, "name": share.owner.group.name}
        view |= {
            "unlocked": own or right or not share.password,
            "source_type": int(share.node.is_folder),
            "owner": owner,
            "created_at": times.written(share.created_ns),
            "expired": self.is_over(share),
            "url": self.link(share),
        }
        if share.password and own:
            view["is_private"] = True
        if share.password and (own or right):
            view["password"] = share.password
        if source is not None and own:
            view["source_uri"] = source
        return view


def page_address(share_id: str, password: str) -> str:
    """Where `/s/{id}[/{password}]` redirects to."""
    uri = str(FileUri(fs="share", id=share_id, password=password))
    return "/home?path=" + quote(uri, safe="")
