"""Changes to the drive, with the service's own rules about names, and the recycle bin.

Source: wire 115 §7.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.emulators.p115 import envelope
from tests.emulators.p115.ids import number_of

if TYPE_CHECKING:
    from tests.emulators.clock import Clock
    from tests.emulators.p115.settings import Settings
    from tests.emulators.p115.tree import Node, Tree

EXISTS, NO_PARENT, BUSY, WRONG_KEY = 20004, 20009, 990009, 320001
_NO_NAME, _LONG_NAME, _BAD_NAME = 20001, 20002, 20003
_INTO_ITSELF_MOVED, _INTO_ITSELF_COPIED, _CONFIRM = 91002, 800006, 800007
_LONGEST_NAME = 255
_FORBIDDEN = frozenset('"<>')


@dataclass(slots=True, kw_only=True, eq=False)
class Deleted:
    """What lies in the recycle bin, and where it was; times in nanoseconds since 1970."""

    id: int
    node: Node
    parent: Node
    time_ns: int


class Changes:
    """Obeys changes; raises Refused for those that the service refuses."""

    def __init__(self, tree: Tree, settings: Settings, clock: Clock) -> None:
        self._tree = tree
        self._settings = settings
        self._clock = clock
        self._busy_until = 0.0
        self._asked: set[tuple[str, ...]] = set()
        self.bin: dict[int, Deleted] = {}

    def make_folder(self, parent: str, name: str) -> Node:
        """Make a folder; its name must be free."""
        folder = self._folder(parent)
        _checked(name)
        self._tree.look(folder)
        if any(child.is_folder and child.name == name for child in folder.children.values()):
            raise envelope.web(EXISTS, "该目录名称已存在。")
        return self._tree.make(folder, name, self._clock.now_ns())

    def rename(self, number: str, name: str) -> str | None:
        """The name that something really gets; None when nothing changed or nothing is there."""
        node = self._node(number)
        if node is None or node.parent is None:
            return None
        _checked(name)
        wanted = name if node.is_folder else _with_extension(node.name, name)
        if wanted == node.name:
            return None
        siblings = {one.name for one in node.parent.children.values() if one is not node}
        stem, extension = os.path.splitext(wanted)
        number_in_name = 1
        while wanted in siblings:
            wanted = f"{stem}({number_in_name}){extension}"
            number_in_name += 1
        node.name = wanted
        node.parent.generation += 1
        return wanted

    def move(self, numbers: list[str], target: str) -> None:
        """Move; into a folder that does not exist, too, and what was moved there is lost (§7)."""
        self._wait()
        folder = self._tree.nodes.get(int(target)) if target.isdecimal() else None
        for node in self._present(numbers):
            if folder is not None and folder in (node, *self._tree.below(node)):
                raise envelope.web(_INTO_ITSELF_MOVED, "不能将文件移动到自身或其子目录下")
            if node.parent is not None:
                node.parent.part_with(node)
            if folder is not None:
                folder.adopt(node)

    def copy(self, numbers: list[str], target: str) -> None:
        """Copy beside whatever has the same name."""
        self._wait()
        folder = self._folder(target)
        for node in self._present(numbers):
            if folder in (node, *self._tree.below(node)):
                raise envelope.web(_INTO_ITSELF_COPIED, "不能将文件复制到自身或其子目录下")
            self._tree.copy(node, folder, self._clock.now_ns())

    def delete(self, numbers: list[str]) -> None:
        """Put into the recycle bin; a folder keeps the service busy when that is switched."""
        self._wait()
        asked = tuple(numbers)
        if self._settings.on("delete-asks") and asked not in self._asked:
            self._asked.add(asked)
            raise envelope.web(_CONFIRM, "请确认是否删除")
        for node in self._present(numbers):
            if node.parent is None:
                continue
            number = number_of("bin", node.id, len(self.bin), self._clock.now_ns())
            now_ns = self._clock.now_ns()
            entry = Deleted(id=number, node=node, parent=node.parent, time_ns=now_ns)
            node.parent.part_with(node)
            self.bin[number] = entry
            if node.is_folder and self._settings.on("deletes-take-time"):
                self._busy_until = self._clock.now() + self._settings.delete_s

    def revert(self, numbers: list[str]) -> None:
        """Put back where it was, or into the root when that is gone."""
        self._wait()
        for number in numbers:
            entry = self.bin.pop(int(number), None) if number.isdecimal() else None
            if entry is not None:
                known = self._tree.nodes.get(entry.parent.id) is entry.parent
                (entry.parent if known else self._tree.root).adopt(entry.node)

    def purge(self, numbers: list[str], key: str) -> None:
        """Delete from the recycle bin for good: all of it when nothing is named."""
        if key != self._settings.security_key:
            raise envelope.web(WRONG_KEY, "安全密钥错误")
        for number in [int(text) for text in numbers if text.isdecimal()] or list(self.bin):
            entry = self.bin.pop(number, None)
            if entry is not None:
                self._tree.forget(entry.node)

    def _wait(self) -> None:
        if self._clock.now() < self._busy_until:
            raise envelope.web(BUSY, "删除[文件夹]操作尚未执行完成，请稍后再试！")

    def _node(self, number: str) -> Node | None:
        return self._tree.nodes.get(int(number)) if number.isdecimal() else None

    def _present(self, numbers: list[str]) -> list[Node]:
        found = [self._node(number) for number in numbers]
        nodes = [node for node in found if node is not None]
        if not nodes:
            raise envelope.web(NO_PARENT, envelope.MISSING)
        return nodes

    def _folder(self, number: str) -> Node:
        node = self._node(number)
        if node is None or not node.is_folder:
            raise envelope.web(NO_PARENT, envelope.MISSING)
        return node


def _checked(name: str) -> None:
    if not name:
        raise envelope.web(_NO_NAME, "名称不能为空。")
    if len(name) > _LONGEST_NAME:
        raise envelope.web(_LONG_NAME, "名称过长。")
    if _FORBIDDEN & set(name):
        raise envelope.web(_BAD_NAME, '名称不能包含下列任何字符："<>')


def _with_extension(old: str, new: str) -> str:
    """A file keeps its extension, also the one it does not have: `foo` becomes `bar.` (§7)."""
    extension = os.path.splitext(old)[1]
    stem, own = os.path.splitext(new)
    if extension:
        return f"{stem}{extension}"
    return f"{stem}." if own else new
