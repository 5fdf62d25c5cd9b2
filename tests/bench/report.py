"""What a run of the bench shows: a table, JSON, a plot."""

from __future__ import annotations

import json
import os
import platform
import statistics
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    import pathlib

    from tests.bench.rows import Row, Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """All samples of one row, or why there are none."""

    row: Row
    samples: dict[str, list[Sample]]
    failure: str = ""

    @property
    def medians(self) -> dict[str, Sample]:
        """Return one sample per label whose every figure is the median."""
        return {label: median(taken) for label, taken in self.samples.items() if taken}


def median(samples: list[Sample]) -> Sample:
    """Return a sample of medians."""
    cpu = [s.cpu_per_gib for s in samples if s.cpu_per_gib is not None]
    return replace(
        samples[0],
        value=statistics.median(s.value for s in samples),
        cpu_per_gib=statistics.median(cpu) if cpu else None,
        peak_rss=int(statistics.median(s.peak_rss for s in samples)),
        requests=int(statistics.median(s.requests for s in samples)),
        bytes=int(statistics.median(s.bytes for s in samples)),
    )


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
    for heading in ("row", "contender", "median", "quartiles", "CPU s/GiB", "peak MB"):
        shown.add_column(heading, justify="left" if heading in ("row", "contender") else "right")
    for heading in ("GETs", "MB fetched"):
        shown.add_column(heading, justify="right")
    for result in results:
        first = result.row.title
        for label, sample in result.medians.items():
            low, high = quartiles([s.value for s in result.samples[label]])
            cpu = "" if sample.cpu_per_gib is None else f"{sample.cpu_per_gib:.2f}"
            shown.add_row(
                first,
                label,
                f"{sample.value:,.0f} {result.row.unit}"
                if sample.value >= 100
                else f"{sample.value:.1f} {result.row.unit}",
                f"{low:,.0f}–{high:,.0f}" if high >= 100 else f"{low:.1f}–{high:.1f}",
                cpu,
                f"{sample.peak_rss / 1e6:.0f}" if sample.peak_rss else "",
                f"{sample.requests}" if sample.requests else "",
                f"{sample.bytes / 1e6:.0f}" if sample.bytes else "",
            )
            first = ""
        if result.failure:
            shown.add_row(first, f"[red]failed: {result.failure}[/red]")
        for words, figure, met in verdicts(result):
            mark = "[green]met[/green]" if met else "[red]not met[/red]"
            shown.add_row("", f"  {words}", f"{figure:.2f}", mark)
        shown.add_section()
    return shown


def verdicts(result: Result) -> list[tuple[str, float, bool]]:
    """Return each bar of a row with its figure; none for a row that failed."""
    if result.failure:
        return []
    medians = result.medians
    return [(bar.text, bar.figure(medians), bar.met(medians)) for bar in result.row.bars]


def write_json(results: list[Result], path: pathlib.Path) -> None:
    """Write everything that was measured."""
    path.write_text(
        json.dumps(
            {
                "machine": machine(),
                "rows": [
                    {
                        "name": result.row.name,
                        "title": result.row.title,
                        "unit": result.row.unit,
                        "failure": result.failure,
                        "samples": {
                            label: [asdict(sample) for sample in taken]
                            for label, taken in result.samples.items()
                        },
                        "bars": [
                            {"bar": words, "figure": figure, "met": met}
                            for words, figure, met in verdicts(result)
                        ],
                    }
                    for result in results
                ],
            },
            indent=1,
        )
    )


def plot(results: list[Result], path: pathlib.Path) -> None:
    """Draw one small chart per row: medians as bars, quartiles as whiskers."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    drawn = [result for result in results if result.medians]
    columns = 2
    lines = -(-len(drawn) // columns)
    figure, axes = pyplot.subplots(
        lines, columns, figsize=(14, 0.6 + 2.1 * lines), squeeze=False, layout="constrained"
    )
    for axis in axes.flat[len(drawn) :]:
        axis.set_axis_off()
    for axis, result in zip(axes.flat, drawn, strict=False):
        labels = list(result.medians)
        values = [result.medians[label].value for label in labels]
        spread = [quartiles([s.value for s in result.samples[label]]) for label in labels]
        whiskers = [
            [value - low for value, (low, _) in zip(values, spread, strict=True)],
            [high - value for value, (_, high) in zip(values, spread, strict=True)],
        ]
        colours = ["#1f6f8b" if label.startswith("fsmount") else "#b8bcc2" for label in labels]
        axis.barh(labels, values, xerr=whiskers, color=colours, ecolor="#555555", height=0.65)
        axis.invert_yaxis()
        axis.set_title(result.row.title, fontsize=9, loc="left")
        axis.set_xlabel(result.row.unit, fontsize=8)
        axis.tick_params(labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle(f"fsmount bench: {machine()}; medians, whiskers are quartiles", fontsize=11)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def show(results: list[Result]) -> None:
    """Print the table."""
    Console(width=150).print(table(results))
