"""Runs operations under faults, and judges what became of them.

Each fault gets a provider and a mount of its own. Before it begins the root is listed and a film is
half read; then every operation runs at once. All must return by themselves, within ten seconds (a
minute where bytes trickle or the provider asks to wait), with right bytes or an error; when the
fault is over the mount must heal by itself, or, where it was killed, be replaced by a new one on
the same directory.
"""

from __future__ import annotations

import os
import random
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fsmount import mountpoint
from tests.emulators import run_emulator
from tests.faults.names import NAME
from tests.faults.operations import (
    AT_ONCE,
    COLD_FOLDERS,
    FILM,
    OPERATIONS,
    SLOW_S,
    WITHIN_S,
    Running,
)
from tests.mount.standing import Places, run, share, state_of, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.emulators import RunningEmulator
    from tests.faults.names import NameServer
    from tests.faults.operations import Outcome
    from tests.faults.table import Fault
    from tests.mount.standing import Mount

_MIB = 1024 * 1024
_SIZES = {FILM: 48 * _MIB, "other.mkv": 24 * _MIB, "crowd.mkv": 80 * _MIB}
_HEALS_WITHIN_S = 75.0


@dataclass(slots=True, kw_only=True)
class World:
    """What a fault happens to.

    Attributes:
        cloud: The provider.
        names: Resolves its name.
        places: Directories of this row alone.
        contents: Of the files of the tree.
        undo: Runs when the row is over.
        mount: What stands.
        early: The reader that has read half.
    """

    cloud: RunningEmulator
    names: NameServer
    places: Places
    contents: dict[str, bytes]
    undo: ExitStack = field(default_factory=ExitStack)
    mount: Mount
    early: Running

    @property
    def top(self) -> Path:
        """The mountpoint."""
        return self.places.top / "mnt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What became of each operation under one fault.

    Attributes:
        fault: Which.
        outcomes: By the name of the operation.
        healed_s: Seconds from its end until everything was right again.
        wrong: What must not have happened; empty when all is well.
    """

    fault: Fault
    outcomes: dict[str, Outcome]
    healed_s: float
    wrong: list[str]


def make_tree(root: Path) -> dict[str, bytes]:
    """Make what is served; return the contents of its films."""
    spread = random.Random(7)
    contents = {name: spread.randbytes(size) for name, size in _SIZES.items()}
    for name, content in contents.items():
        (root / name).write_bytes(content)
    for folder in COLD_FOLDERS:
        (root / folder).mkdir()
        for number in range(AT_ONCE):
            (root / folder / str(number)).write_text(f"{number}\n")
    return contents


def run_row(fault: Fault, place: Path, names: NameServer) -> Row:
    """Run every operation under ``fault``; ``place`` is an empty directory for it."""
    (root := place / "tree").mkdir()
    contents = make_tree(root)
    with ExitStack() as stack:
        cloud = stack.enter_context(run_emulator(root))
        world = World(
            cloud=cloud,
            names=names,
            places=Places(place),
            contents=contents,
            undo=stack,
            mount=None,  # type: ignore[arg-type]
            early=None,  # type: ignore[arg-type]
        )
        fault.prepared(world)
        with _mounted(world):
            os.listdir(world.top)
            os.stat(world.top / FILM)
            early = next(each for each in OPERATIONS if each.early)
            world.early = Running(early, world.top)
            stack.callback(world.early.process.kill)
            wait_for(lambda: world.early.read == _MIB)
            outcomes = _endured(world, fault)
            ended = time.monotonic()
            wrong = list(_judged(world, fault, outcomes))
            if not fault.ends:
                wrong += _unhealed(world)
        if fault.ends:
            with _mounted(world):
                wrong += _unhealed(world)
        return Row(fault=fault, outcomes=outcomes, healed_s=time.monotonic() - ended, wrong=wrong)


@contextmanager
def _mounted(world: World) -> Iterator[None]:
    source = world.cloud.source.replace("127.0.0.1", NAME)
    # What is known grows old at once, so that every operation has a reason to ask.
    with share(world.places, source, "listing_ttl_s=1") as world.mount:
        yield


def _endured(world: World, fault: Fault) -> dict[str, Outcome]:
    time.sleep(1.1)
    with fault.begun(world):
        others = [Running(each, world.top) for each in OPERATIONS if not each.early]
        world.early.go_on()
        began = time.monotonic()
        outcomes = {}
        for running in (*others, world.early):
            patient = fault.slow and running.operation.reads
            until = began + (SLOW_S if patient else WITHIN_S)
            outcomes[running.operation.name] = running.outcome(until)
        return outcomes


def _judged(world: World, fault: Fault, outcomes: dict[str, Outcome]) -> Iterator[str]:
    reads = {"cat": world.contents["other.mkv"], world.early.operation.name: world.contents[FILM]}
    for name, outcome in outcomes.items():
        if outcome.code is None:
            yield f"{name} did not return (state {state_of(world.early.process.pid)})"
        elif fault.harmless and outcome.code != 0:
            yield f"{name} ended with {outcome.code}"
        expected = reads.get(name)
        if expected is not None and outcome.code is not None:
            if outcome.out != expected[: len(outcome.out)]:
                yield f"{name} read wrong bytes"
            elif outcome.code == 0 and len(outcome.out) != len(expected):
                yield f"{name} read {len(outcome.out)} of {len(expected)} bytes and called it whole"
    if fault.ends and (left := mountpoint.mounted_at(world.top)) is not None and left.is_ours:
        wait_for(lambda: mountpoint.mounted_at(world.top) is None or fault.name.count("supervisor"))


def _unhealed(world: World) -> list[str]:
    """Wait until everything is right again; return what is not."""
    cold = {str(number) for number in range(AT_ONCE)}

    def right() -> bool:
        listed = run("ls", world.top / COLD_FOLDERS[2], check=False).stdout.decode().split()
        read = run("cat", world.top / "other.mkv", check=False).stdout
        return set(listed) == cold and read == world.contents["other.mkv"]

    try:
        wait_for(right, _HEALS_WITHIN_S)
    except AssertionError:
        return [f"it did not heal within {_HEALS_WITHIN_S:.0f} s\n{world.mount.written()[-3000:]}"]
    return []
