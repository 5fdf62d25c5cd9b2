"""Creating, renaming, moving, copying, deleting and restoring; saving what is shared.

Sources: PDS §6.3, Aliyundrive §8, §B5, Aliyundrive Open §5.2. Everything happens in memory.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tests.emulators.pds.errors import Refused, invalid

if TYPE_CHECKING:
    from tests.emulators.clock import Clock
    from tests.emulators.pds.reach import Place
    from tests.emulators.pds.settings import Settings
    from tests.emulators.pds.storage import Storage
    from tests.emulators.pds.tasks import Tasks
    from tests.emulators.pds.tree import Node, Tree

_LONGEST_NAME = 1024  # bytes of UTF-8
_MODES = ("ignore", "auto_rename", "refuse", "overwrite")
_NS = 1_000_000_000


class Changes:
    """The verbs that change a drive."""

    def __init__(
        self, tree: Tree, tasks: Tasks, storage: Storage, settings: Settings, clock: Clock
    ) -> None:
        self._tree = tree
        self._tasks = tasks
        self._storage = storage
        self._settings = settings
        self._clock = clock

    def make_folder(self, place: Place, parent: Node, name: str, mode: str) -> tuple[Node, bool]:
        """A folder of that name, and whether it was there; `a/b/c` makes the chain."""
        names = [check_name(one) for one in name.split("/") if one]
        if not names:
            raise invalid("name")
        node, existed = parent, False
        for position, one in enumerate(names, 1):
            last = position == len(names)
            free, there = self.free_name(node, one, mode if last else "refuse")
            existed = there is not None
            if there is None:
                there = self._tree.new_node(free, is_folder=True, time_ns=self._clock.now_ns())
                node.adopt(there)
            node = there
        return node, existed

    def free_name(self, folder: Node, name: str, mode: str) -> tuple[str, Node | None]:
        """The name to use in a folder, and with "refuse" what has it already; raises Refused."""
        if mode not in _MODES:
            raise invalid("check_name_mode")
        self._tree.look(folder)
        there = folder.named(name)
        if there is None or mode in ("ignore", "overwrite"):
            return name, None
        if mode == "refuse":
            return name, there
        stem, dot, tail = name.rpartition(".")
        stamp = time.strftime("_%Y%m%d_%H%M%S", time.gmtime(self._clock.now()))
        base = f"{stem}{stamp}{dot}{tail}" if dot and stem else f"{name}{stamp}"
        number = 1
        while folder.named(base if number == 1 else f"{base}({number})") is not None:
            number += 1
        return base if number == 1 else f"{base}({number})", None

    def rename(self, node: Node, name: str, mode: str) -> Node:
        """Give a node another name; raises Refused AlreadyExist.File."""
        check_name(name)
        if node.parent is None:
            raise Refused("ForbiddenNoPermission.File")
        if name != node.name:
            free, there = self.free_name(node.parent, name, mode)
            if there is not None:
                raise self.clash(there)
            node.name = free
            node.updated_ns = self._clock.now_ns()
            node.touch()
        return node

    def clash(self, there: Node) -> Refused:
        """409: something has that name."""
        text = "The resource file has already exists. drive has the same file, can't update"
        return Refused("AlreadyExist.File", f"{text}, file_id {there.file_id}")

    def move(
        self, node: Node, target: Place, folder: Node, *, name: str | None, mode: str
    ) -> Node | None:
        """Move a node; gives what is in the way with "refuse", None when it was moved."""
        if node.parent is None or node in folder.lineage():
            raise Refused("ForbiddenNoPermission.File")
        free, there = self.free_name(folder, check_name(name or node.name), mode)
        if there is not None and there is not node:
            return there
        node.parent.part_with(node)
        node.name = free
        node.updated_ns = self._clock.now_ns()
        folder.adopt(node)
        return None

    def copy(
        self, node: Node, target: Place, folder: Node, *, name: str | None, rename: bool
    ) -> tuple[Node, str]:
        """Copy a node, from wherever, into a drive; a folder is a task ("" for none).

        Raises Refused QuotaExhausted.Drive.
        """
        size = self._tree.size(node) if node.is_folder else node.size
        self.reserve(target, size)
        free, _ = self.free_name(
            folder, check_name(name or node.name), "auto_rename" if rename else "ignore"
        )
        if not node.is_folder:
            twin = self._tree.copy(node, self._clock.now_ns())
            twin.name = free
            folder.adopt(twin)
            return twin, ""
        twin = self._tree.new_node(free, is_folder=True, time_ns=self._clock.now_ns())

        def finish() -> None:
            self._tree.look(node)
            for child in list(node.children.values()):
                twin.adopt(self._tree.copy(child, self._clock.now_ns()))
            folder.adopt(twin)

        count = 1 + sum(1 for _ in self._tree.walk(node))
        return twin, self._tasks.start(finish, count)

    def reserve(self, place: Place, size: int) -> None:
        """Raise Refused QuotaExhausted.Drive when a drive has no room for so many bytes."""
        if self._settings.capacity_bytes < self._tree.size(place.drive.root) + size:
            raise Refused("QuotaExhausted.Drive")

    def trash(self, place: Place, node: Node) -> None:
        """Put a node into the recycle bin; raises Refused."""
        if node.parent is None or node.is_trashed:
            raise Refused("ForbiddenFileInTheRecycleBin" if node.is_trashed else "NotFound.File")
        node.former = node.parent
        node.parent.part_with(node)
        node.trashed_ns = self._clock.now_ns()
        place.drive.bin.adopt(node)

    def restore(self, place: Place, node: Node) -> None:
        """Put a node back to where it was, or into the root when that is gone."""
        if node.parent is not place.drive.bin:
            raise Refused("NotFound.File")
        home = node.former
        if home is None or home.is_trashed or home.top is not place.drive.root:
            home = place.drive.root
        place.drive.bin.part_with(node)
        node.trashed_ns = node.former = None
        home.adopt(node)

    def delete(self, node: Node) -> None:
        """Delete for good, from the drive or the bin."""
        if node.parent is None:
            raise Refused("ForbiddenNoPermission.File")
        for one in [node, *self._tree.walk(node)]:
            if one.content is not None:
                self._storage.remember(one.content)
        node.parent.part_with(node)
        self._tree.forget(node)

    def clear(self, place: Place) -> None:
        """Empty the recycle bin."""
        for node in list(place.drive.bin.children.values()):
            self.delete(node)

    def task(self) -> str:
        """A task for work that is done already: some calls give one for folders."""
        return self._tasks.start(lambda: None)


def check_name(name: Any) -> str:
    """The name; raises Refused when the service does not take it."""
    if not isinstance(name, str) or not 0 < len(name.encode()) <= _LONGEST_NAME or "/" in name:
        raise invalid("name")
    return name
