"""What failed GETs of one file teach: who is answered at once, and when to read ahead again.

Pure: told of failures with the time, asked with the time.
"""

from __future__ import annotations

from fsmount.errors import (
    ConnectionLimit,
    FsmountError,
    ProviderFault,
    Throttled,
    TimedOut,
    Unreachable,
)

_SILENCE_S = 10.0
"""After a time-out reads fail at once for so long, unless something arrives (DESIGN promise 1):
the kernel repeats a failed read, and a wait is spent once."""

_REPEATED_WITHIN_S = 1.0
"""The same for what was tried for some seconds already, a server that fails or is not there."""

_TRIED = (TimedOut, Unreachable, ProviderFault, Throttled, ConnectionLimit)

_BACKOFF_S = 1.0
_BACKOFF_MOST_S = 30.0
_DOUBLINGS = 5


class Trouble:
    """The failures of one file's GETs; nothing is remembered once bytes arrive again."""

    def __init__(self) -> None:
        self._silence: FsmountError | None = None
        self._silent_until = 0.0
        self._worn_until = 0.0
        self._failures = 0
        self._ahead_after = 0.0

    def met(self, failure: FsmountError, now: float, *, awaited: bool) -> bool:
        """Take in a failed GET; True when reads begin to fail at once: try one behind them.

        Args:
            failure: What it met.
            now: The time.
            awaited: Some read waited for it.
        """
        self._ahead_after = now + min(_BACKOFF_S * 2**self._failures, _BACKOFF_MOST_S)
        self._failures = min(self._failures + 1, _DOUBLINGS)
        if not (awaited and isinstance(failure, _TRIED)):
            return False
        timed_out = isinstance(failure, TimedOut)
        begins = timed_out and self._silence is None
        lasts_s = _SILENCE_S if timed_out else _REPEATED_WITHIN_S
        self._silence = failure
        self._silent_until = max(self._silent_until, now + lasts_s)
        return begins

    def worn_out(self, failure: FsmountError, now: float) -> None:
        """Take in that a read was given up although bytes trickle: no byte ends this silence."""
        self._silence, self._silent_until = failure, now + _SILENCE_S
        self._worn_until = self._silent_until

    def over(self, now: float) -> None:
        """Bytes arrived."""
        if now >= self._worn_until:
            self._silence = None
        self._failures = 0
        self._ahead_after = 0.0

    def silence(self, now: float) -> FsmountError | None:
        """Return what reads are to fail with at once; None when they may wait."""
        if self._silence is not None and now >= self._silent_until:
            self._silence = None
        return self._silence

    def may_read_ahead(self, now: float) -> bool:
        """Tell whether reading ahead may try again."""
        return now >= self._ahead_after
