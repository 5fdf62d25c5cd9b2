"""The clock that paces and lifetimes are measured on."""

from __future__ import annotations

import time


def boottime() -> float:
    """Return seconds since boot, sleep included; one clock for all processes of the host.

    Trio's own clock stands still while a laptop sleeps, and a token does not.
    """
    return time.clock_gettime(time.CLOCK_BOOTTIME)
