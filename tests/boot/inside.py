"""Runs in the booted machine: pulls and plugs the network, kills, reads, and writes down what was.

Each step is a line of JSON in ``results``: its name, whether it came true, how long it took, and
what was wrong. The machine is switched off at the end, whatever happened.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from fsmount import mountpoint
from tests.boot.units import CODE, CREDENTIAL, FSTAB_MOUNT, NOTES, UNIT_MOUNT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SERVICE = "fsmount@share.service"
RESULTS = Path(NOTES, "results")
ENDING = Path(NOTES, "ending")

_PROGRAM_S = 30.0


class NotSo(Exception):
    """What was expected is not so."""


@contextlib.contextmanager
def step(name: str) -> Iterator[list[str]]:
    """Write down whether the block came true; the next step is taken all the same.

    Yields a list for what else is worth being told.
    """
    begun, wrong = time.monotonic(), ""
    notes: list[str] = []
    try:
        yield notes
    except (NotSo, OSError, subprocess.SubprocessError, ValueError, KeyError) as exc:
        wrong = f"{type(exc).__name__}: {exc}"
    took_s = round(time.monotonic() - begun, 2)
    with RESULTS.open("a") as file:
        told = {"step": name, "took_s": took_s, "wrong": wrong, "notes": notes}
        file.write(json.dumps(told) + "\n")


def run(*words: str, check: bool = True) -> str:
    """Run a program; return its output."""
    done = subprocess.run(
        words, capture_output=True, text=True, timeout=_PROGRAM_S, check=False, cwd="/"
    )
    if check and done.returncode != 0:
        raise NotSo(f"{' '.join(words)}: {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def wait_for(condition: Callable[[], object], what: str, within_s: float = 30.0) -> None:
    """Wait until ``condition()`` is true."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            raise NotSo(f"not within {within_s:.0f} s: {what}")
        time.sleep(0.05)


def expect(condition: object, what: str) -> None:
    """Go on only when ``condition`` holds."""
    if not condition:
        raise NotSo(what)


def shown(unit: str, *names: str) -> dict[str, str]:
    """Return properties of a unit."""
    flags = [f"--property={name}" for name in names]
    return dict(line.split("=", 1) for line in run("systemctl", "show", unit, *flags).splitlines())


def is_active(unit: str) -> bool:
    """Tell whether a unit is ready."""
    return shown(unit, "ActiveState")["ActiveState"] == "active"


def ready_after_s() -> float:
    """Return the seconds that the last start of the service took."""
    told = shown(SERVICE, "ActiveEnterTimestampMonotonic", "ExecMainStartTimestampMonotonic")
    return (
        int(told["ActiveEnterTimestampMonotonic"]) - int(told["ExecMainStartTimestampMonotonic"])
    ) / 1e6


def listing(path: str) -> list[str] | int:
    """Return the names in a folder, or the errno; a child looks, which may get stuck."""
    code = "import os, sys; print(*os.listdir(sys.argv[1]), sep='\\0', end='')"
    wrapped = f"try:\n {code}\nexcept OSError as exc:\n sys.exit(exc.errno)"
    words = ["timeout", "-s", "KILL", "10", sys.executable, "-ISc", f"import sys\n{wrapped}", path]
    done = subprocess.run(words, capture_output=True, text=True, timeout=20, check=False)
    return done.returncode or done.stdout.split("\0")


def original(path: str) -> str:
    """Return the file that the film in the mount on ``path`` is."""
    return f"{NOTES}/tree/film.mkv" if path == UNIT_MOUNT else f"{NOTES}/tree/sub/film.mkv"


def can_read(path: str) -> bool:
    """Tell whether the film in the mount on ``path`` can be read whole, right now."""
    words = ["timeout", "-s", "KILL", "10", "cmp", f"{path}/film.mkv", original(path)]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def pids(path: str) -> tuple[int, int]:
    """Return supervisor and daemon of the mount on ``path``."""
    told = json.loads(run(sys.executable, "-m", "fsmount", "status", "--json", path))
    daemon = int(told[0]["pid"])
    status = Path(f"/proc/{daemon}/stat").read_text()
    return int(status.rpartition(")")[2].split()[1]), daemon


def restarts() -> int:
    """Return how often the service was started anew."""
    return int(shown(SERVICE, "NRestarts")["NRestarts"])


def heals(path: str, before: int, within_s: float = 30.0) -> None:
    """Wait until the service was started anew and the film can be read."""
    wait_for(lambda: restarts() > before and is_active(SERVICE), "no restart", within_s)
    wait_for(lambda: can_read(path), "the film cannot be read")


