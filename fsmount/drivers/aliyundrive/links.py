"""The provider's signed links: how long they really live, and what a GET on them must carry."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import msgspec
from msgspec import UNSET, UnsetType

from fsmount.drivers import wire
from fsmount.drivers.aliyundrive import entries
from fsmount.drivers.wire import Scalar
from fsmount.errors import Changed, Denied, ProtocolError
from fsmount.model import Link

if TYPE_CHECKING:
    from fsmount.model import Answer, Entry

LONGEST_S = 14_400
"""What is asked for. What is got may be 15 minutes all the same (wire §7.2)."""

REFERER = {"Referer": "https://www.aliyundrive.com/"}
"""Links of tokens that came from the web page are refused without it, others do not mind
(wire §7.2). A plain redirect to such a link fails; we send it with each GET."""

CONNECTIONS = 2
"""GETs at once on one file: three per account are safe, ten have it slowed down for hours
(wire §10)."""

MOST_CONNECTIONS = 3
"""GETs at once of one account."""

# Stands where a frozen file's link was (wire §6.1); its bytes are never the file's.
_NOTICE = "https://pds-system-file."


class Download(msgspec.Struct, frozen=True):
    """The answer to a call for a link; of a blocked file all may be null (wire: Open API §5.3)."""

    url: Scalar | UnsetType = UNSET
    expiration: Scalar = None
    size: Scalar = None
    content_hash: Scalar = None
    content_hash_name: Scalar = None
    punish_flag: Scalar = None


def read_link(answer: Answer, file: Entry, *, max_connections: int | None) -> Link:
    """Return the link that ``answer`` brought for ``file``.

    Raises:
        Denied: The provider gives no link out for it.
        Changed: The link is of other bytes than were listed.
    """
    found = wire.decode(answer.body, Download, "the link of a file")
    if found.url is UNSET:
        raise ProtocolError("the link of a file: it has no `url`")
    url = wire.text(found.url)
    if not url:
        raise Denied(
            f'the provider gives out no link for "{file.name}": it is blocked, or not readable',
            advice="try to open it in the phone app",
        )
    if url.startswith(_NOTICE) or entries.is_frozen(found.punish_flag):
        raise Denied(f'"{file.name}" was frozen by the provider, which gives out a notice instead')
    if not url.startswith(("http://", "https://")):
        raise ProtocolError("the link of a file is no web address")
    if _is_another(file, found):
        raise Changed(f'"{file.name}" was overwritten since it was listed')
    return Link(
        url=url,
        headers=REFERER,
        lifetime_s=lifetime_s(url, found.expiration, answer.date),
        max_connections=max_connections or CONNECTIONS,
    )


def _is_another(file: Entry, found: Download) -> bool:
    hashed = entries.digest(found.content_hash, found.content_hash_name)
    return bool(hashed and file.digest and hashed != file.digest)


def lifetime_s(url: str, expiration: Scalar, date: float) -> float | None:
    """Return the seconds that a link lives, counted from ``date``: the earliest end that is told.

    The URL's own end decides what the storage does, whatever was asked for and answered.
    """
    ends = [end for end in (_signed_until(url), wire.time_ns(expiration)) if end is not None]
    return max(0.0, min(ends) / 1e9 - date) if ends else None


def _signed_until(url: str) -> int | None:
    """Return the end in a signed URL as Unix nanoseconds: OSS V2, else V1 (wire §7.2)."""
    query = parse_qs(urlsplit(url).query)
    for name in ("x-oss-expires", "Expires"):
        until = wire.whole(query.get(name, [""])[0])
        # A V4 signature has seconds there, counted from another field; those are small numbers.
        if until is not None and until > 1_000_000_000:
            return until * 1_000_000_000
    return None
