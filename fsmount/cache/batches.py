"""What goes to disk at once, and how a thread works off batch after batch.

Beside its bytes a batch costs what the index costs: 1 ms for its transaction, and 2.6 ms more when
the thread's connection to it is opened and closed (2026-11). So a thread keeps its connection as
long as it is handed more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fsmount.cache.catalogue import label_of
from fsmount.cache.inventory import place_of
from fsmount.cache.records import charge_of
from fsmount.cache.shelf import Parcel
from fsmount.errors import StoreFault

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fsmount.cache.memory import Block
    from fsmount.cache.records import Record
    from fsmount.cache.shelf import Shelf


@dataclass(slots=True, kw_only=True, eq=False)
class Batch:
    """Changes of a cache directory that count together or not at all.

    Attributes:
        owed: Blocks, pinned while the batch is under way, with the cells to keep of each.
        deletes: Keys of records to delete.
        touches: Keys of records that were read.
        began: On trio's clock.
        made: A record for each block, in their order, when it is done.
        free, total: Bytes of the filesystem then.
        failure: Why nothing of it counts.
    """

    owed: Sequence[tuple[Block, int]]
    deletes: list[str]
    touches: list[str]
    began: float
    made: Sequence[Record] = ()
    free: int = 0
    total: int = 0
    failure: StoreFault | None = None

    @property
    def charge(self) -> int:
        """The most bytes that it takes from the disk budget."""
        return sum(charge_of(cells) for _, cells in self.owed)

    def write(self, shelf: Shelf) -> None:
        """Do it; blocks. Never raises: see ``failure``."""
        parcels = [_parcel(block, cells) for block, cells in self.owed]
        try:
            self.made = shelf.apply(deletes=self.deletes, parcels=parcels, touches=self.touches)
            self.free, self.total = shelf.free_bytes()
        except StoreFault as exc:
            self.failure = exc


def work_off(shelf: Shelf, first: Batch, follow: Callable[[Batch], Batch | None]) -> None:
    """Write ``first`` and what follows on it; blocks.

    Args:
        shelf: Where to.
        first: The first batch.
        follow: Takes a batch that is done, and returns the next; None ends it.
    """
    batch: Batch | None = first
    try:
        while batch is not None:
            batch.write(shelf)
            batch = follow(batch)
    finally:
        shelf.rest()


def _parcel(block: Block, cells: int) -> Parcel:
    key = block.content.key
    return Parcel(
        key=f"{place_of(key, block.index)}-{cells:x}",
        label=label_of(key.size, block.content.label),
        view=block.view,
        length=block.length,
        cells=cells,
    )
