"""The mounts: fsmount through the Cloudreve emulator, and the newest rclone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from tests.bench.processes import started
from tests.bench.sample import Failed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.sample import Bench

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mounted:
    """A mount that answers.

    Attributes:
        path: Where it is.
        pid: The process whose family does the work.
        cache: Its disk cache directory.
    """

    path: Path
    pid: int
    cache: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Fsmount:
    """fsmount over an emulator.

    Attributes:
        options: Mount options beyond what the emulator needs.
        read_ahead_kib: Set after mounting; None leaves what fsmount chose.
    """

    options: str = ""
    read_ahead_kib: int | None = None

    @contextmanager
    def mount(self, bench: Bench, base: str, home: Path) -> Iterator[Mounted]:
        """Mount while the block runs; state and cache lie in ``home`` and stay there."""
        emulator = bench.emulator(base)
        environment = os.environ | {
            f"{name}_DIRECTORY": str(home / name.lower()) for name in ("STATE", "CACHE", "RUNTIME")
        }
        options = [emulator.options, self.options]
        if base.startswith("https"):
            options.append(f"ca_file={bench.origin.ca_file}")
        command = [sys.executable, "-m", "fsmount", "--config", emulator.config]
        command += ["mount", emulator.source, home / "mnt", "--foreground"]
        if text := ",".join(filter(None, options)):
            command += ["-o", text]
        with _standing(command, home, cwd=PROJECT, env=environment) as mounted:
            if self.read_ahead_kib is not None:
                _set_read_ahead(mounted.path, self.read_ahead_kib)
            yield mounted


@dataclass(frozen=True, slots=True, kw_only=True)
class Rclone:
    """rclone over the same origin.

    Attributes:
        flags: Beyond where to mount what.
        backend: ``http``; ``webdav`` where listings count, since its HTTP backend asks per file.
    """

    flags: tuple[str, ...] = ()
    backend: str = "http"

    @contextmanager
    def mount(self, bench: Bench, base: str, home: Path) -> Iterator[Mounted]:
        """Mount while the block runs; its cache lies in ``home`` and stays there."""
        rclone = Path(sys.executable).with_name("rclone")
        command = [rclone, "mount", f":{self.backend}:", home / "mnt", "--read-only"]
        command += [f"--{self.backend}-url", base, "--ca-cert", bench.origin.ca_file]
        command += ["--config", "/dev/null", "--cache-dir", home / "cache", *self.flags]
        if self.backend == "webdav":
            command += ["--webdav-vendor", "other"]
        with _standing(command, home) as mounted:
            yield mounted


System: TypeAlias = "Fsmount | Rclone"


@contextmanager
def home_of_a_mount() -> Iterator[Path]:
    """Give a directory for one system's state, cache and mountpoint, on the disk."""
    home = Path(tempfile.mkdtemp(prefix="bench-mount-"))
    try:
        yield home
    finally:
        if not _is_mounted(home / "mnt"):  # never delete through a mount
            shutil.rmtree(home, ignore_errors=True)


@contextmanager
def _standing(command: list[str | Path], home: Path, **popen: object) -> Iterator[Mounted]:
    path = home / "mnt"
    path.mkdir(exist_ok=True)
    log = home / "log"
    with log.open("a") as output:
        try:
            with started(command, stdout=output, stderr=output, **popen) as process:
                _await_mount(path, process, log)
                yield Mounted(path=path, pid=process.pid, cache=home / "cache")
        finally:
            if _is_mounted(path):
                subprocess.run(["fusermount3", "-uz", path], check=False)


def _await_mount(path: Path, process: subprocess.Popen, log: Path) -> None:
    until = time.monotonic() + 20
    while not _is_mounted(path):
        if process.poll() is not None or time.monotonic() > until:
            said = log.read_text().strip().splitlines()
            name = Path(process.args[4]).name
            raise Failed(f"{name} does not mount: {said[-1] if said else process.returncode}")
        time.sleep(0.02)


def _mount_line(path: Path) -> list[str] | None:
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split()
        if fields[4] == str(path):
            return fields
    return None


def _is_mounted(path: Path) -> bool:
    return _mount_line(path) is not None


def _set_read_ahead(path: Path, kib: int) -> None:
    """Give a mount the read-ahead that an ordinary user's has."""
    device = _mount_line(path)[2]
    try:
        Path(f"/sys/class/bdi/{device}/read_ahead_kb").write_text(str(kib))
    except PermissionError:
        pass  # an ordinary user's it is already
