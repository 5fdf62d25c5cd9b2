"""Routes about share links: what others share, and what the caller shares. Source: §B1 to §B7."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tests.emulators.messages import Response
from tests.emulators.pds import times
from tests.emulators.pds.errors import Refused, empty, invalid, respond
from tests.emulators.pds.items import category, extension
from tests.emulators.pds.routes import post

if TYPE_CHECKING:
    from tests.emulators.pds.links import Links
    from tests.emulators.pds.listing import Listing
    from tests.emulators.pds.reach import Place, Reach
    from tests.emulators.pds.routes import Call, Route
    from tests.emulators.pds.settings import Settings
    from tests.emulators.pds.shares import Share, Shares
    from tests.emulators.pds.sharing import Sharing
    from tests.emulators.pds.tree import Node, Tree

_LONGEST_LINK_S = 600
_PASTED = re.compile(r"/s/(\w{11})(?:.*?(?:提取码|pwd)\s*[:：=]\s*(\w{4}))?", re.DOTALL)


class ShareApi:
    """The apps' calls about shares."""

    def __init__(
        self,
        shares: Shares,
        sharing: Sharing,
        reach: Reach,
        tree: Tree,
        listing: Listing,
        links: Links,
        settings: Settings,
    ) -> None:
        self._shares = shares
        self._sharing = sharing
        self._reach = reach
        self._tree = tree
        self._listing = listing
        self._links = links
        self._settings = settings

    def routes(self) -> list[Route]:
        """The routes."""
        info, own = "/share_link/get_share_by_anonymous", "/share_link"
        return [
            post(f"/adrive/v2{info}", "share_info", self._info, access="none"),
            post(f"/adrive/v3{info}", "share_info", self._info, access="none"),
            post("/v2/share_link/get_share_token", "share_token", self._token, access="none"),
            post("/adrive/v2/file/list_by_share", "list", self._list, access="share"),
            post("/adrive/v2/file/get_by_share", "info", self._get, access="share"),
            post("/recommend/v1/shareLink/search", "search", self._search, access="share"),
            post("/v2/file/get_share_link_download_url", "share_link", self._link),
            post("/adrive/v2/share_link/extract_code", "share_info", self._extract),
            post(f"/adrive/v2{own}/create", "share_create", self._create),
            post(f"/adrive/v3{own}/list", "share_list", self._mine),
            post(f"/v2{own}/update", "share_update", self._update),
            post(f"/adrive/v2{own}/cancel", "share_cancel", self._cancel),
        ]

    def cancel_in_batch(self, call: Call) -> Response:
        """Inside a batch a share that was cancelled is 204 (§B7)."""
        self._sharing.cancel(call)
        return empty()

    def _info(self, call: Call) -> Response:
        """What anybody may know of a share; the code is not asked for (§B1)."""
        share = self._shares.usable(call.body.get("share_id") or call.request.query.get("share_id"))
        files = share.tops(self._tree)
        owner = share.creator
        value: dict[str, Any] = {
            "file_count": len(files),
            "share_name": share.name,
            "file_infos": [self._brief(node, share) for node in files[:100]],
            "creator_phone": owner.masked_phone,
            "avatar": "https://img.test/avatar.png",
            "display_name": owner.masked_name,
            "save_button": {"text": "保存到网盘", "select_all_text": "全选"},
            "updated_at": times.written(share.updated_ns),
            "share_title": share.name,
            "creator_id": owner.user_id,
            "creator_name": owner.masked_name,
            "expiration": share.expiration,
            "vip": "non-vip",
            "is_following_creator": False,
            "is_creator_followable": True,
        }
        if not self._settings.on("old-anonymous-info"):
            value["has_pwd"] = bool(share.password)
        return respond(value)

    def _brief(self, node: Node, share: Share) -> dict[str, Any]:
        value: dict[str, Any] = {
            "type": "folder" if node.is_folder else "file",
            "file_id": node.file_id,
            "file_name": node.name,
        }
        if not node.is_folder:
            value |= {"category": category(node.name), "file_extension": extension(node.name)}
        return value

    def _token(self, call: Call) -> Response:
        return respond(self._shares.token(call.body, signed_in=call.session is not None))

    def _opened(self, call: Call) -> Place:
        if not call.body.get("share_id"):
            raise invalid("share_id")
        return self._reach.place(call)

    def _list(self, call: Call) -> Response:
        return respond(self._listing.page(self._opened(call), call.body))

    def _get(self, call: Call) -> Response:
        return respond(self._listing.get(self._opened(call), call.body))

    def _search(self, call: Call) -> Response:
        return respond(self._listing.search(self._opened(call), call.body))

    def _link(self, call: Call) -> Response:
        """A direct link: refused since 2024-03 (§B4)."""
        if not self._settings.on("share-links-work"):
            raise Refused("ParamFlowException")
        place = self._opened(call)
        seconds = call.body.get("expire_sec") or _LONGEST_LINK_S
        if not isinstance(seconds, int) or seconds > _LONGEST_LINK_S:
            raise Refused(
                "InvalidParameter.ExpireSec", "expire_sec should be less or equal than 600"
            )
        url = self._links.make(place.file(call.body.get("file_id")), place, seconds)[0]
        return respond({"download_url": url, "url": url, "thumbnail": ""})

    def _extract(self, call: Call) -> Response:
        match = _PASTED.search(str(call.body.get("content", "")))
        share_id, code = match.groups() if match is not None else ("", "")
        return respond({"data": {"share_id": share_id, "share_pwd": code or ""}})

    def _create(self, call: Call) -> Response:
        share = self._sharing.create(call)
        return respond(self._shown(call, share))

    def _mine(self, call: Call) -> Response:
        cancelled = bool(call.body.get("include_canceled"))  # one l (§B7)
        return respond(self._sharing.page(call, cancelled=cancelled))

    def _update(self, call: Call) -> Response:
        return respond(self._shown(call, self._sharing.update(call)))

    def _cancel(self, call: Call) -> Response:
        self._sharing.cancel(call)
        return Response(status=200)

    def _shown(self, call: Call, share: Share) -> dict[str, Any]:
        files = share.tops(self._tree)
        url = f"https://www.alipan.com/s/{share.share_id}"
        value = self._sharing.view(share) | {
            "share_url": url,
            "share_msg": f"{share.name} {url}",
            "full_share_msg": f"{share.name} {url} 提取码: {share.password}",
            "share_policy": "url",
            "file_id": files[0].file_id if files else "",
            "display_name": share.name,
            "popularity": 0,
        }
        if files:
            place = self._reach.own(call, share.drive.drive_id)
            value["first_file"] = self._listing.one(place, files[0])
        return value
