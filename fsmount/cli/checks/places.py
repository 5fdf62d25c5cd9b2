"""Whether our directories and the configuration are as they have to be, and mounts answer."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from fsmount import mountpoint
from fsmount.cli.checks.finding import fail, ok, warn
from fsmount.cli.rows import size_text
from fsmount.config import load_config
from fsmount.errors import FsmountError
from fsmount.store.directories import filesystem_type, on_network_filesystem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from fsmount.cli.checks.finding import Finding
    from fsmount.store.directories import Directories

_STATE_NEEDS = 16 * 1024**2
_CACHE_WANTS = 2 * 1024**3


def check_places(
    directories: Directories, config: Path | None, mounts: Sequence[mountpoint.Mounted]
) -> Iterator[Finding]:
    """Yield what there is to say of directories, configuration and mounts."""
    yield from _directory("state", directories.state, _STATE_NEEDS)
    yield from _directory("cache", directories.cache, _CACHE_WANTS)
    yield _configuration(directories, config)
    yield from _mounts(mounts)


def _directory(name: str, path: Path, wanted: int) -> Iterator[Finding]:
    """Yield findings on one directory; ``wanted`` free bytes are enough for it."""
    standing = next(each for each in (path, *path.parents) if each.exists())
    found = standing.stat()
    if standing == path and found.st_uid != os.geteuid():
        yield fail(name, f"{path} belongs to user {found.st_uid}", f"chown -R $(id -u) {path}")
        return
    if standing == path and found.st_mode & 0o077:
        yield warn(
            name,
            f"{path} is open to others (mode {stat.S_IMODE(found.st_mode):04o})",
            f"chmod 700 {path}",
            lambda: path.chmod(0o700),
        )
    if not os.access(standing, os.W_OK | os.X_OK):
        yield fail(name, f"{path} cannot be written", f"make {standing} yours, or use another one")
        return
    kind = filesystem_type(os.path.realpath(path), _mount_table())
    free = shutil.disk_usage(standing).free
    said = f"{path} on {kind or 'an unknown file system'}, {size_text(free)} free"
    if name == "cache" and on_network_filesystem(path):
        yield warn(name, f"{said}: a network can stall it, so nothing is cached", "use a local one")
    elif free < wanted:
        found_bad = warn if name == "cache" else fail
        yield found_bad(name, f"{said}: {size_text(wanted)} are wanted", "make room")
    else:
        yield ok(name, said)


def _mount_table() -> str:
    return Path("/proc/self/mountinfo").read_text(errors="surrogateescape")


def _configuration(directories: Directories, wanted: Path | None) -> Finding:
    name = "configuration"
    try:
        config = load_config(wanted, directories)
    except FsmountError as exc:
        return fail(name, exc.message, exc.advice)
    if config.path is None:
        return ok(name, "there is none; pasted links need none")
    path = config.path
    found = path.stat()
    said = f"{path}: {len(config.remotes)} remotes, {len(config.mounts)} mounts"
    if found.st_mode & 0o022:
        repair = (lambda: path.chmod(0o600)) if found.st_uid == os.geteuid() else None
        return warn(name, f"{said}; others may write it", f"chmod 600 {path}", repair)
    return ok(name, said)


def _mounts(mounts: Sequence[mountpoint.Mounted]) -> Iterator[Finding]:
    for mount in mounts:
        if not mount.is_ours:
            continue
        path = Path(mount.mountpoint)
        if mountpoint.is_deaf(path):
            yield fail(
                "mount",
                f"{path} does not answer: its daemon is gone or hangs",
                f'fsmount umount "{path}"',
                _clears(path),
            )
        else:
            yield ok("mount", f"{path} answers ({mount.source})")


def _clears(path: Path) -> Callable[[], object]:
    return lambda: mountpoint.clear_stale(path)
