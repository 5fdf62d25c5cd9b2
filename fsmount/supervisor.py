"""The small parent of a mount's daemon: whatever becomes of that, nobody waits for it forever.

The supervisor is the process that the user or systemd sees. It starts the daemon by forking before
Trio and httpx are imported, so that it stays small; forwards signals and enforces that a shutdown
ends in time; and when the daemon dies by any signal it frees every waiter and unmounts. Its own
death ends the daemon (PDEATHSIG). Standard library only, nothing of ours.

The daemon tells what it has reached in lines over a pipe: ``mounted``, ``ready``, ``status TEXT``.
In the background the process that the user started waits on a second pipe for ``pid N`` and then
``exit N``, 0 meaning that the mount stands.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import selectors
import signal
import socket
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

ABORT_AFTER_S = 4.0
"""Seconds after the first signal until the connection is aborted under the daemon."""

KILL_AFTER_S = 4.5
"""Seconds after the first signal until the daemon is killed; all is over within 5."""

HURRY_S = 1.0
"""What is left of these after a second signal."""

_REAP_S = 2.0
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_VERDICT = signal.SIGABRT  # systemd.service(5), WatchdogSignal=: the watchdog was not fed
_HEARD = (*_FORWARDED, _VERDICT)

# A daemon with a thread stuck in its own mount (FUSE notify calls block) turns into a zombie that
# cannot be reaped, and its pidfd stays silent. Looking once a second costs nothing.
_LOOK_EVERY_S = 1.0


class Guard(Protocol):
    """The kernel's side of the mount (``mountpoint.Guard``)."""

    def attach(self) -> None:
        """Take hold of the mount: it exists now."""
        ...

    def abort(self) -> None:
        """Free everyone who waits for it."""
        ...

    def clear(self) -> None:
        """Abort and unmount whatever is left of it."""
        ...


class Watchdog(Protocol):
    """Finds out whether the mount answers, and tells whoever asked to be told."""

    def tick(self) -> float:
        """Do what is due now, without waiting; return the seconds until it wants to be asked."""
        ...


def _complain(sentence: str) -> None:
    sys.stderr.write(f"fsmount: {sentence}\n")


class Reports:
    """The daemon's line to its supervisor; a supervisor that is gone is no error."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe

    def mounted(self) -> None:
        """The kernel has the mount."""
        self._say("mounted")

    def ready(self) -> None:
        """Programs can use it."""
        self._say("ready")

    def status(self, text: str) -> None:
        """Tell people, in one line, how it is doing."""
        self._say("status " + " ".join(text.split()))

    def _say(self, line: str) -> None:
        # No supervisor: its death already ends this process.
        with contextlib.suppress(OSError):
            os.write(self._pipe, line.encode(errors="replace") + b"\n")


def supervise(
    serve: Callable[[Reports], int],
    guard: Guard,
    *,
    background: bool,
    log_to: Path | None = None,
    own_session: bool = True,
    watchdog: Watchdog | None = None,
    complain: Callable[[str], None] = _complain,
) -> int:
    """Run ``serve`` in a child and see to it that its mount never outlives it.

    Args:
        serve: The daemon: returns its exit code when it has unmounted.
        guard: The kernel's side.
        background: Return as soon as the mount stands, leaving supervisor and daemon behind.
        log_to: Where standard output and error go once the mount stands in the background; None
            leaves them where they are.
        own_session: False leaves everybody in the caller's session and process group, for a mount
            on an autofs that lets nobody else pass.
        watchdog: Ticks from the day the mount is ready until its end is asked for; in the
            foreground only, where systemd knows this process.
        complain: Says one line to people.

    Returns:
        The exit code for the user's process. In the foreground it comes when the mount is over: 0
        after a clean end, never 0 after a daemon that died.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    if background:
        return _detached(serve, guard, log_to, complain, own_session=own_session)
    watch = _Watch(guard, started=lambda: None, watchdog=watchdog, complain=complain)
    return _supervise(serve, watch, own_session=own_session)


def _detached(
    serve: Callable[[Reports], int],
    guard: Guard,
    log_to: Path | None,
    complain: Callable[[str], None],
    *,
    own_session: bool,
) -> int:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        if own_session:
            os.setsid()
        if os.fork() != 0:
            os._exit(0)
        # Not the leader of its session: it can never acquire a terminal.
        _run_and_exit(
            lambda: _in_background(serve, guard, log_to, complain, writing, own_session=own_session)
        )
    os.close(writing)
    os.waitpid(child, 0)
    return _wait_for_start(reading)


