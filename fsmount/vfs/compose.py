"""Which remotes make up which folder: subfolders and unions as data.

A ``Layout`` says where each remote's root is shown. From it the tree makes folders that have
several *parts*, one a remote, and each part is listed, kept and judged by itself. What follows for
a person:

- Folders of the same name in the parts of a folder are one folder again, all the way down.
- Of two files of the same name (or a file and a folder) the one that was shown first keeps the
  plain name, and of those that come up together the one whose remote stands first in the list; the
  other carries the suffix of any duplicate, and keeps it when the first is deleted.
- A remote that is mounted at ``/films`` inside another remote which has a folder ``films`` of its
  own comes first there, that folder after it; a file ``films`` of that remote steps aside.
- A path that only leads to mounted ones is a folder that nobody has to be asked about.
- A name is absent only when every part says so. A part that was never listed makes reading the
  folder end in its error, after everything that is known of the others was handed out: nothing that
  mirrors the folder takes what is missing for deleted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fsmount.model import Space
from fsmount.vfs import names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from fsmount.model import Entry, EntryId
    from fsmount.vfs.border import Member

MOUNT_POINTS = "mount points"
"""Stands for a remote's key where the inodes of folders from a layout are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What is shown at one folder of the tree, and below it.

    Attributes:
        path: Of the folder, without a slash at either end; "" is the root.
        members: The remotes whose roots are shown here, first to last.
        below: Folders that are here whatever the remotes have, by name.
    """

    path: str = ""
    members: tuple[Member, ...] = ()
    below: Mapping[str, Layout] = field(default_factory=dict)

    def walk(self) -> Iterator[Layout]:
        """Yield this layout and every one below it, from the top down."""
        yield self
        for layout in self.below.values():
            yield from layout.walk()

    def everyone(self) -> list[Member]:
        """Return each remote once, in the order in which they are written."""
        found = {member.identity: member for each in self.walk() for member in each.members}
        return list(found.values())

    def paths_of(self, member: Member) -> list[str]:
        """Return where the root of ``member`` is shown."""
        return [
            f"/{each.path}"
            for each in self.walk()
            if any(shown.identity == member.identity for shown in each.members)
        ]

    def key(self, member: Member) -> str:
        """Return what keys inodes and listings of ``member`` shown here: two places are two."""
        return f"{member.identity} /{self.path}" if self.path else member.identity


def layout_of(places: Mapping[str, Sequence[Member]]) -> Layout:
    """Return the layout that shows, at each path (``/films``), the roots of those remotes."""
    return _layout("", {_steps(path): tuple(members) for path, members in places.items()})


def _steps(path: str) -> tuple[str, ...]:
    return tuple(step for step in path.split("/") if step)


def _layout(path: str, places: Mapping[tuple[str, ...], tuple[Member, ...]]) -> Layout:
    """Return the layout at ``path``; the steps of ``places`` lead on from there."""
    first = dict.fromkeys(steps[0] for steps in places if steps)
    below = {
        name: _layout(
            f"{path}/{name}".lstrip("/"),
            {steps[1:]: members for steps, members in places.items() if steps[:1] == (name,)},
        )
        for name in first
    }
    return Layout(path=path, members=places.get((), ()), below=below)


def space_of(members: Iterable[Member]) -> Space | None:
    """Return the capacity of all ``members`` together, each account once; None without any."""
    told: dict[str, Space] = {}
    for member in members:
        space = member.space()
        if space is not None:
            told.setdefault(member.account or member.identity, space)
    if not told:
        return None
    return Space(
        total=sum(space.total for space in told.values()),
        used=sum(space.used for space in told.values()),
    )


def assign(
    entries: Sequence[Entry],
    kept: Mapping[EntryId, str],
    taken: Iterable[str],
    beside: Mapping[str, bool],
) -> list[str]:
    """Return the shown name of each of ``entries`` of one part, in order; as ``names.assign``.

    A folder may have the name of another part's folder, with which it then is one; nothing else
    that others show is called the same.

    Args:
        entries: Of one part of a folder, each id once.
        kept: Names that ids carry already; they keep them unless another part has them now.
        taken: Further names that this part has in use.
        beside: Names that other parts show in the folder; True for those of folders.
    """
    of_files = {name for name, is_folder in beside.items() if not is_folder}
    mine = set(taken)
    stay: dict[EntryId, str] = {}
    for entry in entries:
        name = kept.get(entry.id)
        if name is not None and name not in (of_files if entry.is_folder else beside):
            stay[entry.id] = name
            mine.add(name)
    assigned = []
    for entry in entries:
        name = stay.get(entry.id)
        if name is None:
            others = of_files if entry.is_folder else beside
            name = names.choose(entry, names.Either(mine, others))
            mine.add(name)
        assigned.append(name)
    return assigned
