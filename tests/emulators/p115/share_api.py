"""Shares as those see them who have a link: listing, downloading, receiving.

Source: wire 115 §6.2-6.4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.emulators.p115 import envelope
from tests.emulators.p115.envelope import respond
from tests.emulators.p115.link_api import opened, sealed
from tests.emulators.p115.links import AGENT, AGENT_AND_COOKIE
from tests.emulators.p115.orders import Order
from tests.emulators.p115.routes import Route
from tests.emulators.p115.tree import seconds

if TYPE_CHECKING:
    from tests.emulators.clock import Clock
    from tests.emulators.messages import Response
    from tests.emulators.p115.link_api import LinkApi
    from tests.emulators.p115.links import Links, Made
    from tests.emulators.p115.routes import Call
    from tests.emulators.p115.settings import Settings
    from tests.emulators.p115.shares import Share, Shares
    from tests.emulators.p115.spelling import Spelling
    from tests.emulators.p115.tree import Node, Tree
    from tests.emulators.p115.views import Views

_SHARER = 200000002
_DEFAULT_LIMIT = 32
# The app's snapshot shows so many entries of a folder that is not one's own (§6.2).
_MOST_IN_APP = 1000
_LOGIN = 990001
_MISSING = 20018
_RECEIVED_FOLDER = "最近接收"


class ShareApi:
    """Handlers of `share/...`."""

    def __init__(
        self,
        shares: Shares,
        tree: Tree,
        views: Views,
        links: Links,
        link_api: LinkApi,
        settings: Settings,
        spelling: Spelling,
        clock: Clock,
    ) -> None:
        self._shares = shares
        self._tree = tree
        self._views = views
        self._links = links
        self._link_api = link_api
        self._settings = settings
        self._spelling = spelling
        self._clock = clock

    def routes(self) -> list[Route]:
        """Where they are."""
        at = Route.to
        web, app = "webapi.115.com/share", "proapi.115.com"
        return [
            at(f"{web}/snap", "list", self._snap, "GET"),
            at(f"{app}/*/2.0/share/snap", "list", self._app_snap, "GET"),
            at(f"{web}/downurl", "link", self._downurl, "GET"),
            at(f"{app}/app/share/downurl", "link", self._sealed_downurl, "POST"),
            at(f"{app}/os_windows/2.0/share/downurl", "link", self._downurl, "GET"),
            at(f"{web}/skip_login_downurl", "link", self._skip_login_downurl, "POST"),
            at(f"{app}/app/share/skip_login_downurl", "link", self._sealed_skip, "POST"),
            at(f"{web}/is_skip_login", "share_info", self._is_skip_login, "POST"),
            at(f"{web}/shareinfo", "share_info", self._own_info, "GET"),
            at(f"{web}/receive", "share_save", self._receive, "POST"),
            at(f"{web}/downlist", "list", self._downlist, "GET"),
        ]

    def _snap(self, call: Call) -> Response:
        return self._listed(call, self._settings.largest_share_page)

    def _app_snap(self, call: Call) -> Response:
        if call.session is None:
            raise envelope.web(99, "请重新登录")
        return self._listed(call, _MOST_IN_APP, most=_MOST_IN_APP)

    def _listed(self, call: Call, largest: int, most: int | None = None) -> Response:
        share = self._share(call)
        nodes: list[Node] = []
        if share.number == 1:
            nodes = self._sorted(call, share)[:most]
        offset = max(0, call.number("offset"))
        limit = min(max(1, call.number("limit", _DEFAULT_LIMIT)), largest)
        if self._settings.on("share-list-short"):
            limit = max(1, limit - 1)
        page = nodes[offset : offset + limit]
        number = self._spelling.number
        data = {
            "userinfo": {"user_id": str(_SHARER), "user_name": "分享者", "face": ""},
            "shareinfo": self._about(share),
            "count": len(nodes),
            "list": [self._entry(share, node) for node in page],
            "share_state": number("share_state", share.number),
            "user_appeal": {
                "can_appeal": 0,
                "can_share_appeal": 0,
                "popup_appeal_page": 0,
                "can_global_appeal": 0,
            },
        }
        errno = self._spelling.errno()
        return respond({"state": True, "error": "", "errno": errno, "data": data})

    def _about(self, share: Share) -> dict[str, Any]:
        text, number = self._spelling.text, self._spelling.number
        size = share.only.size if share.only is not None else 0
        return {
            "snap_id": share.code[2:],
            "file_size": text("file_size", size),
            "share_title": share.title,
            "share_state": number("share_state", share.number),
            "forbid_reason": share.reason,
            "create_time": text("create_time", seconds(share.folder.created_ns)),
            "receive_code": share.receive_code,
            "receive_count": text("receive_count", len(share.received)),
            "expire_time": share.expires,
            "file_category": int(share.only is not None),
            "auto_renewal": text("auto_renewal", 0),
            "auto_fill_recvcode": text("auto_fill_recvcode", 0),
            "have_vio_file": int(any(node.flagged for node in share.known.values())),
            **self._spelling.optional({"can_report": 1, "can_notice": 0}),
            "share_duration": -1,
            "has_receive_code": int(bool(share.receive_code)),
            "skip_login_state": number("skip_login_state", int(self._skips)),
        }

    def _entry(self, share: Share, node: Node) -> dict[str, Any]:
        number = self._spelling.number
        parent = share.id_of(node.parent) if node.parent is not None and not share.only else 0
        own = share.id_of(node)
        entry: dict[str, Any] = {
            "n": self._views.name(node),
            "t": str(seconds(node.modified_ns)),
            "u": "",
            **self._spelling.optional({"fl": [], "d": 0, "e": "", "ns": "", "uid": _SHARER}),
            "c": node.flagged,
        }
        if node.is_folder:
            ids = {"cid": self._spelling.text("cid", own), "pid": str(parent)}
            size = self._spelling.number("s", 0)
            return {**ids, **entry, "s": size, "fc": 0, "ico": "folder", "sha": ""}
        return {
            "fid": str(own),
            "cid": number("cid", parent),
            **entry,
            "s": number("s", node.size),
            "fc": 1,
            "ico": node.extension,
            "sha": node.sha1,
            "is_skip_login": int(self._skips),
        }

    def _downurl(self, call: Call) -> Response:
        inner, cookies = self._file_link(call, self._wish(call), login=True)
        return respond(
            {"state": True, "error": "", "errno": 0, "msg": "", "data": inner}, cookies=cookies
        )

    def _sealed_downurl(self, call: Call) -> Response:
        if call.session is None:
            raise envelope.link(99, "请重新登录", [])
        wish, seed = opened(call)
        inner, cookies = self._file_link(call, wish, login=True)
        return sealed(inner, seed, cookies)

    def _skip_login_downurl(self, call: Call) -> Response:
        inner, cookies = self._file_link(call, self._wish(call), login=False)
        return respond({"state": True, "error": "", "errno": 0, "data": inner}, cookies=cookies)

    def _sealed_skip(self, call: Call) -> Response:
        wish, seed = opened(call)
        inner, cookies = self._file_link(call, wish, login=False)
        return sealed(inner, seed, cookies)

    def _file_link(
        self, call: Call, wish: dict[str, Any], *, login: bool
    ) -> tuple[dict[str, Any], tuple[str, ...]]:
        """The inner object of a link answer, and its cookies; raises Refused."""
        if login and call.session is None:
            raise envelope.web(_LOGIN, "登录超时，请重新登录。", request=call.request.path)
        self._link_api.checked(call.agent)
        share = self._share(call, wish)
        if share.number != 1:
            code = 4100018 if share.state == "expired" else 4100009
            raise envelope.link(code, share.reason)
        if not login and not self._skips:
            raise envelope.web(_LOGIN, "登录后才能下载")
        node = self._file(share, str(wish.get("file_id", "")))
        made: Made | None = None
        if not node.is_folder:
            if node.flagged:
                raise envelope.link(50038, "文件含有违规内容，无法下载")
            # Without a login there is nobody to give a cookie to (§6.3).
            bound = AGENT_AND_COOKIE if login else AGENT
            made = self._links.make(node, call.agent, bound)
        return self._link_fields(share, node, made), made.cookies if made is not None else ()

    def _link_fields(self, share: Share, node: Node, made: Made | None) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "fid": str(share.id_of(node)),
            "fn": node.name,
            "fs": self._spelling.text("fs", node.size),
        }
        if made is None:
            return {**fields, "url": False}
        if self._settings.on("share-other-fields"):
            return {**fields, "url": {}, "file_url": made.url}
        url = {"url": made.url, "client": 1, "desc": None, "isp": None, "oss_id": ""}
        return {**fields, "url": url}

    def _is_skip_login(self, call: Call) -> Response:
        share = self._share(call)
        self._file(share, call.text("file_id"))
        return respond({"state": True, "errno": 0, "data": {"is_skip_login": int(self._skips)}})

    def _own_info(self, call: Call) -> Response:
        share = self._shares.by_code.get(call.text("share_code"))
        if call.session is None or share is None or not share.own:
            raise envelope.web(4100026, "分享不存在或已删除")
        return respond({"state": True, "error": "", "errno": 0, "data": self._about(share)})

    def _receive(self, call: Call) -> Response:
        if call.session is None:
            raise envelope.web(_LOGIN, "登录超时，请重新登录。")
        share = self._share(call)
        texts = call.many("file_id")
        if texts == ["0"]:
            nodes = self._shares.entries(share, share.folder)
        else:
            nodes = [self._file(share, text) for text in texts]
        target = self._target(call.text("cid"))
        if nodes and all(node.id in share.received for node in nodes):
            raise envelope.web(4200045, "你已经接收过该文件，无需重复接收")
        for node in nodes:
            self._tree.look(node)
            if node.is_folder and not node.children:
                raise envelope.web(51011, "空文件夹不能接收")
        for node in nodes:
            share.received.add(node.id)
            self._tree.copy(node, target, self._clock.now_ns())
        data = {"has_vio_file": 0, "receive_title": share.title}
        return respond({"state": True, "error": "", "errno": self._spelling.errno(), "data": data})

    def _downlist(self, call: Call) -> Response:
        share = self._share(call)
        folder = self._folder(share, call.text("cid"))
        files = [node for node in self._tree.below(folder) if not node.is_folder]
        entries = [
            {
                "fid": str(share.id_of(node)),
                "fn": node.name,
                "fs": node.size,
                "pt": f"/{'/'.join(one.name for one in node.lineage()[:-1])}",
                "sha1": node.sha1,
            }
            for node in files
        ]
        return respond({"state": True, "error": "", "errno": 0, "data": {"list": entries}})

    @property
    def _skips(self) -> bool:
        return not self._settings.on("login-required")

    def _wish(self, call: Call) -> dict[str, Any]:
        names = ("share_code", "receive_code", "file_id")
        return {name: call.text(name) for name in names}

    def _share(self, call: Call, wish: dict[str, Any] | None = None) -> Share:
        values = self._wish(call) if wish is None else wish
        code = str(values.get("share_code", ""))
        share = self._shares.opened(code, str(values.get("receive_code", "")))
        wants = call.host == "115cdn.com" and self._settings.on("referer-wanted")
        if wants and f"/s/{code}" not in call.request.headers.get("referer", ""):
            raise envelope.Refused({"state": False, "error": "Unauthorized"}, 401)
        return share

    def _sorted(self, call: Call, share: Share) -> list[Node]:
        try:
            folder = self._folder(share, call.text("cid"))
        except envelope.Refused:
            if self._settings.on("share-missing-empty"):
                return []
            raise
        field = call.text("o", "file_name")
        order = Order(field=field, ascending=call.number("asc", 1) != 0, mixed=False)
        return order.sorted(self._shares.entries(share, folder))

    def _folder(self, share: Share, cid: str) -> Node:
        node = self._shares.node(share, int(cid)) if cid.isdecimal() else share.folder
        if node is not None and node.is_folder:
            return node
        raise envelope.web(_MISSING, envelope.MISSING)

    def _file(self, share: Share, text: str) -> Node:
        node = self._shares.node(share, int(text)) if text.isdecimal() and text != "0" else None
        if node is None:
            raise envelope.web(_MISSING, envelope.MISSING)
        return node

    def _target(self, cid: str) -> Node:
        if cid:
            node = self._tree.nodes.get(int(cid)) if cid.isdecimal() else None
            if node is None or not node.is_folder:
                raise envelope.web(20009, envelope.MISSING)
            return node
        self._tree.look(self._tree.root)
        for child in self._tree.root.children.values():
            if child.is_folder and child.name == _RECEIVED_FOLDER:
                return child
        return self._tree.make(self._tree.root, _RECEIVED_FOLDER, self._clock.now_ns())
