"""Recognising a Cloudreve link in what people paste, and asking a site whether it is one.

Any host may be a Cloudreve site, so a web link is never certain from its looks; ``probe`` asks.
Web links are ``SITE/s/ID[/PASSWORD]``, to which the browser may have added ``?path=``, and
``SITE/home?path=…``, to which the site itself redirects the first (wire: Cloudreve V4 §11, server
of 2025-06-21).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote, unquote_plus

from fsmount.drivers.base import LinkMatch
from fsmount.drivers.cloudreve import api, session
from fsmount.drivers.cloudreve.options import Site
from fsmount.drivers.cloudreve.uri import SCHEME, FileUri, split_path
from fsmount.errors import NotSupported, ProtocolError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fsmount.account.account import Send

BLANK = "***"

_WEB_LINK = re.compile(
    r"(?P<site>https?://(?:\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::\d{1,5})?)"
    r"(?:/s/(?P<share>[a-z0-9_-]+)(?:/(?P<password>[^/?#\s，。；、（）【】《》]+))?/?|/home/?)"
    r"(?:\?(?P<query>\S*))?",
    re.IGNORECASE | re.ASCII,
)
_CODE = re.compile(
    r"(?:(?:提取码|提取碼|访问码|訪問碼|分享码|密码|密碼|口令)\s*[:：=]?|"
    r"\b(?:password|passwd|pwd|code)\s*[:：=])\s*(?P<code>[A-Za-z0-9]{1,32})",
    re.IGNORECASE,
)
_LABEL = re.compile(r"[\s，。；、（【《]*(?:提取码|提取碼|访问码|訪問碼|密码|密碼|口令)\s*[:：=]")


def parse_link(text: str) -> LinkMatch | None:
    """Return what ``text`` names, as options; None when there is no Cloudreve link in it."""
    text = text.strip()
    found = _WEB_LINK.search(text)
    start = text.lower().find(SCHEME)
    if start >= 0 and (found is None or start < found.start()):
        return _uri_match(text, start)
    return _web_match(text, found) if found else None


def _uri_match(text: str, start: int) -> LinkMatch | None:
    """Read ``cloudreve://…``; a path may hold blanks when nothing stands in front of it."""
    link = text[start:].splitlines()[0]
    if (label := _LABEL.search(link)) is not None:
        link = link[: label.start()]
    if start:
        link = link.split()[0]
    try:
        uri = FileUri.parse(link.rstrip())
    except UsageError:
        return None
    options = _options(uri, code=_code(text.replace(link, " ", 1)))
    return LinkMatch(options=options, shown=_shown_uri(uri, options))


def _web_match(text: str, found: re.Match[str]) -> LinkMatch | None:
    query, tail = _query(found["query"] or "")
    try:
        site = Site.parse(found["site"]).address
        uri = _place(found["share"] or "", query.get("path", ""))
    except UsageError:
        return None
    if uri is None:
        return None
    around = f"{text[: found.start()]} {tail} {text[found.end() :]}"
    code = found["password"] or query.get("password") or query.get("pwd") or _code(around)
    options = {"address": site, **_options(uri, code=unquote(code))}
    if uri.fs != "share":
        return LinkMatch(options=options, shown=f"{site}/home?path={uri.shown}", certain=False)
    shown = f"{site}/s/{uri.id}"
    if "share_password" in options:
        shown += f"/{BLANK}"
    if uri.path:
        shown += f"?path={uri.encoded_path}"
    return LinkMatch(options=options, shown=shown, certain=False)


def _options(uri: FileUri, *, code: str) -> dict[str, str]:
    if uri.fs != "share":
        return {"root": str(uri)}
    options = {"share": uri.id}
    if uri.password or code:
        options["share_password"] = uri.password or code
    if uri.path:
        options["root"] = uri.encoded_path
    return options


def _shown_uri(uri: FileUri, options: Mapping[str, str]) -> str:
    if "share_password" not in options:
        return uri.shown
    return FileUri(fs=uri.fs, id=uri.id, password=BLANK, path=uri.path).shown


def _code(around: str) -> str:
    found = _CODE.search(around)
    return found["code"] if found else ""


def _query(text: str) -> tuple[dict[str, str], str]:
    """Return the raw parameters of a query, and what was glued to its end and is none of it."""
    tail = ""
    if (label := _LABEL.search(text)) is not None:
        text, tail = text[: label.start()], text[label.start() :]
    text = text.rstrip("，。；、）】》")
    pairs = (pair.partition("=") for pair in text.partition("#")[0].split("&"))
    return {name: value for name, _, value in pairs}, tail


def _place(share: str, raw: str) -> FileUri | None:
    """Return what a web link is about: its ``?path=``, else the share in front of it."""
    # The browser encodes the whole URI once more, with + for a blank; a person who types does not.
    path = raw if raw.lower().startswith(SCHEME) else unquote_plus(raw)
    if path[: len(SCHEME)].lower() == SCHEME:
        # A raw ? in the browser's URI begins a search, which is no folder; what it searches is.
        uri = FileUri.parse(path.partition("?")[0])
        if uri.fs == "share" or (uri.fs == "my" and not share):
            return uri
    if not share:
        return None
    return FileUri(fs="share", id=share, path=split_path(path) if path.startswith("/") else ())


async def probe(address: str, send: Send) -> bool:
    """Tell whether the site at ``address`` is Cloudreve V4.

    Raises:
        NotSupported: It is Cloudreve V3, whose API is another one.
        Unreachable, TimedOut: It cannot be asked.
    """
    site = Site.parse(address).address
    if await _version(site, 4, send) is not None:
        return True
    old = await _version(site, 3, send)
    if old is None:
        return False
    raise NotSupported(
        f"{site} is Cloudreve V3 (version {old}), not V4",
        advice="fsmount reads Cloudreve 4.0 and newer",
    )


async def _version(site: str, generation: Literal[3, 4], send: Send) -> str | None:
    # V3's call of the same name is known from its public API, not recorded.
    answer = await send(session.ping_call(site, generation))
    try:
        version = api.read(answer, str, "the version of a site")
    except ProtocolError:
        return None
    looks_right = r"v?[4-9]\.[\w.+-]{1,40}" if generation == 4 else r"v?3\.[\w.+-]{1,40}"
    return version if re.fullmatch(looks_right, version) else None
