"""Opens a mount's disk cache: a directory that no other process has, within a time, or later.

A second mount of one SOURCE gets a directory of its own (``NAME.2``): each has one writer and its
own budget, and lends the others what it has (``peers.py``). A directory that does not open in time
is waited for behind: until then nothing is cached.
"""

from __future__ import annotations

import logging
import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

import trio

from fsmount.cache.disk import DiskCache
from fsmount.cache.peers import Peers
from fsmount.cache.shelf import InUse, open_shelf
from fsmount.errors import StoreFault, UsageError
from fsmount.store.directories import prepare

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable
    from pathlib import Path

    from fsmount.cache.records import Record
    from fsmount.cache.shelf import Shelf
    from fsmount.model import ContentKey

log = logging.getLogger(__name__)

_OPEN_WITHIN_S = 4.0  # of the 10 s that a mount may take to stand
_LEAVE_WITHIN_S = 3.0  # unmounting takes 5 s at most
_PLACES = 8
"""Mounts of one SOURCE at once that have a disk cache; more is a mistake."""


class Contents(NamedTuple):
    """An open directory, and what is in it."""

    shelf: Shelf
    records: list[Record]
    pinned: list[ContentKey]
    free: int
    total: int


def _nothing_pinned(directory: Path) -> Iterable[ContentKey]:
    return ()


class _Opening:
    """Opens a directory in a thread that may take for ever."""

    def __init__(self, directory: Path, pinned: Callable[[Path], Iterable[ContentKey]]) -> None:
        self._directory = directory
        self._pinned = pinned
        self._left = threading.Event()

    def run(self) -> Contents:
        """Open it; blocks.

        Raises:
            StoreFault: It cannot be used.
            UsageError: Somebody else could have written to it.
        """
        shelf = self._free_place()
        try:
            records = shelf.sweep(shelf.records())
            pinned = list(self._pinned(shelf.directory))
            contents = Contents(shelf, records, pinned, *shelf.free_bytes())
        except BaseException:
            shelf.close()
            raise
        if self._left.is_set():
            shelf.close()  # nobody is there any more
        return contents

    def leave(self) -> None:
        """Say that nobody waits any more."""
        self._left.set()

    def _free_place(self) -> Shelf:
        for number in range(2, _PLACES + 1):
            try:
                return open_shelf(self._directory)
            except InUse:
                name = f"{self._directory.name.removesuffix(f'.{number - 1}')}.{number}"
                self._directory = prepare(self._directory.with_name(name))
        return open_shelf(self._directory)


@asynccontextmanager
async def open_disk_cache(
    directory: Path,
    budget_bytes: int,
    *,
    on_network: bool = False,
    pinned: Callable[[Path], Iterable[ContentKey]] = _nothing_pinned,
) -> AsyncIterator[DiskCache]:
    """Open the cache at ``directory``; writes what is owed (bounded in time) on leaving.

    A directory that another mount has is left to it, for the next one beside it. A corrupt index is
    moved aside; a directory on a network filesystem (``on_network``) or not writable yields a cache
    that keeps nothing, after one warning.

    Args:
        directory: Made when missing; the caller has checked whose it is.
        budget_bytes: What the directory may grow to; 0 keeps nothing.
        on_network: It lies on a network filesystem, where neither locks nor sqlite can be trusted.
        pinned: Tells, in a thread, which contents are evicted from that directory only when they
            alone exceed the budget.

    Raises:
        UsageError: Somebody else could have written to a directory beside it.
    """
    cache = DiskCache(None, 0)
    if budget_bytes <= 0:
        yield cache
        return
    if on_network:
        log.warning("caching on disk is off: %s is on a network filesystem", directory)
        yield cache
        return
    opening = _Opening(directory, pinned)
    over = trio.Event()
    refusal: UsageError | None = None

    async def bring() -> None:
        nonlocal refusal
        try:
            found = await trio.to_thread.run_sync(opening.run, abandon_on_cancel=True)
        except UsageError as exc:
            refusal = exc
            if stands:  # what could have been refused before is no reason to end a mount
                log.warning("caching on disk is off: %s", exc)
            return
        except StoreFault as exc:
            log.warning("caching on disk is off: %s", exc)
            return
        finally:
            over.set()
        cache.adopt(found.shelf, budget_bytes, found.records, found.pinned)
        cache.give_way(found.free, found.total)
        cache.ask_beside(Peers(found.shelf.directory))
        await cache.run()

    stands = False
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bring)
            with trio.move_on_after(_OPEN_WITHIN_S):
                await over.wait()
            if refusal is not None:
                raise refusal
            stands = True
            if not over.is_set():
                log.warning("the disk cache %s does not answer: nothing is cached yet", directory)
            try:
                yield cache
            finally:
                with trio.CancelScope(shield=True, deadline=trio.current_time() + _LEAVE_WITHIN_S):
                    await cache.drain()
                nursery.cancel_scope.cancel()
    finally:
        opening.leave()
        cache.close()
