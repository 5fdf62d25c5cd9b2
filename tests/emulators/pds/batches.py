"""Batch calls: up to 100 calls in one; the outer answer is 200 whatever happens inside.

Sources: PDS §6.3, Aliyundrive §8.2.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.emulators.pds.errors import Refused, invalid, respond

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.emulators.messages import Response
    from tests.emulators.pds.routes import Call

_MOST = 100


class Batch:
    """Answers a batch by the handlers of its sub-addresses."""

    def __init__(self, handlers: dict[str, tuple[str, Callable[[Call], Response]]]) -> None:
        self._handlers = handlers

    def kind(self, body: dict[str, Any]) -> str:
        """How a batch is counted: as its first part."""
        rows = body.get("requests")
        first = rows[0] if isinstance(rows, list) and rows else {}
        return self._handlers.get(first.get("url", ""), ("batch", None))[0]

    def answer(self, call: Call) -> Response:
        """The answers of the parts, in order; raises Refused for a batch that is none."""
        rows = call.body.get("requests")
        if not isinstance(rows, list) or not 1 <= len(rows) <= _MOST:
            raise invalid("requests", "between 1 and 100")
        return respond({"responses": [self._one(call, row) for row in rows]})

    def _one(self, call: Call, row: dict[str, Any]) -> dict[str, Any]:
        found = self._handlers.get(row.get("url", ""))
        try:
            if found is None:
                raise Refused("BadRequest", status=404)
            answer = found[1](replace(call, body=row.get("body") or {}))
        except Refused as exc:
            return {"id": row.get("id"), "status": exc.status, "body": exc.body()}
        value: dict[str, Any] = {"id": row.get("id"), "status": answer.status}
        if answer.length:
            text = b"".join(part for part in answer.segments if isinstance(part, bytes))
            value["body"] = json.loads(text)
        return value
