"""Logging in to the Aliyundrive emulator with a phone, in both of its ways."""

from __future__ import annotations

import base64
import hashlib
import json
from urllib.parse import urlencode

import pytest

from tests.emulators.aliyun.open_auth import CLIENT_ID, CLIENT_SECRET
from tests.emulators.aliyun_asker import AUTH, Asker, value_of

PASSPORT = "passport.aliyundrive.com"
OPEN = "openapi.alipan.com"
APPLICATION = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}


@pytest.fixture
def asker(tmp_path):
    """Somebody in front of a login page."""
    return Asker("aliyundrive", tmp_path)


def shown(asker):
    """The `data` of a new code."""
    told = asker.send("GET", "/newlogin/qrcode/generate.do?appName=aliyun_drive", host=PASSPORT)
    return value_of(told)["content"]["data"]


def polled(asker, data):
    """The `data` of a poll."""
    form = urlencode({"t": data["t"], "ck": data["ck"]}).encode()
    kind = {"content_type": "application/x-www-form-urlencoded"}
    told = asker.ok("/newlogin/qrcode/query.do?appName=aliyun_drive", form, PASSPORT, **kind)
    return told["content"]["data"]


def test_a_phone_scans_and_confirms(asker):
    """The result is base64 of GB18030, which is no UTF-8, and its refresh token works."""
    data = shown(asker)
    assert isinstance(data["t"], int)
    states = [polled(asker, data) for _ in range(3)]
    assert [state["qrCodeStatus"] for state in states] == ["NEW", "SCANED", "CONFIRMED"]
    raw = base64.b64decode(states[-1]["bizExt"])
    with pytest.raises(UnicodeDecodeError):
        raw.decode()
    result = json.loads(raw.decode("gb18030"))["pds_login_result"]
    assert result["nickName"] == "所有者"
    body = {"refresh_token": result["refreshToken"], "grant_type": "refresh_token"}
    assert asker.ok("/v2/account/token", body, AUTH)["user_id"] == result["userId"]


@pytest.mark.parametrize("end", ["EXPIRED", "CANCELED", "SOMETHING_ELSE"])
def test_a_phone_can_do_something_else(asker, end):
    """The script says what, poll by poll; the last word stays."""
    asker.site.control("qr", {"states": ["NEW", end]})
    data = shown(asker)
    assert [polled(asker, data)["qrCodeStatus"] for _ in range(3)] == ["NEW", end, end]


def test_a_code_is_over_after_a_while(asker):
    """And one of nobody was never good; HTTP is 200 all the while."""
    data = shown(asker)
    asker.jump(181)
    assert polled(asker, data)["qrCodeStatus"] == "EXPIRED"
    assert polled(asker, {"t": 1, "ck": "?"})["qrCodeStatus"] == "EXPIRED"


def test_a_code_for_no_application_is_refused_with_200(asker):
    """`hasError` tells."""
    answer = asker.send("GET", "/newlogin/qrcode/generate.do", host=PASSPORT)
    value = value_of(answer)
    assert answer.status == 200
    assert value["hasError"] is True
    assert value["content"]["success"] is False


def test_an_application_shows_a_code(asker):
    """The code that comes at the end is good for tokens once."""
    told = asker.ok("/oauth/authorize/qrcode", APPLICATION | {"width": None}, OPEN)
    path = f"/oauth/qrcode/{told['sid']}/status"
    states = [value_of(asker.send("GET", path, host=OPEN)) for _ in range(3)]
    words = ["WaitLogin", "ScanSuccess", "LoginSuccess"]
    assert [state["status"] for state in states] == words
    assert "authCode" not in states[1]
    body = APPLICATION | {"grant_type": "authorization_code", "code": states[2]["authCode"]}
    tokens = asker.ok("/oauth/access_token", body, OPEN)
    assert tokens["refresh_token"].count(".") == tokens["access_token"].count(".") == 2
    assert asker.code("/oauth/access_token", body, OPEN) == (400, "InvalidCode")


def test_an_old_code_is_told_in_two_ways(asker):
    """By a state, or by 400."""
    path = "/oauth/qrcode/0/status"
    assert value_of(asker.send("GET", path, host=OPEN)) == {"status": "QRCodeExpired"}
    asker.site.control("qr", {"expired_as_error": True})
    answer = asker.send("GET", path, host=OPEN)
    assert (answer.status, value_of(answer)["code"]) == (400, "QRCodeExpired")


@pytest.mark.parametrize("method", ["S256", "plain"])
def test_without_a_secret_the_verifier_must_answer_the_challenge(asker, method):
    """Such tokens live for 30 days and cannot be refreshed."""
    verifier = "a verifier"
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode()
    query = urlencode(
        {
            "client_id": CLIENT_ID,
            "redirect_uri": "oob",
            "response_type": "code",
            "code_challenge": digest if method == "S256" else verifier,
            "code_challenge_method": method,
        }
    )
    codes = [
        value_of(asker.send("GET", f"/oauth/authorize?{query}", host=OPEN))["code"]
        for _ in range(2)
    ]
    body = {"client_id": CLIENT_ID, "grant_type": "authorization_code"}
    wrong = body | {"code": codes[0], "code_verifier": "another"}
    assert asker.code("/oauth/access_token", wrong, OPEN) == (400, "InvalidCode")
    right = body | {"code": codes[1], "code_verifier": verifier}
    told = asker.ok("/oauth/access_token", right, OPEN)
    assert (told["refresh_token"], told["expires_in"]) == ("", 30 * 86400)
