"""Download links of 115: the calls that bring them, and what a link's own address says about it.

Pure, as ``api``. A link works only with the User-Agent that was sent to the API; most are bound to
a cookie of the answer as well, which lives shorter than the link (wire: 115 §0.8, §5).
"""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from fsmount.drivers import wire
from fsmount.drivers.p115 import hosts
from fsmount.drivers.p115.auth import stamp
from fsmount.drivers.p115.cipher import KEY_BYTES, M115
from fsmount.drivers.p115.cookies import link_cookies
from fsmount.drivers.p115.refusals import Elsewhere
from fsmount.drivers.wire import Scalar
from fsmount.errors import ProtocolError, ProviderFault
from fsmount.model import Call, Link

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fsmount.drivers.p115.hosts import Hosts
    from fsmount.model import Answer

COOKIE_LIFE_S = 900.0
"""Of the cookie that a link is bound to, seen by one client (wire: 115 §5.2)."""

BOUND_TO_COOKIE = "3"
"""The value of ``f`` in a link that needs its cookie; 1 is bound to the agent alone."""

BATCH_SIZE = 20
"""Pick codes in one call. Several are taken; how many at most nobody tells (wire: 115 §5.1)."""


class Sealed(msgspec.Struct, frozen=True):
    """An answer whose data may be encrypted; of a failure it is of any type."""

    data: msgspec.Raw


class Located(msgspec.Struct, frozen=True):
    """The inner object of a link."""

    url: str = ""


class ChromeFile(msgspec.Struct, frozen=True):
    """One file of the chrome call; ``url`` is ``false`` for a folder."""

    pick_code: Scalar = None
    file_size: Scalar = None
    url: Located | Scalar = None


class WebFile(msgspec.Struct, frozen=True):
    """The answer of the web call; some clients read the same fields below ``data``."""

    file_url: Scalar = None


class AndroidFile(msgspec.Struct, frozen=True):
    """The answer of the Android call."""

    url: Scalar = None


def new_key() -> bytes:
    """Return a key for one encrypted call and its answer."""
    return secrets.token_bytes(KEY_BYTES)


def sealed_call(url: str, what: Mapping[str, str], cipher: M115, key: bytes, agent: str) -> Call:
    """Return a POST of ``what``, encrypted."""
    plain = json.dumps(dict(what), separators=(",", ":"), ensure_ascii=False).encode()
    return Call(
        method="POST",
        url=url,
        params={"t": str(stamp())},
        form={"data": cipher.encode(plain, key)},
        headers={"User-Agent": agent},
    )


def opened(answer: Answer, cipher: M115, key: bytes, what: str) -> bytes:
    """Return the JSON of an answer's data; it may come unencrypted as well.

    Raises:
        ProtocolError: It cannot be decrypted.
    """
    raw = bytes(wire.decode(answer.body, Sealed, what).data)
    data: Any = wire.loads(raw, what)
    if not isinstance(data, str):
        return raw
    return cipher.decode(data, key) if data else b"null"


def chrome_call(
    where: Hosts, codes: Sequence[str], *, cipher: M115, key: bytes, agent: str
) -> Call:
    """Ask for the links of files by their pick codes."""
    url = where.url(hosts.APP, "/app/chrome/downurl")
    return sealed_call(url, {"pickcode": ",".join(codes)}, cipher, key, agent)


def read_chrome(answer: Answer, *, cipher: M115, key: bytes) -> dict[str, str]:
    """Return URLs by pick code; without those that 115 gives none for.

    The key of the answer is the file's id, of a copy perhaps another one's, so the pick code tells.
    """
    body = opened(answer, cipher, key, "the links of files")
    if body.strip() in (b"", b"null", b"[]", b'""'):
        return {}
    files = wire.decode(body, dict[str, ChromeFile], "the links of files")
    found = {}
    for file in files.values():
        url = file.url.url if isinstance(file.url, Located) else ""
        if url and (wire.whole(file.file_size) or 0) >= 0:
            found[wire.text(file.pick_code)] = url
    return found


def web_call(where: Hosts, code: str, *, cipher: M115, key: bytes, agent: str) -> Call:
    """Ask the web API for a link; encrypted, so without its bound of 200 MB (§5.1)."""
    url = where.url(hosts.WEB, "/files/download")
    return sealed_call(url, {"pickcode": code}, cipher, key, agent)


def read_web(answer: Answer, *, cipher: M115, key: bytes) -> str:
    """Return the URL of a web link, which may also come unencrypted beside the data."""
    plain = wire.decode(answer.body, WebFile, "the link of a file")
    if plain.file_url:
        return wire.text(plain.file_url)
    body = opened(answer, cipher, key, "the link of a file")
    if not body.lstrip().startswith(b"{"):
        return ""
    return wire.text(wire.decode(body, WebFile, "the link of a file").file_url)


def android_call(where: Hosts, code: str, *, cipher: M115, key: bytes, agent: str) -> Call:
    """Ask for a link as the Android app does; answers only to a login of its slot (§5.1)."""
    url = where.url(hosts.APP, "/android/2.0/ufile/download")
    return sealed_call(url, {"pick_code": code}, cipher, key, agent)


def read_android(answer: Answer, *, cipher: M115, key: bytes) -> str:
    """Return the URL of the app's link."""
    body = opened(answer, cipher, key, "the link of a file")
    if not body.lstrip().startswith(b"{"):
        return ""
    return wire.text(wire.decode(body, AndroidFile, "the link of a file").url)


def link_of(url: str, answer: Answer, *, agent: str, max_connections: int | None) -> Link:
    """Return the link at ``url``, with the cookie, life and connections that it has.

    Args:
        url: As it came.
        answer: That brought it: its ``Date`` is what lives are counted from, and its cookie for
            the object goes along with every GET.
        agent: That was sent to the API.
        max_connections: The option; never more than the link itself allows.

    Raises:
        Elsewhere: It is bound to a cookie that did not come with it: without that it is refused.
        ProtocolError: It is no URL.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ProtocolError("a link of 115 is not a URL")
    query = parse_qs(parts.query)
    headers = {"User-Agent": agent}
    cookie = _cookie_for(parts.path, answer)
    if cookie:
        headers["Cookie"] = cookie
    elif _last(query, "f") == BOUND_TO_COOKIE:
        raise Elsewhere("115 bound a link to a cookie that it did not send")
    lives = []
    if ends := wire.whole(_last(query, "t")):
        lives.append(max(ends - answer.date, 0.0))
    if cookie:
        lives.append(COOKIE_LIFE_S)
    allowed = [wire.whole(_last(query, "c")) or None, max_connections]  # 0 is no limit
    return Link(
        url=url,
        headers=headers,
        lifetime_s=min(lives, default=None),
        max_connections=min((most for most in allowed if most and most > 0), default=None),
    )


def _cookie_for(path: str, answer: Answer) -> str:
    """Return the cookie for the object at ``path``; a batch's answer sets one for each."""
    cookies = link_cookies(answer.headers.get("set-cookie", ""))
    for cookie in cookies:
        if cookie.path and f"/{cookie.path}/" in f"{path}/":
            return cookie.pair
    return cookies[0].pair if len(cookies) == 1 else ""


def _last(query: Mapping[str, list[str]], name: str) -> str:
    return query.get(name, [""])[-1]


def refused_to_link(name: str) -> ProviderFault:
    """Return what it amounts to that 115 leaves a file out of a batch that nobody waits for."""
    return ProviderFault(f'115 left out the link of "{name}"')
