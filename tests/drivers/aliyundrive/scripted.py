"""A provider made of answers, without a network: what it is asked is kept, what it says is told."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fsmount.drivers.aliyundrive.device import Device
from fsmount.drivers.aliyundrive.driver import SPEC
from fsmount.drivers.aliyundrive.options import AliyundriveOptions
from fsmount.model import Answer, Entry, EntryId, Kind, Token

if TYPE_CHECKING:
    from fsmount.account.account import Scheme

NOW = 1_795_346_464.0
"""What answers say in ``Date``: 2026-11-22T11:21:04Z."""

USER = "0123456789abcdef0123456789abcdef"
DEVICE = Device(
    id="3eb1bd439947eb762998e566ccc2e099",
    key="3eb1bd439947eb762998e566ccc2e099c791118b2f40579cc4f7da2b5061b7f9",
    user_id=USER,
)
TOKEN = Token(access="access-1", refresh="refresh-1", issued_at=NOW, extra=DEVICE.extra)
SHA1 = "5b00669c480d5cffbdfa8bdba99561160f2d1b77"


def answered(body: Any = b"", *, status=200, headers=None, date=NOW):
    """Return an answer with ``body``: bytes as they are, anything else as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status=status, headers=headers or {}, body=raw, url="", date=date)


def refused(code, *, status=400, message="", **more):
    """Return a refusal as the provider words it."""
    return answered({"code": code, "message": message}, status=status, **more)


def item(name, **more):
    """Return an item as listings hold it."""
    folder = more.get("type") == "folder"
    file = {} if folder else {"size": 5, "content_hash": SHA1.upper(), "content_hash_name": "sha1"}
    return {
        "drive_id": "1001",
        "file_id": f"id-{name}",
        "parent_file_id": "root",
        "name": name,
        "type": "file",
        "updated_at": "2022-10-08T06:49:45.396Z",
        **file,
        **more,
    }


USER_ANSWER = {
    "user_id": USER,
    "default_drive_id": "1001",
    "resource_drive_id": "1002",
    "created_at": 1,
}


@dataclass
class Service:
    """Answers calls by their path; a list is used up, anything else is said for ever."""

    answers: dict[str, Any] = field(default_factory=dict)
    calls: list[Any] = field(default_factory=list)

    async def send(self, call):
        """Answer a call."""
        self.calls.append(call)
        path = urlsplit(call.url).path
        answer = self.answers[path]
        if isinstance(answer, list):
            answer = answer.pop(0)
        return answer(call) if callable(answer) else answer

    def asked(self, path):
        """Return the calls of ``path``."""
        return [call for call in self.calls if urlsplit(call.url).path == path]


@dataclass
class ScriptedAccount:
    """Signs and classifies as ``Account`` does, but neither paces nor renews."""

    scheme: Scheme
    service: Service
    token: Token | None = TOKEN
    name: str = "photos"
    families: list[str] = field(default_factory=list)

    @property
    def anonymous(self):
        """True when no token signs."""
        return self.token is None

    async def call(self, family, call):
        """Send and classify one call."""
        self.families.append(family)
        answer = await self.service.send(self.scheme.sign(call, self.token))
        self.scheme.classify(call, answer, signed=self.token is not None)
        return answer


def opened(answers, *, token=TOKEN, **options):
    """Return a driver over a scripted provider, and the provider."""
    service = Service({"/v2/user/get": answered(USER_ANSWER), **answers})
    given = AliyundriveOptions(**options)
    return SPEC.open(given, ScriptedAccount(SPEC.scheme(given), service, token)), service


FILE = Entry(
    id=EntryId("id-a.bin"),
    name="a.bin",
    kind=Kind.FILE,
    size=5,
    version=SHA1,
    digest=f"sha1:{SHA1}",
)
FOLDER = Entry(id=EntryId("id-films"), name="films", kind=Kind.FOLDER)
