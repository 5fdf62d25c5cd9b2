"""A mount's control door: status, refresh and unmount, asked by other processes of its owner.

A unix socket per mount, 0600 in a 0700 directory; one JSON line is asked, one is answered, then the
connection ends. The asking side is plain blocking code on the standard library, so that a command
that only asks does not import Trio.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import signal
import socket
import struct
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fsmount import errors, mountpoint
from fsmount.errors import FsmountError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    import trio

    from fsmount.store.directories import Directories

log = logging.getLogger(__name__)

# Longer than any verb may take: ``refresh`` lists a folder of many pages.
_ASK_WITHIN_S = 60.0
_ANSWER_WITHIN_S = 55.0
_LINE_LIMIT = 64 * 1024
# One person's commands; more than this at once is a mistake that must not cost the mount.
_CONNECTIONS = 16
# sun_path holds 108 bytes with its final NUL (unix(7)).
_SOCKET_PATH_LIMIT = 107

_END_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """The control socket of one mount that stands now."""

    mountpoint: Path
    socket: Path


def socket_path(directories: Directories, mountpoint: Path) -> Path:
    """Return where the mount on ``mountpoint`` (absolute, without symbolic links) listens."""
    name = hashlib.sha256(os.fsencode(mountpoint)).hexdigest()[:24]
    return directories.runtime / "mounts" / f"{name}.sock"


def mounts(directories: Directories) -> list[Door]:
    """Return the mounts of this user that stand now and can be asked, without asking any."""
    found = (
        Door(mountpoint=path, socket=socket_path(directories, path))
        for path in sorted(
            {Path(mount.mountpoint) for mount in mountpoint.mounts() if mount.is_ours}
        )
    )
    return [door for door in found if door.socket.exists()]


def door_of(path: Path, directories: Directories) -> Door:
    """Return the door of the mount that ``path`` is or lies in.

    Raises:
        FsmountError: It is in no mount of fsmount, or in one of another user.
    """
    mount = mountpoint.mount_over(Path(os.path.abspath(path)))
    if mount is None:
        # A symbolic link may lead into one.
        mount = mountpoint.mount_over(mountpoint.located(path))
    if mount is None:
        raise FsmountError(
            f'"{path}" is not in a mount of fsmount', advice='"fsmount status" lists them'
        )
    root = Path(mount.mountpoint)
    return Door(mountpoint=root, socket=socket_path(directories, root))


def ask(
    where: Door | Path, verb: str, *, timeout_s: float = _ASK_WITHIN_S, **args: object
) -> dict[str, Any]:
    """Ask the mount behind ``where`` (a door, or the path of its socket) one question.

    Blocks until the answer, at most ``timeout_s`` seconds.

    Raises:
        FsmountError: As the mount says, in the class it says; or it cannot be asked.
    """
    path = where.socket if isinstance(where, Door) else where
    name = where.mountpoint if isinstance(where, Door) else where
    try:
        with _connected(path, timeout_s) as connection:
            connection.sendall(json.dumps({"verb": verb, **args}).encode() + b"\n")
            with connection.makefile("rb") as stream:
                line = stream.readline()
    except TimeoutError as exc:
        raise errors.TimedOut(f'the mount on "{name}" does not answer') from exc
    except OSError as exc:
        raise FsmountError(
            f'cannot ask the mount on "{name}": {exc.strerror}',
            advice="only who mounted it may ask, and only while it stands",
        ) from exc
    try:
        answer = json.loads(line)
        if "error" in answer:
            raise _failure(answer["error"])
        result: dict[str, Any] = answer["ok"]
    except (ValueError, KeyError, TypeError) as exc:
        raise errors.ProtocolError(f'the mount on "{name}" broke off its answer') from exc
    return result


def _failure(told: Mapping[str, str]) -> FsmountError:
    kind = getattr(errors, told["kind"], FsmountError)
    if not (isinstance(kind, type) and issubclass(kind, FsmountError)):
        kind = FsmountError
    try:
        return kind(told["message"], advice=told["advice"])
    except TypeError:
        # A class that wants more than a sentence (``WrongSize``); the sentence is what matters.
        return FsmountError(told["message"], advice=told["advice"])


def unmount(path: Path, directories: Directories) -> None:
    """Unmount the mount of ours on ``path``: by asking its daemon, else over its head.

    Blocks for some seconds at most. A stale mount, and one whose daemon hangs, is cleared.

    Raises:
        FsmountError: Not a mount of ours, or not permitted.
    """
    path = mountpoint.located(path)
    mount = mountpoint.mounted_at(path)
    if mount is None or not mount.is_ours:
        raise FsmountError(
            f'"{path}" is not a mount of fsmount', advice='"fsmount status" lists them'
        )
    if (pid := _daemon(socket_path(directories, path))) is not None:
        try:
            os.kill(pid, signal.SIGTERM)
        except OSError:
            # Gone in this moment, or not ours to signal: then the kernel decides below.
            pass
        else:
            if mountpoint.wait_until_off(path, _END_WITHIN_S):
                return
    if mountpoint.unmount(path):
        return
    if mountpoint.abort(mount.connection) and mountpoint.detach(path):
        return
    if mountpoint.wait_until_off(path, 0) or mountpoint.detach(path):
        return
    raise FsmountError(f'cannot unmount "{path}"', advice="only who mounted it and root may")


def _daemon(path: Path) -> int | None:
    # The kernel says who listens, also when that process no longer answers; a number kept in a
    # file could meanwhile be somebody else's.
    try:
        with _connected(path, 1.0) as connection:
            packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    except OSError:
        return None
    pid: int = struct.unpack("3i", packed)[0]
    return pid or None


@contextmanager
def _connected(path: Path, timeout_s: float) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout_s)
        with _short(path) as address:
            connection.connect(address)
        yield connection


@contextmanager
def _short(path: Path) -> Iterator[str]:
    # Deep state directories exceed what a socket address holds; the way over an open directory
    # is short whatever its name.
    if len(os.fsencode(path)) <= _SOCKET_PATH_LIMIT:
        yield str(path)
        return
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)


async def serve_control(
    path: Path,
    verbs: Mapping[str, Callable[..., Awaitable[Mapping[str, object]]]],
    *,
    task_status: trio.TaskStatus[None] | None = None,
) -> None:
    """Answer questions on the socket ``path`` until cancelled; removes it then.

    Args:
        path: In an existing 0700 directory. A socket that a dead mount left there is replaced.
        verbs: Question to async function; it gets the question's arguments as keywords. What it
            raises is answered, not let out.
        task_status: Told when the door is open.

    Raises:
        FsmountError: Another process answers on this path, or it cannot be made.
    """
    # Here and not above: who only asks has no need of Trio, and it is the larger part of the time
    # that ``fsmount status`` takes.
    import trio

    limit = trio.CapacityLimiter(_CONNECTIONS)

    async def answer(stream: trio.SocketStream) -> None:
        async with stream, limit:
            with trio.move_on_after(_ANSWER_WITHIN_S):
                try:
                    line = await _line(stream)
                    await stream.send_all(await _answer(line, verbs))
                except trio.BrokenResourceError:
                    log.debug("who asked went away")

    with _listening(path) as listening:
        listener = trio.SocketListener(trio.socket.from_stdlib_socket(listening))
        async with listener, trio.open_nursery() as nursery:
            await nursery.start(trio.serve_listeners, answer, [listener])
            if task_status is not None:
                task_status.started()


@contextmanager
def _listening(path: Path) -> Iterator[socket.socket]:
    if _daemon(path) is not None:
        raise FsmountError(f"another mount answers on {path}", advice="unmount it first")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        try:
            path.unlink(missing_ok=True)
            with _short(path) as address:
                listening.bind(address)
            path.chmod(0o600)
            listening.listen(_CONNECTIONS)
        except OSError as exc:
            raise FsmountError(f"cannot listen on {path}: {exc.strerror}") from exc
        try:
            yield listening
        finally:
            path.unlink(missing_ok=True)


async def _line(stream: trio.SocketStream) -> bytes:
    line = b""
    while not line.endswith(b"\n") and len(line) < _LINE_LIMIT:
        data = await stream.receive_some(4096)
        if not data:
            break
        line += data
    return line


async def _answer(
    line: bytes, verbs: Mapping[str, Callable[..., Awaitable[Mapping[str, object]]]]
) -> bytes:
    try:
        question = json.loads(line)
        verb = verbs[question.pop("verb")]
    except (ValueError, KeyError, AttributeError, TypeError):
        failure = errors.UsageError("the question is not understood")
        return _encoded({"error": _told(failure)})
    try:
        return _encoded({"ok": dict(await verb(**question))})
    except Exception as exc:  # whatever a question meets, the mount goes on
        if (known := errors.known(exc)) is None:
            log.exception("a control question failed")
            known = FsmountError("the mount failed to answer; its log says why")
        return _encoded({"error": _told(known)})


def _told(failure: FsmountError) -> dict[str, str]:
    return {
        "kind": type(failure).__name__,
        "message": failure.message,
        "advice": failure.advice,
    }


def _encoded(answer: Mapping[str, object]) -> bytes:
    # ASCII only: names that are not Unicode travel as escapes.
    return json.dumps(answer, default=str).encode() + b"\n"
