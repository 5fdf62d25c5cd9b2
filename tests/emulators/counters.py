"""What an emulated provider was asked, counted by kind of request."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Counters:
    """Requests, body bytes sent and concurrency by kind, and amounts named by the provider.

    A kind is a short word such as "list" or "content"; every provider has its own.
    """

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.sent_bytes: Counter[str] = Counter()
        self.amounts: Counter[str] = Counter()
        self.active: Counter[str] = Counter()
        self.most_active: Counter[str] = Counter()

    @contextmanager
    def serving(self, kind: str) -> Iterator[None]:
        """Count one request of this kind, and count it as active inside the block."""
        self.requests[kind] += 1
        self.active[kind] += 1
        self.most_active[kind] = max(self.most_active[kind], self.active[kind])
        try:
            yield
        finally:
            self.active[kind] -= 1

    def snapshot(self) -> dict[str, dict[str, int]]:
        """All counts as plain values, for `GET /stats`."""
        return {
            "requests": dict(self.requests),
            "sent_bytes": dict(self.sent_bytes),
            "amounts": dict(self.amounts),
            "active": {kind: count for kind, count in self.active.items() if count},
            "most_active": dict(self.most_active),
        }

    def reset(self) -> None:
        """Begin at zero; requests still being answered stay active."""
        self.requests.clear()
        self.sent_bytes.clear()
        self.amounts.clear()
        self.most_active = Counter(self.active)
