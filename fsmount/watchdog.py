"""Feeds systemd's watchdog (``WatchdogSec=``) as long as programs can use the mount.

The daemon itself never looks into its own mount, and a loop that still turns proves nothing about
the kernel's side. So a child process asks the mount, and only its answer feeds the watchdog.
Standard library and ``mountpoint`` only: this runs in the supervisor.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from fsmount.mountpoint import Probe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_LOOK_EVERY_S = 0.2


class Asked(Protocol):
    """A question to the mount (``mountpoint.Probe``)."""

    def answered(self) -> bool | None:
        """Return whether a daemon answered; None while it has not yet."""
        ...


def period_s(environ: Mapping[str, str], pid: int) -> float | None:
    """Return how often process ``pid`` is to feed systemd's watchdog; None when it is not to.

    Half of what systemd waits for, as sd_watchdog_enabled(3) recommends.
    """
    if environ.get("WATCHDOG_PID", str(pid)) != str(pid):
        return None
    try:
        period_us = int(environ.get("WATCHDOG_USEC", ""))
    except ValueError:
        return None
    return period_us / 2e6 if period_us > 0 else None


class Watchdog:
    """Asks the mount on ``path`` every ``every_s`` seconds, and feeds when it answered.

    A question that gets no answer is not followed by another one: what hangs once would hang again,
    and each child that hangs stays until the mount is aborted.

    Args:
        path: The mountpoint.
        every_s: Seconds from one question to the next.
        feed: Tells systemd that all is well.
        ask: Starts a question.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        path: Path,
        every_s: float,
        feed: Callable[[], None],
        *,
        ask: Callable[[Path], Asked] = Probe,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._every_s = every_s
        self._feed = feed
        self._ask = ask
        self._clock = clock
        self._due = clock()
        self._asked: Asked | None = None

    def tick(self) -> float:
        """Do what is due now, without waiting; return the seconds until it wants to be asked."""
        now = self._clock()
        if self._asked is not None:
            answered = self._asked.answered()
            if answered is None:
                return _LOOK_EVERY_S
            self._asked = None
            if answered:
                self._feed()
        if now < self._due:
            return self._due - now
        self._asked = self._ask(self._path)
        self._due = now + self._every_s
        return _LOOK_EVERY_S
