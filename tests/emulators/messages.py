"""What crosses the border between an emulated provider and the socket: plain values."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qsl, unquote

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request, wholly received.

    `path` is the raw (still percent-encoded) path and `query` the decoded parameters, of which the
    first of each name counts. Header names are lower case.
    """

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @classmethod
    def parse(
        cls, method: str, target: str, headers: dict[str, str] | None = None, body: bytes = b""
    ) -> Request:
        """Make a request from a request line's method and target."""
        path, _, query = target.partition("?")
        values: dict[str, str] = {}
        for name, value in parse_qsl(query, keep_blank_values=True):
            values.setdefault(name, value)
        return cls(method=method, path=path, query=values, headers=headers or {}, body=body)

    @property
    def decoded_path(self) -> str:
        """The path as a person reads it."""
        return unquote(self.path)

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; raises ValueError when it is anything else."""
        value = json.loads(self.body)
        if not isinstance(value, dict):
            raise ValueError("not a JSON object")
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSpan:
    """The bytes `start` to `stop` (half open) of a file on disk, read only when they are sent."""

    path: str
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


Segment = bytes | FileSpan


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One answer: a body of bytes and of spans of files, sent in order.

    `rate` limits this one body in bytes per second, after one second of burst (how Cloudreve's
    speed limit behaves: wire Cloudreve V4 §8.1). `chunked` sends it without Content-Length.
    `cookies` are Set-Cookie lines, of which there may be several. `ended` is called once nothing of
    it is being sent any more, however that came about. `delay_s` is how long the
    server thinks first.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    segments: tuple[Segment, ...] = ()
    rate: float | None = None
    chunked: bool = False
    cookies: tuple[str, ...] = ()
    ended: Callable[[], None] | None = None
    delay_s: float = 0.0

    @property
    def length(self) -> int:
        """The body's length in bytes."""
        return sum(len(segment) for segment in self.segments)


def text_response(status: int, text: str, kind: str = "text/plain; charset=utf-8") -> Response:
    """Answer with a text."""
    return Response(status=status, headers={"content-type": kind}, segments=(text.encode(),))


def json_response(value: object, status: int = 200) -> Response:
    """Answer with JSON; for the control door and for providers without habits of their own."""
    body = json.dumps(value, ensure_ascii=False).encode()
    return Response(
        status=status,
        headers={"content-type": "application/json; charset=utf-8"},
        segments=(body,),
    )


Ending = Literal["complete", "drop", "reset", "stall"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A response and what happens to it on its way to the client.

    `ending` other than "complete" happens after `ending_after` body bytes, or before the status
    line when that is None: "drop" closes the connection, "reset" sends RST, "stall" says nothing
    more until the client goes away. `rate` replaces the response's own when it is lower.
    """

    response: Response
    kind: str = "other"
    delay_s: float = 0.0
    rate: float | None = None
    ending: Ending = "complete"
    ending_after: int | None = None
