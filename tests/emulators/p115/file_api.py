"""The cookie API about the own drive: listings, one object, space.

Source: wire 115 §4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.emulators.p115 import envelope
from tests.emulators.p115.envelope import respond
from tests.emulators.p115.ids import number_in
from tests.emulators.p115.routes import Route
from tests.emulators.p115.views import readable

if TYPE_CHECKING:
    from tests.emulators.messages import Response
    from tests.emulators.p115.listing import Listing, Page
    from tests.emulators.p115.routes import Call
    from tests.emulators.p115.settings import Settings
    from tests.emulators.p115.spelling import Spelling
    from tests.emulators.p115.tree import Node, Tree
    from tests.emulators.p115.views import Views

# Larger pages of the app's listing are HTTP 500 (§4.3).
_APP_BREAKS_AT = 10000
_LOGIN_ERRNO = 990001
_MISSING = 20018


class FileApi:
    """Handlers of `webapi`, `aps` and `proapi/{app}` that change nothing."""

    def __init__(
        self, tree: Tree, listing: Listing, views: Views, settings: Settings, spelling: Spelling
    ) -> None:
        self._tree = tree
        self._listing = listing
        self._views = views
        self._settings = settings
        self._spelling = spelling

    def routes(self) -> list[Route]:
        """Where they are."""
        at = Route.to
        return [
            at("webapi.115.com/files", "list", self._files, "GET"),
            at("aps.115.com/natsort/files.php", "list", self._natsort, "GET"),
            at("proapi.115.com/*/2.0/ufile/files", "list", self._app_files, "GET"),
            at("proapi.115.com/*/files", "list", self._long_files, "GET"),
            at("webapi.115.com/files/order", "change", self._remember, "POST"),
            at("webapi.115.com/files/get_info", "info", self._info, "GET"),
            at("webapi.115.com/files/file", "info", self._short),
            at("webapi.115.com/category/get", "info", self._category, "GET"),
            at("webapi.115.com/files/getid", "info", self._id_of_path, "GET"),
            at("webapi.115.com/files/get_path_id", "info", self._id_of_path, "GET"),
            at("webapi.115.com/files/search", "list", self._search, "GET"),
            at("webapi.115.com/files/shasearch", "info", self._by_sha1, "GET"),
            at("webapi.115.com/files/index_info", "space", self._space, "GET"),
            at("proapi.115.com/*/user/space_info", "space", self._app_space, "GET"),
        ]

    def _files(self, call: Call) -> Response:
        if call.session is None:
            raise envelope.listing(_LOGIN_ERRNO, "登录超时，请重新登录。")
        return self._web(call, self._listing.page(call, self._listing.web))

    def _natsort(self, call: Call) -> Response:
        if call.session is None:
            raise envelope.Refused({"state": False, "error": envelope.LOGIN})
        return self._web(call, self._listing.page(call, self._listing.aps))

    def _web(self, call: Call, page: Page) -> Response:
        top = self._listing.top(page)
        if call.number("count_folders"):
            children = page.folder.children.values()
            folders = sum(child.is_folder for child in children)
            top |= {"file_count": len(children) - folders, "folder_count": folders}
        return respond(
            {
                "state": True,
                "error": "",
                "errNo": 0,
                "data": [self._views.web(node) for node in page.nodes],
                "path": self._listing.path(page.folder),
                **top,
            }
        )

    def _app_files(self, call: Call) -> Response:
        return self._app(call, self._views.app)

    def _long_files(self, call: Call) -> Response:
        return self._app(call, self._views.long)

    def _app(self, call: Call, view: Any) -> Response:
        _signed_app(call)
        if call.number("limit") >= _APP_BREAKS_AT:
            raise envelope.Refused({"state": False, "error": "Internal Server Error"}, 500)
        page = self._listing.page(call, self._listing.app)
        fields = call.text("fields")
        columns = frozenset(fields.split(",")) if fields else None
        entries = [view(node) for node in page.nodes]
        if columns is not None:
            entries = [{k: v for k, v in entry.items() if k in columns} for entry in entries]
        top = self._listing.top(page)
        path = self._listing.path(page.folder)
        return respond(
            {"state": True, "error": "", "errno": 0, "data": entries, "path": path, **top}
        )

    def _remember(self, call: Call) -> Response:
        _signed(call)
        self._listing.remember(call)
        return respond({"state": True, "error": "", "errno": self._spelling.errno()})

    def _info(self, call: Call) -> Response:
        if call.session is None:
            raise envelope.coded(_LOGIN_ERRNO, "登录超时，请重新登录。")
        pickcode = call.text("pick_code") or call.text("pickcode")
        node = self._by_pickcode(pickcode) if pickcode else self._node(call.text("file_id"))
        if node is None or node.parent is None:
            raise envelope.coded(_MISSING, envelope.MISSING)
        return respond({"state": True, "code": 0, "message": "", "data": [self._views.web(node)]})

    def _short(self, call: Call) -> Response:
        _signed(call)
        nodes = [self._node(text) for text in call.many("file_id")]
        found = [node for node in nodes if node is not None and node.parent is not None]
        if not found:
            raise envelope.web(_MISSING, envelope.MISSING)
        entries = [
            {
                "file_id": str(node.id),
                "file_name": self._views.name(node),
                "pick_code": node.pickcode,
                "file_size": self._spelling.text("file_size", node.size),
                "sha1": node.sha1,
                "parent_id": str(node.parent.id if node.parent is not None else 0),
                "file_category": str(int(not node.is_folder)),
            }
            for node in found
        ]
        return respond({"state": True, "error": "", "errno": 0, "data": entries})

    def _category(self, call: Call) -> Response:
        _signed(call)
        node = self._node(call.text("cid"))
        if node is None or node.parent is None:
            return respond([] if self._settings.on("category-empty-list") else {})
        return respond(self._views.category(node, inside(self._tree, node)))

    def _id_of_path(self, call: Call) -> Response:
        _signed(call)
        try:
            node = self._tree.find(call.text("path"))
        except ValueError:
            node = self._tree.root
        number = node.id if node.is_folder else 0
        return respond(
            {
                "state": True,
                "error": "",
                "errno": 0,
                "id": self._spelling.text("id", number),
                "is_private": self._spelling.text("is_private", 0),
            }
        )

    def _search(self, call: Call) -> Response:
        if call.session is None:
            raise envelope.listing(_LOGIN_ERRNO, "登录超时，请重新登录。", "/files/search")
        text = call.text("search_value")
        folder = self._listing.folder(call.text("cid"))
        found = [node for node in self._tree.below(folder) if text in node.name]
        offset, limit = call.number("offset"), call.number("limit", 30)
        return respond(
            {
                "state": True,
                "error": "",
                "errNo": 0,
                "count": len(found),
                "offset": offset,
                "page_size": limit,
                "data": [self._views.web(node) for node in found[offset : offset + limit]],
            }
        )

    def _by_sha1(self, call: Call) -> Response:
        _signed(call)
        wanted = call.text("sha1").upper()
        for node in self._tree.below(self._tree.root):
            if wanted and node.sha1 == wanted:
                return respond({"state": True, "error": "", "data": self._views.long(node)})
        raise envelope.Refused({"state": False, "error": "文件不存在"})

    def _space(self, call: Call) -> Response:
        _signed(call)
        sizes = self.sizes()
        data = {
            "space_info": sizes,
            "login_devices_info": {"last": {}, "list": []},
            "imei_info": False,
        }
        return respond({"state": True, "error": "", "code": 0, "data": data})

    def _app_space(self, call: Call) -> Response:
        _signed_app(call)
        return respond({"state": True, "error": "", "code": 0, "data": self.sizes()})

    def sizes(self) -> dict[str, dict[str, Any]]:
        """The account's space; numbers of bytes may be fractions."""
        total, used = self._settings.capacity_bytes, self._settings.used_bytes
        values = {"all_total": total, "all_remain": max(0, total - used), "all_use": used}
        fraction = 0.875 if self._settings.on("float-sizes") else 0
        return {
            name: {
                "size": self._spelling.amount("size", size + fraction),
                "size_format": readable(size),
            }
            for name, size in values.items()
        }

    def _node(self, text: str) -> Node | None:
        return self._tree.now(int(text)) if text.isdecimal() else None

    def _by_pickcode(self, pickcode: str) -> Node | None:
        return by_pickcode(self._tree, pickcode)


def by_pickcode(tree: Tree, pickcode: str) -> Node | None:
    """The node with this pickcode; None when there is none."""
    try:
        number = number_in(pickcode)
    except ValueError:
        return None
    node = tree.now(number)
    return node if node is not None and node.pickcode == pickcode else None


def inside(tree: Tree, node: Node) -> tuple[int, int, int]:
    """Files, folders and bytes of a node with all that is below it."""
    if not node.is_folder:
        return 0, 0, node.size
    below = list(tree.below(node))
    folders = sum(one.is_folder for one in below)
    return len(below) - folders, folders, sum(one.size for one in below)


def _signed(call: Call) -> None:
    if call.session is None:
        raise envelope.web(_LOGIN_ERRNO, "登录超时，请重新登录。")


def _signed_app(call: Call) -> None:
    if call.session is None:
        raise envelope.Refused({"state": False, "errno": 99, "error": "请重新登录", "data": []})
