"""The one place that protects an account: pace, concurrency, breaker, priority.

One governor per account, shared by all processes of the host through files below the state
directory: a token bucket and a breaker per family × host in a small flock-ed file, concurrency as
flock leases that the kernel frees when a process dies.

Inside a process priority decides who is next in a lane (a family × host); only the next one looks
at what the processes share. So urgency orders one mount's calls, and the mounts of a host take
turns.
"""

from __future__ import annotations

import logging
import math
import time
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import trio

from fsmount.account import pace as paces
from fsmount.account.border import Limit
from fsmount.account.clocks import boottime
from fsmount.account.lane import Lane, Leave, Shelf, Waiter
from fsmount.errors import Blocked, ConnectionLimit, Throttled, TimedOut
from fsmount.model import priority
from fsmount.urgency import queueing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from fsmount.errors import FsmountError

log = logging.getLogger(__name__)

CONTENT = "content"
"""The family of ranged GETs on direct links; ``connections`` speaks of it."""

_UNLIMITED = Limit()
# CDNs answer from ever new host names; lanes that learned nothing are forgotten beyond this.
_MOST_LANES = 256


class Governor:
    """Paces one account.

    Args:
        directory: Where its files live (shared by the host's processes); None keeps it in memory.
        limits: Starting pace per family; a family without one is not limited until its provider
            complains.
        clock: Never jumps, counts sleep, is the same for all processes of the host.
        wall: Unix seconds.
    """

    def __init__(
        self,
        directory: Path | None,
        limits: Mapping[str, Limit],
        *,
        clock: Callable[[], float] = boottime,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._limits = dict(limits)
        self._clock = clock
        self._wall = wall
        self._lanes: dict[tuple[str, str], Lane] = {}
        self._shelf = Shelf(directory, clock)
        for family, host in self._shelf.kept():
            # An earlier process may have left an open breaker; ``status`` shows it at once.
            self._lane(family, host)

    @asynccontextmanager
    async def slot(self, family: str, host: str) -> AsyncIterator[None]:
        """Wait for leave to send one call (or GET) and hold it while the body runs.

        Ordered by the priority of the current context (and of who joins the work of this task
        meanwhile), then by arrival. It does not checkpoint when leave is there at once. Cancelling
        a waiter lets the next one move up.

        Raises:
            Blocked: At once, while the breaker of this family × host is open.
            TimedOut: At once, when the wait is known to outlast the current deadline.
        """
        lane = self._lane(family, host)
        self._check_breaker(lane)
        # Nobody is waiting, so nobody can be overtaken.
        leave = None if lane.waiters else lane.try_go()
        if not isinstance(leave, Leave):
            leave = await self._queue(lane)
        try:
            yield
        finally:
            lane.free(leave)

    async def _queue(self, lane: Lane) -> Leave:
        """Wait until this is the next call of ``lane`` and may go."""
        waiter = lane.join(priority.get())
        try:
            with queueing(partial(lane.hasten, waiter)):
                return await self._turn(lane, waiter)
        finally:
            lane.leave(waiter)

    async def _turn(self, lane: Lane, waiter: Waiter) -> Leave:
        while True:
            self._check_breaker(lane)
            self._check_deadline(lane, waiter)
            if lane.next is not waiter:
                await waiter.woken()
                continue
            verdict = lane.try_go()
            if isinstance(verdict, Leave):
                return verdict
            with trio.move_on_after(verdict):
                await waiter.woken()

    def met(self, family: str, host: str, failure: FsmountError | None) -> None:
        """Learn from how a call ended; called while its slot is held.

        Throttled and ConnectionLimit lower the pace, Blocked opens the breaker, success (None)
        slowly restores. Every other failure says nothing about pace.
        """
        lane = self._lane(family, host)
        limit, now, wall = lane.limit, self._clock(), self._wall()
        match failure:
            case None:
                if not lane.pace.is_plain:
                    lane.learn(lambda pace: paces.succeeded(pace, limit, now=now, wall=wall))
            case Blocked():
                known = paces.blocked_s(lane.pace, wall) > 0
                lane.learn(lambda pace: paces.blocked(pace, limit, failure, now=now, wall=wall))
                if not known:
                    log.warning("family=%s host=%s shut us out %s", family, host, self._end(lane))
                lane.wake_all()
            case Throttled():
                lane.learn(lambda pace: paces.throttled(pace, limit, failure, now=now, wall=wall))
                log.info("family=%s host=%s asks to slow down", family, host)
                lane.wake_all()
            case ConnectionLimit():
                busy = lane.connections_under_way()
                lane.learn(lambda pace: paces.crowded(pace, limit, under_way=busy, now=now))
                allowed = lane.pace.connections
                log.info("family=%s host=%s allows %s connections", family, host, allowed)
            case _:
                pass

    def connections(self, host: str, wanted: int) -> int:
        """Return how many GETs may run at once on ``host`` (learned down by ConnectionLimit)."""
        lane = self._lane(CONTENT, host)
        lane.look()
        most = paces.concurrency(lane.pace, lane.limit)
        return wanted if most is None else max(min(wanted, most), 1)

    def snapshot(self) -> Mapping[str, object]:
        """Return pace, queue and breaker per family × host, for ``status``."""
        return {
            f"{lane.family} {lane.host}": self._shown(lane)
            for lane in sorted(self._lanes.values(), key=lambda lane: (lane.family, lane.host))
        }

    def _shown(self, lane: Lane) -> Mapping[str, object]:
        lane.look()
        wall = self._wall()
        paused = lane.pace.paused_until > wall
        return {
            "rate_per_s": paces.rate_per_s(lane.pace, lane.limit),
            "learned": lane.pace.rate_per_s is not None or lane.pace.connections is not None,
            "concurrency": paces.concurrency(lane.pace, lane.limit),
            "under_way": lane.under_way,
            "waiting": len(lane.waiters),
            "paused_until": lane.pace.paused_until if paused else None,
            "blocked_until": lane.pace.blocked_until if paces.blocked_s(lane.pace, wall) else None,
        }

    def _check_breaker(self, lane: Lane) -> None:
        lane.look()
        left_s = paces.blocked_s(lane.pace, self._wall())
        if left_s > 0:
            raise Blocked(
                f"{lane.host} shut this account out {self._end(lane)}",
                advice="it is left alone until then",
                retry_after_s=left_s,
            )

    def _check_deadline(self, lane: Lane, waiter: Waiter) -> None:
        left_s = trio.current_effective_deadline() - trio.current_time()
        wait_s = lane.wait_s(waiter)
        # A scope that is already cancelled has a deadline of -inf: let it say so itself.
        if 0 < left_s < wait_s:
            raise TimedOut(
                f"{lane.host} may be asked again in {math.ceil(wait_s)} s, which is too late",
                advice="try again later",
            )

    def _end(self, lane: Lane) -> str:
        """Return until when the breaker of ``lane`` is open, in words."""
        wall = self._wall()
        until = wall + paces.blocked_s(lane.pace, wall)
        return f"until {paces.time_of_day(until, wall)}"

    def _lane(self, family: str, host: str) -> Lane:
        lane = self._lanes.get((family, host))
        if lane is None:
            if len(self._lanes) >= _MOST_LANES:
                self._forget_idle_lanes()
            lane = self._lanes[family, host] = Lane(
                family,
                host,
                limit=self._limits.get(family, _UNLIMITED),
                shelf=self._shelf,
                clock=self._clock,
                wall=self._wall,
            )
        return lane

    def _forget_idle_lanes(self) -> None:
        for key, lane in list(self._lanes.items()):
            if lane.pace.is_plain and not lane.under_way and not lane.waiters:
                del self._lanes[key]
