"""A machine like this one, to be booted and thrown away: an overlay of / under systemd-nspawn."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from fsmount.cli import installation
from tests.boot.units import NOTES, PROJECT, files, tree
from tests.emulators import run_emulator

if TYPE_CHECKING:
    from collections.abc import Iterator


def impossible() -> str:
    """Return why no machine can be booted here; "" when it can."""
    if os.geteuid() != 0:
        return "only root can boot a container"
    for program in ("systemd-nspawn", "journalctl", "ip"):
        if shutil.which(program) is None:
            return f"there is no {program} (packages systemd-container, iproute2)"
    if not Path("/lib/systemd/systemd").exists():
        return "this machine has no systemd to boot"
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        return "there is no usable /dev/fuse"
    return ""


@contextlib.contextmanager
def machine(film: bytes) -> Iterator[Path]:
    """Make the machine's root directory; afterwards nothing is left of it.

    Args:
        film: What its site shares.
    """
    # Not in /tmp: an overlay cannot lie on a tmpfs whose xattrs it needs, on older kernels.
    top = Path(tempfile.mkdtemp(prefix="fsmount-boot-", dir="/var/tmp"))
    root = top / "root"
    try:
        for name in ("root", "upper", "work"):
            (top / name).mkdir()
        layers = f"lowerdir=/,upperdir={top}/upper,workdir={top}/work"
        _run("mount", "-t", "overlay", "overlay", "-o", layers, root)
        for each in (root / "dev").iterdir():
            shutil.rmtree(each) if each.is_dir() and not each.is_symlink() else each.unlink()
        # Kept, so that it can be read when the machine is off.
        (root / "var/log/journal").mkdir(exist_ok=True)
        (root / "etc/machine-id").write_text("0123456789abcdef0123456789abcdef\n")
        _write(top / "tree", tree(film))
        # The emulator makes its ids of the real path, so that is the same inside.
        with run_emulator(top / "tree") as site:
            _write(root, files(site.source.rpartition("/")[2]))
        (root / NOTES[1:] / "tree").symlink_to(top / "tree")
        wanted = installation.items(installation.find_environment(), user=False, top=root)
        list(installation.install(wanted))
        yield root
    finally:
        while subprocess.run(["umount", root], capture_output=True, check=False).returncode == 0:
            pass
        shutil.rmtree(top)


def _write(top: Path, contents: dict[str, bytes]) -> None:
    for name, content in contents.items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def boot(root: Path, *, within_s: float) -> tuple[str, bool]:
    """Boot the machine and wait until it has switched itself off.

    Returns:
        What it wrote on its console, and whether it ended within ``within_s`` seconds; a machine
        that does not is switched off.
    """
    name = f"fsmount-{os.getpid()}"
    # What lies on another file system than / is not in the overlay.
    binds = [f"--bind-ro={path}" for path in (PROJECT, root.parent / "tree")]
    process = subprocess.Popen(
        [
            *("systemd-nspawn", "--quiet", f"--directory={root}", "--boot", f"--machine={name}"),
            *("--private-network", "--register=no", "--keep-unit", "--link-journal=no"),
            *("--bind=/dev/fuse", "--property=DeviceAllow=/dev/fuse rwm", "--console=pipe"),
            *(["--bind=/dev/autofs"] if Path("/dev/autofs").exists() else []),
            *binds,
            "systemd.unit=boot-test.target",
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        console, _ = process.communicate(timeout=within_s)
    except subprocess.TimeoutExpired:
        process.terminate()  # a clean end first; it ends by itself when nspawn is killed
        try:
            console, _ = process.communicate(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            console, _ = process.communicate()
        return console.decode(errors="replace"), False
    finally:
        # nspawn leaves it where /run is no file system of its own.
        with contextlib.suppress(OSError):
            Path("/run/systemd/nspawn/propagate", name).rmdir()
    return console.decode(errors="replace"), True


def journal(root: Path) -> list[str]:
    """Return the lines of the machine's journal, with microseconds since boot in front."""
    done = _run(
        *("journalctl", "--directory", root / "var/log/journal", "--no-pager"),
        *("--output", "short-monotonic"),
    )
    return done.stdout.decode(errors="replace").splitlines()


def _run(*words: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([str(word) for word in words], capture_output=True, check=True)
