"""What the kernel tells about a contender: CPU seconds, peak memory, proportional memory."""

from __future__ import annotations

import os
import pathlib

_TICK = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """Return ``pid`` and all its living descendants."""
    children: dict[int, list[int]] = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue  # it ended while we looked
            parent = int(stat.rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(entry.name))
    found = [pid]
    for member in found:
        found.extend(children.get(member, ()))
    return found


def cpu_seconds(pid: int) -> float:
    """Return user and system seconds of a process, its descendants, and those already reaped."""
    total = 0
    for member in family(pid):
        fields = pathlib.Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
        total += sum(int(ticks) for ticks in fields[11:15])
    return total / _TICK


def _sum_kib(pid: int, file: str, field: str) -> int:
    total = 0
    for member in family(pid):
        for line in pathlib.Path(f"/proc/{member}/{file}").read_text().splitlines():
            if line.startswith(field):
                total += int(line.split()[1])
    return total * 1024


def peak_rss(pid: int) -> int:
    """Return the sum of each process's highest resident set, in bytes."""
    return _sum_kib(pid, "status", "VmHWM:")


def pss(pid: int) -> int:
    """Return the proportional set size now, in bytes: shared pages are counted once."""
    return _sum_kib(pid, "smaps_rollup", "Pss:")


def drop_page_cache() -> None:
    """Make the kernel forget every clean page, so that a read is cold."""
    os.sync()
    pathlib.Path("/proc/sys/vm/drop_caches").write_text("3")
