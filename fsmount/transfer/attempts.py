"""Decides, purely, whether a failed GET is tried again, when, and on which link."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fsmount.errors import (
    Blocked,
    ConnectionLimit,
    ProviderFault,
    Throttled,
    TimedOut,
    Unreachable,
)

if TYPE_CHECKING:
    from fsmount.transfer.answers import Refusal

# A read fails after 8 s without a byte (DESIGN, promise 1), however many GETs were tried in them.
SILENCE_S = 8.0
# A GET that brought less than a cell of the reader's blocks is not counted as progress.
_PROGRESS_BYTES = 128 * 1024
# One that takes longer over so many is asked for anew on another connection: a reader waits for a
# cell for a minute at most, and what crawls after a fault would crawl for ever.
_PROGRESS_WITHIN_S = 20.0
# Waits before the 2nd, 3rd ... attempt; a reset costs nothing, an overloaded server wants a pause.
_BACK_OFF_S = (0.1, 0.4, 1.0, 2.0)
# Link calls that one span may cost: a link call is the scarcest thing a provider gives.
_MOST_RENEWALS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """Try again.

    Attributes:
        after_s: Seconds to wait first.
        renew: With a new link.
    """

    after_s: float
    renew: bool = False


class Attempts:
    """The attempts at one span.

    Args:
        now: Any monotonic clock, seconds; the same for all calls.
    """

    __slots__ = (
        "_brought",
        "_failures",
        "_heard_at",
        "_moved_at",
        "_refused",
        "_renewals",
        "_silent_s",
    )

    def __init__(self, now: float) -> None:
        self._heard_at = now
        self._moved_at = now
        self._silent_s = 0.0
        self._brought = 0
        self._failures = 0
        self._refused = False
        self._renewals = 0

    def began(self, now: float) -> None:
        """A GET is sent now: waiting for a link or for pace is not silence."""
        self._heard_at = self._moved_at = now

    def brought(self, count: int, now: float) -> None:
        """Bytes arrived."""
        self._heard_at = now
        self._silent_s = 0.0
        self._brought += count
        if self._brought >= _PROGRESS_BYTES:
            self._brought = self._failures = 0
            self._refused = False
            self._moved_at = now

    def crawls(self, now: float) -> bool:
        """Tell whether the GET under way brings so little that another connection may do better."""
        return now - self._moved_at > _PROGRESS_WITHIN_S

    def failed(self, refusal: Refusal, now: float) -> Again | None:
        """Return how to go on after ``refusal``; None when it is final."""
        self._silent_s += now - self._heard_at
        self._heard_at = now
        if refusal.renew:
            # Once per rejection: a new link that is refused as well says that the refusal is meant.
            if self._refused or self._renewals >= _MOST_RENEWALS:
                return None
            self._refused = True
            self._renewals += 1
            return Again(after_s=0.0, renew=True)
        if self._failures >= len(_BACK_OFF_S):
            return None
        back_off_s = _BACK_OFF_S[self._failures]
        match refusal.failure:
            case Blocked():
                return None
            case Throttled(retry_after_s=float(after_s)):
                pass
            case Throttled() | Unreachable() | ProviderFault() | ConnectionLimit():
                after_s = back_off_s
            case TimedOut():
                after_s = 0.0
            case _:
                return None
        self._failures += 1
        self._silent_s += after_s
        return Again(after_s=after_s) if self._silent_s < SILENCE_S else None
