"""Folders are listed once for all who wait, and every request is answered in time."""

from __future__ import annotations

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from fsmount import errors
from fsmount.model import ROOT_INODE, Entry, EntryId, Kind, Page, Priority, priority
from tests.vfs.cloud import ROOT, Cloud, DictStore, FakeKernel, failing, names_of, opened, rows_of

pytestmark = pytest.mark.autojump


async def black_hole(_folder, _cursor):
    await trio.sleep_forever()


def fails_with(failure):
    async def meet(_folder, _cursor):
        raise failure

    return meet


class Slow:
    """Lets each page take ``seconds``; from page ``fails_at`` on it fails instead."""

    def __init__(self, seconds=0.0, fails_at=None, failure=None):
        self.seconds = seconds
        self.fails_at = fails_at
        self.failure = failure or errors.Unreachable("the connection broke")

    async def __call__(self, _folder, cursor):
        await trio.sleep(self.seconds)
        if self.fails_at is not None and int(cursor or 0) >= self.fails_at:
            raise self.failure


class Timer:
    """Measures on trio's clock."""

    def __init__(self):
        self.start = trio.current_time()

    @property
    def s(self):
        return round(trio.current_time() - self.start, 3)


async def test_a_root_of_one_page_costs_one_list_call():
    """Attributes come with the listing; ls -l asks for nothing more."""
    cloud = Cloud()
    for number in range(500):
        cloud.file(f"file {number}")
    async with opened(cloud) as fs:
        rows = await rows_of(fs)
        assert [row.name for row in rows] == [f"file {number}" for number in range(500)]
        for row in rows[:50]:
            assert (await fs.lookup(ROOT_INODE, row.name)).inode == row.attributes.inode
            assert (await fs.attributes(row.attributes.inode)).size == 3
    assert cloud.pages() == [None]


async def test_a_walk_costs_one_listing_per_folder():
    """A find or an ls -R cost list calls only, a second walk none."""
    cloud = Cloud(page_size=10)
    place = ROOT
    for number in range(6):
        for other in range(15):
            cloud.file(f"file {other}", place)
        place = cloud.folder(f"level {number}", place)
    async with opened(cloud) as fs:
        for _ in range(2):
            inodes = [ROOT_INODE]
            for inode in inodes:
                for row in await rows_of(fs, inode):
                    fs.remember(row.attributes.inode)
                    if row.attributes.is_folder:
                        inodes.append(row.attributes.inode)
            assert len(inodes) == 7
    assert len(cloud.listed) == 6 * 2 + 1


async def test_a_listing_is_fetched_once_for_all_who_wait():
    """Sixty requests at once join one fetch."""
    cloud = Cloud(page_size=2)
    for number in range(6):
        cloud.file(f"f{number}")
    cloud.meet = Slow(0.5)
    async with opened(cloud) as fs, trio.open_nursery() as nursery:
        for _ in range(30):
            nursery.start_soon(rows_of, fs)
            nursery.start_soon(fs.lookup, ROOT_INODE, "f5")
    assert cloud.pages() == [None, "2", "4"]


async def test_a_cancelled_waiter_harms_nobody():
    """The fetch it started goes on for the others."""
    cloud = Cloud()
    cloud.file("a")
    cloud.meet = Slow(2.0)
    async with opened(cloud) as fs:
        with trio.move_on_after(1.0):
            await fs.lookup(ROOT_INODE, "a")
        assert await names_of(fs) == ["a"]
    assert cloud.pages() == [None]


async def test_a_fetch_has_the_priority_of_who_started_it():
    """The governor reads it from the context that is copied."""
    cloud = Cloud()
    seen = []

    async def meet(_folder, _cursor):
        seen.append(priority.get())

    cloud.meet = meet
    async with opened(cloud) as fs:
        token = priority.set(Priority.CRAWL)
        await rows_of(fs)
        priority.reset(token)
    assert seen == [Priority.CRAWL]


