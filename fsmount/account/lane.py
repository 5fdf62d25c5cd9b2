"""One family of one host: who waits, what is known, and the files that tell other processes."""

from __future__ import annotations

import bisect
import hashlib
import itertools
import logging
import math
import random
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import trio

from fsmount.account import pace as paces
from fsmount.account.pace import Pace
from fsmount.store.shared import Leases, SharedRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fsmount.account.border import Limit
    from fsmount.model import Priority
    from fsmount.store.shared import HeldRecord

log = logging.getLogger(__name__)

# Another process is within its microseconds.
_BUSY_S = 0.002
# All leases are held. One of ours wakes the next waiter by itself, one of another process is looked
# for; the spread keeps two processes from looking at the same moments for ever.
_CROWDED_S = (0.02, 0.06)
# How soon a complaint that another process met is known here when nothing else needs the file.
_LOOK_EVERY_S = 1.0
# A state directory that cannot be used now may be usable later.
_FILES_AGAIN_AFTER_S = 60.0
# What was learned about a host a month ago says nothing; CDNs have ever new host names.
_FORGOTTEN_AFTER_S = 30 * 86400.0
# What could not be written yet, since another process held the record; more is only old news.
_MOST_PENDING = 32
# Leases beyond this are never looked at: no provider allows as many connections.
_MANY_LEASES = 64


class Shelf:
    """The directory of an account's files, and whether it can be used now.

    Args:
        directory: None keeps everything in memory.
        clock: Never jumps.
    """

    def __init__(self, directory: Path | None, clock: Callable[[], float]) -> None:
        self.directory = directory
        self._clock = clock
        self._usable_from = -math.inf
        self._made = False
        self._said = False

    @property
    def usable(self) -> bool:
        """True when files are worth a try; makes the directory for the first."""
        if self.directory is None or self._clock() < self._usable_from:
            return False
        if not self._made:
            try:
                self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as exc:
                self.failed(exc)
                return False
            self._made = True
        return True

    def failed(self, exc: OSError) -> None:
        """Do without files for a while; said once."""
        self._usable_from = self._clock() + _FILES_AGAIN_AFTER_S
        self._made = False
        if not self._said:
            self._said = True
            log.warning(
                "directory=%s cannot be used (%s), other processes are not heeded",
                self.directory,
                exc.strerror,
            )

    def kept(self) -> Iterator[tuple[str, str]]:
        """Yield the family and host of each record that is kept; removes those long out of use."""
        if self.directory is None:
            return
        try:
            for path in sorted(self.directory.glob("*.pace")):
                if time.time() - path.stat().st_mtime > _FORGOTTEN_AFTER_S:
                    for old in (path, *self.directory.glob(f"{path.stem}.lease-*")):
                        old.unlink(missing_ok=True)
                    continue
                record = _decoded(path.read_bytes())
                if record is not None and record.family:
                    yield record.family, record.host
        except OSError as exc:
            self.failed(exc)


class Waiter:
    """One call in the queue of a lane."""

    def __init__(self, urgency: Priority, arrival: int) -> None:
        self.order = (int(urgency), arrival)
        self._event = trio.Event()

    def __lt__(self, other: Waiter) -> bool:
        return self.order < other.order

    def wake(self) -> None:
        """Make it look again."""
        self._event.set()

    async def woken(self) -> None:
        """Wait until something changed that may concern this call."""
        await self._event.wait()
        self._event = trio.Event()


@dataclass(frozen=True, slots=True)
class Leave:
    """Leave for one call; to be given back by ``Lane.free``."""

    lease: int | None


