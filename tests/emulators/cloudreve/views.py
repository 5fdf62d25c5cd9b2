"""File objects as the API shows them.

Source: wire Cloudreve V4 §6, §7 and the list_*, info_* recordings (server of 2025-06-21).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.emulators.cloudreve import times
from tests.emulators.cloudreve.uris import encoded

if TYPE_CHECKING:
    from tests.emulators.clock import Clock
    from tests.emulators.cloudreve.ids import IdSpace
    from tests.emulators.cloudreve.places import Place
    from tests.emulators.cloudreve.settings import Settings
    from tests.emulators.cloudreve.shares import Shares
    from tests.emulators.cloudreve.tree import Entity, Node
    from tests.emulators.cloudreve.users import User


# Capability bit sets as sent: base64 of little-endian bytes (§6).
CAPABILITY = {
    "my": "w8edAQ==",
    "share": "gIaYAQ==",
    "trash": "AMIK",
    "shared_with_me": "gAKA",
}
UPLOAD_MARK = "sys:upload_session_id"


class Views:
    """Makes JSON objects of nodes, entities and policies.

    It also holds the pool behind defect §6.2.4: the server reuses objects without wiping them, so
    `folder_summary` and `extended_info` of one answer can turn up in another.
    """

    def __init__(
        self,
        file_ids: IdSpace,
        entity_ids: IdSpace,
        policy_id: str,
        shares: Shares,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._file_ids = file_ids
        self._entity_ids = entity_ids
        self.policy_id = policy_id
        self._shares = shares
        self._settings = settings
        self._clock = clock
        self._pool: dict[str, Any] = {}

    def policy(self) -> dict[str, Any]:
        """The storage policy of every folder."""
        view: dict[str, Any] = {"id": self.policy_id, "name": "Default storage policy"}
        if self._settings.allowed_suffixes:
            view["allowed_suffix"] = list(self._settings.allowed_suffixes)
        view |= {"type": "local", "max_size": self._settings.max_file_bytes}
        return view | {"relay": True} if self._settings.on("relay") else view

    def entity_id(self, entity: Entity | None) -> str:
        """An entity's id; entity 0, which folders and created empty files have, for None."""
        return self._entity_ids.encode(0 if entity is None else entity.number)

    def children(self, place: Place, nodes: list[Node]) -> list[dict[str, Any]]:
        """The file objects of a page of one folder."""
        prefix = place.uri.path_of(*place.uri.names) + "/"
        return [self._object(node, prefix + encoded(node.name), place) for node in nodes]

    def found(self, place: Place, node: Node) -> dict[str, Any]:
        """A file object somewhere below a place, as a search shows it."""
        start = len(place.node.lineage())
        names = [step.name for step in node.lineage()[start:]]
        return self._object(node, place.uri.path_of(*place.uri.names, *names), place)

    def trashed(self, place: Place, name: str, node: Node) -> dict[str, Any]:
        """A file object in the trash, where the path does not tell the name."""
        return self._object(node, place.uri.path_of(name), place)

    def parent(self, place: Place) -> dict[str, Any]:
        """The folder itself, as a listing shows it; `metadata` is null there."""
        path = str(place.uri) + ("/" if place.is_root and place.uri.fs != "shared_with_me" else "")
        return self.polluted(self._object(place.node, path, place, parent=True))

    def single(self, place: Place, *, made: bool = False) -> dict[str, Any]:
        """One object in answer to a call about it; `made` for calls that change, null metadata."""
        return self._object(place.node, str(place.uri), place, parent=made)

    def polluted(self, view: dict[str, Any]) -> dict[str, Any]:
        """The object with what the pool left in it, when that defect is on."""
        return self._pool | view if self._settings.on("foreign-fields") else view

    def pooled(self, **fields: Any) -> dict[str, Any]:
        """Fields that were asked for; the pool remembers them for others."""
        self._pool.update(fields)
        return fields

    def extended(self, place: Place) -> dict[str, Any]:
        """`extended_info` of a node."""
        node = place.node
        view: dict[str, Any] = {} if node.is_folder else {"storage_policy": self.policy()}
        view["storage_used"] = sum(entity.size for entity in node.entities)
        if node.entities:
            owner = place.share.owner if place.share is not None else place.user
            view["entities"] = [self.entity(entity, owner) for entity in node.entities]
        shares = self._shares.of_node(node) if place.owned else []
        if shares:
            view["shares"] = [
                self._shares.view(share, place.user, with_group=True) for share in shares
            ]
        return view

    def is_shared(self, node: Node) -> bool:
        """Whether any link leads to this very node."""
        return bool(self._shares.of_node(node))

    def entity(self, entity: Entity, creator: User) -> dict[str, Any]:
        """One version or thumbnail."""
        return {
            "id": self.entity_id(entity),
            "size": entity.size,
            "type": entity.kind,
            "created_at": times.written(entity.created_ns),
            "storage_policy": self.policy(),
            "created_by": creator.brief(),
        }

    def _object(
        self, node: Node, path: str, place: Place, *, parent: bool = False
    ) -> dict[str, Any]:
        size = node.size
        updated_ns = node.updated_ns
        if not node.is_folder and self._settings.on("wrong-size"):
            size += 1
        if self._settings.on("moving-mtime"):
            updated_ns = self._clock.now_ns()
        view: dict[str, Any] = {
            "type": int(node.is_folder),
            "id": self._file_ids.encode(node.number),
            "name": node.name,
            "created_at": times.written(node.created_ns),
            "updated_at": times.written(updated_ns),
            "size": size,
            "metadata": None if parent else node.metadata,
            "path": path,
            "capability": CAPABILITY[place.uri.fs],
        }
        if place.owned:
            view["owned"] = True
        view["primary_entity"] = self.entity_id(node.primary)
        return view
