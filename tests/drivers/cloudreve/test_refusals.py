"""Every way in which a server says no has its errno, its sentence and its advice."""

from __future__ import annotations

import errno

import pytest

from fsmount import errors
from fsmount.drivers.cloudreve import api, codes, details, refusals, session
from fsmount.drivers.cloudreve.options import Site
from fsmount.drivers.cloudreve.uri import FileUri
from fsmount.errors import errno_of
from tests.drivers.cloudreve.scripted import SITE, answered, recorded, refused

PLACE = Site.parse(SITE)
DRIVE = FileUri(fs="my")
SHARE = FileUri(fs="share", id="abTz")
LOCKED = FileUri(fs="share", id="6DCZ", password="s3cret")


def listed(uri):
    return api.list_call(PLACE, str(uri), page_size=10, position=api.Position())


def linked(*uris):
    return api.url_call(PLACE, [str(uri) for uri in uris], fresh=False, skip_error=False)


def failure(answer, *, call=None, signed=False, mounted=DRIVE):
    call = call or listed(mounted)
    return refusals.failure(call, answer, signed=signed, mounted=mounted)


# The errno of each code that reading can meet (wire §14). Writing's own errnos (EEXIST, EDQUOT,
# EBUSY, EFBIG, ...) come with writing; until then those codes are EIO.
READING = {
    203: errno.EACCES,
    401: errno.EACCES,
    403: errno.EACCES,
    404: errno.ENOENT,
    409: errno.EIO,
    40001: errno.EINVAL,
    40005: errno.EIO,
    40006: errno.EOPNOTSUPP,
    40007: errno.EACCES,
    40011: errno.EIO,
    40012: errno.EIO,
    40013: errno.EIO,
    40016: errno.ENOENT,
    40017: errno.EACCES,
    40018: errno.EACCES,
    40019: errno.EOPNOTSUPP,
    40020: errno.EACCES,
    40022: errno.EACCES,
    40026: errno.EACCES,
    40035: errno.EIO,
    40045: errno.EIO,
    40047: errno.EIO,
    40048: errno.EIO,
    40050: errno.EINVAL,
    40052: errno.EINVAL,
    40055: errno.EIO,
    40057: errno.EIO,
    40058: errno.ENOENT,
    40069: errno.EACCES,
    40071: errno.EIO,
    40074: errno.EIO,
    40075: errno.EIO,
    40076: errno.ESTALE,
    40077: errno.ENOENT,
    40078: errno.ENOENT,
    40080: errno.EACCES,
    40081: errno.EIO,
    40082: errno.EACCES,
    40083: errno.EACCES,
    50001: errno.EIO,
    50002: errno.EIO,
    50004: errno.EIO,
    50005: errno.EIO,
    50006: errno.EIO,
    50007: errno.EIO,
    50010: errno.EIO,
    50011: errno.EIO,
    -1: errno.EIO,
}
WRITING = {40004, 40014, 40015, 40049, 40051, 40053, 40054, 40073, 40079}


@pytest.mark.parametrize(("code", "number"), READING.items())
def test_each_code_has_its_errno(code, number):
    """The table of wire §14, for an unsigned call."""
    assert errno_of(failure(refused(code, "some words"))) == number


def test_the_table_holds_nothing_else():
    """Every row of the table is held to this page."""
    assert set(codes.MEANINGS) == set(READING) | WRITING


@pytest.mark.parametrize("code", sorted(codes.MEANINGS))
def test_each_code_has_a_sentence(code):
    """The message is one line and holds code and the server's words."""
    message = failure(refused(code, "two\nlines")).message
    assert message.startswith(codes.MEANINGS[code].sentence)
    assert f'code {code}: "two lines"' in message


def test_an_unknown_code_tells_its_correlation_id():
    """Newer servers may have codes that nobody here knows; their log does."""
    found = failure(refused(40999, "new"))
    assert isinstance(found, errors.ProviderFault)
    assert "correlation id c0" in found.message


@pytest.mark.parametrize("code", [401, 40011, 40020])
def test_an_expired_token_is_unauthorized_only_when_one_went_along(code):
    """The account renews on Unauthorized; without a token there is nothing to renew."""
    assert isinstance(failure(refused(code), signed=True), errors.Unauthorized)
    assert not isinstance(failure(refused(code)), errors.Unauthorized)


@pytest.mark.parametrize(
    "name",
    [
        "list_my_expired_access",
        "list_my_garbage_token",
        "list_my_refresh_token_as_access",
        "file_info_expired_access",
        "upload_chunk_no_auth",
    ],
)
def test_the_recorded_traces_of_an_expired_token_are_unauthorized(name):
    """An expired token is not rejected; the call runs as a guest (wire §4)."""
    assert isinstance(failure(recorded(name), signed=True), errors.Unauthorized)


