"""What the kernel says about one mountpoint, and how to get rid of a mount whatever it is doing.

Everything here works from ``/proc/self/mountinfo`` and ``/sys/fs/fuse/connections``; nothing looks
into a mount, because looking into one whose daemon is gone or stuck does not return. Only the
standard library is imported: the supervisor's process stays small.

Facts (kernel 6.18, libfuse 3.14, 2026-11): the number N of a connection is the minor number of the
mount's device; writing to ``connections/N/abort`` frees every waiter, also one that no signal
reaches, and leaves a mount that answers ENOTCONN; ``connections`` is empty until fusectl is
mounted on it; the abort file belongs to the user who mounted.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

from fsmount.errors import FsmountError

SUBTYPE = "fsmount"
FSTYPE = f"fuse.{SUBTYPE}"

CONNECTIONS = Path("/sys/fs/fuse/connections")

_AUTOFS = "autofs"  # what x-systemd.automount puts on the folder until it is used

_MNT_DETACH = 2

# A probe of a mount that may be dead, and a fusermount3 that may hang on one.
_PROBE_S = 3.0
_HELPER_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mounted:
    """One line of mountinfo.

    Attributes:
        mountpoint: Absolute path.
        fstype: With the subtype (``fuse.fsmount``).
        source: What ``findmnt`` shows as the source.
        device: ``major:minor``.
    """

    mountpoint: str
    fstype: str
    source: str
    device: str

    @property
    def is_ours(self) -> bool:
        """True for a mount that some fsmount made."""
        return self.fstype == FSTYPE

    @property
    def connection(self) -> int:
        """The number N of its FUSE connection."""
        return int(self.device.partition(":")[2])


def parse_mountinfo(text: str) -> list[Mounted]:
    """Return the lines of a mountinfo file, oldest mount first (proc_pid_mountinfo(5))."""
    found = []
    for line in text.splitlines():
        left, separator, right = line.partition(" - ")
        if not separator:
            continue
        fields, tail = left.split(" "), right.split(" ")
        found.append(
            Mounted(
                mountpoint=_unescaped(fields[4]),
                device=fields[2],
                fstype=_unescaped(tail[0]),
                source=_unescaped(tail[1]),
            )
        )
    return found


def _unescaped(text: str) -> str:
    # The kernel writes space, tab, newline, backslash and # as three octal digits.
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


def mounts() -> list[Mounted]:
    """Return every mount of this process's mount namespace."""
    text = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    return parse_mountinfo(text)


def mounted_at(path: Path) -> Mounted | None:
    """Return the uppermost mount on ``path`` itself; None when it is no mountpoint."""
    wanted = str(path)
    return next((mount for mount in reversed(mounts()) if mount.mountpoint == wanted), None)


def mount_over(path: Path) -> Mounted | None:
    """Return the mount of ours that ``path`` lies in; by its text only, without looking."""
    ours = {mount.mountpoint: mount for mount in mounts() if mount.is_ours}
    return next(
        (ours[str(folder)] for folder in (path, *path.parents) if str(folder) in ours), None
    )


def source_name(shown: str) -> str:
    """Return a source as the mount table has it: libfuse takes ASCII only."""
    return urllib.parse.quote(shown, safe="".join(map(chr, range(32, 127))))


def show_connections() -> None:
    """Mount fusectl where it is missing and we are root; else leave everything as it is."""
    if os.geteuid() != 0 or not CONNECTIONS.is_dir():
        return
    if not any(mount.mountpoint == str(CONNECTIONS) for mount in mounts()):
        # May fail in a container: then there is no abort, and closing /dev/fuse must do.
        _libc().mount(b"fusectl", os.fsencode(CONNECTIONS), b"fusectl", 0, None)


def abort(number: int) -> bool:
    """End connection ``number``: every waiter gets an error now. Returns whether that could be."""
    try:
        (CONNECTIONS / str(number) / "abort").write_text("1")
    except OSError:
        # No fusectl, not our mount, or already gone: there is nothing more to try from here.
        return False
    return True


def detach(path: Path) -> bool:
    """Take the uppermost mount off ``path`` now, busy or not; never waits for its daemon.

    Returns:
        Whether it is off.
    """
    if _libc().umount2(os.fsencode(path), _MNT_DETACH) == 0:
        return True
    return _fusermount(path, "-u", "-z")


def unmount(path: Path) -> bool:
    """Unmount ``path`` if nobody uses it; return whether it is off."""
    if _libc().umount2(os.fsencode(path), 0) == 0:
        return True
    return _fusermount(path, "-u")


def _fusermount(path: Path, *flags: str) -> bool:
    program = shutil.which("fusermount3") or shutil.which("fusermount")
    if program is None:
        return False
    try:
        # The path is absolute, so it cannot be taken for a flag.
        done = subprocess.run(  # noqa: S603
            [program, *flags, str(path)], capture_output=True, timeout=_HELPER_S, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def wait_until_off(path: Path, within_s: float) -> bool:
    """Wait until no mount of ours is on ``path``; return whether that came about in time."""
    deadline = time.monotonic() + within_s
    while (mount := mounted_at(path)) is not None and mount.is_ours:
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.02)  # the kernel tells of changes only through poll(2) on an open mountinfo
    return True


_PROBE = """
import os, sys
try:
    os.stat(sys.argv[1])
    os.statvfs(sys.argv[1])
except OSError as exc:
    sys.exit(exc.errno)
"""
_DEAD = (errno.ENOTCONN, errno.ECONNABORTED)


