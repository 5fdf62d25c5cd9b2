"""Answers what is in a folder, in time: from a fresh listing, a stale one, or what has arrived.

A request never runs a fetch itself. It starts or joins one and waits no longer than its patience
(DESIGN promise 1); the fetch goes on behind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from fsmount.errors import NotFound, TimedOut
from fsmount.health import State
from fsmount.vfs.views import Snapshots, View

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fsmount.errors import FsmountError
    from fsmount.vfs.fetching import Fetcher
    from fsmount.vfs.freshness import Patience
    from fsmount.vfs.kept import Keeper
    from fsmount.vfs.nodes import Folder, Node, Part
    from fsmount.vfs.progress import Progress
    from fsmount.vfs.tree import Tree
    from fsmount.vfs.views import Snapshot


class Listings:
    """The folders of one tree, as requests ask for them.

    Args:
        tree: Read only.
        keeper: Loads folders that are not in memory.
        fetcher: Lists them anew.
        progress: Wakes whoever waits here.
        patience: Of requests.
    """

    def __init__(
        self, tree: Tree, keeper: Keeper, fetcher: Fetcher, progress: Progress, patience: Patience
    ) -> None:
        self._tree = tree
        self._keeper = keeper
        self._fetcher = fetcher
        self._progress = progress
        self._patience = patience
        self._snapshots = Snapshots(tree.remember_each)

    async def child(self, folder: Folder, name: str) -> Node:
        """Return what ``name`` is in ``folder``.

        Raises:
            NotFound: The complete listing of each part does not have it.
            TimedOut: It may come yet.
            FsmountError: A part of the folder cannot be listed, and no other has it.
        """
        with trio.move_on_after(self._patience.answer_within_s):
            await self._ready(folder)
            await self._wait_for_refresh(folder)
            while (node := self._shown(folder).get(name)) is None:
                if folder.complete:
                    raise self._absent(folder, name)
                self._raise_unless_worth_waiting(folder)
                await self._progress.wait(folder)
            return node
        raise self._timed_out(folder)

    async def view(self, folder: Folder) -> View:
        """Return a new view of ``folder``; waits only for a refresh of what is known.

        Raises:
            FsmountError: Nothing is known and the folder cannot be listed now.
        """
        with trio.move_on_after(self._patience.answer_within_s):
            await self._ready(folder)
            await self._wait_for_refresh(folder)
            self._shown(folder)
            view = View(folder)
            if view.has_something:
                return view
            self._raise_unless_worth_waiting(folder)
        raise self._timed_out(folder)

    def is_at_hand(self, folder: Folder) -> bool:
        """Tell whether ``folder`` is known and fresh: a request about it neither waits nor asks."""
        if folder.children is None or not self._tree.stands(folder):
            return False
        now = trio.current_time()
        for part in folder.parts:
            freshness = part.freshness
            if freshness.asking or not freshness.is_fresh(now, part.member.listing_ttl_s):
                return False
        return True

    def child_at_hand(self, folder: Folder, name: str) -> Node | None:
        """Return what ``name`` is in ``folder`` where that needs no waiting; else None.

        Raises:
            NotFound: The complete listing of each part does not have it.
        """
        if not self.is_at_hand(folder):
            return None
        node = self._shown(folder).get(name)
        if node is None:
            raise self._absent(folder, name)
        return node

    def snapshot(self, folder: Folder) -> Snapshot | None:
        """Return the rows of ``folder`` where they are at hand and few enough to be kept."""
        if not self.is_at_hand(folder):
            return None
        self._tree.touch(folder)
        return self._snapshots.of(folder)

    async def more(self, folder: Folder, view: View, have: int) -> None:
        """Wait until ``view`` has more than ``have`` nodes, or is whole.

        What is known of some parts comes before the failure of another.

        Raises:
            FsmountError: A part's listing stopped, or does not go on in time.
        """
        self._shown(folder)
        with trio.move_on_after(self._patience.answer_within_s):
            while view.grown() <= have and not view.is_whole:
                verdicts = [
                    arrival.failure if arrival and arrival.failure else self._verdict(folder, part)
                    for part, arrival in view.missing()
                ]
                # One that still moves may bring what the caller is content with.
                if all(verdicts) and verdicts[0] is not None:
                    raise verdicts[0].with_traceback(None)
                await self._progress.wait(folder)
            return
        raise self._timed_out(folder)

    async def settled(self, folder: Folder) -> None:
        """Give a refresh of ``folder`` that is due the short time that a stale answer waits."""
        self.start_ahead(folder)
        await self._wait_for_refresh(folder)

    async def refresh(self, folder: Folder) -> int:
        """List each part of ``folder`` anew, whatever its age; return how many entries it has.

        Waits for the whole listings; each page has its own deadline.

        Raises:
            FsmountError: A part could not be listed; what was known of it stays.
        """
        await self._keeper.load(folder)
        await self._idle(folder)  # what is under way may be older than what the caller wants
        parts = list(folder.parts)
        for part in parts:
            part.freshness.arrival = None
            self._fetcher.start(folder, part)
        await self._idle(folder)
        for part in parts:
            if part.freshness.failure is not None:
                raise part.freshness.failure.with_traceback(None)
        return len(self._shown(folder))

    def start_ahead(self, folder: Folder, *, awaited: bool = True) -> None:
        """Have the listing of ``folder`` under way, if it is in memory and due."""
        if folder.in_memory and self._tree.stands(folder):
            self._fetcher.start_if_due(folder, awaited=awaited)

    async def prepare(self, folder: Folder) -> None:
        """Have ``folder`` listed before anybody asks for it; waits for the end of the listing.

        Of a very large one only the beginning, unless somebody comes.

        Raises:
            FsmountError: What is kept of it cannot be read.
        """
        with self._tree.referencing(folder):
            if self._tree.stands(folder):
                await self._keeper.load(folder)
                self.start_ahead(folder, awaited=False)
                await self._idle(folder)

    def refresh_behind(self, folder: Folder, part: Part) -> None:
        """List a part anew soon: something showed that what is known of it is not true."""
        part.freshness.outdated()
        self.start_ahead(folder)

    async def _ready(self, folder: Folder) -> None:
        """Have what is kept of ``folder`` in memory, and its listings under way where due."""
        if not self._tree.stands(folder):
            raise NotFound(f'"/{self._tree.path(folder)}" is no longer there')
        await self._keeper.load(folder)
        self._tree.touch(folder)
        self._fetcher.start_if_due(folder)

    def _shown(self, folder: Folder) -> dict[str, Node]:
        if folder.children is None:
            raise NotFound(f'"/{self._tree.path(folder)}" is no longer there')
        return folder.children

    def _absent(self, folder: Folder, name: str) -> NotFound:
        return NotFound(f'there is no "{name}" in "/{self._tree.path(folder)}"')

    async def _wait_for_refresh(self, folder: Folder) -> None:
        """Wait a short time for newer listings than the complete ones that are known."""
        now = trio.current_time()
        waits = {
            part: wait_s
            for part in folder.parts
            if part.freshness.complete and (wait_s := self._patience_s(part, now))
        }
        if not waits:
            return
        with trio.move_on_after(max(waits.values())):
            while any(part.freshness.asking for part in waits):
                await self._progress.wait(folder)
            return
        self._waited_in_vain(waits)

    def _patience_s(self, part: Part, now: float) -> float:
        online = part.member.health.report.state is State.ONLINE
        return part.freshness.patience_s(now, self._patience, online=online)

    async def _idle(self, folder: Folder) -> None:
        while folder.asking:
            await self._progress.wait(folder)

    def _raise_unless_worth_waiting(self, folder: Folder) -> None:
        """Raise what the first part that was never listed has met, unless one may come yet."""
        parts = [part for part in folder.parts if not part.freshness.complete]
        verdicts = [self._verdict(folder, part) for part in parts]
        if verdicts and all(verdicts) and verdicts[0] is not None:
            raise verdicts[0].with_traceback(None)

    def _verdict(self, folder: Folder, part: Part) -> FsmountError | None:
        """Return why nobody should wait for ``part`` now; None when it is worth waiting for."""
        freshness = part.freshness
        if not freshness.asking and freshness.failure is not None:
            return freshness.failure
        if not freshness.patience_s(trio.current_time(), self._patience, online=True):
            return TimedOut(f'"/{self._tree.path(folder)}" is still not listed')
        return None

    def _timed_out(self, folder: Folder) -> TimedOut:
        self._waited_in_vain(folder.parts)
        return TimedOut(f'"/{self._tree.path(folder)}" is not listed yet')

    @staticmethod
    def _waited_in_vain(parts: Iterable[Part]) -> None:
        for part in parts:
            if part.freshness.asking:
                part.freshness.waited_in_vain(trio.current_time())
