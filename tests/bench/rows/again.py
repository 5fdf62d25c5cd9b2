"""What was read before, read again: from the page cache, from the disk, by a scanner."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from tests.bench.meters import drop_page_cache, on_disk, settle
from tests.bench.rows.contenders import DISK, FULL, streams
from tests.bench.rows.sequential import read_file
from tests.bench.sample import GIB, MIB, Bar, Failed, Row, best
from tests.bench.systems import Fsmount, Rclone
from tests.bench.tree import MEDIA, whole_file
from tests.bench.trial import Trial, measured

if TYPE_CHECKING:
    from pathlib import Path

_PIECE = 256 * 1024
_RCLONE_CLOSES_AFTER_S = 6.5


def reopened(trial: Trial) -> float:
    """Read a file, then measure opening and reading it again with the page cache warm; MB/s."""
    path, size = trial.mounted.path / whole_file(GIB), trial.bench.scale.size(GIB)
    read_file(path, size)
    trial.begin()
    trial.read_bytes = size
    return size / 1e6 / read_file(path, size)


def read_to_disk(trial: Trial) -> float:
    """Read a file and wait until the disk cache has it; seconds."""
    path, size = trial.mounted.path / whole_file(GIB), trial.bench.scale.size(GIB)
    seconds = read_file(path, size)
    until = time.monotonic() + 20
    while (share := on_disk(trial.mounted.cache) / size) < 0.99:
        if time.monotonic() > until:
            raise Failed(f"only {share:.0%} of the file is on disk 20 s after its close")
        time.sleep(0.1)
    if not trial.ours:
        # rclone writes down what it has of a file when it closes it, 5 s after the reader does.
        time.sleep(_RCLONE_CLOSES_AFTER_S)
    settle(trial.mounted.pid)
    return seconds


def from_disk(trial: Trial) -> float:
    """Measure reading a file that a mount before this one left in its disk cache; MB/s."""
    path, size = trial.mounted.path / whole_file(GIB), trial.bench.scale.size(GIB)
    path.stat()
    trial.begin(size)
    return size / 1e6 / read_file(path, size)


def scanned_twice(trial: Trial) -> float:
    """Scan a library as a media server does, twice; seconds of the second time.

    In between the kernel forgets its pages, which it would in days, so the mount has to answer.
    """
    folder = trial.mounted.path / "library"
    first = _scan(folder, trial)
    settle(trial.mounted.pid)
    drop_page_cache()
    trial.figures["first pass"] = first
    trial.begin()
    return _scan(folder, trial)


def _scan(folder: Path, trial: Trial) -> float:
    began = time.perf_counter()
    with os.scandir(folder) as entries:
        paths = sorted(entry.path for entry in entries)
    if len(paths) != trial.bench.scale.count(MEDIA):
        raise Failed(f"the library has {len(paths)} films")
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            size = os.fstat(descriptor).st_size
            os.pread(descriptor, _PIECE, 0)
            os.pread(descriptor, _PIECE, size - _PIECE)
        finally:
            os.close(descriptor)
    return time.perf_counter() - began


_KEPT_RCLONE = {
    "rclone full": Rclone(flags=FULL),
    "rclone full, 4 streams of 8 MiB": Rclone(flags=FULL + streams(4, "8M", "32M")),
}

ROWS = [
    Row(
        name="reopen",
        title="reopen of a file already read, page cache warm",
        unit="MB/s",
        needs=("1024",),
        contenders=[
            measured("fsmount", Fsmount(options=DISK), "http", reopened),
            measured("rclone", Rclone(), "http", reopened),
            measured("rclone full", Rclone(flags=FULL), "http", reopened),
        ],
        bars=[
            Bar(
                text="≥ 5 × rclone's best",
                figure=lambda medians: medians["fsmount"].value / best(medians, "rclone"),
                at_least=5,
            )
        ],
    ),
    Row(
        name="from-disk",
        title="after remount and dropped page cache, from the disk cache",
        unit="MB/s",
        needs=("1024",),
        contenders=[
            measured("fsmount", Fsmount(options=DISK), "http", from_disk, before=read_to_disk),
            *(
                measured(label, system, "http", from_disk, before=read_to_disk)
                for label, system in _KEPT_RCLONE.items()
            ),
        ],
        bars=[
            Bar(
                text="≥ 1.3 × rclone's best",
                figure=lambda medians: medians["fsmount"].value / best(medians, "rclone"),
                at_least=1.3,
            ),
            Bar(
                text="MB fetched from the origin, of anyone",  # else it is another race
                figure=lambda medians: max(sample.bytes for sample in medians.values()) / MIB,
                at_most=0,
            ),
        ],
    ),
    Row(
        name="scan",
        title="second scan of 200 media files (open, head, tail, close), 80 ms",
        unit="s",
        needs=("library",),
        contenders=[
            measured("fsmount", Fsmount(options=DISK), "long", scanned_twice),
            measured("rclone full", Rclone(flags=FULL, backend="webdav"), "long", scanned_twice),
        ],
        bars=[
            Bar(
                text="link calls",  # or any other call
                figure=lambda medians: medians["fsmount"].calls,
                at_most=0,
            ),
            Bar(
                text="bytes from the origin",
                figure=lambda medians: medians["fsmount"].bytes,
                at_most=0,
            ),
        ],
    ),
]
