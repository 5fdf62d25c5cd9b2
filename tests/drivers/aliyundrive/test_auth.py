"""Tokens are renewed with the device they began with, and never for another account."""

from __future__ import annotations

import pytest

from fsmount.account.credentials import Credentials
from fsmount.account.lifetime import aged
from fsmount.drivers.aliyundrive.auth import AliyundriveScheme
from fsmount.drivers.aliyundrive.device import Device
from fsmount.drivers.aliyundrive.options import AliyundriveOptions
from fsmount.errors import LoginLost, ProtocolError, ProviderFault, Throttled
from fsmount.model import Call, Token
from tests.drivers.aliyundrive.scripted import DEVICE, NOW, TOKEN, USER, Service, answered, refused

REFRESH = "/v2/account/token"
FRESH = {
    "access_token": "access-2",
    "refresh_token": "refresh-2",
    "expires_in": 7200,
    "user_id": USER,
    "nick_name": "小明",
    "default_drive_id": "1001",
}
SCHEME = AliyundriveScheme.of(AliyundriveOptions())


async def refreshed(answer, token=TOKEN):
    """Return what a refresh makes of ``answer``, and the provider."""
    service = Service({REFRESH: answer})
    return await SCHEME.refresh(token, service.send), service


async def test_a_refresh_brings_a_pair_that_lives_two_hours():
    """Counted on the provider's clock; the device stays."""
    token, service = await refreshed(answered(FRESH))
    assert (token.access, token.refresh) == ("access-2", "refresh-2")
    assert (token.issued_at, token.access_expires_at) == (NOW, NOW + 7200)
    assert Device.kept(token.extra) == DEVICE
    (call,) = service.calls
    assert call.json == {"refresh_token": "refresh-1", "grant_type": "refresh_token"}
    assert "Authorization" not in call.headers
    # It is renewed some minutes before its end, as clients do.
    assert aged(token, now=0, wall=NOW).due_at == pytest.approx(5760, abs=1)


async def test_a_first_refresh_makes_a_device():
    """A pasted token has none."""
    token, _ = await refreshed(answered(FRESH), Token(refresh="pasted"))
    device = Device.kept(token.extra)
    assert device is not None
    assert device.user_id == USER
    again, _ = await refreshed(answered(FRESH), token)
    assert Device.kept(again.extra) == device


@pytest.mark.parametrize(
    "code", ["InvalidParameter.RefreshToken", "RefreshTokenExpired", "RefreshTokenInvalid"]
)
async def test_a_dead_refresh_token_is_a_lost_login(code):
    """Final, and it says what to do."""
    with pytest.raises(LoginLost) as info:
        await refreshed(refused(code))
    assert "fsmount login" in info.value.advice


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (answered(b"Bad Gateway", status=502), ProviderFault),
        (answered(b"", status=429), Throttled),
        (answered({}), ProtocolError),
        (answered(b"<html>"), ProtocolError),
    ],
)
async def test_what_may_pass_is_not_a_lost_login(answer, kind):
    """The refresh token is still good."""
    with pytest.raises(kind):
        await refreshed(answer)


async def test_another_accounts_token_is_refused():
    """It would show another person's files under this one's names."""
    with pytest.raises(LoginLost, match="another account"):
        await refreshed(answered({**FRESH, "user_id": "f" * 32}))


async def test_a_sign_in_needs_a_refresh_token():
    """There is no password to sign in with."""
    service = Service({REFRESH: answered(FRESH)})
    token = await SCHEME.sign_in(Credentials(refresh_token="pasted"), service.send)
    assert token.access == "access-2"
    with pytest.raises(LoginLost):
        await SCHEME.sign_in(Credentials(), service.send)


@pytest.mark.parametrize(
    "url",
    [
        "https://auth.alipan.com/v2/account/token",
        "https://cn-beijing-data.aliyundrive.net/a?x-oss-signature=1",
        "https://api.alipan.com.example/v2/user/get",
        "http://api.alipan.com/v2/user/get",
    ],
)
def test_the_token_goes_to_the_api_alone(url):
    """The storage refuses two credentials, and everybody else is a stranger."""
    call = Call(method="POST", url=url, json={})
    assert SCHEME.sign(call, TOKEN) == call


def test_a_shares_canary_stays():
    """What a call already has is not replaced."""
    call = Call(
        method="POST", url="https://api.alipan.com/adrive/v4/batch", headers={"x-canary": "share"}
    )
    assert SCHEME.sign(call, TOKEN).headers["x-canary"] == "share"
