"""What an answer of 115 that is not a success amounts to, purely.

115 says no in a dozen ways: several spellings of a code and a text around ``state: false``, a bare
``{"margin": N}``, the web page of its firewall, plain HTTP errors (wire: 115 §2.1). A block is none
of these for certain, so nothing that cannot be read is ever taken for an empty folder.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from fsmount.account.advice import LOGIN_AGAIN
from fsmount.drivers import wire
from fsmount.drivers.p115 import codes, hosts
from fsmount.drivers.wire import Scalar
from fsmount.errors import (
    Blocked,
    Denied,
    FsmountError,
    LinkExpired,
    LinkRefused,
    NotSupported,
    ProtocolError,
    ProviderFault,
    Throttled,
    Unauthorized,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fsmount.drivers.p115.hosts import Hosts
    from fsmount.model import Answer, Call

_LONGEST_WORDS = 200


class Elsewhere(NotSupported):
    """This endpoint does not serve what was asked; another one may."""


class Transient(Elsewhere):
    """A link was refused without a word; asked again, or elsewhere, it is often given."""


class OldAgent(Elsewhere):
    """115 gives links to newer clients only than the User-Agent says this one is."""


class Success(enum.Enum):
    """The one value that says that a refusal is none."""

    SUCCESS = enum.auto()


SUCCESS = Success.SUCCESS


class Envelope(msgspec.Struct, frozen=True):
    """Every spelling of success, code and text that answers have; the rest is not looked at."""

    state: Scalar = None
    margin: Scalar = None
    errno: Scalar = None
    errNo: Scalar = None
    errcode: Scalar = None
    errCode: Scalar = None
    code: Scalar = None
    msg_code: Scalar = None
    error: Scalar = None
    error_msg: Scalar = None
    msg: Scalar = None
    message: Scalar = None


class Refusal(NamedTuple):
    """A refusal's code, 0 without one, and what 115 says about it."""

    code: int
    words: str


def read_envelope(body: bytes) -> Envelope | None:
    """Return what is around an answer; None when it is a list, or not JSON at all."""
    try:
        return msgspec.json.decode(body, type=Envelope)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass  # a field of it is no scalar, or one string is broken: looked at more closely
    try:
        tree = wire.loads(body, "an answer of 115")
    except ProtocolError:
        return None
    return msgspec.convert(_scalars(tree), Envelope) if isinstance(tree, dict) else None


def refusal_of(envelope: Envelope) -> Refusal:
    """Return code and text of an envelope, whatever they are called in it.

    The access limit of the Open platform comes with both swapped (wire: 115 §0.2).
    """
    numbers: tuple[Scalar, ...] = (
        envelope.errno,
        envelope.errNo,
        envelope.errcode,
        envelope.errCode,
        envelope.code,
        envelope.msg_code,
    )
    texts: tuple[Scalar, ...] = (envelope.error, envelope.error_msg, envelope.msg, envelope.message)
    swapped = isinstance(envelope.code, str) and wire.whole(envelope.code) is None
    if swapped and envelope.code and wire.whole(envelope.message):
        numbers, texts = (envelope.message,), (envelope.code,)
    return Refusal(
        code=next((number for each in numbers if (number := wire.whole(each))), 0),
        words=next((text for each in texts if (text := _one_line(each))), ""),
    )


def failure(
    call: Call,
    answer: Answer,
    *,
    signed: bool,
    where: Hosts,
    of: Callable[[Refusal], FsmountError | Success | None] | None = None,
) -> FsmountError | None:
    """Return what ``answer`` amounts to; None for a success.

    Args:
        call: What was asked.
        answer: What came.
        signed: A cookie went along; only then can it be ``Unauthorized``.
        where: The hosts.
        of: Knows codes that mean something else to this call, ``SUCCESS`` included; asked before
            the table, which is for where it returns None.
    """
    envelope = read_envelope(answer.body)
    if envelope is None:
        if answer.status < 300 and _is_list(answer.body):
            return None
        return _without_envelope(answer, where.host_of(call.url))
    if answer.status >= 400 and not refusal_of(envelope).code:
        return _without_envelope(answer, where.host_of(call.url))
    if envelope.state is None and (seconds := wire.whole(envelope.margin)) is not None:
        return Blocked(
            f"115 wants {seconds} s of rest before it lists on",
            advice="it goes on by itself",
            retry_after_s=float(max(seconds, 1)),
        )
    refusal = refusal_of(envelope)
    if wire.truth(envelope.state) or (envelope.state is None and not refusal.code):
        return None  # category/get, for one, has no state at all (wire: 115 §4.4)
    if refusal.code == codes.OTHER_ORDER:
        return None  # an answer to be read: it says which order to ask for
    known = None if of is None else of(refusal)
    if known is None:
        return meant(refusal, call, signed=signed, where=where)
    return None if known is SUCCESS else known


