"""The orders of listings, which the service remembers for each folder, and pages of them.

Source: wire 115 §0.4, §4.1-4.3.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.emulators.p115.tree import Node

# On app and Open listings the last two sort as `user_utime` (§4.3).
WEB_ORDERS = ("file_name", "file_size", "file_type", "user_utime", "user_ptime", "user_otime")
APP_ORDERS = WEB_ORDERS[:4]
# What a folder remembers before anyone set an order: latest first, folders on top.
REMEMBERED = ("user_utime", 0, 0)
_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One order: the field, whether it ascends, and whether folders are mixed with files."""

    field: str
    ascending: bool
    mixed: bool
    natural: bool = False

    @classmethod
    def of(cls, values: tuple[str, int, int]) -> Order:
        """The order that a folder remembers."""
        return cls(field=values[0], ascending=bool(values[1]), mixed=bool(values[2]))

    @property
    def shown(self) -> dict[str, Any]:
        """How answers name it."""
        return {"order": self.field, "is_asc": int(self.ascending), "fc_mix": int(self.mixed)}

    def sorted(self, nodes: list[Node]) -> list[Node]:
        """These nodes in this order; those that are alike by id."""
        ordered = sorted(nodes, key=lambda node: (self._key(node), node.id))
        if not self.ascending:
            ordered.reverse()
        if not self.mixed:
            ordered.sort(key=lambda node: not node.is_folder)
        ordered.sort(key=lambda node: not node.pinned)
        return ordered

    def _key(self, node: Node) -> Any:
        match self.field:
            case "file_size":
                return node.size
            case "file_type":
                return (node.extension, node.name)
            case "user_ptime":
                return node.created_ns
            case "user_utime":
                return node.modified_ns
            case "user_otime":
                return 0
        return _natural(node.name) if self.natural else node.name


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Numbers inside a name count as numbers."""
    parts = _DIGITS.split(name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]


class Ordered:
    """The children of folders in the orders that were asked for, sorted again only after a change.

    Invariant: what is kept for a folder and order belongs to the generation kept with it.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[int, Order], tuple[int, list[Node]]] = {}

    def children(self, folder: Node, order: Order) -> list[Node]:
        """All children in this order."""
        known = self._known.get((folder.id, order))
        if known is None or known[0] != folder.generation:
            known = (folder.generation, order.sorted(list(folder.children.values())))
            self._known[folder.id, order] = known
        return known[1]
