"""One call: paced, signed, renewed once, classified, and told to health and governor."""

from __future__ import annotations

import logging

import pytest
import trio
import trio.testing

from fsmount.account.account import Account, Limit, host_of, paced
from fsmount.account.advice import LOGIN_AGAIN
from fsmount.account.credentials import Credentials
from fsmount.account.governor import Governor
from fsmount.account.refresher import Refresher
from fsmount.errors import (
    Blocked,
    LoginLost,
    NotFound,
    Throttled,
    Unauthorized,
    Unreachable,
)
from fsmount.health import Health, State
from fsmount.model import Call
from tests.account.fakes import FakeProvider, answer

CALL = Call(method="GET", url="https://cloud.example.com/api/v4/file", params={"sign": "SECRET"})


@pytest.fixture
def provider():
    return FakeProvider()


@pytest.fixture
def governor():
    return Governor(
        None,
        {"list": Limit(rate_per_s=1.0), "auth": Limit(rate_per_s=0.5)},
        clock=trio.current_time,
        wall=lambda: 1e9 + trio.current_time(),
    )


def account(provider, governor, *, credentials=None, send=None, login="photos"):
    refresher = None
    if credentials is not None:
        refresher = Refresher(
            scheme=provider,
            tokens=None,
            credentials=credentials,
            send=paced(provider.send, governor),
            name=login,
            clock=trio.current_time,
            wall=lambda: 1e9 + trio.current_time(),
        )
    return Account(
        name="cloud",
        scheme=provider,
        refresher=refresher,
        governor=governor,
        send=send or provider.send,
        health=Health(remote="cloud"),
    )


SIGNED = Credentials(login="me", password="right")


@pytest.mark.autojump
async def test_an_anonymous_call_is_sent_as_it_is(provider, governor):
    """No token, no refresh; a 401 is the provider's last word."""
    sent = []

    async def send(call):
        sent.append(call)
        return await provider.send(call)

    calls = account(provider, governor, send=send)
    assert calls.anonymous
    assert (await calls.call("info", CALL)).status == 200
    assert sent == [CALL]


@pytest.mark.autojump
async def test_a_call_is_signed_and_a_second_credential_stays(provider, governor):
    """Saving a share sends the bearer and the share's token."""
    sent = []

    async def send(call):
        sent.append(call)
        return await provider.send(call)

    call = Call(method="GET", url=CALL.url, headers={"x-share-token": "share"})
    calls = account(provider, governor, credentials=SIGNED, send=send)
    assert not calls.anonymous
    await calls.call("info", call)
    assert sent[0].headers == {"x-share-token": "share", "Authorization": "Bearer access-1"}


@pytest.mark.autojump
async def test_a_rejected_token_is_renewed_once_and_the_caller_does_not_notice(provider, governor):
    """The token expired at night: the same call succeeds with the next one."""
    calls = account(provider, governor, credentials=SIGNED)
    await calls.call("info", CALL)
    provider.valid_access.clear()
    assert (await calls.call("info", CALL)).status == 200
    assert provider.refreshes == ["refresh-1"]
    assert calls._health.report.state is State.ONLINE


@pytest.mark.autojump
async def test_many_calls_that_meet_a_rejection_share_one_renewal(provider, governor):
    """Thirty listings under way when the token ends cost one refresh."""
    calls = account(provider, governor, credentials=SIGNED)
    await calls.call("info", CALL)
    provider.valid_access.clear()
    async with trio.open_nursery() as nursery:
        for _ in range(30):
            nursery.start_soon(calls.call, "info", CALL)
    assert provider.refreshes == ["refresh-1"]


@pytest.mark.autojump
@pytest.mark.logs("is login lost")
async def test_a_call_that_is_rejected_again_fails(provider, governor):
    """One renewal per call, then the error; health says that a person is needed."""
    sent = 0

    async def send(call):
        nonlocal sent
        sent += 1
        return answer(401)

    calls = account(provider, governor, credentials=SIGNED, send=send)
    with pytest.raises(Unauthorized):
        await calls.call("info", CALL)
    assert sent == 2
    assert calls._health.report.state is State.LOGIN_LOST


@pytest.mark.autojump
@pytest.mark.logs("login lost")
async def test_a_lost_login_reaches_the_caller_and_health(provider, governor):
    """The sentence is in ``status``."""
    calls = account(provider, governor, credentials=Credentials())
    with pytest.raises(LoginLost):
        await calls.call("info", CALL)
    assert calls._health.report.state is State.LOGIN_LOST
    assert "nobody is signed in" in calls._health.report.reason


