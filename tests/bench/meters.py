"""What the kernel tells about a contender: CPU seconds, peak memory, proportional memory."""

from __future__ import annotations

import mmap
import os
import subprocess
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.sample import Failed

if TYPE_CHECKING:
    from collections.abc import Iterator

_TICK = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """Return ``pid`` and all its living descendants."""
    found = [pid]
    for member in found:
        try:
            for task in Path(f"/proc/{member}/task").iterdir():
                found.extend(int(child) for child in (task / "children").read_text().split())
        except OSError:
            continue  # it ended while we looked
    return found


def cpu_seconds(pid: int) -> float:
    """Return user and system seconds of a process, its descendants, and those already reaped."""
    total = 0
    for member in family(pid):
        try:
            stat = Path(f"/proc/{member}/stat").read_text()
        except OSError:
            continue
        total += sum(int(ticks) for ticks in stat.rpartition(")")[2].split()[11:15])
    return total / _TICK


def settle(pid: int, *, quiet_s: float = 0.2, within_s: float = 5.0) -> None:
    """Wait until a daemon has used no CPU for a while: what follows is not its start."""
    until = time.monotonic() + within_s
    before = cpu_seconds(pid)
    while time.monotonic() < until:
        time.sleep(quiet_s)
        now = cpu_seconds(pid)
        if now == before:
            return
        before = now


def _sum_kib(pid: int, file: str, field: str) -> int:
    total = 0
    for member in family(pid):
        try:
            lines = Path(f"/proc/{member}/{file}").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith(field))
    return total * 1024


def peak_rss(pid: int) -> int:
    """Return the sum of each process's highest resident set, in bytes."""
    return _sum_kib(pid, "status", "VmHWM:")


def pss(pid: int) -> int:
    """Return the proportional set size now, in bytes: shared pages are counted once."""
    return _sum_kib(pid, "smaps_rollup", "Pss:")


class PeakPss:
    """The highest proportional set size seen while ``watching``."""

    def __init__(self, pid: int) -> None:
        self.bytes = 0
        self._pid = pid

    @contextmanager
    def watching(self, *, every_s: float = 0.05) -> Iterator[PeakPss]:
        """Look again and again while the block runs, and once at its end."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(every_s):
                self.look()

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield self
        finally:
            over.set()
            watcher.join()
            self.look()

    def look(self) -> None:
        """Look once."""
        self.bytes = max(self.bytes, pss(self._pid))


def on_disk(directory: Path) -> int:
    """Return what ``du`` says of a directory, in bytes."""
    done = subprocess.run(
        ["du", "-s", "--block-size=1", directory], capture_output=True, text=True, check=False
    )  # files that vanish meanwhile make it fail, and still it counts the others
    return int(done.stdout.split()[0])


def populate_memory(size: int) -> None:
    """Have ``size`` bytes of free memory that the machine really has.

    A virtual machine's host may take free memory back and give it again page by page when it is
    first written to. That cost 0.4 to 1.3 s per GiB here (2026-11), by chance for one contender or
    the other, and as much as what is compared.
    """
    if not size:
        return
    with mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        memory.madvise(mmap.MADV_HUGEPAGE)
        for offset in range(0, size, mmap.PAGESIZE):
            memory[offset] = 1


def drop_page_cache() -> None:
    """Make the kernel forget every clean page, so that a read is cold."""
    os.sync()
    try:
        Path("/proc/sys/vm/drop_caches").write_text("1")
    except PermissionError as exc:
        raise Failed("dropping the page cache needs root") from exc
