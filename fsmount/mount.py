"""What ``fsmount mount`` does: check, start the daemon, say how it went.

Light on purpose: the process that stays as the supervisor has imported neither Trio nor httpx. What
is opened and served is ``composition``'s and ``daemon``'s, imported in the child only.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fsmount import control, errors, log, mountpoint, supervisor, watchdog
from fsmount.errors import FsmountError, UsageError
from fsmount.store.directories import find_directories, prepare, refuse_below

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fsmount.options import MountOptions
    from fsmount.store.directories import Directories

DONE, FAILED, USAGE = 0, 1, 2

# mount(8) does it itself; a unit that runs fsmount has nobody else to.
_MAKE = frozenset(("X-mount.mkdir", "x-mount.mkdir"))


@dataclass(frozen=True, slots=True, kw_only=True)
class MountRequest:
    """One wish for a mount.

    Attributes:
        source_text: SOURCE as a person wrote it.
        mountpoint: As a person wrote it.
        options: What ``-o`` said.
        config_path: ``--config``; None searches.
        foreground: Stay in the foreground until it is unmounted.
        debug: Log everything, show tracebacks.
    """

    source_text: str
    mountpoint: Path
    options: MountOptions
    config_path: Path | None
    foreground: bool
    debug: bool


def mount(request: MountRequest) -> int:
    """Mount, and say in one line on standard error what went wrong.

    Returns:
        The exit code. In the foreground it comes when the mount is over; else as soon as the first
        page of the root stands, after 10 s or a little more at most.
    """
    try:
        directories = find_directories()
        mountpoint.show_connections()
        if not _MAKE.isdisjoint(request.options.ignored):
            mountpoint.make(request.mountpoint)
        path = mountpoint.check(request.mountpoint, nonempty="nonempty" in request.options.ignored)
        refuse_below(directories, path)
        for directory in (directories.state, directories.runtime, directories.runtime / "mounts"):
            prepare(directory)
        log_to = None if request.foreground else log_file(directories, path)
        if request.options.writable_asked:
            complain("writing is not possible yet, the mount is read-only", logging.WARNING)
    except (FsmountError, OSError) as exc:
        return _failed(exc, debug=request.debug)

    def serve(reports: supervisor.Reports) -> int:
        return _serve(request, path, directories, log_to, reports)

    guard = mountpoint.Guard(path)
    period_s = watchdog.period_s(os.environ, os.getpid())
    return supervisor.supervise(
        serve,
        guard,
        background=not request.foreground,
        log_to=log_to,
        own_session=not mountpoint.is_trigger(path),
        watchdog=None
        if period_s is None
        else watchdog.Watchdog(path, period_s, lambda: supervisor.notify("WATCHDOG=1")),
        complain=complain,
    )


def _serve(
    request: MountRequest,
    path: Path,
    directories: Directories,
    log_to: Path | None,
    reports: supervisor.Reports,
) -> int:
    """Run the daemon in this process, the child; return its exit code."""
    # Here and not above: this is the process that grows.
    import faulthandler

    from fsmount import daemon
    from fsmount.composition import composition

    faulthandler.enable()
    os.umask(0o077)
    level = "debug" if request.debug else request.options.log_level
    try:
        log.setup(level, to_journal(os.environ, 2), file=log_to)
        place = daemon.Place(
            mountpoint=path,
            options=request.options,
            socket=control.socket_path(directories, path),
            may_wait=request.options.nofail or under_systemd(os.environ),
        )
        compose = composition(
            request.source_text, request.options, request.config_path, directories
        )
        daemon.run(compose, place, reports, ready=lambda: _leave(request, log_to))
    except Exception as exc:  # noqa: BLE001 - the last frame of the daemon: said, and an exit code
        return _failed(exc, debug=request.debug)
    return DONE


def _leave(request: MountRequest, log_to: Path | None) -> None:
    if not request.foreground:
        log.leave_terminal()
        supervisor.leave_terminal(log_to)


def log_file(directories: Directories, path: Path) -> Path | None:
    """Return where a mount in the background logs, the last log moved aside.

    None where standard error already is the journal.

    Raises:
        UsageError: The directory is not ours.
        OSError: It cannot be written.
    """
    if to_journal(os.environ, 2):
        return None
    # As systemd names mount units, so that two mounts of one remote have two logs.
    name = str(path).strip("/").replace("/", "-") or "root"
    file = prepare(directories.state / "log") / f"{name[-200:]}.log"
    if file.exists():
        file.replace(file.with_suffix(".log.1"))
    return file


def to_journal(environ: Mapping[str, str], stderr: int) -> bool:
    """Tell whether the open file ``stderr`` is the journal's (systemd.exec(5), JOURNAL_STREAM)."""
    device, _, inode = environ.get("JOURNAL_STREAM", "").partition(":")
    try:
        found = os.fstat(stderr)
    except OSError:
        return False
    return (device, inode) == (str(found.st_dev), str(found.st_ino))


def under_systemd(environ: Mapping[str, str], stdin: int = 0) -> bool:
    """Tell whether a unit started us, so that nobody is there to try again.

    A terminal emulator is a unit of the user's session too, and its shells inherit INVOCATION_ID:
    with a terminal in front of it somebody is there.
    """
    if "NOTIFY_SOCKET" in environ:
        return True
    return "INVOCATION_ID" in environ and not os.isatty(stdin)


def complain(sentence: str, level: int = logging.ERROR) -> None:
    """Write one line for the person (or, with its priority, the journal) that started us."""
    priority = log.journal_priority(level) if to_journal(os.environ, 2) else ""
    sys.stderr.write(f"{priority}fsmount: {' '.join(log.redact(sentence).split())}\n")
    sys.stderr.flush()


def _failed(exc: Exception, *, debug: bool) -> int:
    if debug:
        sys.stderr.write(log.redact("".join(traceback.format_exception(exc))))
    known = errors.known(exc)
    if known is None and not isinstance(exc, OSError):
        logging.getLogger(__name__).error("the daemon failed", exc_info=exc)
        leaf = next(errors.leaves(exc))
        complain(f"this is a bug: {type(leaf).__name__}: {leaf}; --debug shows more")
        return FAILED
    complain(str(known or exc))
    return USAGE if isinstance(known, UsageError) else FAILED
