"""Brings listings from the remotes into the tree, page by page, one fetch per folder at a time."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec
import trio

from fsmount import errors
from fsmount.vfs import names
from fsmount.vfs.changes import InodeStale, NameStale, changed_names, looks_different
from fsmount.vfs.identity import version_of, with_first_mtime
from fsmount.vfs.kept import SLICE
from fsmount.vfs.pages import Arrival

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from fsmount.model import Entry, EntryId, Inode, Page
    from fsmount.store.tree import TreeStore
    from fsmount.vfs.changes import Changes
    from fsmount.vfs.kept import Keeper
    from fsmount.vfs.progress import Progress
    from fsmount.vfs.tree import Folder, Node, Tree

log = logging.getLogger(__name__)

_PAGE_WITHIN_S = 60.0
"""The deadline above a page, which also waits for pace and renewal; no request waits so long."""

_GO_ON_WITHIN_S = 600.0
"""Page tokens grow old, and pages that were asked for long apart make no listing of anything."""


class Fetcher:
    """Runs the listings of one tree.

    A fetch runs in the filesystem's nursery, at the priority of the request that started it, and
    outlives that request. What it met is left in the folder's ``freshness`` as a value: let out,
    one bad answer would end the whole mount. A walk that is recognised would have its next folders
    started here too, at a lower priority.

    ``children`` of a listed folder change in ``_show_page`` and ``_commit`` only, each time in one
    step without an await.

    Args:
        tree: Shown to the kernel; changed here.
        store: Numbers entries.
        keeper: Has finished listings kept.
        changes: Told what the kernel has to forget.
        progress: Told of each page and of the end.
        spawn: Starts a task in the filesystem's nursery.
    """

    def __init__(
        self,
        tree: Tree,
        store: TreeStore,
        keeper: Keeper,
        changes: Changes,
        progress: Progress,
        *,
        spawn: Callable[[Callable[[Folder], Awaitable[None]], Folder], object],
    ) -> None:
        self._tree = tree
        self._store = store
        self._keeper = keeper
        self._changes = changes
        self._progress = progress
        self._spawn = spawn

    def start_if_due(self, folder: Folder) -> None:
        """Start a listing of ``folder`` unless it is fresh, under way, or asked for just now."""
        if folder.freshness.should_ask(trio.current_time(), folder.member.listing_ttl_s):
            self.start(folder)

    def start(self, folder: Folder) -> None:
        """Start a listing of ``folder``, where the last one stopped if that was not long ago."""
        now, freshness = trio.current_time(), folder.freshness
        arrival = freshness.arrival
        if arrival is None or now - arrival.moved_at > _GO_ON_WITHIN_S:
            freshness.arrival = Arrival(now)
        else:
            arrival.failure = None
        freshness.started(now)
        self._spawn(self._fetch, folder)

    async def _fetch(self, folder: Folder) -> None:
        arrival = folder.freshness.arrival
        assert arrival is not None
        with self._tree.holding(folder):
            try:
                await self._bring(folder, arrival)
                differs = await self._commit(folder, arrival)
            except trio.Cancelled:
                self._keep_partial(folder, arrival)
                raise
            except Exception as exc:  # noqa: BLE001 - waiters get it as a value
                self._failed(folder, arrival, exc)
            else:
                self._progress.tell(folder)
                if differs:
                    await self._keeper.save(folder)
                else:
                    self._keeper.confirm(folder)
        self._progress.tell(folder)
        self._keeper.make_room()

    async def _bring(self, folder: Folder, arrival: Arrival) -> None:
        member, lineage = folder.member, self._tree.lineage(folder)
        by_id = {node.entry.id: node for node in self._shown(folder).values()}
        while True:
            with trio.move_on_after(_PAGE_WITHIN_S) as deadline:
                page = await member.driver.list(folder.entry, arrival.cursor)
            if deadline.cancelled_caught:
                raise errors.TimedOut(f"{member.name} did not send a page of a listing in time")
            member.health.succeeded()
            self._take_mtime(folder, page)
            new = arrival.take(_without_loops(page, lineage))
            arrival.moved_at = trio.current_time()
            if not folder.freshness.complete:
                await self._show_page(folder, arrival, new, by_id)
            if arrival.cursor is None:
                return
            folder.freshness.arrived()
            self._progress.tell(folder)

    def _take_mtime(self, folder: Folder, page: Page) -> None:
        """A root is described by its own listing only, any other folder by its parent's."""
        if folder.parent is None and page.folder is not None:
            mtime_ns = page.folder.mtime_ns
            if mtime_ns and mtime_ns != folder.entry.mtime_ns:
                folder.entry = msgspec.structs.replace(folder.entry, mtime_ns=mtime_ns)
                self._changes.push([InodeStale(folder.inode)])

    async def _show_page(
        self,
        folder: Folder,
        arrival: Arrival,
        entries: Sequence[Entry],
        by_id: dict[EntryId, Node],
    ) -> None:
        """Add a page to a folder whose listing was never complete."""
        inodes = await self._number(folder, entries, by_id)
        children = self._shown(folder)
        kept = _kept_names(entries, by_id)
        for entry, name in zip(entries, names.assign(entries, kept, children), strict=True):
            node = by_id.get(entry.id)
            if node is not None and (node.name != name or not self._is(node, entry)):
                self._tree.take_out(node)
            by_id[entry.id], _ = self._placed(folder, node, entry, name, inodes)
            children[name] = by_id[entry.id]
            arrival.nodes.append(children[name])

    async def _commit(self, folder: Folder, arrival: Arrival) -> bool:
        """Let the finished listing take the place of what was known; return whether it differs.

        What is shown changes in one step, after the last await.
        """
        entries = list(arrival.entries.values())
        by_id = {node.entry.id: node for node in self._shown(folder).values()}
        await trio.lowlevel.checkpoint()
        inodes = await self._number(folder, entries, by_id)
        kept: dict[EntryId, str] = {}
        for start in range(0, len(entries), SLICE):
            kept.update(_kept_names(entries[start : start + SLICE], by_id))
            await trio.lowlevel.checkpoint()
        assigned = names.assign(entries, kept, set(kept.values()))
        await trio.lowlevel.checkpoint()

        before = self._shown(folder)
        was_complete = folder.freshness.complete
        nodes, differs = [], not was_complete
        for entry, name in zip(entries, assigned, strict=True):
            known = by_id.get(entry.id)
            if known is not None and known.entry == entry and before.get(name) is known:
                nodes.append(known)  # nearly every one: the step is long in a large folder
                continue
            node, changed = self._placed(folder, known, entry, name, inodes)
            nodes.append(node)
            differs = differs or changed
        after = dict(zip(assigned, nodes, strict=True))
        changes = changed_names(folder.inode, before, after)
        for name, node in after.items():
            node.name = name
        self._tree.show(folder, after)
        if folder.lookups:  # else the kernel knows no name in it
            self._changes.push(changes)
        arrival.done = True
        folder.freshness.completed(arrival.started_at)
        return differs or bool(changes)

    async def _number(
        self, folder: Folder, entries: Sequence[Entry], by_id: Mapping[EntryId, Node]
    ) -> dict[EntryId, Inode]:
        """Return the inodes of those entries that are not in the tree yet."""
        new = [entry.id for entry in entries if entry.id not in by_id]
        if not new:
            return {}
        inodes = await self._store.inodes(folder.member.identity, new)
        return dict(zip(new, inodes, strict=True))

    def _is(self, node: Node, entry: Entry) -> bool:
        """Tell whether ``node`` can go on as ``entry``: still in its place, and of its kind."""
        return node.is_folder == entry.is_folder and self._tree.stands(node)

    def _placed(
        self,
        folder: Folder,
        node: Node | None,
        entry: Entry,
        name: str,
        inodes: Mapping[EntryId, Inode],
    ) -> tuple[Node, bool]:
        """Return the node for ``entry``, brought up to date or new, and whether it differs."""
        if node is None:
            return self._tree.make(folder, entry, name, inodes[entry.id]), True
        if not self._is(node, entry):
            return self._tree.make(folder, entry, name, node.inode), True
        if entry == node.entry:
            return node, False
        entry = with_first_mtime(node.entry, entry)
        if entry == node.entry:
            return node, False
        # A size that was put right stays so while the listing tells the same wrong one.
        if node.size == node.entry.size or version_of(node.entry) != version_of(entry):
            node.size = 0 if entry.is_folder else entry.size
        if node.lookups and looks_different(node.entry, entry):
            self._changes.push([InodeStale(node.inode)])
        node.entry = entry
        return node, True

    def _failed(self, folder: Folder, arrival: Arrival, exc: Exception) -> None:
        """Keep what is known, and leave the reason to whoever waits."""
        path = self._tree.path(folder)
        failure = errors.known(exc)
        if failure is None:
            log.error('remote=%s listing "/%s" broke', folder.member.name, path, exc_info=exc)
            failure = errors.ProtocolError(f'listing "/{path}" broke: {exc!r}')
        log.info('remote=%s listing "/%s" failed: %s', folder.member.name, path, failure)
        if folder.children is None or not self._tree.stands(folder):
            # Taken out meanwhile: what it met concerns only those who still wait for it.
            folder.freshness.failed(trio.current_time(), failure)
            return
        # One folder's odd answer says nothing about its remote.
        if not isinstance(failure, errors.ProtocolError):
            folder.member.health.failed(failure)
        if not arrival.stop(failure):
            folder.freshness.arrival = None
        folder.freshness.failed(trio.current_time(), failure.with_traceback(None))
        if isinstance(failure, errors.NotFound | errors.NotFolder) and folder.parent is not None:
            folder.parent.freshness.outdated()
        if isinstance(failure, errors.NotFound) and folder.parent is not None:
            self._remove(folder, folder.parent)
        else:
            self._keep_partial(folder, arrival)

    def _remove(self, folder: Folder, parent: Folder) -> None:
        """Take out a folder that a living provider says is not there."""
        self._tree.take_out(folder)
        self._changes.push([NameStale(parent.inode, folder.name)])
        self._keeper.repaired(parent)

    def _keep_partial(self, folder: Folder, arrival: Arrival) -> None:
        """Have the pages of a first listing kept, so that the next one goes on after them."""
        if not folder.freshness.complete and folder.freshness.arrival is arrival and arrival.cursor:
            self._keeper.save_now(folder)

    def _shown(self, folder: Folder) -> dict[str, Node]:
        if folder.children is None:
            raise errors.NotFound(f'"/{self._tree.path(folder)}" is no longer there')
        return folder.children


def _kept_names(entries: Sequence[Entry], by_id: Mapping[EntryId, Node]) -> dict[EntryId, str]:
    """Return the shown names of entries whose own name is what it was."""
    return {
        entry.id: node.name
        for entry in entries
        if (node := by_id.get(entry.id)) is not None and node.entry.name == entry.name
    }


def _without_loops(page: Page, lineage: set[EntryId]) -> Page:
    """Return ``page`` without folders that it lies in itself: a walk would never end."""
    if lineage.isdisjoint(entry.id for entry in page.entries):
        return page
    log.info("a folder that contains itself is left out")
    rest = [entry for entry in page.entries if entry.id not in lineage]
    return msgspec.structs.replace(page, entries=rest)
