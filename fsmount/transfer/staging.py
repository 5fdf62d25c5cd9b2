"""Reads of shares that must first be saved into an own drive: saved, linked, removed again.

Nothing is touched that was not made here. Every run of a process has a folder with a name of its
own making, inside a hidden one; only what the journal says that this run asked for is ever removed
from it, and only while it is still there: what a person moved elsewhere has become that person's.
A copy stays while somebody reads its file or its link lives, since a link may die with its file
(wire: aliyundrive §B5).
"""

from __future__ import annotations

import collections
import logging
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

import trio

from fsmount.drivers.base import Driver, GivesSharePass, Quota, SavesShares, StagesReads
from fsmount.errors import (
    Denied,
    FsmountError,
    IsFolder,
    NotFound,
    ProtocolError,
    ProviderFault,
    StoreFault,
    TimedOut,
    Unauthorized,
    Unreachable,
)
from fsmount.model import Entry, EntryId, Kind
from fsmount.store import files
from fsmount.store.journal import StagingJournal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Container, Iterable, Sequence
    from pathlib import Path

    from fsmount.model import Link, Page

log = logging.getLogger(__name__)

_T = TypeVar("_T")

# A link that does not say when it ends is taken to live as long as the shortest that were seen.
_USUAL_LINK_S = 900.0
# A folder is copied by and by; a file never was, but may be.
_LOOK_AT_COPY_S = 1.0
# What could not be removed is tried again, now and then.
_REMOVE_AGAIN_S = 60.0
# SIGTERM promises to unmount within 5 s; what is left then, the next start removes.
_CLOSE_WITHIN_S = 2.5
_MIB = 1 << 20

_UNCERTAIN = (Unreachable, TimedOut, ProviderFault, ProtocolError)
"""After these nobody knows whether the copy was made."""


class Share(Driver, GivesSharePass, Protocol):
    """A share whose files an own drive can save."""


class OwnDrive(Driver, Quota, SavesShares, StagesReads, Protocol):
    """A drive that can hold copies for a while."""


class _Key(NamedTuple):
    id: EntryId
    version: str


@dataclass(slots=True, eq=False)
class _Copy:
    """A file of the share that stands in the own drive; ``ends_at`` is on Trio's clock."""

    number: int
    entry: Entry
    ends_at: float


