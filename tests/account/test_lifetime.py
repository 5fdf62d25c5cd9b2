"""A token's life is measured by differences, so no clock has to be right."""

from __future__ import annotations

import math

import pytest

from fsmount.account.credentials import Credentials
from fsmount.account.lifetime import Ends, aged, descend, ends, pasted, renew_after_s
from fsmount.model import Token

WALL = 1_700_000_000.0
NOBODY = Credentials()


@pytest.mark.parametrize(
    ("life_s", "expected"),
    [
        (14 * 86400, 0.8 * 14 * 86400),
        (3600, 2880),
        (1500, 1200),
        (900, 600),
        (600, 300),
        (300, 150),
        (60, 30),
        (2, 1),
    ],
)
def test_renewal_is_due_at_four_fifths_or_five_minutes_before_the_end(life_s, expected):
    """But never before half of a short life."""
    assert renew_after_s(life_s) == pytest.approx(expected)


@pytest.mark.parametrize("skew_s", [0, 86400.0, -86400.0, 1e8])
def test_a_providers_wrong_clock_does_no_harm(skew_s):
    """Only the length of the life is taken from it."""
    issued = WALL + skew_s
    token = Token(access="a", issued_at=issued, access_expires_at=issued + 3600)
    fresh = aged(descend(token, NOBODY, wall=WALL), now=50.0, wall=WALL)
    assert (fresh.due_at, fresh.over_at) == pytest.approx((50 + 2880, 50 + 3600))


def test_a_kept_token_has_the_age_since_it_was_obtained():
    """A process that starts an hour later knows how much is left."""
    token = Token(access="a", issued_at=5.0, access_expires_at=7205.0)
    kept = descend(token, NOBODY, wall=WALL)
    later = aged(kept, now=10.0, wall=WALL + 3600)
    assert later.over_at == pytest.approx(10 + 3600)


def test_a_clock_that_was_set_back_makes_a_token_due():
    """A machine that boots in 1970 renews instead of trusting an age."""
    token = Token(access="a", issued_at=5.0, access_expires_at=7205.0)
    kept = descend(token, NOBODY, wall=WALL)
    assert aged(kept, now=10.0, wall=WALL - 86400).over_at == -math.inf
    assert aged(kept, now=10.0, wall=WALL - 5).over_at == pytest.approx(7210.0)


def test_a_token_without_an_end_is_good_until_rejected():
    """And one without an access token is not good at all."""
    assert aged(Token(access="a"), now=0.0, wall=WALL).over_at == math.inf
    assert aged(Token(refresh="r"), now=0.0, wall=WALL).over_at == -math.inf


def test_a_token_that_is_over_at_birth_is_tried_all_the_same():
    """A site whose clocks disagree: good for two seconds, renewed after one."""
    token = Token(access="a", issued_at=WALL, access_expires_at=WALL - 90)
    fresh = aged(descend(token, NOBODY, wall=WALL), now=50.0, wall=WALL)
    assert (fresh.due_at, fresh.over_at) == pytest.approx((51, 52))


def test_pasted_tokens_win_until_something_comes_after_them():
    """A newly pasted one wins again."""
    first, second = Credentials(refresh_token="r1"), Credentials(refresh_token="r2")
    assert pasted(NOBODY, None) is None
    assert pasted(first, None) == Token(refresh="r1")
    kept = descend(Token(access="a", extra={"drive": "1"}), first, wall=WALL)
    assert kept.extra["drive"] == "1"
    assert "r1" not in str(kept.extra)
    assert pasted(first, kept) is None
    assert pasted(second, kept) == Token(refresh="r2")
    assert pasted(Credentials(access_token="a"), kept) == Token(access="a")
    assert pasted(Credentials(access_token="a", refresh_token="r"), kept) == Token(refresh="r")


def test_a_pasted_access_token_ends_when_it_says():
    """Nobody knows when it was obtained, so the clocks have to agree."""
    token = Token(access="a", issued_at=WALL - 3000, access_expires_at=WALL + 600)
    assert aged(token, now=50.0, wall=WALL).over_at == pytest.approx(650)
    assert aged(Token(access="a", access_expires_at=WALL + 600), now=50.0, wall=WALL).over_at == (
        pytest.approx(650)
    )


@pytest.mark.parametrize("skew_s", [0, 86400.0, -86400.0])
def test_ends_are_told_on_the_clock_of_this_machine(skew_s):
    """Whatever the provider's clock says; what is not told stays so."""
    issued = WALL + skew_s
    token = Token(
        access="a",
        refresh="r",
        issued_at=issued,
        access_expires_at=issued + 3600,
        refresh_expires_at=issued + 86400,
    )
    kept = descend(token, NOBODY, wall=WALL)
    expected = Ends(access=WALL + 3600, refresh=WALL + 86400, renewed=True)
    assert ends(kept, renewed=True) == expected
    endless = descend(Token(access="a", issued_at=issued), NOBODY, wall=WALL)
    assert ends(endless, renewed=False) == Ends(access=None, refresh=None, renewed=False)
