"""Listing, metadata, search: all that reads a drive or a share.

Sources: PDS §6.1, §6.2, Aliyundrive §6, §B3, Aliyundrive Open §5.1, §5.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.emulators.pds import queries
from tests.emulators.pds.errors import Refused
from tests.emulators.pds.items import category
from tests.emulators.pds.paging import Ordered, key_of, limit_of, order_of
from tests.emulators.pds.tree import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.emulators.pds.items import Items
    from tests.emulators.pds.reach import Place
    from tests.emulators.pds.settings import Settings
    from tests.emulators.pds.tree import Node, Tree

ORDERS = ("name", "size", "created_at", "updated_at", "name_enhanced")
_KEPT_LISTINGS = 16
_SEARCH_MOST = 100


class Listing:
    """Reads for one dialect: "pds", "aliyun" or "open"."""

    def __init__(self, tree: Tree, items: Items, settings: Settings, dialect: str) -> None:
        self._tree = tree
        self._items = items
        self._settings = settings
        self._dialect = dialect
        self._kept: dict[tuple[Any, ...], Ordered] = {}

    def page(self, place: Place, body: dict[str, Any]) -> dict[str, Any]:
        """One page of a folder's children; raises Refused."""
        by, downward = order_of(body, ORDERS, "created_at")
        limit = limit_of(body, self._settings.max_page, self._settings.default_page)
        if self._settings.on("short-pages"):
            limit = max(1, limit // 2)
        parent = place.folder(body.get("parent_file_id"), "parent_file_id")
        share = place.share
        if share is not None and parent.file_id in share.closed_folders:
            raise Refused("ForbiddenNoPermission.File")
        if share is not None and parent is place.drive.root:
            nodes: Iterable[Node] = share.tops(self._tree)
            ordered = self._ordered(nodes, body, by, downward=downward)
        else:
            ordered = self._ordered_folder(parent, body, by, downward=downward)
        return self._answer(place, ordered, body, limit) | {"punished_file_count": 0}

    def one(self, place: Place, node: Node) -> dict[str, Any]:
        """One object."""
        value = self._items.view(node, place, self._dialect)
        if self._dialect == "open" and not node.is_folder:
            value["streams_info"] = {}
        return value

    def get(self, place: Place, body: dict[str, Any]) -> dict[str, Any]:
        """One object by id, also one in the recycle bin; raises Refused 404."""
        node = place.node(body.get("file_id"))
        if node.uploading:
            raise Refused("NotFound.File")
        value = self.one(place, node)
        fields = str(body.get("fields") or "")
        if "id_path" in fields or "name_path" in fields:
            above = node.lineage()[::-1]
            value["id_path"] = "/".join([ROOT, *(one.file_id for one in above)])
            value["name_path"] = "/".join([ROOT, *(one.name for one in above)])
        return value

    def lineage(self, place: Place, body: dict[str, Any]) -> dict[str, Any]:
        """An object and the folders above it, innermost first."""
        node = place.node(body.get("file_id"))
        return {"items": [self.one(place, one) for one in node.lineage()]}

    def by_path(self, place: Place, body: dict[str, Any]) -> dict[str, Any]:
        """One object by path; raises Refused 404."""
        return self.one(place, place.by_path(body.get("file_path")))

    def search(self, place: Place, body: dict[str, Any]) -> dict[str, Any]:
        """What matches a query, anywhere in the drive; raises Refused."""
        query = str(body.get("query") or "")
        keyword = body.get("keyword")
        matches = queries.parse(query)
        found = []
        for node in self._below(place):
            facts = {
                "name": node.name,
                "type": "folder" if node.is_folder else "file",
                "parent_file_id": node.parent.file_id if node.parent is not None else "",
                "category": "" if node.is_folder else category(node.name),
                "size": str(node.size),
            }
            if matches(facts) and (not keyword or str(keyword) in node.name):
                found.append(node)
        by, downward = order_of(body, ORDERS, "updated_at DESC")
        limit = limit_of(body, _SEARCH_MOST, self._settings.default_page)
        ordered = self._ordered(found, body, by, downward=downward)
        return self._answer(place, ordered, body, limit) | {"total_count": len(found)}

    def walk(self, place: Place, body: dict[str, Any]) -> dict[str, Any]:
        """All that is below a folder, or in the drive, flat and paged."""
        top = place.folder(body.get("parent_file_id") or ROOT)
        below = self._below(place) if top is place.drive.root else self._tree.walk(top)
        limit = limit_of(body, self._settings.max_page, self._settings.default_page)
        return self._answer(place, self._ordered(below, body, "name", downward=False), body, limit)

    def trash(self, place: Place, body: dict[str, Any]) -> dict[str, Any]:
        """One page of the recycle bin."""
        by, downward = order_of(body, ORDERS, "updated_at DESC")
        limit = limit_of(body, max(200, self._settings.max_page), self._settings.default_page)
        nodes = place.drive.bin.children.values()
        return self._answer(place, self._ordered(nodes, body, by, downward=downward), body, limit)

    def starred(self, place: Place, body: dict[str, Any]) -> dict[str, Any]:
        """One page of what has a star, anywhere in the drive."""
        by, downward = order_of(body, ORDERS, "updated_at DESC")
        limit = limit_of(body, self._settings.max_page, self._settings.default_page)
        nodes = [node for node in self._below(place) if node.starred]
        ordered = self._ordered(nodes, body, by, downward=downward)
        return self._answer(place, ordered, body, limit)

    def folder_size(self, place: Place, body: dict[str, Any]) -> dict[str, Any]:
        """How much is below a folder."""
        below = list(self._tree.walk(place.folder(body.get("file_id"), "file_id")))
        folders = sum(node.is_folder for node in below)
        return {
            "size": sum(node.size for node in below),
            "folder_count": folders,
            "file_count": len(below) - folders,
        }

    def _below(self, place: Place) -> Iterable[Node]:
        if place.share is None:
            return [node for node in self._tree.walk(place.drive.root) if not node.uploading]
        tops = place.share.tops(self._tree)
        return [one for top in tops for one in (top, *self._tree.walk(top))]

    def _ordered_folder(
        self, folder: Node, body: dict[str, Any], by: str, *, downward: bool
    ) -> Ordered:
        if not body.get("marker"):
            self._tree.look(folder)
        filters = tuple(str(body.get(name) or "") for name in ("type", "category"))
        key = (folder.directory, folder.file_id, folder.generation, id(folder), by, downward)
        ordered = self._kept.get((*key, *filters))
        if ordered is None:
            ordered = self._ordered(folder.children.values(), body, by, downward=downward)
            while len(self._kept) >= _KEPT_LISTINGS:
                del self._kept[next(iter(self._kept))]
            self._kept[(*key, *filters)] = ordered
        return ordered

    def _ordered(
        self, nodes: Iterable[Node], body: dict[str, Any], by: str, *, downward: bool
    ) -> Ordered:
        sort = body.get("type")
        wanted = [one for one in str(body.get("category") or "").split(",") if one]
        shown = [
            (key_of(node, by), node)
            for node in nodes
            if not node.uploading
            and (sort in (None, "", "all") or (sort == "folder") == node.is_folder)
            and (not wanted or (not node.is_folder and category(node.name) in wanted))
        ]
        return Ordered(shown, by, downward=downward)

    def _answer(
        self, place: Place, ordered: Ordered, body: dict[str, Any], limit: int
    ) -> dict[str, Any]:
        nodes, marker = ordered.page(body.get("marker"), limit)
        items = [self._items.view(node, place, self._dialect) for node in nodes]
        return {"items": items, "next_marker": marker}
