"""What an open folder shows: rows that only grow, from each part of the folder as it arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsmount.vfs.order import ordered

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fsmount.vfs.nodes import Folder, Node, Part
    from fsmount.vfs.pages import Arrival


class _Source:
    """One part of a view: whole already, arriving, or (``nodes`` is None) never listed."""

    __slots__ = ("arrival", "nodes", "part", "taken")

    def __init__(self, part: Part, nodes: Sequence[Node] | None, arrival: Arrival | None) -> None:
        self.part = part
        self.nodes = nodes
        self.arrival = arrival
        self.taken = 0

    @property
    def is_whole(self) -> bool:
        return self.nodes is not None and (self.arrival is None or self.arrival.done)


class View:
    """What an open folder shows: finished listings, and those that still arrive.

    A folder that several parts have shows as one row, wherever it came from first.

    Attributes:
        nodes: In order; it only grows, so that a place in it can be come back to.
    """

    __slots__ = ("_seen", "_sources", "nodes")

    def __init__(self, folder: Folder) -> None:
        self.nodes: Sequence[Node]
        self._seen: set[int] = set()
        self._sources: list[_Source] = []
        if folder.complete:
            sort = folder.parts[0].member.sort if folder.parts else ""
            self.nodes = ordered(_in_order(folder), sort)
            return
        self._sources = [_source(folder, part) for part in folder.parts]
        if folder.is_plain:  # its only source is the view itself
            self.nodes = self._sources[0].nodes or []
            return
        mine = [node for node in (folder.children or {}).values() if node.part is None]
        self.nodes = list(mine)
        self._seen.update(node.inode for node in mine)

    @property
    def has_something(self) -> bool:
        """True when some part is listed or arrives, or no part is needed."""
        sources = self._sources
        return not sources or bool(self.nodes) or any(each.nodes is not None for each in sources)

    @property
    def is_whole(self) -> bool:
        """True when no more can come."""
        return all(source.is_whole for source in self._sources)

    def missing(self) -> Iterator[tuple[Part, Arrival | None]]:
        """Yield the parts that are not whole, with the listing that each view waits for."""
        for source in self._sources:
            if not source.is_whole:
                yield source.part, source.arrival

    def grown(self) -> int:
        """Take in what has arrived; return how many nodes there are now."""
        for source in self._sources:
            if source.nodes is None or source.nodes is self.nodes:
                continue
            for node in source.nodes[source.taken :]:
                if node.inode not in self._seen:
                    self._seen.add(node.inode)
                    self._append(node)
            source.taken = len(source.nodes)
        return len(self.nodes)

    def _append(self, node: Node) -> None:
        assert isinstance(self.nodes, list)
        self.nodes.append(node)


def _source(folder: Folder, part: Part) -> _Source:
    arrival = part.freshness.arrival
    if part.freshness.complete:
        found = list(folder.listed_by(part).values())
        return _Source(part, ordered(found, part.member.sort), None)
    return _Source(part, None if arrival is None else arrival.nodes, arrival)


def _in_order(folder: Folder) -> list[Node]:
    """Return the children of ``folder``: its mount points, then each part's own in its order."""
    children = list((folder.children or {}).values())
    if folder.is_plain:
        return children
    order = {id(part): number for number, part in enumerate(folder.parts)}
    children.sort(key=lambda node: -1 if node.part is None else order[id(node.part)])
    return children
