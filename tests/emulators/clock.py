"""The wall clock of an emulated provider, which a test can move."""

from __future__ import annotations

import time

_NS = 1_000_000_000


class Clock:
    """Real time plus an offset: a jump makes tokens and links expire without waiting."""

    def __init__(self) -> None:
        self._offset_ns = 0

    @property
    def offset_s(self) -> float:
        """How far this clock is ahead of the real one, in seconds."""
        return self._offset_ns / _NS

    def now_ns(self) -> int:
        """Nanoseconds since 1970."""
        return time.time_ns() + self._offset_ns

    def now(self) -> float:
        """Seconds since 1970."""
        return self.now_ns() / _NS

    def jump(self, seconds: float) -> None:
        """Move the clock by `seconds` from where it stands; negative goes back."""
        self._offset_ns += round(seconds * _NS)

    def reset(self) -> None:
        """Follow real time again."""
        self._offset_ns = 0
