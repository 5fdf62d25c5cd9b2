"""What an answer that is not a success amounts to, purely: the envelope, or what stands in for it.

Three kinds of answers are no success: an envelope with a code (nearly always HTTP 200); a batch
refused as a whole, with the reason of each part inside (40081); and answers that never reached the
API: an empty 500 after a panic, text for an unknown route, the web page of a proxy in front (wire:
Cloudreve V4 §1, §14, server of 2025-06-21).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from fsmount.drivers import wire
from fsmount.drivers.cloudreve import codes
from fsmount.drivers.cloudreve.api import Envelope, InnerEnvelope
from fsmount.drivers.cloudreve.uri import SCHEME, FileUri, blanked
from fsmount.errors import (
    Blocked,
    Changed,
    Denied,
    FsmountError,
    Gone,
    LinkExpired,
    NotSupported,
    ProtocolError,
    ProviderFault,
    Throttled,
    Unauthorized,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fsmount.model import Answer, Call


class Refusal(NamedTuple):
    """One refused thing: its code, the server's words, and the place it is about."""

    code: int
    words: str
    correlation_id: str
    uri: FileUri | None


def failure(call: Call, answer: Answer, *, signed: bool, mounted: FileUri) -> FsmountError | None:
    """Return what ``answer`` amounts to; None for a success.

    Args:
        call: What was asked.
        answer: What came.
        signed: A token went along; only then can it be ``Unauthorized``.
        mounted: The place that is mounted.
    """
    if is_known_panic(call, answer):
        return None
    try:
        envelope = wire.decode(answer.body, Envelope, "an answer of the server")
    except ProtocolError as exc:
        return _without_envelope(answer, exc)
    number = wire.whole(envelope.code)
    if number == codes.SUCCESS and answer.status < 400:
        return None
    if number in (codes.NO_ENTITY, codes.UNCLASSIFIED) and call.url.endswith("/file/thumb"):
        # -1 where the picture could not be made, ever after it is missing (wire §8.2).
        return NotSupported(f"the server has no thumbnail of this file (code {number})")
    if number in (None, codes.SUCCESS):
        return _without_envelope(answer, None)
    refusal = _refusal(envelope, number, _uri_asked(call))
    if number == codes.BATCH and envelope.aggregated_error:
        refusal = _part(envelope.aggregated_error) or refusal
    return _failure(refusal, signed=signed, mounted=mounted)


def is_known_panic(call: Call, answer: Answer) -> bool:
    """Tell whether ``answer`` is how a server of 2025-06 repeats the size of a folder.

    Asked for a second time within 300 s it panics: HTTP 500 and no body (wire §7). That says
    nothing about the folder or the server's health, only that the size is not to be had now.
    """
    return answer.status == 500 and not answer.body and "folder_summary" in call.params


def code(answer: Answer) -> int | None:
    """Return the code of an answer's envelope; None when it has none."""
    try:
        return wire.whole(wire.decode(answer.body, Envelope, "an answer of the server").code)
    except ProtocolError:
        return None


def content_failure(body: bytes) -> FsmountError | None:
    """Return what an envelope that came instead of a file's bytes amounts to; None for no envelope.

    Content servers answer an expired link with HTTP 200 and JSON, also to a Range (wire §8.1):
    40005 expired, 40071 and 403 bad or no signature, 40077 the version is gone.
    """
    try:
        envelope = msgspec.json.decode(body, type=Envelope)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    number = wire.whole(envelope.code)
    match number:
        case 40077:
            return Changed("this version of the file is no longer kept by the server")
        case codes.NOT_PERMITTED | codes.SIGN_IN_REQUIRED | codes.BAD_CREDENTIAL:
            return LinkExpired("the link is not taken")
        case _ if number in codes.MEANINGS:
            meaning = codes.MEANINGS[number]
            return meaning.kind(f"{meaning.sentence} (code {number})", advice=meaning.advice)
        case _:
            return None  # not an envelope, or some file's own JSON


def _refusal(envelope: Envelope | InnerEnvelope, number: int, uri: FileUri | None) -> Refusal:
    return Refusal(
        code=number,
        words=_one_line(wire.text(envelope.msg)),
        correlation_id=wire.text(envelope.correlation_id)[:64],
        uri=uri,
    )


def _part(parts: Mapping[str, InnerEnvelope]) -> Refusal | None:
    # One reason stands for the whole batch: a lost login before all else, since renewing it may
    # mend every part.
    refusals = [
        _refusal(part, number, _uri(place))
        for place, part in parts.items()
        if (number := wire.whole(part.code)) not in (None, codes.SUCCESS, codes.BATCH)
    ]
    lost = (each for each in refusals if each.code in codes.SHOWS_EXPIRED_TOKEN)
    return next(lost, None) or next(iter(refusals), None)


