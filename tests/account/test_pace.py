"""What a lane's record decides, without files and without waiting."""

from __future__ import annotations

import math
import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsmount.account import pace as paces
from fsmount.account.account import Limit
from fsmount.account.pace import Pace
from fsmount.errors import Blocked, Throttled

NOW, WALL = 1_000.0, 1_700_000_000.0
TWO_A_SECOND = Limit(rate_per_s=2.0, burst=3)


def wait(pace, limit=TWO_A_SECOND, ahead=0, now=NOW, wall=WALL):
    return paces.wait_s(pace, limit, ahead=ahead, now=now, wall=wall)


@pytest.mark.parametrize(
    ("level", "ahead", "expected"),
    [(None, 0, 0.0), (None, 2, 0.0), (None, 3, 0.5), (0.0, 0, 0.5), (0.5, 0, 0.25), (-1.0, 1, 1.5)],
)
def test_the_wait_is_what_the_bucket_lacks_over_the_rate(level, ahead, expected):
    """Those ahead are counted; a full bucket lets a burst go."""
    assert wait(Pace(level=level, stamp=NOW), ahead=ahead) == pytest.approx(expected)


def test_a_family_without_a_rate_never_waits():
    """And its record does not change."""
    pace = Pace()
    assert wait(pace, Limit(), ahead=1000) == 0
    assert paces.taken(pace, Limit(), NOW) is pace
    assert paces.level(pace, Limit(), NOW) == math.inf


def test_the_bucket_never_holds_more_than_the_burst():
    """A day of silence is not saved up."""
    pace = Pace(level=0.0, stamp=NOW)
    assert paces.level(pace, TWO_A_SECOND, NOW + 86400) == 3


def test_a_stamp_from_before_a_reboot_means_a_full_bucket():
    """The boot clock began again."""
    assert paces.level(Pace(level=-5.0, stamp=NOW + 9), TWO_A_SECOND, NOW) == 3


@given(
    rate=st.floats(0.05, 50),
    burst=st.integers(1, 20),
    gaps=st.lists(st.floats(0, 3), min_size=1, max_size=200),
)
def test_no_window_sees_more_than_burst_and_rate_allow(rate, burst, gaps):
    """Whenever calls ask, those that go never exceed burst + rate × time in any window."""
    limit = Limit(rate_per_s=rate, burst=burst)
    pace, now, gone = Pace(), NOW, []
    for gap in gaps:
        now += gap
        if paces.wait_s(pace, limit, ahead=0, now=now, wall=WALL) == 0:
            pace = paces.taken(pace, limit, now)
            gone.append(now)
    for first in range(len(gone)):
        for last in range(first, len(gone)):
            allowed = burst + rate * (gone[last] - gone[first])
            assert last - first + 1 <= allowed + 1e-6


def test_a_complaint_halves_the_rate_and_empties_the_bucket():
    """No burst is left either."""
    pace = paces.throttled(Pace(), TWO_A_SECOND, Throttled("slow"), now=NOW, wall=WALL)
    assert paces.rate_per_s(pace, TWO_A_SECOND) == 1.0
    assert paces.burst(pace, TWO_A_SECOND) == 1
    assert wait(pace) > 0


def test_answers_to_one_burst_are_one_complaint():
    """Ten calls under way together halve the rate once."""
    pace = Pace()
    for number in range(10):
        pace = paces.throttled(
            pace, TWO_A_SECOND, Throttled("slow"), now=NOW + number * 0.1, wall=WALL
        )
    assert pace.rate_per_s == 1.0
    pace = paces.throttled(pace, TWO_A_SECOND, Throttled("slow"), now=NOW + 10, wall=WALL)
    assert pace.rate_per_s == 0.5


def test_the_rate_never_falls_to_nothing():
    """A family that is complained about for ever is still asked once in four seconds."""
    pace = Pace()
    for number in range(50):
        pace = paces.throttled(
            pace, TWO_A_SECOND, Throttled("slow"), now=NOW + 10 * number, wall=WALL
        )
    assert pace.rate_per_s == pytest.approx(1 / 4)


def test_a_family_without_a_limit_gets_one_by_its_first_complaint():
    """Two a second, until it is long quiet."""
    pace = paces.throttled(Pace(), Limit(), Throttled("slow"), now=NOW, wall=WALL)
    assert paces.rate_per_s(pace, Limit()) == 2.0
    now = NOW
    for _ in range(20):
        now += 31
        pace = paces.succeeded(pace, Limit(), now=now, wall=WALL + now - NOW)
    assert paces.rate_per_s(pace, Limit()) is None
    assert pace.is_plain


def test_a_retry_after_pauses_the_family_for_as_long():
    """All its calls wait, a longer pause is not cut short by a shorter one."""
    pace = Pace()
    for seconds in (30.0, 5.0):
        pace = paces.throttled(
            pace, TWO_A_SECOND, Throttled("slow", retry_after_s=seconds), now=NOW, wall=WALL
        )
    assert wait(pace) == pytest.approx(30.0)
    assert wait(pace, now=NOW + 30, wall=WALL + 30) == 0


