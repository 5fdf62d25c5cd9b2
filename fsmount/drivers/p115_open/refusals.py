"""What an answer of 115 Open that is not a success amounts to, purely.

The envelopes are the family's (``p115.refusals``), one of them with code and text swapped; what the
platform adds are codes of its own and a limit of calls (wire: 115 §2.1, §10.4, §13).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fsmount.drivers import wire
from fsmount.drivers.p115 import codes as family_codes
from fsmount.drivers.p115 import refusals as family
from fsmount.drivers.p115_open import codes
from fsmount.errors import Blocked, FsmountError, LoginLost, Throttled, Unauthorized

if TYPE_CHECKING:
    from fsmount.drivers.p115.hosts import Hosts
    from fsmount.drivers.p115.refusals import Refusal
    from fsmount.model import Answer, Call

QR_EXPIRED = frozenset({family_codes.QR_EXPIRED, family_codes.QR_UNREADABLE})
"""The code on show is over, or its state could not be read: a new one is needed."""

_UTC8_S = 8 * 3600
_DAY_S = 24 * 3600
# Budgets are not renewed to the second.
_AFTER_MIDNIGHT_S = 60.0
_THIS_DAY = ("今日", "今天", "当日", "当天", "每日", "每天", "明日", "明天")


def code(answer: Answer) -> int:
    """Return the code of a refusal; 0 for a success, or where there is none."""
    envelope = family.read_envelope(answer.body)
    if envelope is None or wire.truth(envelope.state):
        return 0
    return family.refusal_of(envelope).code


def failure(call: Call, answer: Answer, *, signed: bool, where: Hosts) -> FsmountError | None:
    """Return what ``answer`` amounts to; None for a success.

    Args:
        call: What was asked.
        answer: What came.
        signed: A token went along; only then can it be ``Unauthorized``.
        where: The hosts.
    """

    def known(refusal: Refusal) -> FsmountError | None:
        return _known(refusal, answer.date, signed=signed)

    return family.failure(call, answer, signed=signed, where=where, of=known)


def _known(refusal: Refusal, now: float, *, signed: bool) -> FsmountError | None:
    if refusal.code in family_codes.OPEN_LIMIT or family_codes.OPEN_LIMIT_WORDS in refusal.words:
        return Blocked(
            f"115 grants this account no more calls for now ({_told(refusal)})",
            advice="fewer scans make it last longer",
            retry_after_s=limited_s(refusal.words, now),
        )
    meant = codes.meaning(refusal.code)
    if meant is None and _asks_for_login(refusal):
        meant = codes.NOT_SIGNED_IN
    if meant is None:
        return None
    sentence = f"{meant.sentence} ({_told(refusal)})"
    if issubclass(meant.kind, Throttled):
        return meant.kind(sentence, advice=meant.advice, retry_after_s=meant.pause_s)
    # Without a token nothing can be renewed: only a person can help.
    kind = LoginLost if meant.kind is Unauthorized and not signed else meant.kind
    return kind(sentence, advice=meant.advice)


def _asks_for_login(refusal: Refusal) -> bool:
    if refusal.code:
        return refusal.code in family_codes.SIGNED_OUT
    return any(each in refusal.words for each in family_codes.SIGN_IN_WORDS)


def limited_s(words: str, now: float) -> float:
    """Return how long to leave 115 alone after its limit of calls.

    Half an hour, but not beyond its midnight (UTC+8), when the budget of the day is a new one; a
    refusal that speaks of the day is taken at its word.

    Args:
        words: The service's own.
        now: Unix seconds on its clock.
    """
    midnight_s = _DAY_S - math.fmod(now + _UTC8_S, _DAY_S) + _AFTER_MIDNIGHT_S
    if any(each in words for each in _THIS_DAY):
        return midnight_s
    return min(family_codes.OPEN_PAUSE_S, midnight_s)


def _told(refusal: Refusal) -> str:
    number = f"code {refusal.code}" if refusal.code else "no code"
    return f'{number}: "{refusal.words}"' if refusal.words else number
