"""`GET /file`: one page of a folder.

Source: wire Cloudreve V4 §6 and the list_* recordings (server of 2025-06-21).
"""

from __future__ import annotations

import fnmatch
import uuid
from typing import TYPE_CHECKING, Any

from tests.emulators.cloudreve import times
from tests.emulators.cloudreve.envelope import Refused, invalid
from tests.emulators.cloudreve.paging import DIRECTIONS, ORDERS, Cursor, Order, Sorted, repeats
from tests.emulators.cloudreve.places import REDIRECT, not_found
from tests.emulators.cloudreve.uris import parse
from tests.emulators.cloudreve.views import CAPABILITY

if TYPE_CHECKING:
    from tests.emulators.cloudreve.ids import IdSpace
    from tests.emulators.cloudreve.places import Place, Places
    from tests.emulators.cloudreve.settings import Settings
    from tests.emulators.cloudreve.trash import Trash
    from tests.emulators.cloudreve.tree import Node, Tree
    from tests.emulators.cloudreve.users import User
    from tests.emulators.cloudreve.views import Views

_DEFAULT_VIEW: dict[str, Any] = {"page_size": 100}
_TRASH_COLUMNS = [{"type": number} for number in (0, 2, 8, 7)]


class Listing:
    """Answers listings; keeps the sorted children of folders until they change."""

    def __init__(
        self,
        tree: Tree,
        places: Places,
        trash: Trash,
        views: Views,
        file_ids: IdSpace,
        settings: Settings,
    ) -> None:
        self._tree = tree
        self._places = places
        self._trash = trash
        self._views = views
        self._file_ids = file_ids
        self._settings = settings
        self._sorted: dict[tuple[int, Order], tuple[int, Sorted]] = {}
        # Defect §6.2.3: one view for all users, changed by whoever asks.
        self._shared_view = dict(_DEFAULT_VIEW)

    def answer(self, query: dict[str, str], user: User) -> dict[str, Any]:
        """The `data` of a listing; raises Refused."""
        page = _number(query, "page")
        if page < 0:
            raise invalid("Page too short")
        uri = parse(query.get("uri", ""))
        place = self._places.find(uri, user)
        view = self._view(query)
        order = Order.read(view.get("order", ""), view.get("order_direction", ""))
        common = {
            "props": {
                "capability": CAPABILITY[uri.fs],
                "max_page_size": self._settings.max_page_size,
                "order_by_options": list(ORDERS),
                "order_direction_options": list(DIRECTIONS),
            },
            "context_hint": str(uuid.uuid4()),
            "mixed_type": bool(uri.search),
        }
        if uri.fs == "trash":
            return self._of_trash(place, view, common)
        common["storage_policy"] = self._views.policy()
        if place.share is None:
            common["view"] = view | {"view": "grid", "thumbnail": True}
        if place.share is not None and place.is_root and not place.share.node.is_folder:
            return self._of_one_file(place, place.share.node, common)
        if not place.node.is_folder:
            raise not_found(uri.names[-1])
        if REDIRECT in place.node.metadata:
            raise Refused(403, "Symbolic folder cannot be walked into")
        if uri.search:
            return self._of_search(place, uri.search, common)
        if uri.fs == "shared_with_me":
            nodes: list[Node] = []
            pagination: dict[str, Any] = {"page": 0, "page_size": view["page_size"]}
            pagination["is_cursor"] = True
        else:
            nodes, pagination = self._page(place, order, view["page_size"], page, query)
        return {
            "files": self._views.children(place, nodes),
            "parent": self._views.parent(place),
            "pagination": pagination,
            **common,
        }

    def _view(self, query: dict[str, str]) -> dict[str, Any]:
        shared = self._settings.on("shared-default-view")
        view = dict(self._shared_view if shared else _DEFAULT_VIEW)
        size = _number(query, "page_size")
        if size:
            limit = self._settings.max_page_size
            view["page_size"] = min(size, limit) if size > 0 else limit
        if query.get("order_by"):
            view["order"] = query["order_by"]
        if query.get("order_direction"):
            view["order_direction"] = query["order_direction"]
        if shared:
            self._shared_view = dict(view)
        return view

    def _page(
        self, place: Place, order: Order, size: int, page: int, query: dict[str, str]
    ) -> tuple[list[Node], dict[str, Any]]:
        token = query.get("next_page_token")
        if not token:  # later pages belong to what the first one saw
            self._tree.look(place.node)
        children = self._children(place.node, order)
        if self._settings.on("offset-paging"):
            total = {"total_items": children.count} if children.count else {}
            return children.page(page * size, size), {"page": page, "page_size": size, **total}
        start = 0
        if token:
            start = children.position(Cursor.read(token, order, self._file_ids))
            if self._settings.on("updated-at-repeat"):
                start = max(0, start - repeats(order, size))
        nodes = children.page(start, size)
        pagination: dict[str, Any] = {"page": 0, "page_size": size}
        if start + size < children.count:
            loss = self._settings.on("page-border-loss")
            cursor = children.cursor_after(nodes[-1], border_loss=loss)
            pagination["next_token"] = cursor.written(order, self._file_ids)
        return nodes, pagination | {"is_cursor": True}

    def _children(self, folder: Node, order: Order) -> Sorted:
        key = (folder.number, order)
        known = self._sorted.get(key)
        if known is None or known[0] != folder.generation:
            known = (folder.generation, Sorted(folder.children.values(), order))
            self._sorted[key] = known
        return known[1]

    def _of_search(
        self, place: Place, search: dict[str, str], common: dict[str, Any]
    ) -> dict[str, Any]:
        """A recursive search: what a raw `?` in a URI silently starts (§5)."""
        wanted = search.get("name", "")
        pattern = wanted if "*" in wanted else f"*{wanted}*"
        found = [
            node for node in place.node.walk(self._tree) if fnmatch.fnmatch(node.name, pattern)
        ]
        unordered = {"order_by_options": None, "order_direction_options": None}
        return {
            "files": [self._views.found(place, node) for node in found],
            "parent": self._views.parent(place),
            "pagination": {"page": 0, "page_size": 0, "is_cursor": True},
            **common,
            "props": common["props"] | unordered,
        }

    def _of_one_file(self, place: Place, node: Node, common: dict[str, Any]) -> dict[str, Any]:
        return {
            "files": self._views.children(place, [node]),
            "parent": self._views.parent(place),
            "pagination": {"page": 0, "page_size": 0},
            **common,
            "single_file_view": True,
        }

    def _of_trash(
        self, place: Place, view: dict[str, Any], common: dict[str, Any]
    ) -> dict[str, Any]:
        if not place.is_root:
            raise not_found(place.uri.names[-1])
        items = sorted(self._trash.items(place.user).items(), key=lambda item: item[1].name)
        return {
            "files": [self._views.trashed(place, name, node) for name, node in items],
            "parent": {
                "type": 0,
                "id": "",
                "name": "",
                "created_at": times.never,
                "updated_at": times.never,
                "size": 0,
                "metadata": None,
            },
            "pagination": {"page": 0, "page_size": view["page_size"], "is_cursor": True},
            **common,
            "view": view | {"view": "list", "columns": _TRASH_COLUMNS},
        }


def _number(query: dict[str, str], name: str) -> int:
    try:
        return int(query.get(name) or 0)
    except ValueError:
        raise invalid("Parameter error") from None
