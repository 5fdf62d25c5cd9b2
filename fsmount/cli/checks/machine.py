"""Whether this machine can mount, and does it well: kernel, helpers, other programs' settings."""

from __future__ import annotations

import os
import platform
import re
import shutil
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import fsmount
from fsmount import mountpoint
from fsmount.cli.checks.finding import fail, ok, warn
from fsmount.log import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from fsmount.cli.checks.finding import Finding

_READ_AHEAD_KIB = 1024
# This program is younger than any clock that shows less.
_YOUNGEST_CLOCK_S = 1_735_689_600  # 2025-01-01
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What is looked at; tests have one of their own.

    Attributes:
        top: Stands for the root of the file system.
        uid: Of who asks.
        environ: Environment variables.
        programs: Finds a program, or returns None.
        mounts: The mount table.
        now_s: Wall clock, Unix seconds.
    """

    top: Path = Path("/")
    uid: int = 0
    environ: Mapping[str, str]
    programs: Callable[[str], str | None] = shutil.which
    mounts: tuple[mountpoint.Mounted, ...] = ()
    now_s: float = 0.0

    def text(self, path: str) -> str:
        """Return a file's text; "" when there is none."""
        try:
            return (self.top / path).read_text(errors="replace")
        except OSError:
            return ""


def this_machine() -> Machine:
    """Return the machine this runs on."""
    return Machine(
        uid=os.geteuid(),
        environ=os.environ,
        mounts=tuple(mountpoint.mounts()),
        now_s=time.time(),
    )


def check_machine(machine: Machine) -> Iterator[Finding]:
    """Yield what there is to say about ``machine``; quick, and nobody else is asked."""
    yield _fuse_device(machine)
    yield _fusermount(machine)
    yield _allow_other(machine)
    yield _connections(machine)
    yield _helper(machine)
    yield from _read_ahead(machine)
    yield _updatedb(machine)
    yield _clock(machine)
    yield _proxy(machine)


def _fuse_device(machine: Machine) -> Finding:
    device = machine.top / "dev/fuse"
    if not device.exists():
        return fail(
            "/dev/fuse", "there is none", "modprobe fuse; in a container: --device /dev/fuse"
        )
    if not os.access(device, os.R_OK | os.W_OK):
        return fail("/dev/fuse", "you may not open it", "chmod 666 /dev/fuse, as udev has it")
    return ok("/dev/fuse", "can be opened")


def _fusermount(machine: Machine) -> Finding:
    program = machine.programs("fusermount3")
    if program is None:
        found = warn if machine.uid == 0 else fail
        return found("fusermount3", "is not installed", "apt install fuse3")
    if machine.uid != 0 and not Path(program).stat().st_mode & stat.S_ISUID:
        return fail("fusermount3", f"{program} is not setuid root", f"chmod u+s {program}")
    return ok("fusermount3", program)


def _allow_other(machine: Machine) -> Finding:
    name = "allow_other"
    if machine.uid == 0:
        return ok(name, "root may let other users in")
    if re.search(r"^\s*user_allow_other\s*$", machine.text("etc/fuse.conf"), re.MULTILINE):
        return ok(name, "you may let other users in")
    return warn(
        name,
        "your mounts are for you alone: not for root, nor for containers and media servers",
        'add the line "user_allow_other" to /etc/fuse.conf',
    )


def _connections(machine: Machine) -> Finding:
    name, path = "fusectl", "/sys/fs/fuse/connections"
    if any(mount.mountpoint == path for mount in machine.mounts):
        return ok(name, "hanging mounts can be aborted")
    return warn(
        name,
        f"{path} is not mounted: a hanging mount cannot be aborted",
        f"mount -t fusectl fusectl {path}",
        mountpoint.show_connections if machine.uid == 0 else None,
    )


