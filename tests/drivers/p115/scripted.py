"""A 115 made of answers, without a network: what drivers of the family are tried against."""

from __future__ import annotations

import base64
import importlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fsmount.drivers.p115.cipher import M115, derive, mix
from fsmount.drivers.p115.cookies import LoginCookie
from fsmount.model import Answer, Token

if TYPE_CHECKING:
    from fsmount.account.account import Scheme

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text(encoding="utf-8"))
MODULUS = VECTORS["test_rsa"]["n"]
COOKIE = (
    "UID=100000001_R2_1700000000; CID=" + "c" * 32 + "; SEID=" + "5" * 120 + "; KID=" + "a" * 32
)
HEX = "0123456789abcdef0123456789abcdef"
OBJECT = HEX + "01234567"
NOW = 1795346464.0
"""What the made-up answers say in ``Date``: 2026-11-22T11:21:04Z."""

WALL = """<!doctype html><title>405</title><a href="https://errors.aliyun.com/">blocked</a>"""
"""The page of the firewall."""


def answered(body, *, status=200, headers=None, date=NOW):
    """Return an answer with ``body``: bytes as they are, anything else as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status=status, headers=headers or {}, body=raw, url="https://115", date=date)


def refused(code, text="", **more):
    """Return a refusal as most of the web API writes it."""
    return answered({"state": False, "errno": code, "error": text, "errtype": "war", **more})


def wall():
    """Return the page of the firewall."""
    return answered(WALL.encode(), status=405, headers={"content-type": "text/html"})


def folder(name, ident, **more):
    """Return a row of a web listing."""
    return {
        "cid": str(ident),
        "pid": "0",
        "n": name,
        "pc": f"f{ident}",
        "aid": "1",
        "t": "1700000000",
        **more,
    }


def file(name, ident, *, parent=0, size=5, sha="A" * 40, **more):
    """Return a row of a web listing."""
    row = {"fid": str(ident), "cid": str(parent), "n": name, "s": size, "sha": sha}
    return {**row, "pc": f"a{ident}", "aid": 1, "te": "1700000001", "t": "2023-11-15 06:13", **more}


def listing(*rows, cid=0, count=None, offset=0, order="user_ptime", asc=1, **more):
    """Return the answer of a listing."""
    return answered(
        {
            "state": True,
            "error": "",
            "errNo": 0,
            "count": len(rows) + offset if count is None else count,
            "offset": offset,
            "limit": 1150,
            "cid": cid,
            "aid": "1",
            "order": order,
            "is_asc": asc,
            "data": list(rows),
            **more,
        }
    )


def url_of(name="a.bin", *, ends=NOW + 7200, **query):
    """Return the URL of a link."""
    query = {"t": f"{ends:.0f}", "c": "2", "f": "1", "k": HEX, **query}
    told = "&".join(f"{key}={value}" for key, value in query.items())
    return f"https://cdnfhnfile.115cdn.net/{OBJECT}/{name}?{told}"


def opened_form(call, *, modulus=MODULUS, private=VECTORS["test_rsa"]["d"]):
    """Return what an encrypted call asks, and its key, as the service reads them."""
    cipher = base64.b64decode(call.form["data"])
    n, d = int(modulus, 16), int(private, 16)
    message = b""
    for start in range(0, len(cipher), 128):
        block = pow(int.from_bytes(cipher[start : start + 128], "big"), d, n).to_bytes(128, "big")
        message += block[block.index(b"\0", 2) + 1 :]
    key, rest = message[:16], message[16:]
    plain = mix(mix(rest, bytes.fromhex("7806ad4c33865d184c013f46"))[::-1], derive(key, 4))
    return json.loads(plain), key


def sealed(plain, key, *, modulus=MODULUS, private=VECTORS["test_rsa"]["d"]):
    """Return ``plain`` as the service encrypts an answer to the call with ``key``."""
    n, d = int(modulus, 16), int(private, 16)
    seed = bytes(range(16, 32))
    data = mix(json.dumps(plain).encode(), derive(key, 4))[::-1]
    message = seed + mix(data, derive(seed, 12))
    blocks = b""
    for start in range(0, len(message), 117):
        part = message[start : start + 117]
        block = b"\0\2" + b"\xff" * (125 - len(part)) + b"\0" + part
        blocks += pow(int.from_bytes(block, "big"), d, n).to_bytes(128, "big")
    return base64.b64encode(blocks).decode()


def sealed_answer(call, plain, **more):
    """Return the encrypted answer to ``call``."""
    _, key = opened_form(call)
    body = {"state": True, "msg": "", "errno": 0, "data": sealed(plain, key)}
    return answered(body, **more)


class Site:
    """Answers calls from a list, or from a function of the call; keeps what was asked."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.calls = []

    async def send(self, call):
        """Answer the next call."""
        self.calls.append(call)
        answer = self.answers[0] if callable(self.answers[0]) else self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer(call) if callable(answer) else answer

    @property
    def paths(self):
        """Host and path of each call."""
        return [f"{urlsplit(call.url).netloc}{urlsplit(call.url).path}" for call in self.calls]


@dataclass
class ScriptedAccount:
    """Signs and classifies as ``Account`` does, but neither paces nor renews."""

    scheme: Scheme
    site: Site
    token: Token | None = None
    name: str = "films"

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


def opened(*answers, driver="p115", cookie=COOKIE, **options):
    """Return a driver over a scripted 115, and the site."""
    spec = importlib.import_module(f"fsmount.drivers.{driver}.driver").SPEC
    given = spec.options(**{"rsa_modulus": MODULUS, **options})
    site = Site(*answers)
    token = Token(access=LoginCookie.parse(cookie).line) if cookie else None
    account = ScriptedAccount(spec.scheme(given), site, token)
    return spec.open(given, account), site


CIPHER = M115.parse(MODULUS)


def copied(answer, **changes):
    """Return ``answer`` with other headers, status or date."""
    return replace(answer, **changes)
