"""What a Cloudreve link tells by its looks: which version it leads to, and whether it can."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fsmount.errors import Changed

if TYPE_CHECKING:
    from fsmount.drivers.cloudreve.options import Site
    from fsmount.model import Entry

_ENTITY = re.compile(r"/api/v4/file/content/([^/]+)/")


def another_version(file: Entry, url: str) -> Changed | None:
    """Return the failure when ``url`` names another entity than the listed one; None when not.

    The server links a file's current entity, whatever was listed: its bytes would go on where
    cached ones of the listed version end. URLs of other storage name no entity (wire §8).
    """
    entity = _ENTITY.search(urlsplit(url).path)
    if entity is None or file.version in ("", entity[1]):
        return None
    return Changed(f'"{file.name}" was overwritten since it was listed')


def rewritten(url: str, site: Site, when: str) -> str:
    """Return ``url`` with the site's configured name replaced by the address that was given.

    Links carry the configured site URL, not the host that was called; where that is wrong (often
    ``http://localhost:5212``), listings work and downloads fail (wire §8). Only the path is signed.
    Links to slaves, buckets and CDNs are never touched.
    """
    marker = "/api/v4/file/content/"
    parts = urlsplit(url)
    if when == "never" or marker not in parts.path:
        return url
    if when == "auto" and (_is_loopback(site.address) or not _is_loopback(url)):
        return url
    return f"{site.address}{url[url.index(marker) :]}"


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")
