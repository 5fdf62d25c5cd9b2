"""What 115 Open's error codes mean to us: one table from code to failure, sentence and advice.

Codes of files are those of the cookie API (wire: 115 §2.2), 401401xx are the platform's own
(§10.4). The class of a row gives its errno and who acts on it.
"""

from __future__ import annotations

from typing import NamedTuple

from fsmount.account.advice import LOGIN_AGAIN
from fsmount.errors import (
    Blocked,
    Denied,
    FsmountError,
    LoginLost,
    NotFound,
    NotSupported,
    ProviderFault,
    Throttled,
    Unauthorized,
    UsageError,
)

ORDER_WANTED = 20130827
"""A listing in another order is asked for; the answer says which."""

ACCESS_LIMITS = frozenset({406, 770004})
"""The budget of calls that an account's level has is used up."""

ACCESS_LIMIT_WORDS = "已达到当前访问上限"
"""Stands in every form of that refusal, some of which have other codes (wire: 115 §2.1)."""

TOO_OFTEN_REFRESHED = 40140117
DOWNLOAD_REFUSED = 50038
QR_EXPIRED = frozenset({40199002, 50199004})
"""The code on show is over, or its state could not be read: a new one is needed."""

LOGIN_WORDS = ("登录", "登陆")

OWN_APP = 'look at the application on open.115.com, or set another client_id and "fsmount login"'


class Meaning(NamedTuple):
    """What a code amounts to: the class of the failure, a sentence, and what to do about it."""

    kind: type[FsmountError]
    sentence: str
    advice: str = ""


_TOKEN_OVER = Meaning(Unauthorized, "the access token is no longer taken", LOGIN_AGAIN)
_NOT_SIGNED_IN = Meaning(Unauthorized, "nobody is signed in", LOGIN_AGAIN)
_NOT_THERE = Meaning(NotFound, "it does not exist, or was deleted")
_BUSY = Meaning(ProviderFault, "an earlier change is still under way")

MEANINGS: dict[int, Meaning] = {
    # --- files (wire: 115 §2.2)
    99: _NOT_SIGNED_IN,
    911: Meaning(
        Blocked, "115 wants a human check of this account", "open 115.com in a browser and pass it"
    ),
    1001: Meaning(UsageError, "the request is not understood"),
    990002: Meaning(UsageError, "the request is not understood"),
    200900: Meaning(UsageError, "the request is not understood"),
    **dict.fromkeys(
        (20009, 20013, 20018, 31003, 50015, 70005, 70008, 90008, 231011, 430004, 800001),
        _NOT_THERE,
    ),
    50001: Meaning(NotFound, "the file has no pick code"),
    50003: Meaning(NotFound, "the file's pick code is unknown"),
    50028: Meaning(NotSupported, "the file is too large for a link of this kind"),
    50029: Meaning(NotSupported, "115 wants a newer User-Agent", "set user_agent"),
    70004: Meaning(NotSupported, "the file is not completely uploaded"),
    **dict.fromkeys((990005, 990009, 990019, 51012), _BUSY),
    590075: Meaning(Blocked, "115 says that it is asked too often"),
    990003: Meaning(ProviderFault, "the operation failed"),
    980006: Meaning(NotSupported, "115 has no such call any more"),
    990001: _NOT_SIGNED_IN,
    # --- tokens and applications (wire: 115 §10.4)
    40110000: Meaning(ProviderFault, "115 failed for a moment"),
    40140100: Meaning(LoginLost, "the client_id is wrong", "copy the APP ID from open.115.com"),
    40140105: Meaning(ProviderFault, "the QR code could not be made"),
    40140106: Meaning(LoginLost, "the application's id is not valid", OWN_APP),
    40140107: Meaning(LoginLost, "there is no such application", OWN_APP),
    40140108: Meaning(LoginLost, "the application is not approved", OWN_APP),
    40140109: Meaning(LoginLost, "the application is stopped", OWN_APP),
    40140110: Meaning(LoginLost, "the application has expired", OWN_APP),
    40140114: Meaning(LoginLost, "the refresh token is not one: was it cut off?", LOGIN_AGAIN),
    40140115: Meaning(LoginLost, "the refresh token's signature is wrong", LOGIN_AGAIN),
    40140116: Meaning(
        LoginLost,
        "the refresh token is used up or revoked: another program used it, a newer sign-in pushed "
        "it out, or the answer with the next one was lost",
        LOGIN_AGAIN,
    ),
    TOO_OFTEN_REFRESHED: Meaning(Throttled, "tokens were refreshed too often"),
    40140118: Meaning(LoginLost, "the developer's certification has expired", OWN_APP),
    40140119: Meaning(LoginLost, "the refresh token has expired", LOGIN_AGAIN),
    40140120: Meaning(LoginLost, "the refresh token did not pass 115's check", LOGIN_AGAIN),
    40140121: Meaning(ProviderFault, "the token could not be refreshed for a moment"),
    40140122: Meaning(
        LoginLost, "too many applications may use this account", "remove one in the 115 app"
    ),
    **dict.fromkeys((40140123, 40140124, 40140125, 40140126), _TOKEN_OVER),
}

UNKNOWN = Meaning(ProviderFault, "115 refuses")


def meaning(code: int) -> Meaning:
    """Return what ``code`` amounts to.

    Of 401xxxxx those without a row count as a token that is over: so do the platform's own clients
    (wire: 115 §10.1). 40140101-113 and 127-136 are ours or the application's mistakes.
    """
    if (known := MEANINGS.get(code)) is not None:
        return known
    if 40140100 <= code <= 40140136:
        return Meaning(Denied, "115 does not take the sign-in", OWN_APP)
    if 40100000 <= code < 40200000:
        return _NOT_SIGNED_IN
    return UNKNOWN
