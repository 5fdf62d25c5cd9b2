"""The order of a folder's entries, for programs that take them as they come.

It is ours alone: providers are always asked in the one order in which their pages are sound, and a
folder that is still arriving shows its entries as they arrive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fsmount.model import Entry
    from fsmount.vfs.nodes import Node

_KEYS: dict[str, Callable[[Entry], str | int]] = {
    "name": lambda entry: entry.name,
    "size": lambda entry: entry.size or 0,
    "time": lambda entry: entry.mtime_ns,
}


def ordered(nodes: Iterable[Node], sort: str) -> list[Node]:
    """Return ``nodes`` by "name", "size" or "time", folders first; "-" in front is descending.

    "" leaves them as they are; equal ones stay in the order of the listing.
    """
    found = list(nodes)
    if sort:
        key = _KEYS[sort.removeprefix("-")]
        found.sort(key=lambda node: key(node.entry), reverse=sort.startswith("-"))
        found.sort(key=lambda node: not node.entry.is_folder)
    return found
