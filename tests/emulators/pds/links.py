"""Links to content: signed addresses of the storage, in its newer or its older way.

Sources: Aliyundrive §7.2, PDS §6.2.
"""

from __future__ import annotations

import base64
import json
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from tests.emulators.disk import DiskContent
from tests.emulators.pds import times
from tests.emulators.pds.errors import StorageRefused
from tests.emulators.signing import Verdict

if TYPE_CHECKING:
    from tests.emulators.clock import Clock
    from tests.emulators.messages import Request
    from tests.emulators.pds.reach import Place
    from tests.emulators.pds.settings import Settings
    from tests.emulators.pds.tree import Node
    from tests.emulators.signing import Keyring

_NS = 1_000_000_000
_NOTICE_HOST = "pds-system-file.oss-cn-beijing.aliyuncs.com"
_FROZEN, _ILLEGAL = 2, 103  # punish_flag: a notice in its place; no link at all
_KEY_ID = "LTAI4tEmulator"
# What every link carries: the storage asks the service before it serves anything.
_CALLBACK = {"callbackStage": "before-execute", "callbackBody": "range=${header.range}"}
_CONSTANT = {
    "callback": base64.b64encode(json.dumps(_CALLBACK).encode()).decode(),
    "callback-var": base64.b64encode(b'{"x:u":"1"}').decode(),
    "pds-params": '{"ap":"emulator"}',
    "security-token": "CAISvAJ1q6Ft5B2yfSjIr5f+emulator/==",
}
_CONSTANT_WRITTEN = urlencode(_CONSTANT, quote_via=quote)


class Links:
    """Makes links and says whether one that is used is good."""

    def __init__(
        self, keys: Keyring, settings: Settings, clock: Clock, *, data_host: str, root: str
    ) -> None:
        self._keys = keys
        self._settings = settings
        self._clock = clock
        self._data_host = data_host
        self._root = root
        self.address = ""

    def make(self, node: Node, place: Place, seconds: float) -> tuple[str, int]:
        """A link to a file and its end in nanoseconds; "" when it is blocked."""
        life_s = min(seconds, self._settings.max_link_s)
        if self._settings.link_life_s:
            life_s = min(life_s, self._settings.link_life_s)
        end_ns = self._clock.now_ns() + round(life_s * _NS)
        if node.punish_flag == _ILLEGAL or self._settings.on("empty-links"):
            return "", end_ns
        if node.punish_flag == _FROZEN:
            return f"{self.address}/{_NOTICE_HOST}/illegal.txt", end_ns
        assert node.content is not None
        if self._settings.origin is not None and isinstance(node.content.data, DiskContent):
            relative = os.path.relpath(node.content.data.path, self._root)
            return f"{self._settings.origin}/{quote(relative)}", end_ns
        path = f"/{node.file_id}%2F{node.content.revision_id}"
        return self._signed(path, end_ns, self._parameters(node, place)), end_ns

    def thumbnail(self, node: Node, place: Place) -> str:
        """A link to a small picture of a file."""
        end_ns = self._clock.now_ns() + round(self._settings.default_link_s * _NS)
        assert node.content is not None
        path = f"/{node.file_id}%2F{node.content.revision_id}"
        parameters = {"x-oss-process": "image/resize,w_400/format,jpeg"}
        return self._signed(path, end_ns, parameters)

    def part(self, upload_id: str, file_id: str, number: int) -> str:
        """Where a part of an upload is put."""
        end_ns = self._clock.now_ns() + round(self._settings.upload_life_s * _NS)
        parameters = {"partNumber": str(number), "uploadId": upload_id}
        return self._signed(f"/{file_id}%2F{upload_id}", end_ns, parameters)

    def answer(self, node: Node, place: Place, seconds: float, domain_id: str) -> dict[str, Any]:
        """The answer of the download link call."""
        url, end_ns = self.make(node, place, seconds)
        content = node.content
        assert content is not None
        value: dict[str, Any] = {
            "domain_id": domain_id,
            "drive_id": place.drive.drive_id,
            "file_id": node.file_id,
            "revision_id": content.revision_id,
            "method": "GET",
            "url": url,
            "internal_url": url.replace(self._data_host, "ccp-bj29-internal.aliyuncs.com"),
            "cdn_url": None,
            "expiration": times.written(end_ns),
            "size": node.size,
            "ratelimit": {"part_speed": -1, "part_size": -1},
            "punish_flag": node.punish_flag,
            "meta_name_punish_flag": 0,
            "meta_name_investigation_status": 0,
        }
        if content.crc64 is not None:
            value["crc64_hash"] = content.crc64
        if content.sha1 is not None:
            value |= {"content_hash": content.sha1, "content_hash_name": "sha1"}
        return dict.fromkeys(value) if self._settings.on("null-links") else value

    def check(self, request: Request) -> None:
        """Raise StorageRefused unless the request is for a link that this domain gave."""
        query = dict(request.query)
        newer = "x-oss-signature" in query
        given = query.pop("x-oss-signature" if newer else "Signature", "")
        end = query.get("x-oss-expires" if newer else "Expires", "")
        try:
            verdict = self._keys.check(_signable(request.path, query), _unwritten(given))
        except ValueError:
            verdict = Verdict.WRONG
        if verdict is Verdict.WRONG or not end.isdigit():
            raise StorageRefused("SignatureDoesNotMatch")
        now = self._clock.now()
        if verdict is Verdict.EXPIRED or int(end) < now:
            server_time = times.written(round(now * _NS))
            expires = times.written(int(end) * _NS)
            raise StorageRefused("AccessDenied", Expires=expires, ServerTime=server_time)

    def expire(self) -> None:
        """Let every link that exists now be expired."""
        self._keys.expire_all()

    def _parameters(self, node: Node, place: Place) -> dict[str, str]:
        session = place.session
        parameters = {
            "di": place.drive.owner.domain_id,
            "dr": place.drive.drive_id,
            "f": node.file_id,
            "u": session.user.user_id if session is not None else "",
            "response-content-disposition": f"attachment; filename*=UTF-8''{quote(node.name)}",
        }
        web = session is not None and session.kind == "web"
        if web or self._settings.on("links-need-referer"):
            parameters["x-oss-additional-headers"] = "referer"
        return parameters

    def _signed(self, path: str, end_ns: int, parameters: dict[str, str]) -> str:
        end = str(end_ns // _NS)
        if self._settings.on("v1-links"):
            query = parameters | {"Expires": end, "OSSAccessKeyId": _KEY_ID}
            name = "Signature"
        else:
            query = parameters | {
                "x-oss-access-key-id": _KEY_ID,
                "x-oss-expires": end,
                "x-oss-signature-version": "OSS2",
            }
            name = "x-oss-signature"
        mac = self._keys.sign(_signable(path, query | _CONSTANT))
        query[name] = base64.b64encode(mac).decode()
        written = f"{urlencode(query, quote_via=quote)}&{_CONSTANT_WRITTEN}"
        return f"{self.address}/{self._data_host}{path}?{written}"


def _signable(path: str, query: dict[str, str]) -> str:
    return "\n".join([path, *(f"{name}={query[name]}" for name in sorted(query))])


def _unwritten(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