async def test_a_fresh_listing_is_answered_from_memory_and_an_old_one_asked_for():
    """The time to live is the member's."""
    cloud = Cloud()
    cloud.file("a")
    async with opened(cloud, ttl_s=300.0) as fs:
        await rows_of(fs)
        await trio.sleep(299)
        cloud.file("b")
        assert await names_of(fs) == ["a"]
        await trio.sleep(2)
        assert await names_of(fs) == ["a", "b"]
    assert cloud.pages() == [None, None]


async def test_pages_reach_the_reader_as_they_arrive():
    """The first rows are there after the first page."""
    cloud = Cloud(page_size=10)
    for number in range(100):
        cloud.file(f"f{number}")
    cloud.meet = Slow(2.0)
    async with opened(cloud) as fs:
        timer = Timer()
        handle = fs.open_folder(ROOT_INODE)
        assert len(await handle.read(0, 1000)) == 10
        assert timer.s == 2.0
        assert len(await handle.read(10, 1000)) == 10
        assert timer.s == 4.0
        handle.close()
        rows = await rows_of(fs)
        assert timer.s == 20.0
        assert [row.name for row in rows] == [f"f{number}" for number in range(100)]


async def test_each_page_has_its_own_deadline():
    """Twenty slow pages are no error; one that takes too long is."""
    cloud = Cloud(page_size=1)
    for number in range(20):
        cloud.file(f"f{number}")
    cloud.meet = Slow(4.9)
    async with opened(cloud) as fs:
        assert len(await names_of(fs)) == 20
    cloud.meet = Slow(5.1)
    async with opened(cloud) as fs:
        timer = Timer()
        assert isinstance(await failing(names_of(fs)), errors.TimedOut)
        assert timer.s == 5.0


async def test_a_lookup_in_a_folder_not_yet_complete_waits_then_times_out():
    """What has arrived is found at once; what has not is never said to be absent."""
    cloud = Cloud(page_size=2)
    for number in range(6):
        cloud.file(f"f{number}")
    cloud.meet = Slow(3.0)
    async with opened(cloud) as fs:
        timer = Timer()
        assert (await fs.lookup(ROOT_INODE, "f1")).size == 3
        assert timer.s == 3.0
        assert isinstance(await failing(fs.lookup(ROOT_INODE, "nothing")), errors.TimedOut)
        assert timer.s == 8.0
        await trio.sleep(2)
        assert isinstance(await failing(fs.lookup(ROOT_INODE, "nothing")), errors.NotFound)
    assert cloud.pages() == [None, "2", "4"]


@pytest.mark.logs("cloud is offline")
async def test_a_listing_that_broke_goes_on_where_it_stopped():
    """Pages that came are not asked for again, and nothing is ever silently short."""
    cloud = Cloud(page_size=2)
    for number in range(7):
        cloud.file(f"f{number}")
    cloud.meet = Slow(fails_at=4)
    async with opened(cloud) as fs:
        assert isinstance(await failing(names_of(fs)), errors.Unreachable)
        assert cloud.pages() == [None, "2", "4"]
        assert (await fs.lookup(ROOT_INODE, "f3")).size == 3
        assert isinstance(await failing(fs.lookup(ROOT_INODE, "f6")), errors.Unreachable)
        cloud.meet = None
        await trio.sleep(3)
        assert await names_of(fs) == [f"f{number}" for number in range(7)]
    assert cloud.pages() == [None, "2", "4", "4", "6"]


@pytest.mark.logs("cloud is offline")
async def test_a_listing_that_broke_long_ago_begins_anew():
    """A page token grows old, and pages of different days make no listing."""
    cloud = Cloud(page_size=2)
    for number in range(5):
        cloud.file(f"f{number}")
    cloud.meet = Slow(fails_at=2)
    async with opened(cloud) as fs:
        await failing(names_of(fs))
        cloud.meet = None
        await trio.sleep(601)
        assert len(await names_of(fs)) == 5
    assert cloud.pages() == [None, "2", None, "2", "4"]