def boot() -> None:
    """What has to be so before there is a network."""
    with step("without a network the unit is ready") as notes:
        wait_for(lambda: is_active(SERVICE), "not active")
        notes.append(f"ready after {ready_after_s():.2f} s")
    with step("its folder answers an error, and is not empty"):
        found = listing(UNIT_MOUNT)
        expect(found in (errno.EHOSTDOWN, errno.ETIMEDOUT), f"listing it gave {found}")
        expect("offline" in shown(SERVICE, "StatusText")["StatusText"], "the status does not say")
    with step("the unit has been given its credential"):
        found = Path("/run/credentials", SERVICE, "share.password").read_text()
        expect(found == CREDENTIAL, f"it holds {found!r}")
    with step("the line in fstab is mounted too, and answers the same"):
        found = listing(FSTAB_MOUNT)
        expect(found in (errno.EHOSTDOWN, errno.ETIMEDOUT), f"listing it gave {found}")
    with step("the network comes: another unit reads both"):
        run("systemctl", "start", "site.service")
        wait_for(lambda: is_active("reader.service"), "the reader did not succeed", 60)
        films = run("sha256sum", original(UNIT_MOUNT), original(FSTAB_MOUNT)).splitlines()
        read = Path(NOTES, "read").read_text().splitlines()
        digests = [[line.split()[0] for line in lines] for lines in (films, read)]
        expect(digests[0] == digests[1], f"it read {read}")
        expect(restarts() == 0, "the service was started anew for it")
    with step("the mount table has our type, and no code"):
        ours = [mount for mount in mountpoint.mounts() if mount.is_ours]
        places = {mount.mountpoint for mount in ours}
        expect(places == {UNIT_MOUNT, FSTAB_MOUNT}, f"mounted are {places}")
        sources = {mount.source for mount in ours}
        expect(sources == {"films", Path(NOTES, "shown").read_text()}, f"shown are {sources}")
    with step("the journal has the levels of what was said, and no code"):
        said = run("journalctl", "-u", SERVICE, "-o", "json").splitlines()
        told = [json.loads(line) for line in said]
        by_us = {each["PRIORITY"]: each["MESSAGE"] for each in told if "fsmount." in str(each)}
        expect({"4", "6"} <= set(by_us), f"priorities are {sorted(by_us)}")
        expect(CODE not in "".join(each["MESSAGE"] for each in told if each["_PID"] != "1"), CODE)


def deaths() -> None:
    """Whatever is killed comes back by itself."""
    with step("the daemon is killed: the unit heals"):
        before, (_, daemon) = restarts(), pids(UNIT_MOUNT)
        os.kill(daemon, signal.SIGKILL)
        heals(UNIT_MOUNT, before)
    with step("supervisor and daemon are killed at once: the unit heals"):
        before, (supervisor, daemon) = restarts(), pids(UNIT_MOUNT)
        os.kill(daemon, signal.SIGSTOP)  # it must not act on its supervisor's death
        os.kill(supervisor, signal.SIGKILL)
        os.kill(daemon, signal.SIGKILL)
        heals(UNIT_MOUNT, before)
    with step("the daemon hangs: the watchdog ends it, and the unit heals"):
        before, (_, daemon) = restarts(), pids(UNIT_MOUNT)
        os.kill(daemon, signal.SIGSTOP)
        looking = subprocess.Popen(["stat", f"{UNIT_MOUNT}/nothing"], stderr=subprocess.DEVNULL)
        heals(UNIT_MOUNT, before)
        expect(looking.wait(1) != 0, "who looked meanwhile still waits")
    with step("the daemon of the line in fstab is killed: the next look mounts it"):
        supervisor, daemon = pids(FSTAB_MOUNT)
        os.kill(daemon, signal.SIGKILL)
        wait_for(lambda: not Path(f"/proc/{supervisor}").exists(), "its supervisor still runs")
        if not Path("/dev/autofs").exists():
            run("mount", FSTAB_MOUNT)
        wait_for(lambda: can_read(FSTAB_MOUNT), "the film cannot be read")


def offline() -> None:
    """What was listed is there at once when there is no network."""
    with step("the network goes: a restart serves what was known at once") as notes:
        run("systemctl", "stop", "site.service")
        run("systemctl", "restart", SERVICE)
        took_s = ready_after_s()
        notes.append(f"ready after {took_s:.2f} s")
        found = listing(UNIT_MOUNT)
        expect(isinstance(found, list) and "film.mkv" in found, f"listing it gave {found}")
        # Half a second of work, and whatever a busy machine makes of it.
        expect(took_s < 8, f"it took {took_s:.2f} s")


def main() -> None:
    """Take every step, then note that the end begins."""
    boot()
    deaths()
    offline()
    with step("somebody keeps a file open while the machine is switched off"):
        run("systemd-run", "--unit=holder", "sh", "-c", f"exec sleep 99 <{UNIT_MOUNT}/film.mkv")
    ENDING.write_text(str(time.monotonic()))


if __name__ == "__main__":
    main()
