"""The limits of the Open API: three buckets per user and application. Source: Open §6."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

from tests.emulators.pds.errors import Refused

if TYPE_CHECKING:
    from tests.emulators.clock import Clock
    from tests.emulators.pds.settings import Settings

_WINDOW_S = 10.0
_BUCKETS = {"list": "list_rate", "link": "link_rate"}


class Rates:
    """Counts calls of the last 10 s; refused ones do not count."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._calls: dict[tuple[str, str, str], deque[float]] = {}
        self.refused = 0

    def admit(self, user_id: str, client_id: str, kind: str) -> None:
        """Count a call; raises Refused 429 with `x-retry-after` in milliseconds."""
        bucket = _BUCKETS.get(kind, "other_rate")
        allowed = getattr(self._settings, bucket)
        if not allowed:
            return
        now = self._clock.now()
        calls = self._calls.setdefault((user_id, client_id, bucket), deque())
        while calls and calls[0] <= now - _WINDOW_S:
            calls.popleft()
        if len(calls) >= allowed:
            self.refused += 1
            wait_ms = max(1, math.ceil((calls[0] + _WINDOW_S - now) * 1000))
            raise Refused("TooManyRequests", headers={"x-retry-after": str(wait_ms)})
        calls.append(now)
