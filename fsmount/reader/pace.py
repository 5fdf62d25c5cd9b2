"""What a link can do, and so how many GETs of which length keep it busy.

Each GET costs a round trip before its first byte, so a GET must carry many round trips' worth of
bytes, and a link whose provider slows each connection down must be asked on several at once. On a
link where one connection brings all there is, more of them only cost processor time.

Pure: told of finished GETs, asked for numbers.
"""

from __future__ import annotations

from collections import deque
from statistics import median

MIB = 1024 * 1024

_ROUND_TRIPS = 20  # a GET this long loses 5 % of its connection's time to waiting
_LEAST_S = 0.5  # and it lasts at least this long, while it is short of _LEAST_LONG
_LEAST_LONG = 16 * MIB  # about a hundredth of processor time per GET at 1 GB/s
_LONGEST = 64 * MIB
_FAST = 100 * MIB  # bytes per second of one connection that need no help of many others
_NEAR_S = 0.003  # a first byte this soon comes from this machine or the next
_NEAR_RATE = 30 * MIB
_FAR_S = 0.02
_FEW, _TWO = 4, 2
_UNKNOWN = 4
_SHARED = 32 * MIB  # with less than this for each file, others keep a near link busy meanwhile
_COUNTS = 512 * 1024  # shorter transfers say nothing about the rate
_REMAINDER = 256 * 1024
_SAMPLES = 8


class Pace:
    """Measured first-byte time and rate per connection of one remote."""

    def __init__(self) -> None:
        self._first_bytes: deque[float] = deque(maxlen=_SAMPLES)
        self._rates: deque[float] = deque(maxlen=_SAMPLES)

    def note(self, first_byte_s: float, size: int, transfer_s: float) -> None:
        """Learn from a GET: seconds to its first bytes, and ``size`` more in ``transfer_s``."""
        self._first_bytes.append(first_byte_s)
        if size >= _COUNTS:
            self._rates.append(size / max(transfer_s, 1e-4))

    @property
    def round_trip_s(self) -> float:
        """Seconds to the first byte; the least of late, since waits for a link or pace add."""
        return min(self._first_bytes, default=0.05)

    @property
    def rate(self) -> float | None:
        """Bytes per second of one connection; None before anything was measured."""
        return median(self._rates) if self._rates else None

    def connections(self, allowed: int, share: int = _SHARED) -> int:
        """Return how many GETs to keep running, of ``allowed`` ones.

        Args:
            allowed: By provider, user and governor.
            share: Bytes that the file's reader may read ahead: little where many others read.
        """
        rate = self.rate
        if rate is None:
            wish = _UNKNOWN
        elif rate >= _NEAR_RATE and self.round_trip_s <= _NEAR_S:
            wish = _TWO if share >= _SHARED else 1
        elif rate >= _FAST:
            wish = _FEW
        else:
            wish = allowed
        return max(1, min(wish, allowed))

    def get_bytes(self) -> int:
        """Return the length that a GET should have in the middle of a long sequence."""
        rate = self.rate
        if rate is None:
            return _LEAST_LONG
        by_time = min(_LEAST_S * rate, _LEAST_LONG)
        return int(min(max(_ROUND_TRIPS * self.round_trip_s * rate, by_time, MIB), _LONGEST))

    @property
    def growth(self) -> int:
        """How many times what was read in sequence to read ahead: more where a wait costs more."""
        return 8 if self.round_trip_s >= _FAR_S else 4

    def least_get_bytes(self) -> int:
        """Return the length below which splitting a span further gains nothing."""
        return int(min(max(self.round_trip_s * (self.rate or 0.0), MIB), 4 * MIB))

    def is_nearly_over(self, remaining: int, *, urgent: bool) -> bool:
        """Tell whether a GET with ``remaining`` bytes is better finished than cancelled.

        Cancelling costs its connection, and opening another one takes round trips too. What a read
        asked for (``urgent``), the head of a file above all, will be asked for again.
        """
        trips = 2 * self.round_trip_s * (self.rate or 0.0)
        return remaining <= max(trips, MIB if urgent else _REMAINDER)

    def window_bytes(self, connections: int) -> int:
        """Return how far to read ahead so that ``connections`` GETs never wait for the reader."""
        return max(32 * MIB, (connections + 1) * self.get_bytes())
