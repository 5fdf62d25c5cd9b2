"""The envelope of every JSON answer, and the error that a handler raises to send one.

Source: wire Cloudreve V4 §1 (server of 2025-06-21).
"""

from __future__ import annotations

import uuid
from typing import Any

import msgspec

from tests.emulators.messages import Response

UNCACHED = "private, no-cache"
_HEADERS = {"content-type": "application/json; charset=utf-8", "cache-control": UNCACHED}


class Refused(Exception):
    """The server answers with an error envelope.

    Args:
        code: the envelope's code.
        message: the envelope's text.
        detail: the longer text that a batch call shows outside; `message` when None.
        data: the envelope's `data`, None to leave it out.
        aggregated: what each URI of a batch call met.
        correlated: False for errors of parameter binding, which carry no correlation id.
        status: the HTTP status, 200 for nearly every error.
    """

    def __init__(
        self,
        code: int,
        message: str = "",
        *,
        detail: str | None = None,
        data: Any = None,
        aggregated: dict[str, Refused] | None = None,
        correlated: bool = True,
        status: int = 200,
    ) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message
        self.detail = message if detail is None else detail
        self.data = data
        self.aggregated = aggregated
        self.correlated = correlated
        self.status = status

    def envelope(self) -> dict[str, Any]:
        """The JSON object as the server sends it."""
        value: dict[str, Any] = {"code": self.code}
        if self.data is not None:
            value["data"] = self.data
        if self.aggregated:
            value["aggregated_error"] = {
                uri: inner.envelope() for uri, inner in self.aggregated.items()
            }
        value["msg"] = self.message
        if self.correlated:
            value["correlation_id"] = str(uuid.uuid4())
        return value

    def response(self) -> Response:
        """The answer."""
        return respond(self.envelope(), self.status)


class Panicked(Exception):
    """The server's handler panicked: HTTP 500 with an empty body."""


def respond(value: Any, status: int = 200) -> Response:
    """Send JSON the way Go does: `&`, `<` and `>` are escaped."""
    body = msgspec.json.encode(value)
    for raw, escaped in ((b"&", b"\\u0026"), (b"<", b"\\u003c"), (b">", b"\\u003e")):
        body = body.replace(raw, escaped)
    return Response(status=status, headers=dict(_HEADERS), segments=(body,))


def success(data: Any = msgspec.UNSET) -> Response:
    """Answer code 0; without `data` the key is left out."""
    value: dict[str, Any] = {"code": 0}
    if data is not msgspec.UNSET:
        value["data"] = data
    return respond(value | {"msg": ""})


def invalid(message: str) -> Refused:
    """The parameter did not bind: 40001 without a correlation id."""
    return Refused(40001, message, correlated=False)
