"""Times as the server writes them: RFC 3339 with nanoseconds, in its zone (UTC here)."""

from __future__ import annotations

import calendar
import time

_NS = 1_000_000_000
never = "0001-01-01T00:00:00Z"  # Go's zero time


def written(time_ns: int) -> str:
    """Nanoseconds since 1970 as text; trailing zeros are left out, as Go does."""
    seconds, rest = divmod(time_ns, _NS)
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    fraction = f"{rest:09d}".rstrip("0")
    return f"{text}.{fraction}Z" if fraction else f"{text}Z"


def read(text: str) -> int:
    """The nanoseconds of a written time; raises ValueError when it is not one."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    seconds = calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S"))
    return seconds * _NS + int((fraction or "0").ljust(9, "0"))