@pytest.mark.logs("cloud is offline")
async def test_rows_that_came_before_a_page_failed_end_in_its_error():
    """The kernel is handed what there is and then the error."""
    cloud = Cloud(page_size=2)
    for number in range(4):
        cloud.file(f"f{number}")
    cloud.meet = Slow(1.0, fails_at=2)
    async with opened(cloud) as fs:
        handle = fs.open_folder(ROOT_INODE)
        rows = await handle.read(0, 100)
        assert [row.name for row in rows] == ["f0", "f1"]
        assert isinstance(await failing(handle.read(2, 100)), errors.Unreachable)
        handle.close()


class Endless(Cloud):
    """Gives the same page under ever new tokens, or one token for ever."""

    tokens = "new"

    async def list(self, folder, cursor):
        self.listed.append((folder.id, cursor))
        await trio.lowlevel.checkpoint()
        entries = [Entry(id=EntryId("a"), name="a", kind=Kind.FILE)]
        return Page(
            entries=entries, next_cursor=f"{len(self.listed)}" if self.tokens == "new" else "x"
        )


@pytest.mark.parametrize("tokens", ["new", "same"])
async def test_an_endless_page_token_is_cut_off_with_an_error(tokens):
    """A server that never ends costs a few calls, not the mount."""
    cloud = Endless()
    cloud.tokens = tokens
    async with opened(cloud) as fs:
        assert isinstance(await failing(names_of(fs)), errors.ProtocolError)
        assert isinstance(await failing(fs.lookup(ROOT_INODE, "b")), errors.ProtocolError)
    assert len(cloud.listed) <= 3


async def test_metadata_is_answered_within_5_seconds_of_a_black_hole():
    """ls, stat and a lookup return while the provider is a black hole."""
    cloud = Cloud()
    cloud.meet = black_hole
    async with opened(cloud) as fs:
        timer = Timer()
        assert isinstance(await failing(fs.lookup(ROOT_INODE, "a")), errors.TimedOut)
        assert timer.s == 5.0
        assert (await fs.attributes(ROOT_INODE)).is_folder
        assert fs.space() is None
        assert timer.s == 5.0
    assert cloud.pages() == [None]


async def test_after_one_timeout_requests_fail_at_once_for_10_seconds():
    """The kernel asks one after the other, so a wait is spent once per folder."""
    cloud = Cloud()
    cloud.meet = black_hole
    async with opened(cloud) as fs:
        timer = Timer()
        await failing(fs.lookup(ROOT_INODE, "a"))
        for name in "abcdefgh":
            assert isinstance(await failing(fs.lookup(ROOT_INODE, name)), errors.TimedOut)
        assert isinstance(await failing(names_of(fs)), errors.TimedOut)
        assert timer.s == 5.0
        await trio.sleep(10.0)
        assert isinstance(await failing(fs.lookup(ROOT_INODE, "a")), errors.TimedOut)
        assert timer.s == 20.0
    assert cloud.pages() == [None]


async def test_after_one_timeout_something_that_arrives_is_served():
    """A page makes waiting worth it again, before the 10 seconds are over."""
    cloud = Cloud(page_size=1)
    for name in "abc":
        cloud.file(name)
    cloud.meet = Slow(6.0)
    async with opened(cloud) as fs:
        timer = Timer()
        assert isinstance(await failing(fs.lookup(ROOT_INODE, "a")), errors.TimedOut)
        await trio.sleep(1.5)
        assert (await fs.lookup(ROOT_INODE, "a")).size == 3
        assert isinstance(await failing(fs.lookup(ROOT_INODE, "b")), errors.TimedOut)
        assert timer.s == 11.5


