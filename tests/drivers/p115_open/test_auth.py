"""Tokens go to the API only; each refresh token is used once, and a refusal is final and said."""

from __future__ import annotations

import dataclasses

import pytest

from fsmount.account.credentials import Credentials
from fsmount.account.refresher import Refresher
from fsmount.drivers.p115_open.driver import SPEC
from fsmount.drivers.p115_open.options import P115OpenOptions
from fsmount.errors import (
    LoginLost,
    NotFound,
    ProtocolError,
    ProviderFault,
    StoreFault,
    Throttled,
    Unreachable,
)
from fsmount.model import Call, Token
from fsmount.net.client import NetSettings
from fsmount.store.tokens import TokenFile
from tests.drivers.p115_open.scripted import (
    NOW,
    Provider,
    answered,
    auth_data,
    auth_refused,
    refused,
)

SCHEME = SPEC.scheme(P115OpenOptions())
TOKEN = Token(access="A1", refresh="R1", extra={"kept": "yes"})
LIST = Call(method="GET", url="https://proapi.115.com/open/ufile/files")


def pair(number, **more):
    """Return a refreshed pair."""
    return auth_data(
        {"access_token": f"A{number}", "refresh_token": f"R{number}", "expires_in": 7200, **more}
    )


@pytest.mark.parametrize(
    ("url", "signed"),
    [
        ("https://proapi.115.com/open/ufile/files", True),
        ("https://proapi.115.com/open/user/info", True),
        ("https://proapi.115.com/android/files", False),
        ("https://passportapi.115.com/open/refreshToken", False),
        ("https://qrcodeapi.115.com/get/status/", False),
        ("https://cdnfhnfile.115cdn.net/x", False),
        ("http://proapi.115.com/open/ufile/files", False),
        ("https://proapi.115.com.evil.example/open/x", False),
    ],
)
def test_only_calls_of_the_api_are_signed(url, signed):
    """No other host gets the token."""
    call = SCHEME.sign(Call(method="GET", url=url, headers={"x": "y"}), TOKEN)
    assert (call.headers.get("Authorization") == "Bearer A1") is signed
    assert call.headers["x"] == "y"


async def test_a_refresh_brings_the_next_pair():
    """Its end is on the provider's clock."""
    provider = Provider(pair(2))
    token = await SCHEME.refresh(TOKEN, provider.send)
    (call,) = provider.calls
    assert (call.url, call.form) == (
        "https://passportapi.115.com/open/refreshToken",
        {"refresh_token": "R1"},
    )
    assert token == Token(
        access="A2",
        refresh="R2",
        access_expires_at=NOW + 7200,
        issued_at=NOW,
        extra={"kept": "yes"},
    )


async def test_the_answer_that_must_not_be_lost_is_waited_for():
    """It is the only copy of the next token; other calls are given up much sooner."""
    provider = Provider(pair(2))
    await SCHEME.refresh(TOKEN, provider.send)
    assert provider.calls[0].within_s == 40
    assert NetSettings().answer_within_s < 40


@pytest.mark.parametrize("told", ["3600", 3600, "", None, 0])
async def test_the_life_of_a_token_comes_in_any_spelling(told):
    """Two hours where it is not told."""
    token = await SCHEME.refresh(TOKEN, Provider(pair(2, expires_in=told)).send)
    assert token.access_expires_at == NOW + (3600 if told in (3600, "3600") else 7200)


@pytest.mark.parametrize(
    "code", [40140114, 40140115, 40140116, 40140119, 40140120, 40140118, 40140109]
)
async def test_a_refusal_is_final(code):
    """A person is needed; it says why (wire: 115 §10.4)."""
    with pytest.raises(LoginLost) as info:
        await SCHEME.refresh(TOKEN, Provider(auth_refused(code)).send)
    assert f"code {code}" in info.value.message
    assert "fsmount login" in info.value.advice


async def test_a_used_up_token_says_what_may_have_happened():
    """The answer that brought the next one was lost, or another program has it."""
    with pytest.raises(LoginLost) as info:
        await SCHEME.refresh(TOKEN, Provider(auth_refused(40140116)).send)
    assert "another program used it" in info.value.message
    assert "the answer with the next one was lost" in info.value.message


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (auth_refused(40140117), Throttled),
        (auth_refused(40140121), ProviderFault),
        (auth_refused(40110000), ProviderFault),
        (auth_refused(0, "服务异常"), ProviderFault),
        (answered(b"", status=502), ProviderFault),
        (answered(b"<html></html>"), ProtocolError),
        (auth_data({"access_token": ""}), ProtocolError),
    ],
)
async def test_a_refresh_that_fails_for_now_is_not_a_lost_login(answer, kind):
    """The token may still be good."""
    with pytest.raises(kind):
        await SCHEME.refresh(TOKEN, Provider(answer).send)


