"""When a folder is asked for again, and how long a request waits for it. Pure.

Times are on trio's clock, in seconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fsmount.errors import FsmountError, Throttled

if TYPE_CHECKING:
    from fsmount.vfs.pages import Arrival

_LEAST_INTERVAL_S = 2.0
"""Between two listings of one folder, whatever asks: walkers must not hammer."""

_LONGEST_PAUSE_S = 60.0
"""After many failures; the network may be back any time, and asking once a minute is cheap."""

_IMPATIENT_FOR_S = 10.0
"""After one request waited in vain, others fail at once for so long (DESIGN promise 1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long requests wait for a listing.

    Attributes:
        answer_within_s: When nothing is known.
        stale_after_s: When something older is known.
    """

    answer_within_s: float
    stale_after_s: float


@dataclass(slots=True, kw_only=True)
class Freshness:
    """What is known of one folder's listing.

    Attributes:
        complete: What the tree shows of it is a complete listing, however old.
        listed_at: When that one was asked for; -inf when it must be asked for again.
        asking: A listing is under way.
        failure: How the last one ended; None when it ended well.
        arrival: The listing under way, or one that stopped and may go on; None without either.
    """

    complete: bool = False
    listed_at: float = -math.inf
    asking: bool = False
    failure: FsmountError | None = None
    arrival: Arrival | None = None
    _failures: int = 0
    _ask_again_at: float = -math.inf
    _impatient_until: float = -math.inf

    def is_fresh(self, now: float, ttl_s: float) -> bool:
        """Tell whether the tree's word is good without asking."""
        return self.complete and now - self.listed_at < ttl_s

    def should_ask(self, now: float, ttl_s: float) -> bool:
        """Tell whether a listing has to be started now."""
        return not self.asking and now >= self._ask_again_at and not self.is_fresh(now, ttl_s)

    def patience_s(self, now: float, patience: Patience, *, online: bool) -> float:
        """Return how long a request waits for the listing under way; 0 when it does not.

        Something known is served at once while the remote is not online: only the first of a
        thousand folders of a walk shall wait for a network that is not there.
        """
        if not self.asking or now < self._impatient_until:
            return 0.0
        if not self.complete:
            return patience.answer_within_s
        return patience.stale_after_s if online else 0.0

    def started(self, now: float) -> None:
        """A listing is under way."""
        self.asking = True
        self._ask_again_at = now + _LEAST_INTERVAL_S

    def arrived(self) -> None:
        """A page came: where nothing was known, waiting is worth it again."""
        if not self.complete:
            self._impatient_until = -math.inf

    def waited_in_vain(self, now: float) -> None:
        """A request waited as long as it may."""
        self._impatient_until = now + _IMPATIENT_FOR_S

    def completed(self, listed_at: float) -> None:
        """The tree shows a complete listing that was asked for at ``listed_at``."""
        self.asking = False
        self.complete = True
        self.listed_at = listed_at
        self.failure = None
        self.arrival = None
        self._failures = 0
        self._impatient_until = -math.inf

    def failed(self, now: float, failure: FsmountError) -> None:
        """The listing ended in ``failure``: what is known stays, and the next one has to wait."""
        self.asking = False
        self.failure = failure
        pause = min(_LEAST_INTERVAL_S * 2**self._failures, _LONGEST_PAUSE_S)
        if isinstance(failure, Throttled) and failure.retry_after_s is not None:
            pause = max(pause, failure.retry_after_s)
        self._failures = min(self._failures + 1, 10)
        self._ask_again_at = now + pause
        self._impatient_until = -math.inf

    def given_up(self) -> None:
        """A listing that nobody waited for ended without one: whoever comes may ask at once."""
        self.asking = False
        self._ask_again_at = -math.inf

    def outdated(self) -> None:
        """Something showed that the listing is not true any more."""
        self.listed_at = -math.inf
