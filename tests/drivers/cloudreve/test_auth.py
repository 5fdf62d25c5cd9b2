"""Tokens go to the site's API only, and are renewed or lost in words."""

from __future__ import annotations

import base64
import json

import pytest

from fsmount.account.credentials import Credentials
from fsmount.drivers.cloudreve.driver import SPEC
from fsmount.drivers.cloudreve.options import CloudreveOptions
from fsmount.errors import LoginLost, ProviderFault, Throttled
from fsmount.model import Call, Token
from tests.drivers.cloudreve.scripted import NOW, SITE, Site, answered, data, recorded, refused

SCHEME = SPEC.scheme(CloudreveOptions(address=SITE))
TOKEN = Token(access="AAA", refresh="RRR", extra={"kept": "yes"})


@pytest.mark.parametrize(
    ("url", "signed"),
    [
        (f"{SITE}/api/v4/file", True),
        (f"{SITE}/api/v4/user/me", True),
        (f"{SITE}/api/v4/file/content/dwUm/0/a.txt?sign=x", False),
        (f"{SITE}/api/v4/slave/file/content/0/x/0/a.txt", False),
        (f"{SITE}/f/xY/a.txt", False),
        (f"{SITE}/s/abTz", False),
        (f"{SITE}:8443/api/v4/file", False),
        ("http://cloud.example.com/api/v4/file", False),
        ("https://bucket.example.com/api/v4/file", False),
        ("https://cloud.example.com.evil.example/api/v4/file", False),
    ],
)
def test_only_calls_of_the_sites_api_are_signed(url, signed):
    """Content URLs carry their own signature, and other hosts get no token."""
    call = SCHEME.sign(Call(method="GET", url=url, headers={"x": "y"}), TOKEN)
    assert (call.headers.get("Authorization") == "Bearer AAA") is signed
    assert call.headers["x"] == "y"


@pytest.mark.parametrize("token", [None, Token(), Token(refresh="RRR")])
def test_without_an_access_token_nothing_is_signed(token):
    """A guest's call goes as it is."""
    call = Call(method="GET", url=f"{SITE}/api/v4/file")
    assert SCHEME.sign(call, token) is call


async def test_a_refresh_keeps_the_newest_pair():
    """The four fields stand in ``data`` itself; ends are on the provider's clock."""
    site = Site(recorded("token_refresh"))
    token = await SCHEME.refresh(TOKEN, site.send)
    assert site.calls[0].json == {"refresh_token": "RRR"}
    assert site.calls[0].url == f"{SITE}/api/v4/session/token/refresh"
    assert "Authorization" not in site.calls[0].headers
    assert (token.access, token.refresh) == ("ACCESS_TOKEN_2", "REFRESH_TOKEN_3")
    assert token.access_expires_at == pytest.approx(1795349931.837947847)
    assert token.refresh_expires_at == pytest.approx(1796555931.837947905)
    assert token.issued_at == NOW
    assert token.extra == {"kept": "yes"}


@pytest.mark.parametrize(
    "name",
    [
        "token_refresh_expired",
        "token_refresh_garbage",
        "token_refresh_after_logout",
        "token_refresh_after_password_change",
        "token_refresh_with_access_token",
    ],
)
async def test_a_dead_refresh_token_is_a_lost_login(name):
    """40020 has many causes and one remedy."""
    with pytest.raises(LoginLost) as info:
        await SCHEME.refresh(TOKEN, Site(recorded(name)).send)
    assert "fsmount login" in info.value.advice


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (answered(b"<html>", status=502), ProviderFault),
        (answered(b"", status=429), Throttled),
        (refused(50001, "database is locked"), ProviderFault),
    ],
)
async def test_a_refresh_that_fails_for_now_is_not_a_lost_login(answer, kind):
    """Only the server's own refusal ends a login."""
    with pytest.raises(kind):
        await SCHEME.refresh(TOKEN, Site(answer).send)


async def test_an_access_token_alone_cannot_be_renewed():
    """Without a refresh token there is nobody to ask."""
    site = Site()
    with pytest.raises(LoginLost, match="no refresh token"):
        await SCHEME.refresh(Token(access="AAA"), site.send)
    assert not site.calls


async def test_signing_in_with_a_password():
    """Both tokens and their ends, from the recorded answer."""
    site = Site(recorded("login_password"))
    token = await SCHEME.sign_in(Credentials(login="admin@example.test", password="pw"), site.send)
    assert site.calls[0].json == {"email": "admin@example.test", "password": "pw"}
    assert (token.access, token.refresh) == ("ACCESS_TOKEN_1", "REFRESH_TOKEN_1")
    assert token.access_expires_at == pytest.approx(1795349892.129413286)


