"""One usable link per file, asked once for all who wait, in batches where the driver can."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fsmount.drivers.base import Driver
    from fsmount.model import Entry, Link
    from fsmount.store.links import LinkStore


class Links:
    """The links of one remote.

    A link is kept for its whole life (minus a margin), in memory and in the store, since a link
    call is the scarcest thing a provider gives. Concurrent askers share one call; it runs in this
    service's nursery, so a cancelled asker harms nobody.

    Args:
        driver: Asked for links; in batches when it has ``BatchLinks``.
        store: Survives a restart; None keeps links in memory only.
    """

    def __init__(self, driver: Driver, store: LinkStore | None) -> None:
        raise NotImplementedError

    async def get(self, file: Entry, *, rejected: Link | None = None) -> Link:
        """Return a usable link for ``file``; ``rejected`` is one that the server refused.

        A link is renewed at most once per rejection: whoever comes with an older one than the kept
        one gets the kept one.
        """
        raise NotImplementedError

    def kept(self, file: Entry) -> Link | None:
        """Return the link at hand, without asking; None when there is none or it is over."""
        raise NotImplementedError

    def remaining_s(self, file: Entry) -> float | None:
        """Return seconds that the kept link still lives; None without one or without an end."""
        raise NotImplementedError

    async def prepare(self, files: Sequence[Entry]) -> None:
        """Ask for the links of ``files`` ahead of need, in batches; failures are only logged."""
        raise NotImplementedError
