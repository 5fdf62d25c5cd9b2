"""Where things live, and that they are ours alone: state, cache, runtime, configuration."""

from __future__ import annotations

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fsmount.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = "fsmount"

# Types as /proc/self/mountinfo names them. FUSE file systems that are not listed (mergerfs,
# gocryptfs, ntfs-3g) mostly sit on local disks and keep their cache.
_NETWORK_TYPES = {
    *("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "lustre", "gpfs", "beegfs"),
    *("glusterfs", "ocfs2", "gfs2", "coda", "orangefs", "davfs", "ncpfs"),
    *("fuse.sshfs", "fuse.rclone", "fuse.fsmount", "fuse.s3fs", "fuse.glusterfs", "fuse.davfs"),
    *("fuse.curlftpfs", "fuse.gcsfuse", "fuse.goofys", "fuse.mountpoint-s3", "fuse.juicefs"),
    *("fuse.ceph-fuse", "fuse.smbnetfs", "fuse.seadrive", "fuse.onedriver", "fuse.CloudFS"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Directories:
    """The places of one user; none of them needs to exist yet.

    Attributes:
        config_files: In search order; the first that exists is the configuration.
        state: Tokens, device keys, links, trees: must not be deleted.
        cache: May be deleted at any time.
        runtime: Control sockets; gone after a reboot.
        credentials: systemd's, with one file per secret; None outside a unit that has any.
    """

    config_files: tuple[Path, ...]
    state: Path
    cache: Path
    runtime: Path
    credentials: Path | None


def find_directories(
    environ: Mapping[str, str] | None = None, uid: int | None = None
) -> Directories:
    """Return the places of the user ``uid`` under ``environ``; both default to the process's own.

    Root keeps things in the system's directories, others in the XDG ones; systemd's
    ``$STATE_DIRECTORY`` and its like win. No HOME is needed where the account database knows one.
    (platformdirs would read the process's environment whatever it is given.)

    Raises:
        UsageError: A home directory is needed and there is none.
    """
    environ = os.environ if environ is None else environ
    uid = os.getuid() if uid is None else uid
    if uid == 0:
        state, cache = Path("/var/lib", _NAME), Path("/var/cache", _NAME)
        runtime = Path("/run", _NAME)
    else:
        state = _xdg(environ, uid, "XDG_STATE_HOME", ".local/state")
        cache = _xdg(environ, uid, "XDG_CACHE_HOME", ".cache")
        runtime = _user_runtime(environ, uid)
    return Directories(
        config_files=_config_files(environ, uid),
        state=_systemd(environ, "STATE_DIRECTORY") or state,
        cache=_systemd(environ, "CACHE_DIRECTORY") or cache,
        runtime=_systemd(environ, "RUNTIME_DIRECTORY") or runtime,
        credentials=_systemd(environ, "CREDENTIALS_DIRECTORY"),
    )


def prepare(path: Path) -> Path:
    """Return ``path`` as a directory that is ours alone, made with mode 0700 where it is missing.

    One that others may only read is closed to them; one that others could have written to is not
    trusted.

    Raises:
        UsageError: It is not ours, others can write to it, or it cannot be made.
    """
    try:
        for missing in reversed([path, *path.parents]):
            # Not makedirs: its mode is for the last one only, and the XDG rules want 0700 for all.
            if not missing.exists():
                missing.mkdir(mode=0o700, exist_ok=True)
        found = path.stat()
    except OSError as exc:
        raise UsageError(f"cannot make the directory {path}: {exc.strerror}") from exc
    if not stat.S_ISDIR(found.st_mode):
        raise UsageError(f"{path} is not a directory")
    if found.st_uid != os.geteuid():
        raise UsageError(
            f"the directory {path} belongs to user {found.st_uid}, not to user {os.geteuid()}",
            advice="remove it or choose another one",
        )
    if found.st_mode & 0o022:
        raise UsageError(
            f"the directory {path} is writable by others",
            advice=f'look whether its content is yours, then run "chmod 700 {path}"',
        )
    if found.st_mode & 0o077:
        try:
            path.chmod(0o700)
        except OSError as exc:
            raise UsageError(f"cannot close {path} to others: {exc.strerror}") from exc
    return path


def refuse_below(directories: Directories, mountpoint: Path) -> None:
    """Return when the mount would hide none of our own directories.

    Raises:
        UsageError: One of them is the mountpoint or lies below it.
    """
    # The last part is also taken literally: a dead mount there cannot be resolved.
    mountpoint = Path(os.path.abspath(mountpoint))
    tops = {
        Path(os.path.realpath(mountpoint)),
        Path(os.path.realpath(mountpoint.parent), mountpoint.name),
    }
    for purpose in ("state", "cache", "runtime"):
        directory = Path(os.path.realpath(getattr(directories, purpose)))
        if any(directory.is_relative_to(top) for top in tops):
            raise UsageError(
                f"the {purpose} directory {directory} lies below the mountpoint {mountpoint}",
                advice="choose another mountpoint",
            )


def on_network_filesystem(path: Path, *, mountinfo: Path = Path("/proc/self/mountinfo")) -> bool:
    """Tell whether ``path`` (which need not exist) is on a file system that a network can stall.

    Asks the mount table, never the file system. False when there is no table to ask.
    """
    try:
        table = mountinfo.read_text(errors="surrogateescape")
    except OSError:
        return False
    return filesystem_type(os.path.realpath(path), table) in _NETWORK_TYPES


def filesystem_type(path: str, mountinfo: str) -> str:
    """Return the type of the file system that holds the absolute ``path``; "" when none does.

    Args:
        path: Without symbolic links.
        mountinfo: As proc(5) describes ``/proc/PID/mountinfo``.
    """
    best_length, best_type = -1, ""
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) < 5 or not after:
            continue
        mountpoint = _unescaped(fields[4])
        inside = path == mountpoint or path.startswith(mountpoint.rstrip("/") + "/")
        # Of several mounts on one directory the last hides the others.
        if inside and len(mountpoint) >= best_length:
            best_length, best_type = len(mountpoint), after.split(" ", 1)[0]
    return best_type


def _unescaped(field: str) -> str:
    # The kernel escapes exactly these (fs/proc_namespace.c, show_mountinfo).
    for octal, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        field = field.replace(octal, character)
    return field


def _systemd(environ: Mapping[str, str], variable: str) -> Path | None:
    """Return the first of the directories that systemd made for a unit (systemd.exec(5))."""
    first = environ.get(variable, "").split(":")[0]
    return Path(first) if first.startswith("/") else None


def _config_files(environ: Mapping[str, str], uid: int) -> tuple[Path, ...]:
    own: list[Path] = []
    if uid != 0:
        own = [_xdg(environ, uid, "XDG_CONFIG_HOME", ".config")]
    elif environ.get("XDG_CONFIG_HOME", "").startswith("/"):
        own = [Path(environ["XDG_CONFIG_HOME"], _NAME)]
    systemd = _systemd(environ, "CONFIGURATION_DIRECTORY")
    places = [*([systemd] if systemd else []), *own, Path("/etc", _NAME)]
    return tuple(dict.fromkeys(place / "config.toml" for place in places))


def _xdg(environ: Mapping[str, str], uid: int, variable: str, below_home: str) -> Path:
    # "All paths set in these environment variables must be absolute; a relative one is to be
    # ignored" (XDG Base Directory Specification 0.8).
    given = environ.get(variable, "")
    if given.startswith("/"):
        return Path(given, _NAME)
    return Path(_home(environ, uid), below_home, _NAME)


def _home(environ: Mapping[str, str], uid: int) -> str:
    home = environ.get("HOME", "")
    if not home.startswith("/"):
        try:
            home = pwd.getpwuid(uid).pw_dir
        except KeyError as exc:
            raise UsageError(f"user {uid} has no home directory", advice="set HOME to one") from exc
    return home


def _user_runtime(environ: Mapping[str, str], uid: int) -> Path:
    given = environ.get("XDG_RUNTIME_DIR", "")
    if given.startswith("/"):
        return Path(given, _NAME)
    made_by_logind = Path(f"/run/user/{uid}")
    if made_by_logind.is_dir():
        return made_by_logind / _NAME
    # Everyone can make names in /tmp; ``prepare`` refuses one that somebody else made.
    return Path(f"/tmp/{_NAME}-{uid}")  # noqa: S108
