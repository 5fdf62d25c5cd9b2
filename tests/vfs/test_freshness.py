"""When a folder is asked for again, and how long a request waits."""

from __future__ import annotations

import pytest

from fsmount import errors
from fsmount.vfs.freshness import Freshness, Patience

PATIENCE = Patience(answer_within_s=5.0, stale_after_s=1.0)


def test_a_complete_listing_is_fresh_for_its_ttl():
    """Then it must be asked for."""
    state = Freshness()
    assert state.should_ask(0.0, 300.0)
    state.completed(listed_at=10.0)
    assert state.is_fresh(309.9, 300.0)
    assert not state.is_fresh(310.0, 300.0)
    assert state.should_ask(310.0, 300.0)


def test_one_listing_at_a_time():
    """While one is under way nothing starts another."""
    state = Freshness()
    state.started(0.0)
    assert not state.should_ask(1000.0, 300.0)


def test_an_outdated_listing_is_asked_for_but_not_at_once_again():
    """However often something shows that it is outdated, two seconds lie between."""
    state = Freshness()
    state.started(0.0)
    state.completed(0.0)
    state.outdated()
    assert not state.should_ask(1.9, 300.0)
    assert state.should_ask(2.0, 300.0)


def test_failures_are_asked_for_ever_more_slowly():
    """2, 4, 8 … and never more than 60 seconds; a success begins anew."""
    state, now, pauses = Freshness(), 0.0, []
    for _ in range(12):
        state.started(now)
        state.failed(now, errors.Unreachable("x"))
        begun = now
        while not state.should_ask(now, 300.0):
            now += 1.0
        pauses.append(now - begun)
    assert pauses[:6] == [2, 4, 8, 16, 32, 60]
    assert set(pauses[6:]) == {60}
    state.completed(now)
    state.failed(now, errors.Unreachable("x"))
    state.outdated()
    assert state.should_ask(now + 2.0, 300.0)


def test_a_provider_that_names_a_pause_gets_it():
    """Retry-After counts."""
    state = Freshness()
    state.failed(0.0, errors.Throttled("x", retry_after_s=120.0))
    assert not state.should_ask(119.0, 300.0)
    assert state.should_ask(120.0, 300.0)


@pytest.mark.parametrize(
    ("complete", "asking", "online", "waits"),
    [
        (False, True, True, 5.0),
        (False, True, False, 5.0),
        (True, True, True, 1.0),
        (True, True, False, 0.0),
        (True, False, True, 0.0),
        (False, False, True, 0.0),
    ],
)
def test_requests_wait_as_long_as_their_answer_allows(complete, asking, online, waits):
    """5 s when nothing is known, 1 s when something older is, none where it is no use."""
    state = Freshness(complete=complete, asking=asking)
    assert state.patience_s(0.0, PATIENCE, online=online) == waits


def test_a_wait_is_spent_once():
    """After one wait in vain others fail at once, until a page comes or 10 s have passed."""
    state = Freshness(asking=True)
    state.waited_in_vain(5.0)
    assert state.patience_s(5.0, PATIENCE, online=True) == 0.0
    assert state.patience_s(14.9, PATIENCE, online=True) == 0.0
    assert state.patience_s(15.0, PATIENCE, online=True) == 5.0
    state.waited_in_vain(20.0)
    state.arrived()
    assert state.patience_s(20.0, PATIENCE, online=True) == 5.0


def test_a_page_of_a_refresh_does_not_make_stale_answers_wait_again():
    """They are of no use before the listing is complete."""
    state = Freshness(asking=True, complete=True)
    state.waited_in_vain(0.0)
    state.arrived()
    assert state.patience_s(0.0, PATIENCE, online=True) == 0.0


def test_a_failure_leaves_what_is_known():
    """Error is not absence."""
    state = Freshness()
    state.completed(0.0)
    state.failed(400.0, errors.Gone("over"))
    assert state.complete
    assert state.listed_at == 0.0
    assert isinstance(state.failure, errors.Gone)
