"""Every no of 115 is the failure that it is, in one sentence, and no block is an absence."""

from __future__ import annotations

import pytest

from fsmount.drivers.p115 import codes, refusals
from fsmount.drivers.p115.hosts import Hosts
from fsmount.drivers.p115.refusals import Elsewhere, OldAgent
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
from tests.drivers.p115.scripted import answered, wall

WHERE = Hosts()
WEB = Call(method="GET", url="https://webapi.115.com/files")
APP = Call(method="POST", url="https://proapi.115.com/app/chrome/downurl")


def failure(body, *, call=WEB, signed=True, **more):
    """Return what an answer amounts to."""
    return refusals.failure(call, answered(body, **more), signed=signed, where=WHERE)


ENVELOPES = {
    "webapi": {"state": False, "errno": 20018, "error": "文件不存在", "errtype": "war"},
    "files": {"state": False, "errNo": 20018, "error": "文件不存在", "request": "/files"},
    "get_info": {"state": False, "code": 20018, "message": "文件不存在", "data": []},
    "downurl": {"state": False, "errno": 20018, "msg": "文件不存在", "data": {"any": 1}},
    "passport": {"state": 0, "code": 20018, "errno": 20018, "message": "文件不存在", "error": ""},
    "offline": {"state": False, "errcode": 20018, "error_msg": "文件不存在"},
    "text code": {"state": False, "errno": "20018", "error": "文件不存在"},
    "empty errno": {"state": False, "errno": "", "errNo": 0, "code": 20018, "msg": "文件不存在"},
    "errCode": {"state": "0", "errCode": 20018, "error": "文件不存在"},
}


@pytest.mark.parametrize("name", ENVELOPES)
def test_code_and_text_are_found_whatever_they_are_called(name):
    """A dozen spellings of one refusal."""
    found = failure(ENVELOPES[name])
    assert type(found) is NotFound
    assert "20018" in found.message
    assert "文件不存在" in found.message
    assert "\n" not in str(found)


SUCCESSES = [
    {"state": True, "errno": ""},
    {"state": True, "errno": 0, "error": ""},
    {"state": 1, "code": 0},
    {"state": "1"},
    {"state": "true"},
    {"file_name": "x", "size": "1.2GB"},
    [],
    [1, 2],
]


@pytest.mark.parametrize("body", SUCCESSES)
def test_a_success_is_a_success_in_every_dialect(body):
    """State is a bool, an integer or not there; errno of a success may be empty text."""
    assert failure(body) is None


@pytest.mark.parametrize("code", sorted(codes.SIGNED_OUT))
def test_a_lost_login_is_unauthorized_when_a_cookie_went_along(code):
    """Then it is asked whether the cookie is alive; an anonymous call is denied."""
    assert type(failure({"state": False, "errno": code})) is Unauthorized
    assert type(failure({"state": False, "errno": code}, signed=False)) is Denied


@pytest.mark.parametrize("words", ["请先登录", "请重新登陆"])
def test_a_refusal_without_a_code_that_asks_for_a_login_is_one(words):
    """Natsort says nothing else."""
    assert type(failure({"state": False, "error": words})) is Unauthorized


def test_99_from_the_apps_host_may_be_another_device_slot():
    """Another endpoint knows; 990001 is none of that."""
    assert type(failure({"state": False, "errno": 99}, call=APP)) is Elsewhere
    assert type(failure({"state": False, "errno": 990001}, call=APP)) is Unauthorized


def test_no_code_at_all_is_an_internal_error_never_an_absence():
    """Link checkers that took it for one deleted good links."""
    found = failure({"state": False, "error": "服务器开小差了", "errno": 0})
    assert type(found) is ProviderFault


# --- blocks ---------------------------------------------------------------------------------------

BLOCKS = {
    "the firewall's page": (None, None),
    "margin": ({"margin": 7}, 7.0),
    "margin as text": ({"margin": "7"}, 7.0),
    "margin of nothing": ({"margin": 0}, 1.0),
    "911": ({"state": False, "errno": 911, "error": "请验证账号"}, None),
    "590075": ({"state": False, "errno": 590075, "error": "操作太频繁"}, codes.TOO_FREQUENT_S),
    "770004": ({"state": False, "code": 770004, "message": "x"}, codes.OPEN_PAUSE_S),
    "770004 swapped": (
        {"state": False, "code": "已达到当前访问上限", "message": 770004, "data": []},
        codes.OPEN_PAUSE_S,
    ),
    "406": ({"state": False, "code": 406, "message": "已达到当前访问上限"}, codes.OPEN_PAUSE_S),
    "the limit by its text": (
        {"state": False, "code": -1, "message": "已达到当前访问上限,请稍后"},
        codes.OPEN_PAUSE_S,
    ),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_every_block_opens_the_breaker(name):
    """With the time that it names, or the breaker's own, doubling."""
    body, pause_s = BLOCKS[name]
    answer = wall() if body is None else answered(body)
    found = refusals.failure(WEB, answer, signed=True, where=WHERE)
    assert type(found) is Blocked
    assert found.retry_after_s == pause_s
    assert found.advice


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, Throttled),
        (403, Throttled),
        (404, Elsewhere),
        (405, Blocked),
        (407, Denied),
        (429, Throttled),
        (500, ProviderFault),
        (502, ProviderFault),
        (302, ProtocolError),
        (200, ProtocolError),
    ],
)
@pytest.mark.parametrize("body", [b"", b"<html>x</html>", b'{"half', b"text"])
def test_what_is_no_answer_of_the_api_is_judged_by_its_status(status, kind, body):
    """Pages of firewalls, proxies and servers that fail; never raw JSON errors."""
    found = failure(body, status=status)
    assert type(found) is kind
    assert "\n" not in str(found)


def test_an_asked_pause_is_kept():
    """Retry-After in seconds."""
    assert failure(b"", status=429, headers={"retry-after": "12"}).retry_after_s == 12


def test_json_in_an_http_error_still_counts():
    """Some servers send both."""
    assert type(failure({"state": False, "errno": 20018}, status=400)) is NotFound
    assert type(failure({"state": False}, status=500)) is ProviderFault


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (40101004, LoginLost),
        (20018, NotFound),
        (50003, NotFound),
        (70004, Denied),
        (40110000, ProviderFault),
        (990009, ProviderFault),
        (50028, Elsewhere),
        (50029, OldAgent),
        (980006, Elsewhere),
        (123456, ProviderFault),
    ],
)
def test_codes_have_their_class(code, kind):
    """The class gives the errno and what is done about it."""
    found = failure({"state": False, "errno": code, "error": "说明"})
    assert type(found) is kind
    assert str(code) in found.message


@pytest.mark.parametrize("code", sorted(codes.MEANINGS))
def test_every_meaning_is_one_clear_sentence(code):
    """One line, with the code and what 115 says, and no full stop to put advice behind."""
    found = failure({"state": False, "errno": code, "error": "多\n行"})
    assert "\n" not in str(found)
    assert f"code {code}" in found.message
    assert not codes.MEANINGS[code].sentence.endswith(".")


def test_other_scalars_and_objects_in_an_envelope_harm_nothing():
    """A code that is a list is no code."""
    found = failure({"state": False, "errno": [1], "code": {"a": 1}, "error": {"b": 2}})
    assert type(found) is ProviderFault


def test_long_words_are_cut():
    """A message is one line that people read."""
    found = failure({"state": False, "errno": 990003, "error": "长" * 5000})
    assert len(found.message) < 400
