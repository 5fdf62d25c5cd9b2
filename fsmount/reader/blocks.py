"""One content while it is read: joins what is in flight, starts what is missing, once for all.

Every missing cell has at most one bringer: a load from disk or a run (one GET). Reads of all
handles wait for cells, never for runs, and a bringer that ends without its cells tells who waits.
Decisions are made without awaiting; the awaits are in three places only: ``obtain`` (a read waits),
``Runs._fetch`` (a GET runs) and ``_load`` (a thread reads the disk), each in a task of its own, so
that whatever happens to one of them between two of its steps leaves the bitmaps true.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from fsmount import errors
from fsmount.cache.buffers import BLOCK
from fsmount.cache.memory import CELL, cells_of
from fsmount.reader.gaps import Gaps
from fsmount.reader.run import Wait
from fsmount.reader.runs import Runs
from fsmount.reader.trouble import Trouble
from fsmount.reader.window import MIB, aligned, next_get, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fsmount.cache.memory import Block, Content
    from fsmount.model import ContentKey
    from fsmount.reader.borders import Reading, Service
    from fsmount.reader.pace import Pace
    from fsmount.reader.runs import End

_LOADS = 4
"""Blocks loaded ahead at once: what keeps a fast disk busy."""

_PROBE = MIB
"""What is tried behind reads that fail at once, to see whether bytes come again."""


class SharedFile:
    """The runs and loads of one content, for every handle that has it open.

    Invariant: the missing cells of ``_runs``, and those of each load, are in flight.
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
        self._runs = Runs(
            self.content, service, pace, arrived=self._bytes_arrived, ended=self._run_ended
        )
        self._loading = 0
        self._trouble = Trouble()
        self._gaps = Gaps(self.content, service.disk)

    @property
    def in_flight(self) -> int:
        """GETs running."""
        return self._runs.in_flight

    def is_missing(self, start: int, stop: int) -> bool:
        """Tell whether some of these bytes would have to come over the network, or come so."""
        return self._gaps.missing(start, stop)

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
                    views = views_of(wait.blocks, start, stop)
                    return views[0] if len(views) == 1 else b"".join(views)
            finally:
                if wait.release():
                    self._service.freed()
            await self._service.room()

    def worn_out(self) -> errors.FsmountError:
        """Return the failure of a read that waited as long as a read may."""
        failure = errors.TimedOut("the content comes too slowly to be read")
        self._trouble.worn_out(failure, trio.current_time())
        return failure

    def _bytes_arrived(self) -> None:
        self._trouble.over(trio.current_time())

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
        for run in self._runs:
            if run.position < stop and start < run.stop:
                run.urgency.join()
        self._runs.preempt()  # not before this read is known to wait for what is on its way
        return True

    def _bring(self, handle: Reading, start: int, stop: int) -> bool:
        """Start loads and GETs for the missing cells of a read; False when memory has no room."""
        self._refuse_in_silence(start, stop)
        at = start // CELL * CELL
        after = min(-(-stop // CELL) * CELL, self.key.size)
        while (at := self._gaps.first(at, after)) < after:
            index = at // BLOCK
            if kept := self._gaps.on_disk(at, after):
                if not self._start_load(index, kept, streaming=False, urgent=True):
                    return False
                continue
            end = self._gaps.end(at, after)
            if end == after:
                connections = self._pace.connections(max(handle.source.connections, 1))
                window = handle.window.ahead(handle.window.current, self._service.share())
                reach = handle.window.reach(start, stop, self._length(window, connections))
                end = self._gaps.end(at, max(end, aligned(reach, self.key.size)))
            streaming = handle.window.is_streaming or end - at > BLOCK // 2
            run_end = self._run_for(handle, at, end, streaming=streaming, urgent=True)
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
        for run in self._runs:
            if run.position < base and start < run.stop:
                direct_s = self._pace.round_trip_s + (stop - start) / rate
                if (start - run.position) / rate > 2 * direct_s:
                    run.cut(base)

    def _refuse_in_silence(self, start: int, stop: int) -> None:
        """Raise at once what an earlier read waited out, while nothing has arrived since."""
        silence = self._trouble.silence(trio.current_time())
        if silence is not None and self._gaps.missing(start, stop):
            raise silence.with_traceback(None)

    def read_ahead(self, handle: Reading) -> int:
        """Start what the handle will want soon; return after how many bytes to look again."""
        if self._service.closing:
            return BLOCK
        share = self._service.share()
        connections = self._pace.connections(max(handle.source.connections, 1), share)
        limit = min(share, self._pace.window_bytes(connections))
        window = handle.window
        window.growth = self._pace.growth
        spans = window.spans(limit)
        handle.protected = [
            (max(position - MIB, 0) // BLOCK, stop // BLOCK) for position, stop in spans
        ]
        for position, stop in spans:
            if stop > position and not self._fill(handle, position, stop, connections):
                break
        return min(window.ahead(window.current, limit) // 8, 2 * MIB)

    def read_ahead_for_all(self) -> None:
        """Look again at what every handle will want: a connection or memory became free."""
        for handle in tuple(self.handles):
            self.read_ahead(handle)

    def _fill(self, handle: Reading, position: int, stop: int, connections: int) -> bool:
        """Start loads and GETs for a wanted span; False when no more can be started now."""
        size = self.key.size
        least = self._pace.least_get_bytes()
        at = position // CELL * CELL
        while (at := self._gaps.first(at, stop)) < stop:
            index = at // BLOCK
            if kept := self._gaps.on_disk(at, size):
                if self._loading >= _LOADS:
                    return False
                if not self._start_load(index, kept, streaming=True, urgent=False):
                    return False
                continue
            if len(self._runs) >= connections:
                return False
            if not self._trouble.may_read_ahead(trio.current_time()):
                return False
            length = min(
                self._length(stop - position, connections),
                max(-(-(size - at) // connections), 2 * least),
            )
            end = whole(
                next_get(gap=at, position=position, stop=stop, size=size, length=length), at, size
            )
            if end <= at:
                return True
            end = self._gaps.end(at, end)
            if end <= at:
                return True
            run_end = self._run_for(handle, at, end, streaming=True, urgent=False)
            if run_end < end:
                return False
            at = end
        return True

    def _length(self, window: int, connections: int) -> int:
        """Return how long a GET should be so that ``connections`` of them share a window.

        Room for one more stays, which is then under way while the reader takes the first one's
        bytes; a single connection is one of many readers', and a long GET spares processor time.
        """
        part = window * 7 // 8 if connections == 1 else window // (connections + 1)
        shared = max(part, self._pace.least_get_bytes())
        return min(self._pace.get_bytes(), shared)

    def drop_unwanted(self) -> None:
        """Cancel GETs that no handle wants any more, no read waits for, and are not nearly over."""
        spans = [
            (position - MIB, stop)
            for handle in self.handles
            for position, stop in handle.window.spans(self.key.size)
        ]
        for run in self._runs:
            if not (
                run.awaited
                or any(run.position < stop and position < run.stop for position, stop in spans)
                or self._pace.is_nearly_over(run.stop - run.position, urgent=run.urgent)
            ):
                self._runs.cancel(run)

    def _is_wanted(self, index: int) -> bool:
        for handle in self.handles:
            for first, last in handle.protected:
                if first <= index <= last:
                    return True
        return False

    def _run_for(
        self, handle: Reading, start: int, stop: int, *, streaming: bool, urgent: bool
    ) -> int:
        """Start a GET for what ``handle`` wants; see ``Runs.begin``.

        One that reads on will want all of a block that it has begun, and has room for two.
        """
        whole = handle.window.is_streaming and self._service.share() >= 2 * BLOCK
        return self._runs.begin(
            start, stop, streaming=streaming, whole=whole, urgent=urgent, source=handle.source
        )

    def _run_ended(self, end: End) -> None:
        """Go on after a GET: reads that wait for a connection first, then reading ahead.

        A failure keeps reading ahead from hammering, and readers from waiting out one silence.
        """
        if end.failure is not None and self._trouble.met(
            end.failure, trio.current_time(), awaited=end.awaited
        ):
            self._probe(end)
        if not self._service.closing:
            self._runs.go_on(end.source)
            self.read_ahead_for_all()

    def _probe(self, end: End) -> None:
        """Try a little of what failed behind the reads, to see whether bytes come again."""
        missing = end.missing
        stop = self._gaps.end(missing, min(missing + _PROBE, self.key.size))
        if not self._service.closing and stop > missing == self._gaps.first(missing, stop):
            self._runs.begin(
                missing, stop, streaming=False, whole=False, urgent=False, source=end.source
            )

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
            # A record with a damaged part goes as a whole: what else was loaded of it is not kept.
            block.saved &= self._disk.holds(self.key, block.index)
            if good is None:
                self._memory.abandon(block)
            if lost := cells & ~(good or 0):
                block.lost(lost, None)
            self._service.freed()
            if not self._service.closing:
                self.read_ahead_for_all()


def views_of(blocks: Sequence[Block], start: int, stop: int) -> list[memoryview]:
    """Return bytes ``start`` to ``stop`` of adjacent blocks as views, and note them as read."""
    views = []
    for block in blocks:
        base = block.index * BLOCK
        low, high = max(start - base, 0), min(stop - base, BLOCK)
        block.seen |= cells_of(low, high)
        views.append(block.bytes[low:high])
    return views
