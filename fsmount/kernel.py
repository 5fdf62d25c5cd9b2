"""The mount as the kernel holds it: making it, telling it what to forget, taking it down.

Beside ``operations`` and ``appearance`` the only user of pyfuse3. Nothing in this process ever
looks into the mount: a process that waits for itself cannot be killed.
"""

from __future__ import annotations

import logging
import os
import queue
import tempfile
import threading
import types
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyfuse3
import trio

from fsmount import mountpoint
from fsmount.errors import FsmountError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from fsmount.leading import Lead
    from fsmount.model import Inode
    from fsmount.options import MountOptions

log = logging.getLogger(__name__)

# Each waiting request holds a task; pyfuse3's own 99 would let 99 stalled reads block a cached
# getattr. The real bounds are the kernel's queue and the limiters of the layers below.
_MAX_TASKS = 2000
# Idle tasks that are kept: some requests at once start none anew.
_MIN_TASKS = 4

_INVALIDATIONS = 100_000
_READ_AHEAD_KIB = 1024
# Each may hold 1 MiB of page cache while it waits.
_MAX_BACKGROUND = 128


class Invalidations:
    """Tells the kernel what to forget, from a thread of its own: each call may block.

    A call waits for requests that hold the inode or folder it is about, so it is never made from
    the event loop. What is told before the mount stands is dropped: the kernel knows nothing yet.
    """

    def __init__(self) -> None:
        self._queue: queue.Queue[tuple[Inode, str | None] | None] = queue.Queue(_INVALIDATIONS)
        self._thread: threading.Thread | None = None

    def invalidate_inode(self, inode: Inode) -> None:
        """Have the kernel forget attributes and pages of ``inode``."""
        self._put((inode, None))

    def invalidate_entry(self, parent: Inode, name: str) -> None:
        """Have the kernel forget what ``name`` in ``parent`` is."""
        self._put((parent, name))

    def _put(self, item: tuple[Inode, str | None]) -> None:
        if self._thread is None:
            return
        try:
            self._queue.put_nowait(item)
        except queue.Full:
            # Its own timeouts bring the kernel up to date, a minute later.
            log.warning("the kernel is behind with %d changes, one is dropped", _INVALIDATIONS)

    def start(self) -> None:
        """Begin telling."""
        self._thread = threading.Thread(target=self._work, name="invalidations", daemon=True)
        self._thread.start()

    def stop(self, within_s: float = 0.5) -> bool:
        """Stop telling; return whether the thread has ended in time."""
        if self._thread is None:
            return True
        while True:
            try:
                self._queue.get_nowait()
            except queue.Empty:
                break
        self._queue.put(None)
        self._thread.join(within_s)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            inode, name = item
            number = pyfuse3.InodeT(inode)
            try:
                if name is None:
                    pyfuse3.invalidate_inode(number)
                else:
                    pyfuse3.invalidate_entry(number, pyfuse3.FileNameT(os.fsencode(name)))
            except OSError as exc:
                # ENOENT: the kernel did not know it, which is as good.
                log.debug("invalidation inode=%d: %s", inode, exc)


