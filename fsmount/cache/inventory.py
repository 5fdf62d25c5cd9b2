"""What a disk cache has, in memory: which cells of which block, how much, and what goes first.

Nothing here awaits or touches the disk: what is dropped here is put on a list, and ``cache.disk``
has it deleted with its next batch.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING

from fsmount.cache.catalogue import NAME_DIGITS

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from fsmount.cache.records import Record
    from fsmount.model import ContentKey

MAX_RECORDS = 100_000
"""Records kept at most, whatever their size: each costs some 300 bytes of memory."""


@lru_cache(maxsize=4096)
def content_name(key: ContentKey) -> str:
    """Return what the keys of a content's records begin with, ``NAME_DIGITS`` long."""
    text = f"{key.domain}\0{key.content}\0{key.size}"
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def place_of(key: ContentKey, block: int) -> str:
    """Return what the keys of a block's records begin with."""
    return f"{content_name(key)}-{block:x}"


class Inventory:
    """The records of one disk cache, the one read longest ago first.

    Invariants: ``bytes`` is the sum of the charges of the records. A record that was dropped is in
    ``deletes`` until the disk was told.

    Args:
        records: What the disk has, the one read longest ago first.
        pinned: Contents that are evicted last.

    Attributes:
        bytes: What the records take on disk.
        deletes: Keys of records that were dropped and are still on disk.
        touches: Keys of records that were read since recency was last written down.
        given_up: Records that were evicted though they were pinned.
    """

    def __init__(self, records: Iterable[Record] = (), pinned: Iterable[ContentKey] = ()) -> None:
        self.bytes = 0
        self.deletes: list[str] = []
        self.touches: dict[str, None] = {}
        self.given_up = 0
        self._recency: OrderedDict[str, Record] = OrderedDict()
        self._blocks: dict[str, list[Record]] = {}
        self._pins = {content_name(key) for key in pinned}
        self._hidden: set[Record] = set()
        for record in records:
            self.insert(record)

    def __len__(self) -> int:
        return len(self._recency)

    def __contains__(self, record: Record) -> bool:
        return self._recency.get(record.key) is record

    def of(self, key: ContentKey, block: int) -> Sequence[Record]:
        """Return the records of a block, but for hidden ones."""
        records = self._blocks.get(place_of(key, block), ())
        if self._hidden:
            return [record for record in records if record not in self._hidden]
        return records

    def hide(self, record: Record) -> None:
        """Tell nobody of a record until ``show_hidden``: it cannot be read now."""
        if record in self:
            self._hidden.add(record)

    def show_hidden(self) -> None:
        """Let the hidden records be found again."""
        self._hidden.clear()

    def insert(self, record: Record) -> None:
        """Take in a record that is on disk now, in place of one with the same key."""
        if record.key in self._recency:
            self.drop(record)
            self.deletes.remove(record.key)
        self._recency[record.key] = record
        self._blocks.setdefault(record.key.rpartition("-")[0], []).append(record)
        self.bytes += record.charge

    def drop(self, record: Record) -> None:
        """Forget a record and have its key deleted."""
        record = self._recency.pop(record.key)
        self._hidden.discard(record)
        place = record.key.rpartition("-")[0]
        self._blocks[place].remove(record)
        if not self._blocks[place]:
            del self._blocks[place]
        self.bytes -= record.charge
        self.touches.pop(record.key, None)
        self.deletes.append(record.key)

    def read(self, records: Iterable[Record]) -> None:
        """Note that ``records`` are read now, so that others go first."""
        for record in records:
            self._recency.move_to_end(record.key)
            self.touches[record.key] = None

    def pin(self, key: ContentKey) -> None:
        """Evict records of ``key`` only when nothing else is left."""
        self._pins.add(content_name(key))

    def unpin(self, key: ContentKey) -> None:
        """Let records of ``key`` be evicted as others are."""
        self._pins.discard(content_name(key))

    def discard(self, names: Container[str]) -> int:
        """Drop what there is of the contents with these names unless it is pinned.

        Returns:
            The bytes that are going to be free.
        """
        before = self.bytes
        for record in list(self._recency.values()):
            name = record.key[:NAME_DIGITS]
            if name in names and name not in self._pins:
                self.drop(record)
        return before - self.bytes

    def evict(self, *, target: int, most: int, records: int) -> list[Record]:
        """Drop what was read longest ago until there are few enough bytes and records.

        Pinned ones are passed over, unless they alone are too much: a budget is a promise to the
        rest of the machine, and comes before the one to keep a file.

        Args:
            target: Bytes to come down to.
            most: Bytes that pinned records may have.
            records: Records to come down to.

        Returns:
            What was dropped.
        """
        dropped: list[Record] = []
        passed = 0
        while len(self) > passed and (self.bytes > target or len(self) > records):
            record = next(iter(self._recency.values()))
            if record.key[:NAME_DIGITS] in self._pins:
                # To the end, so that it is met once in a whole round of evictions only.
                self._recency.move_to_end(record.key)
                passed += 1
            else:
                dropped.append(record)
                self.drop(record)
        while self._recency and self.bytes > max(most, target):
            dropped.append(next(iter(self._recency.values())))
            self.drop(dropped[-1])
            self.given_up += 1
        return dropped
