"""Keeps one account's token fresh: ahead of time, once for all who wait, once per host."""

from __future__ import annotations

import collections
import logging
import math
import random
import time
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

import trio

from fsmount.account.advice import LOGIN_AGAIN, named
from fsmount.account.clocks import boottime
from fsmount.account.credentials import Credentials
from fsmount.account.lifetime import Aged, Ends, aged, descend, digest, ends, pasted
from fsmount.errors import (
    FsmountError,
    LoginLost,
    ProviderFault,
    StoreFault,
    Throttled,
    TimedOut,
    Unauthorized,
)
from fsmount.store import files

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from fsmount.account.border import Scheme, Send
    from fsmount.model import Token
    from fsmount.store.tokens import TokenFile

log = logging.getLogger(__name__)

Basis = TypeVar("Basis")  # what an exchange starts from: a token, or credentials

# One exchange: a sign-in is two or three calls of at most 15 s each (``net.NetSettings``).
_EXCHANGE_WITHIN_S = 45.0
# Everything: waiting for another process's exchange as well.
_RENEWAL_WITHIN_S = 120.0
# Ending the mount waits so long for the answer of an exchange: a lost one burns a single-use
# token. SIGTERM promises to unmount within 5 s.
_GRACE_S = 3.0
# After a failure that may pass, callers get the same answer for a while without asking again.
_HOLD_OFF_S = 5.0
_LONGEST_BACKOFF_S = 300.0
_LONGEST_RETRY_AFTER_S = 3600.0
# A provider that rejects what it has just given out is not asked again and again
# (AlistGo/alist#9328: an endless refresh loop).
_REJECTIONS, _REJECTIONS_WITHIN_S = 5, 60.0
# How soon a sign-in from outside is noticed, and how often a token that could not be kept is tried.
_LOOK_S = 5.0
# Trio's clock stands still while the machine sleeps, so a long wait is cut into pieces.
_LONGEST_NAP_S = 60.0


class _Flight:
    """One renewal under way; its end is a token, a failure, or neither when it was cancelled."""

    def __init__(self) -> None:
        self.done = trio.Event()
        self.token: Token | None = None
        self.failure: FsmountError | None = None


