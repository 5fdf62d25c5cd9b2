"""Recognising a link to a share of 115 in what people paste.

A link is ``HOST/s/CODE?password=PWD`` on one of several hosts; ``#``, ``&`` and ``cid=`` may
follow, and the receive code may stand in the text around it instead (wire: 115 §6.1).
"""

from __future__ import annotations

import re
from urllib.parse import parse_qs

from fsmount.drivers.base import LinkMatch

BLANK = "***"

_LINK = re.compile(
    # Without its scheme only where no other host's name, path or address goes before it.
    r"(?:https?://|(?<![A-Za-z0-9._@/-]))(?:www\.)?(?:"
    r"(?P<host>115cdn\.com|115\.com|anxia\.com|115rc\.com)/s/|(?P<own>share\.115\.com)/(?:s/)?)"
    r"(?P<share>[a-z0-9]+)/?(?P<query>[?#&][^\s，。；、（）【】《》\"'<>]*)?",
    re.IGNORECASE | re.ASCII,
)
_SHORT = re.compile(r"(?P<share>sw[a-z0-9]{6,})-(?P<code>[a-z0-9]{4})", re.IGNORECASE | re.ASCII)
_CODE = re.compile(
    r"(?:(?:提取码|提取碼|访问码|訪問碼|接收码|接收碼|分享码|密码|密碼|口令)\s*[:：=]?|"
    r"\b(?:password|passwd|pwd|code)\s*[:：=])\s*(?P<code>[A-Za-z0-9]{4})(?![A-Za-z0-9])",
    re.IGNORECASE,
)


def parse_link(text: str) -> LinkMatch | None:
    """Return what ``text`` names, as options; None when there is no share of 115 in it."""
    text = text.strip()
    if (short := _SHORT.fullmatch(text)) is not None:
        return _match("115cdn.com", short["share"], short["code"], "")
    found = _LINK.search(text)
    if found is None:
        return None
    query = parse_qs((found["query"] or "").lstrip("?#&").partition("#")[0])
    around = f"{text[: found.start()]} {text[found.end() :]}"
    code = _first(query, "password") or _first(query, "pwd") or _around(around)
    host = (found["host"] or found["own"]).lower()
    return _match(host, found["share"], code, _first(query, "cid"))


def _match(host: str, share: str, code: str, cid: str) -> LinkMatch:
    options = {"share": share}
    if code:
        options["receive_code"] = code
    if re.fullmatch(r"[1-9]\d{0,19}", cid, re.ASCII):
        options["root"] = cid
    shown = f"https://{host}/{'' if host.startswith('share.') else 's/'}{share}"
    if code:
        shown += f"?password={BLANK}"
    if "root" in options:
        shown += f"{'&' if code else '?'}cid={cid}"
    return LinkMatch(options=options, shown=shown)


def _first(query: dict[str, list[str]], name: str) -> str:
    value = query.get(name, [""])[0]
    return value if re.fullmatch(r"[A-Za-z0-9]+", value, re.ASCII) else ""


def _around(text: str) -> str:
    found = _CODE.search(text)
    return found["code"] if found else ""
