"""What an answer that is not a success amounts to, purely.

Three kinds are none: JSON with a ``code``; an answer of the gateway in front, whose shape is its
own (plain text, Spring's ``{"error": …}``, a page for people: wire §7.4, Open API §1); and XML of
the storage, which refuses a ranged GET.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from fsmount.drivers import wire
from fsmount.drivers.aliyundrive import codes
from fsmount.drivers.wire import Scalar
from fsmount.errors import (
    Blocked,
    ConnectionLimit,
    Denied,
    FsmountError,
    LinkExpired,
    NotFound,
    ProtocolError,
    ProviderFault,
    Throttled,
    Unauthorized,
)

if TYPE_CHECKING:
    from fsmount.model import Answer

# Public clients wait so long after a ParamFlowException, which never says (wire §B6).
FLOW_PAUSE_S = 10.0

_HTTP_TOO_MANY = (429, 509)


class Envelope(msgspec.Struct, frozen=True):
    """What a refusal says about itself; successes may carry an empty or numeric ``code``."""

    code: Scalar = None
    message: Scalar = None


def failure(answer: Answer, *, signed: bool) -> FsmountError | None:
    """Return what ``answer`` amounts to; None for a success.

    Args:
        answer: What came.
        signed: A token went along; only then can it be ``Unauthorized``.
    """
    good = 200 <= answer.status < 300
    if good and not answer.body:
        return None
    try:
        envelope = wire.decode(answer.body, Envelope, "an answer of the provider")
    except ProtocolError as exc:
        return exc if good else _without_code(answer, signed=signed)
    code = code_of(envelope)
    if good and not code:
        return None
    if not code:
        return _without_code(answer, signed=signed)
    return refused(
        code,
        wire.text(envelope.message),
        signed=signed,
        retry_after_s=retry_after_s(answer),
        status=answer.status,
    )


def code_of(envelope: Envelope) -> str:
    """Return the code of an error, else "": some successes say ``"200"`` (wire §7.4)."""
    code = wire.text(envelope.code)
    return "" if code.isdecimal() else code


def refused(
    code: str,
    words: str = "",
    *,
    signed: bool = True,
    retry_after_s: float | None = None,
    status: int = 0,
) -> FsmountError:
    """Return the failure that a code amounts to: of an answer, or of one part of a batch."""
    meaning = codes.meaning(code, signed=signed)
    if meaning.kind is not Unauthorized and codes.NO_DEVICE_TEXT in words.encode():
        meaning = codes.MEANINGS["UserDeviceOffline"]
    if meaning is codes.UNKNOWN:
        meaning = _by_status(status)
    details = f"code {code[:60]}"
    if words and meaning.kind in (ProviderFault, ProtocolError):
        details += f': "{_one_line(words)}"'
    sentence = f"{meaning.sentence} ({details})"
    if issubclass(meaning.kind, Throttled):
        pause_s = FLOW_PAUSE_S if retry_after_s is None else retry_after_s
        return meaning.kind(sentence, advice=meaning.advice, retry_after_s=pause_s)
    return meaning.kind(sentence, advice=meaning.advice)


def _by_status(status: int) -> codes.Meaning:
    """Return what is made of a code that is not known, from the status that it came with."""
    match status:
        case 429:
            return codes.MEANINGS["TooManyRequests"]
        case 403:
            return codes.Meaning(Denied, "the provider does not permit this")
        case 404:
            return codes.Meaning(NotFound, "the provider knows no such thing")
        case _:
            return codes.UNKNOWN


def retry_after_s(answer: Answer) -> float | None:
    """Return the seconds that the provider asks to wait; None when it does not say.

    ``x-retry-after`` counts milliseconds, the usual header seconds (wire: Open API §6).
    """
    milliseconds = wire.whole(answer.headers.get("x-retry-after"))
    if milliseconds is not None and milliseconds >= 0:
        return milliseconds / 1000
    seconds = wire.whole(answer.headers.get("retry-after"))
    return float(seconds) if seconds is not None and seconds >= 0 else None


def _without_code(answer: Answer, *, signed: bool) -> FsmountError:
    page = wire.shape(answer.body)
    what = f"HTTP {answer.status}, {page}"
    match answer.status:
        case status if status in _HTTP_TOO_MANY:
            return Throttled(
                f"the provider asks to slow down (HTTP {status})",
                retry_after_s=retry_after_s(answer) or FLOW_PAUSE_S,
            )
        case 503 if "retry-after" in answer.headers:
            return Throttled(
                "the provider is overloaded (HTTP 503)", retry_after_s=retry_after_s(answer)
            )
        case 401 if signed:
            return Unauthorized(f"the provider does not take the access token ({what})")
        case 401 | 407:
            return Denied(
                f"a proxy in front of the provider wants its own sign-in (HTTP {answer.status})",
                advice="check hosts and proxy",
            )
        case 403:
            return Blocked(f"a firewall in front of the provider shut us out ({what})")
        case status if status >= 500:
            # Often a hidden limit (wire §7.4): the pace is not learned from it, the pause is.
            return ProviderFault(f"the provider failed ({what})")
        case _:
            return ProtocolError(f"the provider answered with something else ({what})")


# --- the storage behind the links -----------------------------------------------------------------

_EXPIRED = b"Request has expired"
_REFERER_MISSING = b"AdditionalHeaders"
_TOO_MANY = b"ExceedMaxConcurrency"
_BAD_SIGNATURE = (b"SignatureDoesNotMatch", b"InvalidAccessKeyId", b"InvalidSecurityToken")


def content_failure(status: int, body: bytes) -> FsmountError | None:
    """Return what the XML of a refused GET amounts to (wire §7.2); None when it says nothing."""
    if status < 300 or body.lstrip()[:1] != b"<":
        return None
    if _TOO_MANY in body:
        return ConnectionLimit("too many downloads of this account run at once")
    if _EXPIRED in body:
        return LinkExpired("the link has expired")
    if _REFERER_MISSING in body:
        return Denied(
            "the storage wants a Referer header that did not reach it",
            advice="a proxy on the way may have removed it; check proxy and download_proxy_url",
        )
    if any(word in body for word in _BAD_SIGNATURE):
        return LinkExpired("the storage does not take the link's signature")
    return None


def _one_line(words: str) -> str:
    # Messages quote tokens and ids at times.
    words = re.sub(r"[A-Za-z0-9+/_=-]{24,}", "…", " ".join(words.split()))
    return words if len(words) <= 160 else f"{words[:159]}…"
