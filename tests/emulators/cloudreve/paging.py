"""Orders and pages of a folder: folders first, then files, by cursor or by page number.

Source: wire Cloudreve V4 §6.1 and the defects of §6.2 (server of 2025-06-21).
"""

from __future__ import annotations

import base64
import binascii
import json
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.emulators.cloudreve import times
from tests.emulators.cloudreve.envelope import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.emulators.cloudreve.ids import IdSpace
    from tests.emulators.cloudreve.tree import Node

ORDERS = ("name", "size", "updated_at", "created_at")
DIRECTIONS = ("asc", "desc")
_KEYS: dict[str, Callable[[Node], Any]] = {
    # Names sort by bytes, as SQLite does; code points sort like their UTF-8.
    "name": lambda node: (node.name, node.number),
    "size": lambda node: (node.size, node.number),
    "updated_at": lambda node: (node.updated_ns, node.number),
    "created_at": lambda node: (node.created_ns, node.number),
    "": lambda node: (node.number,),
}
_FIELDS = {"name": "string", "size": "int", "updated_at": "time", "created_at": "time"}
# The recorded loops never ended with pages of one and of two items (§6.2.2).
_ENDLESS_PAGE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A field and a direction; what the server does not know means by id, ascending."""

    field: str
    descending: bool

    @classmethod
    def read(cls, order_by: str, direction: str) -> Order:
        """The order that these parameters mean; unknown ones are ignored silently."""
        field = order_by if order_by in ORDERS else ""
        return cls(field=field, descending=bool(field) and direction == "desc")


class Sorted:
    """One folder's children in one order, ready to be cut into pages."""

    def __init__(self, nodes: Iterable[Node], order: Order) -> None:
        key = _KEYS[order.field]
        self._order = order
        self._groups: list[list[Node]] = [[], []]
        for node in nodes:
            self._groups[0 if node.is_folder else 1].append(node)
        for group in self._groups:
            group.sort(key=key)
        self._keys = [[key(node) for node in group] for group in self._groups]
        if order.descending:
            for group in self._groups:
                group.reverse()

    @property
    def count(self) -> int:
        """How many children there are."""
        return sum(map(len, self._groups))

    def page(self, start: int, size: int) -> list[Node]:
        """`size` nodes from position `start` on; folders have the first positions."""
        folders, files = self._groups
        first = folders[start : start + size]
        begin = max(0, start - len(folders))
        return first + files[begin : begin + size - len(first)]

    def position(self, cursor: Cursor) -> int:
        """Where the page after this cursor begins.

        A cursor in the files may carry a folder's key (the page border defect): it counts as the
        file that would stand there.
        """
        group = 1 if cursor.with_file else 0
        keys = self._keys[group]
        offset = len(self._groups[0]) if cursor.with_file else 0
        if self._order.descending:
            return offset + len(keys) - bisect_left(keys, cursor.key)
        return offset + bisect_right(keys, cursor.key)

    def cursor_after(self, last: Node, *, border_loss: bool) -> Cursor:
        """The cursor of a page that ends with this node."""
        with_file = not last.is_folder
        if border_loss and last.is_folder and last is self._groups[0][-1]:
            with_file = True
        return Cursor(key=_KEYS[self._order.field](last), with_file=with_file)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """What a page token says: the last item's key, and whether files come next."""

    key: tuple[Any, ...]
    with_file: bool

    def written(self, order: Order, ids: IdSpace) -> str:
        """The token as sent."""
        token: dict[str, Any] = {"id": ids.encode(self.key[-1])}
        if order.field:
            value = self.key[0]
            time = _FIELDS[order.field] == "time"
            token[_FIELDS[order.field]] = times.written(value) if time else value
        if self.with_file:
            token["start_with_file"] = True
        text = json.dumps(token, separators=(",", ":"), ensure_ascii=False)
        return base64.b64encode(text.encode()).decode()

    @classmethod
    def read(cls, text: str, order: Order, ids: IdSpace) -> Cursor:
        """The cursor of a token; raises Refused -1 for a bad one."""
        try:
            token = json.loads(base64.b64decode(text, validate=True))
            key: tuple[Any, ...] = (ids.decode(token["id"]),)
            if order.field:
                value = token[_FIELDS[order.field]]
                key = (times.read(value) if _FIELDS[order.field] == "time" else value, *key)
        except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
            raise Refused(-1) from None
        return cls(key=key, with_file=bool(token.get("start_with_file")))


def repeats(order: Order, size: int) -> int:
    """How many items of the last page come again in `updated_at` ascending (§6.2.2)."""
    if order.field != "updated_at" or order.descending:
        return 0
    return size if size <= _ENDLESS_PAGE else 1
