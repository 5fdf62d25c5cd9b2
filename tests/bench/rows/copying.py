"""Many small files copied by ``cp -r``: each a link and a GET, unless the walk is recognised."""

from __future__ import annotations

import shutil
import subprocess
import time

from tests.bench.rows.contenders import DISK, FULL
from tests.bench.sample import Bar, Failed, Row, best
from tests.bench.systems import Fsmount, Rclone
from tests.bench.tree import SMALL_FILES, SMALL_FOLDERS
from tests.bench.trial import Trial, measured

_RCLONE_COPIES = 2
"""Folders, of ten: it asks for one file after the other, so a thousand take ten times a hundred."""


def copied(trial: Trial) -> float:
    """Time ``cp -r`` of folders of 100 files of 4 KiB; seconds per 1,000 files."""
    folders = trial.bench.scale.count(SMALL_FOLDERS)
    if not trial.ours:
        folders = min(folders, _RCLONE_COPIES)
    target = trial.mounted.path.parent / "copy"
    target.mkdir()
    sources = sorted((trial.mounted.path / "small").iterdir())[:folders]
    trial.begin()
    began = time.perf_counter()
    done = subprocess.run(["cp", "-r", *sources, target], check=False)
    seconds = time.perf_counter() - began
    copies = [path for path in target.rglob("*.txt") if path.stat().st_size == 4096]
    shutil.rmtree(target)
    if done.returncode or len(copies) != folders * SMALL_FILES:
        raise Failed(f"cp copied {len(copies)} of {folders * SMALL_FILES} files")
    return seconds * 1000 / (folders * SMALL_FILES)


ROWS = [
    Row(
        name="copy",
        title="cp -r of 1,000 files of 4 KiB in 10 folders, 80 ms per request",
        unit="s",
        needs=("small",),
        contenders=[
            measured("fsmount", Fsmount(options=DISK), "long", copied),
            measured("rclone", Rclone(backend="webdav"), "long", copied),
            measured("rclone full", Rclone(flags=FULL, backend="webdav"), "long", copied),
        ],
        bars=[
            Bar(
                text="≤ 0.4 × rclone's best",
                figure=lambda medians: (
                    medians["fsmount"].value / best(medians, "rclone", least=True)
                ),
                at_most=0.4,
            )
        ],
    )
]
