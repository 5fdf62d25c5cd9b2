"""What goes wrong, one row each: how it begins, and how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.faults.matrix import World

_READERS = 500
_STUCK_READERS = f"""
import os, sys, threading
def read(number):
    file = os.open(sys.argv[1], os.O_RDONLY)
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_RANDOM)
    try:
        os.pread(file, 4096, number * 131072 % os.fstat(file).st_size)
    except OSError:
        pass
threads = [threading.Thread(target=read, args=(n,)) for n in range({_READERS})]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One row of the matrix.

    Attributes:
        name: For people.
        begun: Lets it go wrong while the block runs.
        slow: Bytes trickle, or the provider asks to wait: a read may take a minute.
        ends: The mount is over; a new one takes its place.
        harmless: Nobody may notice: every operation succeeds.
        prepared: What must be so before the mount is made.
    """

    name: str
    begun: Callable[[World], AbstractContextManager[None]]
    slow: bool = False
    ends: bool = False
    harmless: bool = False
    prepared: Callable[[World], None] = lambda _world: None


def _provider(action: str, **details: object) -> Callable[[World], AbstractContextManager[None]]:
    @contextmanager
    def begun(world: World) -> Iterator[None]:
        world.cloud.fault(action, **details)
        yield
        world.cloud.heal()

    return begun


@contextmanager
def _half_open(world: World) -> Iterator[None]:
    """The provider's machine stops: connections stand, new ones too, and nobody is there."""
    os.kill(world.cloud.process.pid, signal.SIGSTOP)
    yield
    os.kill(world.cloud.process.pid, signal.SIGCONT)


@contextmanager
def _no_names(world: World) -> Iterator[None]:
    """Connections break, and the name of the site cannot be looked up for new ones."""
    world.names.silent = True
    world.cloud.fault("reset")
    yield
    world.names.silent = False
    world.cloud.heal()


@contextmanager
def _stuck_readers(world: World) -> Iterator[None]:
    world.cloud.fault("stall", kind="content")
    crowd = subprocess.Popen([sys.executable, "-c", _STUCK_READERS, str(world.top / "crowd.mkv")])
    yield
    world.cloud.heal()
    if crowd.wait(70) != 0:
        raise AssertionError("the crowd of readers ended badly")


@contextmanager
def _clock(world: World) -> Iterator[None]:
    """The provider's clock is a day ahead: every token and link is over at once."""
    world.cloud.ask("POST", "/clock", {"jump_s": 86400})
    yield


@contextmanager
def _suspended(world: World) -> Iterator[None]:
    """A reader is stopped until its link is over; then it goes on."""
    reader = world.early.process.pid
    os.kill(reader, signal.SIGSTOP)
    world.cloud.ask("POST", "/expire", {"what": "links"})
    os.kill(reader, signal.SIGCONT)
    yield


def _small_disk(world: World) -> None:
    _tmpfs(world, "cache", "4m")


def _own_state(world: World) -> None:
    _tmpfs(world, "state", "64m")


def _tmpfs(world: World, name: str, size: str) -> None:
    path = world.places.top / name
    path.mkdir(mode=0o700)
    options = f"size={size},mode=0700"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", path], check=True)
    world.undo.callback(subprocess.run, ["umount", "-l", path], check=False)


@contextmanager
def _nothing(_world: World) -> Iterator[None]:
    yield


@contextmanager
def _frozen_state(world: World) -> Iterator[None]:
    """No byte more fits, and no file can be made or renamed, as on a disk that turned read-only."""
    path = world.places.top / "state"
    subprocess.run(["dd", "if=/dev/zero", f"of={path}/filler"], check=False, capture_output=True)
    subprocess.run(["chattr", "-R", "+i", path], check=True)
    yield
    subprocess.run(["chattr", "-R", "-i", path], check=True)
    (path / "filler").unlink()


def _killed(number: signal.Signals, *, both: bool = False, supervisor: bool = False) -> Fault:
    @contextmanager
    def begun(world: World) -> Iterator[None]:
        mount = world.mount
        daemon = mount.daemon
        if supervisor or both:
            os.kill(mount.process.pid, number)
        if not supervisor:
            os.kill(daemon, number)
        yield

    who = "daemon and supervisor" if both else "supervisor" if supervisor else "daemon"
    return Fault(name=f"{who} killed by {number.name}", begun=begun, ends=True)


FAULTS = (
    Fault(name="black hole", begun=_provider("stall")),
    Fault(name="half-open connections", begun=_half_open),
    Fault(name="names are not resolved", begun=_no_names),
    Fault(name="slow loris", begun=_provider("slow", bytes_per_second=300.0), slow=True),
    Fault(name="connections are reset", begun=_provider("reset")),
    Fault(name="a login page instead of answers", begun=_provider("html")),
    Fault(name="502", begun=_provider("status", status=502)),
    Fault(
        name="429, again in a minute",
        begun=_provider("status", status=429, retry_after="60"),
        slow=True,
    ),
    Fault(name=f"{_READERS} stuck readers", begun=_stuck_readers),
    Fault(name="cache disk full", begun=_nothing, prepared=_small_disk, harmless=True),
    Fault(
        name="state directory full and read-only",
        begun=_frozen_state,
        prepared=_own_state,
        harmless=True,
    ),
    Fault(name="clock a day ahead", begun=_clock, harmless=True),
    Fault(name="reader suspended beyond its link", begun=_suspended, harmless=True),
    *(
        _killed(number)
        for number in (signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT, signal.SIGTERM)
    ),
    _killed(signal.SIGKILL, supervisor=True),
    _killed(signal.SIGKILL, both=True),
)
"""Every row; each is run on a mount of its own. ``FILM`` is half read when it begins."""
