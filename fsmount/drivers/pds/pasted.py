"""Recognising a PDS share in what people paste, and asking a host whether it is one of PDS.

On the vendor's hosts a link says all: ``https://DOMAIN.apps.aliyunpds.com/disk/s/ID``, and
``aliyunfile.com`` likewise. A domain may have a host name of its own, and ``/s/ID`` is Cloudreve's
form too; there only the length of the id speaks for PDS, and the host is asked (wire: PDS §1).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from fsmount.drivers.base import LinkMatch
from fsmount.drivers.pds import sharing
from fsmount.drivers.pds.options import Domain, PdsOptions
from fsmount.drivers.pds.refusals import reason

if TYPE_CHECKING:
    from fsmount.account.account import Send

_BLANK = "***"

# Eleven characters in every example of the vendor's; Cloudreve's ids are a few letters long.
_LINK = re.compile(
    r"(?P<site>https?://(?P<host>(?:\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::\d{1,5})?))"
    r"(?P<disk>/disk)?/s/(?P<share>[A-Za-z0-9]{4,32})(?![A-Za-z0-9_-])/?(?:\?(?P<query>[^\s#]*))?",
    re.IGNORECASE | re.ASCII,
)
_VENDOR = re.compile(
    r"(?P<domain>[a-z0-9-]+)\.apps\.(?P<vendor>aliyunpds\.com|aliyunfile\.com)", re.IGNORECASE
)
_ID_LENGTH = 11
_CODE = re.compile(
    r"(?:(?:提取码|提取碼|访问码|訪問碼|分享码|密码|密碼|口令)\s*[:：=]?|"
    r"\b(?:password|passwd|pwd|code)\s*[:：=])\s*(?P<code>[!-~]{1,64})",
    re.IGNORECASE,
)


def parse_link(text: str) -> LinkMatch | None:
    """Return what ``text`` names, as options; None when there is no link of PDS in it."""
    found = _LINK.search(text)
    if found is None:
        return None
    share = found["share"]
    vendor = _VENDOR.fullmatch(found["host"])
    certain = vendor is not None
    if not certain and not found["disk"] and len(share) != _ID_LENGTH:
        return None
    options = {"share": share}
    if vendor is not None:
        domain, second = vendor["domain"].lower(), vendor["vendor"].lower()
        options |= {"domain": domain, "endpoint": f"https://{domain}.api.{second}"}
    else:
        options["endpoint"] = found["site"]
    code = _code(found["query"] or "", f"{text[: found.start()]} {text[found.end() :]}")
    shown = f"{found['site']}{found['disk'] or ''}/s/{share}"
    if code:
        options["share_password"] = code
        shown += f"?pwd={_BLANK}"
    return LinkMatch(options=options, shown=shown, certain=certain, site=options["endpoint"])


def _code(query: str, around: str) -> str:
    pairs = dict(pair.partition("=")[::2] for pair in query.split("&"))
    for name in ("pwd", "password", "code"):
        if pairs.get(name):
            return unquote(pairs[name])
    found = _CODE.search(around)
    return found["code"].rstrip(",.;)") if found else ""


async def probe(address: str, send: Send) -> bool:
    """Tell whether the API at ``address`` is that of PDS: only it knows this call without a login.

    Raises:
        Unreachable, TimedOut: It cannot be asked.
    """
    domain = Domain.of(PdsOptions(endpoint=address))
    # A share that cannot be: PDS says so with a code, or for its gateway in headers.
    answer = await send(sharing.anonymous_call(domain, "fsmount"))
    said = reason(answer)
    if said.code.partition(".")[0] in ("NotFound", "InvalidParameter", "InvalidResource"):
        return True
    return said.code.startswith("ShareLink") or "x-ca-error-code" in answer.headers
