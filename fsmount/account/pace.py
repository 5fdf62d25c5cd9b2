"""How fast one endpoint family of one host may be asked: what is known, and what it decides.

Pure: every function takes the record and the time and returns a new record. ``governor`` keeps the
records, in files that the host's processes share, and does the waiting.

Learning is quick downward and slow upward. What made a provider complain is halved at once; what is
given back comes in steps of a quarter, each after half a minute without a complaint.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from fsmount.account.border import Limit
    from fsmount.errors import Blocked, Throttled

# The first complaint about a family that had no limit: half of this is what it gets, the pace
# that AList's users keep 115 at (FINDINGS: two calls a second for everything).
_UNKNOWN_RATE_PER_S = 4.0
# No learned pace is slower: a provider that wants longer pauses says so (Retry-After, a block), and
# a reader must not crawl for minutes after a bad one is over. At 1/60 a film of 24 MiB that had met
# a minute of 429s took more than 90 s.
_SLOWEST_PER_S = 1 / 4
# Answers to calls that were under way together are one complaint.
_ONE_COMPLAINT_S = 2.0
# When a provider complains and does not say how long to wait.
_PAUSE_S = 2.0
_RATE_BACK_AFTER_S = 30.0
# One more connection is tried this often; where the limit is hard it costs one refused GET.
_CONNECTION_BACK_AFTER_S = 300.0
# More connections than any provider allows: whoever got back here has no learned limit any more.
_MANY_CONNECTIONS = 64
# A block by risk control lasts minutes to hours, and each touch prolongs it
# (AkimioJR/AutoFilm#70).
_BLOCK_S, _LONGEST_BLOCK_S = 600.0, 7200.0
_BLOCKS_FORGOTTEN_AFTER_S = 3600.0
# A wall clock that was wrong for a while must not shut a family for ever.
_LONGEST_WAIT_S = 86400.0


class Pace(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known about one family of one host.

    Attributes:
        family, host: Whose pace it is.
        level: Calls that could go at once at ``stamp``; None for a full bucket.
        stamp: Seconds on the host's boot clock; one from before a reboot lies in the future.
        rate_per_s: The learned rate; None for the starting one.
        rate_stamp: When it was last changed (boot clock).
        connections: The learned concurrency; None for the starting one.
        connections_stamp: When it was last changed (boot clock).
        paused_until: Unix seconds: until then the provider asked us to wait.
        blocked_until: Unix seconds: until then it has shut us out.
        blocks: Blocks in a row.
    """

    family: str = ""
    host: str = ""
    level: float | None = None
    stamp: float = 0.0
    rate_per_s: float | None = None
    rate_stamp: float = 0.0
    connections: int | None = None
    connections_stamp: float = 0.0
    paused_until: float = 0.0
    blocked_until: float = 0.0
    blocks: int = 0

    @property
    def is_plain(self) -> bool:
        """True when nothing was learned: the starting limits say everything."""
        return (
            self.rate_per_s is None
            and self.connections is None
            and not self.blocks
            and not self.paused_until
        )


def rate_per_s(pace: Pace, limit: Limit) -> float | None:
    """Return the calls per second that are allowed now; None for no limit."""
    return limit.rate_per_s if pace.rate_per_s is None else pace.rate_per_s


def burst(pace: Pace, limit: Limit) -> float:
    """Return the calls that may go at once; one while a learned rate is in force."""
    return 1.0 if pace.rate_per_s is not None else float(max(limit.burst, 1))


def concurrency(pace: Pace, limit: Limit) -> int | None:
    """Return the calls that may be under way at once; None for no limit."""
    known = [most for most in (pace.connections, limit.concurrency) if most is not None]
    return max(min(known), 1) if known else None


def level(pace: Pace, limit: Limit, now: float) -> float:
    """Return the calls that could go at once at ``now``; infinite without a rate."""
    rate = rate_per_s(pace, limit)
    if rate is None:
        return math.inf
    full = burst(pace, limit)
    if pace.level is None or pace.stamp > now:
        return full
    return min(pace.level + (now - pace.stamp) * rate, full)


def wait_s(pace: Pace, limit: Limit, *, ahead: int, now: float, wall: float) -> float:
    """Return how long a call has to wait behind ``ahead`` others; 0 when it may go."""
    wait = min(max(pace.paused_until - wall, 0.0), _LONGEST_WAIT_S)
    rate = rate_per_s(pace, limit)
    if rate is not None:
        # A hair less than a whole call is a whole one: the bucket is filled in floats.
        missing = ahead + 1 - level(pace, limit, now)
        if missing > 1e-9:
            wait = max(wait, missing / rate)
    return wait


