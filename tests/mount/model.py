"""What a provider has and ever had: the tree that a mount is held to.

The provider is a directory that an emulator serves; every change is made on disk and noted here, so
that it can be told later whether what a mount shows is something that the provider had, and since
when. Pure bookkeeping beside the files: nothing here looks into a mount.
"""

from __future__ import annotations

import os
import random
import shutil
from dataclasses import dataclass, field

Path = tuple[str, ...]
"""Names from the root down; the root is ()."""

_FIRST_MTIME_NS = 1_700_000_000_000_000_000


@dataclass(frozen=True, slots=True)
class Shown:
    """One entry of a folder.

    Attributes:
        is_folder: What it is.
        kind_number: Counts what was at its path: another kind of thing may have another inode.
        version: Of a file, its place among all versions that its path ever had.
    """

    is_folder: bool
    kind_number: int
    version: int = -1


@dataclass(frozen=True, slots=True)
class Version:
    """The bytes of a file, and when they were written."""

    content: bytes
    mtime_ns: int


@dataclass(slots=True)
class _History:
    """The states of one folder, oldest first, and the oldest that a mount may still show."""

    states: list[dict[str, Shown]]
    floor: int = 0


@dataclass(slots=True)
class Provider:
    """A directory that is served, with everything it ever had.

    Attributes:
        root: Served by an emulator.
        aside: On the same disk, not served: a file is written there and moved into its place.
        versions: Of each path that ever was a file, oldest first.
    """

    root: os.PathLike
    aside: os.PathLike
    versions: dict[Path, list[Version]] = field(default_factory=dict)
    _now: dict[Path, dict[str, Shown]] = field(default_factory=lambda: {(): {}})
    _histories: dict[Path, _History] = field(default_factory=dict)
    _kinds: dict[Path, list[bool]] = field(default_factory=dict)
    _writes: int = 0

    def __post_init__(self):
        self._note(())

    # --- what it has ------------------------------------------------------------------------------

    def folders(self):
        """Return the paths of all folders, the root first."""
        return sorted(self._now)

    def files(self):
        """Return the paths of all files."""
        return sorted(
            (*folder, name)
            for folder, entries in self._now.items()
            for name, shown in entries.items()
            if not shown.is_folder
        )

    def entries(self):
        """Return the paths of everything but the root."""
        return sorted((*folder, name) for folder, entries in self._now.items() for name in entries)

    def content(self, path):
        """Return the bytes that the file at ``path`` has now."""
        return self.versions[path][-1].content

    # --- what happens to it -----------------------------------------------------------------------

    def write(self, path, size):
        """Add the file ``path``, or give it other bytes; what was of another kind there goes."""
        if path in self._now:
            self._remove(path)
        self._writes += 1
        content = random.Random(self._writes).randbytes(size)
        version = Version(content, _FIRST_MTIME_NS + self._writes * 1_000_000_000)
        self._place(path, version)
        self._note(path[:-1])

    def make(self, path):
        """Add the folder ``path``; a file there goes."""
        if path in self._now:
            return
        if self._at(path) is not None:
            self._remove(path)
        os.mkdir(self._disk(path))
        self._now[path] = {}
        self._show(path, is_folder=True)
        self._note(path[:-1])
        self._note(path)

    def remove(self, path):
        """Take away what is at ``path``."""
        self._remove(path)
        self._note(path[:-1])

    def rename(self, path, to):
        """Let what is at ``path`` be at ``to`` instead, in place of what was there.

        Nothing happens when one of the two lies in the other.
        """
        if to[: len(path)] == path or path[: len(to)] == to:
            return
        if self._at(to) is not None:
            self._remove(to)
        below = {old: entries for old, entries in self._now.items() if old[: len(path)] == path}
        moved = {(*to, *old[len(path) :]): dict(entries) for old, entries in below.items()}
        last = {
            (*folder, name): self.versions[*folder, name][-1]
            for folder, entries in below.items()
            for name, shown in entries.items()
            if not shown.is_folder
        }
        if not below:
            last[path] = self.versions[path][-1]
        os.rename(self._disk(path), self._disk(to))
        del self._now[path[:-1]][path[-1]]
        for old in below:
            del self._now[old]
            self._note(old)
        self._now.update({folder: {} for folder in moved})
        for folder, entries in moved.items():
            self._show(folder, is_folder=True)
            for name, shown in entries.items():
                if shown.is_folder:
                    self._show((*folder, name), is_folder=True)
        for old, version in last.items():
            new = (*to, *old[len(path) :])
            self.versions.setdefault(new, []).append(version)
            self._show(new, is_folder=False)
        for folder in {path[:-1], to[:-1], *moved}:
            self._note(folder)

    def _at(self, path):
        return self._now.get(path[:-1], {}).get(path[-1])

    def _disk(self, path):
        return os.path.join(self.root, *path)

    def _place(self, path, version):
        draft = os.path.join(self.aside, "draft")
        with open(draft, "wb") as file:
            file.write(version.content)
        os.utime(draft, ns=(version.mtime_ns, version.mtime_ns))
        os.replace(draft, self._disk(path))
        self.versions.setdefault(path, []).append(version)
        self._show(path, is_folder=False)

    def _remove(self, path):
        shown = self._now[path[:-1]].pop(path[-1])
        if not shown.is_folder:
            os.unlink(self._disk(path))
            return
        shutil.rmtree(self._disk(path))
        for gone in [folder for folder in self._now if folder[: len(path)] == path]:
            del self._now[gone]

    def _show(self, path, *, is_folder):
        kinds = self._kinds.setdefault(path, [])
        # What comes back has its old inode, but for this: while the kernel refers to the other kind
        # of thing that was here, that one keeps the number.
        comes_back = len(kinds) > 1 and path[-1] not in self._now[path[:-1]]
        if not kinds or kinds[-1] != is_folder or comes_back:
            kinds.append(is_folder)
        version = -1 if is_folder else len(self.versions[path]) - 1
        self._now[path[:-1]][path[-1]] = Shown(is_folder, len(kinds), version)

    def _note(self, folder):
        """Add what ``folder`` has now to what it ever had."""
        state = dict(self._now.get(folder, {}))
        history = self._histories.setdefault(folder, _History([]))
        if not history.states or history.states[-1] != state:
            history.states.append(state)

    # --- what a mount may show of it --------------------------------------------------------------

    def told(self, folder):
        """Note that a mount has listed ``folder`` just now: it must not show anything older."""
        history = self._histories[folder]
        history.floor = len(history.states) - 1

    def recognised(self, folder, kinds):
        """Return the state of ``folder`` in which it had ``kinds`` (name to is-a-folder).

        The oldest that a mount may still show; older ones are not to be shown from then on.

        Returns:
            The state, and whether it is the only one that it can be; None when there is none.
        """
        history = self._histories[folder]
        found = [
            number
            for number, state in enumerate(history.states)
            if number >= history.floor
            and {name: shown.is_folder for name, shown in state.items()} == kinds
        ]
        if not found:
            return None
        history.floor = found[0]
        state = history.states[found[0]]
        numbers = [
            {name: shown.kind_number for name, shown in history.states[number].items()}
            for number in found
        ]
        return state, numbers.count(numbers[0]) == len(numbers)

    def explained(self, folder, kinds):
        """Tell whether each name by itself is there, or is not, as it was in some state."""
        history = self._histories[folder]
        states = history.states[history.floor :]
        names = kinds.keys() | {name for state in states for name in state}

        def kind(state, name):
            return state[name].is_folder if name in state else None

        return all(kinds.get(name) in {kind(state, name) for state in states} for name in names)

    def states(self, folder):
        """Return what a mount may show of ``folder``, for a message."""
        history = self._histories[folder]
        return [sorted(state) for state in history.states[history.floor :]]
