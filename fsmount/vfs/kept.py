"""Folders on their way between the tree in memory and the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import trio

from fsmount.store.records import FolderRecord, Row
from fsmount.vfs.compose import assign
from fsmount.vfs.nodes import Folder
from fsmount.vfs.pages import Arrival

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from fsmount.model import Entry, EntryId
    from fsmount.store.tree import TreeStore
    from fsmount.vfs.nodes import Node, Part
    from fsmount.vfs.progress import Progress
    from fsmount.vfs.tree import Tree

SLICE = 2000
"""Entries that are worked on before readers may go between: some 5 ms."""

_SAVE_AFTER_S = 5.0
"""Repairs come one file at a time, and each would write its whole folder."""


class Keeper:
    """Loads folders from the store when they are needed, and has them kept when they changed.

    Args:
        tree: Folders of it are filled, and let go of when there are too many.
        store: Keeps them.
        progress: Told of each load.
        spawn: Starts a task in the filesystem's nursery.
        wall: Unix seconds.
    """

    def __init__(
        self,
        tree: Tree,
        store: TreeStore,
        progress: Progress,
        *,
        spawn: Callable[[Callable[[Folder], Awaitable[None]], Folder], object],
        wall: Callable[[], float],
    ) -> None:
        self._tree = tree
        self._store = store
        self._progress = progress
        self._spawn = spawn
        self._wall = wall
        self._loading: set[Folder] = set()
        self._repaired: dict[Part, Folder] = {}
        self._wake = trio.Event()

    async def load(self, folder: Folder) -> None:
        """Have ``folder.children``: what is kept, or nothing. One load for all who wait."""
        while not folder.in_memory:
            if folder not in self._loading:
                self._loading.add(folder)
                self._spawn(self._load, folder)
            await self._progress.wait(folder)

    async def _load(self, folder: Folder) -> None:
        with self._tree.holding(folder):  # half of it must not go while the rest comes
            try:
                # In their order: of names that clash the first part's is the plain one.
                for part in [part for part in folder.parts if not part.loaded]:
                    record = await self._store.load(part.key, part.entry.id)
                    if part in folder.parts and not part.loaded:
                        self._fill(folder, part, record)
                if folder.children is None:
                    self._tree.show(folder, {})
            finally:
                self._loading.discard(folder)
                self._progress.tell(folder)
            self.make_room()

    def _fill(self, folder: Folder, part: Part, record: FolderRecord | None) -> None:
        part.loaded = True
        if folder.children is None:
            self._tree.show(folder, {})
        if record is None:
            return
        nodes = self._placed(folder, part, record.rows)
        if part.above is None and record.mtime_ns:
            described(folder, part, record.mtime_ns)
        age_s = self._wall() - record.listed_at_ns / 1e9
        if age_s < 0:  # the clock was set back: nobody knows how old it is
            age_s = part.member.listing_ttl_s
        listed_at = trio.current_time() - age_s
        if record.complete:
            part.freshness.completed(listed_at)
        elif record.cursor is not None:
            arrival = Arrival(listed_at)
            arrival.entries = {entry.id: entry for entry, _ in nodes}
            arrival.nodes = [node for _, node in nodes]
            arrival.cursor = record.cursor
            part.freshness.arrival = arrival

    def _placed(self, folder: Folder, part: Part, rows: Sequence[Row]) -> list[tuple[Entry, Node]]:
        """Put kept rows where they were; where another part has the name now, elsewhere."""
        children = folder.children
        assert children is not None
        shown = {row.entry.id: row.shown or row.entry.name for row in rows}
        if not folder.is_plain:
            beside = {name: node.is_folder for name, node in folder.beside(part).items()}
            entries = {row.entry.id: row.entry for row in rows}
            names = assign(list(entries.values()), shown, (), beside)
            shown = dict(zip(entries, names, strict=True))
        nodes: list[tuple[Entry, Node]] = []
        for row in rows:
            name = shown[row.entry.id]
            node = children.get(name)
            if node is None:
                node = self._tree.make(folder, part, row.entry, name, row.inode, row.size)
                node.pack()
                children[name] = node
            elif isinstance(node, Folder) and not folder.is_plain:
                self._tree.join(node, part, row.entry)
            else:
                continue
            nodes.append((row.entry, node))
        return nodes

    async def save(self, folder: Folder, part: Part) -> None:
        """Have the complete listing of a part kept; gives way to readers between slices.

        Cancelled, it is kept all the same, in one go.
        """
        rows: list[Row] = []
        try:
            await self._store.room()
            nodes = list(folder.listed_by(part).values())
            for start in range(0, len(nodes), SLICE):
                rows += _rows(nodes[start : start + SLICE], part)
                await trio.lowlevel.checkpoint()
        except trio.Cancelled:
            self.save_now(folder, part)
            raise
        self._save(part, rows)

    def confirm(self, part: Part) -> None:
        """Have it kept that a part was listed and is what it was."""
        listed_at_ns = self._unix_ns(part.freshness.listed_at)
        self._store.confirm(part.key, part.entry.id, listed_at_ns)

    def outdate(self, key: str, folder: EntryId) -> None:
        """Have what is kept of ``folder``, if anything is, count as old when it is next loaded."""
        self._store.confirm(key, folder, 0)

    def save_now(self, folder: Folder, part: Part) -> None:
        """Have what is known of a part kept without giving way.

        Of one that was never complete, the pages of its listing that came, to go on after.
        """
        arrival = part.freshness.arrival
        nodes: Iterable[Node]
        if part.freshness.complete:
            nodes = folder.listed_by(part).values()
        else:
            nodes = [] if arrival is None else arrival.nodes
        self._save(part, _rows(nodes, part))

    def _save(self, part: Part, rows: list[Row]) -> None:
        freshness = part.freshness
        complete, arrival = freshness.complete, freshness.arrival
        since = freshness.listed_at if complete or arrival is None else arrival.started_at
        record = FolderRecord(
            rows=rows,
            complete=complete,
            listed_at_ns=self._unix_ns(since),
            cursor=None if complete or arrival is None else arrival.cursor,
            mtime_ns=part.entry.mtime_ns,
        )
        self._store.save(part.key, part.entry.id, record)

    def _unix_ns(self, at: float) -> int:
        """Return a time of trio's clock as Unix nanoseconds; the distant past is 0."""
        return max(0, int((self._wall() - min(trio.current_time() - at, 1e9)) * 1e9))

    def repaired(self, folder: Folder, part: Part) -> None:
        """Have a part kept in a few seconds: one of its rows was put right."""
        if folder.children is not None and part not in self._repaired:
            self._repaired[part] = folder
            folder.held += 1  # until it is saved: unloaded, it would forget
            self._wake.set()

    async def run(self) -> None:
        """Save what was repaired, for ever; and once more when cancelled."""
        try:
            while True:
                await self._wake.wait()
                await trio.sleep(_SAVE_AFTER_S)
                self._save_repaired()
        finally:
            self._save_repaired()

    def _save_repaired(self) -> None:
        self._wake = trio.Event()
        for part, folder in self._repaired.items():
            folder.held -= 1
            if folder.children is not None and part in folder.parts:
                self.save_now(folder, part)
        self._repaired.clear()

    def make_room(self) -> None:
        """Let go of folders not used for long, when what is let go can be loaded again."""
        if self._store.keeps:
            self._tree.make_room()


def _rows(nodes: Iterable[Node], part: Part) -> list[Row]:
    """Return the rows of ``nodes`` as ``part`` lists them; what left it meanwhile has none."""
    return [
        Row(
            node.inode,
            entry,
            None if node.name == entry.name else node.name,
            None if node.is_folder or node.size == entry.size else node.size,
        )
        for node in nodes
        if (entry := node.entry_in(part)) is not None
    ]


def described(folder: Folder, part: Part, mtime_ns: int) -> bool:
    """Let the root of a remote have the time that its own listing tells; return whether it is new.

    Of several roots at one place the first that has a time gives it to the folder.
    """
    if not mtime_ns or mtime_ns == part.entry.mtime_ns:
        return False
    part.entry = msgspec.structs.replace(part.entry, mtime_ns=mtime_ns)
    before = folder.entry.mtime_ns
    times = (own.entry.mtime_ns for own in folder.parts)
    now = next((time for time in times if time), 0)
    folder.entry = msgspec.structs.replace(folder.entry, mtime_ns=now)
    return now != before