class Staging:
    """The links of one share's files, each of a copy in an own drive (``Driver``).

    Invariants: a copy in ``_copies`` has a link that was given out, or will be at once; one that is
    to be removed is taken out first, so nobody is given a link of what goes away. Saves and
    removals hold ``_one_at_a_time``: the provider wants them slow, and each looks at the folder
    that the others change.

    Args:
        share: Lists the files; its own links are of no use.
        own: Holds the copies.
        name: The own drive's remote, for messages.
        directory: Where journals are kept; None keeps them in memory.
    """

    def __init__(self, share: Share, own: OwnDrive, *, name: str, directory: Path | None) -> None:
        self._share = share
        self._own = own
        self._name = name
        self._directory = directory
        self._journal: StagingJournal | None = None
        self._folder: Entry | None = None
        self._copies: dict[_Key, _Copy] = {}
        self._leaving: list[_Copy] = []
        self._readers: dict[_Key, int] = {}
        self._one_at_a_time = trio.Lock()
        self._changed = trio.Event()

    # --- a driver, whose links are those of copies ------------------------------------------------

    @property
    def root(self) -> Entry:
        """The share's."""
        return self._share.root

    async def list(self, folder: Entry, cursor: str | None) -> Page:
        """Return what the share lists."""
        return await self._share.list(folder, cursor)

    async def stat(self, entry: Entry) -> Entry:
        """Return what the share tells."""
        return await self._share.stat(entry)

    async def link(self, file: Entry, *, fresh: bool = False) -> Link:
        """Return a link of a copy of ``file``, which is saved first where there is none.

        Raises:
            Denied: The own drive has no room, or the provider does not let the file be saved.
            StoreFault: No journal can be kept; then nothing is saved.
            FsmountError: As the share and the own drive say.
        """
        if file.is_folder:
            raise IsFolder(f'"{file.name}" is a folder')
        key = _key(file)
        async with self._one_at_a_time:
            copy = self._copies.get(key)
            if copy is not None:
                try:
                    return await self._linked(copy, fresh=fresh)
                except NotFound:  # somebody has removed it: it is made again
                    await self._settle(self._copies.pop(key))
            copy = await self._saved(file)
            self._copies[key] = copy
            self._notify()
            return await self._linked(copy, fresh=fresh)

    async def close(self) -> None:
        """Remove everything that this run has made; what cannot be is left to the next start."""
        journal = self._journal
        if journal is None:
            return
        try:
            async with self._one_at_a_time:
                self._copies.clear()
                self._leaving.clear()
                await self._cleared(journal)
        except FsmountError as exc:
            log.info("remote=%s copies are left to the next start: %s", self._name, exc)

    def abandon(self) -> None:
        """Let go of the journal; what is still in it is left to the next start."""
        if self._journal is not None:
            self._journal.close()

    # --- who reads --------------------------------------------------------------------------------

    def opened(self, file: Entry) -> None:
        """Keep the copy of ``file`` while it is read; ends with ``closed``."""
        key = _key(file)
        self._readers[key] = self._readers.get(key, 0) + 1

    def closed(self, file: Entry) -> None:
        """A reader of ``file`` has ended."""
        key = _key(file)
        left = self._readers.pop(key, 1) - 1
        if left > 0:
            self._readers[key] = left
        self._notify()

    async def run(self) -> None:
        """Clean up after runs that died, then remove copies whose time has come, for ever."""
        await self._clean_up()
        while True:
            changed = self._changed
            pause_s = await self._remove_idle()
            with trio.move_on_after(pause_s):
                await changed.wait()

    # --- saving -----------------------------------------------------------------------------------

    async def _linked(self, copy: _Copy, *, fresh: bool) -> Link:
        link = await self._own.link(copy.entry, fresh=fresh)
        life_s = _USUAL_LINK_S if link.lifetime_s is None else link.lifetime_s
        copy.ends_at = max(copy.ends_at, trio.current_time() + life_s)
        return link

    async def _saved(self, file: Entry) -> _Copy:
        """Return a copy of ``file``: one that an earlier try may have left, else a new one."""
        journal, folder = await self._begun()
        tries = [number for number, asked in journal.asked.items() if _key(asked) == _key(file)]
        if tries:
            taken = set(journal.copies.values())
            for found in _made_by([file] * len(tries), await self._inside(folder), taken):
                return await self._known(journal, tries[0], file, found.id)
        await self._make_room(file.size or 0)
        number = await self._kept(lambda: journal.ask(file))
        try:
            ident = await self._save(file, folder, journal)
        except FsmountError as exc:
            if not isinstance(exc, _UNCERTAIN):
                await self._kept(lambda: journal.gone(number))
            raise
        return await self._known(journal, number, file, ident)

    async def _known(
        self, journal: StagingJournal, number: int, file: Entry, ident: EntryId
    ) -> _Copy:
        await self._kept(lambda: journal.copied(number, ident))
        entry = Entry(id=ident, name=file.name, kind=Kind.FILE, size=file.size, digest=file.digest)
        return _Copy(number=number, entry=entry, ends_at=trio.current_time() + _USUAL_LINK_S)

    async def _save(self, file: Entry, folder: Entry, journal: StagingJournal) -> EntryId:
        try:
            saving = await self._own.save(await self._share.share_pass(), [file], folder)
        except Unauthorized:
            # The share's token was replaced behind our back; any call of the share renews it.
            await self._share.stat(file)
            saving = await self._own.save(await self._share.share_pass(), [file], folder)
        while saving.tasks:
            await trio.sleep(_LOOK_AT_COPY_S)
            saving = await self._own.saving(saving)
        if saving.failures:
            raise Denied(f'"{file.name}" cannot be saved to be read: {saving.failures[0]}')
        if saving.saved:
            return saving.saved[0]
        taken = set(journal.copies.values())
        for found in _made_by([file], await self._inside(folder), taken):
            return found.id
        raise ProtocolError(f'"{file.name}" was saved to be read, but nobody says where')

    async def _begun(self) -> tuple[StagingJournal, Entry]:
        """Return this run's journal and folder; the journal is on disk before the folder is."""
        if self._journal is None:
            self._journal = await self._kept(lambda: StagingJournal.begin(self._directory))
        if self._folder is None:
            self._folder = await self._own.staging_folder(self._journal.run)
        return self._journal, self._folder

    async def _make_room(self, needed: int) -> None:
        if await self._room() >= needed:
            return
        self._let_go(lambda copy: True)
        await self._remove_leaving()
        room = await self._room()
        if room < needed:
            raise Denied(
                f"{self._name} has {max(room, 0) // _MIB} MiB left, and reading this file takes "
                f"{-(-needed // _MIB)} MiB there for a while",
                advice="make room in that drive",
            )

    async def _room(self) -> int:
        space = await self._own.space()
        return space.total - space.used

    # --- removing ---------------------------------------------------------------------------------

    async def _remove_idle(self) -> float:
        """Remove what nobody reads and whose link is over; return when to look again."""
        now = trio.current_time()
        self._let_go(lambda copy: copy.ends_at <= now)
        if self._leaving:
            try:
                async with self._one_at_a_time:
                    await self._remove_leaving()
            except FsmountError as exc:
                log.info("remote=%s copies are removed later: %s", self._name, exc)
                return _REMOVE_AGAIN_S
        ends = [copy.ends_at for key, copy in self._copies.items() if not self._readers.get(key)]
        return max(min(ends, default=float("inf")) - trio.current_time(), 0.0)

    def _let_go(self, over: Callable[[_Copy], bool]) -> None:
        """Take out copies that nobody reads and that are ``over``."""
        for key, copy in list(self._copies.items()):
            if not self._readers.get(key) and over(copy):
                self._leaving.append(self._copies.pop(key))

    async def _remove_leaving(self) -> None:
        """Remove what was taken out, as far as it still stands where it was made."""
        if not self._leaving or self._folder is None:
            return
        there = {entry.id: entry for entry in await self._inside(self._folder)}
        mine = [there[copy.entry.id] for copy in self._leaving if copy.entry.id in there]
        if mine:
            await self._own.staging_remove(mine)
        while self._leaving:
            await self._settle(self._leaving.pop())

    async def _settle(self, copy: _Copy) -> None:
        assert self._journal is not None
        journal = self._journal
        await self._kept(lambda: journal.gone(copy.number))

    async def _clean_up(self) -> None:
        """Remove what runs that died have left; what cannot be now is left to the next start."""
        try:
            left = await self._kept(lambda: StagingJournal.abandoned(self._directory))
        except StoreFault as exc:
            log.warning("remote=%s %s", self._name, exc)
            return
        for journal in left:
            try:
                await self._cleared(journal)
            except FsmountError as exc:
                log.info("remote=%s copies of run=%s stay: %s", self._name, journal.run, exc)
                journal.close()

    async def _cleared(self, journal: StagingJournal) -> None:
        """Remove all that a run has left, and end its journal.

        A copy that was asked for but not answered is recognised by name, size and hash; where two
        could be meant, both stay: one of them is not ours. A folder in which anything stays is
        itself left alone.
        """
        folder = await self._own.staging_folder(journal.run)
        there = await self._inside(folder)
        known = set(journal.copies.values())
        mine = [entry for entry in there if entry.id in known]
        mine += _made_by(journal.asked.values(), there, known)
        if mine:
            await self._own.staging_remove(mine)
        if not await self._inside(folder):
            await self._own.staging_remove([folder])
        else:
            log.warning(
                "remote=%s folder=%r holds files that fsmount has not put there; they stay",
                self._name,
                journal.run,
            )
        await self._kept(journal.end)

    async def _inside(self, folder: Entry) -> Sequence[Entry]:
        """Return what stands in a folder of ours, all of it."""
        found: tuple[Entry, ...] = ()
        cursor = None
        while True:
            try:
                page = await self._own.list(folder, cursor)
            except NotFound:
                return ()
            found += tuple(page.entries)
            cursor = page.next_cursor
            if cursor is None:
                return found

    async def _kept(self, work: Callable[[], _T]) -> _T:
        # In memory nothing blocks, and no thread is worth it.
        return work() if self._directory is None else await files.in_thread(work)

    def _notify(self) -> None:
        self._changed.set()
        self._changed = trio.Event()


