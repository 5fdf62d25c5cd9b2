"""What an answer of PDS that is not a success amounts to, purely.

The HTTP status tells that it is none, the ``code`` of its JSON which: ``Family`` or
``Family.Resource``, matched by prefix. The gateway in front has codes of its own, in headers, often
with an empty body (wire: PDS §1.2).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import msgspec

from fsmount.account.advice import LOGIN_AGAIN
from fsmount.drivers import wire
from fsmount.drivers.pds.api import SHARE_TOKEN
from fsmount.drivers.wire import Scalar
from fsmount.errors import (
    Blocked,
    Changed,
    Denied,
    FsmountError,
    Gone,
    IsFolder,
    NotFolder,
    NotFound,
    ProtocolError,
    ProviderFault,
    Throttled,
    Unauthorized,
)

if TYPE_CHECKING:
    from fsmount.model import Answer, Call

SIGN_IN = "sign in: configure a remote of this domain, then say -o auth=ref:NAME"
_ASK_OWNER = "ask whoever shared it for a new link"
_OWNER_CALLS = ("share_link/get", "share_link/update", "share_link/cancel")

# Not documented: which words a domain uses that has "no-trace verification" on (wire: PDS §5).
_CAPTCHA = re.compile(r"captcha|verif|afs\b|risk", re.IGNORECASE)


class ShareTokenOver(Denied):
    """The share's token is not taken; the driver gets another one and asks again, once."""


class Reason(NamedTuple):
    """What a refusal says: its code ("" when there is none) and its words."""

    code: str
    words: str = ""
    gateway: bool = False


class _Envelope(msgspec.Struct, frozen=True):
    code: Scalar = None
    message: Scalar = None
    upper_code: Scalar = msgspec.field(default=None, name="Code")
    upper_message: Scalar = msgspec.field(default=None, name="Message")


def reason(answer: Answer) -> Reason:
    """Return what ``answer`` says of itself; no code where it is a success or none of PDS."""
    if answer.status < 300:
        return Reason("")
    try:
        told = wire.decode(answer.body, _Envelope, "an error")
        code = wire.text(told.code) or wire.text(told.upper_code)
        if code:
            return Reason(code, wire.text(told.message) or wire.text(told.upper_message))
    except ProtocolError:
        pass  # a page, or nothing: the headers may know
    gateway = answer.headers.get("x-ca-error-code", "")
    return Reason(gateway, answer.headers.get("x-ca-error-message", ""), gateway=bool(gateway))


def failure(call: Call, answer: Answer, *, signed: bool) -> FsmountError | None:
    """Return what ``answer`` to ``call`` amounts to; None for a success.

    ``signed`` says whether a login went along; whether a share's token did, ``call`` tells.
    """
    if 200 <= answer.status < 300:
        return None
    said = reason(answer)
    if answer.status == 429 or (answer.status == 503 and "retry-after" in answer.headers):
        return Throttled(
            f"the provider asks to slow down (HTTP {answer.status})",
            retry_after_s=_retry_after_s(answer),
        )
    if not said.code:
        return _without_code(answer)
    if said.gateway:
        return _of_gateway(said, answer, signed=signed)
    found = _of_share(call, said) or _of_token(call, said, answer.status, signed=signed)
    return found or _of_code(said, answer.status)


def _of_share(call: Call, said: Reason) -> FsmountError | None:
    """Say what is wrong with the share that ``call`` is about; None when it is something else."""
    body = call.json if isinstance(call.json, dict) else {}
    share, path = str(body.get("share_id", "")), _path(call)
    if not share:
        return None
    if path in _OWNER_CALLS:
        return _of_own_share(share, said)
    # Saving is asked in the name of an own drive, which does not end with somebody's share.
    kind: type[Gone] = Changed if path == "file/copy" else Gone
    match said.code.split("."):
        case ["NotFound", "ShareLink", *_]:
            return kind(
                f"there is no share {share}: it was cancelled or deleted, or its id is wrong",
                advice="check the link, or ask whoever shared it for a new one",
            )
        case ["ShareLink", "Cancelled" | "Canceled", *_]:
            return kind(f"share {share} was cancelled by its owner", advice=_ASK_OWNER)
        case ["ShareLink", "Expired", *_]:
            return kind(f"share {share} has expired", advice=_ASK_OWNER)
        case ["ShareLink", *_]:
            return kind(f"share {share} was blocked by the provider ({said.code})")
        case ["InvalidResource" | "InvalidParameter", "SharePwd" | "share_pwd", *_]:
            return _of_code_of_share(share, given=bool(body.get("share_pwd")))
        case ["InvalidParameter" | "InvalidParameterWrongFormat", "ShareId" | "share_id", *_]:
            return kind(f"{share} is not the id of a share", advice="copy the whole link again")
    return _of_visit(share, path, said)


def _of_visit(share: str, path: str, said: Reason) -> FsmountError | None:
    if path != "share_link/get_share_token":
        return None
    if _CAPTCHA.search(f"{said.code} {said.words}"):
        return Denied(
            f"the domain asks for a captcha before it opens share {share}, which only a browser "
            "can show",
            advice="ask whoever runs the domain to switch it off",
        )
    return None


def _of_own_share(share: str, said: Reason) -> FsmountError | None:
    family, _, what = said.code.partition(".")
    if said.code in ("ShareLink.Cancelled", "ShareLink.Canceled"):
        return NotFound(f"share {share} is cancelled already")
    if (family == "NotFound" and what.startswith("ShareLink")) or what in ("ShareId", "share_id"):
        return NotFound(f"there is no share {share} of yours", advice='see "fsmount share list"')
    return None


