"""The owner's side of share links: create, get, list, search, update, cancel.

Sources: PDS §5, Aliyundrive §B7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.emulators.pds import queries, times
from tests.emulators.pds.errors import Refused, invalid
from tests.emulators.pds.paging import Ordered, limit_of, order_of
from tests.emulators.pds.shares import (
    COUNTERS,
    FLAGS,
    LIMITS,
    LONGEST_CODE,
    LONGEST_DESCRIPTION,
    LONGEST_NAME,
    MOST_FILES,
    view,
)

if TYPE_CHECKING:
    from tests.emulators.clock import Clock
    from tests.emulators.pds.reach import Reach
    from tests.emulators.pds.routes import Call
    from tests.emulators.pds.shares import Share, Shares
    from tests.emulators.pds.tree import Tree

_ORDERS = ("share_name", "updated_at", "description", "created_at")
_MOST = 100
_NEVER = "1970-01-01T00:00:00"  # how a search sees the end of a share without one (PDS §5)


class Sharing:
    """The verbs of those who share."""

    def __init__(self, shares: Shares, reach: Reach, tree: Tree, clock: Clock) -> None:
        self._shares = shares
        self._reach = reach
        self._tree = tree
        self._clock = clock

    def create(self, call: Call) -> Share:
        """Share files of an own drive; raises Refused."""
        body = call.body
        place = self._reach.place(call)
        everything = body.get("share_all_files") is True
        file_ids = body.get("file_id_list") or []
        if not everything and not 1 <= len(file_ids) <= MOST_FILES:
            raise invalid("file_id_list", "between 1 and 100 files")
        nodes = [place.node(file_id) for file_id in file_ids]
        for node in nodes:
            if node.is_trashed:
                raise Refused("ForbiddenFileInTheRecycleBin")
            if node.punish_flag not in (0, 102):
                raise Refused("FileShareNotAllowed")
        wish = _checked(body)
        share = self._shares.create(
            call.member.user,
            place.drive,
            [] if everything else nodes,
            name=wish.get("share_name", ""),
            follow=place.drive.root if everything else None,
            all_files=everything,
        )
        self._change(share, wish)
        return share

    def own(self, call: Call) -> Share:
        """The caller's share of the body's `share_id`; raises Refused."""
        share = self._shares.known(call.body.get("share_id"))
        if share.creator is not call.member.user:
            raise Refused("ForbiddenNoPermission.ShareLink")
        return share

    def view(self, share: Share) -> dict[str, Any]:
        """A share as its owner sees it."""
        return view(share, self._tree, self._clock.now())

    def update(self, call: Call) -> Share:
        """Change what the body names; what is absent stays. Raises Refused."""
        share = self.own(call)
        self._change(share, _checked(call.body))
        share.updated_ns = self._clock.now_ns()
        return share

    def cancel(self, call: Call) -> Share:
        """End a share; ending it twice is no error."""
        share = self.own(call)
        share.status = "disabled"
        share.updated_ns = self._clock.now_ns()
        return share

    def page(self, call: Call, *, cancelled: bool) -> dict[str, Any]:
        """One page of the caller's shares; another creator's are refused (Aliyundrive §B7)."""
        creator = call.body.get("creator")
        if creator and creator != call.member.user.user_id:
            raise Refused("ForbiddenNoPermission.ShareLink")
        mine = [
            one
            for one in self._shares
            if one.creator is call.member.user and (cancelled or one.status == "enabled")
        ]
        return self._page(call.body, mine)

    def search(self, call: Call) -> dict[str, Any]:
        """One page of the shares that a query finds, with their count."""
        user = call.member.user
        foreign = [one for one in call.body.get("creators") or [] if one != user.user_id]
        if foreign and user.role == "user":
            raise Refused("ForbiddenNoPermission.ShareLink")
        matches = queries.parse(str(call.body.get("query") or ""))
        found = [one for one in self._shares if one.creator is user and matches(self._facts(one))]
        answer = self._page(call.body, found)
        if call.body.get("return_total_count"):
            answer["total_count"] = len(found)
        return answer

    def _facts(self, share: Share) -> dict[str, str]:
        return {
            "created_at": times.written(share.created_ns),
            "updated_at": times.written(share.updated_ns),
            "share_name": share.name,
            "status": share.status,
            "expired_time": share.expiration or _NEVER,
        }

    def _page(self, body: dict[str, Any], shares: list[Share]) -> dict[str, Any]:
        by, _ = order_of(body, _ORDERS, "created_at")
        way = body.get("order_direction") or ("DESC" if by.endswith("_at") else "ASC")
        limit = limit_of(body, _MOST, _MOST)
        views = [self.view(share) for share in shares]
        keyed = [((value[by], value["share_id"]), value) for value in views]
        ordered = Ordered(keyed, by, downward=str(way).upper() == "DESC")
        items, marker = ordered.page(body.get("marker"), limit)
        return {"items": items, "next_marker": marker}

    def _change(self, share: Share, wish: dict[str, Any]) -> None:
        share.name = wish.get("share_name") or share.name
        share.password = wish.get("share_pwd", share.password)
        share.expiration = wish.get("expiration", share.expiration)
        share.description = wish.get("description", share.description)
        share.status = wish.get("status", share.status)
        share.require_login = wish.get("require_login", share.require_login)
        for kept, names in ((share.counts, COUNTERS), (share.limits, LIMITS), (share.flags, FLAGS)):
            kept.update({name: wish[name] for name in names if name in wish})


def _checked(body: dict[str, Any]) -> dict[str, Any]:
    """The fields of a share in a body, of the right types; null counts as absent."""
    texts = {
        "share_name": LONGEST_NAME,
        "description": LONGEST_DESCRIPTION,
        "share_pwd": LONGEST_CODE,
        "expiration": 64,
        "status": 16,
    }
    wish = {name: value for name, value in body.items() if value is not None}
    for name, longest in texts.items():
        if name in wish and (not isinstance(wish[name], str) or len(wish[name]) > longest):
            raise invalid(name)
    code = wish.get("share_pwd", "")
    if not (code.isascii() and code.isprintable()) or " " in code:
        raise invalid("share_pwd")
    if wish.get("status", "enabled") not in ("enabled", "disabled"):
        raise invalid("status")
    if wish.get("expiration"):
        try:
            times.read(wish["expiration"])
        except ValueError:
            raise invalid("expiration") from None
    for name in (*COUNTERS, *LIMITS):
        if name in wish and (not isinstance(wish[name], int) or wish[name] < 0):
            raise invalid(name)
    for name in ("require_login", *FLAGS):
        if name in wish and not isinstance(wish[name], bool):
            raise invalid(name)
    return wish