def _failure(refusal: Refusal, *, signed: bool, mounted: FileUri) -> FsmountError:
    if refusal.uri is not None and refusal.uri.fs == "share":
        own = refusal.uri.id == mounted.id and mounted.fs == "share"
        found = _of_own_share(refusal, signed, mounted) if own else _of_shortcut(refusal)
        if found is not None:
            return found
    if refusal.code == codes.DATABASE and signed and "login user" in refusal.words:
        # Every call of a blocked user ends so (wire §4). Renewing tells for sure: the refresh is
        # refused, or it was the database after all.
        return Unauthorized(
            "the account behind the login is blocked or was removed",
            advice="ask the site's administrator",
        )
    meaning = codes.meaning(refusal.code, signed=signed)
    details = f"code {refusal.code}"
    if refusal.words:
        details += f': "{refusal.words}"'
    if meaning is codes.UNKNOWN and refusal.correlation_id:
        details += f", correlation id {refusal.correlation_id}"
    return meaning.kind(f"{meaning.sentence} ({details})", advice=meaning.advice)


def _of_own_share(refusal: Refusal, signed: bool, mounted: FileUri) -> FsmountError | None:
    """Say what is wrong with the mounted share; None when it is not about the share itself."""
    ident = mounted.id
    match refusal.code:
        case codes.GONE if "expired" in refusal.words.lower():
            # Also: downloads used up, owner blocked, source in the trash; one text for all.
            return Gone(
                f"share {ident} has expired, or its downloads are used up",
                advice="ask whoever shared it for a new link",
            )
        case codes.GONE if "not found" in refusal.words.lower():
            return Gone(
                f"there is no share {ident}: it was cancelled or deleted, or its id is wrong",
                advice="check the link, or ask whoever shared it for a new one",
            )
        case codes.GONE:
            return Gone(
                f"share {ident} is not there: it has expired, was cancelled, or its id is wrong",
                advice="check the link, or ask whoever shared it for a new one",
            )
        case 40001 if "object id" in refusal.words.lower():
            return Gone(f"{ident} is not the id of a share", advice="copy the whole link again")
        case codes.WRONG_SHARE_PASSWORD if mounted.password:
            return Denied(
                f"the password of share {ident} is wrong or was changed",
                advice="ask whoever shared it, then say -o share_password=PASSWORD",
            )
        case codes.WRONG_SHARE_PASSWORD:
            return Denied(
                f"share {ident} wants a password",
                advice=f"mount the link as https://SITE/s/{ident}/PASSWORD, "
                "or say -o share_password=PASSWORD",
            )
        case codes.NOT_PERMITTED if "share link" in refusal.words.lower() and signed:
            return Denied(
                "the account's group may not open shares on this site",
                advice="ask the site's administrator",
            )
        case codes.NOT_PERMITTED if "share link" in refusal.words.lower():
            return Denied(
                "guests may not open shares on this site",
                advice=codes.SIGN_IN,
            )
        case _:
            return None


def _of_shortcut(refusal: Refusal) -> FsmountError | None:
    # A dead share behind a shortcut must not make the whole remote look dead, as Gone would.
    match refusal.code:
        case codes.GONE:
            return Changed("the share behind this shortcut has expired or was cancelled")
        case codes.WRONG_SHARE_PASSWORD:
            return Denied("the share behind this shortcut wants another password")
        case _:
            return None


def _without_envelope(answer: Answer, cause: ProtocolError | None) -> FsmountError:
    """Say what an answer amounts to that is not the API's."""
    page = wire.shape(answer.body)
    match answer.status:
        case 429:
            return Throttled(
                "the server asks to slow down (HTTP 429)", retry_after_s=_retry_after_s(answer)
            )
        case 503 if "retry-after" in answer.headers:
            return Throttled(
                "the server is overloaded (HTTP 503)", retry_after_s=_retry_after_s(answer)
            )
        case 401 | 407:
            return Denied(
                f"a proxy in front of the server wants its own sign-in (HTTP {answer.status})",
                advice="check address and proxy",
            )
        case 403:
            return Blocked(f"a firewall in front of the server shut us out (HTTP 403, {page})")
        case 404 | 405:
            return ProtocolError(
                f"the server does not know this call (HTTP {answer.status}, {page})",
                advice="check the address: it must be a Cloudreve V4 site",
            )
        case status if status >= 500:
            return ProviderFault(f"the server failed (HTTP {status}, {page})")
        case status if status >= 300:
            return ProtocolError(f"the server answered HTTP {status} with {page}")
        case _ if page.startswith("a web page"):
            return ProtocolError(
                "the server answered with a web page instead of JSON",
                advice="check the address: it must be a Cloudreve V4 site",
            )
        case _:
            return cause or ProtocolError("an answer of the server has no `code`")


def _retry_after_s(answer: Answer) -> float | None:
    value = wire.whole(answer.headers.get("retry-after"))
    return float(value) if value is not None and value >= 0 else None


def _uri_asked(call: Call) -> FileUri | None:
    """Return the place that ``call`` is about; None when it is about none."""
    if (found := re.search(r"/share/info/([^/?]+)$", call.url)) is not None:
        return FileUri(fs="share", id=found[1])
    if (uri := call.params.get("uri")) is not None:
        return _uri(uri)
    uris = call.json.get("uris") if isinstance(call.json, dict) else None
    return _uri(uris[0]) if uris else None


def _uri(text: object) -> FileUri | None:
    if not isinstance(text, str) or not text.startswith(SCHEME):
        return None
    try:
        return FileUri.parse(text)
    except UsageError:
        return None


def _one_line(text: str) -> str:
    text = blanked(" ".join(text.split()))
    return text if len(text) <= 200 else f"{text[:199]}…"
