"""Many readers at once, and what memory a mount takes."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from tests.bench.meters import PeakPss, pss, settle
from tests.bench.rows.contenders import MEMORY
from tests.bench.rows.listing import scanned_once
from tests.bench.rows.sequential import read_file, sequential
from tests.bench.sample import GIB, MIB, Bar, Failed, Row, figure, ratio
from tests.bench.systems import Fsmount, Rclone
from tests.bench.tree import WIDE
from tests.bench.trial import Trial, measured

if TYPE_CHECKING:
    from pathlib import Path

READERS = 16
_EACH = 128 * MIB
_BUDGET = 256 * MIB


def together(trial: Trial) -> float:
    """Read 16 files at once; MB/s of all until the last has ended."""
    size = trial.bench.scale.size(_EACH)
    folder = trial.mounted.path / "many"
    paths = [folder / f"{number:02}.bin" for number in range(READERS)]
    for path in paths:
        path.stat()
    trial.begin(size * READERS)
    seconds = _read_together(paths, size)
    rates = [size / 1e6 / each for each in seconds]
    trial.figures["slowest"] = min(rates) / (sum(rates) / READERS)
    return size * READERS / 1e6 / max(seconds)


def _read_together(paths: list[Path], size: int) -> list[float]:
    """Read each file in a thread; all start at once; return seconds of each since then."""
    start = threading.Barrier(len(paths))
    began: list[float] = []
    ends: list[float] = []

    def read(path: Path) -> None:
        start.wait()
        began.append(time.perf_counter())
        read_file(path, size)
        ends.append(time.perf_counter())

    threads = [threading.Thread(target=read, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(ends) != len(paths):
        raise Failed(f"only {len(ends)} of {len(paths)} readers came to an end")
    return [end - min(began) for end in ends]


def idle(trial: Trial) -> float:
    """Take the memory of a mount that nobody uses; MB."""
    return pss(trial.mounted.pid) / 1e6


def reading(trial: Trial) -> float:
    """Take the highest memory while 16 files are read at once; MB."""
    peak = PeakPss(trial.mounted.pid)
    with peak.watching():
        together(trial)
    return peak.bytes / 1e6


def listed(trial: Trial) -> float:
    """Take how much more a mount has after listing 100,000 entries; MB."""
    before = pss(trial.mounted.pid)
    peak = PeakPss(trial.mounted.pid)
    with peak.watching():
        scanned_once(trial, WIDE[1])
        settle(trial.mounted.pid)
    trial.figures["peak"] = (peak.bytes - before) / 1e6
    return (pss(trial.mounted.pid) - before) / 1e6


def _at_most(label: str, most: float, text: str) -> Bar:
    return Bar(text=text, figure=lambda medians: medians[label].value, at_most=most)


ROWS = [
    Row(
        name="together",
        title="16 readers of 16 files at once, against one reader",
        unit="MB/s",
        needs=("1024", "many"),
        contenders=[
            measured("fsmount", Fsmount(options=MEMORY), "http", together),
            measured("fsmount, 1 reader", Fsmount(options=MEMORY), "http", sequential(GIB)),
            measured("rclone", Rclone(), "http", together),
        ],
        bars=[
            Bar(text="total ≥ 0.9 × one reader", figure=ratio("fsmount, 1 reader"), at_least=0.9),
            Bar(text="slowest ≥ half the mean", figure=figure("slowest"), at_least=0.5),
        ],
    ),
    Row(
        name="memory",
        title="memory (PSS, supervisor included)",
        unit="MB",
        needs=("many", "wide"),
        contenders=[
            measured("fsmount idle", Fsmount(options=MEMORY), "http", idle),
            measured("fsmount, 16 readers", Fsmount(options=MEMORY), "http", reading),
            measured("fsmount, 100,000 entries more", Fsmount(options=MEMORY), "http", listed),
            measured("rclone idle", Rclone(), "http", idle),
            measured("rclone, 16 readers", Rclone(), "http", reading),
        ],
        bars=[
            _at_most("fsmount idle", 80, "idle ≤ 80 MB"),
            _at_most(
                "fsmount, 16 readers", _BUDGET / 1e6 + 100, "16 readers ≤ budget + 100 MB (368)"
            ),
            _at_most("fsmount, 100,000 entries more", 150, "100,000 entries ≤ 150 MB more"),
        ],
    ),
]
