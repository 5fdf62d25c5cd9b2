"""What the kernel asks, answered from the tree and the reader: each request once, in time.

Thin on purpose: a handler turns bytes and kernel structures into plain values, asks
``vfs.filesystem`` and turns the answer back. Everything that all requests share is in one wrapper:

- a deadline (pyfuse3 3.5.0 passes no interrupt on, and a LOOKUP that is never answered makes its
  caller unkillable);
- the priority that the governor sorts by;
- the way from failure to errno. Measured on pyfuse3 3.5.0 with trio 0.35: a handler that lets out
  anything but ``FUSEError`` ends the mount, and so does a ``FUSEError`` in an exception group.

The mount is read-only in the kernel (``ro``), so that handlers of writes are a second line.
"""

from __future__ import annotations

import functools
import itertools
import logging
import os
from collections import Counter
from typing import (
    TYPE_CHECKING,
    Any,
    Concatenate,
    NoReturn,
    ParamSpec,
    Protocol,
    TypeAlias,
    TypeVar,
)

import pyfuse3
import trio

from fsmount import errors
from fsmount.appearance import capacity
from fsmount.guard import Guard
from fsmount.leading import Lead
from fsmount.model import Inode, Priority, priority

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from fsmount.appearance import Appearance
    from fsmount.attributes import ExtendedAttributes
    from fsmount.guard import GuardedFile
    from fsmount.vfs.filesystem import Filesystem, FolderHandle

log = logging.getLogger(__name__)

_P = ParamSpec("_P")
_S = TypeVar("_S", bound="Operations")
_T = TypeVar("_T")

METADATA_WITHIN_S = 5.5
"""Seconds until a metadata request is answered, come what may: the tree's own 5 s and a margin."""

READ_WITHIN_S = 60.0
"""Seconds until a read is answered; a stalled one ends far earlier, in the reader."""

_ENDING = "the mount is ending"

# Answers rather than failures: programs ask and handle them all the time.
_ORDINARY = (
    errors.NotFound,
    errors.ReadOnly,
    errors.IsFolder,
    errors.NotFolder,
    errors.NotSupported,
    errors.NoAttribute,
)


_Handler: TypeAlias = "Callable[Concatenate[_S, _P], Coroutine[Any, Any, _T]]"


class _Decorator(Protocol):
    def __call__(self, handler: _Handler[_S, _P, _T], /) -> _Handler[_S, _P, _T]: ...


