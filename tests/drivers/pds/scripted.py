"""A PDS domain made of made-up answers, without a network; shapes as in the vendor's pages."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fsmount.drivers.pds.driver import SPEC, PdsDriver
from fsmount.drivers.pds.options import PdsOptions
from fsmount.model import Answer, Entry, EntryId, Kind, Token

if TYPE_CHECKING:
    from fsmount.drivers.pds.auth import PdsScheme

API = "https://bj29.api.aliyunpds.com"
SHARE = "sAvciMEXKRz"
NOW = 1795346464.0
"""What the made-up answers say in ``Date``: 2026-11-22T11:21:04Z."""


def answered(body=b"", *, status=200, headers=None, date=NOW):
    """Return an answer with ``body``: bytes as they are, anything else as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status=status, headers=headers or {}, body=raw, url=API, date=date)


def refused(status, code, message="no", **more):
    """Return a refusal of the API itself."""
    return answered({"code": code, "message": message}, status=status, **more)


def file_object(name, *, folder=False, **more):
    """Return a file object as listings hold it."""
    own = {"size": 5, "content_hash": f"{name}1F".upper(), "content_hash_name": "sha1"}
    return {
        "file_id": f"id-{name}",
        "name": name,
        "type": "folder" if folder else "file",
        "status": "available",
        "updated_at": "2026-11-22T11:18:12.500Z",
        **({} if folder else own),
        **more,
    }


def listing(*files, marker=""):
    """Return a page of a listing."""
    return answered({"items": list(files), "next_marker": marker})


def share_token(text="ST1", *, expires_in=7200, **more):
    """Return the answer that opens a share."""
    return answered({"share_token": text, "expires_in": expires_in}, **more)


def folder(ident="f1"):
    """Return a folder as the driver knows it."""
    return Entry(id=EntryId(ident), name="docs", kind=Kind.FOLDER)


def file(name="a", **more):
    """Return a file as the driver knows it."""
    digest = {"digest": "sha1:a1f", **more}
    return Entry(id=EntryId(f"id-{name}"), name=name, kind=Kind.FILE, size=5, **digest)


class Script:
    """Answers calls by their path, each from a list or a function; keeps what was asked."""

    def __init__(self, **answers):
        self.answers = {
            path: [*given] if isinstance(given, list) else [given]
            for path, given in answers.items()
        }
        self.calls = []

    async def send(self, call):
        """Answer the next call of its path; the last answer is repeated."""
        self.calls.append(call)
        path = path_of(call)
        left = self.answers[path.replace("/", "__")]
        answer = left.pop(0) if len(left) > 1 else left[0]
        if callable(answer):
            answer = answer(call)
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def paths(self):
        """What was asked, in order."""
        return [path_of(call) for call in self.calls]


def path_of(call):
    """Return what of the API a call is about."""
    return urlsplit(call.url).path.removeprefix("/v2/")


@dataclass
class ScriptedAccount:
    """Signs and classifies as ``Account`` does, but neither paces nor renews."""

    scheme: PdsScheme
    script: Script
    token: Token | None = None
    name: str = "photos"
    families: list[str] = field(default_factory=list)

    @property
    def anonymous(self):
        """True when no token signs."""
        return self.token is None

    async def call(self, family, call) -> Any:
        """Send and classify one call."""
        self.families.append(family)
        answer = await self.script.send(self.scheme.sign(call, self.token))
        self.scheme.classify(call, answer, signed=self.token is not None)
        return answer


def opened(*, token=None, share=SHARE, options=None, **answers) -> tuple[PdsDriver, Script]:
    """Return the driver of a share (of a drive when ``share`` is "") over a script."""
    given = PdsOptions(**{"domain": "bj29", "share": share, **(options or {})})
    if share:
        answers.setdefault("share_link__get_share_token", share_token())
    script = Script(**answers)
    return SPEC.open(given, ScriptedAccount(SPEC.scheme(given), script, token)), script


def drive(*, options=None, **answers) -> tuple[PdsDriver, Script]:
    """Return the driver of the drive "101" of somebody who is signed in."""
    answers.setdefault("user__get", answered({"user_id": "u1", "default_drive_id": "101"}))
    return opened(token=Token(access="AAA"), share="", options=options, **answers)
