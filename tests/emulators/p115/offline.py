"""Downloads that the service makes into the drive, and how far they are by the emulator's clock.

Source: wire 115 §9.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    from tests.emulators.clock import Clock
    from tests.emulators.p115.settings import Settings
    from tests.emulators.p115.tree import Node, Tree

FAILED, QUEUED, RUNNING, DONE = -1, 0, 1, 2
BAD_LINK, EXISTS, NO_QUOTA, NO_FOLDER = 10004, 10008, 10010, 10014
TEXTS = {
    BAD_LINK: "链接格式错误",
    EXISTS: "任务已存在，请勿输入重复的链接地址",
    NO_QUOTA: "云下载配额不足",
    NO_FOLDER: "保存目录不存在",
}
_FOLDER = "云下载"
_SCHEMES = ("http", "https", "ftp", "magnet", "ed2k")
# A task waits for this part of its time before it runs.
_QUEUED_PART = 0.1


@dataclass(slots=True, kw_only=True, eq=False)
class Task:
    """One download; times in seconds since 1970."""

    url: str
    info_hash: str
    name: str
    is_folder: bool  # what a magnet link brings is a folder
    size: int
    added: float
    folder: Node | None
    fails: bool
    part: float = 0.0
    status: int = QUEUED
    result: Node | None = None


class Offline:
    """All tasks of the account, newest first."""

    def __init__(self, tree: Tree, settings: Settings, clock: Clock) -> None:
        self._tree = tree
        self._settings = settings
        self._clock = clock
        self._added = 0
        self.tasks: list[Task] = []

    @property
    def left(self) -> int:
        """How many tasks may still be added."""
        return max(0, self._settings.offline_quota - self._added)

    @property
    def used(self) -> int:
        """How many were."""
        return self._added

    def add(self, url: str, folder: str) -> Task | int:
        """Begin a download into the folder with this id, "" for the usual one; else an error."""
        url = url.strip()
        if not url or urlsplit(url).scheme not in _SCHEMES:
            return BAD_LINK
        target = self._tree.nodes.get(int(folder)) if folder.isdecimal() else None
        if folder and (target is None or not target.is_folder):
            return NO_FOLDER
        name, is_folder = _named(url)
        info_hash = hashlib.sha1(url.encode()).hexdigest()
        if any(task.info_hash == info_hash for task in self.tasks):
            return EXISTS
        if not self.left:
            return NO_QUOTA
        self._added += 1
        task = Task(
            url=url,
            info_hash=info_hash,
            name=name,
            is_folder=is_folder,
            size=self._settings.offline_bytes,
            added=self._clock.now(),
            folder=target,
            fails=any(part in url for part in self._settings.offline_failing),
        )
        self.tasks.insert(0, task)
        return task

    def advance(self) -> None:
        """Bring every task to where the clock is; what is done lies in the drive."""
        now = self._clock.now()
        for task in self.tasks:
            if task.status in (FAILED, DONE):
                continue
            life = self._settings.offline_s
            task.part = min(1.0, (now - task.added) / life) if life else 1.0
            task.status = QUEUED if task.part < _QUEUED_PART else RUNNING
            if task.part >= 1.0:
                task.status = FAILED if task.fails else DONE
                if task.status == DONE:
                    task.result = self._brought(task)

    def remove(self, hashes: list[str], *, with_files: bool) -> None:
        """Forget tasks, and when wished what they brought."""
        for task in [task for task in self.tasks if task.info_hash in hashes]:
            self.tasks.remove(task)
            if with_files and task.result is not None and task.result.parent is not None:
                task.result.parent.part_with(task.result)
                self._tree.forget(task.result)

    def clear(self, flag: int) -> None:
        """0 done, 1 all, 2 failed, 3 running, 4 done with files, 5 all with files."""
        chosen = {0: (DONE,), 2: (FAILED,), 3: (QUEUED, RUNNING), 4: (DONE,)}.get(flag)
        hashes = [task.info_hash for task in self.tasks if chosen is None or task.status in chosen]
        self.remove(hashes, with_files=flag in (4, 5))

    def _brought(self, task: Task) -> Node:
        now_ns = self._clock.now_ns()
        folder = task.folder
        if folder is None or self._tree.nodes.get(folder.id) is not folder:
            folder = self._usual_folder(now_ns)
        digest = hashlib.sha256(task.url.encode()).digest()
        content = (digest * (task.size // len(digest) + 1))[: task.size]
        if not task.is_folder:
            return self._tree.make(folder, task.name, now_ns, content)
        made = self._tree.make(folder, task.name, now_ns)
        self._tree.make(made, f"{task.name}.mkv", now_ns, content)
        return made

    def _usual_folder(self, now_ns: int) -> Node:
        root = self._tree.root
        self._tree.look(root)
        for child in root.children.values():
            if child.is_folder and child.name == _FOLDER:
                return child
        return self._tree.make(root, _FOLDER, now_ns)


def _named(url: str) -> tuple[str, bool]:
    """The name of what a link brings, and whether that is a folder."""
    parts = urlsplit(url)
    if parts.scheme == "magnet":
        query = parse_qs(parts.query)
        topic = query.get("xt", [""])[0].rpartition(":")[2]
        return query.get("dn", [topic or "magnet"])[0], True
    if parts.scheme == "ed2k":
        fields = unquote(url).split("|")
        return (fields[2] if len(fields) > 2 else "ed2k"), False
    return unquote(parts.path.rstrip("/").rpartition("/")[2]) or parts.netloc, False