@asynccontextmanager
async def open_staging(
    share: Share, own: OwnDrive, *, name: str, directory: Path | None
) -> AsyncIterator[Staging]:
    """Open the way to a share's files through an own drive; on leaving its copies are removed.

    See ``Staging`` for the arguments.
    """
    async with trio.open_nursery() as nursery:
        staging = Staging(share, own, name=name, directory=directory)
        nursery.start_soon(staging.run)
        try:
            yield staging
        finally:
            nursery.cancel_scope.cancel()
            with trio.CancelScope(shield=True, deadline=trio.current_time() + _CLOSE_WITHIN_S):
                await staging.close()
            staging.abandon()


def _key(file: Entry) -> _Key:
    return _Key(file.id, file.version)


def _made_by(
    asked: Iterable[Entry], there: Iterable[Entry], known: Container[EntryId]
) -> list[Entry]:
    """Return what must have come of ``asked``, of entries whose ids are not ``known``.

    Where more are found than were asked for, one of them is somebody else's; which, nobody can
    tell, so none is returned.
    """
    asks = collections.Counter(asked)
    strangers = [entry for entry in there if entry.id not in known]
    found: dict[EntryId, Entry] = {}
    for file, times in asks.items():
        may_be = [entry for entry in strangers if _may_be(file, entry)]
        if len(may_be) <= times:
            found |= {entry.id: entry for entry in may_be}
    return list(found.values())


def _may_be(asked: Entry, copy: Entry) -> bool:
    """Tell whether ``copy`` may be what saving ``asked`` made: the name may have got a number."""
    if copy.is_folder or copy.size != asked.size:
        return False
    if asked.digest and copy.digest and asked.digest != copy.digest:
        return False
    wanted, got = PurePath(asked.name), PurePath(copy.name)
    return wanted.suffix == got.suffix and got.stem.startswith(wanted.stem)
