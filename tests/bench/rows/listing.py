"""Walking a tree with ``find`` and ``ls -lR``, cold and cached, and one very large folder."""

from __future__ import annotations

import http.client
import os
import subprocess
import time
import urllib.parse
from typing import TYPE_CHECKING

from tests.bench.rows.contenders import KEPT
from tests.bench.sample import Bar, Bench, Contender, Failed, Row, Sample, best, figure, ratio
from tests.bench.systems import Fsmount, Rclone
from tests.bench.tree import FEW_FOLDERS, FOLDERS, WIDE
from tests.bench.trial import Trial, Work, measured

if TYPE_CHECKING:
    from pathlib import Path

COMMANDS = {"find": ["find"], "ls": ["ls", "-lR"]}
_SEQUENCE = "one call per folder in sequence"
_ASKED = 20
"""Folders asked one after the other; the rest would take as long each."""


def walked(command: str, *, cached: bool) -> Work:
    """Time one walk of the tree, the second one if ``cached``; seconds per 100 folders."""

    def work(trial: Trial) -> float:
        folders = trial.bench.scale.count(FOLDERS, at_least=FEW_FOLDERS)
        if cached:
            _walk(command, trial.mounted.path / "walk", folders)
            trial.begin()
        return _walk(command, trial.mounted.path / "walk", folders) * FOLDERS / folders

    return work


def _walk(command: str, path: Path, folders: int) -> float:
    began = time.perf_counter()
    done = subprocess.run([*COMMANDS[command], path], capture_output=True, check=False)
    seconds = time.perf_counter() - began
    found = done.stdout.count(b".txt")
    if done.returncode or found != 100 * folders:
        raise Failed(f"{command} found {found} of {100 * folders} files: {done.stderr[:200]!r}")
    return seconds


def _in_sequence(bench: Bench) -> Sample:
    """Ask the provider for one folder after the other over one connection, as one has to."""
    emulator = bench.emulator(bench.origin.long)
    address = urllib.parse.urlsplit(emulator.address)
    share = emulator.source.rpartition("/")[2]
    connection = http.client.HTTPConnection(address.hostname, address.port)
    began = time.perf_counter()
    for number in range(_ASKED):
        uri = f"cloudreve://{share}@share/walk/folder%20{number:03}"
        query = urllib.parse.urlencode({"uri": uri, "page_size": 2000, "order_by": "name"})
        connection.request("GET", f"/api/v4/file?{query}")
        if b"file 099" not in connection.getresponse().read():
            raise Failed("the emulator does not list a folder that was asked by hand")
    seconds = time.perf_counter() - began
    connection.close()
    return Sample(value=seconds * FOLDERS / _ASKED)


def scanned(trial: Trial) -> float:
    """Time ``scandir`` of the largest folder, listed before; µs per entry."""
    costs = [_cost_per_entry(trial, count) for count in WIDE]
    trial.figures["growth"] = costs[1] / costs[0]
    trial.begin()
    return costs[1]


def _cost_per_entry(trial: Trial, whole: int) -> float:
    scanned_once(trial, whole)
    return min(scanned_once(trial, whole) for _ in range(3)) / trial.bench.scale.count(whole) * 1e6


def scanned_once(trial: Trial, whole: int) -> float:
    """Go through a large folder in this process; return seconds."""
    folder, count = trial.mounted.path / "wide" / f"{whole}", trial.bench.scale.count(whole)
    began = time.perf_counter()
    with os.scandir(folder) as entries:
        found = sum(1 for _ in entries)
    seconds = time.perf_counter() - began
    if found != count:
        raise Failed(f"scandir found {found} of {count} entries")
    return seconds


def _walking(command: str, *, cached: bool) -> Row:
    work = walked(command, cached=cached)
    contenders = [
        measured("fsmount", Fsmount(), "long", work),
        measured("rclone", Rclone(backend="webdav"), "long", work),
    ]
    bars = [
        Bar(
            text="≤ rclone's best over WebDAV",
            figure=lambda medians: medians["fsmount"].value / best(medians, "rclone", least=True),
            at_most=1.0,
        )
    ]
    if cached:
        kept = Rclone(flags=KEPT, backend="webdav")
        contenders.append(measured("rclone, kept 1 h", kept, "long", work))
    else:
        contenders.append(Contender(label=_SEQUENCE, take=_in_sequence))
        bars.insert(0, Bar(text=f"≤ 0.35 × {_SEQUENCE}", figure=ratio(_SEQUENCE), at_most=0.35))
    shown = " ".join(COMMANDS[command])
    return Row(
        name=f"{command}-cached" if cached else command,
        title=f"{shown} of 100 folders of 100 files, {'cached' if cached else 'cold, 80 ms'}",
        unit="s",
        needs=("walk",),
        contenders=contenders,
        bars=bars,
    )


ROWS = [
    *(_walking(command, cached=cached) for cached in (False, True) for command in COMMANDS),
    Row(
        name="wide",
        title="one folder of 100,000 entries, scandir when cached",
        unit="µs per entry",
        needs=("wide",),
        contenders=[
            measured("fsmount", Fsmount(), "http", scanned),
            measured("rclone", Rclone(backend="webdav"), "http", scanned),
            measured("rclone, kept 1 h", Rclone(flags=KEPT, backend="webdav"), "http", scanned),
        ],
        bars=[
            Bar(
                text="≤ rclone's best",
                figure=lambda medians: (
                    medians["fsmount"].value / best(medians, "rclone", least=True)
                ),
                at_most=1.0,
            ),
            Bar(
                text="≤ 1.5 × the cost per entry of 10,000",
                figure=figure("growth"),
                at_most=1.5,
            ),
        ],
    ),
]
