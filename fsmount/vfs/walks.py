"""Recognises a program that goes through the tree, and has the next folders listed ahead of it.

``find``, ``ls -R``, ``du``, ``rsync`` and every media scan open a folder, read it, close it and go
on to its first subfolder or to the folder beside it. One call per folder in sequence is what makes
them slow; a few folders ahead of them make them as fast as the provider answers.
"""

from __future__ import annotations

import logging
import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import trio

from fsmount.errors import FsmountError
from fsmount.health import State
from fsmount.model import Priority, priority
from fsmount.vfs.nodes import Folder

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from fsmount.vfs.listing import Listings
    from fsmount.vfs.tree import Tree

log = logging.getLogger(__name__)

_PAUSE_S = 2.0
"""Between leaving a folder and entering the next: a program takes less, a person takes more."""

_STEPS = 2
"""Folders entered one after another, beyond the first, that make a walk."""

_LEAST_AHEAD = 2
_MOST_AHEAD = 16
"""Folders listed and not entered yet: what a walk that ends there has cost for nothing."""

_LOOKED_AT = 64
"""Folders of the line that are looked at for one that is worth asking: the rest comes later."""

_LOOK_AGAIN_S = 1.0
"""What needed no asking is looked at again after so long: listings age, remotes come back."""

_TRAILS = 4
"""Programs that walk at once; more are not looked ahead for."""


@dataclass(slots=True, eq=False)
class _Trail:
    """Where one program has come, and where it is likely to go.

    Attributes:
        last: The folder it entered last.
        seen_at: When it was last seen there, on trio's clock.
        steps: Folders entered in a row.
        sideways: One of them was beside where it had been: who only goes down looks for something.
        depth: How many folders may be ahead of it.
        line: The folders likely to come, in their order.
        brought: Those of them that were listed for it.
        led: Folders whose subfolders stand in the line already, and that it has not left yet.
        floor: The deepest level that it enters; infinite as long as it skipped none.
        settled: Folders at the front of the line that were looked at: none has to be asked for.
        looked_at: When the first of them was.
    """

    last: Folder
    seen_at: float
    steps: int = 0
    sideways: bool = False
    depth: int = _LEAST_AHEAD
    line: list[Folder] = field(default_factory=list)
    brought: set[Folder] = field(default_factory=set)
    led: set[Folder] = field(default_factory=set)
    floor: float = math.inf
    settled: int = 0
    looked_at: float = -math.inf

    @property
    def is_walk(self) -> bool:
        """Enough was seen to look ahead."""
        return self.sideways and self.steps >= _STEPS

    def distance(self, folder: Folder) -> float:
        """Return how far a program that has been in ``last`` goes to ``folder``; infinite if not.

        Into a subfolder is nearest, then to a folder beside, then to one beside a folder above. To
        a folder above itself goes only who begins anew.
        """
        if folder is self.last:
            return -1
        lineage = list(_lineage(self.last))
        if folder not in lineage:
            for climbed, above in enumerate(lineage):
                if folder.parent is above:
                    return climbed
        return math.inf

    def step(self, folder: Folder) -> None:
        """Take in that the program has entered ``folder``."""
        self.steps += 1
        self.sideways = self.sideways or folder.parent is not self.last
        self.last = folder
        self.floor = max(self.floor, _level(folder))
        was_brought = folder in self.brought
        above = set(_lineage(folder))
        past = self._advance(folder, above)
        went_past_deeper = any(each in self.brought and each.parent not in above for each in past)
        self.brought.difference_update((folder, *past))
        self.led.difference_update(past)
        if went_past_deeper:
            self.floor = _level(folder)
            self.depth = _LEAST_AHEAD
        elif was_brought:
            self.depth = min(self.depth * 2, _MOST_AHEAD)

    def _advance(self, folder: Folder, above: set[Folder]) -> list[Folder]:
        """Let the line begin after ``folder``; return those that will not come any more."""
        if folder in self.line:
            place = self.line.index(folder)
            past = self.line[:place]
            del self.line[: place + 1]
            self.settled = max(0, self.settled - place - 1)
            return past
        before, self.line, self.settled = self.line, _after(folder), 0
        self.line += [
            each for each in before if each.parent in above and each.parent is not folder.parent
        ]
        stays = set(self.line)
        return [each for each in before if each not in stays]

    def known(self, folder: Folder) -> None:
        """Take in what ``folder`` has, which the program has left or will come to."""
        if folder in self.led:
            if folder is self.last:
                self.led.discard(folder)
            return
        if _level(folder) >= self.floor:
            return
        if folder is self.last:
            place = 0
        elif folder in self.line:
            place = self.line.index(folder) + 1
            self.led.add(folder)
        else:
            return
        below = [node for node in (folder.children or {}).values() if isinstance(node, Folder)]
        if below:
            self.settled = min(self.settled, place)
            self.line[place:place] = below

    def unsettled(self, now: float) -> Iterator[Folder]:
        """Yield the next folders of the line that are still to be looked at.

        What is done with each before the next is asked for settles it.
        """
        if now - self.looked_at > _LOOK_AGAIN_S:
            self.settled, self.looked_at = 0, now
        while self.settled < min(len(self.line), _LOOKED_AT):
            yield self.line[self.settled]
            self.settled += 1


