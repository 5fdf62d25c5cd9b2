"""What a remote's health becomes by what layers report."""

from __future__ import annotations

import pytest

from fsmount import errors
from fsmount.health import Health, Report, State, combined

BECOMES = [
    (errors.Unreachable("no route"), State.OFFLINE),
    (errors.TimedOut("no answer"), State.OFFLINE),
    (errors.Throttled("slow down"), State.THROTTLED),
    (errors.Blocked("405"), State.THROTTLED),
    (errors.LoginLost("sign in"), State.LOGIN_LOST),
    (errors.Gone("expired"), State.GONE),
    (errors.ProviderFault("500"), State.FAILING),
    (errors.UsageError("no such option"), State.MISCONFIGURED),
    (errors.ProtocolError("html"), State.FAILING),
]


@pytest.mark.logs("remote=films is")
@pytest.mark.parametrize(("failure", "state"), BECOMES, ids=lambda x: type(x).__name__)
def test_a_failure_of_the_remote_shows(failure, state):
    """Each failure that concerns the whole remote has its state, with the sentence."""
    health = Health(remote="films")
    health.failed(failure)
    assert health.report.state is state
    assert health.report.reason == str(failure)


@pytest.mark.parametrize(
    "failure", [errors.NotFound("x"), errors.Denied("x"), errors.Changed("x"), errors.IsFolder("x")]
)
def test_a_failure_of_one_file_says_nothing_about_the_remote(failure):
    """A missing or changed file leaves the remote online."""
    health = Health(remote="films")
    health.failed(failure)
    assert health.report.state is State.ONLINE


@pytest.mark.logs("remote=films is throttled")
def test_a_pause_has_its_end():
    """``until`` is the wall time at which the provider's wait is over."""
    health = Health(remote="films", wall=lambda: 1000.0)
    health.failed(errors.Throttled("slow down", retry_after_s=30))
    assert health.report.until == 1030.0


@pytest.mark.logs("remote=films is offline")
def test_an_answer_ends_what_was_wrong_and_is_logged_once():
    """State changes are logged, repeats are not."""
    health = Health(remote="films")
    for _ in range(3):
        health.failed(errors.Unreachable("no route"))
    health.succeeded()
    assert health.report.state is State.ONLINE
    assert health.report.reason == ""


@pytest.mark.logs("remote=films is")
@pytest.mark.parametrize(("failure", "state"), BECOMES, ids=lambda x: type(x).__name__)
def test_bytes_of_a_file_end_an_outage_but_bring_back_no_login(failure, state):
    """A link that was kept goes on working after the login is lost or the share is over."""
    health = Health(remote="films")
    health.failed(failure)
    health.delivered()
    lasting = state in (State.LOGIN_LOST, State.GONE)
    assert health.report.state is (state if lasting else State.ONLINE)


def report(state, reason="", until=None):
    return Report(state=state, reason=reason, until=until)


@pytest.mark.parametrize(
    ("reports", "together"),
    [
        ({"a": report(State.GONE, "over")}, report(State.GONE, "over")),
        ({"a": report(State.ONLINE), "b": report(State.ONLINE)}, report(State.ONLINE)),
        (
            {"a": report(State.ONLINE), "b": report(State.OFFLINE, "no network")},
            report(State.PARTIAL, "b is offline: no network"),
        ),
        (
            {"a": report(State.THROTTLED, "", 9.0), "b": report(State.THROTTLED, "slow", 5.0)},
            report(State.THROTTLED, "a is throttled, b is throttled: slow", 5.0),
        ),
        (
            {"a": report(State.GONE, "over"), "b": report(State.OFFLINE)},
            report(State.PARTIAL, "a is gone: over, b is offline"),
        ),
    ],
)
def test_several_remotes_are_in_one_state_only_when_all_are(reports, together):
    """Else the reason names who is in trouble, and with what."""
    assert combined(reports) == together
