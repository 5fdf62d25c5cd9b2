"""Pages of a listing by opaque markers.

A marker holds the place of the last entry that was sent, not a number: what is created or deleted
meanwhile neither repeats an entry nor loses one. Sources: PDS §4, Aliyundrive §6.1.
"""

from __future__ import annotations

import base64
import binascii
import bisect
import json
import re
from typing import TYPE_CHECKING, Any

from tests.emulators.pds.errors import invalid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.emulators.pds.tree import Node

_DIGITS = re.compile(r"(\d+)")
Key = tuple[Any, str]


def limit_of(body: dict[str, Any], most: int, default: int) -> int:
    """The page size that is asked for; raises Refused when it is out of bounds (PDS §4)."""
    value = body.get("limit")
    if value is None or value == 0:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise invalid("limit", f"limit should be between 1 and {most}")
    return value


def order_of(body: dict[str, Any], orders: Sequence[str], default: str) -> tuple[str, bool]:
    """What to sort by, and whether downward; `"name ASC"` in one string is understood too."""
    text = body.get("order_by") or default
    by, _, way = str(text).partition(",")[0].strip().partition(" ")
    way = str(body.get("order_direction") or way or "ASC").upper()
    if by not in orders:
        raise invalid("order_by")
    if way not in ("ASC", "DESC"):
        raise invalid("order_direction")
    return by, way == "DESC"


def key_of(node: Node, by: str) -> Key:
    """Where a node stands in an order; ties go by id."""
    match by:
        case "size":
            return (node.size, node.file_id)
        case "created_at":
            return (node.created_ns, node.file_id)
        case "updated_at":
            return (node.updated_ns, node.file_id)
        case "name_enhanced":
            parts = [[int(p), ""] if p.isdigit() else [-1, p] for p in _DIGITS.split(node.name)]
            return (parts, node.file_id)
    return (node.name, node.file_id)


def written(order: str, key: Key) -> str:
    """A marker behind the entry of this key."""
    text = json.dumps([order, *key], ensure_ascii=True).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def read(marker: str, order: str) -> Key:
    """The key of a marker; raises Refused for one that is of another order or of nobody."""
    try:
        padded = marker + "=" * (-len(marker) % 4)
        made_for, value, file_id = json.loads(base64.urlsafe_b64decode(padded))
    except (ValueError, binascii.Error, TypeError):
        raise invalid("marker") from None
    if made_for != order:
        raise invalid("marker")
    return (value, file_id)


class Ordered:
    """The entries of one listing, sorted once; `page` cuts it."""

    def __init__(self, keyed: list[tuple[Key, Any]], order: str, *, downward: bool) -> None:
        self._entries = sorted(keyed, key=lambda pair: pair[0])
        self._keys = [key for key, _ in self._entries]
        self._order = f"{order} {'DESC' if downward else 'ASC'}"
        self._downward = downward

    def __len__(self) -> int:
        return len(self._entries)

    def page(self, marker: Any, limit: int) -> tuple[list[Any], str]:
        """The entries behind a marker, at most `limit`, and the next marker ("" at the end)."""
        if marker is not None and not isinstance(marker, str):
            raise invalid("marker")
        start, stop = 0, len(self._entries)
        if marker:
            key = read(marker, self._order)
            if self._downward:
                stop = bisect.bisect_left(self._keys, key)
            else:
                start = bisect.bisect_right(self._keys, key)
        if self._downward:
            low = max(start, stop - limit)
            part, more = self._entries[low:stop][::-1], low > start
        else:
            part, more = self._entries[start : min(stop, start + limit)], stop - start > limit
        entries = [entry for _, entry in part]
        return entries, written(self._order, part[-1][0]) if part and more else ""
