"""A share and an own drive in memory, for staging: everything that is asked can be cut short."""

from __future__ import annotations

import itertools

import msgspec
import trio

from fsmount.errors import Denied, NotFound
from fsmount.model import Entry, EntryId, Kind, Link, Page, Saving, SharePass, Space

MIB = 1 << 20


class Died(Exception):
    """The process is gone; nothing of ours catches it."""


class Steps:
    """Counts what happens, and lets the process die before or after any of it."""

    def __init__(self):
        self.passed = []
        self.dies_at = None

    def step(self, name):
        """Pass a step, or die at it."""
        if len(self.passed) == self.dies_at:
            raise Died(name)
        self.passed.append(name)


def shared(name, *, size=MIB, digest="sha1:" + "a" * 40, version="v1"):
    """Return a file of the share."""
    return Entry(
        id=EntryId(f"shared-{name}"),
        name=name,
        kind=Kind.FILE,
        size=size,
        version=version,
        digest=digest,
    )


class Share:
    """A share whose token is taken as it is, or refused."""

    def __init__(self):
        self.root = Entry(id=EntryId("root"), name="", kind=Kind.FOLDER)
        self.stats = 0

    async def share_pass(self):
        await trio.lowlevel.checkpoint()
        return SharePass(id="S", token=f"token-{self.stats}")

    async def list(self, folder, cursor):
        return Page(entries=[shared("a.bin")])

    async def stat(self, entry):
        self.stats += 1
        return entry

    async def close(self):
        """Nothing to let go of."""


class OwnDrive:
    """A drive of folders and files by id; ``refusals`` are raised by the next saves.

    ``loses`` cuts the answer to the next saves off after they were done.
    """

    def __init__(self, steps=None):
        self.steps = steps or Steps()
        self.root = Entry(id=EntryId("root"), name="", kind=Kind.FOLDER)
        self.entries = {}
        self.parents = {}
        self.asked = []
        self.refusals = []
        self.losses = []
        self.tasks_run = 0
        self.tells_ids = True
        self.total = 1 << 40
        self.link_s = 900.0
        self.page = 2
        self._ids = itertools.count(1)

    def put(self, parent, name, **more):
        """Put a file or folder where a person would."""
        ident = EntryId(f"own-{next(self._ids)}")
        made = Entry(**{"id": ident, "name": name, "kind": Kind.FILE, "size": MIB, **more})
        self.entries[ident], self.parents[ident] = made, parent
        return made

    def inside(self, parent):
        """Return what stands in a folder."""
        return [self.entries[i] for i, above in self.parents.items() if above == parent]

    def names(self):
        """Return the names of all files."""
        return sorted(entry.name for entry in self.entries.values() if not entry.is_folder)

    @property
    def runs(self):
        """The folders of runs that stand."""
        return [
            entry
            for hidden in self.inside("root")
            if hidden.name == ".fsmount-staging"
            for entry in self.inside(hidden.id)
            if entry.is_folder
        ]

    async def space(self):
        used = sum(entry.size or 0 for entry in self.entries.values())
        return Space(total=self.total, used=used)

    async def list(self, folder, cursor):
        await trio.lowlevel.checkpoint()
        if folder.id not in self.entries:
            raise NotFound("there is no such folder")
        found = self.inside(folder.id)
        start = int(cursor or 0)
        stop = start + self.page
        more = str(stop) if stop < len(found) else None
        return Page(entries=found[start:stop], next_cursor=more)

    async def staging_folder(self, name):
        self.steps.step("make the folder")
        hidden = self._folder("root", ".fsmount-staging")
        made = self._folder(hidden.id, name)
        self.steps.step("the folder is made")
        return made

    def _folder(self, parent, name):
        for entry in self.inside(parent):
            if entry.name == name and entry.is_folder:
                return entry
        return self.put(parent, name, kind=Kind.FOLDER, size=0)

    async def save(self, share, entries, folder):
        await trio.lowlevel.checkpoint()
        self.asked.append([entry.name for entry in entries])
        if self.refusals and (refusal := self.refusals.pop(0)) is not None:
            raise refusal
        self.steps.step("save")
        made = []
        for file in entries:
            name = file.name
            if any(entry.name == name for entry in self.inside(folder.id)):
                stem, dot, suffix = name.rpartition(".")
                name = f"{stem}(1){dot}{suffix}"
            made.append(self.put(folder.id, name, size=file.size, digest=file.digest))
        self.steps.step("saved")
        if self.losses:
            raise self.losses.pop(0)
        ids = [entry.id for entry in made] if self.tells_ids else []
        return Saving(saved=ids, tasks=["t"] * bool(self.tasks_run))

    async def saving(self, saving):
        self.tasks_run -= 1
        return msgspec.structs.replace(saving, tasks=["t"] * bool(self.tasks_run))

    async def link(self, file, *, fresh=False):
        await trio.lowlevel.checkpoint()
        if file.id not in self.entries:
            raise NotFound("there is no such file")
        return Link(url=f"https://x/{file.id}", lifetime_s=self.link_s)

    async def staging_remove(self, copies):
        await trio.lowlevel.checkpoint()
        self.steps.step("remove")
        for copy in copies:
            assert copy.id in self.entries, "what is gone was to be removed again"
            assert not self.inside(copy.id), "a folder that holds something was removed"
            del self.entries[copy.id], self.parents[copy.id]
        self.steps.step("removed")


def full():
    """Return how a full drive refuses."""
    return Denied("the drive is full")
