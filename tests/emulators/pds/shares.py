"""Share links: what they show, what state they are in, and the tokens that open them.

Sources: PDS §5, Aliyundrive §B1, §B2, §B6, §B7.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.emulators.pds import times
from tests.emulators.pds.errors import Refused, invalid
from tests.emulators.pds.tokens import web_token

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.emulators.clock import Clock
    from tests.emulators.pds.drives import Drive, User
    from tests.emulators.pds.settings import Settings
    from tests.emulators.pds.tree import Node, Tree

_NS = 1_000_000_000
_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_ID_LENGTH = 11
MOST_FILES = 100
LONGEST_CODE = 64
LONGEST_NAME = 128
LONGEST_DESCRIPTION = 1024
COUNTERS = (
    "access_count",
    "preview_count",
    "video_preview_count",
    "download_count",
    "save_count",
    "report_count",
)
LIMITS = ("preview_limit", "download_limit", "save_limit", "save_download_limit")
FLAGS = ("disable_preview", "disable_download", "disable_save", "office_editable", "creatable")


@dataclass(slots=True, kw_only=True, eq=False)
class Share:
    """One share link. `follow` is a folder whose children are shared, whatever they are."""

    share_id: str
    creator: User
    drive: Drive
    roots: list[Node]
    name: str
    created_ns: int
    updated_ns: int
    follow: Node | None = None
    all_files: bool = False
    password: str = ""
    expiration: str = ""
    description: str = ""
    status: str = "enabled"
    forbidden: bool = False
    require_login: bool = False
    expired: bool = False  # made so by a test; the expiration does it by the clock
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTERS, 0))
    limits: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LIMITS, 0))
    flags: dict[str, bool] = field(default_factory=lambda: dict.fromkeys(FLAGS, False))
    closed_folders: set[str] = field(default_factory=set)

    def tops(self, tree: Tree) -> list[Node]:
        """The shared items themselves; those that were trashed or deleted show no more."""
        if self.follow is not None:
            tree.look(self.follow)
            return list(self.follow.children.values())
        return [node for node in self.roots if self.drive.holds(node) and not node.is_trashed]

    def shows(self, node: Node) -> bool:
        """Whether a node is one of the shared items or below one."""
        if node.is_trashed:
            return False
        if self.follow is not None:
            return node.top is self.follow.top and self.follow in (*node.lineage(), node.top)
        return any(one in self.roots for one in node.lineage())

    def is_top(self, node: Node) -> bool:
        """Whether a node is one of the shared items."""
        return node.parent is self.follow if self.follow is not None else node in self.roots

    def is_over(self, now: float) -> bool:
        """Whether its time is up."""
        if self.expired:
            return True
        return bool(self.expiration) and times.read(self.expiration) / _NS <= now

    def check(self, now: float) -> None:
        """Raise Refused when the share is in a state in which nobody may use it."""
        if self.status == "disabled":
            raise Refused("ShareLink.Cancelled")
        if self.forbidden:
            raise Refused("ShareLink.Forbidden")
        if self.is_over(now):
            raise Refused("ShareLink.Expired")

    def count(self, what: str, limit: str | None = None) -> None:
        """Count a use; raises Refused when the limit is used up (PDS §1.2: code unknown)."""
        if limit is not None and 0 < self.limits[limit] <= self.counts[what]:
            raise Refused("ForbiddenNoPermission.File")
        self.counts[what] += 1


class Shares:
    """All shares of a domain by id."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._shares: dict[str, Share] = {}
        self._tokens: dict[str, tuple[Share, str, float]] = {}

    def __iter__(self) -> Iterator[Share]:
        return iter(self._shares.values())

    def create(self, creator: User, drive: Drive, roots: list[Node], **wish: Any) -> Share:
        """Share some nodes of a drive, or with `follow` what a folder holds."""
        now_ns = self._clock.now_ns()
        name = wish.pop("name", "") or (roots[0].name if roots else drive.name)
        share = Share(
            share_id=_minted(f"{drive.drive_id}/{len(self._shares)}/{name}"),
            creator=creator,
            drive=drive,
            roots=roots,
            name=name,
            created_ns=now_ns,
            updated_ns=now_ns,
            **wish,
        )
        self._shares[share.share_id] = share
        return share

    def known(self, share_id: Any) -> Share:
        """The share of an id, in whatever state; raises Refused when it is none."""
        if not isinstance(share_id, str) or not share_id:
            raise invalid("share_id")
        if not (share_id.isalnum() and share_id.isascii()):
            raise Refused("InvalidParameter.ShareId")
        share = self._shares.get(share_id)
        if share is None:
            raise Refused("NotFound.ShareLink")
        return share

    def usable(self, share_id: Any) -> Share:
        """The share of an id; raises Refused when it is over."""
        share = self.known(share_id)
        share.check(self._clock.now())
        return share

    def token(self, body: dict[str, Any], *, signed_in: bool) -> dict[str, Any]:
        """The answer of the share token call; raises Refused."""
        share = self.usable(body.get("share_id"))
        if self._settings.on("share-captcha"):
            raise Refused("ForbiddenNoPermission.ShareLink", "captcha verification is required")
        if share.require_login and not signed_in:
            raise Refused("AccessTokenInvalid")
        given = body.get("share_pwd") or ""
        if given != share.password and body.get("check_share_pwd", True) is not False:
            raise Refused("InvalidResource.SharePwd")
        most_s = self._settings.share_token_life_s
        asked = body.get("expire_sec") or most_s
        if not isinstance(asked, int | float) or not 0 < asked <= max(7200.0, most_s):
            raise invalid("expire_sec")
        now, life_s = self._clock.now(), min(float(asked), most_s)
        text = web_token({"share_id": share.share_id, "exp": int(now + life_s)})
        self._tokens[text] = (share, share.password, now + life_s)
        share.count("access_count")
        return {
            "share_token": text,
            "expire_time": times.written(round((now + life_s) * _NS)),
            "expires_in": int(life_s),
        }

    def opened(self, share_id: Any, token: str | None) -> Share:
        """The share that a token opens; raises Refused."""
        share = self.usable(share_id)
        found = self._tokens.get(token or "")
        if found is None:
            raise Refused("ShareLinkTokenInvalid")
        opens, password, end = found
        if opens is not share:
            raise Refused("InvalidParameterNotMatch.ShareId")
        if end <= self._clock.now() or password != share.password:
            raise Refused("ShareLinkTokenInvalid")
        return share

    def expire_tokens(self) -> None:
        """Let every share token that exists now be dead."""
        self._tokens = {text: (one, code, 0.0) for text, (one, code, _) in self._tokens.items()}


def view(share: Share, tree: Tree, now: float) -> dict[str, Any]:
    """A share as its owner sees it (PDS §5)."""
    return {
        "share_id": share.share_id,
        "share_name": share.name,
        "share_pwd": share.password,
        "drive_id": share.drive.drive_id,
        "file_id_list": [node.file_id for node in share.tops(tree)],
        "share_all_files": share.all_files,
        "expiration": share.expiration,
        "expired": share.is_over(now),
        "status": "forbidden" if share.forbidden else share.status,
        "created_at": times.written(share.created_ns),
        "updated_at": times.written(share.updated_ns),
        "creator": share.creator.user_id,
        "description": share.description,
        "require_login": share.require_login,
        **share.counts,
        **share.limits,
        **share.flags,
    }


def _minted(seed: str) -> str:
    number = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:16], "big")
    letters = []
    for _ in range(_ID_LENGTH):
        number, rest = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[rest])
    return "".join(letters)
