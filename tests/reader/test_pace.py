"""How many GETs, and how long: what a link's measured behaviour asks for."""

from __future__ import annotations

import pytest

from fsmount.reader.pace import Pace

MIB = 1024 * 1024


def measured(round_trip_s, rate, size=16 * MIB):
    """Return the pace of a link of which a few GETs were seen."""
    pace = Pace()
    for _ in range(4):
        pace.note(round_trip_s, size, size / rate)
    return pace


@pytest.mark.parametrize(
    ("round_trip_s", "rate_mib", "allowed", "connections"),
    [
        (0.080, 20, 16, 16),  # slowed down per connection: as many as allowed
        (0.080, 20, 2, 2),
        (0.005, 3, 2, 2),
        (0.0005, 800, 16, 2),  # this machine: one brings everything, two leave no pause
        (0.0005, 800, 1, 1),
        (0.0005, 3, 16, 16),  # near, but slowed down
        (0.020, 150, 16, 4),  # fast and far
    ],
)
def test_connections_follow_the_rate_of_one(round_trip_s, rate_mib, allowed, connections):
    """Many where each is slow, few where one is fast, never more than allowed."""
    assert measured(round_trip_s, rate_mib * MIB).connections(allowed) == connections


def test_a_near_link_that_many_read_gets_one_connection_for_each():
    """The others keep it busy, and long GETs spare processor time; a far one needs them all."""
    near, far = measured(0.001, 500 * MIB), measured(0.08, 20 * MIB)
    assert [near.connections(16, share) for share in (64 * MIB, 14 * MIB)] == [2, 1]
    assert [far.connections(16, share) for share in (64 * MIB, 14 * MIB)] == [16, 16]


def test_an_unknown_link_gets_a_few_connections():
    """Before anything was measured some GETs run in parallel."""
    assert Pace().connections(16) == 4
    assert Pace().connections(1) == 1


@pytest.mark.parametrize("round_trip_s", [0.01, 0.08, 0.3])
@pytest.mark.parametrize("rate_mib", [0.5, 3, 20, 90])
def test_a_get_is_long_against_its_round_trip(round_trip_s, rate_mib):
    """At least 90 % of a connection's time carries bytes, unless the GET is at its longest."""
    pace = measured(round_trip_s, rate_mib * MIB)
    length = pace.get_bytes()
    carrying = length / (rate_mib * MIB)
    assert carrying / (carrying + round_trip_s) >= 0.9 or length == 64 * MIB


def test_short_transfers_say_nothing_about_the_rate():
    """A GET of one cell measures the round trip only."""
    pace = Pace()
    pace.note(0.08, 128 * 1024, 0.001)
    assert pace.rate is None
    assert pace.round_trip_s == 0.08


def test_the_round_trip_is_the_least_of_late():
    """A first GET that also waited for a link does not count as a slow link."""
    pace = Pace()
    for first_byte_s in (0.5, 0.08, 0.2):
        pace.note(first_byte_s, MIB, 0.05)
    assert pace.round_trip_s == 0.08
    for _ in range(8):
        pace.note(0.3, MIB, 0.05)
    assert pace.round_trip_s == 0.3


def test_a_window_holds_one_get_more_than_run():
    """So a GET can begin the moment another ends, however far the reader has come."""
    pace = measured(0.08, 20 * MIB)
    assert pace.window_bytes(4) >= 5 * pace.get_bytes()
