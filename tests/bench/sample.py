"""The values of the bench: a sample, a bar, a row, and what every row may use."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.bench.origin import Origin
    from tests.emulators import RunningEmulator

MIB = 1024 * 1024
GIB = 1024 * MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much of the whole a run takes.

    Attributes:
        sizes: Part of each file that is read near the wire's speed.
        counts: Part of each count of files, folders and reads.
    """

    sizes: float = 1.0
    counts: float = 1.0

    def size(self, whole: int) -> int:
        """Return part of a size in bytes: whole MiB, at least one."""
        return max(MIB, int(whole * self.sizes) // MIB * MIB)

    def count(self, whole: int, *, at_least: int = 1) -> int:
        """Return part of a count."""
        return max(at_least, round(whole * self.counts))


class Failed(Exception):
    """A sample could not be taken, or what was read is not what is served: said in the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One run of one contender.

    Attributes:
        value: In the row's unit.
        cpu_per_gib: CPU seconds of the daemon and its children per GiB read; None where no bytes.
        peak_rss: Bytes, all its processes, since they started.
        requests: Answers of the origin.
        bytes: Body bytes of the origin.
        calls: API calls at the emulated provider.
        figures: Whatever else a bar asks about, by name.
    """

    value: float
    cpu_per_gib: float | None = None
    peak_rss: int = 0
    requests: int = 0
    bytes: int = 0
    calls: int = 0
    figures: Mapping[str, float] = field(default_factory=dict)


def median(samples: list[Sample]) -> Sample:
    """Return a sample whose every figure is the median."""
    cpu = [sample.cpu_per_gib for sample in samples if sample.cpu_per_gib is not None]
    names = {name for sample in samples for name in sample.figures}
    return Sample(
        value=statistics.median(sample.value for sample in samples),
        cpu_per_gib=statistics.median(cpu) if cpu else None,
        peak_rss=int(statistics.median(sample.peak_rss for sample in samples)),
        requests=int(statistics.median(sample.requests for sample in samples)),
        bytes=int(statistics.median(sample.bytes for sample in samples)),
        calls=int(statistics.median(sample.calls for sample in samples)),
        figures={
            name: statistics.median(
                sample.figures[name] for sample in samples if name in sample.figures
            )
            for name in sorted(names)
        },
    )


Medians = Mapping[str, Sample]
"""One sample of medians per contender's label."""

Figure = Callable[[Medians], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """What a row is held to, on medians of one run.

    Attributes:
        text: As the table says it.
        figure: Computes it from the medians.
        at_least, at_most: The bar itself; one of them.
    """

    text: str
    figure: Figure
    at_least: float | None = None
    at_most: float | None = None

    def met(self, figure: float) -> bool:
        """Tell whether this figure clears the bar."""
        if self.at_least is not None:
            return figure >= self.at_least
        return figure <= self.at_most


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """Who is measured, and how one sample of it is taken."""

    label: str
    take: Callable[[Bench], Sample]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the result.

    Attributes:
        name: For ``--row``.
        title: For people.
        unit: Of the value.
        needs: Parts of the tree that it reads (``tree.PARTS``).
        contenders: In the order of each round.
        bars: What fsmount is held to.
    """

    name: str
    title: str
    unit: str
    needs: tuple[str, ...]
    contenders: list[Contender]
    bars: list[Bar] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What every row may use.

    Attributes:
        origin: The one web server.
        emulator: Gives the emulated provider whose links point at a base URL of the origin.
        scale: How much of the whole this run takes.
    """

    origin: Origin
    emulator: Callable[[str], RunningEmulator]
    scale: Scale = field(default_factory=Scale)


def ratio(over: str, *, plus: float = 0.0) -> Figure:
    """Compare fsmount's value with another contender's (and a constant added to that)."""
    return lambda medians: medians["fsmount"].value / (medians[over].value + plus)


def best(medians: Medians, prefix: str, *, least: bool = False) -> float:
    """Return the best median value among the labels that start with ``prefix``."""
    values = [sample.value for label, sample in medians.items() if label.startswith(prefix)]
    return min(values) if least else max(values)


def least_cpu(medians: Medians, prefix: str) -> float:
    """Return the least CPU per GiB among the labels that start with ``prefix``."""
    return min(
        sample.cpu_per_gib
        for label, sample in medians.items()
        if label.startswith(prefix) and sample.cpu_per_gib is not None
    )


def figure(name: str, label: str = "fsmount") -> Figure:
    """Take a named figure of one contender."""
    return lambda medians: medians[label].figures[name]
