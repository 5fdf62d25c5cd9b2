"""The Open platform's calls about files and the user.

Source: wire 115 §10.1, §10.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.emulators.p115 import envelope
from tests.emulators.p115.envelope import respond
from tests.emulators.p115.file_api import inside
from tests.emulators.p115.links import AGENT
from tests.emulators.p115.routes import Route
from tests.emulators.p115.sessions import USER_ID, USER_NAME

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.emulators.messages import Response
    from tests.emulators.p115.file_api import FileApi
    from tests.emulators.p115.link_api import LinkApi
    from tests.emulators.p115.listing import Listing
    from tests.emulators.p115.routes import Call
    from tests.emulators.p115.settings import Settings
    from tests.emulators.p115.spelling import Spelling
    from tests.emulators.p115.tokens import Tokens
    from tests.emulators.p115.tree import Node, Tree
    from tests.emulators.p115.views import Views

_MISSING_PATH = 430004


class OpenApi:
    """Handlers of `proapi/open/...`."""

    def __init__(
        self,
        tokens: Tokens,
        tree: Tree,
        listing: Listing,
        views: Views,
        files: FileApi,
        link_api: LinkApi,
        settings: Settings,
        spelling: Spelling,
    ) -> None:
        self._tokens = tokens
        self._tree = tree
        self._listing = listing
        self._views = views
        self._files = files
        self._link_api = link_api
        self._settings = settings
        self._spelling = spelling

    def routes(self) -> list[Route]:
        """Where they are."""
        base = "proapi.115.com/open"

        def at(path: str, kind: str, handler: Callable[[Call], Response], method: str) -> Route:
            return Route.to(f"{base}/{path}", kind, self.signed(handler), method)

        return [
            at("user/info", "space", self._user, "GET"),
            at("ufile/files", "list", self._list, "GET"),
            at("folder/get_info", "info", self._info, "*"),
            at("ufile/search", "list", self._search, "GET"),
            at("ufile/downurl", "link", self._downurl, "POST"),
        ]

    def signed(self, handler: Callable[[Call], Response]) -> Callable[[Call], Response]:
        """A handler that only answers whoever has a living access token."""

        def checked(call: Call) -> Response:
            self._tokens.check(call.request.headers.get("authorization", ""))
            return handler(call)

        return checked

    def _user(self, call: Call) -> Response:
        data = {
            "user_id": USER_ID,
            "user_name": USER_NAME,
            "user_face_s": "",
            "user_face_m": "",
            "user_face_l": "",
            "rt_space_info": self._files.sizes(),
            "vip_info": {"level_name": "永久VIP", "expire": 4102416000},
        }
        return given(data)

    def _list(self, call: Call) -> Response:
        page = self._listing.page(call, self._listing.open)
        number = self._spelling.number
        shown = page.order.shown
        top = {
            "count": page.count,
            "sys_count": 0,
            "offset": page.offset,
            "limit": number("limit", page.limit),
            "aid": 1,
            "cid": page.folder.id,
            "is_asc": shown["is_asc"],
            "order": shown["order"],
            "fc_mix": 0,
            "min_size": 0,
            "max_size": 0,
            "sys_dir": "",
            **self._spelling.optional({"hide_data": "", "record_open_time": "1", "fields": ""}),
            "star": 0,
            "type": call.number("type"),
            "suffix": call.text("suffix"),
            "cur": call.number("cur"),
            "stdir": call.number("stdir"),
            "path": self._listing.path(page.folder),
        }
        return given([self._views.app(node) for node in page.nodes], **top)

    def _info(self, call: Call) -> Response:
        path = call.text("path")
        node = self._at(path) if path else self._by_id(call.text("file_id"))
        if node is None:
            if self._settings.on("open-missing-list"):
                return given([])
            raise envelope.coded(_MISSING_PATH, "文件不存在或已删除")
        return given(self._views.open_info(node, inside(self._tree, node)))

    def _search(self, call: Call) -> Response:
        text = call.text("search_value")
        folder = self._listing.folder(call.text("cid"))
        wanted = {1: True, 2: False}.get(call.number("fc"))
        found = [
            node
            for node in self._tree.below(folder)
            if text in node.name and wanted in (None, node.is_folder)
        ]
        offset, limit = call.number("offset"), call.number("limit", 20)
        entries = [self._found(node) for node in found[offset : offset + limit]]
        return given(entries, count=len(found), offset=offset, limit=limit)

    def _found(self, node: Node) -> dict[str, Any]:
        """A found entry: every field is text but `is_private` (§14.5)."""
        entry = {name: str(value) for name, value in self._views.long(node).items()}
        return {**entry, "is_private": 0}

    def _downurl(self, call: Call) -> Response:
        self._link_api.checked(call.agent)
        pickcodes = call.many("pick_code")
        if not pickcodes:
            raise envelope.coded(50001, "pick_code 不能为空")
        try:
            found, cookies = self._link_api.items(pickcodes, call.agent, AGENT)
        except envelope.Refused as exc:
            raise envelope.coded(exc.value["errno"], exc.value["msg"]) from None
        if isinstance(found, dict):
            for item in found.values():
                item["file_size"] = int(item["file_size"])
        return respond({"state": True, "message": "", "code": 0, "data": found}, cookies=cookies)

    def _at(self, path: str) -> Node | None:
        try:
            return self._tree.find(path.replace(">", "/"))
        except ValueError:
            return None

    def _by_id(self, text: str) -> Node | None:
        node = self._tree.now(int(text)) if text.isdecimal() else None
        return node if node is not None and node.parent is not None else None


def given(data: object, **top: Any) -> Response:
    """A success of the Open platform."""
    return respond({"state": True, "message": "", "code": 0, "data": data, **top})
