"""Which downloads of its own a provider still runs for an account, so that mounts look for them.

Written by the command line, which starts and lists them, and by the mounts of the account, which
ask how they are doing. What has ended stays for a day: every mount, one that comes up later too,
has its folder listed anew.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

import msgspec

from fsmount.errors import StoreFault
from fsmount.model import EntryId, OfflineState
from fsmount.store import files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from fsmount.model import OfflineTask
    from fsmount.store.directories import Directories

log = logging.getLogger(__name__)

_FORGET_AFTER_S = 86_400.0
"""Longer than any listing is fresh: by then it is listed anew in any case."""

_UNLISTED_FOR_S = 120.0
"""A provider may take so long until a new task is among those that it lists."""

_RUNS = frozenset({OfflineState.WAITING, OfflineState.RUNNING})


class Awaited(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One task.

    Attributes:
        folder: Id of the folder that it goes to; "" when not told.
        since: Unix seconds at which it was first seen.
        ended: Unix seconds at which its end was first seen; None while it runs.
    """

    folder: EntryId = EntryId("")
    since: float = 0.0
    ended: float | None = None


class Ledger(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The tasks of one account.

    Attributes:
        tasks: By the provider's id.
        asked: Unix seconds at which the provider was last asked how they are doing.
    """

    tasks: dict[str, Awaited] = {}
    asked: float = 0.0

    @property
    def running(self) -> list[str]:
        """The ids of those that have not ended."""
        return [ident for ident, task in self.tasks.items() if task.ended is None]


def started(ledger: Ledger, tasks: Iterable[OfflineTask], *, wall: float) -> Ledger:
    """Return ``ledger`` with ``tasks``, which were just begun: some end in that very moment."""
    fresh = {
        task.id: Awaited(
            folder=task.folder, since=wall, ended=None if task.state in _RUNS else wall
        )
        for task in tasks
    }
    return msgspec.structs.replace(ledger, tasks={**_kept(ledger, wall), **fresh})


def settled(ledger: Ledger, told: Iterable[OfflineTask], *, wall: float) -> Ledger:
    """Return ``ledger`` after the provider has told all that it remembers.

    What runs and was not known (begun elsewhere) is known from now on; what is no longer told has
    ended as well, unless it is too new to be told.
    """
    tasks = _kept(ledger, wall)
    by_id = {task.id: task for task in told}
    for ident, known in tasks.items():
        if ident not in by_id and known.ended is None and wall - known.since > _UNLISTED_FOR_S:
            tasks[ident] = msgspec.structs.replace(known, ended=wall)
    for ident, task in by_id.items():
        known = tasks.get(ident, Awaited(since=wall))
        folder = task.folder or known.folder
        if task.state in _RUNS:
            tasks[ident] = Awaited(folder=folder, since=known.since)
        elif ident in tasks and known.ended is None:
            tasks[ident] = Awaited(folder=folder, since=known.since, ended=wall)
    return Ledger(tasks=tasks, asked=wall)


def ended(ledger: Ledger, idents: Iterable[str], *, wall: float) -> Ledger:
    """Return ``ledger`` with these tasks ended, known before or not: they were removed."""
    tasks = _kept(ledger, wall)
    for ident in idents:
        known = tasks.get(ident, Awaited(since=wall))
        tasks[ident] = msgspec.structs.replace(known, ended=wall)
    return msgspec.structs.replace(ledger, tasks=tasks)


def _kept(ledger: Ledger, wall: float) -> dict[str, Awaited]:
    return {
        ident: task
        for ident, task in ledger.tasks.items()
        # A clock that was set back makes an end lie in the future: it is as good as now.
        if task.ended is None or abs(wall - task.ended) < _FORGET_AFTER_S
    }


class LedgerStore(Protocol):
    """Where the ledger of one account is kept."""

    async def load(self) -> Ledger:
        """Return what is kept; an empty one when nothing is."""
        ...

    async def change(self, change: Callable[[Ledger], Ledger]) -> Ledger:
        """Keep and return what ``change`` makes of what is kept, no other process between."""
        ...


class LedgerFile:
    """A ``LedgerStore`` in one small file, shared by the processes of the host.

    Args:
        path: Its directory is made on the first write.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[tuple[int, int], Ledger] | None = None

    async def load(self) -> Ledger:
        """Return what is kept; an empty one when nothing is, or it cannot be understood.

        Asked every few seconds, so a file that did not change is not read again.
        """
        return await files.in_thread(self._load)

    async def change(self, change: Callable[[Ledger], Ledger]) -> Ledger:
        """Keep and return what ``change`` makes of what is kept; see ``LedgerStore``.

        Raises:
            StoreFault: It is not on disk.
        """
        return await files.in_thread(lambda: self._change(change))

    def _change(self, change: Callable[[Ledger], Ledger]) -> Ledger:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with files.locked_blocking(self.path.with_suffix(".lock")):
                before = self._load()
                after = change(before)
                if after != before:
                    files.replace_durably(self.path, msgspec.json.encode(after))
                return after
        except OSError as exc:
            raise StoreFault(f"cannot write {self.path}: {exc.strerror}") from exc

    def _load(self) -> Ledger:
        try:
            found = self.path.stat()
            stamp = (found.st_ino, found.st_mtime_ns)
            if self._seen is None or self._seen[0] != stamp:
                ledger = msgspec.json.decode(self.path.read_bytes(), type=Ledger)
                self._seen = (stamp, ledger)
        except FileNotFoundError:
            return Ledger()
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as exc:
            log.warning("file=%s cannot be used (%s), as if it were empty", self.path, exc)
            return Ledger()
        return self._seen[1]


def ledger_file(directories: Directories, account_key: str) -> LedgerFile:
    """Return where the offline downloads of an account (``Source.account_key``) are kept."""
    return LedgerFile(directories.state / "offline" / f"{account_key}.json")
