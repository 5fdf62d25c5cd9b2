"""A run: what rows need is set up, their contenders take turns, and everything ends with it."""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tests.bench.origin import LATENCY_S, serving
from tests.bench.report import Result
from tests.bench.sample import Bench, Failed, Row, Sample, Scale
from tests.bench.tree import make_tree, tree_directory
from tests.emulators import RunningEmulator, run_emulator

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is measured.

    Attributes:
        rounds: Samples of each contender.
        scale: How much of the whole is taken.
        row_s: No further round of a row begins after so many seconds; None sets no end.
    """

    rounds: int = 5
    scale: Scale = field(default_factory=Scale)
    row_s: float | None = None


FULL = Plan()
QUICK = Plan(rounds=3, scale=Scale(sizes=0.25, counts=0.1), row_s=4.0)


class Watcher(Protocol):
    """Is told how a run goes on."""

    def turn(self, row: Row, label: str, done: int) -> None:
        """Hear that this contender's turn of the row comes, after so many samples."""


@contextmanager
def open_bench(rows: list[Row], scale: Scale) -> Iterator[Bench]:
    """Make and serve what these rows need; emulators start when they are asked for."""
    with ExitStack() as stack:
        root = stack.enter_context(tree_directory())
        make_tree(root, [part for row in rows for part in row.needs], scale)
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-origin-")))
        home.chmod(0o755)
        origin = stack.enter_context(serving(root, home / "nginx"))
        emulators: dict[str, RunningEmulator] = {}

        def emulator(base: str) -> RunningEmulator:
            if base not in emulators:
                emulators[base] = stack.enter_context(run_emulator(root, "--origin", base))
                if base == origin.long:
                    emulators[base].fault("delay", seconds=LATENCY_S)
            return emulators[base]

        yield Bench(origin=origin, emulator=emulator, scale=scale)


def run_row(row: Row, bench: Bench, plan: Plan, watcher: Watcher) -> Result:
    """Take samples of every contender in turn; what fails is said and ends the row."""
    samples: dict[str, list[Sample]] = {contender.label: [] for contender in row.contenders}
    began = time.monotonic()
    done = 0
    for turn in range(plan.rounds):
        if turn and plan.row_s is not None and time.monotonic() - began > plan.row_s:
            break
        for contender in row.contenders:
            watcher.turn(row, contender.label, done)
            try:
                samples[contender.label].append(contender.take(bench))
            except (Failed, OSError) as exc:
                return Result(row=row, samples=samples, failure=f"{contender.label}: {exc}")
            done += 1
    return Result(row=row, samples=samples)