@pytest.mark.autojump
@pytest.mark.logs("is login lost")
async def test_the_advice_names_the_remote_whose_login_it_is(provider, governor):
    """A scheme does not know it, and a share may be signed by another remote's login."""

    def refuse(call, answer, *, signed):
        raise Unauthorized("no longer taken", advice=LOGIN_AGAIN)

    provider.classify = refuse
    calls = account(provider, governor, credentials=SIGNED, login="ann")
    with pytest.raises(Unauthorized, match='run "fsmount login ann"'):
        await calls.call("info", CALL)
    assert "fsmount login ann" in calls._health.report.reason


@pytest.mark.autojump
async def test_calls_go_at_the_pace_of_their_family(provider, governor):
    """Host and family decide."""
    calls = account(provider, governor)
    start = trio.current_time()
    for _ in range(3):
        await calls.call("list", CALL)
    assert trio.current_time() - start == pytest.approx(2.0)
    for _ in range(3):
        await calls.call("info", CALL)
    assert trio.current_time() - start == pytest.approx(2.0)


@pytest.mark.autojump
async def test_what_a_refresher_sends_is_paced_and_never_renewed(provider, governor):
    """Answers come back whatever their status."""
    send = paced(provider.send, governor)
    start = trio.current_time()
    bad = Call(method="POST", url=CALL.url, headers={"Authorization": "Bearer over"})
    statuses = [(await send(bad)).status for _ in range(3)]
    assert statuses == [401] * 3
    assert trio.current_time() - start == pytest.approx(4.0)
    assert provider.refreshes == []


@pytest.mark.autojump
@pytest.mark.logs("is throttled")
async def test_a_throttled_answer_teaches_the_governor_and_health(provider, governor):
    """The next call of the family waits for as long as was asked."""

    async def send(call):
        return answer(429)

    with pytest.raises(Throttled):
        await account(provider, governor, send=send).call("list", CALL)
    start = trio.current_time()
    await account(provider, governor).call("list", CALL)
    assert trio.current_time() - start == pytest.approx(7.0)


@pytest.mark.autojump
@pytest.mark.logs("shut us out", "is throttled")
async def test_an_open_breaker_is_told_to_health_without_sending(provider, governor):
    """Also when an earlier process opened it."""
    governor.met("list", "cloud.example.com", Blocked("WAF"))

    async def send(call):
        pytest.fail("sent through an open breaker")

    calls = account(provider, governor, send=send)
    with pytest.raises(Blocked, match="until"):
        await calls.call("list", CALL)
    assert calls._health.report.state is State.THROTTLED
    assert calls._health.report.until is not None


@pytest.mark.autojump
@pytest.mark.logs("is offline")
async def test_a_missing_file_shows_that_the_provider_lives(provider, governor):
    """Offline by a transport error, online again by any answer."""

    async def down(call):
        raise Unreachable("no network")

    async def missing(call):
        return answer(404)

    calls = account(provider, governor, send=down)
    with pytest.raises(Unreachable):
        await calls.call("info", CALL)
    assert calls._health.report.state is State.OFFLINE
    calls._send = missing
    with pytest.raises(NotFound):
        await calls.call("info", CALL)
    assert calls._health.report.state is State.ONLINE


@pytest.mark.autojump
async def test_a_deadline_that_pace_cannot_keep_says_nothing_about_the_remote(provider, governor):
    """Waiting for ourselves is not being offline."""
    calls = account(provider, governor)
    await calls.call("list", CALL)
    with trio.move_on_after(0.5), pytest.raises(Exception, match="too late"):
        await calls.call("list", CALL)
    assert calls._health.report.state is State.ONLINE


@pytest.mark.autojump
async def test_a_cancelled_call_frees_its_slot(provider):
    """The reader was killed while the answer was on its way."""
    governor = Governor(None, {"list": Limit(concurrency=1)}, clock=trio.current_time)

    async def silence(call):
        await trio.sleep_forever()

    with trio.move_on_after(1):
        await account(provider, governor, send=silence).call("list", CALL)
    with trio.fail_after(1):
        await account(provider, governor).call("list", CALL)


@pytest.mark.autojump
async def test_the_log_names_family_host_and_status_but_no_query(provider, governor, caplog):
    """One DEBUG line per call, nothing that signs or names a person's files."""
    with caplog.at_level(logging.DEBUG, "fsmount.account"):
        await account(provider, governor, credentials=SIGNED).call("info", CALL)
    (line,) = [each for each in caplog.messages if "family=info" in each]
    assert "remote=cloud family=info host=cloud.example.com status=200 ms=" in line
    assert "SECRET" not in caplog.text
    assert "access-1" not in caplog.text
    assert "/api/v4/file" not in caplog.text


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Cloud.Example.com/x", "cloud.example.com"),
        ("http://user:secret@127.0.0.1:5212/x?y", "127.0.0.1:5212"),
        ("http://[::1]:80/", "[::1]:80"),
    ],
)
def test_a_host_has_its_port_and_no_credentials(url, host):
    """It is shown in status."""
    assert host_of(Call(method="GET", url=url)) == host
