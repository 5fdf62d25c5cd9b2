"""A driver without a provider that downloads by itself, for what stands above such drivers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from fsmount.account.account import Limit
from fsmount.drivers.base import Ability, DriverOptions, DriverSpec, described
from fsmount.errors import Denied
from fsmount.model import Entry, EntryId, Kind, OfflineQuota, OfflineState, OfflineTask, Page
from tests.fake_driver import FakeScheme


class Options(DriverOptions, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """One."""

    site: Annotated[str, described("any")] = ""


@dataclass
class Provider:
    """What all drivers of this module ask; emptied by each test.

    Attributes:
        tasks: By id, newest last.
        added: Links and the folder of each call.
        removed: Ids, and whether their files went too.
        asked: How often the tasks were asked for; each time `advance` is called.
        refuses: Link to the reason why it is not taken.
        failures: Raised by the next questions about the tasks.
    """

    tasks: dict[str, OfflineTask] = field(default_factory=dict)
    added: list = field(default_factory=list)
    removed: list = field(default_factory=list)
    asked: int = 0
    refuses: dict[str, str] = field(default_factory=dict)
    failures: list = field(default_factory=list)

    def put(self, ident, state=OfflineState.RUNNING, **fields):
        """Remember a task."""
        told = {"name": f"name of {ident}", "folder": EntryId("downloads"), **fields}
        self.tasks[ident] = OfflineTask(id=ident, state=state, **told)

    def advance(self):
        """Let every running task go on; overwritten by tests."""


PROVIDER = Provider()


class Driver:
    """A root with a folder and a file, and downloads."""

    root = Entry(id=EntryId("root"), name="", kind=Kind.FOLDER)

    def __init__(self, options, account):
        pass

    async def list(self, folder, cursor):
        if folder.id != "root":
            return Page(entries=[])
        return Page(
            entries=[
                Entry(id=EntryId("films"), name="电影 films", kind=Kind.FOLDER),
                Entry(id=EntryId("a"), name="a.txt", kind=Kind.FILE, size=1),
            ]
        )

    async def stat(self, entry):
        return entry

    async def link(self, file, *, fresh=False):
        raise NotImplementedError

    async def close(self):
        pass

    async def offline_add(self, links, folder):
        PROVIDER.added.append((list(links), None if folder is None else folder.id))
        found = []
        for link in links:
            if link in PROVIDER.refuses:
                found.append(Denied(PROVIDER.refuses[link]))
                continue
            ident = f"{len(PROVIDER.tasks) + 1:x}".rjust(4, "f") * 10
            PROVIDER.put(ident, name=link.rpartition("/")[2] or link)
            found.append(PROVIDER.tasks[ident])
        return found

    async def offline_tasks(self):
        PROVIDER.asked += 1
        if PROVIDER.failures:
            raise PROVIDER.failures.pop(0)
        PROVIDER.advance()
        return list(reversed(PROVIDER.tasks.values()))

    async def offline_remove(self, task, *, with_files=False):
        del PROVIDER.tasks[task.id]
        PROVIDER.removed.append((task.id, with_files))

    async def offline_quota(self):
        return OfflineQuota(left=1490, total=1500)


SPEC = DriverSpec(
    name="downloading",
    title="115 Cloud",
    options=Options,
    abilities=frozenset({Ability.OFFLINE}),
    open=Driver,
    scheme=lambda options: FakeScheme(),
    parse_link=lambda text: None,
    account=lambda options: ("https://downloading.example", ""),
    place=lambda options: "my",
    limits={"list": Limit()},
    trust_domain=lambda options: "",
    is_share=lambda options: False,
    example='[remotes.x]\ndriver = "downloading"\n',
)