async def test_stale_data_is_served_after_1_second_while_the_refresh_goes_on():
    """And then at once, until the refresh is there."""
    cloud = Cloud()
    cloud.file("a")
    async with opened(cloud) as fs:
        await rows_of(fs)
        await trio.sleep(301)
        cloud.file("b")
        cloud.meet = Slow(4.0)
        timer = Timer()
        a = await fs.lookup(ROOT_INODE, "a")
        assert timer.s == 1.0
        assert isinstance(await failing(fs.lookup(ROOT_INODE, "b")), errors.NotFound)
        assert await names_of(fs) == ["a"]
        assert (await fs.attributes(a.inode)).size == 3
        assert timer.s == 1.0
        await trio.sleep(3.1)
        assert await names_of(fs) == ["a", "b"]
    assert cloud.pages() == [None, None]


async def test_a_refresh_that_is_quick_is_waited_for():
    """Within the second the new listing is the answer."""
    cloud = Cloud()
    a = cloud.file("a")
    async with opened(cloud) as fs:
        inode = (await fs.lookup(ROOT_INODE, "a")).inode
        await trio.sleep(301)
        cloud.change(a, size=7, version="v2")
        cloud.meet = Slow(0.9)
        assert (await fs.attributes(inode)).size == 7


@pytest.mark.logs("cloud is offline")
async def test_a_walk_without_network_waits_for_nothing_that_is_known():
    """Once the remote is known to be offline, stale folders are served at once."""
    cloud = Cloud()
    folders = [cloud.folder(f"d{number}") for number in range(20)]
    for folder in folders:
        cloud.file("x", folder)
    async with opened(cloud) as fs:
        inodes = [row.attributes.inode for row in await rows_of(fs)]
        for inode in inodes:
            await rows_of(fs, inode)
        await trio.sleep(301)
        cloud.meet = fails_with(errors.Unreachable("no network"))
        await names_of(fs)
        cloud.meet = black_hole
        timer = Timer()
        for inode in inodes:
            assert await names_of(fs, inode) == ["x"]
        assert timer.s == 0.0


@pytest.mark.logs("cloud is")
@pytest.mark.parametrize(
    "failure",
    [
        errors.Unreachable("no network"),
        errors.TimedOut("slow"),
        errors.Blocked("shut out"),
        errors.Gone("the share is over"),
        errors.LoginLost("sign in"),
        errors.ProviderFault("500"),
    ],
    ids=lambda failure: type(failure).__name__,
)
async def test_a_failed_listing_keeps_what_was_known_and_says_so(failure):
    """Only a complete, successful listing removes an entry."""
    cloud = Cloud(page_size=2)
    entries = [cloud.file(f"f{number}") for number in range(5)]
    async with opened(cloud) as fs:
        await rows_of(fs)
        await trio.sleep(301)
        cloud.remove(entries[0])
        cloud.remove(entries[4])
        cloud.meet = Slow(fails_at=2, failure=failure)
        assert await names_of(fs) == [f"f{number}" for number in range(5)]
        assert fs.status()["state"] != "online"
        assert str(failure) in fs.status()["reason"]
        await trio.sleep(100)
        cloud.meet = None
        await names_of(fs)  # asks again, behind
        await wait_all_tasks_blocked()
        assert await names_of(fs) == ["f1", "f2", "f3"]
        assert fs.status()["state"] == "online"


async def test_a_root_that_cannot_be_listed_is_an_error_never_an_empty_directory():
    """An empty one makes rsync --delete wipe a mirror; the root's attributes always succeed."""
    cloud = Cloud()
    cloud.meet = fails_with(errors.NotFound("no such folder"))
    async with opened(cloud) as fs:
        assert isinstance(await failing(names_of(fs)), errors.NotFound)
        assert isinstance(await failing(fs.lookup(ROOT_INODE, "a")), errors.NotFound)
        assert (await fs.attributes(ROOT_INODE)).is_folder


