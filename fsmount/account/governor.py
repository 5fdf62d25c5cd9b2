"""The one place that protects an account: pace, concurrency, breaker, priority.

One governor per account, shared by all processes of the host through files below the state
directory: a token bucket and a breaker per family × host in a small flock-ed file, concurrency as
flock leases that the kernel frees when a process dies.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from fsmount.account.account import Limit
    from fsmount.errors import FsmountError


class Governor:
    """Paces one account.

    Args:
        directory: Where its files live (shared by the host's processes); None keeps it in memory.
        limits: Starting pace per family; a family without one is not limited.
    """

    def __init__(self, directory: Path | None, limits: Mapping[str, Limit]) -> None:
        raise NotImplementedError

    @asynccontextmanager
    async def slot(self, family: str, host: str) -> AsyncIterator[None]:
        """Wait for leave to send one call (or GET) and hold it while the body runs.

        Ordered by the priority of the current context. Raises Blocked at once while the breaker of
        this family × host is open, and TimedOut at once when the wait is known to outlast the
        current deadline.
        """
        raise NotImplementedError
        yield

    def met(self, family: str, host: str, failure: FsmountError | None) -> None:
        """Learn from how a call ended.

        Throttled and ConnectionLimit lower the pace, Blocked opens the breaker, success (None)
        slowly restores.
        """
        raise NotImplementedError

    def connections(self, host: str, wanted: int) -> int:
        """Return how many GETs may run at once on ``host`` (learned down by ConnectionLimit)."""
        raise NotImplementedError

    def snapshot(self) -> Mapping[str, object]:
        """Return pace, queue and breaker per family × host, for ``status``."""
        raise NotImplementedError
