"""A person signs in: a QR code, scanned, confirmed; expired, cancelled; or a pasted token."""

from __future__ import annotations

import base64
import hashlib

import pytest

from fsmount.account.login import walk
from fsmount.drivers.p115_open.driver import SPEC
from fsmount.drivers.p115_open.login import CONFIRM, SCAN, SCAN_AGAIN
from fsmount.drivers.p115_open.options import P115OpenOptions
from fsmount.errors import LoginLost, ProtocolError, TimedOut, Unreachable, UsageError
from fsmount.model import Ask, Choose, Done, ShowQr, Token, Waiting
from tests.drivers.p115_open.scripted import NOW, Provider, auth_data, auth_refused, data, refused

QR = auth_data({"uid": "u1", "time": 1795346464, "sign": "s1", "qrcode": "https://115.com/scan/x"})
OTHER_QR = auth_data({"uid": "u2", "time": "9", "sign": "s2", "qrcode": ""})
PAIR = auth_data({"access_token": "A1", "refresh_token": "R1", "expires_in": 7200})
USER = data({"user_id": 5, "user_name": "小明"})


def status(number, **more):
    """Return what a look at the QR code brings."""
    return auth_data({"status": number, "msg": "", "version": "x", **more})


def login(*answers, client_id="100"):
    """Return a sign-in over scripted answers, and who gives them."""
    provider = Provider(*answers)
    return SPEC.login(P115OpenOptions(client_id=client_id), provider.send), provider


async def steps(flow):
    """Return every step from the first to the end."""
    found = [await flow.start({})]
    while not isinstance(found[-1], Done):
        found.append(await flow.poll())
    return found


async def test_a_code_is_scanned_and_confirmed():
    """The token it ends with lives two hours on the provider's clock, and says whose it is."""
    flow, provider = login(QR, status(0), status(1), status(2), PAIR, USER)
    assert await steps(flow) == [
        ShowQr(text="https://115.com/scan/x", prompt=SCAN),
        Waiting(after_s=1.0),
        Waiting(after_s=1.0, note=CONFIRM),
        Done(
            token=Token(access="A1", refresh="R1", access_expires_at=NOW + 7200, issued_at=NOW),
            note="signed in as 小明",
        ),
    ]
    asked, look, *_, given, user = provider.calls
    assert look.params == {"uid": "u1", "time": "1795346464", "sign": "s1"}
    assert look.url == "https://qrcodeapi.115.com/get/status/"
    assert given.url == "https://passportapi.115.com/open/deviceCodeToToken"
    assert given.form["uid"] == "u1"
    assert user.headers == {"Authorization": "Bearer A1"}
    verifier = given.form["code_verifier"]
    digest = base64.b64encode(hashlib.sha256(verifier.encode()).digest()).decode()
    assert asked.form == {
        "client_id": "100",
        "code_challenge": digest,
        "code_challenge_method": "sha256",
    }
    assert 43 <= len(verifier) <= 128
    assert verifier not in repr([asked, look])


async def test_a_code_that_ends_is_replaced():
    """By another, with another secret; it says that the first is over."""
    flow, provider = login(
        QR, auth_refused(40199002), OTHER_QR, status(-1), QR, status(2), PAIR, USER
    )
    shown = [step for step in await steps(flow) if isinstance(step, ShowQr)]
    assert [step.prompt for step in shown] == [SCAN, SCAN_AGAIN, SCAN_AGAIN]
    assert shown[1].text == "https://115.com/scan/dg-u2"
    challenges = [
        call.form["code_challenge"]
        for call in provider.calls
        if "code_challenge" in (call.form or {})
    ]
    assert len(set(challenges)) == 3


@pytest.mark.parametrize("told", [{}, None, [], {"status": ""}, {"status": "0"}])
async def test_a_look_that_tells_nothing_is_not_yet(told):
    """A long poll that ran out (wire: 115 §3.1)."""
    flow, _ = login(QR, auth_data(told), status("2"), PAIR, USER)
    assert isinstance((await steps(flow))[1], Waiting)


@pytest.mark.autojump
async def test_the_service_may_hold_its_answer_longer_than_a_call_may_take():
    """A person may take minutes: no answer is "not yet", however often."""
    flow, _ = login(QR, *[TimedOut("no answer within 15 s")] * 20, status(2), PAIR, USER)

    async def ask(step):
        return {}

    assert (await walk(flow, ask)).note == "signed in as 小明"


@pytest.mark.autojump
async def test_an_answer_that_is_lost_on_the_way_is_asked_for_again():
    """The code stays confirmed."""
    flow, _ = login(QR, status(2), Unreachable("dropped"), status(2), PAIR, USER)

    async def ask(step):
        return {}

    assert (await walk(flow, ask)).token.access == "A1"


async def test_a_cancelled_code_ends_the_sign_in():
    """In words."""
    flow, _ = login(QR, status(-2))
    with pytest.raises(LoginLost, match="cancelled in the 115 app"):
        await steps(flow)


async def test_an_unknown_state_ends_the_sign_in():
    """Rather than waiting for ever."""
    flow, _ = login(QR, status(7))
    with pytest.raises(ProtocolError):
        await steps(flow)


@pytest.mark.parametrize("code", [40140100, 40140107, 40140108, 40140109])
async def test_a_client_id_that_115_does_not_take_is_said(code):
    """At once, with where to look."""
    flow, _ = login(auth_refused(code))
    with pytest.raises(LoginLost) as info:
        await flow.start({})
    assert "open.115.com" in info.value.advice


async def test_whoever_signs_in_is_not_told_to():
    """The advice of every other refusal would be this very command."""
    flow, _ = login(QR, status(2), auth_refused(40140120))
    with pytest.raises(LoginLost) as info:
        await steps(flow)
    assert info.value.advice == "try again"


async def test_the_pair_is_kept_whoever_it_is():
    """A name that cannot be had now must not cost it."""
    for answer in (refused(770004), Unreachable("dropped"), data([])):
        flow, _ = login(QR, status(2), PAIR, answer)
        assert (await steps(flow))[-1].note == "signed in"


async def test_without_a_client_id_it_is_asked_for():
    """Or a refresh token."""
    flow, provider = login(QR, client_id="")
    first = await flow.start({})
    assert isinstance(first, Choose)
    assert set(first.choices) == {"qr", "refresh_token"}
    second = await flow.start({"method": "qr"})
    assert isinstance(second, Ask)
    assert isinstance(await flow.start({"method": "qr", "client_id": " 100 "}), ShowQr)
    assert provider.calls[0].form["client_id"] == "100"
    with pytest.raises(UsageError, match="APP ID"):
        await login(client_id="")[0].start({"method": "qr", "client_id": ""})


async def test_a_pasted_token_is_renewed_at_once():
    """It is used up by that; what came of it is kept."""
    flow, provider = login(PAIR, USER, client_id="")
    step = await flow.start({"method": "refresh_token"})
    assert (type(step), step.secret) == (Ask, True)
    done = await flow.start({"method": "refresh_token", "refresh_token": " R0\n"})
    assert (done.token.refresh, done.note) == ("R1", "signed in as 小明")
    assert provider.calls[0].form == {"refresh_token": "R0"}
    refusing, _ = login(auth_refused(40140116), client_id="")
    with pytest.raises(LoginLost) as info:
        await refusing.start({"refresh_token": "R0"})
    assert info.value.advice == "try again, or sign in with a QR code"
