"""A run: what rows need is set up, their contenders take turns, and everything ends with it."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
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
        all_flags: rclone takes part with each of its sets of flags; else with a row's first.
    """

    rounds: int = 5
    scale: Scale = field(default_factory=Scale)
    all_flags: bool = True

    def of(self, row: Row) -> Row:
        """Return what of a row is measured."""
        if self.all_flags:
            return row
        rclones = [each for each in row.contenders if each.label.startswith("rclone")]
        return replace(row, contenders=[c for c in row.contenders if c not in rclones[1:]])


FULL = Plan()
QUICK = Plan(rounds=1, scale=Scale(sizes=0.1, counts=0.1), all_flags=False)
"""Shows that all of it works; files so short end before a link is known, so bars mean little."""


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
    done = 0
    for _ in range(plan.rounds):
        for contender in row.contenders:
            watcher.turn(row, contender.label, done)
            try:
                samples[contender.label].append(contender.take(bench))
            except (Failed, OSError) as exc:
                return Result(row=row, samples=samples, failure=f"{contender.label}: {exc}")
            done += 1
    return Result(row=row, samples=samples)
