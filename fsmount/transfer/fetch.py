"""Fetches a span of a file into the reader's buffer: checked, renewed, resumed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from fsmount.account.governor import Governor
    from fsmount.health import Health
    from fsmount.model import Entry
    from fsmount.net.stream import RangeClient
    from fsmount.transfer.links import Links


class Sink(Protocol):
    """Where a span's bytes go; the reader's blocks implement it."""

    def room(self) -> memoryview:
        """Return writable memory for the next bytes; empty when the span is filled."""
        ...

    def filled(self, count: int) -> None:
        """Tell that the first ``count`` bytes of the last ``room()`` are now valid."""
        ...


class FileSource(Protocol):
    """Everything the reader needs to know about where one file's bytes come from."""

    @property
    def size(self) -> int:
        """Bytes."""
        ...

    @property
    def connections(self) -> int:
        """GETs that may run at once on this file now (link, options, governor)."""
        ...

    @property
    def link_remaining_s(self) -> float | None:
        """Seconds the link at hand lives; for ``status``."""
        ...

    async def fetch(self, start: int, stop: int, sink: Sink) -> None:
        """Fetch bytes ``start`` to ``stop`` into ``sink``; returns when all are there.

        What arrived is valid even when this raises: the sink was told of it.

        Raises:
            Changed: The content is no longer the version that was asked for.
            WrongSize: The content's size is not the listed one.
            Gone, Denied, NotFound: As the provider says.
            Unreachable, TimedOut, LinkExpired, ProviderFault: After this layer's own attempts.
        """
        ...


class RemoteFile:
    """A ``FileSource`` over one remote's links.

    Args:
        entry: The file, at the version that was opened.
        links: Brings links.
        client: Sends GETs.
        governor: Bounds GETs per account and host (family "content").
        health: Told of successes and failures.
        max_connections: The option; None for the provider's.
    """

    def __init__(
        self,
        entry: Entry,
        *,
        links: Links,
        client: RangeClient,
        governor: Governor,
        health: Health,
        max_connections: int | None,
    ) -> None:
        raise NotImplementedError
