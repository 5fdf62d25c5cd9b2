"""Recognises a program that reads the files of a folder one by one, and brings the next heads.

``cp -r``, ``rsync``, ``grep -r``, an indexer or a photo viewer opens a file, reads it from its
start, closes it and opens the next. On a long link each costs a link call and a GET, one after
the other. Once a scan is recognised the links of the next files are asked in batches, where the
provider has them, and their heads are fetched a few files ahead.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
import trio

from fsmount.errors import FsmountError
from fsmount.health import State
from fsmount.model import Priority, priority
from fsmount.vfs.identity import content_key
from fsmount.vfs.nodes import Folder
from fsmount.vfs.order import ordered

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fsmount.model import Inode
    from fsmount.reader.stream import Reader
    from fsmount.vfs.border import Member
    from fsmount.vfs.nodes import Node
    from fsmount.vfs.tree import Tree

log = logging.getLogger(__name__)

_PAUSE_S = 10.0
"""Between the beginnings of two files: one of some size takes a while, a person takes longer."""

_STEPS = 2
"""Files read one after another, beyond the first, that make a scan."""

_NEAR = 8
"""Rows between two files of a scan: some are skipped, and several threads read out of order."""

_HEAD = 128 * 1024
"""Read of each file ahead; the reader brings more of it where the round trip is paid anyway."""

_MOST_AHEAD = 16
_AT_ONCE = 8
"""Heads on their way: beyond it they would only queue for the account."""

_LINKS = 64
"""Links asked ahead; a batch where the provider has batches."""

_SCANS = 4
"""Folders in which files are read one by one at the same time."""


@dataclass(slots=True, eq=False)
class _Scan:
    """The reading of one folder's files.

    Attributes:
        shown: What the folder shows.
        sort: How its member puts entries; see ``vfs.order``.
        first: The file that began it.
        seen_at: When a file was begun last, on trio's clock.
        steps: Files in a row.
        files: In the order of readdir; laid out when a second file is begun, since a folder may
            have 100,000 and most files are read alone.
        places: Of each in ``files``.
        last: Place of the furthest file begun.
        brought: Place up to which heads were asked for.
        linked: Place up to which links were asked for.
    """

    shown: Mapping[str, Node]
    sort: str
    first: Inode
    seen_at: float
    steps: int = 0
    files: list[Node] = field(default_factory=list)
    places: dict[Inode, int] = field(default_factory=dict)
    last: int = 0
    brought: int = 0
    linked: int = 0

    def lay_out(self) -> None:
        """Have ``files`` and ``places``."""
        if self.files:
            return
        files = (node for node in self.shown.values() if not isinstance(node, Folder))
        self.files = ordered(files, self.sort)
        self.places = {node.inode: place for place, node in enumerate(self.files)}
        self.last = self.places.get(self.first, 0)
        self.brought = self.linked = self.last + 1

    def step(self, node: Node, now: float) -> None:
        """Take in that ``node`` is begun as well."""
        self.seen_at = now
        further = self.places.get(node.inode, -1) - self.last
        if 0 < further <= _NEAR:
            self.steps += 1
            self.last += further
        elif not -_NEAR <= further <= 0:  # a little behind: one of several threads
            self.steps = 0
            self.last += further
            self.brought = self.linked = self.last + 1


class Scans:
    """The scans of one tree.

    What is brought ahead runs in tasks of its own, at the priority of prefetching; what it meets is
    only logged, since who reads the file asks again and is told.

    Args:
        tree: Read only.
        reader: Fetches and keeps the heads.
        spawn: Starts a task in the filesystem's nursery.
    """

    def __init__(self, tree: Tree, reader: Reader, *, spawn: Callable[..., object]) -> None:
        self._tree = tree
        self._reader = reader
        self._spawn = spawn
        self._scans: OrderedDict[Inode, _Scan] = OrderedDict()
        self._recognised_at: dict[str, float] = {}
        self._room = trio.CapacityLimiter(_AT_ONCE)

    def began(self, node: Node) -> None:
        """Take note that ``node`` is read from its start, and bring what is likely to be next."""
        folder, part = node.parent, node.part
        if folder is None or folder.children is None or part is None:
            return
        now, member = trio.current_time(), part.member
        scan = self._scans.get(folder.inode)
        if scan is None or now - scan.seen_at > _PAUSE_S or scan.shown is not folder.children:
            sort = folder.parts[0].member.sort if folder.parts else ""
            scan = _Scan(folder.children, sort, node.inode, now)
            self._scans[folder.inode] = scan
            # Whoever scanned the folder before this one goes on here.
            if now - self._recognised_at.get(member.identity, -_PAUSE_S) < _PAUSE_S:
                scan.steps = _STEPS
            while len(self._scans) > _SCANS:
                self._scans.popitem(last=False)
        else:
            scan.lay_out()
            scan.step(node, now)
        self._scans.move_to_end(folder.inode)
        if scan.steps >= _STEPS and member.health.report.state is State.ONLINE:
            self._recognised_at[member.identity] = now
            scan.lay_out()
            self._go_ahead(scan, member)

    def _go_ahead(self, scan: _Scan, member: Member) -> None:
        first = scan.last + 1
        stop = first + min(2**scan.steps, _MOST_AHEAD)
        if member.prepare is not None and stop > scan.linked and scan.linked < len(scan.files):
            batch = scan.files[max(scan.linked, first) : max(scan.linked, first) + _LINKS]
            scan.linked = max(scan.linked, first) + _LINKS
            self._spawn(member.prepare, [node.entry for node in batch])
        for node in scan.files[max(scan.brought, first) : stop]:
            self._spawn(self._bring, node)
        scan.brought = max(scan.brought, stop)

    async def _bring(self, node: Node) -> None:
        priority.set(Priority.PREFETCH)
        async with self._room:
            if not node.size or node.part is None or not self._tree.stands(node):
                return
            member, entry = node.part.member, msgspec.structs.replace(node.entry, size=node.size)
            key = content_key(member, entry)
            if self._reader.cached(key):
                return
            stream = self._reader.open(key, member.source(entry), self._tree.path(node))
            try:
                await stream.read(0, min(node.size, _HEAD))
            except FsmountError as exc:
                log.debug('not read ahead of need "%s": %s', self._tree.path(node), exc)
            finally:
                await stream.close()
