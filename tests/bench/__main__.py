"""``python -m tests.bench [--row NAME ...] [--quick] [--runs N] [--out DIR]``."""

from __future__ import annotations

import argparse
import signal
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.bench import plot, report, running
from tests.bench.rows import ROWS

if TYPE_CHECKING:
    from types import FrameType

    from tests.bench.report import Result
    from tests.bench.sample import Row

_INTERRUPTED = 130


class Bars:
    """A bar for each row that runs."""

    def __init__(self, progress: Progress, rounds: int) -> None:
        self._progress = progress
        self._rounds = rounds
        self._task = progress.add_task("making what is served", total=None)
        self._row: Row | None = None

    def turn(self, row: Row, label: str, done: int) -> None:
        """Show whose turn it is."""
        if row is not self._row:
            self.close()
            self._row = row
            self._task = self._progress.add_task(row.name, total=self._rounds * len(row.contenders))
        self._progress.update(self._task, completed=done, description=f"{row.name}: {label}")

    def close(self) -> None:
        """Show the row that ran last as done."""
        name = self._row.name if self._row is not None else "made what is served"
        self._progress.update(self._task, total=1, completed=1, description=name)


def main() -> int:
    """Run the bench.

    Returns:
        0 when every bar is met, 1 when not, 130 after Ctrl-C, which shows what was measured so far.
    """
    chosen = _arguments()
    plan = running.QUICK if chosen.quick else running.FULL
    if chosen.runs:
        plan = replace(plan, rounds=chosen.runs)
    rows = [plan.of(row) for row in ROWS if not chosen.row or row.name in chosen.row]
    for number in (signal.SIGINT, signal.SIGTERM):  # also where a shell let SIGINT be ignored
        signal.signal(number, _interrupt)
    results: list[Result] = []
    interrupted = False
    try:
        _run(rows, plan, results)
    except KeyboardInterrupt:
        interrupted = True
    if results:
        chosen.out.mkdir(parents=True, exist_ok=True)
        report.write_json(results, chosen.out / "bench.json")
        plot.plot(results, chosen.out / "bench.png")
        report.show(results)
        print(f"written: {chosen.out}/bench.json, {chosen.out}/bench.png")
    if interrupted:
        return _INTERRUPTED
    return 0 if all(result.met for result in results) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./run bench", description="fsmount beside rclone")
    names = [row.name for row in ROWS]
    parser.add_argument(
        "--row", action="append", choices=names, metavar="NAME", help=f"of {', '.join(names)}"
    )
    parser.add_argument("--runs", type=int, help="samples of each contender (5)")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a tenth of it, once, in three minutes: bars mean little then",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("bench"), help="where bench.json and bench.png go"
    )
    return parser.parse_args()


def _run(rows: list[Row], plan: running.Plan, results: list[Result]) -> None:
    columns = (TextColumn("{task.description:44}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as progress:
        bars = Bars(progress, plan.rounds)
        with running.open_bench(rows, plan.scale) as bench:
            for row in rows:
                result = running.run_row(row, bench, plan, bars)
                results.append(result)
        bars.close()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    raise SystemExit(main())
