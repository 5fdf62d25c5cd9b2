"""Archives: a link to a zip of several things, made while it is sent.

Source: wire Cloudreve V4 §8, recordings url_archive, archive_get (server of 2025-06-21).
"""

from __future__ import annotations

import io
import uuid
import zipfile
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tests.emulators.cloudreve import batches, times
from tests.emulators.cloudreve.envelope import UNCACHED, Refused
from tests.emulators.messages import FileSpan, Response

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.emulators.clock import Clock
    from tests.emulators.cloudreve.links import Signer
    from tests.emulators.cloudreve.places import Places
    from tests.emulators.cloudreve.settings import Settings
    from tests.emulators.cloudreve.tree import Node, Tree
    from tests.emulators.cloudreve.users import User
    from tests.emulators.messages import Request

ARCHIVE_PATH = "/api/v4/file/archive"
_LIFE_NS = 600 * 1_000_000_000


class Archives:
    """Gives links to archives and serves them; members are held in memory, so keep them small."""

    def __init__(
        self, tree: Tree, places: Places, signer: Signer, settings: Settings, clock: Clock
    ) -> None:
        self._tree = tree
        self._places = places
        self._signer = signer
        self._settings = settings
        self._clock = clock
        self._wanted: dict[str, list[Node]] = {}

    def link(self, body: dict[str, Any], user: User) -> dict[str, Any]:
        """The `data` of `/file/url` with `archive`; raises Refused 40007 or 40081."""
        if not user.group.may_archive:
            raise Refused(40007)
        nodes = batches.each(batches.read(body), self._places, user, lambda place: place.node)
        archive_id = str(uuid.uuid4())
        self._wanted[archive_id] = nodes
        end_ns = self._clock.now_ns() + _LIFE_NS
        path = f"{ARCHIVE_PATH}/{archive_id}/archive.zip"
        sign = quote(self._signer.sign(path, end_ns), safe="")
        url = f"{self._settings.site_url}{path}?sign={sign}"
        return {"urls": [{"url": url}], "expires": times.written(end_ns)}

    def answer(self, archive_id: str, request: Request) -> Response:
        """The zip: chunked, without length and without ranges."""
        end = self._signer.expiry(request.decoded_path, request.query.get("sign", ""))
        if end < self._clock.now() or archive_id not in self._wanted:
            raise Refused(40005, "signature expired")
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for node in self._wanted[archive_id]:
                for name, content in self._members(node, ""):
                    archive.writestr(name, content)
        return Response(
            headers={
                "content-type": "application/zip",
                "content-disposition": "attachment;",
                "cache-control": UNCACHED,
            },
            segments=(packed.getvalue(),),
            chunked=True,
        )

    def _members(self, node: Node, prefix: str) -> Iterator[tuple[str, bytes]]:
        if node.is_folder:
            self._tree.look(node)
            for child in node.children.values():
                yield from self._members(child, f"{prefix}{node.name}/")
            return
        whole = node.primary.read() if node.primary is not None else b""
        if isinstance(whole, FileSpan):
            with open(whole.path, "rb") as file:
                whole = file.read()
        yield prefix + node.name, whole or b""
