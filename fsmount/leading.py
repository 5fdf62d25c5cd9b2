"""Which task receives the kernel's next request: one leads, the others follow.

pyfuse3 3.5.0 lets go of the right to receive as soon as a request has come, also when it is
answered within microseconds: a checkpoint of the lock, a second task and its registration with
epoll, for each request. Measured on 2 cores with a handler that does nothing: 49 us for a stat(2),
26 us when the leader keeps its right until a request has to wait.

So the lock that pyfuse3 receives under is one of ours (``kernel`` puts it there). Whoever answers a
request runs what may wait through ``Lead.through``; a wait outside of it would let nobody receive
as long as it lasts.
"""

from __future__ import annotations

import types
from collections import deque
from typing import TYPE_CHECKING, Any, TypeVar

import trio

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator

_T = TypeVar("_T")


class Lead:
    """The right to receive; as an asynchronous context manager, the lock around receiving.

    Leaving the lock keeps the right; it is handed on when the leader's request waits, when waiting
    for a request fails, and when the leader ends. Between awaits of the one kernel loop each verb
    is whole.
    """

    def __init__(self) -> None:
        self._leader: trio.lowlevel.Task | None = None
        self._followers: deque[trio.lowlevel.Task] = deque()

    async def __aenter__(self) -> None:
        """Wait for the lead; no checkpoint where it is free, since the wait for the kernel is."""
        task = trio.lowlevel.current_task()
        if self._leader is None:
            self._leader = task
        if self._leader is task:
            return

        def abort(_raise_cancel: object) -> trio.lowlevel.Abort:
            self._followers.remove(task)
            return trio.lowlevel.Abort.SUCCEEDED

        self._followers.append(task)
        await trio.lowlevel.wait_task_rescheduled(abort)

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Keep the lead, to handle what has come."""
        if kind is not None:
            self.hand_on()

    def hand_on(self) -> None:
        """Let the next one lead, if the current task does."""
        if self._leader is not trio.lowlevel.current_task():
            return
        self._leader = self._followers.popleft() if self._followers else None
        if self._leader is not None:
            trio.lowlevel.reschedule(self._leader)

    @types.coroutine
    def through(self, work: Coroutine[Any, Any, _T]) -> Generator[Any, Any, _T]:
        """Return what ``work`` returns; hand the lead on before its first wait, if there is one."""
        try:
            wait = work.send(None)
            self.hand_on()
            while True:
                try:
                    outcome = yield wait
                except BaseException as exc:  # noqa: BLE001 - it is the work's, as all others
                    wait = work.throw(exc)
                else:
                    wait = work.send(outcome)
        except StopIteration as end:
            result: _T = end.value
            return result
