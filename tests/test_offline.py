"""What a provider fetched by itself shows in a running mount; asked seldom, and once for all."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager

import pytest
import trio

from fsmount.errors import Throttled
from fsmount.model import OfflineState, OfflineTask
from fsmount.offline import Watched, Watcher, pause_s, watching_downloads
from fsmount.store.offline import Awaited, Ledger, ended, started
from fsmount.vfs.filesystem import open_filesystem
from tests.vfs.cloud import Cloud, DictStore, FakeKernel, FakeReader, member_of, names_of

pytestmark = pytest.mark.autojump
DAY_S = 86_400.0
HOURS_S = 4 * 3600.0


def wall():
    """Return Unix seconds that go with trio's clock."""
    return 1e9 + trio.current_time()


class Drive(Cloud):
    """A cloud that downloads by itself.

    Attributes:
        tasks: By id.
        asked: When it was asked how they are doing, on trio's clock.
        failure: What it answers instead.
    """

    def __init__(self):
        super().__init__()
        self.tasks = {}
        self.asked = []
        self.failure = None

    def begin(self, ident, folder):
        """Start a download into a folder."""
        self.tasks[ident] = OfflineTask(
            id=ident, name=ident, state=OfflineState.RUNNING, folder=folder
        )
        return self.tasks[ident]

    def finish(self, ident, parent):
        """End it; its file is there."""
        task = self.tasks[ident]
        self.tasks[ident] = OfflineTask(
            id=ident, name=ident, state=OfflineState.DONE, folder=task.folder
        )
        self.file(ident, parent)

    async def offline_tasks(self):
        self.asked.append(trio.current_time())
        await trio.lowlevel.checkpoint()
        if self.failure is not None:
            raise self.failure
        return list(self.tasks.values())


class Memory:
    """A ``LedgerStore`` without a disk or a thread."""

    def __init__(self):
        self.ledger = Ledger()

    async def load(self):
        await trio.lowlevel.checkpoint()
        return self.ledger

    async def change(self, change):
        await trio.lowlevel.checkpoint()
        self.ledger = change(self.ledger)
        return self.ledger

    def put(self, change):
        """Change it as another process does."""
        self.ledger = change(self.ledger)


@asynccontextmanager
async def mounted(drive, memory, *, store=None, kernel=None, ttl_s=DAY_S):
    """Run a mount of the drive that follows its downloads."""
    member = member_of(drive, ttl_s=ttl_s)
    async with open_filesystem(
        member, reader=FakeReader(), store=store, kernel=kernel, wall=wall
    ) as filesystem:
        watched = Watched(member=member, driver=drive, ledger=memory)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Watcher(watched, filesystem, wall=wall).run)
            yield filesystem
            nursery.cancel_scope.cancel()


@pytest.fixture
def drive():
    """A drive with a folder for downloads, and one beside it."""
    drive = Drive()
    drive.downloads = drive.folder("downloads")
    drive.other = drive.folder("other")
    return drive


async def inode_of(filesystem, name):
    """Look a folder up, as the kernel does."""
    return (await filesystem.lookup(1, name)).inode


async def test_a_finished_download_shows_without_a_remount(drive):
    """Its folder is listed anew, no other; the kernel forgets that the name was not there."""
    memory, kernel = Memory(), FakeKernel()
    async with mounted(drive, memory, kernel=kernel) as filesystem:
        downloads = await inode_of(filesystem, "downloads")
        other = await inode_of(filesystem, "other")
        assert await names_of(filesystem, downloads) == []
        await names_of(filesystem, other)
        memory.put(
            lambda kept: started(kept, [drive.begin("film.mkv", drive.downloads.id)], wall=wall())
        )
        await trio.sleep(30)
        drive.finish("film.mkv", drive.downloads)
        drive.file("quietly added", drive.other)
        before = len(drive.listed)
        await trio.sleep(120)
        assert drive.listed[before:] == [(drive.downloads.id, None)]
        assert (downloads, "film.mkv") in kernel.entries
        assert await names_of(filesystem, downloads) == ["film.mkv"]
        assert await names_of(filesystem, other) == []


async def test_nobody_is_asked_while_nothing_runs(drive):
    """Hours without downloads cost no call, and neither does one after they ended."""
    memory = Memory()
    async with mounted(drive, memory):
        await trio.sleep(HOURS_S)
        assert drive.asked == []
        memory.put(lambda kept: started(kept, [drive.begin("a", drive.downloads.id)], wall=wall()))
        await trio.sleep(20)
        drive.finish("a", drive.downloads)
        await trio.sleep(60)
        assert len(drive.asked) <= 4
        asked = len(drive.asked)
        await trio.sleep(HOURS_S)
        assert len(drive.asked) == asked


async def test_a_long_download_is_asked_about_less_and_less(drive):
    """Some 300 calls a day, never one every few seconds."""
    memory = Memory()
    memory.put(lambda kept: started(kept, [drive.begin("a", "")], wall=wall()))
    async with mounted(drive, memory):
        await trio.sleep(HOURS_S)
    pauses = [later - sooner for sooner, later in zip(drive.asked, drive.asked[1:], strict=False)]
    assert min(pauses) >= 10
    assert max(pauses) <= 310
    assert 45 < len(drive.asked) < 80


