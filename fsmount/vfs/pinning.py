"""Files that people want kept: found in the tree, fetched behind everybody, never evicted.

A *wish* is a path that a person named, a file or a folder with all that is below. It is worked off
in a task of the mount: its folders are listed, what it came to is written down, what is missing is
read block by block at the priority of a crawl, so that whoever reads goes first. It is looked at
again as soon as a listing, whoever wanted it, brings something else of a folder that it is about,
and now and then in any case: what has changed is fetched anew, and its old version may go.
"""

from __future__ import annotations

import logging
from collections import Counter
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import trio

from fsmount import errors
from fsmount.cache.buffers import BLOCK
from fsmount.cache.memory import cells_of
from fsmount.cache.records import charge_of_file
from fsmount.errors import FsmountError
from fsmount.model import Priority, priority
from fsmount.store.files import in_thread
from fsmount.vfs.survey import patiently, survey
from fsmount.vfs.wishes import Room, Wish, is_at_or_below, left_out

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping

    from fsmount.cache.disk import DiskCache
    from fsmount.model import ContentKey
    from fsmount.store.pins import PinStore
    from fsmount.vfs.filesystem import FileHandle, Filesystem

log = logging.getLogger(__name__)

LOOK_EVERY_S = 600.0
"""How often what is wanted is compared with the tree, when nobody else lists its folders. It costs
calls only where a listing is older than listings may be."""

RETRY_S = 60.0
"""After a failure; the cause is mostly the network, which does not hurry back."""

_SETTLE_S = 2.0
"""After a listing that brought something else: others often follow, and one look does for all."""

_BLOCK_WITHIN_S = 120.0
_WRITE_WITHIN_S = 20.0
_PASSES = 3  # a disk that hesitates leaves holes, which are read once more
_REASONS = 20


