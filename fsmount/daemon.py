"""The daemon of one mount: from the first page to the kernel loop, and the way out.

What is served is opened first, without a kernel (``Compose``); the mount is made when its first
page stands, and taken down before anything below it closes. Nothing here, nor anywhere in this
process, looks into the mount: a process that waits for itself cannot be killed.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import trio

from fsmount import errors, metrics
from fsmount.appearance import Appearance
from fsmount.attributes import ExtendedAttributes
from fsmount.control import serve_control
from fsmount.guard import Guard
from fsmount.health import State
from fsmount.kernel import Invalidations, KernelMount, mounted
from fsmount.model import ROOT_INODE
from fsmount.operations import AttributeOperations, Operations
from fsmount.vfs.filesystem import Kernel

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Mapping
    from pathlib import Path

    from fsmount.attributes import Costly
    from fsmount.health import Health, Healths
    from fsmount.options import MountOptions
    from fsmount.supervisor import Reports
    from fsmount.vfs.filesystem import Filesystem

log = logging.getLogger(__name__)

READY_WITHIN_S = 10.0
"""Seconds until the root's first page stands, or the mount is given up (or made without it)."""

_KNOWN_FOR_S = 60.0
_ABSENT_FOR_S = 10.0

# After a signal: time for replies to go out before the loop is ended over its head.
_END_WITHIN_S = 2.0
_POLL_S = 0.25
_STATE_EVERY_S = 5.0
# However long it took to find out what the SOURCE is, and to open it.
_LIST_AT_LEAST_S = 5.0

# Told by whoever decides: asking again, or later, changes nothing.
_AUTHORITATIVE = (
    errors.UsageError,
    errors.Denied,
    errors.Gone,
    errors.NotFound,
    errors.NotFolder,
    errors.NotSupported,
)


Verb: TypeAlias = "Callable[..., Awaitable[Mapping[str, object]]]"
"""Answers one question of the control door; its keywords are the question's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A tree to be mounted, and what ``status`` tells beside it.

    Attributes:
        filesystem: Answers the kernel.
        health: Of the remote, or of several together.
        shown: The SOURCE as it may be shown.
        remote: Its name, or that of the configured mount.
        driver: Of the remote; of several all of them.
        listing_ttl_s: Seconds its listings are fresh.
        details: Parts of ``status`` that the layers below know (memory, disk, governor).
        verbs: Further questions of the control door that they can answer.
        guard: Lets programs in by what they are.
        costly: What a call to the provider tells of a file; None where nobody can be asked.
    """

    filesystem: Filesystem
    health: Health | Healths
    shown: str
    remote: str
    driver: str
    listing_ttl_s: float
    details: Callable[[], Mapping[str, object]] = dict
    verbs: Mapping[str, Verb] = field(default_factory=dict)
    costly: Costly | None = None
    guard: Guard = field(default_factory=Guard)


Compose: TypeAlias = Callable[[Kernel], AbstractAsyncContextManager[Served]]
"""Opens everything below the kernel; it gets the port to push invalidations through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where and how to mount.

    Attributes:
        mountpoint: Checked, absolute.
        options: As parsed.
        socket: Where the control door opens; its directory exists.
        may_wait: Mount even if nothing can be listed yet.
    """

    mountpoint: Path
    options: MountOptions
    socket: Path
    may_wait: bool = False


def run(compose: Compose, place: Place, reports: Reports, *, ready: Callable[[], None]) -> None:
    """Serve one mount until it is unmounted, or a signal asks for its end.

    Args:
        compose: Opens what is served.
        place: Where.
        reports: Told ``mounted`` and ``ready``.
        ready: Called just before ``ready`` is told: lets go of the terminal.

    Raises:
        FsmountError: It could not be mounted, or something refused with authority.
        BaseExceptionGroup: A failure of the daemon itself; the mount is down.
    """
    trio.run(_Daemon(place, reports, ready).run, compose)


