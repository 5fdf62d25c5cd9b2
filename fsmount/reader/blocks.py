"""One content while it is read: joins what is in flight, starts what is missing, once for all.

Every missing cell has at most one bringer: a load from disk or a run (one GET). Reads of all
handles wait for cells, never for runs, and a bringer that ends without its cells tells who waits.
Decisions are made without awaiting; the awaits are in three places only: ``obtain`` (a read waits),
``_fetch`` (a GET runs) and ``_load`` (a thread reads the disk), each in a task of its own, so that
whatever happens to one of them between two of its steps leaves the bitmaps true.
"""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import trio

from fsmount import errors
from fsmount.cache.buffers import BLOCK
from fsmount.cache.memory import CELL, CELLS, cells_of
from fsmount.model import Priority, priority
from fsmount.reader.run import Run, Wait
from fsmount.reader.window import MIB, next_get

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fsmount.cache.disk import DiskCache
    from fsmount.cache.memory import Block, Content, Memory
    from fsmount.model import ContentKey
    from fsmount.reader.pace import Pace
    from fsmount.reader.window import Window
    from fsmount.transfer.fetch import FileSource

log = logging.getLogger(__name__)

_LOADS = 4
"""Blocks loaded ahead at once: what keeps a fast disk busy."""

_SILENCE_S = 10.0
"""After a time-out reads fail at once for so long, unless something arrives (DESIGN promise 1)."""

_PROBE = MIB
_BACKOFF_S = 1.0
_BACKOFF_MOST_S = 30.0


@dataclass(slots=True, kw_only=True)
class Counts:
    """What the reader did so far; bytes unless said."""

    hits: int = 0  # reads answered from memory at once
    waits: int = 0  # reads that waited
    gets: int = 0
    gets_cancelled: int = 0
    gets_failed: int = 0
    fetched: int = 0
    from_disk: int = 0
    wasted: int = 0


class Service(Protocol):
    """What a shared file needs of the service that owns it."""

    memory: Memory
    disk: DiskCache | None
    counts: Counts
    closing: bool

    def spawn(self, task: Callable[..., Awaitable[None]], *args: object) -> None:
        """Run a task that outlives the read that asked for it."""
        ...

    def share(self) -> int:
        """Return the bytes that one streaming handle may read ahead."""
        ...

    def freed(self) -> None:
        """Tell who waits for room that some memory may be free."""
        ...

    async def room(self) -> None:
        """Wait until some memory may be free."""
        ...


class Reading(Protocol):
    """What a shared file needs of a handle."""

    window: Window
    source: FileSource
    protected: list[tuple[int, int]]
    last_active: float


