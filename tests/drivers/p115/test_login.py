"""Signing in: the slot first, then a QR code that is looked after, or a cookie that is checked."""

from __future__ import annotations

import pytest

from fsmount.account import login as walking
from fsmount.drivers.p115.auth import CookieScheme
from fsmount.drivers.p115.driver import SPEC
from fsmount.drivers.p115.login import CODES
from fsmount.drivers.p115.options import P115Options
from fsmount.errors import LoginLost, ProtocolError, TimedOut, UsageError
from fsmount.model import Ask, Call, Choose, Done, ShowQr, Waiting
from tests.drivers.p115.scripted import COOKIE, NOW, Site, answered, wall

CODE = {
    "uid": "u1",
    "time": 1700000000,
    "sign": "f" * 40,
    "qrcode": "https://115.com/scan/dg-u1",
}
PAIRS = dict(pair.split("=") for pair in COOKIE.split("; "))


def passport(data, *, state=1, code=0, **more):
    """Return an answer of the passport: its state is a number."""
    body = {"state": state, "code": code, "errno": code, "error": "", "message": "", "data": data}
    return answered(body, **more)


def status(number):
    return passport({"status": number, "msg": "", "version": "x"})


def signed_in(**more):
    return passport({"user_id": 100000001, "user_name": "ann", "cookie": PAIRS, **more})


def flow(*answers, **options):
    site = Site(*answers)
    return SPEC.login(P115Options(**options), site.send), site


async def test_the_device_slot_is_chosen_first():
    """A sign-in ends an older one of its slot: those that people use least come first."""
    login, site = flow()
    step = await login.start({})
    assert isinstance(step, Choose)
    assert next(iter(step.choices)) == "alipaymini"
    assert "cookie" in step.choices
    assert site.calls == []


async def test_a_code_is_scanned_confirmed_and_becomes_cookies():
    """Each step is said; the exchange names the slot."""
    login, site = flow(passport(CODE), status(0), status(1), status(2), signed_in())
    first = await login.start({"device": "alipaymini"})
    assert isinstance(first, ShowQr)
    assert first.text == CODE["qrcode"]
    assert await login.poll() == first
    scanned = await login.poll()
    assert isinstance(scanned, Waiting)
    assert "Confirm" in scanned.note
    done = await login.poll()
    assert isinstance(done, Done)
    assert "ann" in done.note
    assert done.token.access == COOKIE
    assert done.token.issued_at == NOW
    assert site.paths == [
        "qrcodeapi.115.com/api/1.0/web/1.0/token",
        *["qrcodeapi.115.com/get/status/"] * 3,
        "passportapi.115.com/app/1.0/alipaymini/1.0/login/qrcode",
    ]
    assert site.calls[-1].form == {"account": "u1", "app": "alipaymini"}
    signed = CookieScheme.of(P115Options()).sign(
        Call(method="GET", url="https://webapi.115.com/files"), done.token
    )
    assert signed.headers["Cookie"] == COOKIE


async def test_an_iphones_slot_has_its_own_agent():
    """The same path, told apart by it."""
    login, site = flow(passport(CODE), status(2), signed_in())
    await login.start({"device": "ios"})
    await login.poll()
    assert site.calls[-1].headers["User-Agent"] == "UPhone/1.0.0"


async def test_a_code_without_its_text_is_drawn_from_its_uid():
    """The text has one form."""
    login, _ = flow(passport({"uid": "u2", "time": "1", "sign": ""}))
    assert (await login.start({"device": "tv"})).text == "https://115.com/scan/dg-u2"


@pytest.mark.parametrize(
    "answer",
    [
        passport({}),
        passport([]),
        passport(None),
        TimedOut("no news"),
        passport({}, state=0, code=50199004),
        passport({"status": "0"}),
        passport({"status": None}),
    ],
    ids=str,
)
async def test_a_poll_without_news_is_waiting(answer):
    """115 holds it for half a minute, longer than a call may take."""
    login, _ = flow(passport(CODE), answer)
    first = await login.start({"device": "tv"})
    assert await login.poll() == first