def meant(refusal: Refusal, call: Call, *, signed: bool, where: Hosts) -> FsmountError:
    """Return the failure that ``refusal`` is for every driver of the family."""
    told_by_115 = told(refusal)
    asks_for_login = refusal.code == 0 and any(
        words in refusal.words for words in codes.SIGN_IN_WORDS
    )
    if refusal.code in codes.SIGNED_OUT or asks_for_login:
        if refusal.code == codes.NOT_LOGGED_IN and where.host_of(call.url) == hosts.APP:
            # Also what a good cookie of another device slot gets there (wire: 115 §2.2); the web
            # API, asked next, knows whether it is dead.
            return Elsewhere(f"115 does not serve this to the device of the login ({told_by_115})")
        if signed:
            return Unauthorized(
                f"115 no longer takes the login ({told_by_115})", advice=LOGIN_AGAIN
            )
        return Denied(f"115 wants a login for this ({told_by_115})")
    match refusal.code:
        case codes.TOO_BIG_HERE:
            return Elsewhere(f"the file is too big for this way to a link ({told_by_115})")
        case codes.NO_SUCH_CALL:
            return Elsewhere(f"115 has no such call any more ({told_by_115})")
        case codes.OLD_AGENT:
            return OldAgent(
                f"115 takes this User-Agent for a client that is too old ({told_by_115})",
                advice="leave out the option user_agent",
            )
    meaning = codes.meaning(refusal.code, refusal.words)
    sentence = f"{meaning.sentence} ({told_by_115})"
    if issubclass(meaning.kind, Throttled):
        return meaning.kind(sentence, advice=meaning.advice, retry_after_s=meaning.pause_s)
    return meaning.kind(sentence, advice=meaning.advice)


def of_links(refusal: Refusal) -> Transient | None:
    """Return that a link was refused without a word; None for any other refusal.

    With a text it is final; without one the rclone fork asks again and succeeds (§2.2).
    """
    if refusal.code != codes.REFUSED or refusal.words:
        return None
    return Transient(f"115 refused a link without saying why ({told(refusal)})")


def content_failure(status: int, headers: Mapping[str, str], body: bytes) -> FsmountError | None:
    """Return what a content server's answer without bytes amounts to; None where its status says.

    A link that is over, one whose cookie is over and one connection too many are all HTTP 403; only
    the missing cookie says so for certain (wire: 115 §5.2).
    """
    if status == 405:
        return Blocked("115's firewall shut this address out of its content servers (HTTP 405)")
    if status != 403:
        return None
    envelope = read_envelope(body)
    words = "" if envelope is None else refusal_of(envelope).words
    if "cookie" in words.lower():
        return LinkExpired("the cookie that the link is bound to is over")
    return LinkRefused("115 no longer takes the link, or no more connections on it")


def blocked_page() -> Blocked:
    """Return what the page of 115's firewall amounts to: no answers for minutes to days (§13)."""
    return Blocked(
        "115's firewall shut this account or address out (HTTP 405, a page instead of an answer)",
        advice="what is known is served meanwhile, and signing in again does not help",
    )


def _without_envelope(answer: Answer, host: str) -> FsmountError:
    """Say what an answer amounts to that is not the API's."""
    page = wire.shape(answer.body)
    match answer.status:
        case 405:
            return blocked_page()
        case 429:
            return Throttled(
                "115 asks to slow down (HTTP 429)", retry_after_s=_retry_after_s(answer)
            )
        case 404:
            return Elsewhere(f"115 has no such call any more (HTTP 404, {page})")
        case 401 if host == hosts.SHARE:
            return ProviderFault("115 refused to show the share (HTTP 401)", advice="try again")
        case 401 | 403:
            return Throttled(
                f"115 does not let this call through (HTTP {answer.status})",
                retry_after_s=_retry_after_s(answer),
            )
        case 407:
            return Denied(
                "the proxy wants its own sign-in (HTTP 407)", advice="check the option proxy"
            )
        case status if status >= 500:
            return ProviderFault(f"115 failed (HTTP {status}, {page})")
        case status if status >= 300:
            return ProtocolError(f"115 answered HTTP {status} with {page}")
        case _:
            return ProtocolError(f"an answer of 115 is {page}")


def told(refusal: Refusal) -> str:
    """Return code and words of a refusal, for the end of a sentence."""
    number = f"code {refusal.code}" if refusal.code else "no code"
    return f'{number}: "{refusal.words}"' if refusal.words else number


def _scalars(tree: Mapping[str, object]) -> dict[str, object]:
    """Return the fields of an envelope; what is no scalar there says nothing."""
    known = Envelope.__struct_fields__
    return {
        name: value
        for name in known
        if isinstance(value := tree.get(name), int | float | str | bool)
    }


def _is_list(body: bytes) -> bool:
    try:
        return isinstance(wire.loads(body, "an answer of 115"), list)
    except ProtocolError:
        return False


def _retry_after_s(answer: Answer) -> float | None:
    value = wire.whole(answer.headers.get("retry-after"))
    return float(value) if value is not None and value >= 0 else None


def _one_line(value: Scalar) -> str:
    return " ".join(wire.text(value).split())[:_LONGEST_WORDS]
