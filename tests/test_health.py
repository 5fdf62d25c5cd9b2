"""What a remote's health becomes by what layers report."""

from __future__ import annotations

import pytest

from fsmount import errors
from fsmount.health import Health, State

BECOMES = [
    (errors.Unreachable("no route"), State.OFFLINE),
    (errors.TimedOut("no answer"), State.OFFLINE),
    (errors.Throttled("slow down"), State.THROTTLED),
    (errors.Blocked("405"), State.THROTTLED),
    (errors.LoginLost("sign in"), State.LOGIN_LOST),
    (errors.Gone("expired"), State.GONE),
    (errors.ProviderFault("500"), State.FAILING),
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
