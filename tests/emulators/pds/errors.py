"""Every error of the service's tables, and the exception that a handler raises to answer one.

Sources: PDS §1.2, Aliyundrive §3, §4.4, §7.2, §7.4, §B6, Aliyundrive Open §2.3, §6, §7. Where the
status is not verified, the one that most records show is used; clients are to decide by the code.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

from tests.emulators.messages import Response, text_response

# code: (status, message)
ERRORS: dict[str, tuple[int, str]] = {
    "AccessTokenInvalid": (401, "AccessToken is invalid. ErrValidateTokenFailed"),
    "AccessTokenExpired": (401, "AccessToken is expired."),
    "AlreadyExist.File": (
        409,
        "The resource file has already exists. drive has the same file, can't update",
    ),
    "AppNotExists": (400, "app not exists"),
    "AuthorizationPending": (400, "authorization_pending"),
    "BadRequest": (400, "Bad Request"),
    "DeviceSessionSignatureInvalid": (400, "device session signature error"),
    "ExceedCapacityForbidden": (403, "The drive capacity is exceeded"),
    "FeatureTemporaryDisabled": (403, "feature upgrading"),
    "FileShareNotAllowed": (403, "This file is not allowed to be shared"),
    "ForbiddenDriveLocked": (403, "The drive is locked"),
    "ForbiddenDriveNotValid": (403, "The drive is not valid"),
    "ForbiddenFileInTheRecycleBin": (
        400,
        "This operation is forbidden for file in the recycle bin. File is in the recycle bin",
    ),
    "ForbiddenNoPermission.File": (403, "No Permission to access resource File"),
    "ForbiddenNoPermission.ShareLink": (403, "No Permission to access resource ShareLink"),
    "I400JD": (400, "gateway could not parse the token"),
    "InvalidClientId": (400, "invalid client_id"),
    "InvalidClientSecret": (400, "invalid client_secret"),
    "InvalidCode": (400, "invalid code"),
    "InvalidGrantType": (400, "invalid grant_type"),
    "InvalidParameter.ClientId": (400, "The input parameter client_id is not valid."),
    "InvalidParameter.RefreshToken": (400, "The input parameter refresh_token is not valid. "),
    "InvalidParameter.ShareId": (400, "The input parameter share_id is not valid."),
    "InvalidParameterNotMatch.ShareId": (
        400,
        "The input parameter share_id doesn't match. share_token",
    ),
    "InvalidRapidProof": (400, "The input proof_code is not valid."),
    "InvalidRequestJSONFormat": (400, "The input request is not valid JSON"),
    "InvalidResource.FileTypeFolder": (400, "The resource file type folder is not valid."),
    "InvalidResource.SharePwd": (400, "The resource share_pwd is not valid. Please check."),
    "NotFound.AsyncTask": (404, "The resource async_task cannot be found. task not exist"),
    "NotFound.Drive": (404, "The resource drive cannot be found. drive not exist"),
    "NotFound.File": (404, "The resource file cannot be found. file not exist"),
    "NotFound.FileId": (404, "The resource file cannot be found. file not exist"),
    "NotFound.ShareLink": (404, "The resource share_link cannot be found. share_link not exist"),
    "NotFound.UploadId": (404, "The resource upload_id cannot be found."),
    "NotFound.VideoPreviewInfo": (404, "The resource video preview info cannot be found."),
    "ParamFlowException": (429, "06d9d5b4-1f84-4c2e-8e3a-11f7a1bb92d7"),
    "PermissionDenied": (403, "permission denied"),
    "PreHashMatched": (409, "Pre hash matched."),
    "QRCodeExpired": (400, "QRCode expired"),
    "QuotaExhausted.Drive": (
        403,
        "The resource drive has exceeded the limit. File size exceeded drive capacity",
    ),
    "RefreshTokenExpired": (401, "expired refresh_token"),
    "RefreshTokenInvalid": (401, "invalid refresh_token"),
    "ShareLink.Cancelled": (400, "share_link is cancelled by the creator"),
    "ShareLink.Expired": (400, "share_link is expired by the creator"),
    "ShareLink.Forbidden": (403, "share_link is forbidden"),
    "ShareLinkTokenInvalid": (401, "ShareLinkToken is invalid. expired"),
    "SharelinkCreateExceedDailyLimit": (403, "share_link create exceeds the daily limit"),
    "TooManyRequests": (429, "请求过快，请等待 x-retry-after 毫秒后再请求"),
    "UserDeviceIllegality": (403, "invalid X-Device-Id"),
    "UserDeviceOffline": (401, "the device is offline"),
    "UserNotAllowedAccessDrive": (403, "user not allowed access drive"),
}
# What storage answers in XML: code: (status, message); Aliyundrive §7.2.
STORAGE_ERRORS: dict[str, tuple[int, str]] = {
    "AccessDenied": (403, "Request has expired."),
    "ExceedMaxConcurrency": (403, "ExceedMaxConcurrency"),
    "InvalidArgument": (
        400,
        "At least one of AdditionalHeaders is not in request headers.",
    ),
    "InvalidRange": (416, "The requested range cannot be satisfied"),
    "NoSuchKey": (404, "The specified key does not exist."),
    "PartAlreadyExist": (409, "The part already exists."),
    "PartNotSequential": (400, "For sequential multipart upload, the part number is not next."),
    "PreconditionFailed": (412, "At least one of the pre-conditions you specified did not hold."),
    "SignatureDoesNotMatch": (403, "The request signature we calculated does not match."),
    "TooManyDownloads": (509, "The bandwidth limit is exceeded."),
}
_SPRING = {"timestamp": "2026-01-01T00:00:00.000+00:00", "status": 404, "error": "Not Found"}
_JSON = {"content-type": "application/json; charset=utf-8"}


class Refused(Exception):
    """The service answers with an error.

    Args:
        code: as in the tables above; codes made up of a family and a field need not be there.
        message: another text than the table's.
        status: another status than the table's; 400 for a code without a row.
        headers: sent along.
        more: further keys of the body.
    """

    def __init__(
        self,
        code: str,
        message: str | None = None,
        *,
        status: int | None = None,
        headers: dict[str, str] | None = None,
        more: dict[str, Any] | None = None,
    ) -> None:
        known, text = ERRORS.get(code, (400, code))
        super().__init__(code)
        self.code = code
        self.status = known if status is None else status
        self.message = text if message is None else message
        self.headers = headers or {}
        self.more = more or {}

    def body(self) -> dict[str, Any]:
        """The JSON object as the service sends it."""
        value: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.code in ("ForbiddenFileInTheRecycleBin", "ParamFlowException"):
            nothing = dict.fromkeys(("data", "headers", "requestId", "pdsRequestId"))
            value |= nothing | {"resultCode": self.code, "display_message": None}
        return value | self.more

    def response(self) -> Response:
        """The answer."""
        answer = respond(self.body(), self.status)
        answer.headers.update(self.headers | {"x-ca-request-id": str(uuid.uuid4()).upper()})
        return answer


class StorageRefused(Exception):
    """The storage answers with an error in XML; `more` are further elements."""

    def __init__(self, code: str, message: str | None = None, **more: str) -> None:
        self.status, text = STORAGE_ERRORS[code]
        super().__init__(code)
        self.code = code
        self.message = text if message is None else message
        self.more = more

    def response(self) -> Response:
        """The answer."""
        parts = {"Code": self.code, "Message": self.message} | self.more
        parts |= {"RequestId": uuid.uuid4().hex[:24].upper(), "HostId": "oss-cn-beijing.test"}
        inner = "".join(f"<{name}>{value}</{name}>" for name, value in parts.items())
        text = f'<?xml version="1.0" encoding="UTF-8"?><Error>{inner}</Error>'
        return text_response(self.status, text, "application/xml")


def invalid(parameter: str, why: str = "") -> Refused:
    """400 for a parameter that is missing or not what it should be; `file_id` -> `FileId`."""
    field = "".join(word.capitalize() for word in parameter.split("_"))
    text = f"The input parameter {parameter} is not valid. {why}".rstrip()
    return Refused(f"InvalidParameter.{field}", text)


def respond(value: Any, status: int = 200) -> Response:
    """Send JSON."""
    return Response(status=status, headers=dict(_JSON), segments=(json.dumps(value).encode(),))


def empty(status: int = 204) -> Response:
    """Send no body."""
    return Response(status=status)


def gateway_error(status: int, code: str, message: str) -> Response:
    """What a gateway in front of the service answers: headers and no body (PDS §1.2)."""
    headers = {"x-ca-error-code": code, "x-ca-error-message": message}
    return Response(status=status, headers=headers | {"x-ca-request-id": str(uuid.uuid4()).upper()})


def scripted(code: str, message: str, retry_after_ms: int) -> Response:
    """The answer for a fault `error_code`: a code of either table, or a shape without JSON.

    The shapes: "502" and "504" (plain text), "429" (no body), "D504TO" (gateway), "404 page" and
    "404 spring" (Aliyundrive §3, §7.4, Open §1, PDS §1.2).
    """
    match code:
        case "502":
            return text_response(502, "Bad Gateway")
        case "504":
            return text_response(504, "Gateway Timeout")
        case "429":
            return Response(status=429)
        case "D504TO":
            return gateway_error(504, code, "timeout")
        case "404 page":
            return text_response(404, "404 page not found")
        case "404 spring":
            return respond(_SPRING, 404)
        case _ if code in STORAGE_ERRORS:
            return StorageRefused(code, message or None).response()
        case "TooManyRequests":
            wait = {"x-retry-after": str(retry_after_ms)}
            return Refused(code, message or None, headers=wait).response()
    return Refused(code, message or None).response()