class Refresher:
    """Owns the token of one account in this process.

    Invariants: ``_held`` only ever holds a token that was on disk before its first use (or that
    could not be put there, said in the log). At most one renewal is under way in this process, and
    one exchange with the provider on this host, under the token file's lock. An exchange that was
    begun is not cancelled: its answer may be the only copy of a single-use token.

    A renewal runs in the nursery of ``run``; without it (a command of the cli) in the task of the
    caller that came first, which an exchange then outlives by its own deadline at most.

    Args:
        scheme: Refreshes and signs in.
        tokens: Where the token is kept and locked across processes; None keeps it in memory.
        credentials: For the first sign-in and when a refresh token dies.
        send: Paced by the account (``account.paced``), never renewed itself.
        name: The remote's name, for what people are told.
        clock: Never jumps, counts sleep.
        wall: Unix seconds; need not be right.
    """

    def __init__(
        self,
        *,
        scheme: Scheme,
        tokens: TokenFile | None,
        credentials: Credentials,
        send: Send,
        name: str = "",
        clock: Callable[[], float] = boottime,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._scheme = scheme
        self._tokens = tokens
        self._credentials = credentials
        self._login = Credentials(
            login=credentials.login,
            password=credentials.password,
            private_key=credentials.private_key,
        )
        self._send = send
        self._name = name
        self._clock = clock
        self._wall = wall
        self._held: Aged | None = None
        self._flight: _Flight | None = None
        self._nursery: trio.Nursery | None = None
        self._exchange_scope: trio.CancelScope | None = None
        self._changed = trio.Event()
        self._lost: LoginLost | None = None
        self._lost_stamp: tuple[int, int] | None = None
        self._failing: FsmountError | None = None
        self._failing_until = -math.inf
        self._unsaved: Token | None = None
        self._unsaved_from: Token | None = None
        self._refused: collections.deque[str] = collections.deque(maxlen=64)
        self._rejections: collections.deque[float] = collections.deque(maxlen=_REJECTIONS)
        self._said: set[str] = set()

    @property
    def name(self) -> str:
        """The remote whose login this is."""
        return self._name

    def ends(self) -> Ends | None:
        """Return when the token that is held ends, asking nobody; None while there is none."""
        if self._held is None or self._lost is not None:
            return None
        return ends(self._held.token, renewed=self._renewable(self._held.token))

    async def current(self) -> Token:
        """Return a usable token, signing in first when there is none yet.

        Raises:
            LoginLost: There is no way to one without a person.
            FsmountError: Not now: unreachable, throttled, the state directory not writable.
        """
        if self._held is not None and self._usable(self._held):
            return self._held.token
        return await self._renewal(self._usable)

    async def renew(self, rejected: Token) -> Token:
        """Return a token newer than ``rejected``; one renewal for all who ask, in all processes.

        Raises:
            Unauthorized: The provider rejects tokens as fast as it gives them.
            LoginLost, FsmountError: As ``current``.
        """
        if rejected.access and digest(rejected.access) not in self._refused:
            self._refused.append(digest(rejected.access))
        # Twice: a renewal that began before this rejection may end with the rejected token.
        for _ in range(2):
            if self._held is not None and self._usable(self._held):
                return self._held.token
            token = await self._renewal(self._usable, rejected=True)
            if token.access != rejected.access:
                return token
        raise Unauthorized("the provider gave out the token again that it rejects")

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Renew ahead of expiry for ever; transport errors back off, a refusal is said once.

        Cancelling it waits up to 3 s for the answer of an exchange that is under way.
        """
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            task_status.started()
            try:
                await self._renew_ahead()
            finally:
                self._nursery = None
                if self._exchange_scope is not None:
                    self._exchange_scope.deadline = trio.current_time() + _GRACE_S

    async def _renew_ahead(self) -> None:
        failed = 0
        while True:
            await self._wait_until_due()
            try:
                await self._renewal(self._not_due, ahead=True)
                failed = 0
            except LoginLost:
                pass  # said when it was met; from now on _wait_until_due looks for a sign-in
            except FsmountError as exc:
                failed += 1
                if isinstance(exc, StoreFault):
                    self._say("store", f"the token is not renewed: {exc}")
                pause_s = _backoff_s(failed, exc)
                log.info("remote=%s renewal failed, again in %.0f s: %s", self._name, pause_s, exc)
                await trio.sleep(pause_s)

    async def _wait_until_due(self) -> None:
        while True:
            changed = self._changed
            nap_s = _LONGEST_NAP_S
            if self._lost is not None:
                await self._look_for_a_sign_in()
                nap_s = _LOOK_S
            elif self._unsaved is not None and self._tokens is not None:
                await self._save_at_last()
                nap_s = _LOOK_S
            if self._held is not None and self._lost is None and self._renewable(self._held.token):
                left_s = self._held.due_at - self._clock()
                if left_s <= 0:
                    return
                nap_s = min(nap_s, left_s)
            with trio.move_on_after(nap_s):
                await changed.wait()

    async def _renewal(
        self, good: Callable[[Aged], bool], *, rejected: bool = False, ahead: bool = False
    ) -> Token:
        if self._lost is not None:
            raise self._lost.with_traceback(None)
        if self._failing is not None and not ahead and self._clock() < self._failing_until:
            raise self._failing.with_traceback(None)
        while True:
            flight = self._flight
            if flight is None:
                flight = self._flight = _Flight()
                if self._nursery is not None:
                    self._nursery.start_soon(self._fly, flight, good, rejected)
                else:
                    await self._fly(flight, good, rejected)
            await flight.done.wait()
            if flight.failure is not None:
                raise flight.failure.with_traceback(None)
            if flight.token is not None:
                return flight.token
            # The caller in whose task it ran was cancelled: the next one takes over.

    async def _fly(self, flight: _Flight, good: Callable[[Aged], bool], rejected: bool) -> None:
        try:
            with trio.fail_after(_RENEWAL_WITHIN_S):
                flight.token = await self._obtained(good, rejected)
            self._failing = None
        except trio.TooSlowError as exc:
            flight.failure = self._fail(TimedOut("another process holds the token for too long"))
            flight.failure.__cause__ = exc
        except LoginLost as exc:
            flight.failure = exc
        except FsmountError as exc:
            flight.failure = self._fail(exc)
        except Exception as exc:
            # A defect of a scheme must not end the mount.
            log.exception("remote=%s renewal met a defect", self._name)
            flight.failure = self._fail(ProviderFault("the token could not be renewed"))
            flight.failure.__cause__ = exc
        finally:
            self._flight = None
            flight.done.set()

    async def _obtained(self, good: Callable[[Aged], bool], rejected: bool) -> Token:
        """Return the first token that is ``good``: kept by another process, renewed, signed in."""
        async with self._locked():
            kept = await self._load()
            refusal: LoginLost | None = None
            for base in await self._candidates(kept):
                candidate = self._aged(base)
                if good(candidate):
                    self._hold(candidate)
                    return base
                if not base.refresh or digest(base.refresh) in self._refused:
                    continue
                await self._check_writable()
                self._count_rejection(rejected)
                try:
                    return await self._exchange(self._scheme.refresh, base, kept)
                except LoginLost as exc:
                    self._refused.append(digest(base.refresh))
                    log.info("remote=%s a refresh token was refused: %s", self._name, exc.message)
                    refusal = exc
            if self._credentials.signs_in:
                self._count_rejection(rejected)
                try:
                    return await self._exchange(self._scheme.sign_in, self._login, kept)
                except LoginLost as exc:
                    refusal = exc
            raise await self._lose(refusal)

    async def _candidates(self, kept: Token | None) -> list[Token]:
        """Return the tokens to go on from, best first."""
        new = pasted(self._credentials, kept)
        if new is not None and new.access:
            # Only the scheme can tell how long an access token lives.
            alone = Credentials(access_token=new.access)
            try:
                new = await self._scheme.sign_in(alone, self._send)
            except LoginLost as exc:
                log.info("remote=%s the access token cannot be used: %s", self._name, exc.message)
                new = None
        return [token for token in (new, kept) if token is not None]

    async def _exchange(
        self, ask: Callable[[Basis, Send], Awaitable[Token]], basis: Basis, kept: Token | None
    ) -> Token:
        """Ask the provider for a token, keep it, and only then hold it; not cancelled half-way."""
        with trio.CancelScope(
            shield=True, deadline=trio.current_time() + _EXCHANGE_WITHIN_S
        ) as scope:
            self._exchange_scope = scope
            try:
                answered = await ask(basis, self._send)
                fresh = descend(answered, self._credentials, wall=self._wall())
                await self._save(fresh, kept)
            finally:
                self._exchange_scope = None
            self._hold(self._aged(fresh))
            return fresh
        raise TimedOut("no token came within the deadline")

    async def _save(self, fresh: Token, kept: Token | None) -> None:
        if self._tokens is None:
            self._unsaved = fresh
            return
        tokens = self._tokens
        try:
            await files.in_thread(lambda: tokens.save(fresh, replaces=kept))
        except StoreFault as exc:
            # The old one is used up: better go on with what is in memory than fail every reader.
            self._unsaved, self._unsaved_from = fresh, kept
            self._say("unsaved", f"the token cannot be kept and will not survive a restart: {exc}")
        else:
            self._unsaved = self._unsaved_from = None
            self._said.discard("unsaved")

    async def _save_at_last(self) -> None:
        if self._tokens is not None and self._unsaved is not None:
            try:
                async with self._tokens.locked():
                    await self._save(self._unsaved, self._unsaved_from)
            except StoreFault:
                pass  # said when it was first met; tried again soon

    async def _load(self) -> Token | None:
        kept = None if self._tokens is None else await files.in_thread(self._tokens.load)
        if self._unsaved is None:
            return kept
        if kept is None or kept == self._unsaved_from or kept.issued_at < self._unsaved.issued_at:
            return self._unsaved
        return kept

    @asynccontextmanager
    async def _locked(self) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            if self._tokens is not None:
                try:
                    await stack.enter_async_context(self._tokens.locked())
                except StoreFault as exc:
                    if not self._reusable:
                        raise
                    self._say("lock", f"tokens are not shared with other processes: {exc}")
            yield

    async def _check_writable(self) -> None:
        if self._tokens is not None and not self._reusable:
            await files.in_thread(self._tokens.ensure_writable)

    @property
    def _reusable(self) -> bool:
        """True when refreshing does not use up a refresh token (see ``Scheme``)."""
        return bool(getattr(self._scheme, "reusable_refresh", False))

    def _renewable(self, token: Token) -> bool:
        return bool(token.refresh or self._credentials.signs_in)

    def _aged(self, token: Token) -> Aged:
        return aged(token, now=self._clock(), wall=self._wall())

    def _usable(self, candidate: Aged) -> bool:
        return (
            candidate.over_at > self._clock()
            and digest(candidate.token.access) not in self._refused
        )

    def _not_due(self, candidate: Aged) -> bool:
        return self._usable(candidate) and candidate.due_at > self._clock()

    def _hold(self, fresh: Aged) -> None:
        self._held = fresh
        self._notify()

    async def _lose(self, refusal: LoginLost | None) -> LoginLost:
        """Settle that a person is needed; said once, ended by a sign-in from outside."""
        if refusal is not None:
            lost = LoginLost(refusal.message, advice=refusal.advice or LOGIN_AGAIN)
            lost.__cause__ = refusal
        elif self._held is not None or self._credentials:
            lost = LoginLost(
                "the access token is over and nothing can renew it", advice=LOGIN_AGAIN
            )
        else:
            lost = LoginLost("nobody is signed in", advice=LOGIN_AGAIN)
        self._lost = named(lost, self._name)
        if self._tokens is not None:
            self._lost_stamp = await files.in_thread(self._tokens.stamp)
        log.warning("remote=%s login lost: %s", self._name, lost)
        self._notify()
        return lost

    async def _look_for_a_sign_in(self) -> None:
        if self._tokens is None:
            return
        if await files.in_thread(self._tokens.stamp) != self._lost_stamp:
            log.info("remote=%s another token was kept, trying it", self._name)
            self._lost = self._held = None

    def _fail(self, failure: FsmountError) -> FsmountError:
        asked_s = failure.retry_after_s if isinstance(failure, Throttled) else None
        self._failing = failure
        self._failing_until = self._clock() + min(asked_s or _HOLD_OFF_S, _LONGEST_BACKOFF_S)
        return failure

    def _count_rejection(self, rejected: bool) -> None:
        """Raise Unauthorized when tokens are rejected as fast as they are renewed."""
        if not rejected:
            return
        now = self._clock()
        if (
            len(self._rejections) == _REJECTIONS
            and now - self._rejections[0] < _REJECTIONS_WITHIN_S
        ):
            raise Unauthorized("the provider rejects tokens as fast as it gives them")
        self._rejections.append(now)

    def _say(self, what: str, sentence: str) -> None:
        if what not in self._said:
            self._said.add(what)
            log.warning("remote=%s %s", self._name, sentence)

    def _notify(self) -> None:
        self._changed.set()
        self._changed = trio.Event()


def _backoff_s(failed: int, failure: FsmountError) -> float:
    """Return the pause after the ``failed``-th failure in a row: spread, doubling, bounded."""
    spread = random.uniform(0.5, 1.0)  # noqa: S311 (no secret, a spread)
    pause_s = min(2.0**failed, _LONGEST_BACKOFF_S) * spread
    if isinstance(failure, Throttled) and failure.retry_after_s is not None:
        pause_s = max(pause_s, min(failure.retry_after_s, _LONGEST_RETRY_AFTER_S))
    return pause_s
