"""How long a reader waits on a long link: the first byte, random reads, a player's start."""

from __future__ import annotations

import os
import random
import time
from typing import TYPE_CHECKING

from tests.bench.curl import curl_ranges
from tests.bench.origin import LATENCY_S
from tests.bench.rows.contenders import FULL, MEMORY
from tests.bench.sample import GIB, MIB, Bar, Medians, Row, figure, ratio
from tests.bench.systems import Fsmount, Rclone
from tests.bench.tree import whole_file
from tests.bench.trial import Trial, measured

if TYPE_CHECKING:
    from pathlib import Path

FILM = "media/film.mkv"
WHOLE = whole_file(GIB)
_RANGE = 128 * 1024
_RANDOM_READS = 150
_PIECE = 256 * 1024
_PLAY = 32 * MIB
_PLAY_RATE = 8e6

_PATIENCE_S = 0.1
"""A player keeps this much in hand; less is the scheduling of a busy machine, not a wait."""


def first_byte(trial: Trial) -> float:
    """Time opening a cold file and its first 128 KiB, its link not known; ms."""
    path = trial.mounted.path / FILM
    path.stat()
    trial.begin()
    return _first_range(path)


def first_byte_link_known(trial: Trial) -> float:
    """The same after its very last page was read, which needs the link and not the head; ms."""
    path = trial.mounted.path / FILM
    size = path.stat().st_size
    descriptor = os.open(path, os.O_RDONLY)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_RANDOM)
    os.pread(descriptor, 4096, size - 4096)
    os.close(descriptor)
    trial.begin()
    return _first_range(path)


def _first_range(path: Path) -> float:
    began = time.perf_counter()
    descriptor = os.open(path, os.O_RDONLY)
    os.pread(descriptor, _RANGE, 0)
    value = (time.perf_counter() - began) * 1000
    os.close(descriptor)
    return value


def random_reads(trial: Trial, *, advised: bool) -> float:
    """Time random aligned 4 KiB reads over the big file; ms.

    ``advised`` tells the kernel that they are random, as fio does; then it reads nothing around
    them.
    """
    path, size = trial.mounted.path / WHOLE, trial.bench.scale.size(GIB)
    count = trial.bench.scale.count(_RANDOM_READS)
    pages = random.Random(7).sample(range(size // 4096), count)
    descriptor = os.open(path, os.O_RDONLY)
    if advised:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_RANDOM)
    trial.begin()
    trial.figures["reads"] = count
    began = time.perf_counter()
    for page in pages:
        os.pread(descriptor, 4096, page * 4096)
    value = (time.perf_counter() - began) * 1000
    os.close(descriptor)
    return value


def player_start(trial: Trial) -> float:
    """Do what a player does before it plays (ms), then play at 8 MB/s and note its longest wait."""
    path = trial.mounted.path / FILM
    size = path.stat().st_size
    trial.begin()
    began = time.perf_counter()
    descriptor = os.open(path, os.O_RDONLY)
    os.pread(descriptor, _PIECE, 0)
    os.pread(descriptor, MIB, size - MIB)
    os.pread(descriptor, _PIECE, 0)
    value = (time.perf_counter() - began) * 1000
    trial.figures["wait"] = _play(descriptor)
    os.close(descriptor)
    return value


def _play(descriptor: int) -> float:
    """Take a piece whenever its turn comes; return how late the latest one was, in seconds."""
    latest = 0.0
    began = time.perf_counter()
    for offset in range(_PIECE, _PLAY, _PIECE):
        due = began + (offset - _PIECE) / _PLAY_RATE
        time.sleep(max(0.0, due - time.perf_counter()))
        os.pread(descriptor, _PIECE, offset)
        latest = max(latest, time.perf_counter() - due)
    return latest


def advised_reads(trial: Trial) -> float:
    """Random reads of a program that says so."""
    return random_reads(trial, advised=True)


def plain_reads(trial: Trial) -> float:
    """Random reads of a program that says nothing."""
    return random_reads(trial, advised=False)


def _kib_per_read(medians: Medians) -> float:
    sample = medians["fsmount"]
    return sample.bytes / 1024 / sample.figures["reads"]


_OURS = Fsmount(options=MEMORY)
_ONE_RANGE = curl_ranges(1, _RANGE, FILM)
_ALL_RANGES = curl_ranges(_RANDOM_READS, _RANGE, WHOLE)

ROWS = [
    Row(
        name="first-byte-known",
        title="first 128 KiB of a cold file, 80 ms, link known",
        unit="ms",
        needs=("media",),
        contenders=[
            measured("fsmount", _OURS, "long", first_byte_link_known),
            measured("rclone", Rclone(), "long", first_byte_link_known),
            _ONE_RANGE,
        ],
        bars=[
            Bar(text="≤ 1.2 × a curl range", figure=ratio(_ONE_RANGE.label), at_most=1.2),
            Bar(
                text="link calls",  # else the link was not known and the row says nothing
                figure=lambda medians: medians["fsmount"].calls,
                at_most=0,
            ),
        ],
    ),
    Row(
        name="first-byte",
        title="first 128 KiB of a cold file, 80 ms, link not known",
        unit="ms",
        needs=("media",),
        contenders=[measured("fsmount", _OURS, "long", first_byte), _ONE_RANGE],
        bars=[
            Bar(
                text="≤ 1.2 × (80 ms of the link call + a curl range)",
                figure=ratio(_ONE_RANGE.label, plus=LATENCY_S * 1000),
                at_most=1.2,
            )
        ],
    ),
    Row(
        name="random",
        title="150 random aligned 4 KiB reads over 1 GiB, 80 ms",
        unit="ms",
        needs=("1024",),
        contenders=[
            measured("fsmount", _OURS, "long", advised_reads),
            measured("fsmount, unadvised", _OURS, "long", plain_reads),
            _ALL_RANGES,
        ],
        bars=[
            Bar(
                text="≤ 1.15 × as many kept-alive curl ranges of 128 KiB",
                figure=ratio(_ALL_RANGES.label),
                at_most=1.15,
            ),
            Bar(text="≤ 128 KiB fetched per read", figure=_kib_per_read, at_most=128),
        ],
    ),
    Row(
        name="player",
        title="a player's start (head, tail, back), then 8 MB/s; 80 ms, link not known",
        unit="ms",
        needs=("media",),
        contenders=[
            measured("fsmount", _OURS, "long", player_start),
            measured("rclone", Rclone(), "long", player_start),
            measured("rclone full", Rclone(flags=FULL), "long", player_start),
        ],
        bars=[
            Bar(
                text="≤ 3.3 × 80 ms before play",
                figure=lambda medians: medians["fsmount"].value / (LATENCY_S * 1000),
                at_most=3.3,
            ),
            Bar(text="s of the longest wait", figure=figure("wait"), at_most=_PATIENCE_S),
        ],
    ),
]
