"""One task receives at a time; who answers at once goes on receiving, who waits lets others."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import assert_no_checkpoints, wait_all_tasks_blocked

from fsmount.leading import Lead


class Kernel:
    """Requests, and tasks that receive them as pyfuse3's do.

    Attributes:
        received: Which task received which request, in order.
    """

    def __init__(self, lead, answer):
        self._lead = lead
        self._answer = answer
        self._send, self._requests = trio.open_memory_channel(100)
        self.received = []

    async def asks(self, *requests):
        for request in requests:
            self._send.send_nowait(request)
        await wait_all_tasks_blocked()

    async def receive(self, name):
        try:
            while True:
                async with self._lead:
                    request = await self._requests.receive()
                self.received.append((name, request))
                if request == "end":
                    return
                await self._answer(request)
        finally:
            self._lead.hand_on()


@asynccontextmanager
async def received_by_three():
    """Three tasks that receive; a request that is an event is waited for."""
    lead = Lead()

    async def answer(request):
        if isinstance(request, trio.Event):
            await lead.through(request.wait())

    kernel = Kernel(lead, answer)
    async with trio.open_nursery() as nursery:
        for name in "abc":
            nursery.start_soon(kernel.receive, name)
            await wait_all_tasks_blocked()
        yield kernel
        nursery.cancel_scope.cancel()


async def test_requests_that_are_answered_at_once_stay_with_the_leader():
    """No other task is woken for them."""
    async with received_by_three() as kernel:
        for number in range(4):
            await kernel.asks(number)
        assert kernel.received == [("a", 0), ("a", 1), ("a", 2), ("a", 3)]


async def test_a_request_that_waits_lets_another_task_receive():
    """As many may wait as there are tasks; each of them receives again when it is done."""
    async with received_by_three() as kernel:
        first, second = trio.Event(), trio.Event()
        await kernel.asks(first, 1, second, 2)
        assert [name for name, _ in kernel.received] == ["a", "b", "b", "c"]
        first.set()
        await wait_all_tasks_blocked()
        await kernel.asks(trio.Event(), 3)
        assert [name for name, _ in kernel.received[4:]] == ["c", "a"]


async def test_a_leader_that_ends_is_followed():
    """Whatever a task ends by, the mount goes on as long as one is left."""
    async with received_by_three() as kernel:
        await kernel.asks("end", 1, "end", 2)
        assert [name for name, _ in kernel.received] == ["a", "b", "b", "c"]


async def test_a_cancelled_leader_and_a_cancelled_follower_leave_the_lead_to_others():
    """Nobody waits for a task that is gone."""
    lead, received = Lead(), []

    async def receive(name, scope):
        with scope:
            async with lead:
                received.append(name)
                await trio.sleep_forever()

    scopes = {name: trio.CancelScope() for name in "abc"}
    async with trio.open_nursery() as nursery:
        for name, scope in scopes.items():
            nursery.start_soon(receive, name, scope)
            await wait_all_tasks_blocked()
        for name in "bac":
            scopes[name].cancel()
            await wait_all_tasks_blocked()
    assert received == ["a", "c"]


@pytest.mark.autojump
async def test_what_is_run_through_it_returns_and_raises_as_ever():
    """With waits and without; cancellation reaches it."""
    lead = Lead()

    async def work(wait_s, end):
        if wait_s:
            await trio.sleep(wait_s)
            await trio.sleep(wait_s)
        if isinstance(end, Exception):
            raise end
        return end

    began = trio.current_time()
    with assert_no_checkpoints():
        assert await lead.through(work(0, "at once")) == "at once"
    assert await lead.through(work(1, "later")) == "later"
    for wait_s in (0, 1):
        with pytest.raises(KeyError):
            await lead.through(work(wait_s, KeyError()))
    with trio.move_on_after(1) as scope:
        await lead.through(work(60, "never"))
    assert scope.cancelled_caught
    assert trio.current_time() - began == 5
