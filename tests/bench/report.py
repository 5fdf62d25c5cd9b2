"""What a run of the bench shows: a table and JSON."""

from __future__ import annotations

import json
import os
import platform
import statistics
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tests.bench.sample import Row, Sample, median

if TYPE_CHECKING:
    from pathlib import Path

_WIDTH = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A bar, what was measured of it, and whether that is enough."""

    text: str
    figure: float
    met: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """All samples of one row; ``failure`` says why it ended early."""

    row: Row
    samples: dict[str, list[Sample]]
    failure: str = ""

    @property
    def medians(self) -> dict[str, Sample]:
        """Return one sample of medians per label; contenders without a sample are left out."""
        return {label: median(taken) for label, taken in self.samples.items() if taken}

    @property
    def verdicts(self) -> list[Verdict]:
        """Judge each bar; none of a row that failed, since some contender is missing."""
        if self.failure:
            return []
        medians = self.medians
        figures = [(bar, bar.figure(medians)) for bar in self.row.bars]
        return [Verdict(text=bar.text, figure=at, met=bar.met(at)) for bar, at in figures]

    @property
    def met(self) -> bool:
        """Tell whether the row was measured and every bar of it is met."""
        return not self.failure and all(verdict.met for verdict in self.verdicts)


def quartiles(values: list[float]) -> tuple[float, float]:
    """Return the lower and upper quartile; the extremes of fewer than four values."""
    if len(values) < 4:
        return min(values), max(values)
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


def machine() -> str:
    """Return one line about where this ran."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB, Linux {platform.release().split('-')[0]}, "
        f"Python {platform.python_version()}"
    )


def table(results: list[Result]) -> Table:
    """Return the table that people read."""
    shown = Table(title=f"fsmount bench: {machine()}", title_justify="left")
    for heading in ("row", "contender"):
        shown.add_column(heading, max_width=46)
    for heading in ("median", "quartiles", "CPU s/GiB", "peak MB", "GETs", "MB", "calls", "runs"):
        shown.add_column(heading, justify="right")
    for result in results:
        first = f"{result.row.title} [dim]({result.row.name})[/dim]"
        for label, sample in result.medians.items():
            shown.add_row(first, label, *_cells(result, label, sample))
            first = ""
        if result.failure:
            shown.add_row(first, f"[red]failed: {escape(result.failure)}[/red]")
        for verdict in result.verdicts:
            mark = "[green]met[/green]" if verdict.met else "[red]not met[/red]"
            shown.add_row("", f"  [dim]{verdict.text}[/dim]", f"{verdict.figure:.2f}", mark)
        shown.add_section()
    return shown


def _cells(result: Result, label: str, sample: Sample) -> list[str]:
    taken = result.samples[label]
    low, high = quartiles([each.value for each in taken])
    cpu = "" if sample.cpu_per_gib is None else f"{sample.cpu_per_gib:.2f}"
    return [
        f"{_number(sample.value)} {result.row.unit}",
        f"{_number(low)}–{_number(high)}",
        cpu,
        f"{sample.peak_rss / 1e6:.0f}" if sample.peak_rss else "",
        f"{sample.requests}" if sample.requests else "",
        f"{sample.bytes / 1e6:.0f}" if sample.bytes else "",
        f"{sample.calls}" if sample.calls else "",
        f"{len(taken)}",
    ]


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 1 else f"{value:.3f}"


def show(results: list[Result]) -> None:
    """Print the table."""
    Console(width=_WIDTH).print(table(results))


def write_json(results: list[Result], path: Path) -> None:
    """Write everything that was measured."""
    rows = [
        {
            "name": result.row.name,
            "title": result.row.title,
            "unit": result.row.unit,
            "failure": result.failure,
            "samples": {
                label: [asdict(sample) for sample in taken]
                for label, taken in result.samples.items()
            },
            "bars": [asdict(verdict) for verdict in result.verdicts],
        }
        for result in results
    ]
    path.write_text(json.dumps({"machine": machine(), "rows": rows}, indent=1, ensure_ascii=False))