async def test_walkers_do_not_hammer_a_folder_that_fails():
    """Between two tries lies a pause; requests in it fail at once."""
    cloud = Cloud()
    cloud.meet = fails_with(errors.ProtocolError("nonsense"))
    async with opened(cloud) as fs:
        for _ in range(1000):
            await failing(fs.lookup(ROOT_INODE, "a"))
            await trio.sleep(0.1)
    assert len(cloud.listed) <= 7


async def test_a_folder_that_a_living_provider_does_not_have_is_removed():
    """It vanishes from its parent, the kernel forgets its name, and the parent is listed anew."""
    cloud = Cloud()
    folder = cloud.folder("d")
    cloud.file("x", folder)
    kernel = FakeKernel()
    async with opened(cloud, kernel=kernel) as fs:
        inode = (await fs.lookup(ROOT_INODE, "d")).inode
        await rows_of(fs, inode)
        await trio.sleep(100)
        cloud.remove(folder)
        assert isinstance(await failing(fs.refresh("d")), errors.NotFound)
        await wait_all_tasks_blocked()
        assert kernel.entries == [(ROOT_INODE, "d")]
        assert isinstance(await failing(fs.lookup(inode, "x")), errors.NotFound)
        assert isinstance(await failing(fs.lookup(ROOT_INODE, "d")), errors.NotFound)
    assert len(cloud.pages()) == 2


async def test_an_odd_answer_in_one_folder_says_nothing_about_its_remote():
    """Its siblings go on, and the health stays."""
    cloud = Cloud()
    cloud.folder("bad")
    cloud.folder("good")

    async def meet(folder, _cursor):
        if folder == "id1":
            raise errors.ProtocolError("nonsense")

    cloud.meet = meet
    async with opened(cloud) as fs:
        bad, good = (row.attributes.inode for row in await rows_of(fs))
        assert isinstance(await failing(names_of(fs, bad)), errors.ProtocolError)
        assert await names_of(fs, good) == []
        assert fs.status()["state"] == "online"


@pytest.mark.logs("broke")
async def test_a_bug_in_a_driver_fails_its_folder_only():
    """It is logged with its traceback and becomes the waiters' error."""
    cloud = Cloud()
    cloud.meet = fails_with(KeyError("objects"))
    async with opened(cloud) as fs:
        assert isinstance(await failing(names_of(fs)), errors.ProtocolError)
        cloud.meet = None
        await trio.sleep(5)
        assert await names_of(fs) == []


@pytest.mark.logs("cloud is offline")
async def test_a_page_that_never_comes_is_given_up():
    """After a minute the listing has failed, so that another can begin."""
    cloud = Cloud()
    cloud.meet = black_hole
    async with opened(cloud) as fs:
        await failing(names_of(fs))
        await trio.sleep(60)
        cloud.meet = None
        await trio.sleep(5)
        assert await names_of(fs) == []
    assert len(cloud.listed) == 2


async def test_a_folder_that_contains_itself_does_not_make_a_walk_endless():
    """It is left out where it would close the circle."""
    cloud = Cloud()
    folder = cloud.folder("d")
    cloud.file("x", folder)
    cloud.folders[folder.id].append(folder)
    async with opened(cloud) as fs:
        inode = (await fs.lookup(ROOT_INODE, "d")).inode
        assert await names_of(fs, inode) == ["x"]


async def test_changes_are_pushed_to_the_kernel():
    """Names that came, went or moved on, and inodes whose bytes or attributes changed."""
    cloud = Cloud()
    changed, gone, _, renamed = (cloud.file(name) for name in ("c", "g", "same", "r"))
    kernel = FakeKernel()
    async with opened(cloud, kernel=kernel) as fs:
        inodes = {name: (await fs.lookup(ROOT_INODE, name)).inode for name in ("c", "same", "r")}
        await wait_all_tasks_blocked()
        assert kernel.entries == []
        cloud.change(changed, size=9, version="v2")
        cloud.remove(gone)
        cloud.file("new")
        cloud.change(renamed, name="r2")
        await fs.refresh("")
        await wait_all_tasks_blocked()
        assert kernel.inodes == [inodes["c"]]
        assert sorted(kernel.entries) == [(1, "g"), (1, "new"), (1, "r"), (1, "r2")]
        assert (await fs.lookup(ROOT_INODE, "r2")).inode == inodes["r"]


