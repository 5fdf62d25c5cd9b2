"""What an open folder shows: rows that only grow, from each part of the folder as it arrives."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from fsmount.vfs.order import ordered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from fsmount.vfs.border import Take
    from fsmount.vfs.nodes import Folder, Node, Part
    from fsmount.vfs.pages import Arrival


_MOST_ROWS = 20_000
"""In all snapshots of a tree: some 8 MB once the kernel's edge has rendered them."""

_MOST_ROWS_EACH = 4_000


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


class Snapshot:
    """The rows of a folder as long as nothing in it changes (``border.Rows``).

    Whoever changes a node of the folder, or which it has, takes it from ``Folder.snapshot``.
    """

    __slots__ = ("_remember", "rendered", "view")

    def __init__(self, view: View, remember: Callable[[Iterable[Node]], None]) -> None:
        self.view = view
        self.rendered: Sequence[Any] | None = None
        self._remember = remember

    def give(self, take: Take) -> None:
        """Let ``take`` have all rows."""
        for place, node in enumerate(self.view.nodes, 1):
            give(node, place, take)

    @property
    def cost(self) -> int:
        """How many rows it counts for: an empty folder's is not for nothing."""
        return len(self.view.nodes) + 1

    def took(self, start: int, count: int) -> None:
        """Add one to the lookup count of so many rows from place ``start`` on."""
        self._remember(self.view.nodes[start : start + count])


class Snapshots:
    """The snapshots of one tree, as many as are worth their memory.

    Those made first go first; one that its folder has no more goes in its turn.

    Args:
        remember: Adds a reference to each of some nodes.
    """

    def __init__(self, remember: Callable[[Iterable[Node]], None]) -> None:
        self._remember = remember
        self._made: deque[tuple[Folder, Snapshot]] = deque()
        self._cost = 0

    def of(self, folder: Folder) -> Snapshot | None:
        """Return that of ``folder``, which is at hand; None when it is too large for one."""
        snapshot = folder.snapshot
        if snapshot is None and len(folder.children or ()) <= _MOST_ROWS_EACH:
            snapshot = folder.snapshot = Snapshot(View(folder), self._remember)
            self._made.append((folder, snapshot))
            self._cost += snapshot.cost
            self._make_room()
        return snapshot

    def _make_room(self) -> None:
        while self._cost > _MOST_ROWS:
            folder, snapshot = self._made.popleft()
            self._cost -= snapshot.cost
            if folder.snapshot is snapshot:
                folder.snapshot = None


def give(node: Node, next_cookie: int, take: Take) -> bool:
    """Let ``take`` have the row of ``node``; return whether there was room."""
    size, mtime_ns = node.measures()
    return take(node.name, node.inode, node.is_folder, size, mtime_ns, next_cookie)


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
