"""One usable link per file, asked once for all who wait, in batches where the driver can."""

from __future__ import annotations

import collections
import logging
from contextlib import ExitStack, asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import trio

from fsmount.drivers.base import BatchLinks
from fsmount.errors import FsmountError, ProtocolError, TimedOut, Unreachable, known
from fsmount.model import Priority, priority
from fsmount.urgency import Urgency, queueing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from fsmount.drivers.base import Driver
    from fsmount.model import Entry, EntryId, Link
    from fsmount.store.links import LinkStore

log = logging.getLogger(__name__)

_T = TypeVar("_T")

# A link call in this service's nursery has no kernel request above it; it may queue for pace.
_ANSWER_WITHIN_S = 60.0
# How long the first asker of a batch waits for company: a fraction of any provider's answer time,
# long enough for the opens of one burst of readers.
_GATHER_S = 0.002
# In memory; the store keeps the others. About 600 bytes each.
_MOST_KEPT = 16_384
# A GET that starts on a link must also be able to resume on it.
_MARGIN_S = 30.0
_MARGIN_SHARE = 0.1


class _Key(NamedTuple):
    id: EntryId
    version: str


class _Kept(NamedTuple):
    link: Link
    ends_at: float | None  # Trio's clock, the margin already taken off


class _Ticket:
    """One link call under way, and all who wait for it.

    It is settled exactly once, by the task that asks or by the service when it closes; afterwards
    it is in nobody's table.
    """

    __slots__ = ("_done", "_failure", "_link", "file", "fresh", "urgency")

    def __init__(self, file: Entry, *, fresh: bool) -> None:
        self.file = file
        self.fresh = fresh
        self.urgency = Urgency()
        self._done = trio.Event()
        self._link: Link | None = None
        self._failure: FsmountError | None = None

    def settle(self, answer: Link | FsmountError) -> None:
        if isinstance(answer, FsmountError):
            self._failure = answer
        else:
            self._link = answer
        self._done.set()

    async def wait(self) -> Link:
        with queueing(self.urgency.raise_to):
            await self._done.wait()
        if self._failure is not None:
            raise self._failure
        assert self._link is not None
        return self._link


