"""From the rows of a share to entries.

Ids belong to the share, not to anybody's drive. There is no pick code and one time only. What is
kept as the locator is the folder that an entry was listed in, which is the only way to look at it
again, and the sharer's number, which some link calls want.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fsmount.drivers import wire
from fsmount.drivers.p115.entries import entry, unix_ns
from fsmount.model import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fsmount.drivers.p115_share.api import SharePage, ShareRow
    from fsmount.model import Entry


class Locator(NamedTuple):
    """Where an entry was listed.

    Attributes:
        folder: The cid that was asked; 0 is the top of the share.
        sharer: Whose share it is; "" when it was not told.
    """

    folder: str
    sharer: str = ""

    @classmethod
    def parse(cls, text: str) -> Locator:
        """Read what ``str`` wrote."""
        folder, _, sharer = text.partition(" ")
        return cls(folder, sharer)

    def __str__(self) -> str:
        return f"{self.folder} {self.sharer}".rstrip()


def entries(page: SharePage, cid: str) -> Iterator[Entry]:
    """Yield what ``page`` of the folder ``cid`` shows."""
    locator = str(Locator(cid, wire.text(page.sharer.user_id)))
    for row in page.rows:
        yield shared_entry(row, locator)


def shared_entry(row: ShareRow, locator: str) -> Entry:
    """Return the entry of a row."""
    return entry(
        row.id,
        name=wire.text(row.n),
        kind=Kind.FOLDER if row.is_folder else Kind.FILE,
        locator=locator,
        size=row.s,
        sha=row.sha,
        mtime_ns=unix_ns(row.t),
    )