class SharedFile:
    """The runs and loads of one content, for every handle that has it open.

    Invariants: ``_runs`` are running, ``_pending`` wait for a connection; all their missing cells
    are in flight, and so are the cells of ``_loading``. With ``_pending`` empty or not, never more
    runs than ``connections`` run.
    """

    def __init__(self, key: ContentKey, label: str, pace: Pace, service: Service) -> None:
        self.key = key
        self.content: Content = service.memory.content(key, label)
        self.content.wanted = self._is_wanted
        self.handles: list[Reading] = []
        self._pace = pace
        self._service = service
        self._memory = service.memory
        self._disk = service.disk
        self._runs: list[Run] = []
        self._pending: deque[Run] = deque()
        self._loading = 0
        self._silent_until = -1.0
        self._silence: errors.FsmountError | None = None
        self._failures = 0
        self._ahead_after = -1.0

    @property
    def in_flight(self) -> int:
        """GETs running."""
        return len(self._runs)

    # --- reads ---------------------------------------------------------------------------------

    async def obtain(
        self, handle: Reading, start: int, stop: int, *, jumped: bool
    ) -> memoryview | bytes:
        """Return bytes ``start`` to ``stop``, at most a block's worth, waiting for them.

        Cancelling it harms nobody: what was started for it goes on.

        Raises:
            FsmountError: What the GET for these bytes met.
        """
        if jumped:
            self._shortcut(start, stop)
        while True:
            wait = Wait()
            try:
                if self._demand(handle, start, stop, wait):
                    self.read_ahead(handle)
                    await wait.done()
                    if wait.failure is not None:
                        raise wait.failure.with_traceback(None)
                    if wait.again:
                        continue
                    return _slice(wait.blocks, start, stop)
            finally:
                wait.release()
                self._service.freed()
            await self._service.room()

    def _demand(self, handle: Reading, start: int, stop: int, wait: Wait) -> bool:
        """Hold the blocks of a read in ``wait``, its missing cells on their way; False: no room."""
        first, last = start // BLOCK, (stop - 1) // BLOCK
        blocks = self.content.blocks
        held = [block for index in range(first, last + 1) if (block := blocks.get(index))]
        for block in held:
            block.pins += 1  # bringing one block must not push out the other
        try:
            if not self._bring(handle, start, stop):
                return False
            for index in range(first, last + 1):
                base = index * BLOCK
                wait.hold(blocks[index], cells_of(max(start - base, 0), min(stop - base, BLOCK)))
        finally:
            for block in held:
                block.pins -= 1
        return True

    def _bring(self, handle: Reading, start: int, stop: int) -> bool:
        """Start loads and GETs for the missing cells of a read; False when memory has no room."""
        self._refuse_in_silence(start, stop)
        at = start // CELL * CELL
        after = min(-(-stop // CELL) * CELL, self.key.size)
        while (at := self._gap(at, after)) < after:
            index = at // BLOCK
            if kept := self._on_disk(index, at, after):
                if not self._start_load(index, kept, streaming=False, urgent=True):
                    return False
                continue
            end = self._gap_end(at, after)
            length = self._length(handle, at)
            if end == after:
                reach = handle.window.reach(start, stop, length)
                end = self._gap_end(at, max(end, _aligned(reach, self.key.size)))
            streaming = handle.window.is_streaming or end - at > BLOCK // 2
            run_end = self._admit_and_run(
                at, end, streaming=streaming, urgent=True, source=handle.source
            )
            if run_end < min(end, after):
                return False
            at = run_end
        return True

    def _shortcut(self, start: int, stop: int) -> None:
        """Cut a run short that would bring a sought place much later than a GET of its own."""
        rate = self._pace.rate
        if rate is None:
            return
        base = start // BLOCK * BLOCK
        for run in (*self._runs, *self._pending):
            if run.position < base and start < run.stop:
                direct_s = self._pace.round_trip_s + (stop - start) / rate
                if (start - run.position) / rate > 2 * direct_s:
                    run.cut(base)

    def _refuse_in_silence(self, start: int, stop: int) -> None:
        """Raise at once what an earlier read waited out, while nothing has arrived since."""
        if self._silence is None:
            return
        if trio.current_time() >= self._silent_until or any(
            run.first_byte is not None for run in self._runs
        ):
            self._silence = None
            return
        for index in range(start // BLOCK, (stop - 1) // BLOCK + 1):
            base = index * BLOCK
            cells = cells_of(max(start - base, 0), min(stop - base, BLOCK))
            block = self.content.blocks.get(index)
            there = block.valid if block is not None else 0
            if self._disk is not None:
                there |= self._disk.holds(self.key, index)
            if cells & ~there:
                raise self._silence.with_traceback(None)

    # --- reading ahead -------------------------------------------------------------------------

    def read_ahead(self, handle: Reading) -> int:
        """Start what the handle will want soon; return after how many bytes to look again."""
        if self._service.closing:
            return BLOCK
        connections = self._pace.connections(max(handle.source.connections, 1))
        limit = min(self._service.share(), self._pace.window_bytes(connections))
        window = handle.window
        spans = window.spans(limit)
        handle.protected = [
            (max(position - MIB, 0) // BLOCK, stop // BLOCK) for position, stop in spans
        ]
        for position, stop in spans:
            if stop > position and not self._fill(handle, position, stop, connections):
                break
        return min(window.ahead(window.current, limit) // 16, MIB)

    def _fill(self, handle: Reading, position: int, stop: int, connections: int) -> bool:
        """Start loads and GETs for a wanted span; False when no more can be started now."""
        size = self.key.size
        least = self._pace.least_get_bytes()
        at = position // CELL * CELL
        while (at := self._gap(at, stop)) < stop:
            index = at // BLOCK
            if kept := self._on_disk(index, at, size):
                if self._loading >= _LOADS:
                    return False
                if not self._start_load(index, kept, streaming=True, urgent=False):
                    return False
                continue
            if (
                len(self._runs) + len(self._pending) >= connections
                or trio.current_time() < self._ahead_after
            ):
                return False
            length = min(
                self._length(handle, at),
                max((stop - position) // (connections + 1), least),
                max(-(-(size - at) // connections), least),
            )
            end = _whole(
                next_get(gap=at, position=position, stop=stop, size=size, length=length), at, size
            )
            if end <= at:
                return True
            end = self._gap_end(at, end)
            if end <= at:
                return True
            run_end = self._admit_and_run(
                at, end, streaming=True, urgent=False, source=handle.source
            )
            if run_end < end:
                return False
            at = end
        return True

    def _length(self, handle: Reading, at: int) -> int:
        return min(self._pace.get_bytes(), max(self._service.share() // 2, MIB))

    def drop_unwanted(self) -> None:
        """Cancel GETs that no handle wants any more and no read waits for."""
        spans = [
            (position - MIB, stop)
            for handle in self.handles
            for position, stop in handle.window.spans(self.key.size)
        ]
        for run in (*self._runs, *self._pending):
            if not run.awaited and not any(
                run.position < stop and position < run.stop for position, stop in spans
            ):
                self._cancel(run)

    def _is_wanted(self, index: int) -> bool:
        for handle in self.handles:
            for first, last in handle.protected:
                if first <= index <= last:
                    return True
        return False

    # --- cells ---------------------------------------------------------------------------------

    def _gap(self, at: int, stop: int) -> int:
        """Return the first byte from ``at`` that nobody has or brings; ``stop`` when none."""
        blocks = self.content.blocks
        while at < stop:
            index, cell = at // BLOCK, at % BLOCK // CELL
            block = blocks.get(index)
            if block is None:
                return at
            taken = (block.valid | block.flight) >> cell
            cell += (~taken & (taken + 1)).bit_length() - 1
            if cell < CELLS:
                return min(index * BLOCK + cell * CELL, stop)
            at = (index + 1) * BLOCK
        return stop

    def _gap_end(self, at: int, stop: int) -> int:
        """Return where the gap that begins at ``at`` ends, at most at ``stop``."""
        blocks = self.content.blocks
        key, disk = self.key, self._disk
        while at < stop:
            index, cell = at // BLOCK, at % BLOCK // CELL
            block = blocks.get(index)
            taken = block.valid | block.flight if block is not None else 0
            if disk is not None:
                taken |= disk.holds(key, index)
            taken >>= cell
            if taken:
                return min(at + ((taken & -taken).bit_length() - 1) * CELL, stop)
            at = (index + 1) * BLOCK
        return stop

    def _on_disk(self, index: int, start: int, stop: int) -> int:
        """Return the cells to load of a block when its cell at ``start`` is kept; else 0."""
        disk = self._disk
        if disk is None:
            return 0
        base = index * BLOCK
        kept = disk.holds(self.key, index)
        if not kept >> ((start - base) // CELL) & 1:
            return 0
        kept &= disk.widen(self.key, index, cells_of(start - base, min(stop - base, BLOCK)))
        block = self.content.blocks.get(index)
        return kept & ~(block.valid | block.flight) if block is not None else kept

    # --- bringing ------------------------------------------------------------------------------

    def _admit_and_run(
        self, start: int, stop: int, *, streaming: bool, urgent: bool, source: FileSource
    ) -> int:
        """Start a GET for as much of a gap as memory has room for; return where it ends."""
        admitted: list[Block] = []
        at = start
        while at < stop:
            index = at // BLOCK
            base = index * BLOCK
            cells = cells_of(at - base, min(stop - base, BLOCK))
            block = self._memory.admit(
                self.content, index, cells, streaming=streaming, urgent=urgent
            )
            if block is None:
                break
            block.pins += 1
            admitted.append(block)
            at = min(base + BLOCK, stop)
        if admitted:
            run = Run(start, at, admitted, urgent=urgent, done=self._block_done)
            if len(self._runs) < max(source.connections, 1):
                self._start(run, source)
            else:
                self._pending.append(run)
                self._preempt()
        return at

    def _start(self, run: Run, source: FileSource) -> None:
        self._runs.append(run)
        self._service.counts.gets += 1
        self._service.spawn(self._fetch, run, source)

    def _preempt(self) -> None:
        """Free a connection for a read that waits: the GET needed last is given up."""
        candidates = [run for run in self._runs if not run.awaited and not run.scope.cancel_called]
        cancelled = sum(run.scope.cancel_called for run in self._runs)
        if candidates and cancelled < len(self._pending):
            self._cancel(max(candidates, key=lambda run: run.position))

    def _cancel(self, run: Run) -> None:
        if run in self._pending:
            self._pending.remove(run)
            run.give_up(None)
        elif not run.scope.cancel_called:
            self._service.counts.gets_cancelled += 1
            run.scope.cancel()

    async def _fetch(self, run: Run, source: FileSource) -> None:
        """Run one GET to its end, whatever that is; nothing but cancellation leaves it."""
        priority.set(Priority.READING if run.urgent else Priority.PREFETCH)
        failure: errors.FsmountError | None = None
        run.started = trio.current_time()
        try:
            with run.scope:
                await source.fetch(run.start, run.stop, run)
        except Exception as exc:  # let out, one bad GET would end the whole mount
            failure = errors.known(exc)
            if failure is None:
                log.exception("a fetch failed in an unexpected way")
                failure = errors.FsmountError(f"the fetch failed: {type(exc).__name__}")
        except BaseException:
            self._service.closing = True  # not the run's own scope: the service is cancelled
            raise
        finally:
            self._runs.remove(run)
            self._over(run, source, failure)

    def _over(self, run: Run, source: FileSource, failure: errors.FsmountError | None) -> None:
        counts = self._service.counts
        received = run.position - run.start
        counts.fetched += received
        now = trio.current_time()
        if run.first_byte is not None:
            self._pace.note(run.first_byte - run.started, received, now - run.first_byte)
        if run.position >= run.stop:
            failure = None  # all is there, whatever happened to the rest of the answer
        elif failure is None and not run.scope.cancelled_caught:
            failure = errors.ProtocolError("the content ended before the span that was asked for")
        awaited = run.awaited
        missing = run.position // CELL * CELL
        counts.wasted += run.give_up(failure)
        if failure is not None:
            counts.gets_failed += 1
            self._failed(run, missing, failure, awaited=awaited, source=source)
        elif received:
            self._failures = 0
        self._service.freed()
        if not self._service.closing:
            self._go_on(source)

    def _failed(
        self,
        run: Run,
        missing: int,
        failure: errors.FsmountError,
        *,
        awaited: bool,
        source: FileSource,
    ) -> None:
        """Keep reading ahead from hammering, and readers from waiting out the same silence."""
        now = trio.current_time()
        wait_s = min(_BACKOFF_S * 2**self._failures, _BACKOFF_MOST_S)
        self._failures = min(self._failures + 1, 10)
        self._ahead_after = now + wait_s
        if not isinstance(failure, errors.TimedOut) or not awaited:
            return
        probing = self._silence is not None
        self._silence, self._silent_until = failure, now + _SILENCE_S
        if not probing and not self._service.closing:
            stop = self._gap_end(missing, min(missing + _PROBE, self.key.size))
            if stop > missing == self._gap(missing, stop):
                self._admit_and_run(missing, stop, streaming=False, urgent=False, source=source)

    def _go_on(self, source: FileSource) -> None:
        """Use a connection that became free: waiting reads first, then reading ahead."""
        while self._pending and len(self._runs) < max(source.connections, 1):
            self._start(self._pending.popleft(), source)
        for handle in tuple(self.handles):
            self.read_ahead(handle)

    def _block_done(self, block: Block) -> None:
        if self._disk is not None and block.valid == block.all_cells and block.unsaved:
            self._disk.offer(block)

    def _start_load(self, index: int, cells: int, *, streaming: bool, urgent: bool) -> bool:
        block = self._memory.admit(self.content, index, cells, streaming=streaming, urgent=urgent)
        if block is None:
            return False
        block.pins += 1
        block.flight |= cells
        self._loading += 1
        self._service.spawn(self._load, block, cells)
        return True

    async def _load(self, block: Block, cells: int) -> None:
        assert self._disk is not None
        good: int | None = 0
        try:
            good = await self._disk.load(block, cells)
        except BaseException:
            self._service.closing = True
            raise
        finally:
            self._loading -= 1
            block.pins -= 1
            if good:
                self._service.counts.from_disk += good.bit_count() * CELL
                block.saved |= good
                block.arrived(good)
            if good is None:
                self._memory.abandon(block)
            if lost := cells & ~(good or 0):
                block.lost(lost, None)
            self._service.freed()
            if not self._service.closing:
                for handle in tuple(self.handles):
                    self.read_ahead(handle)


def _slice(blocks: list[Block], start: int, stop: int) -> memoryview | bytes:
    """Return bytes ``start`` to ``stop`` of adjacent blocks: a view of one, a copy of more."""
    parts = []
    for block in blocks:
        base = block.index * BLOCK
        low, high = max(start - base, 0), min(stop - base, BLOCK)
        block.seen |= cells_of(low, high)
        parts.append(block.bytes[low:high])
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _aligned(at: int, size: int) -> int:
    """Return the end of the cell that ``at`` is in."""
    return min(-(-at // CELL) * CELL, size)


def _whole(end: int, at: int, size: int) -> int:
    """Round the end of a GET down to a block, or to a cell when it is short."""
    if end == size:
        return end
    whole = end // BLOCK * BLOCK
    return whole if whole > at else end // CELL * CELL
