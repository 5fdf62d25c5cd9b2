"""Many hosts behind one port: for which of a provider's hosts a request is meant.

A provider whose API is spread over hosts is reached at `http://127.0.0.1:PORT/HOST/path`, or with
the header `x-real-host: HOST` from a client whose addresses were rewritten, or by the header `Host`
where names are resolved to loopback. A client that knows one address only names none of them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container

    from tests.emulators.messages import Request


def placed(request: Request, known: Container[str]) -> tuple[str, Request]:
    """The host that is asked ("" when none is named), and the request as that host sees it."""
    host = request.headers.get("x-real-host", "").lower()
    if host in known:
        return host, request
    first, _, rest = request.path.removeprefix("/").partition("/")
    if first in known:
        return first, replace(request, path=f"/{rest}")
    host = request.headers.get("host", "").partition(":")[0].lower()
    return (host if host in known else ""), request
