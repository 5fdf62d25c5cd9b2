"""The governor in one process with a clock that jumps, and with real files between processes."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from fsmount.account.account import Limit
from fsmount.account.governor import Governor
from fsmount.errors import Blocked, ConnectionLimit, NotFound, Throttled, TimedOut
from fsmount.model import Priority, priority
from fsmount.urgency import Urgency

WALL = 1_700_000_000.0
HOST = "cloud.example.com"


def in_memory(**limits):
    return Governor(None, limits, clock=trio.current_time, wall=lambda: WALL + trio.current_time())


def with_files(directory, **limits):
    return Governor(
        directory, limits, clock=trio.current_time, wall=lambda: WALL + trio.current_time()
    )


@pytest.fixture(params=["memory", "files"])
def make(request, tmp_path):
    """Return a maker of governors: in memory, and sharing files (which use no threads)."""
    if request.param == "memory":
        return in_memory
    return lambda **limits: with_files(tmp_path / "governor" / "me", **limits)


async def run_calls(governor, count, family="list", *, takes_s=0.0):
    """Send ``count`` calls at once; return when each began."""
    begun = []

    async def call():
        async with governor.slot(family, HOST):
            begun.append(trio.current_time())
            await trio.sleep(takes_s)

    async with trio.open_nursery() as nursery:
        for _ in range(count):
            nursery.start_soon(call)
    return begun


@pytest.mark.autojump
async def test_calls_go_at_the_pace_of_their_family(make):
    """A burst of three, then two a second."""
    start = trio.current_time()
    begun = await run_calls(make(list=Limit(rate_per_s=2.0, burst=3)), 7)
    assert [round(each - start, 2) for each in begun] == [0, 0, 0, 0.5, 1.0, 1.5, 2.0]


@pytest.mark.autojump
async def test_no_more_than_the_allowed_calls_are_under_way(make):
    """Two at once, each taking a second: six take three."""
    start = trio.current_time()
    begun = await run_calls(make(list=Limit(concurrency=2)), 6, takes_s=1.0)
    assert [round(each - start, 1) for each in begun] == pytest.approx([0, 0, 1, 1, 2, 2], abs=0.15)


@pytest.mark.autojump
async def test_a_family_without_a_limit_does_not_wait_and_needs_no_file(tmp_path):
    """A thousand go at once; families and hosts do not share a pace."""
    governor = with_files(tmp_path / "governor", link=Limit(rate_per_s=1.0))
    start = trio.current_time()
    await run_calls(governor, 1000, "list")
    assert trio.current_time() == start
    assert list((tmp_path / "governor").glob("*")) == []
    async with governor.slot("link", HOST), governor.slot("link", "other.example.com"):
        assert trio.current_time() == start


@settings(max_examples=40, deadline=None)
@given(
    rate=st.floats(0.2, 20),
    burst=st.integers(1, 5),
    most=st.integers(1, 5),
    calls=st.lists(
        st.tuples(st.floats(0, 5), st.floats(0, 2), st.sampled_from(Priority), st.booleans()),
        min_size=1,
        max_size=40,
    ),
)
def test_rate_and_concurrency_are_never_exceeded(rate, burst, most, calls):
    """Under any load, cancellations included; and everyone who stays gets through."""
    begun, under_way, highest, done = [], 0, 0, 0

    async def call(governor, begins_s, takes_s, urgency, gives_up):
        nonlocal under_way, highest, done
        await trio.sleep(begins_s)
        priority.set(urgency)
        scope = trio.CancelScope()
        if gives_up:
            scope.relative_deadline = 0.1
        with scope:
            try:
                async with governor.slot("list", HOST):
                    begun.append(trio.current_time())
                    under_way += 1
                    highest = max(highest, under_way)
                    try:
                        await trio.sleep(takes_s)
                    finally:
                        under_way -= 1
            except TimedOut:
                assert gives_up
        done += 1

    async def main():
        governor = in_memory(list=Limit(rate_per_s=rate, burst=burst, concurrency=most))
        async with trio.open_nursery() as nursery:
            for each in calls:
                nursery.start_soon(call, governor, *each)
        shown = governor.snapshot()[f"list {HOST}"]
        assert (shown["waiting"], shown["under_way"]) == (0, 0)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert done == len(calls)
    assert highest <= most
    for first in range(len(begun)):
        for last in range(first, len(begun)):
            assert last - first + 1 <= burst + rate * (begun[last] - begun[first]) + 1e-6


@pytest.mark.autojump
async def test_a_more_urgent_call_joins_ahead(make):
    """Crawlers wait behind listings, listings behind a reader; equals go in order of arrival."""
    governor = make(list=Limit(rate_per_s=1.0))
    order = []

    async def call(name, urgency):
        priority.set(urgency)
        async with governor.slot("list", HOST):
            order.append(name)

    async with trio.open_nursery() as nursery:
        for name, urgency in (
            *(("first", Priority.CRAWL), ("crawl", Priority.CRAWL), ("list a", Priority.LISTING)),
            *(("list b", Priority.LISTING), ("read", Priority.READING)),
        ):
            nursery.start_soon(call, name, urgency)
            await trio.testing.wait_all_tasks_blocked()
    assert order == ["first", "read", "list a", "list b", "crawl"]


@pytest.mark.autojump
async def test_a_call_that_a_reader_joins_moves_up(make):
    """Behind what is as urgent and came before, ahead of what is not."""
    governor = make(list=Limit(rate_per_s=1.0))
    order = []
    joined = Urgency(Priority.CRAWL)

    async def call(name, urgency):
        urgency.lead()
        async with governor.slot("list", HOST):
            order.append(name)

    async with trio.open_nursery() as nursery:
        for name, urgency in (
            *(("first", Urgency(Priority.CRAWL)), ("crawl", Urgency(Priority.CRAWL))),
            *(("joined", joined), ("list", Urgency(Priority.LISTING))),
            ("read", Urgency(Priority.READING)),
        ):
            nursery.start_soon(call, name, urgency)
            await trio.testing.wait_all_tasks_blocked()
        joined.raise_to(Priority.READING)
    # It came before the other reader, and is as urgent now.
    assert order == ["first", "joined", "read", "list", "crawl"]
    assert governor.snapshot()[f"list {HOST}"]["waiting"] == 0


@pytest.mark.autojump
async def test_who_gives_up_lets_the_next_one_move_up(make):
    """Neither a token nor a place is lost."""
    governor = make(list=Limit(rate_per_s=1.0, concurrency=1))
    begun = []

    async def call(patience_s):
        with trio.move_on_after(patience_s):
            try:
                async with governor.slot("list", HOST):
                    begun.append(round(trio.current_time() - start, 1))
            except TimedOut:
                pass

    start = trio.current_time()
    async with trio.open_nursery() as nursery, governor.slot("list", HOST):
        nursery.start_soon(call, 1.5)
        nursery.start_soon(call, 50)
        await trio.sleep(10)
    assert begun == pytest.approx([10.0], abs=0.1)


@pytest.mark.autojump
async def test_a_wait_that_is_known_to_be_too_long_fails_at_once(make):
    """Ten calls at one a second do not wait three seconds to hear that they are late."""
    governor = make(list=Limit(rate_per_s=1.0))
    start, begun, late = trio.current_time(), [], []

    async def call():
        with trio.move_on_after(3.5):
            try:
                async with governor.slot("list", HOST):
                    begun.append(trio.current_time() - start)
            except TimedOut:
                late.append(trio.current_time() - start)

    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(call)
    assert begun == pytest.approx([0, 1, 2, 3], abs=0.01)
    assert late == [0] * 6


@pytest.mark.autojump
async def test_a_retry_after_holds_the_whole_family(make):
    """Twenty seconds of silence, then half the pace."""
    governor = make(list=Limit(rate_per_s=2.0, burst=2))
    start = trio.current_time()
    async with governor.slot("list", HOST):
        governor.met("list", HOST, Throttled("slow down", retry_after_s=20.0))
    begun = await run_calls(governor, 3)
    assert [each - start for each in begun] == pytest.approx([20, 21, 22], abs=0.01)
    governor.met("list", HOST, Throttled("slow down", retry_after_s=20.0))
    with trio.move_on_after(5), pytest.raises(TimedOut, match="again in 20 s"):
        async with governor.slot("list", HOST):
            pytest.fail("went during the pause")


@pytest.mark.autojump
async def test_an_unlimited_family_learns_a_limit_by_complaint(make):
    """And loses it after minutes of success."""
    governor = make()
    async with governor.slot("list", HOST):
        governor.met("list", HOST, Throttled("slow down", retry_after_s=0.0))
    start = trio.current_time()
    begun = await run_calls(governor, 4)
    assert [each - start for each in begun] == pytest.approx([0.5, 1.0, 1.5, 2.0], abs=0.01)
    for _ in range(30):
        await trio.sleep(31)
        async with governor.slot("list", HOST):
            governor.met("list", HOST, None)
    start = trio.current_time()
    assert await run_calls(governor, 4) == [start] * 4


@pytest.mark.autojump
@pytest.mark.logs("shut us out")
async def test_a_block_opens_the_breaker_for_all_that_wait(make):
    """Those in the queue fail at once, later ones too; the sentence says until when."""
    governor = make(list=Limit(rate_per_s=1.0))
    refused = []

    async def call():
        try:
            async with governor.slot("list", HOST):
                pytest.fail("went through an open breaker")
        except Blocked as exc:
            refused.append((trio.current_time() - start, exc))

    start = trio.current_time()
    async with trio.open_nursery() as nursery:
        async with governor.slot("list", HOST):
            for _ in range(3):
                nursery.start_soon(call)
            await trio.testing.wait_all_tasks_blocked()
            governor.met("list", HOST, Blocked("a page of a firewall"))
        nursery.start_soon(call)
    assert [when for when, _ in refused] == [0] * 4
    until = time.strftime("%H:%M", time.localtime(WALL + start + 600))
    assert until in str(refused[0][1])
    assert refused[0][1].retry_after_s == pytest.approx(600)
    assert governor.snapshot()[f"list {HOST}"]["blocked_until"] == pytest.approx(WALL + start + 600)
    async with governor.slot("link", HOST):
        pass  # another family is not concerned
    await trio.sleep(601)
    async with governor.slot("list", HOST):
        governor.met("list", HOST, None)
    assert governor.snapshot()[f"list {HOST}"]["blocked_until"] is None


@pytest.mark.autojump
async def test_refused_connections_lower_the_number_to_what_works(make):
    """Eight at a host that takes two: the six refusals leave two."""
    governor = make()
    refusals = accepted = 0

    async def get():
        nonlocal refusals, accepted
        async with governor.slot("content", HOST):
            if accepted < 2:
                accepted += 1
                await trio.sleep(1.0)
                governor.met("content", HOST, None)
            else:
                await trio.sleep(0.1)
                refusals += 1
                governor.met("content", HOST, ConnectionLimit("too many"))

    assert governor.connections(HOST, 8) == 8
    async with trio.open_nursery() as nursery:
        for _ in range(8):
            nursery.start_soon(get)
    assert refusals == 6
    assert governor.connections(HOST, 8) == 2
    assert governor.connections("other", 8) == 8
    begun = await run_calls(governor, 4, "content", takes_s=1.0)
    assert begun[2] - begun[0] == pytest.approx(1.0, abs=0.1)


@pytest.mark.autojump
@pytest.mark.parametrize("limit", [Limit(), Limit(concurrency=8)])
async def test_calls_under_way_count_when_the_number_is_lowered(make, limit):
    """Two long reads stay; the next one waits for them though it was allowed before."""
    governor = make(content=limit)
    start = trio.current_time()

    async def read(takes_s, *, refused=False):
        async with governor.slot("content", HOST):
            await trio.sleep(takes_s)
            if refused:
                governor.met("content", HOST, ConnectionLimit("too many"))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read, 0.1)
        nursery.start_soon(read, 5.0)
        nursery.start_soon(read, 7.0)
        await trio.sleep(0.2)
        await read(0.0, refused=True)
        await read(0.0)
        assert trio.current_time() - start == pytest.approx(5.0, abs=0.1)


@pytest.mark.autojump
async def test_other_failures_say_nothing_about_pace(make):
    """A missing file does not slow anybody."""
    governor = make(list=Limit(rate_per_s=2.0))
    before = governor.snapshot()
    governor.met("list", HOST, NotFound("no such file"))
    assert governor.snapshot() | before == governor.snapshot()
    assert not governor.snapshot()[f"list {HOST}"]["learned"]


@pytest.mark.logs("shut us out")
def test_a_breaker_survives_a_restart(tmp_path):
    """The next process refuses at once, and shows the end before any call."""

    async def first():
        governor = with_files(tmp_path, list=Limit(rate_per_s=1.0))
        async with governor.slot("list", HOST):
            governor.met("list", HOST, Blocked("a page of a firewall"))

    async def second():
        governor = with_files(tmp_path, list=Limit(rate_per_s=1.0))
        assert governor.snapshot()[f"list {HOST}"]["blocked_until"] is not None
        with pytest.raises(Blocked):
            async with governor.slot("list", HOST):
                pytest.fail("went through an open breaker")

    for life in (first, second):
        trio.run(life, clock=trio.testing.MockClock(autojump_threshold=0))


@pytest.mark.autojump
@pytest.mark.logs("shut us out")
async def test_a_complaint_met_by_one_process_is_heeded_by_the_others(tmp_path):
    """Also in a family without a limit, within about a second."""
    ours, other = with_files(tmp_path), with_files(tmp_path)
    async with ours.slot("list", HOST):
        pass
    other.met("list", HOST, Blocked("a page of a firewall"))
    other.met("content", HOST, ConnectionLimit("too many"))
    await trio.sleep(1.1)
    with pytest.raises(Blocked):
        async with ours.slot("list", HOST):
            pytest.fail("went through an open breaker")
    assert ours.connections(HOST, 8) == 1


@pytest.mark.autojump
async def test_two_governors_share_one_pace(tmp_path):
    """Each alone would go at two a second; together they do."""
    limits = {"list": Limit(rate_per_s=2.0, concurrency=3)}
    both = [with_files(tmp_path, **limits), with_files(tmp_path, **limits)]
    begun = []

    async def some(governor):
        begun.extend(await run_calls(governor, 10))

    async with trio.open_nursery() as nursery:
        for governor in both:
            nursery.start_soon(some, governor)
    begun.sort()
    for first in range(20):
        for last in range(first, 20):
            assert last - first + 1 <= 1 + 2.0 * (begun[last] - begun[first]) + 1e-6


@pytest.mark.autojump
@pytest.mark.logs("other processes are not heeded")
async def test_files_that_cannot_be_used_leave_the_pace_in_memory(tmp_path, unexpected_warnings):
    """One warning; rate and concurrency hold in this process."""
    (tmp_path / "state").write_text("a file where the directory should be")
    governor = with_files(tmp_path / "state" / "me", list=Limit(rate_per_s=1.0, concurrency=1))
    start = trio.current_time()
    begun = await run_calls(governor, 3)
    governor.met("list", HOST, Throttled("slow", retry_after_s=9.0))
    assert [each - start for each in begun] == pytest.approx([0, 1, 2], abs=0.01)
    assert governor.snapshot()[f"list {HOST}"]["paused_until"] is not None
    assert len(unexpected_warnings.records) == 1


@pytest.mark.autojump
async def test_a_damaged_record_is_as_if_there_were_none(tmp_path):
    """A power cut left something else in the file."""
    governor = with_files(tmp_path, list=Limit(rate_per_s=1.0))
    await run_calls(governor, 1)
    (record,) = tmp_path.glob("*.pace")
    record.write_bytes(b'{"level": "\xff')
    again = with_files(tmp_path, list=Limit(rate_per_s=1.0))
    start = trio.current_time()
    assert await run_calls(again, 2) == pytest.approx([start, start + 1], abs=0.01)


@pytest.mark.autojump
async def test_a_directory_that_is_removed_under_us_is_made_again(tmp_path):
    """Deleting the state of a running mount does not end its pacing."""
    governor = with_files(tmp_path / "g", list=Limit(rate_per_s=1.0))
    await run_calls(governor, 1)
    for file in (tmp_path / "g").iterdir():
        file.unlink()
    await run_calls(governor, 1)
    assert list((tmp_path / "g").glob("*.pace"))


PROCESS = """
import json, sys, time, trio
from pathlib import Path
from fsmount.account.account import Limit
from fsmount.account.governor import Governor

