"""What programs do on a mount while something is wrong: each must return by itself, in time."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FILM = "film.mkv"
COLD_FOLDERS = ("cold 1", "cold 2", "cold 3")
AT_ONCE = 20

WITHIN_S = 10.0
"""DESIGN promise 1, with slack: metadata within 5 s, a read 8 s after its last byte."""

SLOW_S = 65.0
"""Where bytes trickle, or the provider asks to wait, a read goes on for a minute in all."""

_HALF_READER = """
import os, sys
file = os.open(sys.argv[1], os.O_RDONLY)
os.write(1, os.pread(file, 1 << 20, 0))
sys.stdin.readline()
offset = 1 << 20
while data := os.pread(file, 1 << 20, offset):
    os.write(1, data)
    offset += len(data)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One program.

    Attributes:
        name: For the table.
        argv: Its command line on a mountpoint.
        reads: It waits for content, which may be slow.
        early: It is started before the fault and goes on when its standard input says so.
    """

    name: str
    argv: Callable[[Path], list[str]]
    reads: bool = False
    early: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one.

    Attributes:
        seconds: From the fault, or its start, to its end.
        code: Its exit code; None when it had to be killed.
        out: What it wrote.
    """

    seconds: float
    code: int | None
    out: bytes

    @property
    def cell(self):
        """Return it for the table."""
        if self.code is None:
            return "HUNG"
        return f"{self.seconds:.1f} s{'' if self.code == 0 else ' error'}"


def _stats(top: Path) -> str:
    """Return a command that looks at every file of a folder at once, and fails if one cannot."""
    return f"seq 0 {AT_ONCE - 1} | xargs -P {AT_ONCE} -I@ stat '{top / COLD_FOLDERS[1]}/@'"


OPERATIONS = (
    Operation(name="ls, known", argv=lambda top: ["ls", "-l", str(top)]),
    Operation(name="ls, new", argv=lambda top: ["ls", str(top / COLD_FOLDERS[0])]),
    Operation(name="stat", argv=lambda top: ["stat", str(top / FILM)]),
    Operation(
        name=f"{AT_ONCE} stats",
        argv=lambda top: ["sh", "-c", _stats(top)],
    ),
    Operation(name="df", argv=lambda top: ["df", str(top)]),
    Operation(name="cat", argv=lambda top: ["cat", str(top / "other.mkv")], reads=True),
    Operation(
        name="cat, half read",
        argv=lambda top: [sys.executable, "-c", _HALF_READER, str(top / FILM)],
        reads=True,
        early=True,
    ),
)


class Running:
    """One operation under way."""

    def __init__(self, operation: Operation, top: Path) -> None:
        self.operation = operation
        self.process = subprocess.Popen(
            operation.argv(top),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
        )
        self._began = time.monotonic()
        self._out: list[bytes] = []
        self._over = 0.0
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        while data := self.process.stdout.read1(1 << 20):
            self._out.append(data)
        self.process.wait()
        self._over = time.monotonic()

    @property
    def read(self) -> int:
        """Return how many bytes it has written."""
        return sum(map(len, self._out))

    def go_on(self) -> None:
        """Let one that waits go on; its time counts from here."""
        assert self.process.stdin is not None
        self._began = time.monotonic()
        self.process.stdin.close()

    def outcome(self, until: float) -> Outcome:
        """Wait for its end, at most until ``until``; one that hangs is killed."""
        self._reader.join(max(0.0, until - time.monotonic()))
        if self._reader.is_alive():
            self.process.kill()
            return Outcome(seconds=time.monotonic() - self._began, code=None, out=b"")
        return Outcome(
            seconds=self._over - self._began, code=self.process.returncode, out=b"".join(self._out)
        )