def test_an_expired_token_inside_a_batch_is_unauthorized():
    """Links fail with 401 inside 40081."""
    call = linked(FileUri(fs="my", path=("nothing",)))
    answer = recorded("file_url_expired_access")
    assert isinstance(failure(answer, call=call, signed=True), errors.Unauthorized)
    assert isinstance(failure(answer, call=call), errors.Denied)


def test_a_lost_login_stands_for_the_whole_batch():
    """Renewing it may mend every part, so it goes before other reasons."""
    inner = {
        "cloudreve://my/a": {"code": 40016, "msg": "Path not exist"},
        "cloudreve://my/b": {"code": 401, "msg": "Login required"},
    }
    answer = answered({"code": 40081, "msg": "", "aggregated_error": inner})
    assert isinstance(failure(answer, signed=True), errors.Unauthorized)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("url_one_missing", errors.NotFound),
        ("url_folder", errors.NotFound),
        ("url_entity_wrong", errors.NotFound),
    ],
)
def test_a_batch_is_judged_by_what_is_inside(name, kind):
    """40081 alone says nothing."""
    assert isinstance(failure(recorded(name), call=linked(DRIVE)), kind)


def test_a_batch_that_names_no_part_is_a_fault():
    """An empty list of reasons is no success."""
    answer = answered({"code": 40081, "msg": "x", "aggregated_error": None})
    assert isinstance(failure(answer), errors.ProviderFault)


def test_a_blocked_account_is_renewed_to_be_sure():
    """50001 on everything is a blocked user; the refresh that follows tells (wire §4)."""
    answer = recorded("list_banned_user_token")
    assert isinstance(failure(answer, signed=True), errors.Unauthorized)
    assert isinstance(failure(answer), errors.ProviderFault)
    assert isinstance(failure(refused(50001, "db"), signed=True), errors.ProviderFault)


@pytest.mark.parametrize(
    ("name", "call", "mounted", "kind", "sentence"),
    [
        ("share_list_expired", None, SHARE, errors.Gone, "share abTz is not there"),
        ("share_list_cancelled", None, SHARE, errors.Gone, "check the link"),
        ("share_list_bad_id", None, SHARE, errors.Gone, "its id is wrong"),
        ("share_list_src_trashed", None, SHARE, errors.Gone, "share abTz is not there"),
        ("share_list_limit_used_up", None, SHARE, errors.Gone, "share abTz is not there"),
        ("share_info_expired", "info", SHARE, errors.Gone, "has expired, or its downloads"),
        ("share_info_limit_used_up", "info", SHARE, errors.Gone, "downloads are used up"),
        ("share_info_cancelled", "info", SHARE, errors.Gone, "there is no share abTz"),
        ("share_info_bad_id", "info", SHARE, errors.Gone, "is not the id of a share"),
        ("share_list_pw", None, SHARE, errors.Denied, "share abTz wants a password"),
        ("share_list_pw_wrong", None, LOCKED, errors.Denied, "is wrong or was changed"),
        ("share_list_pw_owner_without_password", None, SHARE, errors.Denied, "wants a password"),
        ("share_list_anonymous_not_allowed", None, SHARE, errors.Denied, "guests may not open"),
        ("share_url_anonymous_not_allowed", "url", SHARE, errors.Denied, "guests may not open"),
        ("share_limit_url_3", "url", FileUri(fs="share", id="xjsn"), errors.Gone, "share xjsn"),
        (
            "share_url_pw_missing",
            "url",
            FileUri(fs="share", id="6DCZ"),
            errors.Denied,
            "6DCZ wants",
        ),
    ],
)
def test_each_end_of_a_share_has_its_own_sentence(name, call, mounted, kind, sentence):
    """Expired, cancelled, never there, locked, closed to guests: said with what to do."""
    calls = {
        None: listed(mounted),
        "url": linked(mounted),
        "info": details.share_call(PLACE, "abTz", ""),
    }
    found = failure(recorded(name), call=calls[call], mounted=mounted)
    assert isinstance(found, kind)
    assert sentence in str(found)
    assert found.advice


def test_a_group_without_the_right_is_told_so():
    """Signed in, the advice to sign in would be of no use."""
    answer = recorded("share_list_anonymous_not_allowed")
    assert "group" in failure(answer, mounted=SHARE, signed=True).message