async def test_a_file_uploaded_anew_under_its_name_gets_its_name():
    """The old one is gone, so the plain name is free when the new listing stands."""
    cloud = Cloud()
    old = cloud.file("report.pdf")
    kernel = FakeKernel()
    async with opened(cloud, kernel=kernel) as fs:
        first = await fs.lookup(ROOT_INODE, "report.pdf")
        cloud.remove(old)
        cloud.file("report.pdf")
        await fs.refresh("")
        await wait_all_tasks_blocked()
        assert await names_of(fs) == ["report.pdf"]
        assert (await fs.lookup(ROOT_INODE, "report.pdf")).inode != first.inode
        assert (ROOT_INODE, "report.pdf") in kernel.entries


async def test_a_file_that_became_a_folder_is_another_inode():
    """The kernel never accepts an inode that changes its type."""
    cloud = Cloud()
    file = cloud.file("x")
    async with opened(cloud) as fs:
        first = await fs.lookup(ROOT_INODE, "x")
        cloud.remove(file)
        cloud.folder("x", id=file.id)
        await fs.refresh("")
        second = await fs.lookup(ROOT_INODE, "x")
        assert second.is_folder
        assert second.inode != first.inode


async def test_the_first_mtime_is_kept_while_version_and_size_stay():
    """A moved mtime makes scanners probe again; a new version brings its own."""
    cloud = Cloud()
    entry = cloud.file("a", mtime_ns=1_000)
    async with opened(cloud) as fs:
        inode = (await fs.lookup(ROOT_INODE, "a")).inode
        entry = cloud.change(entry, mtime_ns=2_000)
        await fs.refresh("")
        assert (await fs.attributes(inode)).mtime_ns == 1_000
        cloud.change(entry, mtime_ns=3_000, version="v2")
        await fs.refresh("")
        assert (await fs.attributes(inode)).mtime_ns == 3_000


async def test_a_view_stays_while_the_folder_changes():
    """An open folder goes on with its rows; what vanished is left out, nothing else moves."""
    cloud = Cloud()
    entries = [cloud.file(f"f{number}") for number in range(10)]
    async with opened(cloud) as fs:
        handle = fs.open_folder(ROOT_INODE)
        seen = [row.name for row in await handle.read(0, 3)]
        cloud.remove(entries[0])
        cloud.remove(entries[5])
        cloud.folders[ROOT.id].insert(0, cloud.file("new"))
        cloud.folders[ROOT.id].pop()
        await fs.refresh("")
        seen += [row.name for row in await handle.read(3, 100)]
        assert seen == [f"f{number}" for number in range(10) if number != 5]
        assert await handle.read(10, 100) == []
        assert "new" in [row.name for row in await handle.read(0, 100)]
        handle.close()


async def test_the_roots_mtime_comes_with_its_listing():
    """Nobody else describes a root."""
    cloud = Cloud()
    listing = cloud.list

    async def described(folder, cursor):
        page = await listing(folder, cursor)
        return Page(
            entries=page.entries,
            folder=Entry(id=EntryId("whatever"), name="", kind=Kind.FOLDER, mtime_ns=77),
        )

    cloud.list = described
    store = DictStore()
    async with opened(cloud, store=store) as fs:
        await rows_of(fs)
        assert (await fs.attributes(ROOT_INODE)).mtime_ns == 77
    cloud.meet = black_hole
    async with opened(cloud, store=store) as fs:
        await rows_of(fs)
        assert (await fs.attributes(ROOT_INODE)).mtime_ns == 77
