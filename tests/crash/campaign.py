"""Ends a mount at random moments under load, and looks at what the next one finds.

Half of the ends are SIGKILL of the daemon and its supervisor: everything written so far is there.
The other half are power cuts: the state and cache directories go back to what had reached the disk
at that moment. What is left is what the next round begins with, so damage adds up.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.crash.disk import Disk
from tests.emulators import run_emulator
from tests.mount.standing import Places, run, share, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.emulators import RunningEmulator
    from tests.mount.standing import Mount

_MIB = 1024 * 1024
_FILES = 24
_FILE_BYTES = 3 * _MIB + 77
_FOLDERS = 4
_DISK_BYTES = 192 * _MIB
_CACHE = "cache=48M"  # less than all files: records come and go all the time
_LONGEST_S = 2.0
_READERS = 3

_READER = """
import os, random, sys
spread = random.Random(int(sys.argv[2]))
paths = [os.path.join(top, name) for top, _, names in os.walk(sys.argv[1]) for name in names]
while True:
    path = spread.choice(paths)
    try:
        with open(path, "rb", buffering=0) as file:
            file.seek(spread.choice((0, 0, 1 << 20)))
            while file.read(1 << 17):
                pass
    except OSError:
        os._exit(0)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """One end, and what came after.

    Attributes:
        power: It was a power cut.
        after_s: Seconds of load before it.
        ready_s: Until the next mount stood.
        from_disk: Bytes that it could read from what was kept.
        wrong: What must not be; empty when all is well.
    """

    power: bool
    after_s: float
    ready_s: float
    from_disk: int
    wrong: list[str]


def campaign(place: Path, *, times: int, seed: int) -> Iterator[Crash]:
    """Crash ``times`` times on one disk below ``place``."""
    spread = random.Random(seed)
    root = place / "tree"
    contents = _make_tree(root)
    with ExitStack() as stack:
        cloud = stack.enter_context(run_emulator(root))
        disk = Disk(place, _DISK_BYTES)
        stack.callback(disk.close)
        # Everything of the mount lies on the disk, its runtime directory and log too.
        world = _World(cloud, disk, Places(disk.path), contents)
        for number in range(times):
            yield world.crash(spread, number)


def _make_tree(root: Path) -> dict[str, bytes]:
    spread = random.Random(11)
    contents = {}
    for number in range(_FILES):
        folder = f"folder {number % _FOLDERS}"
        (root / folder).mkdir(parents=True, exist_ok=True)
        name = f"{folder}/{number:02}.bin"
        contents[name] = spread.randbytes(_FILE_BYTES)
        (root / name).write_bytes(contents[name])
    return contents


class _World:
    def __init__(
        self, cloud: RunningEmulator, disk: Disk, places: Places, contents: dict[str, bytes]
    ) -> None:
        self._cloud = cloud
        self._disk = disk
        self.places = places
        self._contents = contents

    def crash(self, spread: random.Random, number: int) -> Crash:
        """Mount, put it under load, end it, and mount again to look."""
        power, after_s = spread.random() < 0.5, spread.uniform(0.05, _LONGEST_S)
        with self._mounted() as mount:
            readers = [self._reader(number * _READERS + one) for one in range(_READERS)]
            # Tokens are renewed meanwhile, so that an end may fall into writing one.
            self._cloud.ask("POST", "/expire", {"what": "access"})
            time.sleep(after_s)
            image = self._disk.copy() if power else None
            daemon = mount.daemon
            for pid in (mount.process.pid, daemon):
                os.kill(pid, signal.SIGKILL)
        for reader in readers:
            reader.kill()
            reader.wait()
        if image is not None:
            self._disk.replace(image)
        began = time.monotonic()
        with self._mounted() as mount:
            ready_s = time.monotonic() - began
            wrong = list(self._looked_at(mount, spread))
            told = mount.status()
            run("umount", mount.path)
            mount.process.wait(20)
        return Crash(
            power=power,
            after_s=after_s,
            ready_s=ready_s,
            from_disk=told["memory"]["from_disk"],
            wrong=wrong,
        )

    def _mounted(self) -> AbstractContextManager[Mount]:
        return share(self.places, "demo-refresh", f"config={self._cloud.config}", _CACHE)

    def _reader(self, seed: int) -> subprocess.Popen[bytes]:
        argv = [sys.executable, "-c", _READER, str(self.places.top / "mnt"), str(seed)]
        return subprocess.Popen(argv, cwd="/", stderr=subprocess.DEVNULL)

    def _looked_at(self, mount: Mount, spread: random.Random) -> Iterator[str]:
        try:
            wait_for(lambda: mount.status()["state"] == "online", 10)
        except AssertionError:
            yield f"it is not online: {mount.status()['reason']}"
        listed = {
            f"{folder}/{name}"
            for folder in os.listdir(mount.path)
            for name in os.listdir(mount.path / folder)
        }
        if listed != set(self._contents):
            yield f"the tree is not what it was: {sorted(listed ^ set(self._contents))}"
        for name in spread.sample(sorted(self._contents), 8):
            if (mount.path / name).read_bytes() != self._contents[name]:
                yield f"{name} has wrong bytes"
        if "Traceback" in (written := mount.written()):
            yield f"a traceback was logged: {written[-2000:]}"
