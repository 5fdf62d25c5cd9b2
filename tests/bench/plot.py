"""A picture of a run: one small chart per row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib import pyplot

from tests.bench.report import machine, quartiles

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

    from tests.bench.report import Result

_COLOURS = {"fsmount": "#1f6f8b", "rclone": "#b8bcc2"}
_LIMIT = "#e2d3a8"
_COLUMNS = 2


def plot(results: list[Result], path: Path) -> None:
    """Draw medians as bars and quartiles as whiskers; a row without a sample is left out."""
    mpl.use("Agg")
    drawn = [result for result in results if result.medians]
    heights = [_height(drawn[at : at + _COLUMNS]) for at in range(0, len(drawn), _COLUMNS)]
    figure, axes = pyplot.subplots(
        max(1, len(heights)),
        _COLUMNS,
        figsize=(14, 0.8 + sum(heights)),
        height_ratios=heights or None,
        squeeze=False,
        layout="constrained",
    )
    for axis in axes.flat[len(drawn) :]:
        axis.set_axis_off()
    for axis, result in zip(axes.flat, drawn, strict=False):
        _draw(axis, result)
    title = f"fsmount bench: {machine()}; medians, whiskers are quartiles"
    figure.suptitle(title, fontsize=11)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _height(row: list[Result]) -> float:
    """Return inches: every bar of a line of charts is as thick as any other."""
    return 0.9 + 0.26 * max(len(result.medians) for result in row)


def _draw(axis: Axes, result: Result) -> None:
    medians = result.medians
    labels = list(medians)
    values = [medians[label].value for label in labels]
    spread = [quartiles([sample.value for sample in result.samples[label]]) for label in labels]
    whiskers = [
        [max(0.0, value - low) for value, (low, _) in zip(values, spread, strict=True)],
        [max(0.0, high - value) for value, (_, high) in zip(values, spread, strict=True)],
    ]
    colours = [_COLOURS.get(label.split()[0].rstrip(","), _LIMIT) for label in labels]
    bars = axis.barh(labels, values, xerr=whiskers, color=colours, ecolor="#555555", height=0.65)
    axis.bar_label(bars, fmt="{:,.4g}", fontsize=7, padding=4)
    axis.margins(x=0.12)
    axis.invert_yaxis()
    mark, colour = ("✓", "#2d7d46") if result.met else ("✗", "#b03a2e")
    axis.set_title(f"{mark} {result.row.title}", fontsize=9, loc="left", color=colour)
    axis.set_xlabel(result.row.unit, fontsize=8)
    axis.tick_params(labelsize=8)
    axis.spines[["top", "right"]].set_visible(False)
