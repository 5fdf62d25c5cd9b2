"""Creating, renaming, moving, copying, deleting and restoring.

Source: wire Cloudreve V4 §9 and the create_*, rename_*, move_*, copy_*, delete_* recordings
(server of 2025-06-21). Everything happens in memory; the served directory is never written.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.emulators.cloudreve import batches
from tests.emulators.cloudreve.envelope import Panicked, Refused, invalid
from tests.emulators.cloudreve.locks import conflict, momentary
from tests.emulators.cloudreve.places import not_found, not_supported
from tests.emulators.cloudreve.trash import RESTORE_URI
from tests.emulators.cloudreve.uris import FileUri, parse

if TYPE_CHECKING:
    from tests.emulators.clock import Clock
    from tests.emulators.cloudreve.locks import Locks
    from tests.emulators.cloudreve.places import Place, Places
    from tests.emulators.cloudreve.settings import Settings
    from tests.emulators.cloudreve.trash import Trash
    from tests.emulators.cloudreve.tree import Node, Tree
    from tests.emulators.cloudreve.users import User

_LONGEST_NAME = 255  # bytes of UTF-8: 85 CJK characters pass, 86 do not
_ILLEGAL = frozenset('\\/:*?"<>|')


def is_legal(name: str) -> bool:
    """Whether the server takes a name; newlines and spaces at either end are fine."""
    size = len(name.encode("utf-8", "surrogatepass"))
    return 0 < size <= _LONGEST_NAME and name not in (".", "..") and not _ILLEGAL & set(name)


def existed() -> Refused:
    """40004: there is something of that name."""
    return Refused(40004, "Object existed")


class Changes:
    """The verbs that change a drive."""

    def __init__(
        self,
        tree: Tree,
        places: Places,
        trash: Trash,
        locks: Locks,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._tree = tree
        self._places = places
        self._trash = trash
        self._locks = locks
        self._settings = settings
        self._clock = clock

    def create(self, body: dict[str, Any], user: User) -> Place:
        """Make a file or folder with its missing parents; what exists already is a success.

        Raises Refused 40001, 40004, 40052, 401, 403; Panicked when that defect is on.
        """
        if body.get("type") not in ("file", "folder"):
            raise invalid("Invalid parameters.")
        is_folder = body["type"] == "folder"
        uri = parse(body.get("uri", ""))
        above = self._places.find_new(uri, user)
        missing = uri.names[len(above.uri.names) :]
        if not missing:
            raise existed()
        if not all(map(is_legal, missing)):
            raise Refused(40052, "Invalid object name")
        known = self._tree.child(above.node, missing[0]) if len(missing) == 1 else None
        if known is not None:
            # The field is `err_on_conflict`; other spellings are ignored silently (§9).
            if known.is_folder != is_folder or body.get("err_on_conflict"):
                raise existed()
            return replace(above, uri=uri, node=known)
        node = self.make(above, missing, is_folder=is_folder)
        node.metadata.update(body.get("metadata") or {})
        if not is_folder and self._settings.on("empty-file-500"):
            raise Panicked
        return replace(above, uri=uri, node=node)

    def make(self, above: Place, names: tuple[str, ...], *, is_folder: bool) -> Node:
        """Make a chain of folders below a place, and at its end a folder or an empty file."""
        node = above.node
        for position, name in enumerate(names, 1):
            folder = is_folder or position < len(names)
            child = self._tree.new_node(name, is_folder=folder, time_ns=self._clock.now_ns())
            node.adopt(child)
            node = child
        return node

    def rename(self, body: dict[str, Any], user: User) -> Place:
        """Give a node another name in its folder; never replaces what has that name."""
        place = self._places.find(parse(body.get("uri", "")), user)
        name = body.get("new_name")
        if place.is_root or not place.writable:
            raise not_supported()
        self._locks.check(place.node, user)
        if not isinstance(name, str) or not is_legal(name):
            raise Refused(40052, "Invalid object name")
        folder = place.node.parent
        assert folder is not None
        there = self._tree.child(folder, name)
        if there is not None and there is not place.node:
            raise existed()
        folder.part_with(place.node)
        place.node.name = name
        place.node.updated_ns = self._clock.now_ns()
        folder.adopt(place.node)
        return replace(place, uri=replace(place.uri, names=(*place.uri.names[:-1], name)))

    def move(self, body: dict[str, Any], user: User) -> None:
        """Move or copy into a folder: conflicts stop all, a missing source stops only itself."""
        target = self._places.find(parse(body.get("dst", "")), user)
        if not target.node.is_folder or not target.writable:
            raise not_supported()
        sources: list[Place] = []
        failure: Refused | None = None
        try:
            batches.each(
                batches.read(body),
                self._places,
                user,
                lambda place: sources.append(_movable(place, target)),
                while_finding="failed to get file: ",
            )
        except Refused as exc:
            failure = exc
        copying = bool(body.get("copy"))
        for place in sources:
            self._locks.check(place.node, user)
            if place.node.parent is target.node and not copying:
                raise conflict([momentary(str(place.uri), "moveCopy")])
            if self._tree.child(target.node, place.node.name) is not None:
                raise existed()
        for place in sources:
            if copying:
                target.node.adopt(self._copy(place.node))
            elif place.node.parent is not None:
                place.node.parent.part_with(place.node)
                target.node.adopt(place.node)
        if failure is not None:
            raise failure

    def delete(self, body: dict[str, Any], user: User) -> None:
        """Throw away, or delete for good; what is missing does not keep the rest."""
        if body.get("unlink") and not user.group.may_unlink:
            raise Refused(403, "advance delete permission is required")
        doomed: list[Place] = []
        failure: Refused | None = None
        try:
            batches.each(
                batches.read(body),
                self._places,
                user,
                lambda place: doomed.append(_deletable(place)),
            )
        except Refused as exc:
            failure = exc
        for place in doomed:
            self._locks.check(place.node, user)
        for place in doomed:
            self._delete(place, for_good=bool(body.get("skip_soft_delete")))
        if failure is not None:
            raise failure

    def restore(self, body: dict[str, Any], user: User) -> None:
        """Put things from the trash back where they were."""

        def one(place: Place) -> None:
            if place.uri.fs != "trash" or place.is_root:
                raise not_supported()
            home = parse(place.node.metadata[RESTORE_URI])
            folder = self._places.find(replace(home, names=home.names[:-1]), user).node
            if self._tree.child(folder, place.node.name) is not None:
                raise existed()
            folder.adopt(self._trash.take(user, place.uri.names[0]))

        batches.each(batches.read(body), self._places, user, one)

    def _copy(self, node: Node) -> Node:
        """A node with a new id and the same primary entity; versions are not copied."""
        now_ns = self._clock.now_ns()
        copy = self._tree.new_node(node.name, is_folder=node.is_folder, time_ns=now_ns)
        copy.metadata = dict(node.metadata)
        if node.primary is not None:
            copy.add(node.primary)
            copy.show(node.primary, now_ns)
        if node.is_folder:
            self._tree.look(node)
            for child in node.children.values():
                copy.adopt(self._copy(child))
        return copy

    def _delete(self, place: Place, *, for_good: bool) -> None:
        node = place.node
        if place.uri.fs == "trash":
            self._tree.forget(self._trash.take(place.user, place.uri.names[0]))
            return
        if node.parent is None:
            raise not_found(node.name)  # it went with its folder, earlier in this very call
        uri = str(FileUri(fs="my", names=place.uri.names))
        node.parent.part_with(node)
        if for_good:
            self._tree.forget(node)
        else:
            self._trash.put(place.user, node, uri, self._clock.now_ns())


def _movable(place: Place, target: Place) -> Place:
    if not place.writable or place.is_root:
        way = f"form {place.uri} to {target.uri}"
        raise not_supported(f"cannot move or copy file {way}")
    if place.node in (target.node, *target.node.lineage()):
        raise not_supported("cannot move or copy folder to itself or its descendant")
    return place


def _deletable(place: Place) -> Place:
    if place.share is not None:
        raise not_supported("action '\\x0e' is not supported under current fs")
    if place.is_root:
        raise not_supported("cannot delete root folder")
    return place
