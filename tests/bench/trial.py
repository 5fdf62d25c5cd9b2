"""One sample of a mount: prepare, begin, work, read the meters."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tests.bench import meters
from tests.bench.origin import Count
from tests.bench.sample import GIB, Contender, Sample
from tests.bench.systems import Fsmount, home_of_a_mount

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bench.sample import Bench
    from tests.bench.systems import Mounted, System


_PAGES = 2
"""Times what is read: it lies in the page cache once, twice where a cache's files go through it."""


@dataclass(slots=True, kw_only=True)
class Trial:
    """A mount that is being measured.

    Attributes:
        mounted: The mount.
        bench: The run it belongs to.
        base: The origin's base URL that its bytes come from.
        ours: It is fsmount.
        read_bytes: What the work reads from its beginning on; it says so itself.
        figures: What the work noticed besides its value.
    """

    mounted: Mounted
    bench: Bench
    base: str
    ours: bool
    read_bytes: int = 0
    figures: dict[str, float] = field(default_factory=dict)
    _cpu_s: float = 0.0
    _count: Count = field(default_factory=Count)
    _calls: int = 0

    def begin(self, read_bytes: int = 0) -> None:
        """Count from here: what was done before was preparation.

        Args:
            read_bytes: What the work will read near the wire: there will be memory for it.
        """
        self.read_bytes = read_bytes
        meters.populate_memory(_PAGES * read_bytes)
        meters.settle(self.mounted.pid)
        self._cpu_s = meters.cpu_seconds(self.mounted.pid)
        self._count = self.bench.origin.counted(self.base)
        self._calls = self.calls()

    def calls(self, kind: str | None = None) -> int:
        """Return the API calls so far, of one kind or all; rclone has none beside its origin."""
        if not self.ours:
            return 0
        made = self.bench.emulator(self.base).stats()["requests"]
        return sum(made.values()) if kind is None else made.get(kind, 0)

    def end(self, value: float) -> Sample:
        """Read the meters of the daemon, which must still run."""
        cpu_s = meters.cpu_seconds(self.mounted.pid) - self._cpu_s
        return Sample(
            value=value,
            cpu_per_gib=cpu_s / (self.read_bytes / GIB) if self.read_bytes else None,
            peak_rss=meters.peak_rss(self.mounted.pid),
            calls=self.calls() - self._calls,
            figures=self.figures,
        )

    def with_origin(self, sample: Sample) -> Sample:
        """Add what the origin answered; the daemon is gone, so no answer is still under way."""
        time.sleep(0.05)  # nginx logs an answer that was cut off when it has noticed
        count = self.bench.origin.counted(self.base)
        return replace(
            sample,
            requests=count.requests - self._count.requests,
            bytes=count.bytes - self._count.bytes,
        )


Work = Callable[[Trial], float]
"""Does what a row measures and returns its value; may call ``begin`` again after preparing."""


def measured(
    label: str, system: System, link: str, work: Work, *, before: Work | None = None
) -> Contender:
    """Measure ``work`` on a mount over one of the origin's links.

    ``before`` runs on a mount of its own first; then that is unmounted, the page cache dropped, and
    the same system mounted again over the state and cache it left behind.
    """

    def take(bench: Bench) -> Sample:
        base = getattr(bench.origin, link)
        with home_of_a_mount() as home:
            if before is not None:
                _run(system, bench, base, home, before)
                meters.drop_page_cache()
            return _run(system, bench, base, home, work)

    return Contender(label=label, take=take)


def _run(system: System, bench: Bench, base: str, home: Path, work: Work) -> Sample:
    ours = isinstance(system, Fsmount)
    with system.mount(bench, base, home) as mounted:
        trial = Trial(mounted=mounted, bench=bench, base=base, ours=ours)
        trial.begin()
        sample = trial.end(work(trial))
    return trial.with_origin(sample)
