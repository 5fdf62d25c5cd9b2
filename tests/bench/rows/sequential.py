"""One file read from its beginning to its end, cold, near the wire."""

from __future__ import annotations

import mmap
import os
import time
from typing import TYPE_CHECKING

from tests.bench.curl import curl_whole
from tests.bench.meters import on_disk, settle
from tests.bench.rows.contenders import DISK, FULL, MEMORY, streams
from tests.bench.sample import GIB, MIB, Bar, Failed, Row, best, figure, least_cpu
from tests.bench.stock import httpx_whole
from tests.bench.systems import Fsmount, Rclone
from tests.bench.tree import whole_file
from tests.bench.trial import measured

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bench.sample import Contender
    from tests.bench.trial import Trial, Work

_KEPT_WITHIN_S = 10.0


def read_file(path: Path, size: int) -> float:
    """Read ``size`` bytes in 1 MiB pieces as ``dd`` does; return seconds."""
    with mmap.mmap(-1, MIB) as buffer:
        began = time.perf_counter()
        descriptor = os.open(path, os.O_RDONLY)
        try:
            left = size
            while left > 0:
                count = os.readv(descriptor, [buffer])
                if count == 0:
                    raise Failed(f"{path.name} ended {left} bytes early")
                left -= count
        finally:
            os.close(descriptor)
        return time.perf_counter() - began


def sequential(whole: int, *, of: int | None = None) -> Work:
    """Read ``whole`` bytes (scaled) of the file of that size or of another one; MB/s."""

    def work(trial: Trial) -> float:
        path, size = trial.mounted.path / whole_file(of or whole), trial.bench.scale.size(whole)
        path.stat()
        trial.begin(size)
        return size / 1e6 / read_file(path, size)

    return work


def kept(trial: Trial) -> float:
    """Read as ``sequential`` does; the CPU until all is on disk counts, the rate does not wait."""
    value = sequential(GIB)(trial)
    until = time.monotonic() + _KEPT_WITHIN_S
    share = 0.0
    while share < 0.95 and time.monotonic() < until:
        time.sleep(0.1)
        share = on_disk(trial.mounted.cache) / trial.read_bytes
    settle(trial.mounted.pid, within_s=max(0.0, until - time.monotonic()))
    trial.figures["kept"] = on_disk(trial.mounted.cache) / trial.read_bytes
    return value


def _with_disk(link: str) -> list[Contender]:
    return [
        measured("fsmount", Fsmount(options=DISK), link, kept),
        measured("rclone full", Rclone(flags=FULL), link, kept),
        *(
            measured(f"rclone full, {label}", Rclone(flags=FULL + flags), link, kept)
            for label, flags in _FLAGS.items()
        ),
        curl_whole(1, link, GIB),
    ]


def _without_disk(ours: Fsmount) -> list[Contender]:
    return [
        measured("fsmount", ours, "http", sequential(GIB)),
        measured("rclone", Rclone(), "http", sequential(GIB)),
        *(
            measured(f"rclone, {label}", Rclone(flags=flags), "http", sequential(GIB))
            for label, flags in _FLAGS.items()
        ),
        curl_whole(1, "http", GIB),
    ]


_FLAGS = {
    "4 streams of 8 MiB": streams(4, "8M", "32M"),
    "16 streams of 4 MiB": streams(16, "4M"),
}


def _rate_bar(least: float, words: str) -> Bar:
    return Bar(
        text=f"≥ {least} × rclone's best{words}",
        figure=lambda medians: medians["fsmount"].value / best(medians, "rclone"),
        at_least=least,
    )


def _cpu_bar(most: float) -> Bar:
    return Bar(
        text=f"CPU per GiB ≤ {most} × rclone's best",
        figure=lambda medians: medians["fsmount"].cpu_per_gib / least_cpu(medians, "rclone"),
        at_most=most,
    )


_KEPT_BAR = Bar(text="≥ 95 % on disk 10 s after close", figure=figure("kept"), at_least=0.95)

ROWS = [
    Row(
        name="cold-disk",
        title="cold sequential 1 GiB, HTTP, disk cache on",
        unit="MB/s",
        needs=("1024",),
        contenders=_with_disk("http"),
        bars=[_rate_bar(1.2, " with a disk cache"), _cpu_bar(0.9), _KEPT_BAR],
    ),
    Row(
        name="cold-memory",
        title="cold sequential 1 GiB, HTTP, memory only",
        unit="MB/s",
        needs=("1024",),
        contenders=[*_without_disk(Fsmount(options=MEMORY)), httpx_whole("http", GIB)],
        bars=[
            _rate_bar(1.5, ""),
            _cpu_bar(0.7),
            Bar(
                text="faster than one stock httpx stream",
                figure=lambda medians: medians["fsmount"].value / best(medians, "stock httpx"),
                at_least=1.0,
            ),
        ],
    ),
    Row(
        name="cold-user",
        title="the same as an ordinary user (read-ahead 128 KiB)",
        unit="MB/s",
        needs=("1024",),
        contenders=_without_disk(Fsmount(options=MEMORY, read_ahead_kib=128)),
        bars=[_rate_bar(1.25, "")],
    ),
    Row(
        name="cold-tls",
        title="cold sequential 1 GiB, HTTPS, disk cache on",
        unit="MB/s",
        needs=("1024",),
        contenders=_with_disk("https"),
        bars=[_rate_bar(1.3, " with a disk cache"), _KEPT_BAR],
    ),
]
