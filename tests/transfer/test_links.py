"""Links: asked once for all who wait, kept for their whole life, renewed once per rejection."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from fsmount.errors import Denied, FsmountError, NotFound, ProtocolError, TimedOut, Unreachable
from fsmount.model import Link, Priority, priority
from fsmount.transfer import links as module
from fsmount.transfer.links import open_links
from tests.transfer.fakes import BatchDriver, FakeDriver, FakeStore, file

pytestmark = pytest.mark.autojump


async def gathered(links, files, **options):
    """Ask for all ``files`` at once; return link or failure for each."""
    got = [None] * len(files)

    async def one(place):
        try:
            got[place] = await links.get(files[place], **options)
        except FsmountError as exc:
            got[place] = exc

    async with trio.open_nursery() as nursery:
        for place in range(len(files)):
            nursery.start_soon(one, place)
    return got


async def test_many_who_ask_at_once_cost_one_call():
    """And whoever comes later costs none."""
    driver = FakeDriver()
    async with open_links(driver, None, "r") as links:
        got = await gathered(links, [file()] * 20)
        assert len(set(map(id, got))) == 1
        assert await links.get(file()) is got[0]
        assert links.kept(file()) is got[0]
    assert driver.calls == [[["a.bin"], False, Priority.LISTING]]


async def test_another_version_is_another_file():
    """A link of the old content must not serve the new one."""
    driver = FakeDriver()
    async with open_links(driver, None, "r") as links:
        old = await links.get(file(version="v1"))
        assert links.kept(file(version="v2")) is None
        assert await links.get(file(version="v2")) != old


async def test_a_cancelled_asker_harms_nobody():
    """The call goes on for the others, and its link is kept even when nobody is left."""
    driver = FakeDriver(answer_s=1)
    async with open_links(driver, None, "r") as links:
        with trio.move_on_after(0.5) as scope:
            await links.get(file())
        assert scope.cancelled_caught
        await trio.sleep(0.6)
        assert links.kept(file()) is not None
    assert len(driver.calls) == 1


async def test_a_failure_reaches_all_who_wait_and_is_not_kept():
    """The next asker asks anew."""
    driver = FakeDriver()
    driver.failures = [Denied("no")]
    async with open_links(driver, None, "r") as links:
        got = await gathered(links, [file()] * 3)
        assert [type(failure) for failure in got] == [Denied] * 3
        assert isinstance(await links.get(file()), Link)
    assert len(driver.calls) == 2


@pytest.mark.logs("link call failed")
async def test_a_drivers_defect_is_an_error_for_its_readers_not_the_end_of_the_mount():
    """It is logged with its traceback."""
    driver = FakeDriver()
    driver.failures = [KeyError("data")]
    async with open_links(driver, None, "r") as links:
        assert [type(failure) for failure in await gathered(links, [file()] * 2)] == [
            ProtocolError
        ] * 2
        assert isinstance(await links.get(file()), Link)


async def test_a_failure_in_a_group_keeps_its_name():
    """What comes out of a nursery inside the driver is still a ``Denied``."""
    driver = FakeDriver()
    driver.failures = [ExceptionGroup("group", [Denied("no")])]
    async with open_links(driver, None, "r") as links:
        assert [type(failure) for failure in await gathered(links, [file()])] == [Denied]


async def test_a_call_that_never_ends_times_out():
    """No await on the network without a deadline, even with no kernel request above."""
    async with open_links(FakeDriver(answer_s=1e6), None, "r") as links:
        began = trio.current_time()
        (failure,) = await gathered(links, [file()])
        assert isinstance(failure, TimedOut)
        assert trio.current_time() - began == pytest.approx(60)


@pytest.mark.parametrize(("lifetime_s", "used_s"), [(3600, 3570), (100, 90), (10, 9)])
async def test_a_link_is_used_for_its_life_less_a_margin(lifetime_s, used_s):
    """30 s or a tenth, whichever is less, so that a GET which starts on it can finish."""
    driver = FakeDriver(lifetime_s=lifetime_s, answer_s=0)
    async with open_links(driver, None, "r") as links:
        first = await links.get(file())
        assert links.remaining_s(file()) == pytest.approx(used_s)
        await trio.sleep(used_s - 0.5)
        assert await links.get(file()) is first
        await trio.sleep(0.6)
        assert links.kept(file()) is None
        assert links.remaining_s(file()) is None
        assert await links.get(file()) is not first


async def test_a_link_without_an_end_is_kept_for_ever():
    """``lifetime_s`` None means that it does not expire."""
    driver = FakeDriver(lifetime_s=None)
    async with open_links(driver, None, "r") as links:
        first = await links.get(file())
        await trio.sleep(80_000)
        assert await links.get(file()) is first
        assert links.remaining_s(file()) is None


async def test_links_survive_a_restart():
    """Every link is written through, and a stored one costs no call."""
    store, driver = FakeStore(), FakeDriver()
    async with open_links(driver, store, "r") as links:
        first = await links.get(file())
    async with open_links(driver, store, "r") as links:
        assert await links.get(file()) == first
    async with open_links(driver, store, "other") as links:
        assert links.kept(file()) is None
    assert len(driver.calls) == 1


async def test_a_rejection_renews_once_for_all_who_met_it():
    """Ten readers of one dead link cost one fresh link."""
    store, driver = FakeStore(), FakeDriver()
    async with open_links(driver, store, "r") as links:
        dead = await links.get(file())
        got = await gathered(links, [file()] * 10, rejected=dead)
        assert len(set(map(id, got))) == 1
        assert got[0] != dead
        assert store.load("r", file().id, "v1") == got[0]
        # One who slept through the renewal comes with the old one.
        assert await links.get(file(), rejected=dead) is got[0]
    assert [fresh for _, fresh, _ in driver.calls] == [False, True]


async def test_a_stored_link_that_is_rejected_is_forgotten_everywhere():
    """Else the store would bring it back for ever."""
    store, driver = FakeStore(), FakeDriver()
    dead = Link(url="https://cdn/dead", lifetime_s=100.0)
    store.save("r", file().id, "v1", dead)
    driver.failures = [Unreachable("offline")]
    async with open_links(driver, store, "r") as links:
        assert await links.get(file()) == dead
        (failure,) = await gathered(links, [file()], rejected=dead)
        assert isinstance(failure, Unreachable)
        assert links.kept(file()) is None
    assert store.links == {}


async def test_a_rejection_during_a_call_is_not_answered_with_the_same_link():
    """A call that began before may bring what the provider has cached: the rejected one."""

    class Caching(FakeDriver):
        def _link(self, file):
            fresh = self.calls[-1][1]
            return Link(url=f"https://cdn/{'new' if fresh else 'cached'}", lifetime_s=60.0)

    driver = Caching(answer_s=1)
    cached = Link(url="https://cdn/cached", lifetime_s=5.0)
    got = []
    async with open_links(driver, None, "r") as links, trio.open_nursery() as nursery:

        async def with_rejected():
            got.append(await links.get(file(), rejected=cached))

        nursery.start_soon(links.get, file())
        await trio.sleep(0.5)
        nursery.start_soon(with_rejected)
    assert [link.url for link in got] == ["https://cdn/new"]
    assert [fresh for _, fresh, _ in driver.calls] == [False, True]


async def test_a_burst_is_asked_in_batches_no_larger_than_the_driver_takes():
    """Seven files, three a call: three calls; each file gets its own link."""
    driver = BatchDriver()
    files = [file(f"f{number}") for number in range(7)]
    async with open_links(driver, None, "r") as links:
        got = await gathered(links, files)
    assert [link.url.split("?")[0] for link in got] == [f"https://cdn/f{n}" for n in range(7)]
    assert sorted(len(names) for names, _, _ in driver.calls) == [1, 3, 3]


async def test_one_bad_file_of_a_batch_fails_alone():
    """Its neighbours get their links."""
    driver = BatchDriver()
    driver.refused["f1"] = NotFound("no such file")
    async with open_links(driver, None, "r") as links:
        got = await gathered(links, [file(f"f{number}") for number in range(3)])
    assert [type(answer) for answer in got] == [Link, NotFound, Link]
    assert len(driver.calls) == 1


async def test_a_batch_that_fails_as_a_whole_fails_for_each():
    """And a short answer is a failure, not a shift of links among files."""
    driver = BatchDriver()
    driver.failures = [Unreachable("offline")]
    files = [file(f"f{number}") for number in range(3)]
    async with open_links(driver, None, "r") as links:
        assert {type(answer) for answer in await gathered(links, files)} == {Unreachable}

    class Short(BatchDriver):
        async def links(self, files):
            return (await super().links(files))[1:]

    async with open_links(Short(), None, "r") as links:
        assert {type(answer) for answer in await gathered(links, files)} == {ProtocolError}


async def test_a_lone_file_and_a_rejected_one_are_asked_alone():
    """A batch cannot ask for a fresh link, and one file needs no batch."""
    driver = BatchDriver()
    async with open_links(driver, None, "r") as links:
        dead = await links.get(file())
        await links.get(file(), rejected=dead)
    assert [(names, fresh) for names, fresh, _ in driver.calls] == [
        (["a.bin"], False),
        (["a.bin"], True),
    ]


async def test_preparing_asks_in_batches_behind_everybody_and_only_for_what_is_missing():
    """Failures are no one's concern yet."""
    driver = BatchDriver()
    driver.refused["f2"] = Denied("no")
    files = [file(f"f{number}") for number in range(4)]
    async with open_links(driver, None, "r") as links:
        await links.get(files[0])
        await links.prepare(files)
        assert [links.kept(one) is not None for one in files] == [True, True, False, True]
    assert driver.calls[1] == [["f1", "f2", "f3"], False, Priority.PREFETCH]


