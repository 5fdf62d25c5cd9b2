"""Uploading: sessions and their chunks, small files in one call, versions.

Source: wire Cloudreve V4 §10 and the upload_*, content_put*, version_* recordings (server of
2025-06-21). Only the local policy, and relaying ones, where chunks go to the server itself.
"""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tests.emulators.cloudreve.changes import existed, is_legal
from tests.emulators.cloudreve.envelope import Refused, invalid
from tests.emulators.cloudreve.places import not_supported
from tests.emulators.cloudreve.uris import parse
from tests.emulators.cloudreve.views import UPLOAD_MARK

if TYPE_CHECKING:
    from tests.emulators.clock import Clock
    from tests.emulators.cloudreve.changes import Changes
    from tests.emulators.cloudreve.locks import Lock, Locks
    from tests.emulators.cloudreve.places import Place, Places
    from tests.emulators.cloudreve.settings import Settings
    from tests.emulators.cloudreve.tree import Entity, Node, Tree
    from tests.emulators.cloudreve.users import User
    from tests.emulators.cloudreve.views import Views
    from tests.emulators.messages import Request

_SESSION_S = 86_400
_ENTITY_TYPES = ("", None, "version", "live_photo")


@dataclass(slots=True, kw_only=True, eq=False)
class _Upload:
    """A running upload; `stored` is None until the first chunk (preallocated zero bytes)."""

    id: str
    user: User
    node: Node
    entity: Entity
    chunk_bytes: int
    lock: Lock
    is_new: bool
    stored: bytearray | None = None

    @property
    def size(self) -> int:
        return self.entity.size

    @property
    def last_index(self) -> int:
        if not self.chunk_bytes or not self.size:
            return 0
        return (self.size - 1) // self.chunk_bytes

    def length_of(self, index: int) -> int:
        if index == self.last_index:
            return self.size - index * self.chunk_bytes
        return self.chunk_bytes