def _in_background(
    serve: Callable[[Reports], int],
    guard: Guard,
    log_to: Path | None,
    complain: Callable[[str], None],
    writing: int,
    *,
    own_session: bool,
) -> int:
    def tell(line: str) -> None:
        # Who started us may be gone; the mount goes on.
        with contextlib.suppress(OSError):
            os.write(writing, line.encode() + b"\n")

    def started() -> None:
        leave_terminal(log_to)
        tell("exit 0")

    tell(f"pid {os.getpid()}")
    watch = _Watch(guard, started=started, watchdog=None, complain=complain)
    code = _supervise(serve, watch, own_session=own_session)
    tell(f"exit {code}")
    return code


def _wait_for_start(reading: int) -> int:
    supervisor = 0
    with os.fdopen(reading) as lines:
        while True:
            try:
                word, _, number = lines.readline().partition(" ")
            except KeyboardInterrupt:
                # Ctrl-C reaches only us: the others are in another session.
                if supervisor:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(supervisor, signal.SIGINT)
                continue
            if word == "pid":
                supervisor = int(number)
            elif word == "exit":
                return int(number)
            else:
                # The pipe ended without a word: the supervisor was killed.
                return 1


def leave_terminal(log_to: Path | None) -> None:
    """Point standard input at nothing, and output and error at ``log_to`` unless it is None.

    Raises:
        OSError: ``log_to`` cannot be opened.
    """
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.chdir("/")
    if log_to is not None:
        sys.stdout.flush()
        sys.stderr.flush()
        file = os.open(log_to, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        os.dup2(file, 1)
        os.dup2(file, 2)
        os.close(file)


def _run_and_exit(work: Callable[[], int]) -> NoReturn:
    # A forked child leaves here and nowhere else: nothing of its parent's stack, exit handlers
    # or buffers is its own.
    code = 1
    try:
        code = work()
    except BaseException:  # noqa: BLE001 - there is no caller: this is the end of the process
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _supervise(serve: Callable[[Reports], int], watch: _Watch, *, own_session: bool) -> int:
    reading, writing = os.pipe()
    awake, wake = os.pipe()
    os.set_blocking(awake, False)
    os.set_blocking(wake, False)
    before = {number: signal.signal(number, _noted) for number in _HEARD}
    wakeup_before = signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    parent = os.getpid()
    try:
        child = os.fork()
        if child == 0:
            signal.set_wakeup_fd(-1)
            for number in _HEARD:
                signal.signal(number, signal.SIG_DFL)
            for fd in (reading, awake, wake):
                os.close(fd)
            _run_and_exit(lambda: _daemon(serve, Reports(writing), parent, own_session=own_session))
        os.close(writing)
        return watch.run(child, reading, awake)
    finally:
        signal.set_wakeup_fd(wakeup_before)
        for number, handler in before.items():
            signal.signal(number, handler)
        for fd in (reading, awake, wake):
            os.close(fd)


def _noted(_number: int, _frame: object) -> None:
    """Let the wake-up pipe tell of the signal."""


def _daemon(
    serve: Callable[[Reports], int], reports: Reports, parent: int, *, own_session: bool
) -> int:
    # A session of its own: Ctrl-C in the terminal reaches the supervisor only, which forwards it
    # once. SIGTERM, not SIGKILL: with its supervisor gone the daemon must unmount by itself.
    if own_session:
        os.setsid()
    prctl = ctypes.CDLL(None).prctl
    prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    # Tokens and links will be in its memory: no core file, none for a collector of crashes, and
    # no look into it for the user's other processes. A resource limit would not stop collectors.
    prctl(_PR_SET_DUMPABLE, 0)
    if os.getppid() != parent:
        return 1  # it died before it could be asked to tell
    return serve(reports)


class _Watch:
    """Watches one daemon until it has ended and its mount is gone."""

    def __init__(
        self,
        guard: Guard,
        *,
        started: Callable[[], None],
        watchdog: Watchdog | None,
        complain: Callable[[str], None],
    ) -> None:
        self._child = 0
        self._guard = guard
        self._started = started
        self._watchdog = watchdog
        self._complain = complain
        self._ready = False
        self._abort_at: float | None = None
        self._kill_at: float | None = None
        self._partial = b""

    def run(self, child: int, reading: int, awake: int) -> int:
        """Return the exit code when the daemon ``child`` has ended."""
        self._child = child
        pidfd = os.pidfd_open(self._child)
        try:
            with selectors.DefaultSelector() as selector:
                for fd in (reading, awake, pidfd):
                    selector.register(fd, selectors.EVENT_READ)
                while not self._ended():
                    ready = {
                        key.fd for key, _ in selector.select(min(self._patience(), self._tick()))
                    }
                    if reading in ready and not self._listen(reading):
                        selector.unregister(reading)
                    if awake in ready:
                        self._forward(os.read(awake, 64))
                    if pidfd in ready:
                        break
                    self._enforce()
                # What it said last counts: it may have mounted just before it died. Without
                # waiting: a thread that is stuck keeps its end of the line open.
                if any(key.fd == reading for key, _ in selector.select(0)):
                    self._listen(reading)
        finally:
            os.close(pidfd)
        return self._result()

    def _patience(self) -> float:
        times = [at for at in (self._abort_at, self._kill_at) if at is not None]
        left = min(times) - time.monotonic() if times else _LOOK_EVERY_S
        return max(0.0, min(left, _LOOK_EVERY_S))

    def _tick(self) -> float:
        if self._watchdog is None or not self._ready or self._kill_at is not None:
            return _LOOK_EVERY_S
        return max(0.0, self._watchdog.tick())

    def _ended(self) -> bool:
        """Return whether the daemon's main thread is gone, even if a stuck one is left."""
        try:
            stat = Path(f"/proc/{self._child}/stat").read_bytes()
        except OSError:
            return False  # hidden (hidepid= of /proc), not gone: it is ours to reap
        # The state follows the name, which is in parentheses and may hold anything (proc(5)).
        return stat.rpartition(b")")[2].split()[0] in (b"Z", b"X")

    def _forward(self, numbers: bytes) -> None:
        for number in numbers:
            if number == _VERDICT:
                self._condemn()
            if number not in _FORWARDED:
                continue
            now = time.monotonic()
            if self._kill_at is None:
                notify("STOPPING=1")
                self._abort_at, self._kill_at = now + ABORT_AFTER_S, now + KILL_AFTER_S
            else:
                if self._abort_at is not None:
                    self._abort_at = min(self._abort_at, now + HURRY_S)
                self._kill_at = min(self._kill_at, now + HURRY_S + 0.5)
            # A terminal that closed asks for the same as one who types kill.
            told = signal.SIGTERM if number == signal.SIGHUP else signal.Signals(number)
            self._signal(told)

    def _condemn(self) -> None:
        """End a daemon that does not answer: nobody waits for it a moment longer."""
        self._complain("the mount does not answer: its daemon is killed")
        self._guard.abort()
        self._abort_at = None
        self._kill_at = time.monotonic()

    def _listen(self, reading: int) -> bool:
        """Act on what the daemon says; return False at the end of its line."""
        data = os.read(reading, 4096)
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            word, _, text = line.decode(errors="replace").partition(" ")
            if word == "mounted":
                self._guard.attach()
            elif word == "ready":
                notify("READY=1")
                self._ready = True
                self._started()
            elif word == "status":
                notify(f"STATUS={text}")
        return bool(data)

    def _enforce(self) -> None:
        now = time.monotonic()
        if self._abort_at is not None and now >= self._abort_at:
            self._abort_at = None
            self._guard.abort()
        if self._kill_at is not None and now >= self._kill_at:
            self._signal(signal.SIGKILL)
            # Once more if it is still there then; a thread stuck in the mount was freed above.
            self._kill_at = now + _LOOK_EVERY_S

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._child, number)

    def _result(self) -> int:
        # First: a zombie with a thread stuck in the mount ends only when the abort frees it.
        self._guard.clear()
        deadline = time.monotonic() + _REAP_S
        while True:
            pid, status = os.waitpid(self._child, os.WNOHANG)
            if pid == self._child:
                break
            if time.monotonic() >= deadline:
                return 1
            time.sleep(0.01)
        code = os.waitstatus_to_exitcode(status)
        if code >= 0:
            return code
        if self._kill_at is None or code == -signal.SIGKILL:
            name = signal.Signals(-code).name
            self._complain(f"the daemon was ended by {name}; its mount was cleared")
        return 1


def notify(message: str) -> None:
    """Tell systemd (sd_notify(3)); does nothing outside a unit that wants to know."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    with (
        # Nobody may listen any more: a notification never ends a mount.
        contextlib.suppress(OSError),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as connection,
    ):
        connection.connect(address.replace("@", "\0", 1) if address[0] == "@" else address)
        connection.send(message.encode(errors="replace"))
