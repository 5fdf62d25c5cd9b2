"""Mounts and emulators as processes of their own, always taken down again.

A mount under test may be broken in every way, so cleaning up never asks it anything: the connection
is aborted, the mount detached, and processes are killed by their own numbers.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fsmount import control, mountpoint
from fsmount.store.directories import Directories
from tests import sweep

WITHIN_S = 30
PROGRAM_WITHIN_S = 90


def require_fuse():
    """Fail, not skip: a machine that cannot mount has tested nothing."""
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.fail("there is no usable /dev/fuse: load the fuse module, or give it to this place")
    mountpoint.show_connections()


def wait_for(condition, within_s=WITHIN_S, told=lambda: ""):
    """Wait until ``condition()`` is true; return what it returned."""
    deadline = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"it did not come true in {within_s} s\n{told()}"
        time.sleep(0.02)
    return found


def state_of(pid):
    """Return the letter of a process's state; "" when it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return ""
    return stat.rpartition(")")[2].split()[0]


def children_of(pid):
    """Return the processes that ``pid`` started."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except FileNotFoundError:
        return []
    return [int(number) for number in text.split()]


def run(*argv, within_s=PROGRAM_WITHIN_S, check=True, **kwargs):
    """Run an ordinary program and return what it did; a hung one fails the test, never hangs it.

    One that sleeps in the kernel ignores SIGKILL, so it is left behind after that: the end of the
    test aborts what it waits for.
    """
    process = subprocess.Popen(
        [os.fspath(word) for word in argv],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **kwargs,
    )
    try:
        out, err = process.communicate(timeout=within_s)
    except subprocess.TimeoutExpired:
        process.kill()
        state = state_of(process.pid)
        pytest.fail(f"{argv} did not return within {within_s} s (state {state})")
    if check and process.returncode != 0:
        pytest.fail(f"{argv} ended with {process.returncode}: {err.decode(errors='replace')}")
    return subprocess.CompletedProcess(argv, process.returncode, out, err)


@dataclass
class Places:
    """Directories of one test, so that tests beside it share nothing."""

    top: Path

    @property
    def environ(self):
        """What a program must be given to use them, as root or not."""
        return {
            **os.environ,
            "STATE_DIRECTORY": str(self.top / "state"),
            "CACHE_DIRECTORY": str(self.top / "cache"),
            "RUNTIME_DIRECTORY": str(self.top / "run"),
            "XDG_CONFIG_HOME": str(self.top / "config"),
            "PYTHONUNBUFFERED": "1",
            "NO_PROXY": "127.0.0.1,localhost",
        }

    @property
    def directories(self):
        """The same as fsmount sees them."""
        return Directories(
            config_files=(),
            state=self.top / "state",
            cache=self.top / "cache",
            runtime=self.top / "run",
            credentials=None,
        )


@dataclass
class Mount:
    """One mount that stands.

    Attributes:
        path: The mountpoint.
        process: What was started: the supervisor.
        socket: Its control door.
        log: Where both processes write.
    """

    path: Path
    process: subprocess.Popen
    socket: Path
    log: Path
    _daemon: list = field(default_factory=list)

    @property
    def daemon(self):
        """The number of the daemon's process."""
        if not self._daemon:
            self._daemon.extend(children_of(self.process.pid))
        return self._daemon[0]

    def status(self):
        """Return what ``fsmount status`` is told."""
        return control.ask(self.socket, "status", timeout_s=10)

    def requests(self):
        """Return how often the kernel asked what so far."""
        return self.status()["requests"]

    def written(self):
        """Return everything that the daemon and its supervisor said."""
        return self.log.read_text(errors="replace")

    def is_mounted(self):
        mount = mountpoint.mounted_at(self.path)
        return mount is not None and mount.is_ours

    def connection(self):
        return mountpoint.mounted_at(self.path).connection

    def wait_until_over(self, within_s=5.0):
        """Wait for the supervisor's end; return its exit code. Then nothing may be mounted."""
        code = self.process.wait(within_s)
        assert not self.is_mounted(), self.written()
        return code


def clean(path, pids=()):
    """Free and remove whatever is mounted on ``path``; end processes by number."""
    while (mount := mountpoint.mounted_at(path)) is not None and mount.is_ours:
        mountpoint.abort(mount.connection)
        if not mountpoint.detach(path):
            break
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def mounted(argv, path, socket, *, environ, within_s=WITHIN_S):
    """Run a program that mounts on ``path`` in the foreground, until the end of the block."""
    require_fuse()
    log = path.with_name(f"{path.name}.log")
    with log.open("ab") as output:
        process = subprocess.Popen(
            [os.fspath(word) for word in argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environ,
            start_new_session=True,
        )
    mount = Mount(path=path, process=process, socket=socket, log=log)
    begun = len(mount.written())  # characters: names in it are not ASCII
    try:

        def ready():
            assert process.poll() is None, f"it ended with {process.returncode}\n{mount.written()}"
            return "INFO fsmount.daemon: mounted" in mount.written()[begun:]

        wait_for(ready, within_s, mount.written)
        assert mount.daemon
        yield mount
    finally:
        clean(path, [*mount._daemon, *children_of(process.pid), process.pid])
        process.wait(WITHIN_S)
        sweep.heard(f"the log of the mount {path.name}", mount.written())


def share(places, source, *options, name="mnt", arguments=()):
    """Mount ``source`` with the real program below ``places``, until the end of the block."""
    path = places.top / name
    if mountpoint.mounted_at(path) is None:
        path.mkdir(exist_ok=True)
    socket = control.socket_path(places.directories, path)
    argv = [*fsmount(source, path, *options), "--foreground", *arguments]
    return mounted(argv, path, socket, environ=places.environ)


def fsmount(source, path, *options):
    """Return the command line that mounts ``source`` on ``path``."""
    words = [word for option in options for word in ("-o", option)]
    return [sys.executable, "-m", "fsmount", "mount", source, path, *words]