def test_the_rate_comes_back_in_steps_and_ends_at_the_starting_one():
    """A quarter each half minute of success; the burst comes back last."""
    pace = paces.throttled(Pace(), TWO_A_SECOND, Throttled("slow"), now=NOW, wall=WALL)
    assert paces.succeeded(pace, TWO_A_SECOND, now=NOW + 29, wall=WALL).rate_per_s == 1.0
    rates, now = [], NOW
    while pace.rate_per_s is not None:
        now += 30
        pace = paces.succeeded(pace, TWO_A_SECOND, now=now, wall=WALL + now - NOW)
        rates.append(pace.rate_per_s)
    assert rates == [1.25, 1.5625, 1.953125, None]
    assert pace.is_plain


def test_a_success_that_restores_nothing_returns_the_same_record():
    """So nothing is written."""
    pace = Pace(rate_per_s=1.0, rate_stamp=NOW)
    assert paces.succeeded(pace, TWO_A_SECOND, now=NOW + 1, wall=WALL) is pace


@pytest.mark.parametrize(
    ("under_way", "limit", "expected"),
    [
        (8, Limit(), 7),
        (3, Limit(), 2),
        (1, Limit(), 1),
        (0, Limit(), 1),
        (8, Limit(concurrency=4), 4),
        (4, Limit(concurrency=4), 3),
    ],
)
def test_a_refused_connection_was_one_too_many(under_way, limit, expected):
    """One fewer than were under way; never none; never more than the limit."""
    pace = paces.crowded(Pace(), limit, under_way=under_way, now=NOW)
    assert paces.concurrency(pace, limit) == expected


def test_connections_refused_together_are_counted_one_by_one():
    """Eight at a host that takes two: six refusals leave two, in whatever order they come."""
    pace = Pace()
    for number, under_way in enumerate([8, 7, 5, 3, 2, 1]):
        pace = paces.crowded(pace, Limit(), under_way=under_way, now=NOW + number * 0.1)
    assert pace.connections == 2
    pace = paces.crowded(pace, Limit(), under_way=2, now=NOW + 60)
    assert pace.connections == 1


def test_connections_come_back_one_by_one():
    """Every five minutes, up to where it began."""
    limit = Limit(concurrency=4)
    pace = paces.crowded(Pace(), limit, under_way=3, now=NOW)
    seen, now = [], NOW
    for _ in range(3):
        now += 300
        pace = paces.succeeded(pace, limit, now=now, wall=WALL)
        seen.append(paces.concurrency(pace, limit))
    assert seen == [3, 4, 4]
    assert pace.is_plain


def test_a_block_lasts_ten_minutes_and_doubles_to_two_hours():
    """Each block after another is twice as long; a quiet hour forgets them."""
    pace, wall, lengths = Pace(), WALL, []
    for _ in range(6):
        pace = paces.blocked(pace, TWO_A_SECOND, Blocked("WAF"), now=NOW, wall=wall)
        lengths.append(paces.blocked_s(pace, wall))
        wall += lengths[-1] + 1
    assert lengths == [600, 1200, 2400, 4800, 7200, 7200]
    wall += 3600
    pace = paces.blocked(pace, TWO_A_SECOND, Blocked("WAF"), now=NOW, wall=wall)
    assert paces.blocked_s(pace, wall) == 600


def test_calls_that_were_under_way_do_not_prolong_a_block():
    """Their answers come together."""
    pace = paces.blocked(Pace(), TWO_A_SECOND, Blocked("WAF"), now=NOW, wall=WALL)
    assert paces.blocked(pace, TWO_A_SECOND, Blocked("WAF"), now=NOW, wall=WALL + 1) is pace


def test_a_block_that_says_its_length_has_it():
    """The provider knows best."""
    failure = Blocked("WAF", retry_after_s=90.0)
    pace = paces.blocked(Pace(), TWO_A_SECOND, failure, now=NOW, wall=WALL)
    assert paces.blocked_s(pace, WALL) == 90


def test_a_wall_clock_that_was_wrong_does_not_shut_a_family_for_ever():
    """A block until 2097 lasts a day at most."""
    pace = Pace(blocked_until=WALL + 1e10, paused_until=WALL + 1e10)
    assert paces.blocked_s(pace, WALL) == 86400
    assert wait(pace) == 86400


def test_a_record_fits_its_file_and_reads_back():
    """The longest host name and every field set stay below 1,024 bytes."""
    pace = Pace(
        family="f" * 40,
        host="h" * 259,
        level=-12.345678901234567,
        stamp=123456789.12345679,
        rate_per_s=0.016666666666666666,
        rate_stamp=123456789.12345679,
        connections=64,
        connections_stamp=123456789.12345679,
        paused_until=1700000000.1234567,
        blocked_until=1700000000.1234567,
        blocks=99,
    )
    data = msgspec.json.encode(pace)
    assert len(data) < 1024
    assert msgspec.json.decode(data, type=Pace) == pace


def test_a_time_today_has_no_date():
    """People see 14:05, or the day as well."""
    noon = time.mktime((2026, 5, 4, 12, 0, 0, 0, 0, -1))
    assert paces.time_of_day(noon + 300, noon) == "12:05"
    assert paces.time_of_day(noon + 86400, noon) == "2026-05-05 12:00"