def _helper(machine: Machine) -> Finding:
    lines = [
        line
        for line in machine.text("etc/fstab").splitlines()
        if not line.lstrip().startswith("#") and re.match(r"\s*\S+\s+\S+\s+fsmount\s", line)
    ]
    helper = machine.top / "sbin/mount.fsmount"
    if helper.exists():
        return ok("mount(8)", f"{helper} is there; {len(lines)} lines of /etc/fstab use it")
    said = "does not know the type fsmount"
    if not lines:
        return ok("mount(8)", f"{said}, and /etc/fstab does not use it")
    return fail("mount(8)", f"{said}, which /etc/fstab uses", "sudo fsmount systemd install")


def _read_ahead(machine: Machine) -> Iterator[Finding]:
    name = "read-ahead"
    ours = [mount for mount in machine.mounts if mount.is_ours]
    if not ours:
        how = "1 MiB" if machine.uid == 0 else "128 KiB (root's: 1 MiB)"
        yield ok(name, f"nothing is mounted; your mounts will read {how} ahead")
    for mount in ours:
        file = machine.top / f"sys/class/bdi/{mount.device}/read_ahead_kb"
        try:
            found = int(file.read_text())
        except (OSError, ValueError):
            continue
        said = f"{mount.mountpoint} reads {found} KiB ahead"
        if found >= _READ_AHEAD_KIB:
            yield ok(name, said)
            continue
        command = f"echo {_READ_AHEAD_KIB} > {file}"
        repair = _writes(file, str(_READ_AHEAD_KIB)) if machine.uid == 0 else None
        yield warn(name, f"{said}: many small requests", f"as root: {command}", repair)


def _writes(file: Path, text: str) -> Callable[[], object]:
    return lambda: file.write_text(text)


def _updatedb(machine: Machine) -> Finding:
    name, path = "updatedb", machine.top / "etc/updatedb.conf"
    text = machine.text("etc/updatedb.conf")
    if not text:
        return ok(name, "no index of all files is made here")
    pruned = re.search(r'^\s*PRUNEFS\s*=\s*"?([^"\n]*)"?', text, re.MULTILINE)
    if pruned and mountpoint.FSTYPE in pruned[1].split():
        return ok(name, f"leaves {mountpoint.FSTYPE} out")

    def repair() -> None:
        if pruned:
            types = f"{pruned[1]} {mountpoint.FSTYPE}".strip()
            changed = text[: pruned.start()] + f'PRUNEFS="{types}"' + text[pruned.end() :]
        else:
            changed = f'{text.rstrip()}\nPRUNEFS="{mountpoint.FSTYPE}"\n'
        fresh = path.with_name(f".{path.name}.fsmount")
        fresh.write_text(changed)
        shutil.copymode(path, fresh)
        fresh.replace(path)

    return warn(
        name,
        "walks through your mounts every night",
        f"add {mountpoint.FSTYPE} to PRUNEFS in {path}",
        repair if os.access(path, os.W_OK) else None,
    )


def _clock(machine: Machine) -> Finding:
    if machine.now_s < _YOUNGEST_CLOCK_S:
        return fail("clock", "is years behind: no certificate is valid", "timedatectl set-ntp true")
    return ok("clock", time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(machine.now_s)))


def _proxy(machine: Machine) -> Finding:
    found = {
        name: value for name, value in machine.environ.items() if name.lower() in _PROXIES and value
    }
    if not found:
        return ok("proxy", "none in this environment (units and fstab have their own)")
    return ok("proxy", redact(" ".join(f"{name}={value}" for name, value in found.items())))


def about(machine: Machine) -> dict[str, str]:
    """Return versions and numbers that a report should have."""
    from importlib import metadata

    packages = ("pyfuse3", "trio", "httpx", "h11", "msgspec", "diskcache", "cryptography")
    versions = {}
    for package in packages:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "missing"
    uname = os.uname()
    system = re.search(r'^PRETTY_NAME="?([^"\n]*)', machine.text("etc/os-release"), re.MULTILINE)
    return {
        "fsmount": fsmount.__version__,
        "python": platform.python_version(),
        "kernel": f"{uname.release} {uname.machine}",
        "system": system[1] if system else "",
        **versions,
    }
