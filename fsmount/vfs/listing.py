"""Answers what is in a folder, in time: from a fresh listing, a stale one, or what has arrived.

A request never runs a fetch itself. It starts or joins one and waits no longer than its patience
(DESIGN promise 1); the fetch goes on behind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from fsmount.errors import NotFound, TimedOut
from fsmount.health import State
from fsmount.vfs.order import ordered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fsmount.vfs.fetching import Fetcher
    from fsmount.vfs.freshness import Patience
    from fsmount.vfs.kept import Keeper
    from fsmount.vfs.pages import Arrival
    from fsmount.vfs.progress import Progress
    from fsmount.vfs.tree import Folder, Node, Tree


class View:
    """What an open folder shows: a finished listing, or one that still arrives.

    Attributes:
        nodes: In order; it only grows, so that a place in it can be come back to.
        arrival: The listing that makes it grow; None when it is whole.
    """

    __slots__ = ("arrival", "nodes")

    def __init__(self, nodes: Sequence[Node], arrival: Arrival | None) -> None:
        self.nodes = nodes
        self.arrival = arrival


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

    async def child(self, folder: Folder, name: str) -> Node:
        """Return what ``name`` is in ``folder``.

        Raises:
            NotFound: A complete listing does not have it.
            TimedOut: It may come yet.
            FsmountError: The folder cannot be listed.
        """
        with trio.move_on_after(self._patience.answer_within_s):
            await self._ready(folder)
            await self._wait_for_refresh(folder)
            while (node := self._shown(folder).get(name)) is None:
                if folder.freshness.complete:
                    raise NotFound(f'there is no "{name}" in "/{self._tree.path(folder)}"')
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
            children = self._shown(folder)
            if folder.freshness.complete:
                return View(ordered(children.values(), folder.member.sort), None)
            arrival = folder.freshness.arrival
            if arrival is not None:
                return View(arrival.nodes, arrival)
            self._raise_unless_worth_waiting(folder)
        raise self._timed_out(folder)

    async def more(self, folder: Folder, view: View, have: int) -> None:
        """Wait until ``view`` has more than ``have`` nodes, or is whole.

        Raises:
            FsmountError: Its listing stopped, or does not go on in time.
        """
        self._shown(folder)
        arrival = view.arrival
        if arrival is None:
            return
        with trio.move_on_after(self._patience.answer_within_s):
            while len(view.nodes) <= have and not arrival.done:
                if arrival.failure is not None:
                    raise arrival.failure.with_traceback(None)
                self._raise_unless_worth_waiting(folder)
                await self._progress.wait(folder)
            return
        raise self._timed_out(folder)

    async def settled(self, folder: Folder) -> None:
        """Give a refresh of ``folder`` that is due the short time that a stale answer waits."""
        self.start_ahead(folder)
        await self._wait_for_refresh(folder)

    async def refresh(self, folder: Folder) -> int:
        """List ``folder`` anew, whatever its age; return how many entries it has.

        Waits for the whole listing; each page has its own deadline.

        Raises:
            FsmountError: It could not be listed; what was known stays.
        """
        await self._keeper.load(folder)
        await self._idle(folder)  # what is under way may be older than what the caller wants
        folder.freshness.arrival = None
        self._fetcher.start(folder)
        await self._idle(folder)
        if folder.freshness.failure is not None:
            raise folder.freshness.failure.with_traceback(None)
        return len(self._shown(folder))

    def start_ahead(self, folder: Folder) -> None:
        """Have the listing of ``folder`` under way, if it is in memory and due."""
        if folder.children is not None and self._tree.stands(folder):
            self._fetcher.start_if_due(folder)

    def refresh_behind(self, folder: Folder) -> None:
        """List ``folder`` anew soon: something showed that what is known of it is not true."""
        folder.freshness.outdated()
        self.start_ahead(folder)

    async def _ready(self, folder: Folder) -> None:
        """Have what is kept of ``folder`` in memory, and its listing under way if it is due."""
        if not self._tree.stands(folder):
            raise NotFound(f'"/{self._tree.path(folder)}" is no longer there')
        await self._keeper.load(folder)
        self._tree.touch(folder)
        self._fetcher.start_if_due(folder)

    def _shown(self, folder: Folder) -> dict[str, Node]:
        if folder.children is None:
            raise NotFound(f'"/{self._tree.path(folder)}" is no longer there')
        return folder.children

    async def _wait_for_refresh(self, folder: Folder) -> None:
        """Wait a short time for a newer listing than the complete one that is known."""
        freshness = folder.freshness
        online = folder.member.health.report.state is State.ONLINE
        wait_s = freshness.patience_s(trio.current_time(), self._patience, online=online)
        if not freshness.complete or not wait_s:
            return
        with trio.move_on_after(wait_s):
            await self._idle(folder)
            return
        folder.freshness.waited_in_vain(trio.current_time())

    async def _idle(self, folder: Folder) -> None:
        while folder.freshness.asking:
            await self._progress.wait(folder)

    def _raise_unless_worth_waiting(self, folder: Folder) -> None:
        freshness = folder.freshness
        if not freshness.asking and freshness.failure is not None:
            raise freshness.failure.with_traceback(None)
        if not freshness.patience_s(trio.current_time(), self._patience, online=True):
            raise TimedOut(f'"/{self._tree.path(folder)}" is still not listed')

    def _timed_out(self, folder: Folder) -> TimedOut:
        folder.freshness.waited_in_vain(trio.current_time())
        return TimedOut(f'"/{self._tree.path(folder)}" is not listed yet')
