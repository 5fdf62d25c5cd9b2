"""One listing under way: pages in, new entries out; an endless one is cut off. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsmount.errors import (
    Denied,
    FsmountError,
    ProtocolError,
    ProviderFault,
    Throttled,
    TimedOut,
    Unreachable,
)

if TYPE_CHECKING:
    from fsmount.model import Entry, EntryId, Page
    from fsmount.vfs.nodes import Node

_EMPTY_PAGES = 20
"""In a row and with new cursors each: some providers filter after they have cut the page."""

_MOST_ENTRIES = 2_000_000
"""More than any provider lets into a folder."""


class Arrival:
    """What one listing of a folder has brought so far; a listing that stopped goes on in it.

    Attributes:
        started_at: When its first page was asked for, on trio's clock.
        moved_at: When the last page came, on trio's clock.
        entries: Each id once, in the order of the provider.
        nodes: What of it is in the tree already: a folder that nothing was known of shows its
            entries as they arrive. It only grows, so a reader's place in it stays.
        cursor: What the next page is asked for with; None for the first.
        done: The last page is in and the tree shows the whole of it.
        failure: Why it stopped; None while it goes on.
    """

    def __init__(self, started_at: float) -> None:
        self.started_at = started_at
        self.moved_at = started_at
        self.entries: dict[EntryId, Entry] = {}
        self.nodes: list[Node] = []
        self.cursor: str | None = None
        self.done = False
        self.failure: FsmountError | None = None
        self._cursors: set[str] = set()
        self._empty_pages = 0
        self._stumbles = 0

    def take(self, page: Page) -> list[Entry]:
        """Take in the next page; return its entries that are new.

        Raises:
            ProtocolError: The pages go round in circles or never end.
        """
        fresh = []
        for entry in page.entries:
            if entry.id not in self.entries:
                self.entries[entry.id] = entry
                fresh.append(entry)
        if page.next_cursor is not None:
            self._go_on(page, len(fresh))
        self.cursor = page.next_cursor
        self._stumbles = 0
        return fresh

    def _go_on(self, page: Page, fresh: int) -> None:
        assert page.next_cursor is not None
        if page.next_cursor in self._cursors:
            raise ProtocolError("the listing never ends: a page token came twice")
        self._cursors.add(page.next_cursor)
        self._empty_pages = 0 if fresh else self._empty_pages + 1
        repeats = bool(page.entries) and not fresh
        if repeats or self._empty_pages > _EMPTY_PAGES or len(self.entries) > _MOST_ENTRIES:
            raise ProtocolError("the listing never ends: its pages bring nothing new")

    def stop(self, failure: FsmountError) -> bool:
        """Note why the listing stopped; return whether it may go on from here later.

        The way there broke, or the provider wants a pause, or nobody is signed in: the place is
        still good. A provider's own fault may come from the cursor itself (Cloudreve answers a bad
        page token with its unclassified -1), so the same place is tried only once more.
        """
        self.failure = failure
        if self.cursor is None:
            return False
        match failure:
            case Unreachable() | TimedOut() | Throttled() | Denied():
                return True
            case ProviderFault():
                self._stumbles += 1
                return self._stumbles < 2
            case _:
                return False
