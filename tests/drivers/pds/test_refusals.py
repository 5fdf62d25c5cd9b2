"""Every no of PDS is one sentence of the right class, and tells no secret."""

from __future__ import annotations

import pytest

from fsmount.drivers.pds import api, refusals, sharing
from fsmount.drivers.pds.content import content_failure
from fsmount.drivers.pds.options import Domain, PdsOptions
from fsmount.drivers.pds.refusals import ShareTokenOver
from fsmount.errors import (
    Blocked,
    Changed,
    ConnectionLimit,
    Denied,
    Gone,
    IsFolder,
    LinkExpired,
    NotFolder,
    NotFound,
    ProtocolError,
    ProviderFault,
    Throttled,
    Unauthorized,
)
from tests.drivers.pds.scripted import SHARE, answered, refused

DOMAIN = Domain.of(PdsOptions(domain="bj29"))
LIST = api.call(DOMAIN, "file/list", {"share_id": SHARE}, share_token="ST1")
OWN = api.call(DOMAIN, "file/list", {"drive_id": "101"})
OPEN = sharing.pass_call(DOMAIN, SHARE, "")
OPEN_WITH_CODE = sharing.pass_call(DOMAIN, SHARE, "hunter2")
COPY = api.call(DOMAIN, "file/copy", {"share_id": SHARE}, share_token="ST1")
CANCEL = api.call(DOMAIN, "share_link/cancel", {"share_id": SHARE})


def said(call, answer, *, signed=False):
    """Return the failure that an answer amounts to."""
    failure = refusals.failure(call, answer, signed=signed)
    assert failure is not None
    assert "\n" not in str(failure)
    assert "hunter2" not in str(failure)
    assert "ST1" not in str(failure)
    return failure


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_success_is_the_status(status):
    """Also without a body, as cancelling a share answers."""
    assert refusals.failure(CANCEL, answered(b"", status=status), signed=True) is None


@pytest.mark.parametrize(
    ("call", "status", "code", "kind", "words"),
    [
        (LIST, 404, "NotFound.ShareLink", Gone, "it was cancelled or deleted"),
        (LIST, 400, "ShareLink.Cancelled", Gone, "was cancelled by its owner; ask whoever"),
        (OPEN, 400, "ShareLink.Expired", Gone, f"share {SHARE} has expired; ask whoever"),
        (OPEN, 403, "ShareLink.Forbidden", Gone, "was blocked by the provider"),
        (OPEN, 400, "InvalidParameter.ShareId", Gone, "is not the id of a share; copy the whole"),
        (OPEN, 400, "InvalidResource.SharePwd", Denied, "wants a password; paste the link with"),
        (
            OPEN_WITH_CODE,
            400,
            "InvalidResource.SharePwd",
            Denied,
            "the password of share sAvciMEXKRz is wrong or was changed; ask whoever shared it",
        ),
        (OPEN, 401, "AccessTokenInvalid", Denied, "only users of its domain may open this share"),
        (OPEN, 400, "NeedCaptcha", Denied, "asks for a captcha before it opens share"),
        (OPEN, 403, "Forbidden.RiskVerify", Denied, "which only a browser can show; ask whoever"),
        # What ends somebody else's share must not make the own drive look dead.
        (COPY, 400, "ShareLink.Expired", Changed, f"share {SHARE} has expired"),
        (CANCEL, 404, "NotFound.ShareLink", NotFound, "there is no share sAvciMEXKRz of yours"),
        (CANCEL, 400, "ShareLink.Cancelled", NotFound, "is cancelled already"),
        (LIST, 401, "ShareLinkTokenInvalid", ShareTokenOver, "is not taken any more"),
        (LIST, 401, "AccessTokenInvalid", ShareTokenOver, "is not taken any more"),
        (LIST, 400, "InvalidParameterNotMatch.ShareId", ShareTokenOver, "of another share"),
        (OWN, 401, "AccessTokenInvalid", Denied, "this needs a login"),
        (LIST, 404, "NotFound.File", NotFound, "there is no such file or folder"),
        (OWN, 404, "NotFound.Drive", NotFound, "there is no such drive"),
        (LIST, 404, "NotFound.Anything", NotFound, "knows no such thing"),
        (LIST, 400, "InvalidResource.FileTypeFolder", IsFolder, "it is a folder"),
        (LIST, 400, "InvalidResource.FileTypeFile", NotFolder, "it is a file"),
        (LIST, 400, "InvalidResource.Other", ProviderFault, "cannot do this"),
        (LIST, 400, "InvalidParameter.Limit", ProtocolError, "does not understand the request"),
        (LIST, 400, "InvalidParameterMissing", ProtocolError, "does not understand the request"),
        (LIST, 400, "InvalidRequestJSONFormat", ProtocolError, "does not understand the request"),
        (LIST, 403, "ForbiddenNoPermission.File", Denied, "does not permit this (HTTP 403, Forb"),
        (OWN, 409, "AlreadyExist.File", ProviderFault, "it exists already"),
        (OWN, 409, "PreHashMatched", ProviderFault, "may exist already"),
        (OWN, 403, "QuotaExhausted.Drive", ProviderFault, "the drive is full"),
        (OWN, 500, "InternalError", ProviderFault, "the provider failed (HTTP 500, InternalError)"),
        (OWN, 418, "Teapot", ProviderFault, "for a reason that is not known (HTTP 418, Teapot)"),
        (OWN, 400, "<b>hunter2</b>", ProviderFault, "an unreadable code"),
    ],
)
def test_every_code_is_one_sentence(call, status, code, kind, words):
    """Of the class that decides errno and what is done about it."""
    failure = said(call, refused(status, code, "hunter2 is the code"))
    assert type(failure) is kind
    assert words in str(failure)


