"""The trash: what was deleted softly, under opaque names, until it is restored or deleted.

Source: wire Cloudreve V4 §6.3, §9, recordings list_trash, delete_soft, restore.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from tests.emulators.cloudreve.envelope import Refused

if TYPE_CHECKING:
    from tests.emulators.cloudreve.tree import Node, Tree
    from tests.emulators.cloudreve.users import User

RESTORE_URI = "sys:restore_uri"
COLLECT_TIME = "sys:expected_collect_time"
_RETENTION_S = 604_800
_NS = 1_000_000_000


class Trash:
    """Every user's trash; its nodes have no parent."""

    def __init__(self, tree: Tree, time_ns: int) -> None:
        self._root = tree.new_node("", is_folder=True, time_ns=time_ns)
        self._items: dict[User, dict[str, Node]] = {}

    def items(self, user: User) -> dict[str, Node]:
        """What this user threw away, by opaque name."""
        return self._items.setdefault(user, {})

    def find(self, user: User, names: tuple[str, ...]) -> Node:
        """The trash itself, or one thing in it; raises Refused 40016."""
        if not names:
            return self._root
        node = self.items(user).get(names[0])
        if node is None or len(names) > 1:
            raise Refused(40016, "Path not exist")
        return node

    def holds(self, node: Node) -> bool:
        """Whether a node, or the folder it was in, lies in anybody's trash."""
        while node.parent is not None:
            node = node.parent
        return any(node in items.values() for items in self._items.values())

    def put(self, user: User, node: Node, uri: str, now_ns: int) -> None:
        """Take a node that was just parted from its folder."""
        node.metadata[RESTORE_URI] = uri
        node.metadata[COLLECT_TIME] = str(now_ns // _NS + _RETENTION_S)
        self.items(user)[str(uuid.uuid4())] = node

    def take(self, user: User, name: str) -> Node:
        """Give a node back; raises Refused 40016 when it is not there."""
        node = self.items(user).pop(name, None)
        if node is None:
            raise Refused(40016, "Path not exist")
        for key in (RESTORE_URI, COLLECT_TIME):
            node.metadata.pop(key, None)
        return node
