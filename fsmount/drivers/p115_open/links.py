"""What a direct link of 115 says about itself: its end, its connections, the cookie it wants."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from fsmount.drivers import wire
from fsmount.model import Link

if TYPE_CHECKING:
    from fsmount.model import Answer

COOKIE_LIFETIME_S = 900.0
"""Of a link's cookie, mostly much shorter than the link's own (wire: 115 §5.2)."""


def link(url: str, answer: Answer, *, user_agent: str) -> Link:
    """Return ``url`` with everything it needs (wire: 115 §5.2).

    Args:
        url: As ``answer`` brought it.
        answer: Its cookie belongs to the link.
        user_agent: That the link was asked with, and is bound to.
    """
    query = parse_qs(urlsplit(url).query)
    headers = {"User-Agent": user_agent}
    ends = wire.whole(query.get("t", [""])[0])
    lifetime_s = None if ends is None else max(0.0, ends - answer.date)
    if cookie := link_cookie(answer):
        headers["Cookie"] = cookie
        lifetime_s = min(COOKIE_LIFETIME_S, lifetime_s or COOKIE_LIFETIME_S)
    most = wire.whole(query.get("c", [""])[0]) or 0
    return Link(
        url=url,
        headers=headers,
        lifetime_s=lifetime_s,
        max_connections=most if most > 0 else None,
    )


def link_cookie(answer: Answer) -> str:
    """Return the cookie of a link call that is the link's own: its path is the object's; or ""."""
    for line in answer.headers.get("set-cookie", "").splitlines():
        pair, *attributes = (part.strip() for part in line.split(";"))
        for each in attributes:
            name, _, path = each.partition("=")
            if name.strip().lower() == "path" and re.fullmatch(r"/[0-9A-Za-z].*", path.strip()):
                return pair
    return ""