def _of_code_of_share(share: str, *, given: bool) -> Denied:
    if given:
        return Denied(
            f"the password of share {share} is wrong or was changed",
            advice="ask whoever shared it, then say -o share_password=PASSWORD",
        )
    return Denied(
        f"share {share} wants a password",
        advice="paste the link with its code behind it, or say -o share_password=PASSWORD",
    )


def _of_token(call: Call, said: Reason, status: int, *, signed: bool) -> FsmountError | None:
    visiting = SHARE_TOKEN in call.headers
    if said.code.startswith("ShareLinkToken"):
        return ShareTokenOver("the share's token is not taken any more")
    if said.code.startswith("InvalidParameterNotMatch") and visiting:
        # "...share_id doesn't match. share_token": a token of another share (wire: PDS §1.2).
        return ShareTokenOver("the share's token is of another share")
    if not (status == 401 or said.code.startswith(("AccessTokenInvalid", "TokenExpired"))):
        return None
    if signed:
        return Unauthorized("the provider no longer takes the access token", advice=LOGIN_AGAIN)
    if visiting:
        return ShareTokenOver("the share's token is not taken any more")
    if _path(call) == "share_link/get_share_token":
        return Denied("only users of its domain may open this share", advice=SIGN_IN)
    return Denied("this needs a login", advice=LOGIN_AGAIN)


_SENTENCES: dict[str, tuple[type[FsmountError], str]] = {
    "NotFound.File": (NotFound, "there is no such file or folder"),
    "NotFound.Drive": (NotFound, "there is no such drive"),
    "NotFound.AsyncTask": (NotFound, "the provider does not know this task any more"),
    "NotFound": (NotFound, "the provider knows no such thing"),
    "InvalidResource.FileTypeFolder": (IsFolder, "it is a folder, not a file"),
    "InvalidResource.FileTypeFile": (NotFolder, "it is a file, not a folder"),
    "InvalidResource.ParentFile": (NotFolder, "it is a file, not a folder"),
    "InvalidResource": (ProviderFault, "the provider cannot do this with it"),
    "InvalidParameter": (ProtocolError, "the provider does not understand the request"),
    "InvalidRequest": (ProtocolError, "the provider does not understand the request"),
    "ForbiddenNoPermission": (Denied, "the provider does not permit this"),
    "Forbidden": (Denied, "the provider does not permit this"),
    "AlreadyExist": (ProviderFault, "it exists already"),
    "PreHashMatched": (ProviderFault, "a file of this content may exist already"),
    "QuotaExhausted": (ProviderFault, "the drive is full"),
    "UserDisabled": (Denied, "the account is disabled"),
}
"""Code, or how one begins, to class and sentence; the longest that fits counts."""


def _of_code(said: Reason, status: int) -> FsmountError:
    fitting = [each for each in _SENTENCES if said.code.startswith(each)]
    if fitting:
        kind, sentence = _SENTENCES[max(fitting, key=len)]
    elif status >= 500:
        kind, sentence = ProviderFault, "the provider failed"
    else:
        kind, sentence = ProviderFault, "the provider refuses, for a reason that is not known"
    return kind(f"{sentence} (HTTP {status}, {short(said.code)})")


def _of_gateway(said: Reason, answer: Answer, *, signed: bool) -> FsmountError:
    code = short(said.code)
    if code.startswith("I404"):
        return ProtocolError(
            f"the gateway does not know this call ({code})",
            advice="check endpoint: it must be the address of a PDS domain's API",
        )
    if code == "I400JD" and signed:
        # A bearer token that cannot even be parsed (wire: PDS §1.2).
        return Unauthorized("the gateway cannot read the access token", advice=LOGIN_AGAIN)
    if code.startswith("D504") or answer.status == 504:
        return ProviderFault(f"the provider did not answer its own gateway in time ({code})")
    if answer.status >= 500:
        return ProviderFault(f"the gateway in front of the provider failed ({code})")
    if answer.status in (401, 403):
        return Denied(f"the gateway in front of the provider refuses ({code})")
    return ProtocolError(f"the gateway does not take the request ({code})")


def _without_code(answer: Answer) -> FsmountError:
    page = wire.shape(answer.body)
    match answer.status:
        case 401 | 407:
            return Denied(
                f"a proxy in front of the provider wants its own sign-in (HTTP {answer.status})",
                advice="check endpoint and proxy",
            )
        case 403:
            return Blocked(f"a firewall in front of the provider shut us out (HTTP 403, {page})")
        case status if status >= 500:
            return ProviderFault(f"the provider failed (HTTP {status}, {page})")
        case status:
            return ProtocolError(
                f"the provider answered HTTP {status} with {page}",
                advice="check endpoint: it must be the address of a PDS domain's API",
            )


def _path(call: Call) -> str:
    return urlsplit(call.url).path.rpartition("/v2/")[2]


def short(code: str) -> str:
    """Return ``code`` as it may be repeated."""
    # A code is letters, digits and dots; anything longer is not repeated.
    return code if re.fullmatch(r"[\w.-]{1,80}", code, re.ASCII) else "an unreadable code"


def _retry_after_s(answer: Answer) -> float | None:
    value = wire.whole(answer.headers.get("retry-after"))
    return float(value) if value is not None and value >= 0 else None