class Links:
    """The links of one remote.

    A link is kept for its whole life (minus a margin), in memory and in the store, since a link
    call is the scarcest thing a provider gives. Concurrent askers share one call; it runs in this
    service's nursery, so a cancelled asker harms nobody, and its failure reaches every waiter as a
    value.

    Invariant: a file has at most one ticket; it has one exactly while a call for it is queued or
    under way. Only ``_gather`` and the driver's own awaits lie between the two.

    Attributes:
        under_way: GETs that run on each link now, by its URL; whoever sends them counts. Two
            readers of one file share a link, and what it allows.

    Args:
        driver: Asked for links; in batches when it has ``BatchLinks``.
        store: Survives a restart; None keeps links in memory only.
        remote: Names the remote in the store.
        nursery: Of ``open_links``; link calls run in it.
    """

    def __init__(
        self, driver: Driver, store: LinkStore | None, remote: str, nursery: trio.Nursery
    ) -> None:
        self._driver = driver
        self._batches = driver if isinstance(driver, BatchLinks) else None
        self._store = store
        self._remote = remote
        self._nursery = nursery
        self._kept: dict[_Key, _Kept] = {}
        self._tickets: dict[_Key, _Ticket] = {}
        self._gathered: list[_Ticket] = []
        self.under_way: collections.Counter[str] = collections.Counter()

    async def get(self, file: Entry, *, rejected: Link | None = None) -> Link:
        """Return a usable link for ``file``; ``rejected`` is one that the server refused.

        A link is renewed at most once per rejection: whoever comes with an older one than the kept
        one gets the kept one.

        Raises:
            FsmountError: Whatever the driver says; ``TimedOut`` when it says nothing for a minute.
        """
        if rejected is not None:
            self._forget(file, rejected)
        while True:
            if (kept := self.kept(file)) is not None:
                return kept
            ticket = self._tickets.get(_key(file))
            if ticket is None:
                ticket = self._ask(file, fresh=rejected is not None)
            else:
                ticket.urgency.join()
            link = await ticket.wait()
            # A call that began before the rejection may bring the very link that was rejected.
            if rejected is None or ticket.fresh or not _same(link, rejected):
                return link
            self._forget(file, rejected)

    def kept(self, file: Entry) -> Link | None:
        """Return the link at hand, without asking; None when there is none or it is over."""
        kept = self._at_hand(file)
        return None if kept is None else kept.link

    def remaining_s(self, file: Entry) -> float | None:
        """Return seconds that the kept link still lives; None without one or without an end."""
        kept = self._at_hand(file)
        if kept is None or kept.ends_at is None:
            return None
        return kept.ends_at - trio.current_time()

    async def prepare(self, files: Sequence[Entry]) -> None:
        """Ask for the links of ``files`` ahead of need, in batches; failures are only logged.

        Queues behind everything that somebody waits for. Without ``BatchLinks`` one after the
        other, so that cancelling stops what was not yet asked.
        """
        token = priority.set(max(priority.get(), Priority.PREFETCH))
        try:
            tickets = []
            for file in files:
                if _key(file) in self._tickets or self.kept(file) is not None:
                    continue
                tickets.append(self._ask(file, fresh=False))
                if self._batches is None:
                    await _quietly(tickets.pop())
            for ticket in tickets:
                await _quietly(ticket)
        finally:
            priority.reset(token)

    def close(self) -> None:
        """Tell all who wait that no link will come; called once, when the service ends."""
        for ticket in self._tickets.values():
            ticket.settle(Unreachable(f'cannot read "{ticket.file.name}": it is being closed'))
        self._tickets.clear()

    def _at_hand(self, file: Entry) -> _Kept | None:
        key = _key(file)
        kept = self._kept.get(key)
        if kept is None and self._store is not None:
            stored = self._store.load(self._remote, file.id, file.version)
            if stored is not None:
                kept = self._keep(key, stored)
        if kept is not None and kept.ends_at is not None and kept.ends_at <= trio.current_time():
            self._kept.pop(key, None)
            return None
        return kept

    def _keep(self, key: _Key, link: Link) -> _Kept:
        ends_at = None
        if link.lifetime_s is not None:
            margin_s = min(_MARGIN_S, _MARGIN_SHARE * link.lifetime_s)
            ends_at = trio.current_time() + link.lifetime_s - margin_s
        while len(self._kept) >= _MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        kept = self._kept[key] = _Kept(link, ends_at)
        return kept

    def _forget(self, file: Entry, rejected: Link) -> None:
        """Drop ``rejected`` if it is the one at hand: it may have been replaced meanwhile."""
        kept = self._at_hand(file)
        if kept is not None and _same(kept.link, rejected):
            self._kept.pop(_key(file), None)
            if self._store is not None:
                self._store.drop(self._remote, file.id)

    def _ask(self, file: Entry, *, fresh: bool) -> _Ticket:
        """Start a call, or queue for the next batch; batches cannot ask for fresh ones."""
        ticket = self._tickets[_key(file)] = _Ticket(file, fresh=fresh)
        if self._batches is None or fresh:
            self._nursery.start_soon(self._ask_one, ticket)
        else:
            self._gathered.append(ticket)
            if len(self._gathered) == 1:
                self._nursery.start_soon(self._gather, self._batches)
        return ticket

    async def _gather(self, batches: BatchLinks) -> None:
        await trio.sleep(_GATHER_S)
        # The most urgent first, so that what somebody waits for shares a call with little else.
        tickets = sorted(self._gathered, key=lambda ticket: ticket.urgency.at)
        self._gathered.clear()
        size = max(1, batches.batch_size)
        for start in range(0, len(tickets), size):
            batch = tickets[start : start + size]
            if len(batch) == 1:
                self._nursery.start_soon(self._ask_one, batch[0])
            else:
                self._nursery.start_soon(self._ask_many, batches, batch)

    async def _ask_one(self, ticket: _Ticket) -> None:
        ticket.urgency.lead()

        async def ask() -> Link:
            return await self._driver.link(ticket.file, fresh=ticket.fresh)

        self._settle(ticket, await self._answer(ask))

    async def _ask_many(self, batches: BatchLinks, tickets: list[_Ticket]) -> None:
        call = tickets[0].urgency  # the most urgent one's; the others raise it
        call.lead()

        async def ask() -> Sequence[Link | FsmountError]:
            links = await batches.links([ticket.file for ticket in tickets])
            if len(links) != len(tickets):
                raise ProtocolError(f"asked for {len(tickets)} links, got {len(links)}")
            return links

        with ExitStack() as joins:
            for ticket in tickets[1:]:
                joins.enter_context(ticket.urgency.telling(call.raise_to))
            answer = await self._answer(ask)
        each = [answer] * len(tickets) if isinstance(answer, FsmountError) else answer
        for ticket, link in zip(tickets, each, strict=True):
            self._settle(ticket, link)

    async def _answer(self, ask: Callable[[], Awaitable[_T]]) -> _T | FsmountError:
        """Return what ``ask`` brings, or why it brings nothing: let out, it would end the mount."""
        try:
            with trio.fail_after(_ANSWER_WITHIN_S):
                return await ask()
        except trio.TooSlowError:
            return TimedOut(f"no link came within {_ANSWER_WITHIN_S:g} s")
        except Exception as exc:
            ours = known(exc)
            if ours is None:
                log.exception("link call failed remote=%s", self._remote)
                ours = ProtocolError("the link call failed for a reason of our own; see the log")
            return ours

    def _settle(self, ticket: _Ticket, answer: Link | FsmountError) -> None:
        key = _key(ticket.file)
        self._tickets.pop(key, None)
        if not isinstance(answer, FsmountError):
            self._keep(key, answer)
            if self._store is not None:
                self._store.save(self._remote, ticket.file.id, ticket.file.version, answer)
        ticket.settle(answer)


@asynccontextmanager
async def open_links(driver: Driver, store: LinkStore | None, remote: str) -> AsyncIterator[Links]:
    """Open the links of one remote; on leaving, calls under way are cancelled.

    Args:
        driver: Asked for links.
        store: Survives a restart; None keeps links in memory only. Closed by the caller.
        remote: Stable name of what is mounted; keys the store.
    """
    async with trio.open_nursery() as nursery:
        links = Links(driver, store, remote, nursery)
        try:
            yield links
        finally:
            links.close()
            nursery.cancel_scope.cancel()


async def _quietly(ticket: _Ticket) -> None:
    try:
        await ticket.wait()
    except FsmountError as exc:
        # Who reads the file asks again and is told.
        log.debug("no link ahead of need id=%s: %s", ticket.file.id, exc)


def _key(file: Entry) -> _Key:
    return _Key(file.id, file.version)


def _same(one: Link, other: Link) -> bool:
    """Tell whether both sign the same GETs; what is left of their lives does not count."""
    return one.url == other.url and one.headers == other.headers
