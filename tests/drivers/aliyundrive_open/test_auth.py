"""Tokens of the Open API are renewed by an application or a relay, and stay one account's."""

from __future__ import annotations

import base64
import json

import pytest

from fsmount.account.credentials import Credentials
from fsmount.drivers.aliyundrive_open.auth import OpenScheme, claims, subject
from fsmount.drivers.aliyundrive_open.options import OpenOptions
from fsmount.errors import (
    LoginLost,
    ProtocolError,
    ProviderFault,
    Throttled,
    UsageError,
)
from fsmount.model import Call, Token
from tests.drivers.aliyundrive.scripted import NOW, Service, answered, refused

EXCHANGE, RELAY = "/oauth/access_token", "/renew"


def jwt(sub, **more):
    """Return a token that says whose it is; nobody checks its signature."""
    parts = [{"alg": "RS256"}, {"sub": sub, **more}]
    coded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts]
    return ".".join(part.decode() for part in coded) + ".c2ln"


OWN = OpenScheme.of(OpenOptions(client_id="app", client_secret="s3cret"))
RELAYED = OpenScheme.of(OpenOptions(relay="https://relay.example/renew"))
OLD = Token(access=jwt("u1", n=1), refresh=jwt("u1", n=2), issued_at=NOW - 7000)


def pair(sub="u1", **more):
    """Return a pair of tokens as the provider sends it."""
    return answered(
        {"token_type": "Bearer", "access_token": jwt(sub), "refresh_token": jwt(sub), **more}
    )


async def refreshed(scheme, answer, token=OLD):
    """Return what a refresh makes of ``answer``, and the provider."""
    service = Service({EXCHANGE: answer, RELAY: answer})
    return await scheme.refresh(token, service.send), service


async def test_an_application_renews_with_id_and_secret():
    """The end is counted on the provider's clock."""
    token, service = await refreshed(OWN, pair(expires_in=7200))
    (call,) = service.calls
    assert call.json == {
        "client_id": "app",
        "client_secret": "s3cret",
        "grant_type": "refresh_token",
        "refresh_token": OLD.refresh,
    }
    assert (token.issued_at, token.access_expires_at) == (NOW, NOW + 7200)
    assert subject(token) == "u1"


async def test_a_relay_renews_without_an_application():
    """It tells no life; the token itself does, else it is the usual one."""
    token, service = await refreshed(RELAYED, pair())
    (call,) = service.calls
    assert call.method == "GET"
    assert call.params["refresh_ui"] == OLD.refresh
    assert token.access_expires_at == NOW + 7200
    lived = answered({"access_token": jwt("u1", iat=100, exp=1000), "refresh_token": jwt("u1")})
    token, _ = await refreshed(RELAYED, lived)
    assert token.access_expires_at == NOW + 900


@pytest.mark.parametrize("scheme", [OWN, RELAYED], ids=["application", "relay"])
async def test_another_accounts_token_is_refused(scheme):
    """Also by a relay, which may mix people up; the pasted token says whose it was."""
    with pytest.raises(LoginLost, match="another account"):
        await refreshed(scheme, pair("u2"))
    pasted = Token(refresh=jwt("u1"))
    with pytest.raises(LoginLost, match="another account"):
        await refreshed(scheme, pair("u2"), pasted)
    token, _ = await refreshed(scheme, pair("u1"), pasted)
    with pytest.raises(LoginLost, match="another account"):
        await refreshed(scheme, pair("u2"), token)


@pytest.mark.parametrize("text", ["", "abc", "a.b.c", "a..c", "é.ü.ß", "x." + "A" * 5 + ".y"])
def test_a_token_that_tells_nothing_is_nobodys(text):
    """Nor a crash."""
    assert claims(text) == {}


async def test_a_token_that_tells_nothing_is_taken():
    """There is nothing to compare."""
    opaque = answered({"access_token": "x", "refresh_token": "y", "expires_in": 60})
    token, _ = await refreshed(OWN, opaque)
    assert (token.access, token.refresh) == ("x", "y")
    assert token.extra["subject"] == "u1"


@pytest.mark.parametrize(
    ("scheme", "answer", "kind"),
    [
        (OWN, refused("RefreshTokenExpired", status=401), LoginLost),
        (OWN, refused("RefreshTokenInvalid", status=401), LoginLost),
        (OWN, refused("InvalidClientId"), UsageError),
        (OWN, refused("InvalidClientSecret"), UsageError),
        (OWN, refused("TooManyRequests", status=429), Throttled),
        (OWN, answered(b"Bad Gateway", status=502), ProviderFault),
        (OWN, answered({}), ProtocolError),
        (RELAYED, answered({"text": "wrong refresh token"}), LoginLost),
        (RELAYED, answered({"text": "no"}, status=400), LoginLost),
        (RELAYED, answered({}), LoginLost),
        (RELAYED, answered({"text": "quota"}, status=429), Throttled),
        (RELAYED, answered({"text": "oops"}, status=500), ProviderFault),
        (RELAYED, answered(b"<html>bot check</html>"), ProtocolError),
        (RELAYED, answered(b"Bad Gateway", status=502), ProviderFault),
    ],
)
async def test_a_refusal_is_final_only_where_it_is_meant(scheme, answer, kind):
    """A quota or a page of a bot check leaves the refresh token as good as it was."""
    with pytest.raises(kind) as info:
        await refreshed(scheme, answer)
    assert OLD.refresh not in str(info.value)


async def test_without_an_application_or_relay_it_says_so():
    """Nothing is asked of anybody."""
    scheme = OpenScheme.of(OpenOptions())
    with pytest.raises(UsageError, match="wants an application"):
        await scheme.refresh(OLD, Service().send)
    with pytest.raises(LoginLost):
        await scheme.sign_in(Credentials(), Service().send)


def test_the_token_goes_to_the_api_alone():
    """Neither to storage nor to the relay."""
    call = Call(method="POST", url="https://openapi.alipan.com/adrive/v1.0/openFile/list")
    assert OWN.sign(call, OLD).headers["Authorization"] == f"Bearer {OLD.access}"
    for url in ("https://relay.example/renew", "https://x.aliyundrive.net/a?x-oss-signature=1"):
        other = Call(method="GET", url=url)
        assert OWN.sign(other, OLD) == other


def test_the_secret_is_not_shown():
    """Not by the scheme, not by the options."""
    assert "s3cret" not in repr(OWN)
    assert "s3cret" not in repr(OpenOptions(client_id="app", client_secret="s3cret"))
