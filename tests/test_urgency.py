"""Work that several wait for is as urgent as the most urgent of them, wherever it queues."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from fsmount.model import Priority, priority
from fsmount.urgency import Urgency, queueing


@pytest.fixture(autouse=True)
def crawling():
    """Whoever begins something here is in no hurry."""
    token = priority.set(Priority.CRAWL)
    yield
    priority.reset(token)


async def test_who_joins_raises_the_task_that_works():
    """While it waits; what it asks next is as urgent as that."""
    urgency, went_on = Urgency(), trio.Event()
    seen = []

    async def work():
        urgency.lead()
        seen.append(priority.get())
        await went_on.wait()
        seen.append(priority.get())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(work)
        await trio.testing.wait_all_tasks_blocked()
        urgency.raise_to(Priority.LISTING)
        priority.set(Priority.READING)
        urgency.join()
        went_on.set()
    assert seen == [Priority.CRAWL, Priority.READING]
    assert urgency.at is Priority.READING


def test_who_is_in_less_of_a_hurry_changes_nothing():
    """It is only ever raised; also before anybody works."""
    urgency = Urgency(Priority.OPENING)
    urgency.join()
    urgency.raise_to(Priority.LISTING)
    assert urgency.at is Priority.OPENING


async def test_what_waits_for_other_work_raises_that_too():
    """A read joins a GET, the GET waits for a link, the link call stands in a queue."""
    get, link, moved = Urgency(), Urgency(), []

    async def fetch():
        get.lead()
        with queueing(link.raise_to):
            await trio.sleep_forever()

    async def ask():
        link.lead()
        with queueing(moved.append):
            await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(fetch)
        nursery.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked()
        get.raise_to(Priority.READING)
        nursery.cancel_scope.cancel()
    get.raise_to(Priority.READING)
    assert moved == [Priority.READING]
    assert link.at is Priority.READING


async def test_a_task_that_works_for_itself_queues_as_it_is():
    """Nobody can join it."""
    with queueing(pytest.fail):
        Urgency().raise_to(Priority.READING)
