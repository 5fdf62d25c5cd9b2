"""Folders on their way between the tree in memory and the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import trio

from fsmount.store.records import FolderRecord, Row
from fsmount.vfs.pages import Arrival

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fsmount.store.tree import TreeStore
    from fsmount.vfs.progress import Progress
    from fsmount.vfs.tree import Folder, Node, Tree

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
        self._repaired: set[Folder] = set()
        self._wake = trio.Event()

    async def load(self, folder: Folder) -> None:
        """Have ``folder.children``: what is kept, or nothing. One load for all who wait."""
        while folder.children is None:
            if folder not in self._loading:
                self._loading.add(folder)
                self._spawn(self._load, folder)
            await self._progress.wait(folder)

    async def _load(self, folder: Folder) -> None:
        try:
            record = await self._store.load(folder.member.identity, folder.entry.id)
            if folder.children is None:
                self._fill(folder, record)
        finally:
            self._loading.discard(folder)
            self._progress.tell(folder)
        with self._tree.holding(folder):
            self.make_room()

    def _fill(self, folder: Folder, record: FolderRecord | None) -> None:
        children: dict[str, Node] = {}
        self._tree.show(folder, children)
        if record is None:
            return
        for row in record.rows:
            name = row.shown or row.entry.name
            if name not in children:
                children[name] = self._tree.make(folder, row.entry, name, row.inode, row.size)
        if folder is self._tree.root and record.mtime_ns:
            folder.entry = msgspec.structs.replace(folder.entry, mtime_ns=record.mtime_ns)
        age_s = self._wall() - record.listed_at_ns / 1e9
        if age_s < 0:  # the clock was set back: nobody knows how old it is
            age_s = folder.member.listing_ttl_s
        listed_at = trio.current_time() - age_s
        if record.complete:
            folder.freshness.completed(listed_at)
        elif record.cursor is not None:
            arrival = Arrival(listed_at)
            arrival.entries = {node.entry.id: node.entry for node in children.values()}
            arrival.nodes = list(children.values())
            arrival.cursor = record.cursor
            folder.freshness.arrival = arrival

    async def save(self, folder: Folder) -> None:
        """Have the complete listing of ``folder`` kept; gives way to readers between slices.

        Cancelled, it is kept all the same, in one go.
        """
        rows: list[Row] = []
        nodes = list((folder.children or {}).values())
        try:
            await self._store.room()
            for start in range(0, len(nodes), SLICE):
                rows += [_row(node) for node in nodes[start : start + SLICE]]
                await trio.lowlevel.checkpoint()
        except trio.Cancelled:
            self.save_now(folder)
            raise
        self._save(folder, rows)

    def confirm(self, folder: Folder) -> None:
        """Have it kept that ``folder`` was listed and is what it was."""
        listed_at_ns = self._unix_ns(folder.freshness.listed_at)
        self._store.confirm(folder.member.identity, folder.entry.id, listed_at_ns)

    def save_now(self, folder: Folder) -> None:
        """Have what is known of ``folder`` kept without giving way.

        Of a folder that was never complete, the pages of its listing that came, to go on after.
        """
        arrival = folder.freshness.arrival
        if folder.freshness.complete:
            nodes = list((folder.children or {}).values())
        else:
            nodes = [] if arrival is None else arrival.nodes
        self._save(folder, [_row(node) for node in nodes])

    def _save(self, folder: Folder, rows: list[Row]) -> None:
        freshness = folder.freshness
        complete, arrival = freshness.complete, freshness.arrival
        since = freshness.listed_at if complete or arrival is None else arrival.started_at
        record = FolderRecord(
            rows=rows,
            complete=complete,
            listed_at_ns=self._unix_ns(since),
            cursor=None if complete or arrival is None else arrival.cursor,
            mtime_ns=folder.entry.mtime_ns,
        )
        self._store.save(folder.member.identity, folder.entry.id, record)

    def _unix_ns(self, at: float) -> int:
        """Return a time of trio's clock as Unix nanoseconds; the distant past is 0."""
        return max(0, int((self._wall() - min(trio.current_time() - at, 1e9)) * 1e9))

    def repaired(self, folder: Folder) -> None:
        """Have ``folder`` kept in a few seconds: one of its rows was put right."""
        if folder.children is not None and folder not in self._repaired:
            self._repaired.add(folder)
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
        for folder in self._repaired:
            folder.held -= 1
            if folder.children is not None:
                self.save_now(folder)
        self._repaired.clear()

    def make_room(self) -> None:
        """Let go of folders not used for long, when what is let go can be loaded again."""
        if self._store.keeps:
            self._tree.make_room()


def _row(node: Node) -> Row:
    entry = node.entry
    return Row(
        node.inode,
        entry,
        None if node.name == entry.name else node.name,
        None if node.size == entry.size else node.size,
    )
