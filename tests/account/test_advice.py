"""The advice about a lost login names the remote."""

from __future__ import annotations

import pytest

from fsmount.account.advice import LOGIN_AGAIN, named
from fsmount.errors import Denied, LoginLost


@pytest.mark.parametrize(
    ("remote", "advice"),
    [("photos", 'run "fsmount login photos"'), ("", 'run "fsmount login NAME"')],
)
def test_the_name_is_put_in(remote, advice):
    """Into the very failure that is on its way up."""
    lost = LoginLost("the refresh token is dead", advice=LOGIN_AGAIN)
    assert named(lost, remote) is lost
    assert str(lost) == f"the refresh token is dead; {advice}"


def test_other_advice_stays():
    """Also what holds braces of its own."""
    failure = Denied("no", advice="ask {whom}")
    assert named(failure, "photos").advice == "ask {whom}"
