"""`GET /file/info`: one object, with more on request.

Source: wire Cloudreve V4 §7 and the info_* recordings (server of 2025-06-21).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.emulators.cloudreve import times
from tests.emulators.cloudreve.envelope import Panicked, Refused
from tests.emulators.cloudreve.places import Place, not_supported
from tests.emulators.cloudreve.uris import FileUri, parse

if TYPE_CHECKING:
    from tests.emulators.clock import Clock
    from tests.emulators.cloudreve.ids import IdSpace
    from tests.emulators.cloudreve.places import Places
    from tests.emulators.cloudreve.settings import Settings
    from tests.emulators.cloudreve.tree import Node, Tree
    from tests.emulators.cloudreve.users import User
    from tests.emulators.cloudreve.views import Views


class Info:
    """Answers questions about one file or folder."""

    def __init__(
        self,
        tree: Tree,
        places: Places,
        views: Views,
        file_ids: IdSpace,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._tree = tree
        self._places = places
        self._views = views
        self._file_ids = file_ids
        self._settings = settings
        self._clock = clock
        self._summaries: dict[int, tuple[float, dict[str, Any]]] = {}

    def answer(self, query: dict[str, str], user: User) -> dict[str, Any]:
        """The `data` of an info call; raises Refused, and Panicked for a repeated summary."""
        place = self._place(query, user)
        if place.is_root:
            raise not_supported()
        wanted: dict[str, Any] = {}
        if query.get("folder_summary") == "true" and place.node.is_folder:
            wanted |= self._views.pooled(folder_summary=self._summary(place))
        # The server's own word is `true`; a Python client sends `True` (§16), Go reads both.
        extended = query.get("extended", "").lower() == "true"
        if extended:
            wanted |= self._views.pooled(extended_info=self._views.extended(place))
        view = self._views.single(place)
        if extended and self._views.is_shared(place.node):
            view["shared"] = True
        return self._views.polluted(view) | wanted

    def _place(self, query: dict[str, str], user: User) -> Place:
        if query.get("uri"):
            return self._places.find(parse(query["uri"]), user)
        if "id" not in query:
            raise Refused(40001, "Uri cannot be empty", correlated=False)
        try:
            node = self._tree.nodes[self._file_ids.decode(query["id"])]
        except (ValueError, KeyError):
            raise Refused(40001, "unknown file id") from None
        names = tuple(step.name for step in node.lineage())
        return self._places.find(FileUri(fs="my", names=names), user)

    def _summary(self, place: Place) -> dict[str, Any]:
        if not place.owned:
            raise Refused(40082, "Only owner or administrator can perform this action")
        now = self._clock.now()
        known = self._summaries.get(place.node.number)
        if known is not None and now - known[0] < self._settings.summary_life_s:
            if self._settings.on("folder-summary-500"):
                raise Panicked
            return known[1]
        files = folders = size = 0
        for node in place.node.walk(self._tree):
            size += _stored(node)
            folders += node.is_folder
            files += not node.is_folder
        summary = {
            "size": size,
            "files": files,
            "folders": folders,
            "completed": True,
            "calculated_at": times.written(self._clock.now_ns()),
        }
        self._summaries[place.node.number] = (now, summary)
        return summary


def _stored(node: Node) -> int:
    """All that a file takes: old versions and thumbnails included, hence more than its size."""
    return sum(entity.size for entity in node.entities)
