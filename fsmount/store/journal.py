"""What was put into somebody's own drive for a while, so that a crash leaves nothing there.

One file per run of a process: its name is that of the folder which the run alone uses, and its lock
tells whether the run still lives. Each line is on disk before what it announces happens, so that
whatever a crash cut short was announced: a line that is missing belongs to something not begun.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from typing import TYPE_CHECKING

import msgspec

from fsmount.errors import StoreFault
from fsmount.model import Entry, EntryId
from fsmount.store import files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Self

_SUFFIX = ".journal"


class _Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One announcement about the copy that has this number.

    Attributes:
        number: Of the copy, within the run.
        asked: The file whose copy is about to be asked for.
        copied: The copy's id, once it is known.
        gone: Nothing of it is left, or nothing ever was.
    """

    number: int
    asked: Entry | None = None
    copied: EntryId | None = None
    gone: bool = False


class StagingJournal:
    """The copies of one run: asked for, known by their ids, gone.

    Every method but the properties blocks for as long as the disk does.

    Invariant: ``asked`` and ``copies`` have no number in common; what is in neither is settled.

    Attributes:
        run: Names the run, and its folder in the drive; nobody else can have come up with it.
        asked: Files whose copies were asked for, without an answer that tells what became of them.
        copies: Ids of copies that exist.
    """

    def __init__(self, run: str, path: Path | None, fd: int | None) -> None:
        self.run = run
        self.asked: dict[int, Entry] = {}
        self.copies: dict[int, EntryId] = {}
        self._path = path
        self._fd = fd
        self._next = 1

    @classmethod
    def begin(cls, directory: Path | None) -> Self:
        """Begin a run; without a directory it is kept in memory, and a crash leaves what it made.

        Raises:
            StoreFault: The journal cannot be written; nothing may be saved then.
        """
        run = secrets.token_hex(16)
        if directory is None:
            return cls(run, None, None)
        path = directory / f"{run}{_SUFFIX}"
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
            fd = os.open(path, flags, 0o600)
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            files.sync_directory(directory)
        except OSError as exc:
            raise _fault(directory, exc) from exc
        return cls(run, path, fd)

    @classmethod
    def abandoned(cls, directory: Path | None) -> list[Self]:
        """Return the journals of runs whose processes are dead, each locked by us now.

        Raises:
            StoreFault: They cannot be read.
        """
        if directory is None or not directory.is_dir():
            return []
        found = []
        try:
            for path in sorted(directory.glob(f"*{_SUFFIX}")):
                journal = cls._taken_over(path)
                if journal is not None:
                    found.append(journal)
        except OSError as exc:
            raise _fault(directory, exc) from exc
        return found

    @classmethod
    def _taken_over(cls, path: Path) -> Self | None:
        try:
            fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return None
        if os.fstat(fd).st_nlink == 0:  # ended between our look and our lock
            os.close(fd)
            return None
        journal = cls(path.name.removesuffix(_SUFFIX), path, fd)
        for line in _lines(path.read_bytes()):
            journal._apply(line)
        return journal

    def ask(self, file: Entry) -> int:
        """Announce that a copy of ``file`` is about to be asked for; return its number."""
        number = self._next
        self._write(_Line(number=number, asked=file))
        return number

    def copied(self, number: int, copy: EntryId) -> None:
        """Keep the id of a copy."""
        self._write(_Line(number=number, copied=copy))

    def gone(self, number: int) -> None:
        """Settle a copy: it was removed, was never made, or is no longer ours to remove."""
        self._write(_Line(number=number, gone=True))

    def end(self) -> None:
        """Forget the run: nothing of it is left anywhere."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Let go of the journal; what is in it is left to whoever finds it abandoned."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _write(self, line: _Line) -> None:
        if self._fd is not None:
            try:
                os.write(self._fd, msgspec.json.encode(line) + b"\n")
                os.fsync(self._fd)
            except OSError as exc:
                assert self._path is not None
                raise _fault(self._path.parent, exc) from exc
        self._apply(line)

    def _apply(self, line: _Line) -> None:
        self._next = max(self._next, line.number + 1)
        if line.asked is not None:
            self.asked[line.number] = line.asked
        elif line.copied is not None:
            self.asked.pop(line.number, None)
            self.copies[line.number] = line.copied
        elif line.gone:
            self.asked.pop(line.number, None)
            self.copies.pop(line.number, None)


def _lines(data: bytes) -> Iterator[_Line]:
    for text in data.splitlines():
        try:
            yield msgspec.json.decode(text, type=_Line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue  # cut off by the crash: what it announces was not begun


def _fault(directory: Path, exc: OSError) -> StoreFault:
    return StoreFault(
        f"cannot keep a journal in {directory}: {exc.strerror}",
        advice="make the state directory writable and free some space",
    )
