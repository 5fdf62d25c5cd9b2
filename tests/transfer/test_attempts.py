"""Which failures are tried again, how often, after how long."""

from __future__ import annotations

import pytest

from fsmount.errors import (
    Blocked,
    Changed,
    ConnectionLimit,
    Denied,
    LinkExpired,
    NotFound,
    ProtocolError,
    ProviderFault,
    Throttled,
    TimedOut,
    Unreachable,
    WrongSize,
)
from fsmount.transfer.answers import Refusal
from fsmount.transfer.attempts import Again, Attempts

DROPPED = Refusal(Unreachable("dropped"))
EXPIRED = Refusal(LinkExpired("over"), renew=True)
CELL = 128 * 1024


def waits(attempts, refusal, now=0.0):
    """Return the waits of one failure after the other, at one moment, until it is final."""
    result = []
    while (again := attempts.failed(refusal, now)) is not None:
        result.append(again.after_s)
    return result


@pytest.mark.parametrize(
    "failure", [Unreachable("x"), ProviderFault("x"), ConnectionLimit("x"), Throttled("x")]
)
def test_what_may_pass_is_tried_five_times_in_growing_steps(failure):
    """Less than 8 s in all."""
    assert waits(Attempts(0.0), Refusal(failure)) == [0.1, 0.4, 1.0, 2.0]


@pytest.mark.parametrize(
    "failure",
    [
        Denied("x"),
        NotFound("x"),
        Changed("x"),
        ProtocolError("x"),
        WrongSize("x", actual=1),
        Blocked("x"),
        LinkExpired("x"),
    ],
)
def test_what_is_said_for_good_is_final(failure):
    """Asking again would only cost."""
    assert Attempts(0.0).failed(Refusal(failure), 0.0) is None


def test_silence_of_eight_seconds_is_final():
    """One stall of 8 s, or shorter ones that add up, with the pauses between them."""
    stalled = Refusal(TimedOut("silence"))
    assert Attempts(0.0).failed(stalled, 8.0) is None
    attempts = Attempts(0.0)
    assert attempts.failed(stalled, 3.0) == Again(after_s=0.0)
    attempts.began(100.0)  # waiting for pace is not silence
    assert attempts.failed(stalled, 103.0) == Again(after_s=0.0)
    attempts.began(103.0)
    assert attempts.failed(DROPPED, 103.5) == Again(after_s=1.0)
    attempts.began(105.0)
    assert attempts.failed(stalled, 106.0) is None


def test_a_byte_ends_the_silence():
    """The 8 s are counted from the last one."""
    attempts = Attempts(0.0)
    assert attempts.failed(DROPPED, 7.0) is not None
    attempts.began(10.0)
    attempts.brought(1, 17.0)
    assert attempts.failed(DROPPED, 24.0) is not None


def test_progress_forgives_earlier_failures_a_trickle_does_not():
    """A server that drops after each few bytes is given up; one that drops each MiB is not."""
    attempts = Attempts(0.0)
    for now in range(20):
        attempts.brought(CELL, now)
        assert attempts.failed(DROPPED, now) == Again(after_s=0.1)
    attempts = Attempts(0.0)
    outcomes = []
    for now in range(20):
        attempts.brought(100, now)
        outcomes.append(attempts.failed(DROPPED, now))
    assert None in outcomes


def test_a_refused_link_is_renewed_once_then_the_refusal_is_meant():
    """Once per rejection; progress on the new one allows another."""
    attempts = Attempts(0.0)
    assert attempts.failed(EXPIRED, 0.0) == Again(after_s=0.0, renew=True)
    assert attempts.failed(EXPIRED, 0.0) is None
    attempts = Attempts(0.0)
    renewals = 0
    while attempts.failed(EXPIRED, 0.0) is not None:
        renewals += 1
        attempts.brought(CELL, 0.0)
    assert renewals == 3  # a link call is scarce: one span costs no more


@pytest.mark.parametrize(("asked_s", "after_s"), [(0.0, 0.0), (3.0, 3.0), (30.0, None)])
def test_the_providers_own_pause_is_kept_or_too_long(asked_s, after_s):
    """A pause that outlasts the reader's patience fails at once."""
    again = Attempts(0.0).failed(Refusal(Throttled("slow down", retry_after_s=asked_s)), 0.0)
    assert again == (None if after_s is None else Again(after_s=after_s))


def test_a_get_that_crawls_is_told_from_one_that_is_slow():
    """A cell in twenty seconds is slow; less is asked for anew, and a new GET has its own time."""
    attempts = Attempts(0.0)
    attempts.began(5.0)
    for second in range(6, 25):
        attempts.brought(1000, float(second))
        assert not attempts.crawls(float(second))
    attempts.brought(1000, 26.0)
    assert attempts.crawls(26.0)
    attempts.began(26.0)
    assert not attempts.crawls(27.0)
    attempts.brought(CELL, 40.0)
    assert not attempts.crawls(59.0)
