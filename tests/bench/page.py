"""``python -m tests.bench.page bench.json [...]``: results of runs as the README's table.

A row that is in several files is taken from the last of them.
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path
from typing import Any

_OURS = "fsmount"
_DIGITS = {"MB/s": 0, "ms": 0, "MB": 0}


def markdown(files: list[Path]) -> list[str]:
    """Return the lines of the table."""
    rows = {row["name"]: row for file in files for row in json.loads(file.read_text())["rows"]}
    head = ["row (`--row NAME`)", "runs", _OURS, "others, medians", "bar: figure"]
    lines = [f"| {' | '.join(head)} |", "|" + " --- |" * len(head)]
    for row in rows.values():
        ours = [each for each in row["samples"] if each.startswith(_OURS)]
        others = [each for each in row["samples"] if each not in ours]
        runs = min(len(samples) for samples in row["samples"].values())
        cells = [
            f"{row['title']} (`{row['name']}`)",
            str(runs),
            "; ".join(_median(row, each, short=True) for each in ours),
            "; ".join(_median(row, each) for each in others),
            "; ".join(f"{bar['text']}: {_bar(bar)}" for bar in row["bars"]),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _median(row: dict[str, Any], contender: str, *, short: bool = False) -> str:
    samples = row["samples"][contender]
    value = statistics.median(each["value"] for each in samples)
    told = f"{value:.{_DIGITS.get(row['unit'], 2)}f} {row['unit']}"
    cpu = [each["cpu_per_gib"] for each in samples if each["cpu_per_gib"] is not None]
    if cpu:
        told += f", {statistics.median(cpu):.2f} CPU s/GiB"
    name = contender.removeprefix(_OURS).lstrip(", ") if short else contender
    return f"{name}: {told}" if name else told


def _bar(bar: dict[str, Any]) -> str:
    figure = f"{bar['figure']:.2f}" if isinstance(bar["figure"], float) else str(bar["figure"])
    return figure if bar["met"] else f"**{figure}, not met**"


if __name__ == "__main__":
    print("\n".join(markdown([Path(name) for name in sys.argv[1:]])))