class _Daemon:
    """One mount's life: first page, mount, loop, and the end that a signal asks for.

    A first signal while it stands is gentle: requests are answered, then it is unmounted. Before
    that, and a second time, everything is cancelled; closing /dev/fuse then frees who waits.
    """

    def __init__(self, place: Place, reports: Reports, ready: Callable[[], None]) -> None:
        self._place = place
        self._reports = reports
        self._ready = ready
        self._stands = False
        self._asked = trio.Event()

    async def run(self, compose: Compose) -> None:
        invalidations = Invalidations()
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._obey, signals, nursery.cancel_scope)
                begun = trio.current_time()
                async with compose(invalidations) as served:
                    left_s = begun + READY_WITHIN_S - trio.current_time()
                    within_s = max(left_s, _LIST_AT_LEAST_S)
                    await _first_page(served, within_s, may_wait=self._place.may_wait)
                    await self._serve(served, invalidations)
                nursery.cancel_scope.cancel()
        if not self._stands:
            raise errors.FsmountError("stopped before it was mounted")

    async def _obey(self, signals: AsyncIterator[int], everything: trio.CancelScope) -> None:
        async for _ in signals:
            if self._stands and not self._asked.is_set():
                self._asked.set()
            else:
                everything.cancel()

    async def _serve(self, served: Served, invalidations: Invalidations) -> None:
        place = self._place
        operations = _operations(served, place.options)
        async with AsyncExitStack() as stack:
            verbs = _verbs(served, place, operations)
            await stack.enter_async_context(_running(serve_control, place.socket, verbs))
            if place.options.metrics_port is not None:
                await stack.enter_async_context(_metrics(place.options.metrics_port, verbs))
            mount = stack.enter_context(
                mounted(
                    operations,
                    place.mountpoint,
                    place.options,
                    lead=operations.lead,
                    shown=served.shown,
                    invalidations=invalidations,
                )
            )
            self._stands = True
            self._reports.mounted()
            # What is loaded by now stays: a full collection that goes through all of it again
            # takes 35 ms here, in which nobody is answered.
            gc.collect()
            gc.freeze()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._announce, served, operations, mount)
                nursery.start_soon(self._end, operations, mount, nursery.cancel_scope)
                await mount.serve()
                nursery.cancel_scope.cancel()

    async def _announce(self, served: Served, operations: Operations, mount: KernelMount) -> None:
        await operations.started.wait()
        mount.tune()
        log.info("mounted %s on %s", served.shown, self._place.mountpoint)
        self._ready()
        self._reports.status(_state_text(served))
        self._reports.ready()
        while True:
            told = _state_text(served)
            await trio.sleep(_STATE_EVERY_S)
            if (now := _state_text(served)) != told:
                self._reports.status(now)

    async def _end(
        self, operations: Operations, mount: KernelMount, serving: trio.CancelScope
    ) -> None:
        await self._asked.wait()
        log.info("unmounting %s", self._place.mountpoint)
        # Replies first: cancelling the loop would free no reader.
        operations.end_requests()
        mount.end()
        await trio.sleep(_END_WITHIN_S)
        log.warning("requests are still running, unmounting over their heads")
        serving.cancel()


def _state_text(served: Served) -> str:
    """Return the line of ``systemctl status``."""
    report = served.health.report
    trouble = f", {report.state}: {report.reason}" if report.state is not State.ONLINE else ""
    return f"serving {served.shown}{trouble}"


@asynccontextmanager
async def _running(service: Callable[..., Awaitable[object]], *args: object) -> AsyncIterator[None]:
    """Run ``service`` behind the block; it has started when the block does."""
    async with trio.open_nursery() as nursery:
        await nursery.start(service, *args)
        yield
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def _metrics(port: int, verbs: Mapping[str, Verb]) -> AsyncIterator[None]:
    """Let Prometheus ask on ``port`` while the block runs; a port that is taken is only said."""

    async def scrape() -> str:
        return str((await verbs["metrics"]())["text"])

    async with trio.open_nursery() as nursery:
        try:
            await nursery.start(metrics.serve, port, scrape)
        except OSError as exc:
            log.warning("metrics=%d is not served: %s", port, exc.strerror or exc)
        yield
        nursery.cancel_scope.cancel()


