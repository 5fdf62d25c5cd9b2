"""What the provider's error codes mean to us: one table for its web API, shares and Open API.

A code decides, the status only where there is no code (wire §7.4, Open API §7): the same code came
with different statuses in public records.
"""

from __future__ import annotations

from typing import NamedTuple

from fsmount.account.advice import LOGIN_AGAIN
from fsmount.errors import (
    Denied,
    FsmountError,
    Gone,
    IsFolder,
    LoginLost,
    NotFound,
    ProtocolError,
    ProviderFault,
    Throttled,
    Unauthorized,
    UsageError,
)

WHERE_TO_LOOK = (
    "sign in at www.alipan.com with a browser, open its developer tools (F12), look under "
    "Application (Firefox: Storage), Local Storage, token, and copy the text of refresh_token"
)

ASK_FOR_CODE = "ask whoever shared it, then say -o share_password=CODE"
NEW_LINK = "ask whoever shared it for a new link"


class NoDeviceSession(Denied):
    """The provider does not know this device (any more); a session has to be made first."""


class Meaning(NamedTuple):
    """What a code amounts to: the class of the failure, a sentence, and what to do about it."""

    kind: type[FsmountError]
    sentence: str
    advice: str = ""


TOKEN = frozenset({"AccessTokenInvalid", "AccessTokenExpired", "I400JD"})
"""The access token is not taken; renewing it helps."""

REFRESH_REFUSED = frozenset(
    {"InvalidParameter.RefreshToken", "RefreshTokenExpired", "RefreshTokenInvalid"}
)
"""A refresh token is dead: used up, replaced, too old."""

NO_SESSION = frozenset(
    {"DeviceSessionSignatureInvalid", "UserDeviceOffline", "UserDeviceIllegality"}
)
"""A device session has to be made (wire §4.4)."""

NO_DEVICE_TEXT = b"not found device info"
"""The same, said in the message of any code (wire §4.4)."""

THROTTLED = frozenset({"ParamFlowException", "TooManyRequests"})

MEANINGS: dict[str, Meaning] = {
    **dict.fromkeys(
        REFRESH_REFUSED, Meaning(LoginLost, "the refresh token is no longer taken", LOGIN_AGAIN)
    ),
    **dict.fromkeys(TOKEN, Meaning(Denied, "this needs a login", LOGIN_AGAIN)),
    **dict.fromkeys(NO_SESSION, Meaning(NoDeviceSession, "the provider does not know this device")),
    **dict.fromkeys(THROTTLED, Meaning(Throttled, "the provider asks to slow down")),
    "PermissionDenied": Meaning(
        LoginLost, "the account has withdrawn its permission, or a part of it", LOGIN_AGAIN
    ),
    "NotFound.File": Meaning(NotFound, "there is no such file or folder"),
    "NotFound.FileId": Meaning(NotFound, "there is no such file or folder"),
    "ForbiddenFileInTheRecycleBin": Meaning(NotFound, "it is in the recycle bin"),
    "NotFound.Drive": Meaning(Denied, "the account has no such drive", "check the option drive"),
    "NotFound.View": Meaning(Denied, "the account has no such drive", "check the option drive"),
    "NotFound.VideoPreviewInfo": Meaning(NotFound, "there is no preview of this file"),
    "ForbiddenNoPermission": Meaning(Denied, "the account may not see this"),
    "UserNotAllowedAccessDrive": Meaning(
        Denied, "the account has not granted this drive", "choose another with the option drive"
    ),
    "ForbiddenDriveNotValid": Meaning(
        Denied, "this drive is not one of the account's", "check the option drive"
    ),
    "ForbiddenDriveLocked": Meaning(Denied, "this drive is locked", "unlock it in the phone app"),
    "ExceedCapacityForbidden": Meaning(
        Denied,
        "the account holds more than it has room for, and the provider refuses even reading",
        "remove files in the phone app, or buy room",
    ),
    "QuotaExhausted": Meaning(Denied, "the drive is full", "make room in it"),
    "InvalidResource.FileTypeFolder": Meaning(IsFolder, "it is a folder"),
    "AlreadyExist": Meaning(ProviderFault, "it exists already"),
    "FileShareNotAllowed": Meaning(Denied, "the provider does not let this be shared or saved"),
    "SharelinkCreateExceedDailyLimit": Meaning(
        Denied, "more shares were made today than the provider allows", "try again tomorrow"
    ),
    "FeatureTemporaryDisabled": Meaning(
        ProviderFault, "the provider has switched this off for now"
    ),
    # Shares (wire §B6).
    "NotFound.ShareLink": Meaning(Gone, "there is no such share", "check the link"),
    "ShareLink.Cancelled": Meaning(Gone, "the share was cancelled by its owner", NEW_LINK),
    "ShareLink.Expired": Meaning(Gone, "the share has expired", NEW_LINK),
    "ShareLink.Forbidden": Meaning(Gone, "the provider has blocked the share", NEW_LINK),
    **dict.fromkeys(
        (
            "InvalidResource.SharePwd",
            "ShareLinkPwdNeeded",
            "ShareLinkPwdInvalid",
            "InvalidParameter.ShareLinkPwd",
        ),
        Meaning(
            Denied,
            "the share wants another password (its extraction code)",
            ASK_FOR_CODE,
        ),
    ),
    "ShareLinkTokenInvalid": Meaning(Denied, "the share's token has ended"),
    "InvalidParameterNotMatch": Meaning(Denied, "the token is another share's"),
    "InvalidParameter.ShareId": Meaning(
        Gone, "this is not the id of a share", "copy the whole link again"
    ),
    # The Open API.
    "AppNotExists": Meaning(UsageError, "there is no such application", "check client_id"),
    "InvalidClientId": Meaning(UsageError, "there is no such application", "check client_id"),
    "InvalidClientSecret": Meaning(UsageError, "client_secret is wrong", "check it"),
    "InvalidGrantType": Meaning(ProtocolError, "the provider does not take this kind of sign-in"),
    "InvalidCode": Meaning(LoginLost, "the sign-in came too late", "try again"),
    "QRCodeExpired": Meaning(LoginLost, "the QR code has expired", "try again"),
    # Anything else about what was asked: an id that is none, above all.
    "InvalidParameter": Meaning(
        UsageError, "the provider does not take what was asked", "check root and the other options"
    ),
}
"""By the code, or by its first words: ``NotFound.File`` before ``NotFound``."""

UNKNOWN = Meaning(ProviderFault, "the provider failed with a code that fsmount does not know")

SHARE_TOKEN = frozenset({"ShareLinkTokenInvalid", "InvalidParameterNotMatch"})
"""A share's token is over, or another share's: a new one helps (wire §B6)."""


def meaning(code: str, *, signed: bool) -> Meaning:
    """Return what ``code`` amounts to; ``signed`` says whether a token went along."""
    if signed and code in TOKEN:
        return Meaning(Unauthorized, "the provider no longer takes the access token", LOGIN_AGAIN)
    if signed and code.partition(".")[0] in SHARE_TOKEN:
        return Meaning(Unauthorized, "the share's token has ended")
    while code not in MEANINGS and "." in code:
        code = code.rpartition(".")[0]
    return MEANINGS.get(code, UNKNOWN)
