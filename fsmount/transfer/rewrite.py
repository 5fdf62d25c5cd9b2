"""Sends the GETs of links elsewhere: ``download = "proxy_url"``."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, urlsplit

from fsmount.errors import UsageError

_FIELD: Final = re.compile(r"\{([^{}]*)\}")
_FIELDS: Final = ("url", "url_quoted", "path", "name")


class LinkRewrite:
    """Turns a link's URL into the one that is asked instead, by a template.

    The fields of the template: ``{url}`` the link as it is, ``{url_quoted}`` the same as a query
    value, ``{path}`` its path and query without scheme and host (for a server that its provider
    knows by a wrong name: ``http://10.0.0.5:5212{path}``), ``{name}`` the file's name, quoted.

    Args:
        template: The option ``download_proxy_url``.

    Raises:
        UsageError: It is no http address, or has a field that does not exist.
    """

    def __init__(self, template: str) -> None:
        if not template.startswith(("http://", "https://", "{url}")):
            raise UsageError(
                "download_proxy_url must begin with http:// or https://",
                advice='it is a template such as "https://proxy.example/get?u={url_quoted}"',
            )
        for name in _FIELD.findall(template):
            if name not in _FIELDS:
                raise UsageError(
                    f"download_proxy_url has an unknown field {{{name}}}",
                    advice="known are " + ", ".join(f"{{{field}}}" for field in _FIELDS),
                )
        self._template = template

    def __call__(self, url: str, name: str) -> str:
        """Return the URL to ask for the link ``url`` of a file called ``name``."""
        parts = urlsplit(url)
        values = {
            "url": url,
            "url_quoted": quote(url, safe=""),
            "path": parts.path + (f"?{parts.query}" if parts.query else ""),
            "name": quote(name, safe="", errors="surrogateescape"),
        }
        return _FIELD.sub(lambda field: values[field[1]], self._template)