def _request(kind: Priority, within_s: float) -> _Decorator:
    """Make a handler answer in time, and with an errno for whatever it meets."""

    def decorate(handler: _Handler[_S, _P, _T]) -> _Handler[_S, _P, _T]:
        name = handler.__name__.strip("_")

        @functools.wraps(handler)
        async def answered(self: _S, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
            self._counts[name] += 1
            priority.set(kind)
            bound = functools.partial(handler, self)
            return await self._answer(name, within_s, bound, *args, **kwargs)

        return answered

    return decorate


_metadata = _request(Priority.LISTING, METADATA_WITHIN_S)
_opening = _request(Priority.OPENING, METADATA_WITHIN_S)


def _at_once(handler: Callable[Concatenate[_S, _P], _T]) -> _Handler[_S, _P, _T]:
    """Make a handler of what never waits answer with an errno for whatever it meets."""
    name = handler.__name__

    @functools.wraps(handler)
    async def answered(self: _S, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        return self._call(name, Priority.LISTING, functools.partial(handler, self), *args, **kwargs)

    return answered


class Operations(pyfuse3.Operations):
    """The handlers of one mount.

    What is not overridden answers ENOSYS, which makes the kernel stop asking for the life of the
    mount: flush, fsync, access (``default_permissions`` decides), and getxattr and listxattr, which
    ``ls -l`` would else send for every file (``AttributeOperations`` has them).

    Handles and running requests are only touched between awaits of the one kernel loop.

    Args:
        filesystem: Answers everything.
        appearance: Owner, modes and timeouts.
        guard: Lets programs in by what they are.
    """

    supports_dot_lookup = False
    enable_writeback_cache = False

    def __init__(
        self, filesystem: Filesystem, appearance: Appearance, guard: Guard | None = None
    ) -> None:
        super().__init__()
        self._filesystem = filesystem
        self._guard = guard or Guard()
        self._appearance = appearance
        self._numbers = itertools.count(1)
        self._files: dict[int, GuardedFile] = {}
        self._folders: dict[int, tuple[Inode, FolderHandle]] = {}
        self._running: set[trio.CancelScope] = set()
        self._ending = False
        self._counts: Counter[str] = Counter()
        self.lead = Lead()
        """Hands the right to receive on when a request waits."""
        self.started = trio.Event()
        """Set when the kernel has begun to talk to this mount."""

    def init(self) -> None:
        """Take note that the kernel is here; called within its first request."""
        self.started.set()

    def statistics(self) -> Mapping[str, int]:
        """Return how often the kernel asked what, and how many handles are open."""
        return {
            **self._counts,
            "open_files": len(self._files),
            "open_folders": len(self._folders),
            "running": len(self._running),
        }

    def end_requests(self) -> None:
        """Answer every running request, and each one to come, with an error, now.

        Cancelling the kernel loop frees no reader; only replies do.
        """
        self._ending = True
        for scope in self._running:
            scope.cancel()

    async def _answer(
        self,
        name: str,
        within_s: float,
        handler: Callable[_P, Coroutine[Any, Any, _T]],
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _T:
        scope = trio.CancelScope(deadline=trio.current_time() + within_s)
        failure: BaseException
        if self._ending:
            scope.cancel()
        self._running.add(scope)
        try:
            with scope:
                return await self.lead.through(handler(*args, **kwargs))
        except pyfuse3.FUSEError:
            raise
        except BaseExceptionGroup as group:
            # Cancellation from outside this request, and Ctrl-C, are not answers.
            passing, _ = group.split(_is_not_an_answer)
            if passing is not None:
                raise passing from None
            failure = group
        except Exception as exc:  # noqa: BLE001 - letting out anything else would end the mount
            failure = exc
        else:
            # The scope swallowed its own cancellation: deadline or end.
            failure = (
                errors.FsmountError(_ENDING)
                if self._ending
                else errors.TimedOut(f"no answer within {within_s:g} s")
            )
        finally:
            self._running.discard(scope)
        raise self._failed(name, args, failure) from failure

    def _call(
        self,
        name: str,
        kind: Priority,
        handler: Callable[_P, _T],
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _T:
        """Count a request and return what ``handler`` says at once."""
        self._counts[name] += 1
        priority.set(kind)
        try:
            if self._ending:
                raise errors.FsmountError(_ENDING)
            return handler(*args, **kwargs)
        except Exception as exc:
            raise self._failed(name, args, exc) from exc

    def _failed(
        self, name: str, args: tuple[object, ...], failure: BaseException
    ) -> pyfuse3.FUSEError:
        """Tell of a failure; return how the kernel is told."""
        self._tell(name, args, failure)
        return pyfuse3.FUSEError(errors.errno_of(failure))

    def _tell(self, name: str, args: tuple[object, ...], failure: BaseException) -> None:
        self._counts["errors"] += 1
        known = errors.known(failure)
        if known is None:
            log.error("%s failed", name, exc_info=failure)
        elif isinstance(known, _ORDINARY) or self._ending:
            log.debug("%s: %s", name, known)
        else:
            log.warning("%s failed path=%r: %s", name, self._path(name, args), known)

    def _path(self, name: str, args: tuple[Any, ...]) -> str:
        """Return the path that a request was about, for a message; "?" when it is not known."""
        number = args[0]
        try:
            if name == "read":
                number = self._files[number].inode
            elif name == "readdir":
                number, _ = self._folders[number]
            path = self._filesystem.path_of(Inode(number))
            return f"{path}/{os.fsdecode(args[1])}" if name == "lookup" else path
        except Exception:  # noqa: BLE001 - a message about a failure must not become another one
            return "?"

    # --- names and attributes ---------------------------------------------------------------------

    async def lookup(
        self, parent_inode: int, name: bytes, ctx: pyfuse3.RequestContext
    ) -> pyfuse3.EntryAttributes:
        """Return the attributes of ``name``; one of inode 0 lets the kernel keep its absence."""
        found = self._call("lookup", Priority.LISTING, self._lookup_nowait, parent_inode, name)
        if found is not None:
            return found
        return await self._answer("lookup", METADATA_WITHIN_S, self._lookup, parent_inode, name)

    def _lookup_nowait(self, parent: int, name: bytes) -> pyfuse3.EntryAttributes | None:
        try:
            found = self._filesystem.lookup_nowait(Inode(parent), os.fsdecode(name))
        except errors.NotFound:
            return self._appearance.absent()
        return None if found is None else self._appearance.shown(found)

    async def _lookup(self, parent: int, name: bytes) -> pyfuse3.EntryAttributes:
        try:
            found = await self._filesystem.lookup(Inode(parent), os.fsdecode(name))
        except errors.NotFound:
            return self._appearance.absent()
        return self._appearance.shown(found)

    async def getattr(self, inode: int, ctx: pyfuse3.RequestContext) -> pyfuse3.EntryAttributes:
        """Return the attributes of ``inode``."""
        files, number = self._filesystem, Inode(inode)
        found = self._call("getattr", Priority.LISTING, files.attributes_nowait, number)
        if found is None:
            found = await self._answer("getattr", METADATA_WITHIN_S, files.attributes, number)
        return self._appearance.shown(found)

    async def forget(self, inode_list: Sequence[tuple[int, int]]) -> None:
        """Take back lookup counts; nobody waits for an answer, so a failure is only logged."""
        self._counts["forget"] += len(inode_list)
        try:
            self._filesystem.forget((Inode(inode), count) for inode, count in inode_list)
        except Exception:
            log.exception("forget failed")

    # --- folders ----------------------------------------------------------------------------------

    @_at_once
    def opendir(self, inode: int, ctx: pyfuse3.RequestContext) -> int:
        """Open a folder; its listing starts or goes on."""
        handle = self._filesystem.open_folder(Inode(inode))
        number = next(self._numbers)
        self._folders[number] = (Inode(inode), handle)
        return number

    async def readdir(self, fh: int, start_id: int, token: pyfuse3.ReaddirToken) -> None:
        """Hand out rows with their attributes until the kernel has enough."""
        if not self._call("readdir", Priority.LISTING, self._give_nowait, fh, start_id, token):
            await self._answer("readdir", METADATA_WITHIN_S, self._give, fh, start_id, token)

    def _give_nowait(self, fh: int, start_id: int, token: pyfuse3.ReaddirToken) -> bool:
        """Hand out rows that are at hand, as they were rendered for whoever came first."""
        rows = self._folders[fh][1].at_hand(start_id)
        if rows is None:
            return False
        if rows.rendered is None:
            rows.rendered = self._appearance.rendered(rows)
        taken, reply = 0, pyfuse3.readdir_reply
        for name, shown, cookie in rows.rendered[start_id:]:
            if not reply(token, name, shown, cookie):
                break
            taken += 1
        rows.took(start_id, taken)
        return True

    async def _give(self, fh: int, start_id: int, token: pyfuse3.ReaddirToken) -> None:
        try:
            await self._folders[fh][1].give(start_id, self._appearance.into(token))
        except errors.NotFound as exc:
            # glibc takes ENOENT from getdents(2) for the end of the folder, which would look empty
            # (readdir(3), sysdeps/unix/sysv/linux/readdir.c); an empty folder is what mirrors wipe.
            raise errors.Gone(str(exc)) from exc

    @_at_once
    def releasedir(self, fh: int) -> None:
        """Let go of a folder."""
        _, folder = self._folders.pop(fh)
        folder.close()

    # --- files ------------------------------------------------------------------------------------

    @_opening
    async def open(self, inode: int, flags: int, ctx: pyfuse3.RequestContext) -> pyfuse3.FileInfo:
        """Open a file for reading; asks nobody, and waits only where files are counted."""
        if flags & os.O_ACCMODE != os.O_RDONLY or flags & (os.O_TRUNC | os.O_CREAT):
            _refuse()
        handle = await self._guard.open(
            ctx.pid, functools.partial(self._filesystem.open_file, Inode(inode))
        )
        number = next(self._numbers)
        self._files[number] = handle
        return pyfuse3.FileInfo(
            fh=pyfuse3.FileHandleT(number),
            direct_io=handle.direct_io,
            keep_cache=handle.keep_cache,
        )

    # pyfuse3 replies from any contiguous buffer; its stub says bytes.
    async def read(  # type: ignore[override]
        self, fh: int, off: int, size: int
    ) -> memoryview | bytes:
        """Return bytes of an open file: at once when they are in memory."""
        data = self._call("read", Priority.READING, self._read_nowait, fh, off, size)
        if data is not None:
            return data
        return await self._answer("read", READ_WITHIN_S, self._read, fh, off, size)

    def _read_nowait(self, fh: int, off: int, size: int) -> memoryview | bytes | None:
        file = self._files[fh]
        priority.set(file.urgency)
        return file.read_nowait(off, size)

    async def _read(self, fh: int, off: int, size: int) -> memoryview | bytes:
        return await self._files[fh].read(off, size)

    @_metadata
    async def release(self, fh: int) -> None:
        """Let go of a file; its read-ahead ends."""
        await self._files.pop(fh).close()

    # --- the whole ----------------------------------------------------------------------------

    @_metadata
    async def statfs(self, ctx: pyfuse3.RequestContext) -> pyfuse3.StatvfsData:
        """Return the capacity as last known."""
        return capacity(self._filesystem.space())

    # --- writes: there are none -------------------------------------------------------------------

    @_metadata
    async def _write(self, *args: Any, **kwargs: Any) -> NoReturn:
        _refuse()

    setattr = mknod = mkdir = unlink = rmdir = symlink = rename = link = create = write = _write
    setxattr = removexattr = _write


class AttributeOperations(Operations):
    """The handlers of a mount with extended attributes (``-o xattr``).

    Args:
        filesystem, appearance, guard: As ``Operations``.
        attributes: Answers them.
    """

    def __init__(
        self,
        filesystem: Filesystem,
        appearance: Appearance,
        guard: Guard,
        attributes: ExtendedAttributes,
    ) -> None:
        super().__init__(filesystem, appearance, guard)
        self._attributes = attributes

    @_metadata
    async def listxattr(
        self, inode: int, ctx: pyfuse3.RequestContext
    ) -> Sequence[pyfuse3.XAttrNameT]:
        """Return the names of the attributes that cost nothing."""
        names = await self._attributes.names(Inode(inode))
        return [pyfuse3.XAttrNameT(_bytes(name)) for name in names]

    @_metadata
    async def getxattr(self, inode: int, name: bytes, ctx: pyfuse3.RequestContext) -> bytes:
        """Return one attribute; who asks matters for those that are secret."""
        return _bytes(await self._attributes.value(Inode(inode), os.fsdecode(name), ctx.uid))


def _bytes(text: str) -> bytes:
    # A provider's own name may hold any character, also those that are no Unicode text.
    return text.encode("utf-8", "surrogatepass")


def _refuse() -> NoReturn:
    raise errors.ReadOnly("this mount is read-only")


def _is_not_an_answer(exc: BaseException) -> bool:
    return not isinstance(exc, (Exception, BaseExceptionGroup))