def test_not_found_inside_a_living_share_is_not_gone():
    """Path not found is 40016, share gone is 404 (wire §11)."""
    found = failure(refused(40016, "Path not exist"), mounted=SHARE)
    assert isinstance(found, errors.NotFound)


@pytest.mark.parametrize("mounted", [DRIVE, LOCKED])
def test_a_dead_share_behind_a_shortcut_is_not_the_remotes_end(mounted):
    """Gone would call the whole remote gone; the shortcut alone is stale."""
    found = failure(recorded("share_list_expired"), call=listed(SHARE), mounted=mounted)
    assert isinstance(found, errors.Changed)
    locked = failure(recorded("share_list_pw"), call=listed(SHARE), mounted=mounted)
    assert isinstance(locked, errors.Denied)
    assert "shortcut" in locked.message


@pytest.mark.parametrize(
    ("status", "body", "headers", "kind"),
    [
        (500, b"", {}, errors.ProviderFault),
        (502, b"<html>", {}, errors.ProviderFault),
        (503, b"<html>", {}, errors.ProviderFault),
        (503, b"<html>", {"retry-after": "7"}, errors.Throttled),
        (504, b"<html>", {}, errors.ProviderFault),
        (429, b"<html>", {"retry-after": "7"}, errors.Throttled),
        (429, b"slow down", {}, errors.Throttled),
        (403, b"<html>", {}, errors.Blocked),
        (401, b"<html>", {}, errors.Denied),
        (404, b"404 page not found", {}, errors.ProtocolError),
        (405, b"<html>", {}, errors.ProtocolError),
        (413, b"<html>", {}, errors.ProtocolError),
        (302, b"", {}, errors.ProtocolError),
        (200, b"<!doctype html><title>Cloudreve</title>", {}, errors.ProtocolError),
        (200, b'{"code": 0, "da', {}, errors.ProtocolError),
        (200, b"", {}, errors.ProtocolError),
        (200, b"{}", {}, errors.ProtocolError),
        (200, b"[1]", {}, errors.ProtocolError),
        (200, b'{"code": null}', {}, errors.ProtocolError),
        (500, b'{"code": 0}', {}, errors.ProviderFault),
    ],
)
def test_what_stands_in_front_of_the_api_is_told_apart(status, body, headers, kind):
    """Panics, unknown routes, proxies and firewalls answer without an envelope (wire §1)."""
    found = failure(answered(body, status=status, headers=headers))
    assert type(found) is kind
    if isinstance(found, errors.Throttled) and headers:
        assert found.retry_after_s == 7.0


def test_a_web_page_advises_to_check_the_address():
    """A V3 site and any other site answer a V4 call with their page."""
    assert "Cloudreve V4" in failure(answered(b"<html>")).advice


@pytest.mark.parametrize("name", ["list_root", "url_no_uris", "user_capacity", "logout"])
def test_a_success_is_none(name):
    """Data of any kind, or none."""
    assert failure(recorded(name)) is None


@pytest.mark.parametrize("code", ["0", 0.0, 0])
def test_a_code_is_read_in_any_type(code):
    """Success is success as a string too."""
    assert failure(answered({"code": code})) is None


def test_the_servers_words_are_cut_and_blanked():
    """A message may quote the URI that was asked, password included."""
    words = "unknown uri cloudreve://6DCZ:s3cret@share/" + "x" * 500
    message = failure(refused(40001, words)).message
    assert "s3cret" not in message
    assert len(message) < 400


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("content_expired_url_range", errors.LinkExpired),
        ("content_expired_url_get", errors.LinkExpired),
        ("content_bad_signature", errors.LinkExpired),
        ("content_no_sign", errors.LinkExpired),
        ("content_after_delete_range", errors.Changed),
    ],
)
def test_content_refusals_come_as_http_200(name, kind):
    """An expired link is HTTP 200 and JSON, also to a Range (wire §8.1)."""
    assert isinstance(refusals.content_failure(recorded(name).body), kind)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"the bytes of a file",
        b'{"a file": "of somebody"}',
        b'{"code": 7, "a file": true}',
        b'{"code": 0}',
        b"\xff\xfe",
        b"<Error><Code>AccessDenied</Code></Error>",
    ],
)
def test_bytes_that_are_no_envelope_say_nothing(body):
    """Then the status decides."""
    assert refusals.content_failure(body) is None


def test_sign_in_calls_are_about_no_place():
    """A 404 of a sign-in is not a share's end."""
    call = session.sign_in_call(PLACE, "me@example.com", "pw")
    assert isinstance(failure(refused(404, "User not found"), call=call), errors.NotFound)
