"""Every no of 115 Open is the failure that it amounts to."""

from __future__ import annotations

import pytest

from fsmount.drivers.p115.hosts import Hosts
from fsmount.drivers.p115.refusals import Elsewhere, OldAgent
from fsmount.drivers.p115_open import codes, refusals
from fsmount.errors import (
    Blocked,
    Denied,
    LoginLost,
    NotFound,
    ProtocolError,
    ProviderFault,
    Throttled,
    Unauthorized,
)
from fsmount.model import Call
from tests.drivers.p115_open.scripted import NOW, answered, auth_data, auth_refused, data, refused

CALL = Call(method="GET", url="https://proapi.115.com/open/user/info")
LIMIT = "已达到当前访问上限"
MIDNIGHT_S = (24 - 19.351111) * 3600 + 60  # NOW is 19:21:04 where 115 is


def failure_of(answer, *, signed):
    """Return what an answer amounts to."""
    return refusals.failure(CALL, answer, signed=signed, where=Hosts())


@pytest.mark.parametrize("answer", [data([]), auth_data({}), answered({"state": "1"})])
def test_a_success_is_one_in_any_dialect(answer):
    """True, 1, "1"."""
    assert failure_of(answer, signed=True) is None
    assert refusals.code(answer) == 0


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (refused(20018), NotFound, "there is no such file or folder"),
        (refused(430004, "文件不存在"), NotFound, '"文件不存在"'),
        (refused("50003"), NotFound, "no file with this pick code"),
        (refused(40140125), Unauthorized, "access token is no longer taken"),
        (refused(40140123), Unauthorized, "code 40140123"),
        (refused(99), Unauthorized, "nobody is signed in"),
        (refused(40101999), Unauthorized, "nobody is signed in"),
        (refused(40140108), LoginLost, "application is not approved"),
        (refused(40140130), Denied, "does not take the sign-in"),
        (refused(590075), Blocked, "asked too often"),
        (refused(911), Blocked, "verify the account"),
        (refused(50038, "违规"), Denied, "refuses to give this file out"),
        (refused(50038), ProviderFault, "without saying why"),
        (refused(50029), OldAgent, "too old"),
        (refused(40110000), ProviderFault, "115 is busy"),
        (refused(123456789, "oops"), ProviderFault, 'code 123456789: "oops"'),
        (refused(0, "服务异常"), ProviderFault, "without saying why"),
        (refused(0, "请先登录"), Unauthorized, "nobody is signed in"),
        (answered({"state": False, "error": "请重新登陆"}), Unauthorized, "nobody is signed in"),
        (answered({"state": False}), ProviderFault, "no code"),
        (answered({"state": False, "errno": "", "code": 20018}), NotFound, "20018"),
        (answered({"state": False, "errNo": 990001}), Unauthorized, "990001"),
        (
            answered({"state": False, "errno": 0, "code": 0, "msg_code": 70004}),
            Denied,
            "completely",
        ),
        (answered({"state": False, "error": {"x": 1}, "code": [1]}), ProviderFault, "no code"),
        (auth_refused(40140116), LoginLost, "used up or revoked"),
    ],
)
def test_a_refusal_is_what_its_code_says(answer, kind, words):
    """From the first field that holds one, with the service's own words."""
    failure = failure_of(answer, signed=True)
    assert type(failure) is kind
    assert words in failure.message
    assert "\n" not in str(failure)


@pytest.mark.parametrize("code", sorted(codes.MEANINGS))
def test_every_code_has_a_sentence(code):
    """And the code itself, to be looked up."""
    failure = failure_of(refused(code, "x" * 500), signed=True)
    assert f"code {code}" in failure.message
    assert len(failure.message) < 450


@pytest.mark.parametrize("code", [99, 40140125, 990001])
def test_without_a_token_only_a_person_can_help(code):
    """Nothing can be renewed then."""
    failure = failure_of(refused(code), signed=False)
    assert isinstance(failure, LoginLost)
    assert "fsmount login" in failure.advice


@pytest.mark.parametrize(
    "answer",
    [
        refused(406, "x"),
        refused(770004),
        # Code and text have changed places (wire: 115 §2.1).
        answered({"state": False, "code": f"{LIMIT}，请稍后再试", "message": 770004, "data": []}),
        answered({"state": False, "code": f"{LIMIT}，请稍后再试", "message": "770004"}),
        refused(0, f"{LIMIT}，请稍后再试"),
        refused(-1, LIMIT),
    ],
)
def test_a_used_up_budget_leaves_the_account_alone_for_half_an_hour(answer):
    """Whatever its code, and wherever that stands."""
    failure = failure_of(answer, signed=True)
    assert type(failure) is Blocked
    assert failure.retry_after_s == 1800
    assert "no more calls for now" in failure.message


@pytest.mark.parametrize(
    ("words", "hour", "left_s"),
    [
        (LIMIT, 19 + 21 / 60, 1800),
        (LIMIT, 23.75, 900 + 60),
        (LIMIT, 0.0, 1800),
        (f"今日{LIMIT}", 19.0, 5 * 3600 + 60),
        (f"{LIMIT},请明日再试", 0.5, 23.5 * 3600 + 60),
    ],
)
def test_a_budget_is_new_at_the_providers_midnight(words, hour, left_s):
    """In UTC+8, by the answer's own date, whatever the clocks here say."""
    now = 1795305600 + (hour - 8) * 3600  # 1795305600 is a midnight of UTC
    assert refusals.limited_s(words, now) == pytest.approx(left_s)


def test_refreshing_too_often_is_waited_out():
    """Not a lost login: the old access token goes on serving (wire: 115 §10.4)."""
    failure = failure_of(auth_refused(40140117, "刷新太频繁"), signed=False)
    assert type(failure) is Throttled
    assert failure.retry_after_s == 3600


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (answered(b"<html><title>405</title></html>", status=405), Blocked),
        (answered(b"<html></html>", status=403), Throttled),
        (answered(b"", status=429, headers={"retry-after": "7"}), Throttled),
        (answered(b"", status=503), ProviderFault),
        (answered(b"bad gateway", status=502), ProviderFault),
        (answered(b"", status=401), Throttled),
        (answered(b"", status=404), Elsewhere),
        (answered(b"<html></html>"), ProtocolError),
        (answered(b""), ProtocolError),
        (answered({"state": True}, status=500), ProviderFault),
    ],
)
def test_what_is_no_answer_of_the_api_is_told_by_its_status(answer, kind):
    """A page of the firewall above all: asking again makes it worse."""
    failure = failure_of(answer, signed=True)
    assert type(failure) is kind
    if answer.status == 429:
        assert failure.retry_after_s == 7


def test_the_day_that_the_answers_were_written():
    """So that the hours above mean what they say."""
    assert refusals.limited_s("今日", NOW) == pytest.approx(MIDNIGHT_S, abs=1)
