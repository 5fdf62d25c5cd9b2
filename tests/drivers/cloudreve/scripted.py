"""A Cloudreve site made of answers: recorded ones and made-up ones, without a network."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fsmount.drivers.cloudreve.driver import SPEC, CloudreveDriver
from fsmount.drivers.cloudreve.options import CloudreveOptions
from fsmount.model import Answer, Token

if TYPE_CHECKING:
    from fsmount.drivers.cloudreve.auth import CloudreveScheme

RECORDINGS = Path(__file__).parents[2] / "recordings" / "cloudreve_v4"
SITE = "https://cloud.example.com"
NOW = 1795346464.0
"""What the made-up answers say in ``Date``: 2026-11-22T11:21:04Z, when links were recorded."""


def recorded(name, *, date=NOW):
    """Return an answer of the real server."""
    response = json.loads((RECORDINGS / f"{name}.json").read_text(encoding="utf-8"))["response"]
    body = response["body"]
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return Answer(
        status=response["status"],
        headers=response["headers"],
        body=raw,
        url=f"{SITE}/api/v4",
        date=date,
    )


def answered(body, *, status=200, headers=None, date=NOW):
    """Return an answer with ``body``: bytes as they are, anything else as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status=status, headers=headers or {}, body=raw, url=f"{SITE}/api/v4", date=date)


def data(value, **more):
    """Return a success with ``value``."""
    return answered({"code": 0, "data": value, "msg": ""}, **more)


def refused(code, msg="", **more):
    """Return a refusal."""
    return answered({"code": code, "msg": msg, "correlation_id": "c0", **more})


def file_object(name, *, folder=False, ident=None, **more):
    """Return a file object as listings hold it."""
    return {
        "type": int(folder),
        "id": ident or f"id{name}",
        "name": name,
        "created_at": "2026-11-22T11:18:12Z",
        "updated_at": "2026-11-22T11:18:12.5Z",
        "size": 0 if folder else 5,
        "metadata": {},
        "path": f"cloudreve://my/{name}",
        "primary_entity": "EkH2" if folder else f"v{name}",
        **more,
    }


class Site:
    """Answers calls from a list, or from a function of the call; keeps what was asked."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.calls = []

    async def send(self, call):
        """Answer the next call."""
        self.calls.append(call)
        answer = self.answers[0] if callable(self.answers[0]) else self.answers.pop(0)
        return answer(call) if callable(answer) else answer


@dataclass
class ScriptedAccount:
    """Signs and classifies as ``Account`` does, but neither paces nor renews."""

    scheme: CloudreveScheme
    site: Site
    token: Token | None = None
    name: str = "photos"

    def __post_init__(self):
        self.families = []

    @property
    def anonymous(self):
        """True when no token signs."""
        return self.token is None

    async def call(self, family, call) -> Any:
        """Send and classify one call."""
        self.families.append(family)
        answer = await self.site.send(self.scheme.sign(call, self.token))
        self.scheme.classify(call, answer, signed=self.token is not None)
        return answer


def opened(*answers, token=None, **options) -> tuple[CloudreveDriver, Site]:
    """Return a driver over a scripted site, and the site."""
    given = CloudreveOptions(**{"address": SITE, **options})
    site = Site(*answers)
    account = ScriptedAccount(SPEC.scheme(given), site, token)
    return SPEC.open(given, account), site
