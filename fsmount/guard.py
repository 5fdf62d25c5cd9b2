"""Keeps programs that nobody waits for from taking a mount, or an account, for themselves.

Who opens a file is found out at open: the kernel tells no process with a read. What each kind of
program may have is ``budgets``'.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from fsmount.budgets import BEHIND, Budgets, Kind, kind_of
from fsmount.errors import Denied, TimedOut
from fsmount.model import Priority

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fsmount.budgets import Budget
    from fsmount.vfs.border import FileHandle

log = logging.getLogger(__name__)

# Of the 5 s that an open may take.
_TURN_WITHIN_S = 4.0
# As much as may be read at once after a pause: one window of the kernel's read-ahead.
_BURST_S = 1.0

PROC = Path("/proc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who opened a file.

    Attributes:
        program: The name of its process; "" when it cannot be told (we are in a container).
        kind: What it is.
    """

    program: str = ""
    kind: Kind = Kind.OTHER

    def __str__(self) -> str:
        """Say it as ``status`` shows it."""
        return self.program if self.kind is Kind.OTHER else f"{self.program} ({self.kind})"


class GuardedFile:
    """An open file, read no faster than whoever opened it may.

    Attributes:
        urgency: How its reads queue for the provider.
        inode: As ``FileHandle``.
        keep_cache: As ``FileHandle``.
        direct_io: As ``FileHandle``.
    """

    def __init__(self, file: FileHandle, visitor: Visitor, account: _Account) -> None:
        self.urgency = Priority.CRAWL if visitor.kind in BEHIND else Priority.READING
        self.inode = file.inode
        self.keep_cache = file.keep_cache
        self.direct_io = file.direct_io
        self._file = file
        self._account = account
        file.opener = str(visitor)

    def read_nowait(self, offset: int, size: int) -> memoryview | bytes | None:
        """Return the bytes when all are in memory and nobody has to wait for a turn, else None."""
        if self._account.budget.bytes_per_s is not None:
            return None
        data = self._file.read_nowait(offset, size)
        if data is not None:
            self._account.bytes += len(data)
        return data

    async def read(self, offset: int, size: int) -> memoryview | bytes:
        """Return bytes as ``FileHandle.read``, after a wait for what others of its kind read."""
        await self._account.spend(size)
        data = await self._file.read(offset, size)
        self._account.bytes += len(data)
        return data

    async def close(self) -> None:
        """Close the file; the next one who waits may open one."""
        self._account.leave()
        await self._file.close()


@dataclass(slots=True, kw_only=True, eq=False)
class _Account:
    """What one kind of program has of its budget.

    Between its awaits each verb is whole; who waits is served in the order of arrival.
    """

    budget: Budget
    slots: trio.Semaphore | None = None
    open: int = 0
    opened: int = 0
    bytes: int = 0
    refused: int = 0
    _free_at: float = 0.0
    _turn: trio.Lock = field(default_factory=trio.Lock)

    def __post_init__(self) -> None:
        if self.budget.files is not None:
            self.slots = trio.Semaphore(self.budget.files)

    async def enter(self) -> None:
        """Take the right to one more open file; raises TooSlowError when none is given back."""
        if self.slots is not None:
            try:
                self.slots.acquire_nowait()
            except trio.WouldBlock:
                with trio.fail_after(_TURN_WITHIN_S):
                    await self.slots.acquire()
        self.open += 1
        self.opened += 1

    def leave(self) -> None:
        self.open -= 1
        if self.slots is not None:
            self.slots.release()

    async def spend(self, count: int) -> None:
        rate = self.budget.bytes_per_s
        if rate is None:
            return
        async with self._turn:
            now = trio.current_time()
            if self._free_at > now:
                await trio.sleep(self._free_at - now)
                now = trio.current_time()
            self._free_at = max(self._free_at, now - _BURST_S) + count / rate


class Guard:
    """Lets programs into one mount by what they are.

    Args:
        budgets: What each kind may have.
        proc: Where processes are told of.
    """

    def __init__(self, budgets: Budgets | None = None, *, proc: Path = PROC) -> None:
        self._budgets = budgets or Budgets()
        self._proc = proc
        self._accounts = {kind: _Account(budget=self._budgets.of(kind)) for kind in Kind}
        self._told: Counter[str] = Counter()

    async def open(self, pid: int, open_file: Callable[[], FileHandle]) -> GuardedFile:
        """Return what ``open_file`` opens, for the process (or thread) ``pid``.

        Waits some seconds for a turn where files are counted.

        Raises:
            Denied: Content is refused to what it is.
            TimedOut: Others of its kind have all that there is open.
            FsmountError: As ``open_file``.
        """
        visitor = self.visitor(pid)
        account = self._accounts[visitor.kind]
        if account.budget.refused:
            account.refused += 1
            self._tell(visitor)
            raise Denied(
                f'content is refused to "{visitor.program}" (kind: {visitor.kind})',
                advice="[guard] in the configuration says what each kind of program may have",
            )
        try:
            await account.enter()
        except trio.TooSlowError as exc:
            account.refused += 1
            raise TimedOut(
                f"{account.budget.files} files are open by programs of the kind {visitor.kind}"
            ) from exc
        try:
            return GuardedFile(open_file(), visitor, account)
        except BaseException:
            account.leave()
            raise

    def _tell(self, visitor: Visitor) -> None:
        # Once: an indexer comes for every file there is.
        if not self._told[visitor.program]:
            log.info("program=%s kind=%s gets no content", visitor.program, visitor.kind)
        self._told[visitor.program] += 1

    def visitor(self, pid: int) -> Visitor:
        """Return who a process is; asks /proc only, and never the mount."""
        if pid <= 0:
            return Visitor()  # outside of our pid namespace: the kernel has no number for it here
        leader = self._leader(pid)
        program = self._name(leader)
        try:
            file = os.readlink(self._proc / str(leader) / "exe")
        except OSError:
            # Another user's, to one without CAP_SYS_PTRACE; or it has ended.
            file = ""
        names = (program, os.path.basename(file.removesuffix(" (deleted)")))
        kind = kind_of(names, self._budgets.programs)
        return Visitor(program=program or names[1], kind=kind)

    def _leader(self, pid: int) -> int:
        """Return the process that thread ``pid`` is of: threads have names of their own."""
        try:
            with (self._proc / str(pid) / "status").open("rb") as lines:
                for line in lines:
                    if line.startswith(b"Tgid:"):
                        return int(line.split()[1])
        except (OSError, ValueError):
            pass  # it has ended meanwhile
        return pid

    def _name(self, pid: int) -> str:
        try:
            return (self._proc / str(pid) / "comm").read_text(errors="replace").rstrip("\n")
        except OSError:
            return ""

    def snapshot(self) -> Mapping[str, Mapping[str, int]]:
        """Return, by kind, how many files are and were open, bytes read, and opens refused."""
        return {
            str(kind): {
                "open": account.open,
                "opened": account.opened,
                "bytes": account.bytes,
                "refused": account.refused,
            }
            for kind, account in self._accounts.items()
            if account.opened or account.refused
        }
