"""``python -m tests.bench [--row NAME ...] [--quick] [--runs N] [--out DIR]``."""

from __future__ import annotations

import argparse
import os
import pathlib
import shutil
import tempfile
from contextlib import ExitStack

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.bench import origin, report
from tests.bench.rows import GIB, MIB, ROWS, Bench, Row
from tests.emulators import run_emulator


def make_tree(root: pathlib.Path, whole: int) -> None:
    """Make what is served: one big file, media files, small files, files to read together."""
    block = os.urandom(MIB)
    _file(root / "big.bin", whole, block)
    for number in range(200):
        _file(root / f"media/film-{number:03}.bin", 64 * MIB if number < 2 else 8 * MIB, block)
    for number in range(16):
        _file(root / f"many/{number:02}.bin", min(whole, 128 * MIB), block)
    for folder in range(10):
        for number in range(100):
            _file(root / f"small/{folder}/{number:03}.txt", 4096, block)


def _file(path: pathlib.Path, size: int, block: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as out:
        for start in range(0, size, len(block)):
            out.write(block[: size - start])


def run_row(row: Row, bench: Bench, runs: int, progress: Progress) -> report.Result:
    """Take ``runs`` samples of every contender, interleaved; one more first, not counted."""
    samples: dict[str, list] = {label: [] for label, _ in row.contenders}
    task = progress.add_task(row.name, total=(runs + 1) * len(row.contenders))
    try:
        for turn in range(runs + 1):
            for label, sample in row.contenders:
                progress.update(task, description=f"{row.name}: {label}")
                taken = sample(bench)
                if turn:
                    samples[label].append(taken)
                progress.advance(task)
    except (SystemExit, OSError) as exc:
        return report.Result(row=row, samples=samples, failure=str(exc))
    finally:
        progress.update(task, description=row.name)
    return report.Result(row=row, samples=samples)


def main() -> int:
    """Run the bench; 1 when a bar is not met."""
    names = [row.name for row in ROWS]
    parser = argparse.ArgumentParser(prog="run bench", description=__doc__)
    parser.add_argument("--row", action="append", choices=names, help="this row only")
    parser.add_argument("--runs", type=int, default=5, help="counted runs of each contender")
    parser.add_argument("--quick", action="store_true", help="smaller files, three runs")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("bench"), help="results")
    chosen = parser.parse_args()
    scale, runs = (0.25, 3) if chosen.quick else (1.0, chosen.runs)
    rows = [row for row in ROWS if not chosen.row or row.name in chosen.row]
    home = pathlib.Path(tempfile.mkdtemp(prefix="bench-origin-"))
    home.chmod(0o755)
    try:
        with ExitStack() as stack:
            root = home / "tree"
            make_tree(root, int(2 * GIB * scale))
            served = stack.enter_context(origin.serving(root, home / "nginx"))
            emulators = [
                stack.enter_context(run_emulator(root, "--origin", base))
                for base in (served.http, served.https, served.long)
            ]
            emulators[2].fault("delay", seconds=origin.LATENCY_S)
            bench = Bench(
                origin=served,
                fast=emulators[0],
                secure=emulators[1],
                long=emulators[2],
                scale=scale,
            )
            columns = (TextColumn("{task.description:40}"), BarColumn(), MofNCompleteColumn())
            with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as progress:
                results = [run_row(row, bench, runs, progress) for row in rows]
    finally:
        shutil.rmtree(home, ignore_errors=True)
    chosen.out.mkdir(parents=True, exist_ok=True)
    report.write_json(results, chosen.out / "bench.json")
    report.plot(results, chosen.out / "bench.png")
    report.show(results)
    print(f"written: {chosen.out}/bench.json, {chosen.out}/bench.png")
    unmet = any(result.failure for result in results) or not all(
        met for result in results for _, _, met in report.verdicts(result)
    )
    return 1 if unmet else 0


if __name__ == "__main__":
    raise SystemExit(main())