async def test_pasted_tokens_sign_in():
    """A refresh token first: it is the one that lasts."""
    provider = Provider(pair(2))
    both = Credentials(refresh_token="R1", access_token="A1")
    assert (await SCHEME.sign_in(both, provider.send)).access == "A2"
    alone = await SCHEME.sign_in(Credentials(access_token="A1"), Provider().send)
    assert alone == Token(access="A1")
    with pytest.raises(LoginLost, match="QR code"):
        await SCHEME.sign_in(Credentials(login="me", password="pw"), Provider().send)


async def test_an_access_token_alone_cannot_be_renewed():
    """Nobody is asked."""
    with pytest.raises(LoginLost, match="no refresh token"):
        await SCHEME.refresh(Token(access="A1"), Provider().send)


def test_the_order_that_a_folder_wants_is_an_answer():
    """Of a listing; anywhere else it is a refusal."""
    wanted = refused(20130827)
    SCHEME.classify(LIST, wanted, signed=True)
    elsewhere = dataclasses.replace(LIST, url="https://proapi.115.com/open/user/info")
    with pytest.raises(ProtocolError):
        SCHEME.classify(elsewhere, wanted, signed=True)
    with pytest.raises(NotFound):
        SCHEME.classify(LIST, refused(20018), signed=True)


# --- with the account's refresher -----------------------------------------------------------------


@pytest.fixture
def kept(tmp_path):
    """Where the token is kept."""
    tmp_path.chmod(0o700)
    return TokenFile(tmp_path / "tokens" / "films.json")


def refresher(provider, tokens, **credentials):
    """Return what keeps the token, as a mount has it; NOW is now."""
    return Refresher(
        scheme=SCHEME,
        tokens=tokens,
        credentials=Credentials(**credentials),
        send=provider.send,
        name="films",
        wall=lambda: NOW,
    )


async def test_a_new_pair_is_on_disk_before_it_is_used(kept):
    """What signs the next call could be read by another process, or after a crash."""
    provider = Provider(pair(2), pair(3))
    keeper = refresher(provider, kept, refresh_token="R1")
    token = await keeper.current()
    assert kept.load() == token
    token = await keeper.renew(token)
    assert (kept.load().refresh, token.access) == ("R3", "A3")
    assert [call.form["refresh_token"] for call in provider.calls] == ["R1", "R2"]


async def test_another_process_goes_on_from_the_kept_pair(kept):
    """The pasted token is used up; nobody uses it twice."""
    await refresher(Provider(pair(2)), kept, refresh_token="R1").current()
    provider = Provider(pair(3))
    other = refresher(provider, kept, refresh_token="R1")
    token = await other.current()
    assert (token.access, provider.calls) == ("A2", [])
    assert (await other.renew(token)).access == "A3"
    assert provider.calls[0].form == {"refresh_token": "R2"}


async def test_nothing_is_used_up_while_nothing_can_be_kept(kept, monkeypatch):
    """The token would be burned for nothing."""

    def full():
        raise StoreFault("no space left on device")

    monkeypatch.setattr(kept, "ensure_writable", full)
    provider = Provider(pair(2))
    with pytest.raises(StoreFault):
        await refresher(provider, kept, refresh_token="R1").current()
    assert not provider.calls


@pytest.mark.logs("login lost")
async def test_a_lost_answer_costs_the_login_only_when_it_did(kept):
    """It is asked again: the request may not have come through; then the refusal says why."""
    lost = Unreachable("the connection was dropped")
    provider = Provider(pair(2), lost, pair(3))
    keeper = refresher(provider, kept, refresh_token="R1")
    token = await keeper.current()
    with pytest.raises(Unreachable):
        await keeper.renew(token)
    again = refresher(provider, kept, refresh_token="R1")
    assert (await again.renew(token)).access == "A3"

    burned = refresher(Provider(auth_refused(40140116)), kept, refresh_token="R1")
    with pytest.raises(LoginLost, match="the answer with the next one was lost") as info:
        await burned.renew(await burned.current())
    assert 'run "fsmount login films"' in str(info.value)


async def test_refreshing_too_often_leaves_the_old_token_in_use(kept):
    """Until its end; then it is waited for (wire: 115 §10.4)."""
    kept.path.parent.mkdir()
    provider = Provider(pair(2), auth_refused(40140117))
    keeper = refresher(provider, kept, refresh_token="R1")
    token = await keeper.current()
    with pytest.raises(Throttled):
        await SCHEME.refresh(token, provider.send)
    assert await keeper.current() == token