class Probe:
    """A child that asks the mount on ``path`` whether its daemon answers.

    The last question is statfs, the only one that the kernel never answers by itself. It is asked
    by a child, which has to be left behind when there is no answer.
    """

    def __init__(self, path: Path) -> None:
        self._child = subprocess.Popen(  # noqa: S603
            [sys.executable, "-I", "-S", "-c", _PROBE, str(path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def answered(self) -> bool | None:
        """Return whether a daemon answered, be it with a refusal; None while it has not yet."""
        code = self._child.poll()
        return None if code is None else code not in _DEAD

    def wait(self, within_s: float) -> bool:
        """Return whether a daemon answered within ``within_s`` seconds."""
        try:
            self._child.wait(within_s)
        except subprocess.TimeoutExpired:
            self.leave()
            return False
        return bool(self.answered())

    def leave(self) -> None:
        """Ask no longer: the child ends as soon as the kernel lets it."""
        self._child.kill()


def is_deaf(path: Path) -> bool:
    """Return whether the mount of ours on ``path`` has no daemon, or one that does not answer."""
    return not Probe(path).wait(_PROBE_S)


def clear_stale(path: Path) -> bool:
    """Remove a mount of ours on ``path`` whose daemon is gone or deaf.

    Returns:
        Whether there was one and it is off now.
    """
    mount = mounted_at(path)
    if mount is None or not mount.is_ours or not is_deaf(path):
        return False
    abort(mount.connection)
    return detach(path)


def located(path: Path) -> Path:
    """Return ``path`` absolute and without symbolic links, as mountinfo would name it.

    A mountpoint itself is not looked at: it may be a dead mount.
    """
    path = Path(os.path.abspath(path))
    if mounted_at(path) is not None:
        return path
    path = path.parent.resolve() / path.name
    return path if mounted_at(path) is not None else path.resolve()


def make(path: Path) -> None:
    """Make the folder ``path`` and those above it where they are missing.

    Raises:
        FsmountError: It cannot be made.
    """
    if mounted_at(located(path)) is not None:
        return  # perhaps a dead mount, which must not be looked at
    try:
        path.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        pass  # ``check`` says what it is instead of a folder
    except OSError as exc:
        raise FsmountError(f'cannot make the folder "{path}": {exc.strerror}') from exc


def is_trigger(path: Path) -> bool:
    """Tell whether ``path`` waits for a mount: somebody looks at it, and the kernel holds them.

    It lets only the automounter's own process group pass meanwhile (autofs4 in the kernel's
    documentation, "oz mode"); systemd starts mount(8) in it.
    """
    mount = mounted_at(path)
    return mount is not None and mount.fstype == _AUTOFS


def check(path: Path, *, nonempty: bool) -> Path:
    """Return ``path`` made absolute, fit to be mounted on; a stale mount of ours is cleared.

    Args:
        path: As the user wrote it.
        nonempty: A folder with something in it will do.

    Raises:
        FsmountError: Missing, no folder, busy, or not empty.
    """
    path = located(path)
    while clear_stale(path):
        pass
    if is_trigger(path):
        return path  # it cannot be looked into, nor has to be
    if (mount := mounted_at(path)) is not None:
        what = f'"{mount.source}"' if mount.is_ours else f"another file system ({mount.fstype})"
        advice = f'unmount it with "fsmount umount {path}"' if mount.is_ours else "use another one"
        raise FsmountError(
            f'cannot mount on "{path}": {what} is already mounted there', advice=advice
        )
    try:
        with os.scandir(path) as rows:
            empty = next(rows, None) is None
    except FileNotFoundError as exc:
        raise FsmountError(
            f'cannot mount on "{path}": there is no such folder',
            advice=f'make it with "mkdir -p {path}"',
        ) from exc
    except NotADirectoryError as exc:
        raise FsmountError(
            f'cannot mount on "{path}": it is not a folder', advice="use a folder"
        ) from exc
    except OSError as exc:
        raise FsmountError(f'cannot mount on "{path}": {exc.strerror}') from exc
    if not empty and not nonempty:
        raise FsmountError(
            f'cannot mount on "{path}": the folder is not empty',
            advice="use an empty folder, or -o nonempty to hide what is in it",
        )
    return path


class Guard:
    """Holds the abort file of a mount open, for the day its daemon dies.

    Args:
        path: The mountpoint, absolute; no mount of ours was on it before.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._device: str | None = None
        self._abort: int | None = None

    def attach(self) -> None:
        """Take hold of the mount that is now there; without the right to, remember its number."""
        mount = mounted_at(self.path)
        if mount is None or not mount.is_ours:
            return
        self._device = mount.device
        try:
            file = CONNECTIONS / str(mount.connection) / "abort"
            self._abort = os.open(file, os.O_WRONLY | os.O_CLOEXEC)
        except OSError:
            # As in ``abort``: unmounting is all that is left.
            self._abort = None

    def abort(self) -> None:
        """Free everyone who waits for this mount."""
        if self._abort is not None:
            try:
                os.write(self._abort, b"1")
            except OSError:
                pass  # the connection is already gone, which is what was wanted

    def clear(self) -> None:
        """Abort and unmount whatever is left of this mount; nothing is left after a clean end."""
        mount = mounted_at(self.path)
        if mount is None or not mount.is_ours:
            return
        if self._device is None:
            # It died between mounting and saying so. Whatever of ours is here is what it mounted.
            self.attach()
        if mount.device == self._device:
            self.abort()
            detach(self.path)
