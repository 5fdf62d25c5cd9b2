"""What 115's error codes mean to us: one table from code to failure, sentence and advice.

The class of a row gives its errno. Codes are those of the cookie API (wire: 115 §2.2); a share's
own codes stand in ``p115_share.states``, since only there they say something about the whole
remote. Rows that only writing can meet stand here with the nearest class there is.
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
    UsageError,
)

OTHER_ORDER = 20130827
"""A folder cannot be listed in the order that was asked; the answer says in which it can."""

NOT_LOGGED_IN = 99
HUMAN_CHECK = 911
TOO_BIG_HERE = 50028
OLD_AGENT = 50029
REFUSED = 50038
NO_SUCH_CALL = 980006
IP_ABNORMAL = 40101004
QR_EXPIRED = 40199002
QR_UNREADABLE = 50199004
TASK_EXISTS = 10008
OPEN_LIMIT = frozenset({406, 770004})
OPEN_LIMIT_WORDS = "已达到当前访问上限"
SIGN_IN_WORDS = ("登录", "登陆")
"""A refusal without a code that asks for a login has one of them (wire: 115 §2.1)."""

SIGNED_OUT = frozenset(
    {NOT_LOGGED_IN, 990001, 40101032, 40101017, 40101033, 40101038, 40101035, 40101037}
)
"""Codes that mean ``Unauthorized`` when a cookie went along."""

OPEN_PAUSE_S = 1800.0
"""Half an hour is what users of the Open platform report for its access limit (wire: 115 §13)."""

TOO_FREQUENT_S = 60.0
"""For 590075, which comes without a time: the shortest pause anyone reports to be enough."""


class Meaning(NamedTuple):
    """What a code amounts to: the class of the failure, a sentence, and what to do about it."""

    kind: type[FsmountError]
    sentence: str
    advice: str = ""
    pause_s: float | None = None


_CHECK = (
    "open 115.com or the app with this account, do the check it asks for, and leave the account "
    "alone for some minutes"
)

MEANINGS: dict[int, Meaning] = {
    2: Meaning(ProviderFault, "the folder holds as many files as 115 lets into one"),
    4: Meaning(Denied, "the quota of offline downloads is used up"),
    999: Meaning(Denied, "the quota of offline downloads is used up"),
    HUMAN_CHECK: Meaning(Blocked, "115 wants a person to verify the account", _CHECK),
    1001: Meaning(UsageError, "115 does not understand the request"),
    990002: Meaning(UsageError, "115 does not understand the request"),
    200900: Meaning(UsageError, "115 does not understand the request"),
    40100000: Meaning(UsageError, "115 misses a part of the request"),
    IP_ABNORMAL: Meaning(
        LoginLost,
        "115 refuses sign-ins from this address until midnight, Beijing time",
        "sign in tomorrow, or with another device slot",
    ),
    40101009: Meaning(LoginLost, "the account or its password is wrong", LOGIN_AGAIN),
    40101010: Meaning(LoginLost, "the account wants a second step to sign in", LOGIN_AGAIN),
    40101030: Meaning(LoginLost, "the account has no phone number bound to it", LOGIN_AGAIN),
    40110000: Meaning(ProviderFault, "115 is busy", "try again in a moment"),
    20004: Meaning(ProviderFault, "a folder of this name exists already"),
    20001: Meaning(UsageError, "115 does not take an empty name"),
    20002: Meaning(UsageError, "the name is too long for 115"),
    20003: Meaning(UsageError, '115 does not take a name with one of "<>'),
    20020: Meaning(UsageError, "115 does not take this ending of a name"),
    20021: Meaning(UsageError, "115 does not take this ending of a name"),
    20022: Meaning(Denied, "115 does not allow this"),
    21003: Meaning(ProviderFault, "a label of this name exists already"),
    20009: Meaning(NotFound, "the folder does not exist"),
    800001: Meaning(NotFound, "the folder does not exist"),
    20013: Meaning(NotFound, "it does not exist"),
    20018: Meaning(NotFound, "there is no such file or folder"),
    31003: Meaning(NotFound, "it does not exist"),
    50001: Meaning(NotFound, "the file's pick code is empty"),
    50003: Meaning(NotFound, "there is no file with this pick code"),
    50015: Meaning(NotFound, "it does not exist or was deleted"),
    70005: Meaning(NotFound, "it does not exist or was deleted"),
    70008: Meaning(NotFound, "it does not exist or was deleted"),
    90008: Meaning(NotFound, "it does not exist or was deleted"),
    231011: Meaning(NotFound, "it was deleted"),
    430004: Meaning(NotFound, "there is no such file or folder"),
    REFUSED: Meaning(Denied, "115 refuses to give this file out"),
    70004: Meaning(Denied, "the file was never uploaded completely"),
    800006: Meaning(UsageError, "a folder cannot go into itself"),
    91002: Meaning(UsageError, "a folder cannot go into itself"),
    91004: Meaning(ProviderFault, "more than 50,000 things at once are too many for 115"),
    990023: Meaning(ProviderFault, "more than 50,000 things at once are too many for 115"),
    91005: Meaning(ProviderFault, "the drive is full", "make room in it"),
    990005: Meaning(ProviderFault, "115 is still busy with an earlier operation"),
    990009: Meaning(ProviderFault, "115 is still busy with an earlier operation"),
    990019: Meaning(ProviderFault, "115 is still busy with an earlier operation"),
    51012: Meaning(ProviderFault, "115 is still busy with an earlier operation"),
    990003: Meaning(ProviderFault, "the operation failed at 115"),
    590075: Meaning(
        Blocked, "115 says that it is asked too often", "wait a minute", TOO_FREQUENT_S
    ),
    320001: Meaning(Denied, "the security key is wrong"),
    10004: Meaning(UsageError, "115 cannot download this link"),
    TASK_EXISTS: Meaning(ProviderFault, "there is a task for this link already"),
    10010: Meaning(Denied, "the quota of offline downloads is used up"),
    10013: Meaning(NotSupported, "it is too large for this account to download offline"),
    10014: Meaning(NotFound, "the folder to download into does not exist"),
    10016: Meaning(Denied, "115 does not download this: the content is forbidden"),
    10017: Meaning(Denied, "115 does not download this: part of the content is forbidden"),
    10018: Meaning(ProviderFault, "115 still checks the content of this link"),
    4100030: Meaning(NotSupported, "too many files to save at once", "save fewer at a time"),
    4200041: Meaning(Denied, "this account may not save shared files now"),
    51011: Meaning(NotSupported, "115 does not save an empty folder"),
    4100016: Meaning(NotSupported, "115 does not share an empty folder"),
    800007: Meaning(ProviderFault, "115 wants this to be confirmed"),
}
"""Every code that means something of its own; the others are ``UNKNOWN``."""

UNKNOWN = Meaning(ProviderFault, "115 failed with a code that fsmount does not know")

INTERNAL = Meaning(ProviderFault, "115 failed without saying why", "try again later")
"""``state: false`` without a code says nothing about the file or share that was asked about.

Link checkers that took it for absence deleted good links (wire: 115 §2.1).
"""

ACCESS_LIMIT = Meaning(
    Blocked,
    "the account has used up what 115 grants to applications for now",
    "it may be asked again in half an hour, or after midnight",
    OPEN_PAUSE_S,
)


def meaning(code: int, words: str) -> Meaning:
    """Return what a refusal with ``code`` and ``words`` amounts to."""
    if code in OPEN_LIMIT or OPEN_LIMIT_WORDS in words:
        return ACCESS_LIMIT
    if code == 0:
        return INTERNAL
    if code == REFUSED and not words:
        return Meaning(ProviderFault, "115 refused a link without saying why", "try again")
    return MEANINGS.get(code, UNKNOWN)
