"""File content: GET and HEAD of signed links, with every trap of the real server.

Source: wire Cloudreve V4 §8.1 and the content_* recordings (server of 2025-06-21).
"""

from __future__ import annotations

import base64
import binascii
import mimetypes
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from tests.emulators import ranges
from tests.emulators.cloudreve.envelope import Refused
from tests.emulators.cloudreve.links import SLAVE_PATH
from tests.emulators.messages import Response, text_response

if TYPE_CHECKING:
    from tests.emulators.clock import Clock
    from tests.emulators.cloudreve.ids import IdSpace
    from tests.emulators.cloudreve.links import Signer
    from tests.emulators.cloudreve.settings import Settings
    from tests.emulators.cloudreve.tree import Entity, Tree
    from tests.emulators.messages import Request, Segment

# A slave node tags everything with the hash of its own entity number 0 (§8.1).
_SLAVE_ETAG = '"5qh1"'


class ContentDoor:
    """Serves entities; identity plays no part, the signature is all."""

    def __init__(
        self, tree: Tree, entity_ids: IdSpace, signer: Signer, settings: Settings, clock: Clock
    ) -> None:
        self._tree = tree
        self._entity_ids = entity_ids
        self._signer = signer
        self._settings = settings
        self._clock = clock

    def answer(self, request: Request) -> Response:
        """Serve the content a signed path names; errors are HTTP 200 with JSON (Refused)."""
        end = self._signer.expiry(request.decoded_path, request.query.get("sign", ""))
        if end < self._clock.now():
            if not self._settings.on("expired-json"):
                return text_response(403, "expired\n")
            raise Refused(40005, "signature expired")
        slave = request.path.startswith(SLAVE_PATH)
        key, speed, name = request.path.split("/")[-3:]
        entity_id = self._behind_slave(key) if slave else key
        try:
            whole = self._read(entity_id)
        except Refused as exc:
            gone = exc.response()
            gone.headers["content-security-policy"] = "sandbox"  # set before it looked
            return gone
        name = unquote(name, errors="surrogateescape")
        headers = {"cache-control": "public, max-age=86400"}
        if request.method == "GET":
            headers["content-security-policy"] = "sandbox"
        if request.query.get("download") == "true":
            headers["content-disposition"] = _disposition(name)
        content = ranges.Content(
            whole=whole,
            media_type=media_type(name),
            etag=_SLAVE_ETAG if slave else f'"{entity_id}"',
            headers=headers,
        )
        response = ranges.serve(request, content)
        limit = float(speed) if speed.isdigit() else 0.0
        if not limit:
            return response
        return Response(
            status=response.status,
            headers=response.headers,
            segments=response.segments,
            rate=limit,
        )

    def _read(self, entity_id: str) -> Segment:
        try:
            number = self._entity_ids.decode(entity_id)
        except ValueError:
            raise Refused(40077, "Entity not exist") from None
        if number == 0:
            return b""
        entity: Entity | None = self._tree.entities.get(number)
        whole = entity.read() if entity is not None else None
        if whole is None:
            raise Refused(40077, "Entity not exist")
        return whole

    def _behind_slave(self, key: str) -> str:
        try:
            return base64.urlsafe_b64decode(key).decode().rpartition("/")[2]
        except (binascii.Error, UnicodeDecodeError):
            raise Refused(40077, "Entity not exist") from None


def media_type(name: str) -> str:
    """The type that the server takes from a name."""
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind


def _disposition(name: str) -> str:
    if name.isascii() and name.isprintable() and '"' not in name and "\\" not in name:
        return f'attachment; filename="{name}"'
    return f"attachment; filename*=UTF-8''{quote(name, safe='', errors='surrogateescape')}"
