"""The GETs of one content: begun where there is memory, queued for a connection, ended.

Each runs in a task of its own, whatever becomes of the read that asked for it. What it brings is
told cell by cell through the blocks; how it ended, and that its connection is free, through
``Runs``'s two ports.
"""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import trio

from fsmount import errors
from fsmount.cache.buffers import BLOCK
from fsmount.cache.memory import ALL_CELLS, CELL, cells_of
from fsmount.model import Priority, priority
from fsmount.reader.run import Run
from fsmount.urgency import Urgency

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fsmount.cache.memory import Block, Content
    from fsmount.reader.borders import Service
    from fsmount.reader.pace import Pace
    from fsmount.transfer.fetch import FileSource

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How one GET ended.

    Attributes:
        source: It had the connection, which is free now.
        failure: Why not all came; None when it did, or was no longer wanted.
        missing: The first byte that did not come, at the start of a cell.
        awaited: A read waited for it.
    """

    source: FileSource
    failure: errors.FsmountError | None
    missing: int
    awaited: bool


class Runs:
    """The runs of one content, whichever handles they are for.

    Invariants: ``_running`` run, ``_pending`` wait for a connection; the missing cells of all of
    them are in flight. With ``_pending`` empty or not, never more run than there are connections.

    Args:
        content: Whose blocks they fill.
        service: Runs tasks and counts.
        pace: Told what each GET took.
        arrived: Called with the first bytes of each, and with each cell.
        ended: Told of the end of each; it may begin others.
    """

    def __init__(
        self,
        content: Content,
        service: Service,
        pace: Pace,
        *,
        arrived: Callable[[], None],
        ended: Callable[[End], None],
    ) -> None:
        self._content = content
        self._service = service
        self._pace = pace
        self._arrived = arrived
        self._ended = ended
        self._running: list[Run] = []
        self._pending: deque[Run] = deque()

    def __iter__(self) -> Iterator[Run]:
        """Go through those that run, then those that wait; either may end meanwhile."""
        return iter((*self._running, *self._pending))

    def __len__(self) -> int:
        return len(self._running) + len(self._pending)

    @property
    def in_flight(self) -> int:
        """How many run."""
        return len(self._running)

    def begin(
        self,
        start: int,
        stop: int,
        *,
        streaming: bool,
        whole: bool,
        urgent: bool,
        source: FileSource,
    ) -> int:
        """Start a GET for as much of a gap as memory has room for; return where it ends.

        Args:
            start: Of the gap.
            stop: Where the GET should end.
            streaming: The gap is part of a long sequence.
            whole: Its blocks get all their memory at once: a buffer that was used before, where one
                that grows costs a fresh page for each page.
            urgent: A read waits for it.
            source: Where the bytes come from.
        """
        admitted: list[Block] = []
        at = start
        while at < stop:
            index = at // BLOCK
            base = index * BLOCK
            cells = cells_of(at - base, min(stop - base, BLOCK))
            fits = whole and base + BLOCK <= self._content.key.size
            block = self._service.memory.admit(
                self._content,
                index,
                ALL_CELLS if fits else cells,
                streaming=streaming,
                urgent=urgent,
            )
            if block is None:
                break
            block.pins += 1
            admitted.append(block)
            at = min(base + BLOCK, stop)
        if admitted:
            run = Run(
                start,
                at,
                admitted,
                urgent=urgent,
                urgency=_urgency(urgent=urgent),
                arrived=self._arrived,
                done=self._block_done,
            )
            self._pending.append(run)
            self.go_on(source)
        return at

    def go_on(self, source: FileSource) -> None:
        """Let those that wait use the connections that are free."""
        while self._pending and len(self._running) < max(source.connections, 1):
            run = self._pending.popleft()
            self._running.append(run)
            self._service.counts.gets += 1
            self._service.spawn(self._fetch, run, source)

    def preempt(self) -> None:
        """Free a connection for each that waits for one: GETs needed last are given up.

        One that another read began gets on a little first: two readers who share one connection
        would else cancel each other's GETs all the time.
        """
        if not self._pending:
            return
        least = self._pace.least_get_bytes()
        cancelled = sum(run.scope.cancel_called for run in self._running)
        candidates = [
            run
            for run in self._running
            if not (run.awaited or run.scope.cancel_called)
            and (not run.urgent or run.position - run.start >= least)
        ]
        candidates.sort(key=lambda run: run.position, reverse=True)
        for run in candidates[: max(len(self._pending) - cancelled, 0)]:
            self.cancel(run)

    def cancel(self, run: Run) -> None:
        """Give ``run`` up; who waits for it asks again."""
        if run in self._pending:
            self._pending.remove(run)
            run.give_up(None)
        elif not run.scope.cancel_called:
            self._service.counts.gets_cancelled += 1
            run.scope.cancel()

    async def _fetch(self, run: Run, source: FileSource) -> None:
        """Run one GET to its end, whatever that is; nothing but cancellation leaves it."""
        run.urgency.lead()
        failure: errors.FsmountError | None = None
        run.started = trio.current_time()
        try:
            with run.scope:
                await source.fetch(run.start, run.stop, run)
        except Exception as exc:  # let out, one bad GET would end the whole mount
            failure = errors.known(exc)
            if failure is None and run.position < run.stop:  # a cut run's sink is full early
                log.exception("a fetch failed in an unexpected way")
                failure = errors.FsmountError(f"the fetch failed: {type(exc).__name__}")
        except BaseException:
            self._service.closing = True  # not the run's own scope: the service is cancelled
            raise
        finally:
            self._running.remove(run)
            self._over(run, source, failure)

    def _over(self, run: Run, source: FileSource, failure: errors.FsmountError | None) -> None:
        counts = self._service.counts
        received = run.position - run.start
        counts.fetched += received
        now = trio.current_time()
        if run.first_byte is not None:
            self._pace.note(
                run.first_byte - run.started, received - run.first_count, now - run.first_byte
            )
        if run.position >= run.stop:
            failure = None  # all is there, whatever happened to the rest of the answer
        elif failure is None and not (run.scope.cancelled_caught or self._service.closing):
            failure = errors.ProtocolError("the content ended before the span that was asked for")
        awaited = run.awaited
        missing = run.position // CELL * CELL
        counts.wasted += run.give_up(failure)
        if failure is not None:
            counts.gets_failed += 1
        self._service.freed()
        self._ended(End(source=source, failure=failure, missing=missing, awaited=awaited))

    def _block_done(self, block: Block) -> None:
        disk = self._service.disk
        if disk is not None and block.valid == block.all_cells and block.unsaved:
            disk.offer(block)


def _urgency(*, urgent: bool) -> Urgency:
    """Return that of a GET: what is brought ahead waits behind everybody."""
    own = priority.get()
    if own >= Priority.PREFETCH:
        return Urgency(own)
    return Urgency(Priority.READING if urgent else Priority.PREFETCH)
