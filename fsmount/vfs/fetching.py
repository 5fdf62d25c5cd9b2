"""Brings listings from the remotes into the tree, page by page, one fetch per part at a time."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec
import trio

from fsmount import errors
from fsmount.model import Priority, priority
from fsmount.urgency import Urgency
from fsmount.vfs import compose, names
from fsmount.vfs.changes import InodeStale, NameStale, changed_names, looks_different
from fsmount.vfs.comparison import kept_names, kinds, unchanged
from fsmount.vfs.identity import version_of, with_first_mtime
from fsmount.vfs.kept import SLICE, described
from fsmount.vfs.nodes import Folder
from fsmount.vfs.pages import Arrival

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fsmount.model import Entry, EntryId, Inode, Page
    from fsmount.store.tree import TreeStore
    from fsmount.vfs.changes import Changes
    from fsmount.vfs.kept import Keeper
    from fsmount.vfs.nodes import Node, Part
    from fsmount.vfs.progress import Progress
    from fsmount.vfs.tree import Tree

log = logging.getLogger(__name__)

_PAGE_WITHIN_S = 60.0
"""The deadline above a page, which also waits for pace and renewal; no request waits so long."""

_GO_ON_WITHIN_S = 600.0
"""Page tokens grow old, and pages that were asked for long apart make no listing of anything."""

_YIELDS_FOR_S = 2.0
"""A part lets those before it name their entries first, unless nothing has come of them so long."""


_AHEAD_ENTRIES = 5_000
"""Of a folder that nobody asks for: whoever comes finds a beginning, and the rest follows."""


class _Errand(Urgency):
    """A listing under way.

    Attributes:
        awaited: Somebody asks for it; else it was begun ahead of need.
    """

    __slots__ = ("awaited",)

    def __init__(self, *, awaited: bool) -> None:
        super().__init__()
        self.awaited = awaited


class Fetcher:
    """Runs the listings of one tree.

    A fetch runs in the filesystem's nursery, at the priority of the request that started it, and
    outlives that request; a more urgent one that joins raises it. What it met is left in the part's
    ``freshness`` as a value: let out, one bad answer would end the whole mount. Folders that
    ``walks`` lists ahead of need are started here too: what they meet is nobody's failure.

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
        spawn: Callable[..., object],
    ) -> None:
        self._tree = tree
        self._store = store
        self._keeper = keeper
        self._changes = changes
        self._progress = progress
        self._spawn = spawn
        self._errands: dict[Part, _Errand] = {}

    def start_if_due(self, folder: Folder, *, awaited: bool = True) -> None:
        """Start listings of those parts that are not fresh, under way, or asked for just now.

        Args:
            folder: In memory.
            awaited: Somebody asks for it.
        """
        now = trio.current_time()
        for part in folder.parts:
            if part.freshness.should_ask(now, part.member.listing_ttl_s):
                self.start(folder, part, awaited=awaited)
            elif part.freshness.asking and awaited:
                errand = self._errands[part]
                errand.awaited = True
                errand.join()

    def start(self, folder: Folder, part: Part, *, awaited: bool = True) -> None:
        """Start a listing of ``part``, where the last one stopped if that was not long ago."""
        now, freshness = trio.current_time(), part.freshness
        arrival = freshness.arrival
        if arrival is None or now - arrival.moved_at > _GO_ON_WITHIN_S:
            freshness.arrival = Arrival(now)
        else:
            arrival.failure = None
        freshness.started(now)
        errand = self._errands[part] = _Errand(awaited=awaited)
        self._spawn(self._fetch, folder, part, errand)

    async def _fetch(self, folder: Folder, part: Part, errand: _Errand) -> None:
        arrival = part.freshness.arrival
        assert arrival is not None
        errand.lead()
        with self._tree.holding(folder):
            try:
                is_whole = await self._bring(folder, part, arrival, errand)
                differs = is_whole and await self._commit(folder, part, arrival)
            except trio.Cancelled:
                self._keep_partial(folder, part, arrival)
                raise
            except Exception as exc:  # noqa: BLE001 - waiters get it as a value
                self._failed(folder, part, arrival, exc)
            else:
                self._progress.tell(folder)
                if not is_whole:
                    part.freshness.given_up()
                    self._keep_partial(folder, part, arrival)
                elif differs:
                    self._changes.listed_anew(folder)
                    await self._keeper.save(folder, part)
                else:
                    self._keeper.confirm(part)
            finally:
                if self._errands.get(part) is errand:  # another may be under way since the commit
                    del self._errands[part]
            await _pack(folder)
        self._progress.tell(folder)
        self._keeper.make_room()

    async def _bring(self, folder: Folder, part: Part, arrival: Arrival, errand: _Errand) -> bool:
        """Bring page after page; return whether all came, or a beginning for whoever comes."""
        member, lineage = part.member, part.lineage()
        self._shown(folder, part)
        by_id = {} if part.freshness.complete else folder.listed_by(part)
        while True:
            with trio.move_on_after(_PAGE_WITHIN_S) as deadline:
                page = await member.driver.list(part.entry, arrival.cursor)
            if deadline.cancelled_caught:
                raise errors.TimedOut(f"{member.name} did not send a page of a listing in time")
            member.health.succeeded()
            arrival.moved_at = trio.current_time()
            if not part.freshness.complete:
                await self._let_first(folder, part)
            self._take_mtime(folder, part, page)
            new = arrival.take(_without_loops(page, lineage))
            if not part.freshness.complete:
                await self._show_page(folder, part, arrival, new, by_id)
            if arrival.cursor is None:
                return True
            part.freshness.arrived()
            self._progress.tell(folder)
            if not errand.awaited and len(arrival.entries) >= _AHEAD_ENTRIES:
                return False

    async def _let_first(self, folder: Folder, part: Part) -> None:
        """Wait while a part before this one arrives for the first time, as long as it moves.

        Which of two files is called plainly shall not be decided by which network is faster.
        """
        while part in folder.parts:
            now = trio.current_time()
            ahead = folder.parts[: folder.parts.index(part)]
            left = [
                arrival.moved_at + _YIELDS_FOR_S - now
                for own in ahead
                if own.freshness.asking
                and not own.freshness.complete
                and (arrival := own.freshness.arrival) is not None
            ]
            if max(left, default=0.0) <= 0:
                return
            with trio.move_on_after(max(left)):
                await self._progress.wait(folder)

    def _take_mtime(self, folder: Folder, part: Part, page: Page) -> None:
        """A root is described by its own listing only, any other folder by its parent's."""
        if (
            part.above is None
            and page.folder is not None
            and described(folder, part, page.folder.mtime_ns)
        ):
            self._changes.push([InodeStale(folder.inode)])

    async def _show_page(
        self,
        folder: Folder,
        part: Part,
        arrival: Arrival,
        entries: Sequence[Entry],
        by_id: dict[EntryId, Node],
    ) -> None:
        """Add a page to a part whose listing was never complete."""
        inodes = await self._number(part, entries, by_id)
        children = self._shown(folder, part)
        beside = folder.beside(part)
        kept = kept_names(entries, by_id, part)
        if folder.is_plain:
            assigned = names.assign(entries, kept, children)
        else:
            assigned = compose.assign(
                entries, kept, [node.name for node in by_id.values()], kinds(beside)
            )
        for entry, name in zip(entries, assigned, strict=True):
            node = by_id.get(entry.id)
            stays = node is not None and beside.get(node.name) is node
            if node is not None and not stays and (node.name != name or not self._is(node, entry)):
                self._tree.take_out(node)
            by_id[entry.id], _ = self._placed(folder, part, node, entry, name, inodes, beside)
            children[name] = by_id[entry.id]
            arrival.nodes.append(children[name])

    async def _commit(self, folder: Folder, part: Part, arrival: Arrival) -> bool:
        """Let the finished listing take the place of what was known; return whether it differs.

        What is shown changes in one step, after the last await.
        """
        entries = list(arrival.entries.values())
        by_id = self._known(folder, part)
        await trio.lowlevel.checkpoint()
        inodes = await self._number(part, entries, by_id)
        assigned: list[str] = []
        kept: dict[EntryId, str] = {}
        same: dict[EntryId, Entry | bytes] = {}
        for start in range(0, len(entries), SLICE):
            some = entries[start : start + SLICE]
            same.update(unchanged(some, by_id, part))
            kept.update(kept_names(some, by_id, part, same))
            await trio.lowlevel.checkpoint()
        if folder.is_plain:
            assigned = names.assign(entries, kept, set(kept.values()))
            await trio.lowlevel.checkpoint()

        before = self._shown(folder, part)
        beside = folder.beside(part)
        if not folder.is_plain:  # others may have come meanwhile
            by_id |= folder.listed_by(part)
            assigned = compose.assign(entries, kept, (), kinds(beside))
        nodes, differs = [], not part.freshness.complete
        # First of all: the name that one entry gives up may be the next one's.
        called = dict(zip(arrival.entries, assigned, strict=True)) if beside else {}
        for id_, node in by_id.items() if beside else ():
            if beside.get(node.name) is node and called.get(id_) != node.name:
                self._leave(node, part)
                differs = True
        for entry, name in zip(entries, assigned, strict=True):
            known = by_id.get(entry.id)
            if (
                known is not None
                and known.part is part
                and known.kept is same.get(entry.id)
                and before.get(name) is known
            ):
                nodes.append(known)  # nearly every one: the step is long in a large folder
                continue
            node, changed = self._placed(folder, part, known, entry, name, inodes, beside)
            nodes.append(node)
            differs = differs or changed
        after = {**beside, **dict(zip(assigned, nodes, strict=True))}
        changes = changed_names(folder.inode, before, after)
        for name, node in after.items():
            if node.name is not name and node.name != name:
                node.rename(name)
        self._tree.show(folder, after)
        if folder.lookups:  # else the kernel knows no name in it
            self._changes.push(changes)
        arrival.done = True
        part.freshness.completed(arrival.started_at)
        return differs or bool(changes)

    async def _number(
        self, part: Part, entries: Sequence[Entry], by_id: Mapping[EntryId, Node]
    ) -> dict[EntryId, Inode]:
        """Return the inodes of those entries that are not in the tree yet."""
        new = [entry.id for entry in entries if entry.id not in by_id]
        if not new:
            return {}
        inodes = await self._store.inodes(part.key, new)
        return dict(zip(new, inodes, strict=True))

    def _is(self, node: Node, entry: Entry) -> bool:
        """Tell whether ``node`` can go on as ``entry``: still in its place, and of its kind."""
        return node.is_folder == entry.is_folder and self._tree.stands(node)

    def _placed(
        self,
        folder: Folder,
        part: Part,
        node: Node | None,
        entry: Entry,
        name: str,
        inodes: Mapping[EntryId, Inode],
        beside: Mapping[str, Node],
    ) -> tuple[Node, bool]:
        """Return the node for ``entry``, brought up to date or new, and whether it differs."""
        if node is not None and node.name != name and beside.get(node.name) is node:
            self._leave(node, part)  # the other parts stay where they are
        there = beside.get(name)
        if isinstance(there, Folder) and there.part_below(part) is None:
            self._tree.join(there, part, entry)
            return there, True
        if node is None:
            return self._tree.make(folder, part, entry, name, inodes[entry.id]), True
        if not self._is(node, entry) or node.entry_in(part) is None:
            return self._tree.make(folder, part, entry, name, node.inode), True
        if isinstance(node, Folder):
            return node, self._described(node, part, entry)
        before = node.entry
        entry = with_first_mtime(before, entry)
        if entry == before:
            return node, False
        # A size that was put right stays so while the listing tells the same wrong one.
        right = node.size != before.size and version_of(before) == version_of(entry)
        size = node.size if right else entry.size
        if node.lookups and looks_different(before, entry):
            self._changes.push([InodeStale(node.inode)])
        node.entry, node.size = entry, size
        return node, True

    def _described(self, folder: Folder, part: Part, entry: Entry) -> bool:
        """Let ``part`` of the folder above tell anew what ``folder`` is; return whether it does."""
        before = folder.entry
        changed = self._tree.describe(folder, part, entry)
        if folder.lookups and looks_different(before, folder.entry):
            self._changes.push([InodeStale(folder.inode)])
        return changed

    def _leave(self, node: Node, part: Part) -> None:
        """Take out of a folder what ``part`` of the folder above added to it."""
        assert isinstance(node, Folder)
        self._changes.push(NameStale(inode, name) for inode, name in self._tree.leave(node, part))

    def _failed(self, folder: Folder, part: Part, arrival: Arrival, exc: Exception) -> None:
        """Keep what is known, and leave the reason to whoever waits."""
        path, member = self._tree.path(folder), part.member
        failure = errors.known(exc)
        if failure is None:
            log.error('remote=%s listing "/%s" broke', member.name, path, exc_info=exc)
            failure = errors.ProtocolError(f'listing "/{path}" broke: {exc!r}')
        log.info('remote=%s listing "/%s" failed: %s', member.name, path, failure)
        if not self._is_shown(folder, part) or not self._tree.stands(folder):
            # Taken out meanwhile: what it met concerns only those who still wait for it.
            part.freshness.failed(trio.current_time(), failure)
            return
        if not arrival.stop(failure):
            part.freshness.arrival = None
        if _is_for_want_of_urgency(failure):
            part.freshness.given_up()
            self._keep_partial(folder, part, arrival)
            return
        # One folder's odd answer says nothing about its remote.
        if not isinstance(failure, errors.ProtocolError):
            member.health.failed(failure)
        part.freshness.failed(trio.current_time(), failure.with_traceback(None))
        if isinstance(failure, errors.NotFound | errors.NotFolder) and part.above is not None:
            part.above.freshness.outdated()
        if isinstance(failure, errors.NotFound) and part.above is not None:
            self._remove(folder, part.above)
        else:
            self._keep_partial(folder, part, arrival)

    def _remove(self, folder: Folder, above: Part) -> None:
        """Take out what a living provider says is not there: a folder, or its part of one."""
        parent = folder.parent
        assert parent is not None
        if len(folder.parts) > 1 or folder.layout is not None:
            self._leave(folder, above)
        else:
            self._tree.take_out(folder)
            self._changes.push([NameStale(parent.inode, folder.name)])
        self._keeper.repaired(parent, above)

    def _keep_partial(self, folder: Folder, part: Part, arrival: Arrival) -> None:
        """Have the pages of a first listing kept, so that the next one goes on after them."""
        if not part.freshness.complete and part.freshness.arrival is arrival and arrival.cursor:
            self._keeper.save_now(folder, part)

    def _known(self, folder: Folder, part: Part) -> dict[EntryId, Node]:
        self._shown(folder, part)
        return folder.listed_by(part)

    def _shown(self, folder: Folder, part: Part) -> dict[str, Node]:
        if folder.children is None or not self._is_shown(folder, part):
            raise errors.NotFound(f'"/{self._tree.path(folder)}" is no longer there')
        return folder.children

    @staticmethod
    def _is_shown(folder: Folder, part: Part) -> bool:
        return folder.children is not None and part in folder.parts


async def _pack(folder: Folder) -> None:
    """Have the files of a folder that was listed take less memory; readers go between."""
    nodes = list((folder.children or {}).values())
    for start in range(0, len(nodes), SLICE):
        for node in nodes[start : start + SLICE]:
            node.pack()
        await trio.lowlevel.checkpoint()


def _is_for_want_of_urgency(failure: errors.FsmountError) -> bool:
    """Tell whether somebody who waits might do better than this listing ahead of need did."""
    return priority.get() >= Priority.CRAWL and isinstance(
        failure, errors.TimedOut | errors.Throttled
    )


def _without_loops(page: Page, lineage: set[EntryId]) -> Page:
    """Return ``page`` without folders that it lies in itself: a walk would never end."""
    if lineage.isdisjoint(entry.id for entry in page.entries):
        return page
    log.info("a folder that contains itself is left out")
    rest = [entry for entry in page.entries if entry.id not in lineage]
    return msgspec.structs.replace(page, entries=rest)