@pytest.mark.parametrize("call", [OWN, LIST, OPEN])
@pytest.mark.parametrize("code", ["AccessTokenInvalid", "TokenExpired"])
def test_a_login_that_is_not_taken_is_renewed(call, code):
    """Whatever else went along."""
    assert type(said(call, refused(401, code), signed=True)) is Unauthorized


def test_capital_letters_are_read_as_well():
    """The vendor's pages show them."""
    answer = answered({"Code": "NotFound.File", "Message": "x"}, status=404)
    assert type(said(LIST, answer)) is NotFound


@pytest.mark.parametrize(
    ("status", "code", "signed", "kind", "words"),
    [
        (504, "D504TO", False, ProviderFault, "did not answer its own gateway in time (D504TO)"),
        (404, "I404NF", False, ProtocolError, "does not know this call (I404NF); check endpoint"),
        (400, "I400JD", True, Unauthorized, "cannot read the access token"),
        (400, "I400JD", False, ProtocolError, "does not take the request"),
        (403, "A403XX", False, Denied, "refuses (A403XX)"),
        (500, "X500ER", False, ProviderFault, "failed (X500ER)"),
        (400, "I400MP", False, ProtocolError, "does not take the request (I400MP)"),
    ],
)
def test_the_gateway_speaks_in_headers(status, code, signed, kind, words):
    """With an empty body."""
    headers = {"x-ca-error-code": code, "x-ca-error-message": "x", "x-ca-request-id": "R"}
    failure = said(LIST, answered(b"", status=status, headers=headers), signed=signed)
    assert type(failure) is kind
    assert words in str(failure)


@pytest.mark.parametrize(
    ("answer", "after_s"),
    [
        (answered(b"", status=429), None),
        (refused(429, "TooManyRequests", headers={"retry-after": "3"}), 3),
        (answered(b"<html>", status=503, headers={"retry-after": "7"}), 7),
        (answered(b"", status=429, headers={"retry-after": "soon"}), None),
    ],
)
def test_throttling_is_the_status(answer, after_s):
    """Its code varies, and it may have none."""
    failure = said(LIST, answer)
    assert type(failure) is Throttled
    assert failure.retry_after_s == after_s


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, b"<html>", Denied),
        (403, b"<html>", Blocked),
        (502, b"<html>", ProviderFault),
        (500, b"", ProviderFault),
        (404, b"<html>", ProtocolError),
        (302, b"", ProtocolError),
        (400, b'{"code": null}', ProtocolError),
    ],
)
def test_what_stands_in_front_is_told_from_the_provider(status, body, kind):
    """Nothing of theirs is an absence, or the end of a share."""
    assert type(said(LIST, answered(body, status=status))) is kind


OSS = '<?xml version="1.0"?><Error><Code>{}</Code><Message>{}</Message></Error>'


@pytest.mark.parametrize(
    ("status", "code", "message", "kind"),
    [
        (403, "AccessDenied", "Request has expired.", LinkExpired),
        (403, "SignatureDoesNotMatch", "", LinkExpired),
        (400, "InvalidArgument", "At least one of AdditionalHeaders is missing", LinkExpired),
        (403, "CallbackFailed", "ExceedMaxConcurrency", ConnectionLimit),
        (404, "NoSuchKey", "", NotFound),
        (503, "DownloadTrafficRateLimitExceeded", "", Throttled),
        (500, "InternalError", "", ProviderFault),
    ],
)
def test_the_storage_speaks_xml(status, code, message, kind):
    """Its words decide before its status."""
    assert type(content_failure(status, OSS.format(code, message).encode())) is kind


@pytest.mark.parametrize("body", [b"", b"<html>", b"<Code>AccessDenied</Code>", b"\x89PNG"])
def test_other_words_are_left_to_the_status(body):
    """A file may hold anything."""
    assert content_failure(403, body) is None