def taken(pace: Pace, limit: Limit, now: float) -> Pace:
    """Return the record after one call was let go; unchanged without a rate."""
    if rate_per_s(pace, limit) is None:
        return pace
    return msgspec.structs.replace(pace, level=level(pace, limit, now) - 1, stamp=now)


def blocked_s(pace: Pace, wall: float) -> float:
    """Return how long the breaker stays open; 0 when it is closed."""
    return min(max(pace.blocked_until - wall, 0.0), _LONGEST_WAIT_S)


def throttled(pace: Pace, limit: Limit, failure: Throttled, *, now: float, wall: float) -> Pace:
    """Return the record after the provider asked to slow down: half the rate, after a pause."""
    pause_s = _PAUSE_S if failure.retry_after_s is None else max(failure.retry_after_s, 0.0)
    return msgspec.structs.replace(
        _halved(pace, limit, now),
        paused_until=max(pace.paused_until, wall + min(pause_s, _LONGEST_WAIT_S)),
    )


def blocked(pace: Pace, limit: Limit, failure: Blocked, *, now: float, wall: float) -> Pace:
    """Return the record after the provider shut us out: the breaker is open, longer each time."""
    if blocked_s(pace, wall) > 0:
        return pace  # said by a call that was under way with the one that opened the breaker
    since_s = wall - pace.blocked_until
    blocks = pace.blocks if 0 <= since_s < _BLOCKS_FORGOTTEN_AFTER_S else 0
    length_s = failure.retry_after_s
    if length_s is None:
        length_s = min(_BLOCK_S * 2**blocks, _LONGEST_BLOCK_S)
    return msgspec.structs.replace(
        _halved(pace, limit, now),
        blocked_until=wall + min(max(length_s, 1.0), _LONGEST_WAIT_S),
        blocks=blocks + 1,
    )


def crowded(pace: Pace, limit: Limit, *, under_way: int, now: float) -> Pace:
    """Return the record after a call was one connection too many.

    Args:
        pace: The record.
        limit: The starting limits.
        under_way: Connections on this host at that moment, the refused one included.
        now: On the boot clock.
    """
    allowed = concurrency(pace, limit)
    if pace.connections is not None and _passed_s(pace.connections_stamp, now) < _ONE_COMPLAINT_S:
        # One of several that were refused together: each was one too many, however many of the
        # others have ended meanwhile.
        under_way = pace.connections
    fewer = max(under_way - 1, 1)
    return msgspec.structs.replace(
        pace,
        connections=fewer if allowed is None else min(fewer, allowed),
        connections_stamp=now,
    )


def succeeded(pace: Pace, limit: Limit, *, now: float, wall: float) -> Pace:
    """Return the record after a success: what was learned is given back, slowly."""
    changes: dict[str, object] = {}
    if pace.rate_per_s is not None and _passed_s(pace.rate_stamp, now) >= _RATE_BACK_AFTER_S:
        faster = pace.rate_per_s * 1.25
        most = limit.rate_per_s or 2 * _UNKNOWN_RATE_PER_S
        changes["rate_per_s"] = None if faster >= most else faster
        changes["rate_stamp"] = now
        changes["level"], changes["stamp"] = min(level(pace, limit, now), 1.0), now
    if (
        pace.connections is not None
        and _passed_s(pace.connections_stamp, now) >= _CONNECTION_BACK_AFTER_S
    ):
        more = pace.connections + 1
        most_connections = limit.concurrency or _MANY_CONNECTIONS
        changes["connections"] = None if more >= most_connections else more
        changes["connections_stamp"] = now
    if pace.paused_until and pace.paused_until <= wall:
        changes["paused_until"] = 0.0
    if pace.blocks and wall - pace.blocked_until >= _BLOCKS_FORGOTTEN_AFTER_S:
        changes["blocks"], changes["blocked_until"] = 0, 0.0
    return msgspec.structs.replace(pace, **changes) if changes else pace


def time_of_day(until: float, wall: float) -> str:
    """Return a time of day for people, with the date when it is not today."""
    when, today = time.localtime(until), time.localtime(wall)
    same_day = when[:3] == today[:3]
    return time.strftime("%H:%M" if same_day else "%Y-%m-%d %H:%M", when)


def _halved(pace: Pace, limit: Limit, now: float) -> Pace:
    if pace.rate_per_s is not None and _passed_s(pace.rate_stamp, now) < _ONE_COMPLAINT_S:
        return pace
    rate = rate_per_s(pace, limit) or _UNKNOWN_RATE_PER_S
    return msgspec.structs.replace(
        pace,
        rate_per_s=max(rate / 2, min(_SLOWEST_PER_S, rate)),
        rate_stamp=now,
        level=0.0,
        stamp=now,
    )


def _passed_s(stamp: float, now: float) -> float:
    """Return seconds since ``stamp``; a stamp from before a reboot is long ago."""
    return now - stamp if stamp <= now else math.inf