class Uploads:
    """Everything that brings bytes in."""

    def __init__(
        self,
        tree: Tree,
        places: Places,
        changes: Changes,
        locks: Locks,
        views: Views,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._tree = tree
        self._places = places
        self._changes = changes
        self._locks = locks
        self._views = views
        self._settings = settings
        self._clock = clock
        self._uploads: dict[str, _Upload] = {}

    def begin(self, body: dict[str, Any], user: User) -> dict[str, Any]:
        """Open a session: the path is locked and the file visible at once."""
        size = body.get("size")
        if body.get("entity_type") not in _ENTITY_TYPES or not isinstance(size, int):
            raise invalid("Invalid parameters.")
        if size < 0:
            raise invalid("Size too short")
        if body.get("policy_id") != self._views.policy_id:
            raise Refused(40001, "unknown policy id")
        uri = parse(body.get("uri", ""))
        above = self._places.find_new(uri, user)
        self._check(uri.names, size)
        missing = uri.names[len(above.uri.names) :]
        node = self._tree.child(above.node, missing[0]) if len(missing) == 1 else None
        if node is not None:
            if body.get("entity_type") != "version" or node.is_folder:
                raise existed()
            self._locks.check(node, user)
        is_new = node is None
        if node is None:
            node = self._changes.make(above, missing, is_folder=False)
        upload = _Upload(
            id=str(uuid.uuid4()),
            user=user,
            node=node,
            entity=self._tree.new_entity(b"", self._clock.now_ns()),
            chunk_bytes=0 if self._settings.on("relay") else self._settings.chunk_bytes,
            lock=self._locks.hold(node, str(uri), user, "upload"),
            is_new=is_new,
        )
        # The entity is there from the start, with the size it is going to have (§10.1: the quota
        # is taken at once), though a new file shows size 0 and entity 0 until it is complete.
        upload.entity.size = size
        node.add(upload.entity)
        self._uploads[upload.id] = upload
        self._mark(node, upload.id)
        return {
            "session_id": upload.id,
            "upload_id": "",
            "chunk_size": upload.chunk_bytes,
            "expires": int(self._clock.now()) + _SESSION_S,
            "storage_policy": self._views.policy(),
            "uri": str(uri),
            "callback_secret": secrets.token_hex(16),
        }

    def chunk(self, upload_id: str, index_text: str, request: Request, user: User) -> None:
        """Store a chunk; the last index completes the file, whatever else is missing."""
        try:
            index = int(index_text)
        except ValueError:
            raise invalid("Parameter error") from None
        if index < 0:
            raise invalid("Index too short")
        upload = self._uploads.get(upload_id)
        if upload is None or upload.user is not user:
            raise Refused(40011)
        if upload.node.number not in self._tree.nodes:
            raise Refused(40016, "Path not exist")
        if not self._locks.holds(upload.lock):
            raise Refused(40073, "Lock expired")
        if index > upload.last_index:
            raise Refused(40012, "Chunk offset cannot be greater than file size")
        wanted = upload.length_of(index)
        if request.headers.get("content-length") != str(wanted):
            raise Refused(40013, f"Invalid Content-Length (expected: {wanted})")
        self._store(upload, index * upload.chunk_bytes, request.body)
        if index == upload.last_index:
            self._finish(upload)

    def cancel(self, body: dict[str, Any], user: User) -> None:
        """End a session: a new file goes, an old one stays as it was."""
        node = self._places.find(parse(body.get("uri", "")), user).node
        upload = self._uploads.get(str(body.get("id")))
        if upload is None or upload.user is not user or upload.node is not node:
            raise Refused(40011)
        self._end(upload)
        self._tree.drop(node, upload.entity)
        if upload.is_new and node.parent is not None:
            node.parent.part_with(node)
            self._tree.forget(node)

    def put(self, query: dict[str, str], content: bytes, user: User) -> Place:
        """Make or overwrite a small file; `previous` is the version expected to be current."""
        uri = parse(query.get("uri", ""))
        above = self._places.find_new(uri, user)
        if len(content) > self._settings.max_edit_bytes:
            raise Refused(40049, "File is too large")
        self._check(uri.names, len(content))
        missing = uri.names[len(above.uri.names) :]
        node = self._tree.child(above.node, missing[0]) if len(missing) == 1 else None
        if node is None:
            node = self._changes.make(above, missing, is_folder=False)
        elif node.is_folder:
            raise not_supported()
        self._locks.check(node, user)
        if query.get("previous", "") not in ("", self._views.entity_id(node.primary)):
            raise Refused(40076, "File is updated during your edit")
        self._write(node, content)
        return replace(above, uri=uri, node=node)

    def make_current(self, body: dict[str, Any], user: User) -> None:
        """Go back to a version; `size` keeps its old value, as the real server leaves it (§7)."""
        place = self._places.find(parse(body.get("uri", "")), user)
        entity = self._version(place.node, body.get("version"))
        place.node.primary = entity
        place.node.touch()

    def drop_version(self, body: dict[str, Any], user: User) -> None:
        """Delete a version that is not the current one."""
        place = self._places.find(parse(body.get("uri", "")), user)
        entity = self._version(place.node, body.get("version"))
        if entity is place.node.primary:
            raise not_supported()
        self._tree.drop(place.node, entity)

    def _check(self, names: tuple[str, ...], size: int) -> None:
        settings = self._settings
        suffix = names[-1].rpartition(".")[2] if names else ""
        allowed = settings.allowed_suffixes
        if not names or not is_legal(names[-1]) or (allowed and suffix not in allowed):
            raise Refused(-1)
        if settings.max_file_bytes and size > settings.max_file_bytes:
            raise Refused(40049, "File is too large")
        if size > settings.capacity_bytes:
            raise Refused(40051, "Insufficient capacity")

    def _mark(self, node: Node, upload_id: str) -> None:
        node.metadata[UPLOAD_MARK] = upload_id
        node.updated_ns = self._clock.now_ns()
        node.touch()

    def _store(self, upload: _Upload, offset: int, chunk: bytes) -> None:
        if offset == 0:
            upload.stored = bytearray(chunk)  # truncates what was stored after it (§10.3)
            return
        if upload.stored is None:
            upload.stored = bytearray(upload.size)
        if len(upload.stored) < offset:
            raise Refused(50004, "Failed to upload file")
        upload.stored[offset : offset + len(chunk)] = chunk

    def _finish(self, upload: _Upload) -> None:
        self._end(upload)
        upload.entity.content = bytes(upload.stored or b"")
        self._make_current(upload.node, upload.entity)

    def _end(self, upload: _Upload) -> None:
        del self._uploads[upload.id]
        self._locks.release(upload.lock)
        upload.node.metadata.pop(UPLOAD_MARK, None)
        upload.node.touch()

    def _write(self, node: Node, content: bytes) -> None:
        entity = self._tree.new_entity(content, self._clock.now_ns())
        node.add(entity)
        self._make_current(node, entity)

    def _make_current(self, node: Node, entity: Entity) -> None:
        node.show(entity, self._clock.now_ns())
        versions = [entity for entity in node.entities if entity.kind == 0]
        for entity in versions[self._settings.max_versions :]:
            self._tree.drop(node, entity)

    def _version(self, node: Node, wanted: object) -> Entity:
        for entity in node.entities:
            if entity.kind == 0 and self._views.entity_id(entity) == wanted:
                return entity
        raise Refused(40001, "unknown version id")
