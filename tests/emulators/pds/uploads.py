"""Uploads: sessions, parts and the file at their end, with rapid uploads and their proof.

Sources: Aliyundrive §9, PDS §6.3.
"""

from __future__ import annotations

import base64
import hashlib
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.emulators.pds.contents import Content
from tests.emulators.pds.errors import Refused, StorageRefused, invalid

if TYPE_CHECKING:
    from tests.emulators.clock import Clock
    from tests.emulators.pds.links import Links
    from tests.emulators.pds.reach import Place
    from tests.emulators.pds.tree import Node, Tree

MOST_PARTS = 10_000
_PROOF_BYTES = 8


@dataclass(slots=True, kw_only=True)
class _Upload:
    upload_id: str
    node: Node
    folder: Node
    size: int
    parts: dict[int, bytes] = field(default_factory=dict)


class Uploads:
    """Sessions by upload id."""

    def __init__(self, tree: Tree, links: Links, clock: Clock) -> None:
        self._tree = tree
        self._links = links
        self._clock = clock
        self._uploads: dict[str, _Upload] = {}

    def create(
        self, place: Place, folder: Node, name: str, body: dict[str, Any], *, proof: bool
    ) -> dict[str, Any]:
        """Begin an upload, or make the file at once from a content that is known.

        Args:
            place: the drive.
            folder: where to.
            name: free, or made so.
            body: of the call: `size`, `part_info_list`, hashes.
            proof: whether a rapid upload must prove that the caller has the content.

        Raises Refused PreHashMatched, InvalidRapidProof, InvalidParameter.
        """
        size = body.get("size") or 0
        numbers = _part_numbers(body)
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise invalid("size")
        if body.get("pre_hash") and self._known_pre_hash(place, str(body["pre_hash"])):
            raise Refused("PreHashMatched", more={"pre_hash": body["pre_hash"]})
        known = self._known(place, size, body)
        if known is not None and proof:
            _check_proof(place, known, body)
        node = self._tree.new_node(name, is_folder=False, time_ns=self._clock.now_ns())
        if known is not None or size == 0:
            node.content = known or Content.of(b"")
            folder.adopt(node)
            return self._view(node, None, (), rapid=known is not None)
        node.uploading = True
        upload = _Upload(upload_id=uuid.uuid4().hex.upper(), node=node, folder=folder, size=size)
        self._uploads[upload.upload_id] = upload
        return self._view(node, upload, numbers or [1], rapid=False)

    def urls(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        """Fresh addresses for parts; raises Refused NotFound.UploadId."""
        upload = self._upload(body)
        return self._addresses(upload, _part_numbers(body))

    def parts(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        """The parts that are there."""
        return [
            {
                "part_number": number,
                "part_size": len(data),
                "etag": f'"{hashlib.md5(data).hexdigest().upper()}"',
            }
            for number, data in sorted(self._upload(body).parts.items())
        ]

    def put(self, upload_id: str, number: int, data: bytes) -> str:
        """Record a part; raises StorageRefused. Parts come in order, each once."""
        upload = self._uploads.get(upload_id)
        if upload is None:
            raise StorageRefused("NoSuchKey", "The specified upload does not exist.")
        if number in upload.parts:
            raise StorageRefused("PartAlreadyExist")
        if number != len(upload.parts) + 1:
            raise StorageRefused("PartNotSequential")
        upload.parts[number] = data
        return hashlib.md5(data).hexdigest().upper()

    def complete(self, body: dict[str, Any]) -> Node:
        """Make the file of the parts; a session that is over gives its file again."""
        upload_id = body.get("upload_id")
        node = self._tree.find(str(body.get("file_id", "")))
        if upload_id not in self._uploads and node is not None and not node.uploading:
            return node
        upload = self._upload(body)
        data = b"".join(upload.parts[number] for number in sorted(upload.parts))
        if len(data) != upload.size:
            raise invalid("size", f"{len(data)} bytes were put, {upload.size} were announced")
        del self._uploads[upload.upload_id]
        upload.node.content = Content.of(data)
        upload.node.uploading = False
        upload.node.updated_ns = self._clock.now_ns()
        upload.folder.adopt(upload.node)
        return upload.node

    def _upload(self, body: dict[str, Any]) -> _Upload:
        upload = self._uploads.get(str(body.get("upload_id", "")))
        if upload is None or upload.node.file_id != body.get("file_id"):
            raise Refused("NotFound.UploadId")
        return upload

    def _known_pre_hash(self, place: Place, pre_hash: str) -> bool:
        wanted = pre_hash.lower()
        return any(
            node.content is not None and node.content.pre_hash == wanted
            for node in self._tree.walk(place.drive.root)
        )

    def _known(self, place: Place, size: int, body: dict[str, Any]) -> Content | None:
        if body.get("content_hash_name") != "sha1" or not body.get("content_hash"):
            return None
        wanted = str(body["content_hash"]).upper()
        for node in self._tree.walk(place.drive.root):
            content = node.content
            if content is not None and content.size == size and content.sha1 == wanted:
                return content
        return None

    def _view(
        self, node: Node, upload: _Upload | None, numbers: Any, *, rapid: bool
    ) -> dict[str, Any]:
        return {
            "file_id": node.file_id,
            "file_name": node.name,
            "type": "file",
            "upload_id": upload.upload_id if upload is not None else "",
            "rapid_upload": rapid,
            "exist": False,
            "available": True,
            "status": "uploading" if upload is not None else "available",
            "revision_id": uuid.uuid4().hex,
            "encrypt_mode": "none",
            "location": "cn-beijing",
            "part_info_list": self._addresses(upload, numbers) if upload is not None else [],
        }

    def _addresses(self, upload: _Upload, numbers: list[int]) -> list[dict[str, Any]]:
        return [
            {
                "part_number": number,
                "upload_url": (
                    url := self._links.part(upload.upload_id, upload.node.file_id, number)
                ),
                "internal_upload_url": url,
                "content_type": "",
            }
            for number in numbers
        ]


def _part_numbers(body: dict[str, Any]) -> list[int]:
    rows = body.get("part_info_list") or []
    numbers = [row.get("part_number") for row in rows]
    if len(numbers) > MOST_PARTS or not all(isinstance(number, int) for number in numbers):
        raise invalid("part_info_list")
    return numbers


def proof_offset(access_token: str, size: int) -> int:
    """Where the bytes of a proof begin (Aliyundrive §9.3)."""
    digest = hashlib.md5(access_token.encode()).hexdigest()
    return int(digest[:16], 16) % size if size else 0


def _check_proof(place: Place, content: Content, body: dict[str, Any]) -> None:
    assert place.session is not None
    start = proof_offset(place.session.access_token, content.size)
    proof = content.read(start, min(start + _PROOF_BYTES, content.size)) or b""
    if body.get("proof_code") != base64.b64encode(proof).decode():
        raise Refused("InvalidRapidProof")
