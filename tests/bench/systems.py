"""The contenders: fsmount through the Cloudreve emulator, rclone, and curl as the limit."""

from __future__ import annotations

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.emulators import RunningEmulator

PROJECT = pathlib.Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mounted:
    """A mount that answers.

    Attributes:
        path: Where it is.
        pid: The process whose family does the work.
        cache: Its disk cache directory.
    """

    path: pathlib.Path
    pid: int
    cache: pathlib.Path


def _is_mounted(path: pathlib.Path) -> bool:
    table = pathlib.Path("/proc/self/mountinfo").read_text()
    return any(line.split()[4] == str(path) for line in table.splitlines())


def _await_mount(path: pathlib.Path, process: subprocess.Popen) -> None:
    until = time.monotonic() + 20
    while not _is_mounted(path):
        if process.poll() is not None or time.monotonic() > until:
            raise SystemExit(f"{process.args} did not mount {path}")
        time.sleep(0.02)


def _end_mount(path: pathlib.Path, process: subprocess.Popen) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        subprocess.run(["fusermount3", "-uz", path], check=False)
        process.kill()
        process.wait(10)


def set_read_ahead(path: pathlib.Path, kib: int) -> None:
    """Give a mount the read-ahead that an ordinary user's mount has (or another)."""
    device = next(
        line.split()[2]
        for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
        if line.split()[4] == str(path)
    )
    pathlib.Path(f"/sys/class/bdi/{device}/read_ahead_kb").write_text(str(kib))


@dataclass(frozen=True, slots=True, kw_only=True)
class Fsmount:
    """fsmount over an emulator.

    Attributes:
        options: Mount options beyond what the emulator needs.
        read_ahead_kib: Set after mounting; None leaves what fsmount chose.
    """

    options: str = ""
    read_ahead_kib: int | None = None
    label: str = "fsmount"
    role: str = "fsmount"

    @contextmanager
    def mount(self, emulator: RunningEmulator, origin_base: str, ca_file: pathlib.Path):
        """Mount afresh: own state, own cache."""
        home = pathlib.Path(tempfile.mkdtemp(prefix="bench-fsmount-"))
        environment = os.environ | {
            f"{name}_DIRECTORY": str(home / name.lower()) for name in ("STATE", "CACHE", "RUNTIME")
        }
        path = home / "mnt"
        path.mkdir()
        options = [emulator.line["options"], self.options]
        if origin_base.startswith("https"):
            options.append(f"ca_file={ca_file}")
        with self.run(environment, emulator, path, ",".join(filter(None, options))) as process:
            if self.read_ahead_kib is not None:
                set_read_ahead(path, self.read_ahead_kib)
            yield Mounted(path=path, pid=process.pid, cache=home / "cache")
        shutil.rmtree(home, ignore_errors=True)

    @contextmanager
    def run(self, environment, emulator, path, options):
        """Run ``fsmount mount --foreground`` on ``path`` while the block runs."""
        command = [sys.executable, "-m", "fsmount", "--config", emulator.line["config"]]
        command += ["mount", emulator.line["source"], path, "--foreground"]
        command += ["-o", options] if options else []
        process = subprocess.Popen(command, cwd=PROJECT, env=environment)
        try:
            _await_mount(path, process)
            yield process
        finally:
            _end_mount(path, process)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rclone:
    """rclone's HTTP backend over the same origin."""

    flags: tuple[str, ...] = ()
    label: str = "rclone"
    role: str = "rclone"
    backend: str = ":http:"

    @contextmanager
    def mount(self, emulator: RunningEmulator, origin_base: str, ca_file: pathlib.Path):
        """Mount afresh: own cache."""
        home = pathlib.Path(tempfile.mkdtemp(prefix="bench-rclone-"))
        path = home / "mnt"
        path.mkdir()
        with self.run(home, path, origin_base, ca_file) as process:
            yield Mounted(path=path, pid=process.pid, cache=home / "cache")
        shutil.rmtree(home, ignore_errors=True)

    @contextmanager
    def run(self, home, path, origin_base, ca_file):
        """Run ``rclone mount`` on ``path`` while the block runs."""
        rclone = pathlib.Path(sys.executable).with_name("rclone")
        command = [rclone, "mount", self.backend, path, "--http-url", origin_base, "--read-only"]
        command += ["--config", "/dev/null", "--cache-dir", home / "cache", *self.flags]
        command += ["--ca-cert", ca_file]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            _await_mount(path, process)
            yield process
        finally:
            _end_mount(path, process)


@dataclass(slots=True, kw_only=True)
class Curl:
    """curl with ``streams`` parallel ranges of the whole file: what the wire can give."""

    streams: int = 1
    label: str = "curl"
    role: str = "curl"
    _running: list[subprocess.Popen] = field(default_factory=list)

    def read(self, url: str, size: int, ca_file: pathlib.Path) -> None:
        """Fetch ``size`` bytes of ``url`` to nowhere."""
        step = -(-size // self.streams)
        self._running = [
            subprocess.Popen(
                [
                    "curl",
                    "-s",
                    "-o",
                    "/dev/null",
                    "--cacert",
                    ca_file,
                    "-r",
                    f"{start}-{min(start + step, size) - 1}",
                    url,
                ]
            )
            for start in range(0, size, step)
        ]
        for process in self._running:
            if process.wait(600) != 0:
                raise SystemExit(f"curl failed: {process.args}")