class Walks:
    """The walks through one tree.

    Nothing here awaits but the tasks that bring a folder, which run at the lowest priority: they
    queue behind everything that somebody waits for, within the pace of the account.

    Args:
        tree: Read only.
        listings: Has folders listed.
        spawn: Starts a task in the filesystem's nursery.
    """

    def __init__(
        self,
        tree: Tree,
        listings: Listings,
        *,
        spawn: Callable[[Callable[[_Trail, Folder], Awaitable[None]], _Trail, Folder], object],
    ) -> None:
        self._tree = tree
        self._listings = listings
        self._spawn = spawn
        self._trails: list[_Trail] = []
        self._open: Counter[Folder] = Counter()

    def entered(self, folder: Folder) -> None:
        """Take note that ``folder`` was opened, and list ahead what is likely to be next."""
        now = trio.current_time()
        self._open[folder] += 1
        self._trails = [trail for trail in self._trails if now - trail.seen_at <= _PAUSE_S]
        was_brought = [trail for trail in self._trails if folder in trail.brought]
        trail = self._nearest(folder)
        if trail is None:
            self._trails = [_Trail(folder, now), *self._trails[: _TRAILS - 1]]
            return
        trail.seen_at = now
        if folder is not trail.last:
            trail.step(folder)
            self._go_ahead(trail)
        for other in was_brought:  # another program came first: it is ahead of nobody any more
            other.brought.discard(folder)

    def _nearest(self, folder: Folder) -> _Trail | None:
        """Return the trail that ``folder`` is the next step of; None when it is nobody's."""
        nearest, least = None, math.inf
        for trail in self._trails:
            if (distance := trail.distance(folder)) < least:
                nearest, least = trail, distance
        return nearest

    def left(self, folder: Folder) -> None:
        """Take note that ``folder`` was closed: what it has is known, its subfolders come next."""
        self._open[folder] -= 1
        if not self._open[folder]:
            del self._open[folder]
        for trail in self._at(folder):
            trail.known(folder)

    def stays(self, folder: Folder) -> None:
        """Take note that a file of ``folder`` is read: the walk goes on after it."""
        self._at(folder)

    def _at(self, folder: Folder) -> list[_Trail]:
        found = [trail for trail in self._trails if trail.last is folder]
        for trail in found:
            trail.seen_at = trio.current_time()
        return found

    def _go_ahead(self, trail: _Trail) -> None:
        if not trail.is_walk:
            return
        now = trio.current_time()
        for folder in trail.unsettled(now):
            if len(trail.brought) >= trail.depth:
                return
            if (
                folder not in trail.brought
                and folder not in self._open
                and self._tree.stands(folder)
                and _is_worth_asking(folder, now)
            ):
                trail.brought.add(folder)
                self._spawn(self._bring, trail, folder)

    async def _bring(self, trail: _Trail, folder: Folder) -> None:
        priority.set(Priority.CRAWL)
        try:
            await self._listings.prepare(folder)
        except FsmountError as exc:
            # Who enters the folder asks again and is told.
            log.debug('not listed ahead of need "/%s": %s', self._tree.path(folder), exc)
        else:
            trail.known(folder)
            self._go_ahead(trail)


def _is_worth_asking(folder: Folder, now: float) -> bool:
    return any(
        part.freshness.should_ask(now, part.member.listing_ttl_s)
        and part.member.health.report.state is State.ONLINE
        for part in folder.parts
    )


def _after(folder: Folder) -> list[Folder]:
    """Return the folders beside ``folder`` that come after it."""
    beside = (folder.parent.children if folder.parent else None) or {}
    nodes = iter(beside.values())
    for node in nodes:
        if node is folder:
            break
    return [node for node in nodes if isinstance(node, Folder)]


def _lineage(folder: Folder) -> Iterator[Folder]:
    """Yield ``folder`` and every folder above it."""
    node: Folder | None = folder
    while node is not None:
        yield node
        node = node.parent


def _level(folder: Folder) -> int:
    return sum(1 for _ in _lineage(folder))
