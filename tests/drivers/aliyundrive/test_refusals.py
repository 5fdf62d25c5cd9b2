"""Every no of the provider, its gateway and its storage is the failure that it amounts to."""

from __future__ import annotations

import pytest

from fsmount.drivers.aliyundrive import refusals
from fsmount.drivers.aliyundrive.codes import NoDeviceSession
from fsmount.errors import (
    Blocked,
    ConnectionLimit,
    Denied,
    Gone,
    IsFolder,
    LinkExpired,
    LoginLost,
    NotFound,
    ProtocolError,
    ProviderFault,
    Throttled,
    Unauthorized,
    UsageError,
)
from tests.drivers.aliyundrive.scripted import answered, refused


@pytest.mark.parametrize(
    "answer",
    [
        answered({"items": []}),
        answered({"code": None, "result": True}),
        answered({"code": "200", "data": {}}),
        answered({"code": "", "x": 1}),
        answered(b"", status=204),
        answered(b"", status=200),
        answered({"file_id": "x"}, status=201),
    ],
)
def test_a_success_is_none(answer):
    """Also where it carries an empty or numeric code, or nothing at all."""
    assert refusals.failure(answer, signed=True) is None


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("AccessTokenInvalid", 401, Unauthorized),
        ("AccessTokenExpired", 401, Unauthorized),
        ("I400JD", 400, Unauthorized),
        ("ShareLinkTokenInvalid", 401, Unauthorized),
        ("InvalidParameterNotMatch.ShareToken", 400, Unauthorized),
        ("InvalidParameter.RefreshToken", 400, LoginLost),
        ("RefreshTokenExpired", 401, LoginLost),
        ("PermissionDenied", 403, LoginLost),
        ("DeviceSessionSignatureInvalid", 400, NoDeviceSession),
        ("UserDeviceOffline", 401, NoDeviceSession),
        ("UserDeviceIllegality", 403, NoDeviceSession),
        ("NotFound.File", 404, NotFound),
        ("NotFound.File", 400, NotFound),
        ("NotFound.FileId", 404, NotFound),
        ("ForbiddenFileInTheRecycleBin", 403, NotFound),
        ("ForbiddenFileInTheRecycleBin", 400, NotFound),
        ("NotFound.Drive", 404, Denied),
        ("ForbiddenNoPermission.File", 403, Denied),
        ("UserNotAllowedAccessDrive", 403, Denied),
        ("ExceedCapacityForbidden", 403, Denied),
        ("QuotaExhausted.Drive", 409, Denied),
        ("InvalidResource.FileTypeFolder", 400, IsFolder),
        ("InvalidParameter.FileId", 400, UsageError),
        ("AlreadyExist.File", 409, ProviderFault),
        ("FeatureTemporaryDisabled", 400, ProviderFault),
        ("ParamFlowException", 429, Throttled),
        ("TooManyRequests", 429, Throttled),
        ("NotFound.ShareLink", 404, Gone),
        ("ShareLink.Cancelled", 400, Gone),
        ("ShareLink.Expired", 400, Gone),
        ("ShareLink.Forbidden", 403, Gone),
        ("InvalidResource.SharePwd", 400, Denied),
        ("ShareLinkPwdNeeded", 400, Denied),
        ("SomethingNew", 400, ProviderFault),
        ("SomethingNew.File", 403, Denied),
        ("SomethingNew", 404, NotFound),
        ("SomethingNew", 429, Throttled),
    ],
)
def test_a_code_is_its_failure(code, status, kind):
    """Whatever the status says; an unknown code is judged by its status."""
    failure = refusals.failure(refused(code, status=status), signed=True)
    assert type(failure) is kind
    assert code in str(failure)
    assert "\n" not in str(failure)


def test_the_ends_of_a_share_are_told_apart():
    """Each has a sentence of its own."""
    ends = ("NotFound.ShareLink", "ShareLink.Cancelled", "ShareLink.Expired", "ShareLink.Forbidden")
    told = {refusals.failure(refused(code), signed=False).message.split(" (")[0] for code in ends}
    assert len(told) == 4


def test_without_a_token_nobody_is_unauthorized():
    """There would be nothing to renew."""
    failure = refusals.failure(refused("AccessTokenInvalid", status=401), signed=False)
    assert type(failure) is Denied


def test_a_lost_device_is_also_told_in_words():
    """The code beside it may be any."""
    answer = refused("BadRequest", message="not found device info for x")
    assert type(refusals.failure(answer, signed=True)) is NoDeviceSession


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-retry-after": "1500"}, 1.5),
        ({"x-retry-after": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "9"}, 9.0),
        ({}, 10.0),
        ({"x-retry-after": "soon"}, 10.0),
    ],
)
def test_how_long_to_wait_is_in_milliseconds_or_seconds(headers, seconds):
    """By the header that says it; ten seconds where none does."""
    failure = refusals.failure(refused("TooManyRequests", status=429, headers=headers), signed=True)
    assert failure.retry_after_s == seconds


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (b"Bad Gateway", 502, ProviderFault),
        (b"Gateway Timeout", 504, ProviderFault),
        (b"404 page not found", 404, ProtocolError),
        (b'{"timestamp":"x","status":404,"error":"Not Found","path":"/"}', 404, ProtocolError),
        (b"<html>no</html>", 200, ProtocolError),
        (b"<html>no</html>", 403, Blocked),
        (b"", 429, Throttled),
        (b"", 509, Throttled),
        (b"[]", 200, ProtocolError),
        (b"null", 200, ProtocolError),
        (b'{"items": [', 200, ProtocolError),
        (b"\xff\xfe", 200, ProtocolError),
        (b"", 401, Unauthorized),
        (b"", 407, Denied),
    ],
)
def test_an_answer_that_is_not_the_apis_is_a_failure(body, status, kind):
    """Never a crash, never a success."""
    assert type(refusals.failure(answered(body, status=status), signed=True)) is kind


def xml(code, message=""):
    """Return an error of the storage."""
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return f"{head}<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (403, xml("AccessDenied", "Request has expired."), LinkExpired),
        (403, xml("SignatureDoesNotMatch"), LinkExpired),
        (403, xml("ExceedMaxConcurrency"), ConnectionLimit),
        (403, xml("AccessDenied", "ExceedMaxConcurrency of user"), ConnectionLimit),
        (
            400,
            xml(
                "InvalidArgument",
                "At least one of AdditionalHeaders is not in request headers.",
            ),
            Denied,
        ),
        (403, xml("AccessDenied", "something else"), type(None)),
        (404, xml("NoSuchKey"), type(None)),
        (200, xml("ExceedMaxConcurrency"), type(None)),
        (403, b"Request has expired", type(None)),
        (403, b"", type(None)),
    ],
)
def test_what_the_storage_says_is_its_failure(status, body, kind):
    """Too many at once never costs a new link; what says nothing is left to the status."""
    assert type(refusals.content_failure(status, body)) is kind


def test_messages_that_quote_a_token_are_cut():
    """Whatever the provider puts into its words."""
    secret = "eyJhbGciOiJSUzI1NiJ9eyJhbGciOiJSUzI1NiJ9"
    answer = refused("FeatureTemporaryDisabled", message=f"token {secret}\nno")
    assert secret not in str(refusals.failure(answer, signed=True))
