"""Judges the head of an answer to a ranged GET, purely: which bytes it brings, or why none.

The rule (wire: Cloudreve V4 §8.1 and every CDN since): only a 206 with the asked Content-Range, or
a 200 of the expected length when the whole file was asked, may go into a cache. Everything else is
somebody's way to say no.
"""

from __future__ import annotations

import email.utils
import re
import time
from typing import TYPE_CHECKING, NamedTuple

from fsmount.errors import (
    Changed,
    Denied,
    FsmountError,
    LinkExpired,
    NotFound,
    ProtocolError,
    ProviderFault,
    Throttled,
    WrongSize,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    ClassifyContent = Callable[[int, Mapping[str, str], bytes], FsmountError | None]
    """``ReadsContentErrors.classify_content`` of a driver."""

_CONTENT_RANGE = re.compile(r"bytes\s+(\d+)-(\d+)/(\d+|\*)", re.IGNORECASE)
_UNSATISFIED = re.compile(r"bytes\s+\*/(\d+)", re.IGNORECASE)


class Refusal(NamedTuple):
    """Why an answer brings none of the asked bytes.

    Attributes:
        failure: What it amounts to if a new link does not help.
        renew: A new link may help.
    """

    failure: FsmountError
    renew: bool = False


def promised_bytes(
    status: int, headers: Mapping[str, str], *, start: int, stop: int, size: int
) -> int | None:
    """Return how many bytes, counted from ``start``, the body brings; None for a refusal.

    A 206 may bring fewer than were asked (RFC 9110 §15.3.7), never others.

    Args:
        status: HTTP status.
        headers: Lower-case names.
        start: First byte that was asked.
        stop: One after the last byte that was asked.
        size: Of the whole file, as listed.

    Raises:
        WrongSize: The content says that it has another size than the listed one.
        ProtocolError: A 206 with other bytes than were asked, or with none that can be told.
    """
    if status == 200:
        return _whole_file(headers, start=start, stop=stop, size=size)
    if status != 206:
        return None
    if headers.get("content-encoding", "identity") != "identity":
        raise ProtocolError("the content server compressed a range that was asked as it is")
    content_range = headers.get("content-range", "")
    match = _CONTENT_RANGE.fullmatch(content_range.strip())
    if match is None:
        raise ProtocolError("a partial answer does not say which bytes it brings (Content-Range)")
    first, last, total = int(match[1]), int(match[2]), match[3]
    if total != "*" and int(total) != size:
        raise WrongSize(f"the content has {total} bytes, not the listed {size}", actual=int(total))
    # Without a total nothing proves that the file did not end early.
    if first != start or not start <= last < stop or (total == "*" and last != stop - 1):
        raise ProtocolError(f"asked for bytes {start}-{stop - 1}, the answer is {match[0]}")
    length = headers.get("content-length")
    if length is not None and int(length) != last - first + 1:
        raise ProtocolError(f"{length} bytes of content cannot be {match[0]} (Content-Length)")
    return last - first + 1


def refusal(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    size: int,
    classify: ClassifyContent | None,
    wall: Callable[[], float] = time.time,
) -> Refusal:
    """Return why an answer without promised bytes brings none.

    Args:
        status: HTTP status.
        headers: Lower-case names.
        body: Its beginning.
        size: Of the whole file, as listed.
        classify: Knows the provider's own words; asked first.
        wall: Unix seconds, for a Retry-After that is a date.
    """
    if classify is not None and (failure := classify(status, headers, body)) is not None:
        return Refusal(failure, renew=isinstance(failure, LinkExpired))
    return _by_status(status, headers, size, wall)


def _by_status(
    status: int, headers: Mapping[str, str], size: int, wall: Callable[[], float]
) -> Refusal:
    match status:
        case 200:
            return Refusal(_not_bytes(headers, size))
        case 401 | 403 | 410:
            return Refusal(Denied(f"the content server refuses the link (HTTP {status})"), True)
        case 400:  # S3 and its kin say so of a signature that they cannot read
            return Refusal(ProviderFault("the content server refuses the link (HTTP 400)"), True)
        case 404:
            return Refusal(NotFound("the content server does not have the file (HTTP 404)"), True)
        case 407:
            return Refusal(Denied("the proxy wants a login (HTTP 407)"))
        case 416:
            return Refusal(_unsatisfied(headers, size))
        case 429 | 509:
            return Refusal(_throttled(status, headers, wall))
        case 503 if "retry-after" in headers:
            return Refusal(_throttled(status, headers, wall))
        case _ if status == 408 or status >= 500:
            return Refusal(ProviderFault(f"the content server failed (HTTP {status})"))
        case _:
            return Refusal(ProtocolError(f"the content server answered HTTP {status} to a GET"))


def _whole_file(headers: Mapping[str, str], *, start: int, stop: int, size: int) -> int | None:
    """Return ``size`` when a 200 may stand for the file: its error envelopes come as 200 too."""
    asked_whole = start == 0 and stop == size
    plain = headers.get("content-encoding", "identity") == "identity"
    expected = headers.get("content-length") == str(size)
    return size if asked_whole and plain and expected and _kind(headers) != "json" else None


def _not_bytes(headers: Mapping[str, str], size: int) -> FsmountError:
    kind = _kind(headers)
    if kind == "json":
        return ProtocolError("the content server sent a message (JSON) instead of bytes")
    if kind == "html":
        return ProtocolError("the content server sent a web page instead of bytes")
    # An empty file has no ranges, so it is answered as a whole (Cloudreve, server of 2025-06-21).
    if headers.get("content-length") == "0" and headers.get("accept-ranges") == "bytes":
        return WrongSize(f"the content is empty, not {size} bytes as listed", actual=0)
    return ProtocolError("the content server sent the whole file where a part was asked")


def _unsatisfied(headers: Mapping[str, str], size: int) -> FsmountError:
    match = _UNSATISFIED.fullmatch(headers.get("content-range", "").strip())
    if match is None:
        return Changed("the content server no longer has the asked part of the file")
    if int(match[1]) == size:
        return ProtocolError("the content server refuses a part that the file has")
    return WrongSize(f"the content has {match[1]} bytes, not {size}", actual=int(match[1]))


def _throttled(status: int, headers: Mapping[str, str], wall: Callable[[], float]) -> Throttled:
    return Throttled(
        f"the content server asks to slow down (HTTP {status})",
        retry_after_s=_retry_after_s(headers.get("retry-after", ""), wall),
    )


def _retry_after_s(text: str, wall: Callable[[], float]) -> float | None:
    """Return the seconds of a Retry-After header, which may also be a date; None for neither."""
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - wall())
    except ValueError:
        return None


def _kind(headers: Mapping[str, str]) -> str:
    """Return "json" or "html" for what people wrote, "" for everything else."""
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == "application/json" or media_type.endswith("+json"):
        return "json"
    return "html" if media_type == "text/html" else ""
