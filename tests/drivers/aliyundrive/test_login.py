"""A person signs in with the phone: shown, scanned, confirmed, or refused and too late."""

from __future__ import annotations

import base64
import json

import pytest

from fsmount.drivers.aliyundrive.login import MOST_CODES, refresh_token_in, sign_out, start_login
from fsmount.drivers.aliyundrive.options import AliyundriveOptions
from fsmount.errors import Denied, LoginLost, ProtocolError, Unreachable
from fsmount.model import Ask, Choose, Done, ShowQr, Waiting
from tests.drivers.aliyundrive.scripted import TOKEN, USER, Service, answered, refused

GENERATE, QUERY = "/newlogin/qrcode/generate.do", "/newlogin/qrcode/query.do"
REFRESH, LOGOUT = "/v2/account/token", "/users/v1/users/device_logout"


def passport(data, **more):
    """Return an answer of the passport."""
    body = {"content": {"data": data, "status": 0, "success": True}, "hasError": False}
    return answered(body, **more)


def code(text):
    """Return a new QR code."""
    data = {"t": 1656854400000, "codeContent": text, "ck": "1a2b", "resultCode": 100}
    return passport(data, headers={"set-cookie": "JSESSIONID=j1; Path=/\ncna=c1; Secure"})


def state(word, **more):
    """Return the state of a code."""
    return passport({"qrCodeStatus": word, "resultCode": 100, **more})


def biz_ext(refresh_token, nick="小明"):
    """Return a confirmed sign-in as it comes: GB18030, not UTF-8."""
    told = {"pds_login_result": {"refreshToken": refresh_token, "nickName": nick}}
    return base64.b64encode(json.dumps(told, ensure_ascii=False).encode("gb18030")).decode()


FRESH = {
    "access_token": "a",
    "refresh_token": "r2",
    "expires_in": 7200,
    "user_id": USER,
    "nick_name": "小明",
}


def flow(**answers):
    """Return a sign-in over a scripted provider, and the provider."""
    service = Service({REFRESH: answered(FRESH), **answers})
    return start_login(AliyundriveOptions(), service.send), service


async def test_a_sign_in_by_phone():
    """New, scanned, confirmed; cookies go along, and the name survives its encoding."""
    login, service = flow(
        **{
            GENERATE: code("https://passport/qr?lgToken=1"),
            QUERY: [
                state("NEW"),
                state("SCANED"),
                state("CONFIRMED", loginResult="success", bizExt=biz_ext("r" * 32)),
            ],
        }
    )
    assert isinstance(await login.start({}), Choose)
    shown = await login.start({"method": "qr"})
    assert isinstance(shown, ShowQr)
    assert shown.text == "https://passport/qr?lgToken=1"
    assert await login.poll() == shown
    assert isinstance(await login.poll(), Waiting)
    done = await login.poll()
    assert isinstance(done, Done)
    assert (done.token.refresh, done.note) == ("r2", "signed in as 小明")
    asked = service.asked(QUERY)[0]
    assert (asked.form["t"], asked.form["ck"]) == ("1656854400000", "1a2b")
    assert asked.headers["Cookie"] == "JSESSIONID=j1; cna=c1"
    assert service.asked(REFRESH)[0].json["refresh_token"] == "r" * 32


@pytest.mark.parametrize("word", ["EXPIRED", "SOMETHING", ""])
async def test_a_code_that_is_over_is_replaced(word):
    """A few times; then the sign-in ends in words."""
    codes = [code(f"qr{number}") for number in range(MOST_CODES)]
    login, _ = flow(**{GENERATE: codes, QUERY: state(word)})
    shown = [await login.start({"method": "qr"})]
    for _ in range(MOST_CODES - 1):
        shown.append(await login.poll())  # noqa: PERF401
    assert [step.text for step in shown] == [f"qr{number}" for number in range(MOST_CODES)]
    with pytest.raises(LoginLost, match="in time"):
        await login.poll()


@pytest.mark.parametrize("word", ["CANCELED", "CANCELLED"])
async def test_a_refusal_on_the_phone_ends_the_sign_in(word):
    """Somebody said no."""
    login, _ = flow(**{GENERATE: code("qr"), QUERY: state(word)})
    await login.start({"method": "qr"})
    with pytest.raises(LoginLost, match="refused on the phone"):
        await login.poll()


@pytest.mark.parametrize(
    "answer",
    [
        passport({"title_msg": "系统繁忙"}),
        answered({"content": None, "hasError": True}),
        answered({"hasError": False}),
    ],
)
async def test_a_passport_that_gives_no_code_is_denied(answer):
    """HTTP 200 in all of these."""
    login, _ = flow(**{GENERATE: answer})
    with pytest.raises(Denied):
        await login.start({"method": "qr"})


async def test_a_pasted_token_signs_in_too():
    """The prompt says where it is found."""
    login, service = flow()
    asked = await login.start({"method": "refresh_token"})
    assert isinstance(asked, Ask)
    assert asked.secret
    assert "Local Storage" in asked.prompt
    done = await login.start({"method": "refresh_token", "refresh_token": " pasted\n"})
    assert isinstance(done, Done)
    assert service.asked(REFRESH)[0].json["refresh_token"] == "pasted"


@pytest.mark.parametrize("text", ["not base64!", "", base64.b64encode(b"[]").decode()])
def test_a_confirmation_that_is_none_is_a_protocol_error(text):
    """Not a crash."""
    with pytest.raises(ProtocolError):
        refresh_token_in(text)


async def test_signing_out_gives_the_devices_place_back():
    """One that is dead already is as good as signed out; no network is an error."""
    service = Service({LOGOUT: [answered({"result": True}), refused("AccessTokenInvalid")]})
    await sign_out(AliyundriveOptions(), TOKEN, service.send)
    await sign_out(AliyundriveOptions(), TOKEN, service.send)
    assert service.calls[0].headers["x-device-id"]

    async def unreachable(call):
        raise Unreachable("no network")

    with pytest.raises(Unreachable):
        await sign_out(AliyundriveOptions(), TOKEN, unreachable)
