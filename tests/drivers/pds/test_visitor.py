"""A share's own token: got once, renewed before its end, replaced when it is refused."""

from __future__ import annotations

import functools

import pytest
import trio

from fsmount.account.refresher import Refresher
from fsmount.drivers.pds.driver import SPEC
from fsmount.drivers.pds.options import Domain, PdsOptions
from fsmount.drivers.pds.visitor import Visit
from fsmount.errors import Denied, Gone, Unreachable
from tests.drivers.pds.scripted import (
    NOW,
    SHARE,
    Script,
    ScriptedAccount,
    answered,
    listing,
    opened,
    refused,
    share_token,
)

OVER = refused(401, "ShareLinkTokenInvalid", "ShareLinkToken is invalid. expired")
TOKEN_CALL = "share_link/get_share_token"


def given(script):
    """Return the share tokens that went along with calls for files."""
    return [
        each.headers["x-share-token"] for each in script.calls if "x-share-token" in each.headers
    ]


def visiting(answer):
    """Return a visit on Trio's clock, and the script that it asks."""
    given = PdsOptions(domain="bj29", share=SHARE)
    script = Script(share_link__get_share_token=answer)
    visit = Visit(
        Domain.of(given),
        share=SHARE,
        code="",
        account=ScriptedAccount(SPEC.scheme(given), script),
        make=functools.partial(
            Refresher, clock=trio.current_time, wall=lambda: NOW + trio.current_time()
        ),
    )
    return visit, script


async def lists(driver, count=1):
    """List the root ``count`` times."""
    for _ in range(count):
        await driver.list(driver.root, None)


async def test_a_share_is_opened_once_with_its_code():
    """Before the first listing; open shares need a token as well."""
    driver, script = opened(options={"share_password": "k9f2"}, file__list=listing())
    await lists(driver, 3)
    assert script.paths == [TOKEN_CALL, "file/list", "file/list", "file/list"]
    assert script.calls[0].json == {"share_id": SHARE, "share_pwd": "k9f2", "expire_sec": 7200}
    assert given(script) == ["ST1"] * 3
    assert script.calls[1].json["share_id"] == SHARE
    assert "drive_id" not in script.calls[1].json


async def test_who_comes_at_once_waits_for_one_token():
    """Sixty readers of a share open it once."""
    driver, script = opened(file__list=listing())
    async with trio.open_nursery() as nursery:
        for _ in range(60):
            nursery.start_soon(lists, driver)
    assert script.paths.count(TOKEN_CALL) == 1


@pytest.mark.parametrize(
    ("answer", "useful_s"),
    [
        (share_token(expires_in=7200), 7080),
        (share_token(expires_in="7200"), 7080),
        (share_token(expires_in=None), 7080),
        (share_token(expires_in=7200, date=NOW - 9e6), 7080),
        (answered({"share_token": "x", "expire_time": "2026-11-22T12:21:04.000Z"}), 3480),
        # A domain may give less than was asked.
        (share_token(expires_in=100), 50),
    ],
)
@pytest.mark.autojump
async def test_a_token_is_left_before_its_end(answer, useful_s):
    """Two minutes, or half of a short life; counted from the answer's own date."""
    visit, script = visiting(answer)
    await visit.token()
    await trio.sleep(useful_s - 1)
    await visit.token()
    assert len(script.calls) == 1
    await trio.sleep(2)
    await visit.token()
    assert len(script.calls) == 2


async def test_a_token_that_is_refused_is_replaced_and_the_call_asked_again():
    """Nobody notices: the owner may have ended all tokens, or the clock of a server is off."""
    driver, script = opened(
        share_link__get_share_token=[share_token("ST1"), share_token("ST2")],
        file__list=lambda call: OVER if call.headers["x-share-token"] == "ST1" else listing(),
    )
    await lists(driver, 2)
    assert given(script) == ["ST1", "ST2", "ST2"]


async def test_readers_of_one_refused_token_share_its_successor():
    """One call replaces it for all."""
    driver, script = opened(
        share_link__get_share_token=[share_token("ST1"), share_token("ST2"), share_token("ST3")],
        file__list=lambda call: OVER if call.headers["x-share-token"] == "ST1" else listing(),
    )
    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(lists, driver)
    assert script.paths.count(TOKEN_CALL) == 2


async def test_a_provider_that_refuses_what_it_gives_is_left_alone():
    """In words that are not about any login (others' refresh loops are bug reports)."""
    numbers = iter(range(1000))
    driver, script = opened(
        share_link__get_share_token=lambda _: share_token(f"ST{next(numbers)}"), file__list=OVER
    )
    for _ in range(10):
        with pytest.raises(Denied, match=r"as fast as it gives them|any more"):
            await lists(driver)
    assert script.paths.count(TOKEN_CALL) <= 7


@pytest.mark.parametrize(
    ("refusal", "kind", "words"),
    [
        (refused(400, "InvalidResource.SharePwd"), Denied, "wants a password"),
        (refused(400, "ShareLink.Cancelled"), Gone, "was cancelled"),
        (refused(401, "AccessTokenInvalid"), Denied, "only users of its domain"),
        (Unreachable("no connection"), Unreachable, "no connection"),
    ],
)
@pytest.mark.autojump
async def test_why_a_share_does_not_open_is_said_and_not_asked_all_the_time(refusal, kind, words):
    """For a few seconds the answer stands; it is never final, the owner may put it right."""
    visit, script = visiting(refusal)
    for _ in range(5):
        with pytest.raises(kind, match=words):
            await visit.token()
    assert len(script.calls) == 1
    script.answers["share_link__get_share_token"] = [share_token()]
    await trio.sleep(6)
    assert await visit.token() == "ST1"
    assert len(script.calls) == 2


async def test_a_pass_for_saving_is_a_token_of_the_moment():
    """With id and code; its repr tells neither."""
    driver, _ = opened(options={"share_password": "k9f2"})
    given_away = await driver.share_pass()
    assert (given_away.id, given_away.code, given_away.token) == (SHARE, "k9f2", "ST1")
    assert "ST1" not in repr(given_away)
    assert "k9f2" not in repr(given_away)
