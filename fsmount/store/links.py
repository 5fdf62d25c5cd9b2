"""Links on disk, with the wall time at which they end; signed, so the file is 0600."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from fsmount.model import EntryId, Link


class LinkStore:
    """Links of all remotes in one database.

    Args:
        path: ``STATE/links.sqlite``.
    """

    def __init__(self, path: Path) -> None:
        raise NotImplementedError

    def load(self, remote: str, file: EntryId, version: str) -> Link | None:
        """Return the kept link with the lifetime that is left; None when none is usable."""
        raise NotImplementedError

    def save(self, remote: str, file: EntryId, version: str, link: Link) -> None:
        """Keep ``link``; a failure to write is logged, a link can be asked for again."""
        raise NotImplementedError

    def drop(self, remote: str, file: EntryId) -> None:
        """Forget a link that was refused."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the database."""
        raise NotImplementedError