async def main():
    governor = Governor(Path(sys.argv[1]), {"list": Limit(rate_per_s=40.0, burst=2, concurrency=3)})
    spans = []
    async def call():
        async with governor.slot("list", "cloud.example.com"):
            begun = time.monotonic()
            await trio.sleep(0.03)
            spans.append((begun, time.monotonic()))
    async with trio.open_nursery() as nursery:
        for _ in range(int(sys.argv[2])):
            nursery.start_soon(call)
    print(json.dumps(spans))

trio.run(main)
"""


def test_two_processes_share_rate_and_concurrency(tmp_path):
    """Real files, real time: together they stay within 40 a second and three at once."""
    running = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, tmp_path, "25"], stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    spans = sorted(
        tuple(span) for each in running for span in json.loads(each.communicate(timeout=60)[0])
    )
    assert len(spans) == 50
    begun = [start for start, _ in spans]
    for first in range(50):
        for last in range(first, 50):
            # A call may be held up between its leave and its first line by a busy machine.
            assert last - first + 1 <= 2 + 40.0 * (begun[last] - begun[first] + 0.25)
    assert begun[-1] - begun[0] >= (50 - 2) / 40 - 0.1
    for start, _ in spans:
        assert sum(other <= start < end for other, end in spans) <= 3


HOLD = """
import sys, trio
from pathlib import Path
from fsmount.account.account import Limit
from fsmount.account.governor import Governor