async def _first_page(served: Served, within_s: float, *, may_wait: bool) -> None:
    """Wait until the root's first page stands, for at most ``within_s`` seconds.

    Of several remotes at the root one that can be listed is enough: the others heal behind.

    Raises:
        FsmountError: Refused with authority; or not to be had now, unless ``may_wait``.
    """
    try:
        with trio.fail_after(within_s):
            await _listed(served.filesystem)
    except trio.TooSlowError:
        failure: errors.FsmountError | None = errors.TimedOut(
            f'cannot list "{served.shown}": no answer within {within_s:.0f} s'
        )
    except errors.FsmountError as exc:
        failure = exc
    else:
        failure = None
    if failure is None or served.filesystem.root_stands():
        # A kept tree stands although its share is over: say so now, not at the first read.
        report = served.health.report
        if report.state not in (State.GONE, State.LOGIN_LOST):
            return
        raise errors.FsmountError(f'cannot mount "{served.shown}": {report.reason}')
    if isinstance(failure, _AUTHORITATIVE) or not may_wait:
        raise failure
    log.warning("%s cannot be listed yet, mounting all the same: %s", served.shown, failure)


async def _listed(filesystem: Filesystem) -> None:
    while True:
        try:
            folder = filesystem.open_folder(ROOT_INODE, walking=False)
            try:
                await folder.read(0, 1)
            finally:
                folder.close()
        except errors.TimedOut:
            if filesystem.root_stands():
                return
            # The tree answers in time whatever happens; its fetch goes on behind, for as long as
            # the caller waits.
            await trio.sleep(_POLL_S)
        else:
            return


def _operations(served: Served, options: MountOptions) -> Operations:
    look = appearance(options, served.listing_ttl_s)
    if not options.xattr:
        return Operations(served.filesystem, look, served.guard)
    attributes = ExtendedAttributes(served.filesystem, os.getuid(), served.costly)
    return AttributeOperations(served.filesystem, look, served.guard, attributes)


def appearance(options: MountOptions, listing_ttl_s: float) -> Appearance:
    """Return owner, modes and timeouts of a mount under ``options``."""
    return Appearance(
        uid=os.getuid() if options.uid is None else options.uid,
        gid=os.getgid() if options.gid is None else options.gid,
        file_mode=_mode(0o666, 0o444, options.fmask, options.umask),
        folder_mode=_mode(0o777, 0o555, options.dmask, options.umask),
        known_for_s=min(_KNOWN_FOR_S, listing_ttl_s),
        absent_for_s=min(_ABSENT_FOR_S, listing_ttl_s),
    )


def _mode(full: int, default: int, *masks: int | None) -> int:
    mask = next((mask for mask in masks if mask is not None), None)
    return default if mask is None else full & ~mask


def _verbs(served: Served, place: Place, operations: Operations) -> dict[str, Verb]:
    since = time.time()

    async def status() -> Mapping[str, object]:
        tree = served.filesystem.status()
        report = served.health.report
        space = served.filesystem.space()
        return {
            **tree,
            "mountpoint": str(place.mountpoint),
            "source": served.shown,
            "remote": served.remote,
            "driver": served.driver,
            "pid": os.getpid(),
            "since": since,
            "state": str(report.state),
            "reason": report.reason,
            "until": report.until,
            "space": None if space is None else {"total": space.total, "used": space.used},
            "requests": operations.statistics(),
            "guard": served.guard.snapshot(),
            **served.details(),
        }

    async def told() -> Mapping[str, object]:
        return {"text": metrics.exposition(await status())}

    async def refresh(path: str = "") -> Mapping[str, object]:
        await served.filesystem.refresh("" if path == "." else path)
        return {}

    return {"status": status, "metrics": told, "refresh": refresh, **served.verbs}