@pytest.mark.parametrize("expired", [status(-1), passport({}, state=0, code=40199002)])
async def test_an_expired_code_is_replaced(expired):
    """Said so, as often as somebody may look for the phone, not for ever."""
    login, _ = flow(passport(CODE), *[expired, passport({**CODE, "uid": "u9"})] * CODES)
    await login.start({"device": "tv"})
    step = await login.poll()
    assert isinstance(step, ShowQr)
    assert "expired" in step.prompt
    for _ in range(CODES - 2):
        await login.poll()
    with pytest.raises(LoginLost, match="expired"):
        await login.poll()


async def test_a_cancelled_sign_in_says_so():
    """On the phone."""
    login, _ = flow(passport(CODE), status(-2))
    await login.start({"device": "tv"})
    with pytest.raises(LoginLost, match="cancelled"):
        await login.poll()


async def test_an_address_that_may_not_sign_in_today_is_told():
    """40101004: until midnight, and asking again makes it no better."""
    login, _ = flow(passport(CODE), status(2), passport({}, state=0, code=40101004))
    await login.start({"device": "web"})
    with pytest.raises(LoginLost, match="midnight") as info:
        await login.poll()
    assert "device" in info.value.advice


async def test_half_a_sign_in_is_a_protocol_error():
    """It names the cookie that is missing."""
    login, _ = flow(passport(CODE), status(2), signed_in(cookie={"UID": "1_A1_2", "CID": "c"}))
    await login.start({"device": "tv"})
    with pytest.raises(ProtocolError, match="SEID"):
        await login.poll()


async def test_an_unknown_device_is_refused_in_words():
    """Scripts answer what they like."""
    login, _ = flow()
    with pytest.raises(UsageError, match="toaster"):
        await login.start({"device": "toaster"})


# --- a pasted cookie ------------------------------------------------------------------------------


async def test_a_pasted_cookie_is_asked_for_unseen_and_checked():
    """It says where to find one, and whose it is."""
    login, site = flow(answered({"state": True}))
    step = await login.start({"device": "cookie"})
    assert isinstance(step, Ask)
    assert step.secret
    assert "F12" in step.prompt
    done = await login.start({"device": "cookie", "cookie": f"Cookie: {COOKIE}; lang=zh"})
    assert done.token.access == COOKIE
    assert "100000001" in done.note
    assert site.calls[0].headers["Cookie"] == COOKIE


async def test_a_pasted_cookie_that_is_dead_is_not_kept():
    """115 is asked first."""
    login, _ = flow(answered({"state": False}))
    with pytest.raises(LoginLost, match="cookie"):
        await login.start({"device": "cookie", "cookie": COOKIE})


async def test_a_pasted_something_else_says_what_is_missing():
    """Nobody is asked."""
    login, site = flow()
    with pytest.raises(UsageError, match="UID"):
        await login.start({"device": "cookie", "cookie": "nonsense"})
    assert site.calls == []


@pytest.mark.autojump
async def test_the_whole_walk_waits_between_looks():
    """As account.login drives it; a person answers two questions."""
    login, _ = flow(passport(CODE), status(0), TimedOut("x"), status(1), status(2), signed_in())
    shown = []

    async def ask(step):
        shown.append(type(step).__name__)
        return {"device": "alipaymini"} if isinstance(step, Choose) else {}

    done = await walking.walk(login, ask)
    assert shown == ["Choose", "ShowQr", "Waiting"]
    assert done.token.access == COOKIE


async def test_a_blocked_sign_in_is_said_as_it_is():
    """The firewall's page is no QR code."""
    login, _ = flow(wall())
    with pytest.raises(Exception, match="firewall"):
        await login.start({"device": "tv"})


async def test_what_a_sign_in_ends_with_shows_no_cookie():
    """It tells who, not what."""
    login, _ = flow(passport(CODE), status(2), signed_in())
    await login.start({"device": "tv"})
    done = repr(await login.poll())
    assert not any(value in done for value in PAIRS.values())
