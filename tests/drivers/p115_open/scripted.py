"""115 Open made of answers, without a network."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fsmount.drivers.p115_open.driver import SPEC, P115OpenDriver
from fsmount.drivers.p115_open.options import P115OpenOptions
from fsmount.model import Answer, Token

if TYPE_CHECKING:
    from fsmount.drivers.p115_open.auth import P115OpenScheme

NOW = 1795346464.0
"""What the answers say in ``Date``: 2026-11-22T11:21:04Z, 19:21:04 where 115 is."""

SHA1 = "2FD4E1C67A2D28FCED849EE1BB76E7391B93EB12"


def answered(body, *, status=200, headers=None, date=NOW):
    """Return an answer with ``body``: bytes as they are, anything else as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(
        status=status, headers=headers or {}, body=raw, url="https://proapi.115.com/open", date=date
    )


def data(value, **more):
    """Return a success of the file API with ``value``."""
    return answered({"state": True, "message": "", "code": 0, "data": value}, **more)


def auth_data(value, **more):
    """Return a success of the sign-in API with ``value``: its state is a number."""
    envelope = {"state": 1, "code": 0, "message": "", "data": value, "error": "", "errno": 0}
    return answered(envelope, **more)


def refused(code, message="", **more):
    """Return a refusal of the file API."""
    return answered({"state": False, "code": code, "message": message, "data": []}, **more)


def auth_refused(code, message="", **more):
    """Return a refusal of the sign-in API."""
    envelope = {"state": 0, "code": code, "errno": code, "message": message, "error": message}
    return answered({**envelope, "data": {}}, **more)


def row(name, *, folder=False, fid=None, **more):
    """Return a row as listings hold it."""
    told = {
        "fid": fid or f"{abs(hash(name)) % 10**18}",
        "aid": "1",
        "pid": "0",
        "fc": "0" if folder else "1",
        "fn": name,
        "fs": 0 if folder else 5,
        "sha1": "" if folder else SHA1,
        "pc": f"pc{name}",
        "upt": 1700000000,
        "uet": 1700000001,
        "uppt": 1600000000,
        "fta": "1",
    }
    return {**told, **more}


def listing(rows, *, cid=0, offset=0, count=None, order="file_name", is_asc=1, **more):
    """Return a page of a listing."""
    return answered(
        {
            "state": True,
            "message": "",
            "code": 0,
            "data": rows,
            "count": offset + len(rows) if count is None else count,
            "offset": offset,
            "limit": "1150",
            "cid": cid,
            "order": order,
            "is_asc": is_asc,
            **more,
        }
    )


class Provider:
    """Answers calls from a list, or from a function of the call; keeps what was asked."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.calls = []

    async def send(self, call):
        """Answer the next call."""
        self.calls.append(call)
        answer = self.answers[0] if callable(self.answers[0]) else self.answers.pop(0)
        answer = answer(call) if callable(answer) else answer
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class ScriptedAccount:
    """Signs and classifies as ``Account`` does, but neither paces nor renews."""

    scheme: P115OpenScheme
    provider: Provider
    token: Token
    name: str = "films"

    def __post_init__(self):
        self.families = []

    @property
    def anonymous(self):
        """A drive is never asked by a guest."""
        return False

    async def call(self, family, call) -> Any:
        """Send and classify one call."""
        self.families.append(family)
        answer = await self.provider.send(self.scheme.sign(call, self.token))
        self.scheme.classify(call, answer, signed=True)
        return answer


def opened(*answers, **options) -> tuple[P115OpenDriver, Provider]:
    """Return a driver over scripted answers, and who gives them."""
    given = P115OpenOptions(**options)
    provider = Provider(*answers)
    account = ScriptedAccount(SPEC.scheme(given), provider, Token(access="AAA", refresh="RRR"))
    return SPEC.open(given, account), provider
