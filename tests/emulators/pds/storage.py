"""The storage that links lead to: GET and HEAD of contents, PUT of parts.

It has the habits of Alibaba's object storage: errors are XML, and a Range that leaves the object at
either end is ignored: the answer is 200 and the whole object. Source: Aliyundrive §7.2.
"""

from __future__ import annotations

import base64
import email.utils
import re
from typing import TYPE_CHECKING

from tests.emulators.messages import Response, text_response
from tests.emulators.pds.contents import span
from tests.emulators.pds.errors import StorageRefused

if TYPE_CHECKING:
    from tests.emulators.clock import Clock
    from tests.emulators.counters import Counters
    from tests.emulators.messages import Request, Segment
    from tests.emulators.pds.contents import Content
    from tests.emulators.pds.links import Links
    from tests.emulators.pds.settings import Settings
    from tests.emulators.pds.tree import Tree
    from tests.emulators.pds.uploads import Uploads

_NS = 1_000_000_000
_ONE_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
# Any page of the vendor does (Aliyundrive §7.2: "any header value that matches what was signed").
_REFERERS = ("https://www.aliyundrive.com/", "https://www.alipan.com/")
_PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
NOTICE = "this file was frozen\n"


class Storage:
    """Answers at the data host."""

    def __init__(
        self,
        tree: Tree,
        links: Links,
        uploads: Uploads,
        settings: Settings,
        clock: Clock,
        counters: Counters,
    ) -> None:
        self._tree = tree
        self._links = links
        self._uploads = uploads
        self._settings = settings
        self._clock = clock
        self._counters = counters
        self._deleted: dict[str, Content] = {}

    def answer(self, request: Request) -> Response:
        """Answer a request for a signed address."""
        try:
            self._links.check(request)
            if request.method == "PUT":
                return self._put(request)
            self._check_referer(request)
            if "x-oss-process" in request.query:
                return Response(headers={"content-type": "image/png"}, segments=(_PICTURE,))
            most = self._settings.max_bodies
            if most and self._counters.active["content"] >= most:
                raise StorageRefused("ExceedMaxConcurrency")
            file_id, _, revision_id = request.decoded_path.removeprefix("/").partition("/")
            content, whole = self._content(file_id, revision_id)
            return self._read(request, content, whole)
        except StorageRefused as exc:
            return exc.response()

    def notice(self, _request: Request) -> Response:
        """What is served in place of a frozen file."""
        return text_response(200, NOTICE)

    def remember(self, content: Content) -> None:
        """Keep the content of a file that is deleted, for links that outlive it."""
        self._deleted[content.revision_id] = content

    def _check_referer(self, request: Request) -> None:
        if request.query.get("x-oss-additional-headers") != "referer":
            return
        referer = request.headers.get("referer")
        if referer is None:
            raise StorageRefused("InvalidArgument")
        if not referer.startswith(_REFERERS):
            raise StorageRefused("SignatureDoesNotMatch")

    def _content(self, file_id: str, revision_id: str) -> tuple[Content, Segment]:
        node = self._tree.find(file_id)
        content = node.content if node is not None else None
        if content is None and self._settings.on("links-outlive-files"):
            content = self._deleted.get(revision_id)
        whole = content.whole() if content is not None else None
        if content is None or whole is None or content.revision_id != revision_id:
            raise StorageRefused("NoSuchKey")
        return content, whole

    def _read(self, request: Request, content: Content, whole: Segment) -> Response:
        size = len(whole)
        etag = f'"{content.revision_id[:32].upper()}"'
        if request.headers.get("if-match", etag) not in (etag, "*"):
            raise StorageRefused("PreconditionFailed")
        headers = {
            "accept-ranges": "bytes",
            "content-type": "application/oct-stream",
            "etag": etag,
            "last-modified": email.utils.formatdate(self._clock.now(), usegmt=True),
            "x-oss-object-type": "Normal",
        }
        if content.crc64 is not None:
            headers["x-oss-hash-crc64ecma"] = content.crc64
        disposition = request.query.get("response-content-disposition")
        if disposition:
            headers["content-disposition"] = disposition
        rate = self._settings.speed_limit or None
        part = self._range(request, size)
        if part is None:
            return Response(headers=headers, segments=(whole,), rate=rate)
        start, stop = part
        headers["content-range"] = f"bytes {start}-{stop - 1}/{size}"
        return Response(
            status=206, headers=headers, segments=(span(whole, start, stop),), rate=rate
        )

    def _range(self, request: Request, size: int) -> tuple[int, int] | None:
        """The part that is asked for; None for all of it, also where the Range is no good."""
        asked = request.headers.get("range")
        if asked is None:
            return None
        standard = request.headers.get("x-oss-range-behavior") == "standard"
        match = _ONE_RANGE.fullmatch(asked.strip())
        if match is None or match.groups() == ("", ""):
            return None
        first, last = match.groups()
        if first:
            start, stop = int(first), int(last) + 1 if last else size
        else:
            start, stop = size - int(last), size
        if 0 <= start < stop <= size:
            return start, stop
        if standard and max(0, start) < min(stop, size):
            return max(0, start), min(stop, size)
        if standard or self._settings.on("range-416"):
            raise StorageRefused("InvalidRange", ActualObjectSize=str(size), RangeHeader=asked)
        return None

    def _put(self, request: Request) -> Response:
        number = int(request.query.get("partNumber", "0"))
        etag = self._uploads.put(request.query.get("uploadId", ""), number, request.body)
        return Response(headers={"etag": f'"{etag}"'})