async def test_preparing_without_batches_stops_where_it_is_cancelled():
    """One after the other: what was not asked costs nothing."""
    driver = FakeDriver(answer_s=1)
    async with open_links(driver, None, "r") as links:
        with trio.move_on_after(2.5):
            await links.prepare([file(f"f{number}") for number in range(10)])
        await trio.sleep(5)
    assert [names for names, _, _ in driver.calls] == [["f0"], ["f1"], ["f2"]]


async def test_a_reader_who_joins_raises_the_priority_of_the_call():
    """A prefetch that somebody waits for is no longer one."""
    for driver in (FakeDriver(answer_s=1), BatchDriver(answer_s=1)):
        async with open_links(driver, None, "r") as links, trio.open_nursery() as nursery:
            nursery.start_soon(links.prepare, [file("f1"), file("f2")])
            await trio.sleep(0.5)
            token = priority.set(Priority.READING)
            await links.get(file("f1"))
            priority.reset(token)
        assert driver.calls[0][2] is Priority.READING


async def test_the_most_urgent_go_first_and_set_the_pace_of_their_batch():
    """What was gathered is sorted by who waits."""
    driver = BatchDriver()
    async with open_links(driver, None, "r") as links, trio.open_nursery() as nursery:

        async def read():
            priority.set(Priority.READING)
            await links.get(file("urgent"))

        nursery.start_soon(links.prepare, [file(f"f{number}") for number in range(4)])
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(read)
    first = next(call for call in driver.calls if "urgent" in call[0])
    assert first[0][0] == "urgent"
    assert first[2] is Priority.READING
    assert {call[2] for call in driver.calls if call is not first} == {Priority.PREFETCH}


async def test_memory_is_bounded(monkeypatch):
    """The oldest link goes; the store still has it."""
    monkeypatch.setattr(module, "_MOST_KEPT", 3)
    store, driver = FakeStore(), FakeDriver(answer_s=0)
    async with open_links(driver, store, "r") as links:
        for number in range(5):
            await links.get(file(f"f{number}"))
        assert len(links._kept) == 3
        await links.get(file("f0"))
        assert len(links._kept) == 3
    assert len(driver.calls) == 5


async def test_closing_tells_those_who_still_wait():
    """Nobody hangs on a call that will never end."""
    got = []
    async with trio.open_nursery() as nursery:
        async with open_links(FakeDriver(answer_s=10), None, "r") as links:

            async def wait():
                got.extend(await gathered(links, [file()]))

            nursery.start_soon(wait)
            await trio.sleep(1)
        began = trio.current_time()
    assert trio.current_time() == began
    assert [type(failure) for failure in got] == [Unreachable]
