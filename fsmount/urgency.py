"""How urgent work is that several wait for: as urgent as the most urgent of them.

A fetch that many share (a listing, a link, a run of blocks) is begun by whoever comes first, often
ahead of need. Whoever comes next may be a reader who waits: joining raises the priority of the task
that does the work, and its place in every queue that it stands in at that moment.
"""

from __future__ import annotations

import contextvars
from contextlib import contextmanager
from typing import TYPE_CHECKING

import trio

from fsmount.model import Priority, priority

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_led: contextvars.ContextVar[Urgency | None] = contextvars.ContextVar(
    "fsmount.urgency", default=None
)
"""Of the work that the current task does for others."""


class Urgency:
    """The urgency of one piece of shared work.

    Args:
        at: At first; that of the current context unless told.

    Attributes:
        at: Now; it is only ever raised.
    """

    __slots__ = ("_queues", "_task", "at")

    def __init__(self, at: Priority | None = None) -> None:
        self.at = priority.get() if at is None else at
        self._task: trio.lowlevel.Task | None = None
        self._queues: list[Callable[[Priority], None]] = []

    def lead(self) -> None:
        """Let the current task do the work."""
        self._task = trio.lowlevel.current_task()
        priority.set(self.at)
        _led.set(self)

    def join(self) -> None:
        """Let the work be no less urgent than the current context."""
        self.raise_to(priority.get())

    def raise_to(self, urgency: Priority) -> None:
        """Let the work be no less urgent than ``urgency``."""
        if urgency >= self.at:
            return
        self.at = urgency
        if self._task is not None:
            # A task that waits is not inside its context, so another one may write to it.
            self._task.context.run(priority.set, urgency)
        for told in tuple(self._queues):
            told(urgency)

    @contextmanager
    def telling(self, told: Callable[[Priority], None]) -> Iterator[None]:
        """Have ``told`` called whenever the urgency is raised during the block."""
        self._queues.append(told)
        try:
            yield
        finally:
            self._queues.remove(told)


@contextmanager
def queueing(told: Callable[[Priority], None]) -> Iterator[None]:
    """Wait in a queue on behalf of the current task; ``told`` moves up what waits there."""
    led = _led.get()
    if led is None:
        yield
        return
    with led.telling(told):
        yield
