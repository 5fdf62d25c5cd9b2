"""Every secret that an emulator gives out or is shown, kept for the tests to look for.

They are noted at the border, in requests and answers as they cross the wire and in the
configuration that an emulator writes, so that no provider can forget one. The file is named by the
environment, which programs started by a test inherit: emulators in other processes add to it too.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tests.emulators.messages import Request, Response

FILE = "FSMOUNT_TEST_SECRETS"
"""Environment variable: where they are written, one JSON string a line; unset: nowhere."""

# Fields of JSON answers and of forms, and options of a remote.
_TOKENS = ("access_token", "refresh_token", "share_token", "password", "client_secret")
_COOKIES = ("cookie", "CID", "SEID", "KID")
_NAMES = frozenset((*_TOKENS, *_COOKIES))
# Extraction codes and passwords of shares.
_CODES = frozenset(["share_password", "receive_code", "share_pwd"])
# Parameters that sign a link, or stand for the right to read it.
_SIGNING = frozenset(["sign", "Signature", "x-oss-signature", "security-token", "k", "t_sign"])
_IN_JSON = re.compile(
    rf'"({"|".join(sorted(_NAMES | _CODES))})"\s*:\s*"((?:[^"\\]|\\.)+)"'.encode()
)
_LINK_IN_JSON = re.compile(rb'"(https?:[^"]+\?[^"]+)"')
_LARGEST_ANSWER = 1 << 20
_SHORTEST, _SHORTEST_CODE = 12, 4

_noted: set[str] = set()


def note(secrets: Iterable[str]) -> None:
    """Keep secrets; one that is known, or so short that any text may hold it, is left out."""
    place = os.environ.get(FILE)
    new = {secret for secret in secrets if len(secret) >= _SHORTEST_CODE} - _noted
    if not place or not new:
        return
    _noted.update(new)
    lines = "".join(json.dumps(secret) + "\n" for secret in sorted(new))
    # One write: the file belongs to all processes of the suite.
    with Path(place).open("ab", buffering=0) as file:
        file.write(lines.encode())


def of_exchange(request: Request, response: Response) -> Iterator[str]:
    """Yield the secrets of one request and its answer."""
    bearer = request.headers.get("authorization", "").replace("\t", " ")
    yield from _long(bearer.rpartition(" ")[2])
    yield from _long(request.headers.get("x-share-token", ""))
    yield from of_cookies(request.headers.get("cookie", ""))
    yield from of_query(request.query.items())
    for line in response.cookies:
        yield from of_cookies(line.partition(";")[0])
    yield from of_cookies(response.headers.get("set-cookie", "").partition(";")[0])
    yield from of_query(parse_qsl(urlsplit(response.headers.get("location", "")).query))
    for body in (request.body, *(one for one in response.segments if isinstance(one, bytes))):
        if len(body) <= _LARGEST_ANSWER and body[:1] in (b"{", b"["):
            yield from of_json(body)


def of_cookies(line: str) -> Iterator[str]:
    """Yield a cookie line's values that identify somebody, and the line if it has several."""
    found = [pair.strip().partition("=")[2] for pair in line.split(";")]
    long = [value for value in found if len(value) >= _SHORTEST]
    yield from long
    if len(long) > 1:
        yield line.strip()


def of_query(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield what signs among the parameters of a URL."""
    for name, value in pairs:
        if name in _SIGNING or name in _NAMES:
            yield from _long(value)
        elif name in _CODES:
            yield value


def of_json(body: bytes) -> Iterator[str]:
    """Yield the values of a JSON text that have a secret's name, and what signs its links."""
    for name, value in _IN_JSON.findall(body):
        yield from [_text(value)] if name.decode() in _CODES else _long(_text(value))
    for link in _LINK_IN_JSON.findall(body):
        yield from of_query(parse_qsl(_text(link).partition("?")[2].partition("#")[0]))


def of_remotes(remotes: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """Yield the secrets among the options of configured remotes."""
    for options in remotes.values():
        for name, value in options.items():
            if name == "cookie":
                yield from of_cookies(value)
            elif name in _NAMES | _CODES:
                yield value


def _text(raw: bytes) -> str:
    try:
        return str(json.loads(b'"' + raw + b'"'))
    except ValueError:  # a client that sends what is no JSON has sent no secret
        return ""


def _long(value: str) -> Iterator[str]:
    if len(value) >= _SHORTEST:
        yield value