async def test_several_mounts_of_an_account_ask_as_often_as_one(drive):
    """And each of them shows the end."""
    memory = Memory()
    async with mounted(drive, memory) as first, mounted(drive, memory) as second:
        folders = [await inode_of(each, "downloads") for each in (first, second)]
        for each, folder in zip((first, second), folders, strict=True):
            await names_of(each, folder)
        memory.put(lambda kept: started(kept, [drive.begin("a", drive.downloads.id)], wall=wall()))
        await trio.sleep(3600)
        pauses = [after - at for at, after in zip(drive.asked, drive.asked[1:], strict=False)]
        assert min(pauses) >= 10
        drive.finish("a", drive.downloads)
        await trio.sleep(400)
        for each, folder in zip((first, second), folders, strict=True):
            assert await names_of(each, folder) == ["a"]


async def test_an_end_that_somebody_else_saw_shows_too(drive):
    """``fsmount offline list``, or another mount: the provider is not asked again for it."""
    memory = Memory()
    memory.put(lambda kept: started(kept, [drive.begin("a", drive.downloads.id)], wall=wall()))
    async with mounted(drive, memory) as filesystem:
        folder = await inode_of(filesystem, "downloads")
        assert await names_of(filesystem, folder) == []
        await trio.sleep(1)
        drive.finish("a", drive.downloads)
        asked = len(drive.asked)
        memory.put(lambda kept: ended(kept, ["a"], wall=wall()))
        await trio.sleep(10)
        assert await names_of(filesystem, folder) == ["a"]
        assert len(drive.asked) == asked


async def test_what_ended_while_nothing_was_mounted_shows_in_the_next_mount(drive):
    """The kept tree is older than that, however fresh its listing is taken to be."""
    memory, store = Memory(), DictStore()
    async with mounted(drive, memory, store=store) as filesystem:
        await names_of(filesystem, await inode_of(filesystem, "downloads"))
    memory.put(lambda kept: started(kept, [drive.begin("a", drive.downloads.id)], wall=wall()))
    drive.finish("a", drive.downloads)
    memory.put(lambda kept: ended(kept, ["a"], wall=wall()))
    async with mounted(drive, memory, store=store) as filesystem:
        await trio.sleep(10)
        assert await names_of(filesystem, await inode_of(filesystem, "downloads")) == ["a"]


@pytest.mark.parametrize("folder", ["", "made by the provider"])
async def test_a_folder_that_is_not_known_is_looked_for_in_the_root(drive, folder):
    """It may be a new one there."""
    memory = Memory()
    async with mounted(drive, memory) as filesystem:
        assert await names_of(filesystem) == ["downloads", "other"]
        memory.put(lambda kept: started(kept, [drive.begin("a", folder)], wall=wall()))
        drive.folder("cloud download", id="made by the provider")
        drive.tasks.clear()
        await trio.sleep(200)
        assert await names_of(filesystem) == ["downloads", "other", "cloud download"]


async def test_a_provider_that_refuses_is_left_alone_and_asked_again_later(drive):
    """As seldom as one that answers; the mount goes on."""
    memory = Memory()
    memory.put(lambda kept: started(kept, [drive.begin("a", drive.downloads.id)], wall=wall()))
    async with mounted(drive, memory) as filesystem:
        folder = await inode_of(filesystem, "downloads")
        await names_of(filesystem, folder)
        drive.failure = Throttled("slow down")
        await trio.sleep(60)
        assert len(drive.asked) <= 6
        drive.failure = None
        drive.finish("a", drive.downloads)
        drive.meet = refuse
        await trio.sleep(60)
        drive.meet = None
        listed = len(drive.listed)
        await trio.sleep(3600)
        assert len(drive.listed) == listed  # what failed waits for somebody who looks
        await names_of(filesystem, folder)
        await trio.sleep(1)
        assert await names_of(filesystem, folder) == ["a"]


async def refuse(_folder, _cursor):
    """Refuse to list."""
    raise Throttled("slow down")


async def test_how_many_are_under_way_is_told(drive):
    """For status; without asking anybody."""
    memory, member = Memory(), member_of(drive, ttl_s=DAY_S)
    async with open_filesystem(member, reader=FakeReader(), store=None) as filesystem:
        watched = [Watched(member=member, driver=drive, ledger=memory)]
        async with watching_downloads(watched, filesystem) as under_way:
            assert under_way() == 0
            memory.put(
                lambda kept: Ledger(
                    tasks={"a": Awaited(since=time.time()), "b": Awaited(since=time.time())},
                    asked=time.time() + 1e6,
                )
            )
            drive.begin("a", "")
            drive.begin("b", "")
            await trio.sleep(6)
            assert under_way() == 2


def test_how_long_nobody_is_asked_grows_with_the_age_of_the_newest():
    """Between ten seconds and five minutes."""
    ledger = Ledger(tasks={"old": Awaited(since=0.0), "new": Awaited(since=1000.0)})
    assert [pause_s(ledger, wall=1000.0 + age) for age in (0, 40, 100, 400, 1e6)] == [
        10,
        10,
        25,
        100,
        300,
    ]
    assert pause_s(Ledger(tasks={"x": Awaited(since=0.0, ended=1.0)}), wall=9.0) is None
