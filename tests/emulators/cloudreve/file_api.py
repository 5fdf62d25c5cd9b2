"""Calls that read files: listings, info, links, content, thumbnails.

Source: wire Cloudreve V4 §6, §7, §8 (server of 2025-06-21).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.emulators.cloudreve.archives import ARCHIVE_PATH
from tests.emulators.cloudreve.envelope import UNCACHED, Refused, success
from tests.emulators.cloudreve.links import CONTENT_PATH, SLAVE_PATH
from tests.emulators.cloudreve.routes import Call, Route
from tests.emulators.messages import Response, text_response

if TYPE_CHECKING:
    from tests.emulators.cloudreve.archives import Archives
    from tests.emulators.cloudreve.content import ContentDoor
    from tests.emulators.cloudreve.info import Info
    from tests.emulators.cloudreve.links import Links
    from tests.emulators.cloudreve.listing import Listing
    from tests.emulators.cloudreve.thumbs import Thumbs
    from tests.emulators.counters import Counters

_API = "/api/v4"


class FileApi:
    """Handlers for the reading half of `/file` and for `/f`."""

    def __init__(
        self,
        listing: Listing,
        info: Info,
        links: Links,
        content: ContentDoor,
        archives: Archives,
        thumbs: Thumbs,
        counters: Counters,
    ) -> None:
        self._listing = listing
        self._info = info
        self._links = links
        self._content = content
        self._archives = archives
        self._thumbs = thumbs
        self._counters = counters

    def routes(self) -> list[Route]:
        """What this API answers."""
        to = Route.to
        content = [
            to(method, f"{path}/*", "content", self._serve, identified=False)
            for method in ("GET", "HEAD")
            for path in (f"{CONTENT_PATH}/*/*", f"{SLAVE_PATH}/*/*")
        ]
        return [
            *content,
            to("GET", f"{ARCHIVE_PATH}/*/archive.zip", "archive", self._archive, identified=False),
            to("GET", f"{_API}/file", "list", self._list),
            to("GET", f"{_API}/file/info", "info", self._tell),
            to("POST", f"{_API}/file/url", "url", self._url),
            to("GET", f"{_API}/file/thumb", "thumb", self._thumb),
            to("PUT", f"{_API}/file/source", "source", self._source),
            to("GET", "/f/*/*", "source_link", self._source_link, identified=False),
        ]

    def _list(self, call: Call) -> Response:
        return success(self._listing.answer(call.request.query, call.user))

    def _tell(self, call: Call) -> Response:
        return success(self._info.answer(call.request.query, call.user))

    def _url(self, call: Call) -> Response:
        body = call.body()
        uris = body.get("uris")
        self._counters.amounts["url_uris"] += len(uris) if isinstance(uris, list) else 0
        if body.get("archive"):
            return success(self._archives.link(body, call.user))
        data = self._links.answer(body, call.user)
        if body.get("redirect") and len(data["urls"]) == 1:
            headers = {"location": data["urls"][0]["url"], "cache-control": UNCACHED}
            return Response(status=302, headers=headers)
        return success(data)

    def _thumb(self, call: Call) -> Response:
        return success(self._thumbs.answer(call.request.query, call.user))

    def _source(self, call: Call) -> Response:
        return success(self._links.sources(call.body(), call.user))

    def _source_link(self, call: Call) -> Response:
        try:
            url = self._links.source(call.parts[0])
        except Refused as exc:
            refused = exc.response()
            del refused.headers["cache-control"]  # set for paths below /api only
            return refused
        found = text_response(302, f'<a href="{url}">Found</a>.\n\n', "text/html; charset=utf-8")
        found.headers["location"] = url
        return found

    def _archive(self, call: Call) -> Response:
        return self._archives.answer(call.parts[0], call.request)

    def _serve(self, call: Call) -> Response:
        return self._content.answer(call.request)
