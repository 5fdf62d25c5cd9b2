"""Shows what a provider fetched by itself in a running mount, without a remount.

Providers tell nobody when an offline download ends, and their listings are fresh for hours. So a
mount asks how the downloads of its account are doing, but only while the store knows of any, and
has the folder of each that ends listed anew. It asks seldom, behind everybody else, and never more
often for several mounts of one account than for one.
"""

from __future__ import annotations

import logging
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import trio

from fsmount.errors import FsmountError
from fsmount.model import Priority, priority
from fsmount.store.offline import Ledger, settled

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from fsmount.drivers.base import OfflineDownloads
    from fsmount.store.offline import LedgerStore
    from fsmount.vfs.filesystem import Filesystem, Member

log = logging.getLogger(__name__)

# The file is looked at, nobody is asked: how soon a download that was begun elsewhere is noticed.
_LOOK_S = 5.0
# Much of what is asked for is known to the provider already and there within seconds; what takes
# hours may be noticed some minutes late.
_SOONEST_S, _LATEST_S = 10.0, 300.0
_SHARE_OF_AGE = 0.25
_ANSWER_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """One remote of a mount whose provider downloads by itself.

    Attributes:
        member: Its part of the tree.
        driver: Asked how the downloads are doing.
        ledger: Those of its account.
    """

    member: Member
    driver: OfflineDownloads
    ledger: LedgerStore


def pause_s(ledger: Ledger, *, wall: float) -> float | None:
    """Return how long not to ask about ``ledger`` after it was asked last; None: nothing runs.

    The longer the newest download takes, the less often.
    """
    running = ledger.running
    if not running:
        return None
    youngest_s = wall - max(ledger.tasks[ident].since for ident in running)
    return min(max(youngest_s * _SHARE_OF_AGE, _SOONEST_S), _LATEST_S)


def is_due(ledger: Ledger, *, wall: float) -> bool:
    """Tell whether the provider should be asked about ``ledger`` now."""
    pause = pause_s(ledger, wall=wall)
    return pause is not None and not 0 <= wall - ledger.asked < pause


@asynccontextmanager
async def watching_downloads(
    watched: Iterable[Watched], filesystem: Filesystem
) -> AsyncIterator[Callable[[], int]]:
    """Let ``filesystem`` follow the downloads of ``watched`` while the block runs.

    Yields:
        What tells how many are under way, as far as is known without asking.
    """
    watchers = [Watcher(each, filesystem) for each in watched]
    async with trio.open_nursery() as nursery:
        for watcher in watchers:
            nursery.start_soon(watcher.run)
        yield lambda: sum(watcher.running for watcher in watchers)
        nursery.cancel_scope.cancel()


class Watcher:
    """Follows the downloads of one remote for one mount.

    Attributes:
        running: How many were under way when it looked last.

    Args:
        watched: The remote.
        filesystem: Has folders listed anew.
        wall: Unix seconds.
    """

    def __init__(
        self, watched: Watched, filesystem: Filesystem, *, wall: Callable[[], float] = time.time
    ) -> None:
        self._member = watched.member
        self._driver = watched.driver
        self._ledger = watched.ledger
        self._filesystem = filesystem
        self._wall = wall
        self._shown: set[tuple[str, float]] = set()
        self.running = 0

    async def run(self) -> None:
        """Follow them for ever; failures are logged, and asked again about later."""
        priority.set(Priority.CRAWL)
        while True:
            try:
                await self._look()
            except FsmountError as exc:
                log.info("remote=%s offline downloads are not followed: %s", self._member.name, exc)
            await trio.sleep(_LOOK_S)

    async def _look(self) -> None:
        ledger = await self._ledger.load()
        await self._show(ledger)
        if not is_due(ledger, wall=self._wall()) or not await self._is_ours():
            return
        with trio.move_on_after(_ANSWER_WITHIN_S):
            told = await self._driver.offline_tasks()
            await self._show(
                await self._ledger.change(lambda kept: settled(kept, told, wall=self._wall()))
            )

    async def _is_ours(self) -> bool:
        """Return whether it is this mount that asks now: no other of the account does then.

        Settled before the answer, so that a provider that gives none is not asked all the time.
        """
        wall, ours = self._wall(), False

        def claimed(kept: Ledger) -> Ledger:
            nonlocal ours
            ours = is_due(kept, wall=wall)
            return Ledger(tasks=kept.tasks, asked=wall) if ours else kept

        await self._ledger.change(claimed)
        return ours

    async def _show(self, ledger: Ledger) -> None:
        """Have the folders of those that ended listed anew, each once."""
        self.running = len(ledger.running)
        over = {(ident, task.ended) for ident, task in ledger.tasks.items() if task.ended}
        new = over - self._shown
        # Once, also when it fails: what is shown counts as old then, and whoever looks asks again.
        self._shown = over
        if new:
            log.info("remote=%s offline downloads ended=%d", self._member.name, len(new))
        for folder in sorted({ledger.tasks[ident].folder for ident, _ in new}):
            await self._filesystem.renew(self._member, folder or self._member.driver.root.id)