class Pins:
    """The wishes of one mounted tree.

    Invariants: a content is pinned in the disk cache exactly while ``_files`` has it at some path;
    the store has what ``_files`` and ``_wishes`` have, but for what is being written. One wish is
    worked on at a time, by ``run``; ``add`` and ``remove`` may come between any two of its steps,
    so it looks whether its wish still stands after each await that matters.

    Args:
        filesystem: The tree.
        disk: Keeps the blocks.
        store: Keeps the wishes.
        tree: Names the tree in the store.
        wishes: What the store has.
        files: What the store has of it; the disk cache was opened with these pinned.
    """

    def __init__(
        self,
        filesystem: Filesystem,
        disk: DiskCache,
        store: PinStore,
        tree: str,
        wishes: Iterable[str],
        files: Mapping[str, ContentKey],
    ) -> None:
        self._filesystem = filesystem
        self._disk = disk
        self._store = store
        self._tree = tree
        self._files = dict(files)
        self._uses = Counter(self._files.values())
        self._wishes = {path: Wish(path=path) for path in wishes}
        self._refused: dict[str, Wish] = {}
        self._wake = trio.Event()

    @property
    def pinned(self) -> Mapping[str, ContentKey]:
        """What is to be kept, by path."""
        return self._files

    @property
    def bytes(self) -> int:
        """What the pinned files take of the disk budget when they are whole."""
        return sum(charge_of_file(key.size) for key in self._uses)

    def told(self, path: str | None = None) -> list[dict[str, object]]:
        """Return how far the wishes have come, or the one for ``path``, as plain data."""
        wishes = {**self._refused, **self._wishes}
        return [wish.told() for wish in wishes.values() if path is None or wish.path == path]

    async def add(self, path: str) -> None:
        """Want what is at ``path``; it is looked for and fetched behind.

        Raises:
            FsmountError: There is no disk cache, or the wish cannot be written down.
        """
        if self._disk.is_off:
            raise FsmountError(
                "there is no disk cache to keep it in",
                advice="mount without cache=0; the log says why when it is off all the same",
            )
        self._refused.pop(path, None)
        if path not in self._wishes:
            await in_thread(lambda: self._store.add_wish(self._tree, path))
            self._wishes[path] = Wish(path=path, accepted=False)
        wish = self._wishes[path]
        wish.state, wish.due, wish.reasons = "waiting", 0.0, []
        self._wake.set()

    async def remove(self, path: str) -> int:
        """Want what is at ``path`` no longer, nor what was wanted below it.

        Returns:
            How many files may be evicted now.

        Raises:
            FsmountError: It is not pinned, or only as a part of something else.
        """
        gone = [wish for wish in self._wishes if is_at_or_below(wish, path)]
        if not gone:
            above = next((wish for wish in self._wishes if is_at_or_below(path, wish)), None)
            if above is not None:
                raise FsmountError(
                    f'"{path}" is kept as a part of "{above or "/"}"', advice="unpin that"
                )
            raise FsmountError(f'"{path or "/"}" is not pinned')
        for wish in gone:
            await in_thread(partial(self._store.remove_wish, self._tree, wish))
            self._wishes.pop(wish, None)
        loose = {path: None for path in self._files if not self._is_wanted(path)}
        await self._change(loose)
        return len(loose)

    async def run(self) -> None:
        """Work off wishes for ever."""
        priority.set(Priority.CRAWL)
        self._filesystem.watch(self._listed_anew)
        while True:
            now = trio.current_time()
            wish = min(self._wishes.values(), key=lambda wish: wish.due, default=None)
            if wish is None or wish.due > now:
                with trio.move_on_after(LOOK_EVERY_S if wish is None else wish.due - now):
                    await self._wake.wait()
                self._wake = trio.Event()
                continue
            await self._work(wish)

    def _listed_anew(self, folder: str) -> None:
        """Look again soon at what is wanted of ``folder``, above or below it."""
        soon = trio.current_time() + _SETTLE_S
        for wish in self._wishes.values():
            if is_at_or_below(folder, wish.path) or is_at_or_below(wish.path, folder):
                wish.due = min(wish.due, soon)
                self._wake.set()

    # --- one wish -----------------------------------------------------------------------------

    async def _work(self, wish: Wish) -> None:
        """Bring ``wish`` as far as it goes now; never raises what a wish may meet."""
        wish.due = trio.current_time() + LOOK_EVERY_S
        failed: list[str] = []
        try:
            failed = await self._fulfil(wish)
        except FsmountError as exc:
            failed = [str(exc)]
        except Exception as exc:  # let out, one wish would end the mount
            log.exception("keeping what is pinned broke path=%r", wish.path)
            failed = [f"{type(exc).__name__}, the log says more"]
        if not self._stands(wish) or wish.state == "refused":
            return
        wish.reasons = failed[:_REASONS]
        wish.state = "failed" if failed else "kept"
        if failed:
            wish.due = min(wish.due, trio.current_time() + RETRY_S)
            log.info("not all of pinned path=%r is kept: %s", wish.path, failed[0])

    async def _fulfil(self, wish: Wish) -> list[str]:
        """Find, write down and fetch what a wish comes to; return what failed."""
        if wish.state != "kept":
            wish.state = "listing"
        found = await survey(self._filesystem, wish.path)
        if not self._stands(wish):
            return []
        stay = {
            path: key
            for path, key in self._files.items()
            if not is_at_or_below(path, wish.path)
            or (path not in found.files and not found.is_gone(path))
        }
        files, failed = found.files, found.failed
        # Where others fill the disk now, what was accepted is no less wanted.
        room = Room.within(self._disk.most if wish.accepted else self._disk.limit)
        refusal = room.refusal(wish.path, files.values(), stay.values())
        if refusal is not None and not wish.accepted:
            await self._refuse(wish, refusal)
            return []
        if refusal is not None:
            # What is there already goes before what is new.
            files = dict(sorted(files.items(), key=lambda each: each[0] not in self._files))
            files = room.fitting(files, stay.values())
            failed = [left_out(found.files, files, room), *failed]
        wish.accepted = True
        changes: dict[str, ContentKey | None] = {
            path: None for path in self._files if path not in stay and path not in files
        }
        changes.update({path: key for path, key in files.items() if self._files.get(path) != key})
        if any(changes.values()):
            wish.state = "listing"  # what is new is not kept, how much it is comes next
        await self._change(changes)
        await self._count(wish, list(files.values()))
        for path, key in files.items():
            if not self._stands(wish) or wish.kept >= wish.total:
                break
            try:
                await self._bring(wish, path, key)
            except FsmountError as exc:
                failed.append(f"{path}: {exc}")
        return failed

    async def _refuse(self, wish: Wish, refusal: str) -> None:
        wish.state, wish.reasons = "refused", [refusal]
        await in_thread(lambda: self._store.remove_wish(self._tree, wish.path))
        if self._stands(wish):
            del self._wishes[wish.path]
        self._refused[wish.path] = wish

    async def _count(self, wish: Wish, keys: list[ContentKey]) -> None:
        """Set how much there is to keep, and how much of it is kept."""
        total = kept = 0
        for key in keys:
            total += key.size
            kept += key.size - _length(self._missing(key))
            await trio.lowlevel.checkpoint()
        wish.files, wish.total, wish.kept = len(keys), total, kept
        if kept < total:
            wish.state = "fetching"

    async def _bring(self, wish: Wish, path: str, key: ContentKey) -> None:
        """Have the missing blocks of one file on disk.

        Raises:
            FsmountError: They cannot be read, or the disk does not take them.
        """
        missing = self._missing(key)
        others = wish.kept - (key.size - _length(missing))
        for _ in range(_PASSES):
            if not missing or not self._stands(wish):
                return
            node = await patiently(lambda: self._filesystem.find(path))
            if self._filesystem.content(node.inode) != key:
                raise errors.Changed("it is another version now, which is fetched soon")
            handle = self._filesystem.open_file(node.inode)
            try:
                for start, stop in missing:
                    await _read(handle, start, stop)
                    self._filesystem.keep(node.inode)
                    await self._written()
                    if not self._stands(wish):
                        return
                    if self._has(key, start, stop):
                        wish.kept += stop - start
            finally:
                await handle.close()
            await self._written()
            missing = self._missing(key)
            wish.kept = others + key.size - _length(missing)
        if missing:
            raise errors.StoreFault("the disk cache does not take it: it is full, slow or failing")

    async def _written(self) -> None:
        """Let the disk take what it owes, so that memory is not full of it."""
        with trio.move_on_after(_WRITE_WITHIN_S):
            await self._disk.drain()

    def _missing(self, key: ContentKey) -> list[tuple[int, int]]:
        """Return the blocks of a content that are not wholly on disk, (start, stop) each."""
        blocks = ((start, min(start + BLOCK, key.size)) for start in range(0, key.size, BLOCK))
        return [(start, stop) for start, stop in blocks if not self._has(key, start, stop)]

    def _has(self, key: ContentKey, start: int, stop: int) -> bool:
        return not cells_of(0, stop - start) & ~self._disk.keeps(key, start // BLOCK)

    def _stands(self, wish: Wish) -> bool:
        return self._wishes.get(wish.path) is wish

    def _is_wanted(self, path: str) -> bool:
        return any(is_at_or_below(path, wish) for wish in self._wishes)

    async def _change(self, changes: Mapping[str, ContentKey | None]) -> None:
        """Note what is to be kept at some paths, and have the disk cache pin just that."""
        if not changes:
            return
        await in_thread(lambda: self._store.change_files(self._tree, changes))
        for path, key in changes.items():
            old = self._files.pop(path, None)
            if key is not None:
                self._files[path] = key
                self._uses[key] += 1
                self._disk.pin(key)
            if old is not None:
                self._uses[old] -= 1
                if not self._uses[old]:
                    del self._uses[old]
                    self._disk.unpin(old)


async def _read(handle: FileHandle, start: int, stop: int) -> None:
    """Have a block in memory; the disk is offered it by itself."""
    with trio.move_on_after(_BLOCK_WITHIN_S):
        await handle.read(start, stop - start)
        return
    raise errors.TimedOut("a block did not come in time")


def _length(spans: Iterable[tuple[int, int]]) -> int:
    return sum(stop - start for start, stop in spans)


@asynccontextmanager
async def open_pins(
    filesystem: Filesystem,
    disk: DiskCache,
    store: PinStore,
    tree: str,
    files: Mapping[str, ContentKey],
) -> AsyncIterator[Pins]:
    """Open the wishes of ``tree``; they are worked off in a nursery of their own.

    Args:
        filesystem: The tree.
        disk: Opened with the contents of ``files`` pinned.
        store: Keeps the wishes.
        tree: Names the tree in the store.
        files: Those of the store's that fit, by path.
    """
    wishes = await in_thread(lambda: store.wishes(tree))
    pins = Pins(filesystem, disk, store, tree, wishes, files)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pins.run)
        yield pins
        nursery.cancel_scope.cancel()


def load_files(store: PinStore, tree: str, most: int) -> dict[str, ContentKey]:
    """Return what is to be kept of ``tree`` where cached blocks may take ``most`` bytes. Blocks.

    What does not fit any more is struck off; the wish that it came from finds it again.
    """
    files = store.files(tree)
    fits = Room.within(most).fitting(files)
    if len(fits) < len(files):
        store.change_files(tree, dict.fromkeys(files.keys() - fits.keys()))
    return fits