class KernelMount:
    """One mount that stands in the kernel.

    Attributes:
        device: Its ``major:minor``.
    """

    def __init__(self, device: str, lead: Lead) -> None:
        self.device = device
        self._lead = lead

    async def serve(self) -> None:
        """Answer the kernel until the mount is taken down, from outside or by ``end``."""
        with _receiving_under(self._lead):
            await pyfuse3.main(min_tasks=_MIN_TASKS, max_tasks=_MAX_TASKS)

    def end(self) -> None:
        """Let ``serve`` return when the requests under way are answered."""
        pyfuse3.terminate()

    def tune(self) -> None:
        """Let the kernel read 1 MiB ahead and wait for more than 12 reads at once, where we may.

        Only after the first request: while the kernel handles our reply to it, it lowers the
        read-ahead to what it was before.
        """
        number = self.device.partition(":")[2]
        for file, value in (
            # Root only; a user's mount reads 128 KiB ahead: slower, not wrong.
            (Path(f"/sys/class/bdi/{self.device}/read_ahead_kb"), _READ_AHEAD_KIB),
            # Whoever mounted. Nearly every read counts as background here, also a direct one, so
            # that 12 stalled readers would hold up all others.
            (mountpoint.CONNECTIONS / number / "max_background", _MAX_BACKGROUND),
            (mountpoint.CONNECTIONS / number / "congestion_threshold", _MAX_BACKGROUND * 3 // 4),
        ):
            try:
                file.write_text(str(value))
            except OSError as exc:
                log.debug("%s stays as it is: %s", file, exc)


@contextmanager
def _receiving_under(lead: Lead) -> Iterator[None]:
    """Let pyfuse3's tasks receive requests under ``lead`` while the block runs.

    pyfuse3 takes its lock from what its module calls ``trio``, which ``pyfuse3.asyncio`` replaces
    in the same way, and looks up the loop of a task at each start. One that does not any more
    keeps its own lock: slower, not wrong.
    """
    module: Any = pyfuse3
    receive: Callable[..., Awaitable[None]] | None = getattr(module, "_session_loop", None)
    if receive is None or getattr(module, "trio", None) is not trio:
        log.info("this pyfuse3 keeps its own lock: requests take longer than they need")
        yield
        return

    async def receive_and_let_go(*args: object) -> None:
        try:
            await receive(*args)
        finally:
            lead.hand_on()

    module.trio = types.SimpleNamespace(
        Lock=lambda: lead,
        ClosedResourceError=trio.ClosedResourceError,
        lowlevel=trio.lowlevel,
        open_nursery=trio.open_nursery,
    )
    module._session_loop = receive_and_let_go
    try:
        yield
    finally:
        module.trio, module._session_loop = trio, receive


# pyfuse3 keeps its session in module globals: a second init is accepted silently and strands the
# first mount.
_standing: set[str] = set()


@contextmanager
def mounted(
    operations: pyfuse3.Operations,
    path: Path,
    options: MountOptions,
    *,
    lead: Lead,
    shown: str,
    invalidations: Invalidations,
) -> Iterator[KernelMount]:
    """Mount ``operations`` on ``path``; on leaving, unmount it whatever its users do.

    Leaving takes a second at most: closing /dev/fuse frees everyone who waits.

    Args:
        operations: Answers once ``KernelMount.serve`` runs.
        path: Absolute and checked.
        options: Those of the kernel among them.
        lead: What ``operations`` wait through.
        shown: The source as ``findmnt`` shows it.
        invalidations: Works while the mount stands.

    Raises:
        FsmountError: The kernel or fusermount3 refused, in their words; or this process already
            holds a mount.
    """
    if _standing:
        raise FsmountError(f'cannot mount on "{path}": this process already holds a mount')
    with _spoken() as spoken:
        try:
            pyfuse3.init(operations, str(path), kernel_options(options, shown))
        except RuntimeError as exc:
            raise _refusal(path, spoken()) from exc
    _standing.add(str(path))
    mount = mountpoint.mounted_at(path)
    try:
        if mount is None or not mount.is_ours:
            raise FsmountError(f'cannot mount on "{path}": another mount covers it')
        invalidations.start()
        yield KernelMount(mount.device, lead)
    finally:
        if not invalidations.stop() and mount is not None:
            # It waits for a request that nobody answers any more; the session must outlive it.
            mountpoint.abort(mount.connection)
            invalidations.stop()
        pyfuse3.close(unmount=True)
        _standing.clear()
        left = mountpoint.mounted_at(path)
        if mount is not None and left is not None and left.device == mount.device:
            mountpoint.detach(path)


def kernel_options(options: MountOptions, shown: str) -> set[str]:
    """Return what libfuse is given: only what it knows, or it refuses the mount."""
    # libfuse parts options at commas and takes backslashes away.
    name = mountpoint.source_name(shown).replace("\\", "\\\\").replace(",", "\\,")
    wanted = {f"fsname={name}", f"subtype={mountpoint.SUBTYPE}", *options.kernel_flags}
    for flag in ("default_permissions", "allow_other", "allow_root"):
        if getattr(options, flag):
            wanted.add(flag)
    if options.max_read is not None:
        wanted.add(f"max_read={options.max_read}")
    return wanted


def _refusal(path: Path, said: str) -> FsmountError:
    reason = " ".join(said.split()) or "the kernel refused the mount"
    advice = ""
    if "user_allow_other" in reason:
        advice = 'add the line "user_allow_other" to /etc/fuse.conf, or leave out -o allow_other'
    elif not Path("/dev/fuse").exists():
        advice = 'there is no /dev/fuse; run "modprobe fuse", or give it to the container'
    return FsmountError(f'cannot mount on "{path}": {reason}', advice=advice)


@contextmanager
def _spoken() -> Iterator[Callable[[], str]]:
    """Catch what libfuse and fusermount3 write on standard error: their only way to say why."""
    with tempfile.TemporaryFile() as file:
        before = os.dup(2)
        os.dup2(file.fileno(), 2)

        def said() -> str:
            file.seek(0)
            return file.read().decode(errors="replace")

        try:
            yield said
        finally:
            os.dup2(before, 2)
            os.close(before)
