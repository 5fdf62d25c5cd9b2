"""Ranges and conditions of HTTP content, as Go's `http.ServeContent` answers them.

Cloudreve serves files with it, and most Go servers do; a CDN with other habits gets its own module.
Source: wire Cloudreve V4 §8.1 and its content_* recordings (server of 2025-06-21).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tests.emulators.messages import FileSpan, Request, Response, text_response

if TYPE_CHECKING:
    from tests.emulators.messages import Segment

_RANGE = re.compile(r"\s*(\d*)\s*-\s*(\d*)\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What is served: bytes in memory or a whole file on disk, its type and its entity tag."""

    whole: Segment
    media_type: str
    etag: str
    headers: dict[str, str]

    def span(self, start: int, stop: int) -> Segment:
        """The bytes from `start` to `stop`, half open."""
        if isinstance(self.whole, FileSpan):
            return replace(self.whole, start=start, stop=stop)
        return self.whole[start:stop]


def serve(request: Request, content: Content) -> Response:
    """Answer GET or HEAD for this content: 200, 206, 304, 412 or 416."""
    base = content.headers | {"etag": content.etag}
    if "if-match" in request.headers and not _matches(request.headers["if-match"], content.etag):
        return Response(status=412, headers=base)
    if _matches(request.headers.get("if-none-match", ""), content.etag):
        return Response(status=304, headers=base)
    headers = base | {"accept-ranges": "bytes", "content-type": content.media_type}
    size = len(content.whole)
    asked = request.headers.get("range")
    if_range = request.headers.get("if-range")
    if asked is None or size == 0 or (if_range is not None and if_range != content.etag):
        return Response(headers=headers, segments=(content.whole,))
    try:
        spans = parse_range(asked, size)
    except ValueError:
        return _refused(base, "invalid range\n")
    if not spans:
        refused = _refused(base, "invalid range: failed to overlap\n")
        refused.headers["content-range"] = f"bytes */{size}"
        return refused
    if sum(stop - start for start, stop in spans) > size:
        return Response(headers=headers, segments=(content.whole,))  # Go: more than the file
    if len(spans) == 1:
        start, stop = spans[0]
        headers["content-range"] = f"bytes {start}-{stop - 1}/{size}"
        return Response(status=206, headers=headers, segments=(content.span(start, stop),))
    return _multipart(headers, content, spans)


def parse_range(text: str, size: int) -> list[tuple[int, int]]:
    """The spans of a Range header that overlap `size` bytes, half open; ValueError if malformed."""
    unit, separator, specs = text.partition("=")
    if unit != "bytes" or not separator:
        raise ValueError(text)
    spans = []
    for spec in specs.split(","):
        if not spec.strip():
            continue
        match = _RANGE.fullmatch(spec)
        if match is None or match.group(0).strip() == "-":
            raise ValueError(text)
        first, last = match.groups()
        if not first:
            start, stop = max(0, size - int(last)), size
        else:
            start, stop = int(first), min(size, int(last) + 1) if last else size
            if last and int(last) < start:
                raise ValueError(text)
        if start < stop:
            spans.append((start, stop))
    return spans


def _matches(header: str, etag: str) -> bool:
    tags = [tag.strip() for tag in header.split(",")]
    return "*" in tags or etag in tags


def _refused(base: dict[str, str], text: str) -> Response:
    refused = text_response(416, text)
    return replace(refused, headers=base | refused.headers | {"x-content-type-options": "nosniff"})


def _multipart(headers: dict[str, str], content: Content, spans: list[tuple[int, int]]) -> Response:
    boundary = hashlib.blake2b(repr(spans).encode(), digest_size=30).hexdigest()
    parts: list[Segment] = []
    for number, (start, stop) in enumerate(spans):
        head = (
            "" if number == 0 else "\r\n",
            f"--{boundary}\r\n",
            f"Content-Range: bytes {start}-{stop - 1}/{len(content.whole)}\r\n",
            f"Content-Type: {content.media_type}\r\n\r\n",
        )
        parts += ["".join(head).encode(), content.span(start, stop)]
    parts.append(f"\r\n--{boundary}--\r\n".encode())
    headers["content-type"] = f"multipart/byteranges; boundary={boundary}"
    return Response(status=206, headers=headers, segments=tuple(parts))
