"""Thumbnails: made on the first request, refused for ever after a failure.

Source: wire Cloudreve V4 §8.2 and the thumb_* recordings (server of 2025-06-21).
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from tests.emulators.cloudreve import times
from tests.emulators.cloudreve.captcha import draw
from tests.emulators.cloudreve.envelope import Refused
from tests.emulators.cloudreve.uris import parse
from tests.emulators.messages import FileSpan

if TYPE_CHECKING:
    from tests.emulators.clock import Clock
    from tests.emulators.cloudreve.links import Links
    from tests.emulators.cloudreve.places import Places
    from tests.emulators.cloudreve.tree import Node, Tree
    from tests.emulators.cloudreve.users import User

_DISABLED = "thumb:disabled"
_MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"RIFF")
_THUMBNAIL = 1


class Thumbs:
    """Gives links to thumbnails; every picture gets the same small one."""

    def __init__(self, tree: Tree, places: Places, links: Links, clock: Clock) -> None:
        self._tree = tree
        self._places = places
        self._links = links
        self._clock = clock

    def answer(self, query: dict[str, str], user: User) -> dict[str, Any]:
        """The `data` of `GET /file/thumb`; raises Refused 40077, and -1 for the first failure."""
        node = self._places.find(parse(query.get("uri", "")), user).node
        if node.is_folder or _DISABLED in node.metadata:
            raise Refused(40077, "Entity not exist")
        thumb = next((entity for entity in node.entities if entity.kind == _THUMBNAIL), None)
        name = f"{node.name}.jpg"
        if thumb is None:
            if not _is_picture(node):
                node.metadata[_DISABLED] = ""
                raise Refused(-1)
            thumb = self._tree.new_entity(draw("123456"), self._clock.now_ns(), _THUMBNAIL)
            node.add(thumb)
            node.updated_ns = self._clock.now_ns()  # the defect that moves mtimes (§8.2)
            node.touch()
            name = f"1_{uuid.uuid4().hex[:8]}_{node.name}.{uuid.uuid4().hex[:16]}._thumb"
        url, end_ns = self._links.link(thumb, name, download=False)
        return {"url": url, "expires": times.written(end_ns)}


def _is_picture(node: Node) -> bool:
    whole = node.primary.read() if node.primary is not None else None
    if isinstance(whole, FileSpan):
        with open(whole.path, "rb") as file:
            whole = file.read(16)
    # The recorded broken.jpg has ten bytes; a picture that is worth the name has more.
    return whole is not None and whole.startswith(_MAGIC) and len(whole) > 10
