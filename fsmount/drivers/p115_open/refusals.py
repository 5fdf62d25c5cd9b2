"""What an answer of 115 Open that is not a success amounts to, purely.

Three kinds of answers are none: an envelope that says so in one of its dialects, an access limit
whose code and text are swapped, and pages of the firewall in front (wire: 115 §2.1).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from fsmount.account.advice import LOGIN_AGAIN
from fsmount.drivers import wire
from fsmount.drivers.p115_open import codes
from fsmount.errors import (
    Blocked,
    Denied,
    FsmountError,
    LoginLost,
    ProtocolError,
    ProviderFault,
    Throttled,
    Unauthorized,
)

if TYPE_CHECKING:
    from fsmount.model import Answer

LIMITED_S = 1800.0
"""An access limit lasts half an hour, or until the day ends (wire: 115 §13)."""

REFRESH_PAUSE_S = 3600.0
"""Refreshing too often is refused for hours, and each try counts (wire: 115 §10.1)."""

_UTC8_S = 8 * 3600
_DAY_S = 24 * 3600
# Budgets are not renewed to the second.
_AFTER_MIDNIGHT_S = 60.0
_THIS_DAY = ("今日", "今天", "当日", "当天", "每日", "每天", "明日", "明天")


class Envelope(msgspec.Struct, frozen=True):
    """What is around every answer; any field may be of any type (wire: 115 §0.1, §2.1)."""

    state: object = msgspec.UNSET
    errno: object = None
    errNo: object = None
    errcode: object = None
    errCode: object = None
    code: object = None
    msg_code: object = None
    error: object = None
    error_msg: object = None
    msg: object = None
    message: object = None

    @property
    def succeeded(self) -> bool:
        """True for a success in any dialect: ``true``, 1, "1"."""
        return isinstance(self.state, bool | int | float | str) and wire.truth(self.state)

    @property
    def number(self) -> int:
        """The first number that is not 0 of those that may hold the code; 0 without one.

        ``message`` holds it where code and text are swapped.
        """
        kept = (self.errno, self.errNo, self.errcode, self.errCode, self.code, self.msg_code)
        swapped = self.message if isinstance(self.code, str) else None
        return next((found for each in (*kept, swapped) if (found := _whole(each))), 0)

    @property
    def words(self) -> str:
        """The first text of those that may hold it, on one line; "" without one."""
        kept = (self.error, self.error_msg, self.msg, self.message, self.code)
        texts = (each for each in kept if isinstance(each, str) and _whole(each) is None)
        return next((line for each in texts if (line := _one_line(each))), "")


def envelope(answer: Answer) -> Envelope:
    """Return what is around ``answer``.

    Raises:
        ProtocolError: It is no JSON object, or does not say whether it is a success.
    """
    found = wire.decode(answer.body, Envelope, "an answer of 115")
    if found.state is msgspec.UNSET:
        raise ProtocolError("an answer of 115: Object missing required field `state`")
    return found


def code(answer: Answer) -> int:
    """Return the code of a refusal; 0 for a success, or where there is none."""
    try:
        found = envelope(answer)
    except ProtocolError:
        return 0
    return 0 if found.succeeded else found.number


def failure(answer: Answer, *, signed: bool) -> FsmountError | None:
    """Return what ``answer`` amounts to; None for a success.

    Args:
        answer: What came.
        signed: A token went along; only then can it be ``Unauthorized``.
    """
    try:
        found = envelope(answer)
    except ProtocolError as exc:
        return _without_envelope(answer, exc)
    if found.succeeded:
        return None if answer.status < 400 else _without_envelope(answer, None)
    number, words = found.number, found.words
    if number in codes.ACCESS_LIMITS or codes.ACCESS_LIMIT_WORDS in words:
        return Blocked(
            f"115 grants this account no more calls for now ({_details(number, words)})",
            advice="fewer scans make it last longer",
            retry_after_s=limited_s(words, answer.date),
        )
    if not number:
        if any(each in words for each in codes.LOGIN_WORDS):
            return _of(codes.MEANINGS[99], number, words, signed=signed)
        # Says nothing about what was asked for (wire: 115 §2.1).
        return ProviderFault(f"115 failed inside ({_details(number, words)})")
    if number == codes.TOO_OFTEN_REFRESHED:
        meant = codes.MEANINGS[number]
        return Throttled(
            f"{meant.sentence} ({_details(number, words)})", retry_after_s=REFRESH_PAUSE_S
        )
    if number == codes.DOWNLOAD_REFUSED:
        # With words the content is flagged; without them it is a passing trouble (wire: 115 §2.2).
        kind = Denied if words else ProviderFault
        return kind(f"115 refuses the download ({_details(number, words)})")
    return _of(codes.meaning(number), number, words, signed=signed)


def limited_s(words: str, now: float) -> float:
    """Return how long to leave 115 alone after its access limit.

    Half an hour, but not beyond its midnight (UTC+8), when the budget of the day is a new one; a
    refusal that speaks of the day is taken at its word.

    Args:
        words: The service's own.
        now: Unix seconds on its clock.
    """
    midnight_s = _DAY_S - math.fmod(now + _UTC8_S, _DAY_S) + _AFTER_MIDNIGHT_S
    return midnight_s if any(each in words for each in _THIS_DAY) else min(LIMITED_S, midnight_s)


def _of(meant: codes.Meaning, number: int, words: str, *, signed: bool) -> FsmountError:
    kind = LoginLost if meant.kind is Unauthorized and not signed else meant.kind
    return kind(f"{meant.sentence} ({_details(number, words)})", advice=meant.advice)


def _details(number: int, words: str) -> str:
    told = f"code {number}" if number else "no code"
    return f'{told}: "{words}"' if words else told


def _without_envelope(answer: Answer, cause: ProtocolError | None) -> FsmountError:
    """Say what an answer amounts to that is not the API's."""
    page = wire.shape(answer.body)
    match answer.status:
        case 405:
            return Blocked(
                f"115's firewall shut this account or address out (HTTP 405, {page})",
                advice="it passes within minutes to hours; asking again prolongs it",
            )
        case 429:
            return Throttled(
                "115 asks to slow down (HTTP 429)", retry_after_s=_retry_after_s(answer)
            )
        case 503 if "retry-after" in answer.headers:
            return Throttled("115 is overloaded (HTTP 503)", retry_after_s=_retry_after_s(answer))
        case 401:
            return Denied("115 refuses the call (HTTP 401)", advice=LOGIN_AGAIN)
        case 403:
            return Blocked(f"115 shut this account or address out (HTTP 403, {page})")
        case status if status >= 500:
            return ProviderFault(f"115 failed (HTTP {status}, {page})")
        case status if status >= 300:
            return ProtocolError(f"115 answered HTTP {status} with {page}")
        case _:
            return cause or ProtocolError("an answer of 115 is not understood")


def _retry_after_s(answer: Answer) -> float | None:
    value = wire.whole(answer.headers.get("retry-after"))
    return float(value) if value is not None and value >= 0 else None


def _whole(value: object) -> int | None:
    return wire.whole(value) if isinstance(value, int | float | str) else None


def _one_line(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 200 else f"{text[:199]}…"
