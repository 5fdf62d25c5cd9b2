"""Times as the service writes them: ISO 8601 in UTC, with milliseconds or without."""

from __future__ import annotations

import calendar
import time

_NS = 1_000_000_000
_MS = 1_000_000


def written(time_ns: int) -> str:
    """Nanoseconds since 1970 as `2022-10-08T06:49:45.396Z`."""
    seconds, rest = divmod(time_ns, _NS)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest // _MS:03d}Z"


def written_whole(time_ns: int) -> str:
    """Nanoseconds since 1970 as `2022-02-16T07:59:14Z`, the form of token lives."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time_ns // _NS))


def read(text: str) -> int:
    """The nanoseconds of a written time, with a fraction, a `Z` or neither; raises ValueError."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    seconds = calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S"))
    return seconds * _NS + int((fraction or "0")[:9].ljust(9, "0"))