async def test_a_refresh_token_goes_before_the_password():
    """It works where a captcha or a second factor stops a password."""
    site = Site(recorded("token_refresh"))
    secrets = Credentials(login="me@example.com", password="pw", refresh_token="RRR")
    token = await SCHEME.sign_in(secrets, site.send)
    assert token.access == "ACCESS_TOKEN_2"
    assert len(site.calls) == 1


async def test_a_dead_refresh_token_falls_back_to_the_password():
    """A password changed and configured anew heals by itself."""
    site = Site(recorded("token_refresh_expired"), recorded("login_password"))
    secrets = Credentials(login="me@example.com", password="pw", refresh_token="RRR")
    assert (await SCHEME.sign_in(secrets, site.send)).access == "ACCESS_TOKEN_1"


@pytest.mark.parametrize(
    ("name", "sentence", "advice"),
    [
        ("login_wrong_password", "e-mail or the password is wrong", "fsmount login"),
        ("login_unknown_email", "e-mail or the password is wrong", "fsmount login"),
        ("login_captcha_missing", "captcha", "cloudreve_session"),
        ("login_2fa_needed", "second factor", "cloudreve_session"),
        ("login_banned", "blocked", "administrator"),
        ("login_inactive", "not activated", "e-mail"),
    ],
)
async def test_a_refused_password_says_what_to_do(name, sentence, advice):
    """Wrong, captcha, second factor, blocked, not activated: a person must act."""
    site = Site(recorded(name))
    with pytest.raises(LoginLost) as info:
        await SCHEME.sign_in(Credentials(login="me@example.com", password="s3cret"), site.send)
    assert sentence in info.value.message
    assert advice in info.value.advice
    assert "s3cret" not in str(info.value)


def jwt(**claims):
    """Return a token as servers make them; nobody checks the signature."""
    head, body = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
        for part in ({"alg": "HS256"}, claims)
    )
    return f"{head}.{body}.sig"


async def test_an_access_token_alone_tells_its_own_end():
    """Exp and nbf stand in the token itself (wire §4)."""
    access = jwt(token_type="access", exp=NOW + 3600, nbf=NOW)
    token = await SCHEME.sign_in(Credentials(access_token=access), Site().send)
    assert (token.access, token.refresh) == (access, "")
    assert (token.access_expires_at, token.issued_at) == (NOW + 3600, NOW)


@pytest.mark.parametrize("access", ["opaque", "a.b.c", "a.!!.c", jwt(), "..", "a.W10.c"])
async def test_a_token_that_tells_nothing_is_used_all_the_same(access):
    """An end that is unknown is unknown."""
    token = await SCHEME.sign_in(Credentials(access_token=access), Site().send)
    assert (token.access, token.access_expires_at) == (access, None)


async def test_a_missing_end_is_read_from_the_token():
    """Should a server leave ``access_expires`` out, the token still tells."""
    pair = {"access_token": jwt(exp=NOW + 60), "refresh_token": "R2"}
    token = await SCHEME.refresh(TOKEN, Site(data(pair)).send)
    assert token.access_expires_at == NOW + 60


async def test_nothing_to_sign_in_with_is_said():
    """No secret anywhere."""
    with pytest.raises(LoginLost, match="nothing to sign in with"):
        await SCHEME.sign_in(Credentials(login="me@example.com"), Site().send)


async def test_signing_out_ends_the_family_of_the_token():
    """DELETE with the refresh token in its body (wire §4)."""
    site = Site(recorded("logout"))
    await SPEC.sign_out(CloudreveOptions(address=SITE), TOKEN, site.send)
    (call,) = site.calls
    assert (call.method, call.json) == ("DELETE", {"refresh_token": "RRR"})


async def test_signing_out_with_a_dead_token_is_done():
    """There was nothing left to end; an access token alone cannot be ended at all."""
    site = Site(refused(40020, "Invalid token"))
    await SPEC.sign_out(CloudreveOptions(address=SITE), TOKEN, site.send)
    await SPEC.sign_out(CloudreveOptions(address=SITE), Token(access="AAA"), site.send)
    assert len(site.calls) == 1


async def test_signing_out_tells_when_the_server_failed():
    """The caller forgets the token anyway, but may say that the server did not hear of it."""
    with pytest.raises(ProviderFault):
        await SPEC.sign_out(
            CloudreveOptions(address=SITE), TOKEN, Site(answered(b"", status=500)).send
        )