async def main():
    governor = Governor(Path(sys.argv[1]), {"content": Limit(concurrency=2)})
    async with governor.slot("content", "cdn"), governor.slot("content", "cdn"):
        print("held", flush=True)
        await trio.sleep_forever()

trio.run(main)
"""


@pytest.fixture
def greedy_process(tmp_path):
    """Return a process that holds both slots there are."""
    holder = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"
    yield holder
    holder.kill()
    holder.wait()
    holder.stdout.close()


async def test_a_killed_process_leaves_its_slots_to_the_others(tmp_path, greedy_process):
    """Waiting while it lives, going as soon as it is killed."""
    governor = Governor(tmp_path, {"content": Limit(concurrency=2)})
    with trio.move_on_after(0.2) as scope:
        async with governor.slot("content", "cdn"):
            pytest.fail("both slots are held")
    assert scope.cancelled_caught
    greedy_process.kill()
    with trio.fail_after(5):
        async with governor.slot("content", "cdn"), governor.slot("content", "cdn"):
            pass


async def test_an_uncontended_slot_is_cheap(tmp_path):
    """Well under 200 µs with files, a few without limits (the bounds leave room for CI)."""
    governor = Governor(tmp_path, {"list": Limit(rate_per_s=1e9, burst=1000, concurrency=8)})

    async def cost_s(family):
        best = 1.0
        for _ in range(5):
            started = time.perf_counter()
            for _ in range(200):
                async with governor.slot(family, HOST):
                    governor.met(family, HOST, None)
            best = min(best, (time.perf_counter() - started) / 200)
        return best

    assert await cost_s("list") < 400e-6
    assert await cost_s("free") < 40e-6
