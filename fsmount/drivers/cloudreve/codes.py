"""What Cloudreve's error codes mean to us: one table from code to failure, sentence and advice.

HTTP status is 200 for nearly every error; the envelope's ``code`` decides (wire: Cloudreve V4 §1
and §14, server of 2025-06-21). The class of a row gives its errno. Rows that only writing can meet
stand here too, with the nearest class there is; they get their own when writes come.
"""

from __future__ import annotations

from typing import NamedTuple

from fsmount.account.advice import LOGIN_AGAIN
from fsmount.errors import (
    Changed,
    Denied,
    FsmountError,
    LinkExpired,
    LoginLost,
    NotFound,
    NotSupported,
    ProtocolError,
    ProviderFault,
    Unauthorized,
    UsageError,
)

SUCCESS = 0
SECOND_FACTOR = 203
SIGN_IN_REQUIRED = 401
NOT_PERMITTED = 403
GONE = 404
WRONG_SHARE_PASSWORD = 40069
CAPTCHA_WRONG = 40026
OTP_WRONG = 40022
NO_ENTITY = 40077
BATCH = 40081
BAD_CREDENTIAL = 40020
UPLOAD_SESSION_GONE = 40011
DATABASE = 50001
UNCLASSIFIED = -1

SIGN_IN = "sign in: configure a remote of this site, then say -o auth=ref:NAME"
WHERE_TO_LOOK = (
    "sign in with a browser, open its developer tools (F12), look under Application (Firefox: "
    "Storage), Local Storage, this site, cloudreve_session, and copy the text of refresh_token"
)


class Meaning(NamedTuple):
    """What a code amounts to: the class of the failure, a sentence, and what to do about it."""

    kind: type[FsmountError]
    sentence: str
    advice: str = ""


MEANINGS: dict[int, Meaning] = {
    SECOND_FACTOR: Meaning(LoginLost, "the account wants a second factor", LOGIN_AGAIN),
    # 401, 40011 and 40020 are also how an expired token shows: see auth.classify.
    SIGN_IN_REQUIRED: Meaning(Denied, "this needs a login", SIGN_IN),
    NOT_PERMITTED: Meaning(Denied, "the server does not permit this"),
    GONE: Meaning(NotFound, "the server knows no such thing"),
    409: Meaning(ProviderFault, "it changed while the server looked at it"),
    40001: Meaning(UsageError, "the server does not understand the request", "check the path"),
    40004: Meaning(ProviderFault, "it exists already"),
    40005: Meaning(LinkExpired, "the link has expired"),
    40006: Meaning(NotSupported, "the storage policy does not allow this"),
    40007: Meaning(Denied, "the account's group may not do this"),
    UPLOAD_SESSION_GONE: Meaning(ProviderFault, "the upload session is over"),
    40012: Meaning(ProtocolError, "a chunk's index is not the one expected"),
    40013: Meaning(ProtocolError, "a chunk's length is not the one expected"),
    40014: Meaning(Denied, "more direct links than the account's group may have"),
    40015: Meaning(Denied, "more downloads than the account's group may have"),
    40016: Meaning(NotFound, "there is no such file or folder"),
    40017: Meaning(LoginLost, "the account is blocked", "ask the site's administrator"),
    40018: Meaning(LoginLost, "the account is not activated", "follow the link in its e-mail"),
    40019: Meaning(NotSupported, "this feature is switched off on the site"),
    BAD_CREDENTIAL: Meaning(LoginLost, "the server refuses the login", LOGIN_AGAIN),
    OTP_WRONG: Meaning(LoginLost, "the code of the second factor is wrong", LOGIN_AGAIN),
    CAPTCHA_WRONG: Meaning(LoginLost, "the site wants a captcha", LOGIN_AGAIN),
    40035: Meaning(ProviderFault, "the storage policy is gone"),
    40045: Meaning(ProviderFault, "the server could not list the folder"),
    40047: Meaning(ProviderFault, "the server's file system failed"),
    40048: Meaning(ProviderFault, "the server could not make the task"),
    40049: Meaning(ProviderFault, "the file is too large for the storage policy"),
    40050: Meaning(UsageError, "the server does not take this type of file"),
    40051: Meaning(ProviderFault, "the account's space is used up"),
    40052: Meaning(UsageError, "the server does not take this name"),
    40053: Meaning(Denied, "the root cannot be changed"),
    40054: Meaning(ProviderFault, "it is being uploaded"),
    40055: Meaning(ProviderFault, "the uploaded size is not the announced one"),
    40057: Meaning(ProviderFault, "the storage policy does not fit"),
    40058: Meaning(NotFound, "the share does not exist"),
    WRONG_SHARE_PASSWORD: Meaning(
        Denied, "the share wants another password", "ask whoever shared it"
    ),
    40071: Meaning(LinkExpired, "the link's signature is not valid"),
    40073: Meaning(ProviderFault, "something else holds a lock on it"),
    40074: Meaning(ProtocolError, "more files in one request than the server takes"),
    40075: Meaning(ProviderFault, "the lock has expired"),
    40076: Meaning(Changed, "it is no longer the version that was expected"),
    NO_ENTITY: Meaning(NotFound, "this version of the file does not exist any more"),
    40078: Meaning(NotFound, "it is in the trash"),
    40079: Meaning(ProviderFault, "the folder is larger than the account's group may walk"),
    40080: Meaning(LoginLost, "the e-mail or the password is wrong", LOGIN_AGAIN),
    BATCH: Meaning(ProviderFault, "the server refused a part without naming it"),
    40082: Meaning(Denied, "only the owner may do this"),
    40083: Meaning(Denied, "the share must be bought", "buy it in a browser"),
    DATABASE: Meaning(ProviderFault, "the server's database failed"),
    50002: Meaning(ProviderFault, "the server's encryption failed"),
    50004: Meaning(ProviderFault, "the server could not write to its storage"),
    50005: Meaning(ProviderFault, "the server's settings failed"),
    50006: Meaning(ProviderFault, "the server's cache failed"),
    50007: Meaning(ProviderFault, "the server's callback failed"),
    50010: Meaning(ProviderFault, "a node of the server failed"),
    50011: Meaning(ProviderFault, "the server's file metadata failed"),
    UNCLASSIFIED: Meaning(ProviderFault, "the server failed without saying why"),
}
"""Every code that means something of its own to a client; the others are ``UNKNOWN``."""

UNKNOWN = Meaning(ProviderFault, "the server failed with a code that fsmount does not know")

SHOWS_EXPIRED_TOKEN = frozenset({SIGN_IN_REQUIRED, UPLOAD_SESSION_GONE, BAD_CREDENTIAL})
"""Codes that mean ``Unauthorized`` when a token went along (wire §4, recorded 2025-06).

An expired access token is not rejected: the call runs as the anonymous user, and what the anonymous
user may not do fails as if nobody had signed in. A refresh token in its place is 40020.
"""


def meaning(code: int, *, signed: bool) -> Meaning:
    """Return what ``code`` amounts to; ``signed`` says whether a token went along."""
    if signed and code in SHOWS_EXPIRED_TOKEN:
        return Meaning(Unauthorized, "the server no longer takes the access token", LOGIN_AGAIN)
    return MEANINGS.get(code, UNKNOWN)