class Lane:
    """The queue and the pace of one family of one host.

    Invariants: ``waiters`` is in the order in which they go; only ``next`` may call ``try_go``, or
    a newcomer when nobody waits. ``pace`` is what was last seen of the shared record, with what
    this process learned since. No method waits; the record's lock is held within one method only.

    Args:
        family, host: Whose lane it is.
        limit: Where its pace starts.
        shelf: Where its files are.
        clock, wall: As ``Governor``.
    """

    def __init__(
        self,
        family: str,
        host: str,
        *,
        limit: Limit,
        shelf: Shelf,
        clock: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self.family = family
        self.host = host
        self.limit = limit
        self.pace = Pace(family=family, host=host)
        self.under_way = 0
        self.waiters: list[Waiter] = []
        self._shelf = shelf
        self._clock = clock
        self._wall = wall
        self._arrivals = itertools.count()
        self._pending: list[Callable[[Pace], Pace]] = []
        self._looked_at = -math.inf
        stem = (shelf.directory or Path()) / _file_name(family, host)
        self._record = SharedRecord(stem.with_name(f"{stem.name}.pace"))
        self._leases = Leases(stem)

    @property
    def next(self) -> Waiter:
        """The call that goes next."""
        return self.waiters[0]

    def join(self, urgency: Priority) -> Waiter:
        """Queue up behind all that are as urgent."""
        waiter = Waiter(urgency, next(self._arrivals))
        bisect.insort(self.waiters, waiter)
        return waiter

    def hasten(self, waiter: Waiter, urgency: Priority) -> None:
        """Move ``waiter`` up among those that are as urgent as it is now."""
        self.waiters.remove(waiter)
        waiter.order = (int(urgency), waiter.order[1])
        bisect.insort(self.waiters, waiter)
        self._wake_next()

    def leave(self, waiter: Waiter) -> None:
        """Leave the queue, gone or given up; the next one moves up."""
        self.waiters.remove(waiter)
        self._wake_next()

    def wake_all(self) -> None:
        """Make every waiter look at what is new: a breaker concerns them all."""
        for waiter in self.waiters:
            waiter.wake()

    def wait_s(self, waiter: Waiter) -> float:
        """Return the seconds that ``waiter`` waits at least, as far as is known."""
        ahead = bisect.bisect_left(self.waiters, waiter)
        return paces.wait_s(
            self.pace, self.limit, ahead=ahead, now=self._clock(), wall=self._wall()
        )

    def try_go(self) -> Leave | float:
        """Take leave for one call, or return after how many seconds to try again.

        Infinite when only a call of this process that ends can make room.
        """
        if not self._needs_files():
            return self._go(None)
        try:
            with self._record.held() as record:
                return self._go(record)
        except BlockingIOError:
            return _BUSY_S
        except OSError as exc:
            self._shelf.failed(exc)
            return self._go(None)

    def free(self, leave: Leave) -> None:
        """Give leave back; the next waiter looks again."""
        self.under_way -= 1
        if leave.lease is not None:
            self._leases.free(leave.lease)
        self._wake_next()

    def learn(self, change: Callable[[Pace], Pace]) -> None:
        """Change what is known here and, now or as soon as its record is free, for all."""
        changed = change(self.pace)
        if changed is self.pace:
            return
        self.pace = changed
        if not self._shelf.usable:
            return
        self._pending = [*self._pending[-_MOST_PENDING:], change]
        try:
            with self._record.held() as record:
                self._write(record, self._read(record))
        except BlockingIOError:
            pass  # the next call of this lane writes it
        except OSError as exc:
            self._shelf.failed(exc)

    def look(self) -> None:
        """Take in what other processes learned, at most once a second."""
        now = self._clock()
        if now - self._looked_at < _LOOK_EVERY_S or not self._shelf.usable:
            return
        self._looked_at = now
        try:
            found = _decoded(self._record.peek())
        except OSError as exc:
            self._shelf.failed(exc)
            return
        if found is not None and not self._pending:
            self.pace = found

    def connections_under_way(self) -> int:
        """Return the calls under way, those of other processes included where leases tell."""
        if self._shelf.usable:
            try:
                return max(self.under_way, self._leases.count(_MANY_LEASES))
            except OSError as exc:
                self._shelf.failed(exc)
        return self.under_way

    def _needs_files(self) -> bool:
        limited = self.limit.rate_per_s is not None or self.limit.concurrency is not None
        return self._shelf.usable and (limited or not self.pace.is_plain or bool(self._pending))

    def _go(self, record: HeldRecord | None) -> Leave | float:
        now, wall = self._clock(), self._wall()
        pace = self.pace if record is None else self._read(record)
        self.pace = pace
        if paces.blocked_s(pace, wall) > 0:
            return _BUSY_S  # whoever asks looks at the breaker first
        wait_s = paces.wait_s(pace, self.limit, ahead=0, now=now, wall=wall)
        if wait_s > 0:
            return max(wait_s, 0.0005)  # floats may leave a remainder too small to sleep for
        most = paces.concurrency(pace, self.limit)
        lease: int | None = None
        # Asked before the leases: when the number was just lowered, calls of ours may be under way
        # on leases beyond it, or on none.
        if most is not None and self.under_way >= most:
            return math.inf
        if most is not None and record is not None:
            lease = self._leases.take(most)
            if lease is None:
                return random.uniform(*_CROWDED_S)  # noqa: S311 (no secret, a spread)
        self.pace = paces.taken(pace, self.limit, now)
        if record is not None and (self.pace is not pace or self._pending):
            try:
                self._write(record, self.pace)
            except OSError:
                if lease is not None:
                    self._leases.free(lease)
                raise
        self.under_way += 1
        return Leave(lease)

    def _read(self, record: HeldRecord) -> Pace:
        """Return the record with everything learned here that is not in it yet."""
        pace = _decoded(record.read()) or Pace(family=self.family, host=self.host)
        for change in self._pending:
            pace = change(pace)
        return pace

    def _write(self, record: HeldRecord, pace: Pace) -> None:
        record.write(msgspec.json.encode(pace))
        self._pending = []
        self.pace = pace
        self._looked_at = self._clock()

    def _wake_next(self) -> None:
        if self.waiters:
            self.waiters[0].wake()


def _decoded(data: bytes) -> Pace | None:
    """Return the record in ``data``; None for none, or one that a power cut left unreadable."""
    try:
        return msgspec.json.decode(data, type=Pace) if data else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _file_name(family: str, host: str) -> str:
    """Return a file name that tells lanes apart, and that people can read where it is possible."""
    name = f"{family}@{host}"
    readable = re.sub(r"[^A-Za-z0-9@.:-]", "_", name)[:120]
    if readable == name:
        return name
    return f"{readable}-{hashlib.sha256(name.encode()).hexdigest()[:10]}"
