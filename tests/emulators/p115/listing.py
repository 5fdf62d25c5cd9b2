"""Pages of a folder in the three dialects of the own drive.

Source: wire 115 §0.3, §0.4, §4.1-4.3, §10.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.emulators.p115 import envelope
from tests.emulators.p115.orders import APP_ORDERS, REMEMBERED, WEB_ORDERS, Order, Ordered
from tests.emulators.p115.sessions import USER_ID

if TYPE_CHECKING:
    from tests.emulators.p115.routes import Call
    from tests.emulators.p115.settings import Settings
    from tests.emulators.p115.spelling import Spelling
    from tests.emulators.p115.tree import Node, Tree

_DEFAULT_LIMIT = 32
_UNSUPPORTED_ORDER = 20130827
# Folders of the service's own, which stand before all others in the root (§4.1).
_SYSTEM_FOLDERS = ("最近接收", "云下载")
# What `type` asks for, by extension; 99 is every file.
_TYPES = {
    1: frozenset({"txt", "pdf", "doc", "docx", "xls", "xlsx", "ppt", "srt"}),
    2: frozenset({"jpg", "jpeg", "png", "gif", "webp", "bmp"}),
    3: frozenset({"mp3", "flac", "wav", "ape", "m4a"}),
    4: frozenset({"mkv", "mp4", "avi", "ts", "mov", "wmv", "flv", "rmvb", "iso"}),
    5: frozenset({"zip", "rar", "7z", "tar", "gz"}),
    6: frozenset({"exe", "apk", "msi"}),
    7: frozenset({"epub", "mobi", "azw3"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page: the folder that is really listed, the order really used, and the entries."""

    folder: Node
    order: Order
    nodes: list[Node]
    count: int
    offset: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How one listing differs from the others.

    Attributes:
        orders: The orders it knows; others sort as `user_utime`.
        most: Entries of a page at most; asking for more gives as many.
        fixed: The only order it has, "" for a choice.
        mixes: Whether `fc_mix` counts.
        show_dir: What `show_dir` is when it was not sent.
    """

    orders: tuple[str, ...] = WEB_ORDERS
    most: int = 1150
    fixed: str = ""
    mixes: bool = True
    show_dir: int = 1


class Listing:
    """Finds what a listing shows."""

    def __init__(self, tree: Tree, settings: Settings, spelling: Spelling) -> None:
        self._tree = tree
        self._settings = settings
        self._spelling = spelling
        self._ordered = Ordered()

    @property
    def web(self) -> Dialect:
        """`webapi /files`."""
        return Dialect(most=self._settings.largest_page)

    @property
    def aps(self) -> Dialect:
        """`natsort/files.php`: by name only, larger pages."""
        return Dialect(most=self._settings.largest_aps_page, fixed="file_name")

    @property
    def app(self) -> Dialect:
        """The listings of the apps."""
        return Dialect(orders=APP_ORDERS, most=7000, mixes=False)

    @property
    def open(self) -> Dialect:
        """The Open platform: without `show_dir=1` there are no folders."""
        return Dialect(orders=APP_ORDERS, most=self._settings.largest_page, show_dir=0)

    def folder(self, cid: str) -> Node:
        """The folder with this id; the root for everything that is none (§0.3)."""
        node = self._tree.now(int(cid)) if cid.isdecimal() else None
        if node is not None and node.is_folder:
            return node
        if cid not in ("", "0") and self._settings.on("unknown-refused"):
            raise envelope.listing(20009, envelope.MISSING)
        return self._tree.root

    def page(self, call: Call, dialect: Dialect) -> Page:
        """The page that a call asks for; raises Refused 20130827 for an order, when switched."""
        folder = self.folder(call.text("cid"))
        order = self._order(call, folder, dialect)
        offset = max(0, call.number("offset"))
        if offset:
            self._tree.notice(folder)
        else:
            self._tree.look(folder)
        if folder is self._tree.root and self._settings.on("system-folders"):
            self._show_system_folders()
        nodes = self._nodes(call, folder, order, dialect)
        wraps = dialect.fixed and self._settings.on("aps-wraps")
        if wraps and offset >= self._settings.largest_aps_page:
            offset = 0
        limit = min(max(1, call.number("limit", _DEFAULT_LIMIT)), dialect.most)
        return Page(
            folder=folder,
            order=order,
            nodes=nodes[offset : offset + limit],
            count=len(nodes),
            offset=offset,
            limit=limit,
        )

    def remember(self, call: Call) -> None:
        """Obey `files/order`."""
        folder = self.folder(call.text("file_id"))
        field = call.text("user_order", "file_name")
        if field not in WEB_ORDERS:
            raise envelope.web(990002, "参数错误。")
        folder.remembered = (field, call.number("user_asc", 1), call.number("fc_mix"))

    def top(self, page: Page) -> dict[str, Any]:
        """What the cookie listings say about a page beside its entries."""
        text, number = self._spelling.text, self._spelling.number
        shown = page.order.shown
        system = sum(child.pinned for child in page.folder.children.values())
        return {
            "count": page.count,
            "offset": page.offset,
            "limit": page.limit,
            "page_size": page.limit,
            "cid": number("cid", page.folder.id),
            "aid": "1",
            **shown,
            "is_asc": number("is_asc", shown["is_asc"]),
            "sys_count": 0 if page.folder.parent is not None else system,
            "uid": text("uid", USER_ID),
            **self._spelling.optional(
                {"natsort": 1, "cur": 1, "stdir": 1, "star": 0, "type": 0, "is_q": 0}
            ),
            "is_share": 0,
            "r_all": 0,
            "min_size": 0,
            "max_size": 0,
            "suffix": "",
            "fields": "",
            "record_open_time": "0",
            "data_source": "DB",
        }

    def path(self, folder: Node) -> list[dict[str, Any]]:
        """The `path` of a listing, root first."""
        number = self._spelling.number
        root = self._tree.root
        return [
            {
                "name": one.name or "根目录",
                "aid": number("aid", 1),
                "cid": number("cid", one.id),
                "pid": number("pid", one.parent.id if one.parent is not None else 0),
                "isp": number("isp", 0),
                "p_cid": str(one.parent.id) if one.parent is not None else "0",
                **self._spelling.optional({"iss": "0", "fv": "0", "fvs": "0"}),
            }
            for one in (root, *folder.lineage())
        ]

    def _show_system_folders(self) -> None:
        root = self._tree.root
        if any(child.pinned for child in root.children.values()):
            return
        for name in _SYSTEM_FOLDERS:
            self._tree.make(root, name, root.created_ns).pinned = True

    def _order(self, call: Call, folder: Node, dialect: Dialect) -> Order:
        remembered = folder.remembered or REMEMBERED
        field = dialect.fixed or call.text("o", remembered[0])
        if field not in dialect.orders:
            field = "user_utime" if field in WEB_ORDERS else "file_name"
        own = Order(
            field=field,
            ascending=call.number("asc", 1) != 0,
            mixed=dialect.mixes and call.number("fc_mix") != 0,
            natural=bool(dialect.fixed),
        )
        if dialect.fixed:
            return own
        kept = Order.of(remembered)
        if not dialect.mixes:
            kept = Order(field=kept.field, ascending=kept.ascending, mixed=False)
        asked = "o" in call.request.query or "asc" in call.request.query
        differs = (own.field, own.ascending) != (kept.field, kept.ascending)
        if self._settings.on("order-refused") and asked and differs:
            shown = {"order": remembered[0], "is_asc": remembered[1], "fc_mix": remembered[2]}
            raise envelope.listing(_UNSUPPORTED_ORDER, "排序方式不支持", **shown)
        if self._settings.on("order-ignored") or call.number("custom_order") == 0:
            return kept
        return own

    def _nodes(self, call: Call, folder: Node, order: Order, dialect: Dialect) -> list[Node]:
        suffixes = frozenset(call.text("suffix").lower().split(",")) - {""}
        wanted = call.number("type")
        show_dir = call.number("show_dir", dialect.show_dir)
        files_only = show_dir == 0 or wanted > 0 or bool(suffixes)
        if not files_only:
            nodes = self._ordered.children(folder, order)
            return [node for node in nodes if not node.is_folder] if call.number("nf") else nodes
        if call.number("cur"):
            found = list(self._ordered.children(folder, order))
        else:
            found = order.sorted(list(self._tree.below(folder)))
        return [node for node in found if _wanted(node, wanted, suffixes)]


def _wanted(node: Node, kind: int, suffixes: frozenset[str]) -> bool:
    if node.is_folder:
        return False
    extension = node.extension.lower()
    if suffixes and extension not in suffixes:
        return False
    return kind not in _TYPES or extension in _TYPES[kind]
