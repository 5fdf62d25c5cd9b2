"""The cookie API that changes the drive.

Source: wire 115 §7.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.emulators.p115 import envelope
from tests.emulators.p115.envelope import respond
from tests.emulators.p115.routes import Route
from tests.emulators.p115.tree import seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.emulators.messages import Response
    from tests.emulators.p115.changes import Changes, Deleted
    from tests.emulators.p115.routes import Call
    from tests.emulators.p115.spelling import Spelling

_RENAMED = re.compile(r"files_new_name\[(\d+)\]")


class ChangeApi:
    """Handlers of `files/add`, `files/move`, `rb/...` and their like."""

    def __init__(self, changes: Changes, spelling: Spelling) -> None:
        self._changes = changes
        self._spelling = spelling

    def routes(self) -> list[Route]:
        """Where they are."""

        def at(path: str, handler: Callable[[Call], Response], method: str = "POST") -> Route:
            return Route.to(f"webapi.115.com/{path}", "change", _signed(handler), method)

        return [
            at("files/add", self._make_folder),
            at("files/batch_rename", self._rename),
            at("files/move", self._move),
            at("files/move_progress", self._progress, "GET"),
            at("files/copy", self._copy),
            at("rb/delete", self._delete),
            at("rb", self._bin, "GET"),
            at("rb/revert", self._revert),
            at("rb/secret_del", self._purge),
            at("rb/clean", self._purge),
        ]

    def _make_folder(self, call: Call) -> Response:
        node = self._changes.make_folder(call.text("pid", "0"), call.text("cname"))
        return respond(
            {
                "state": True,
                "error": "",
                "errno": "",
                "aid": self._spelling.number("aid", 1),
                "cid": self._spelling.text("cid", node.id),
                "cname": node.name,
                "file_id": str(node.id),
                "file_name": node.name,
            }
        )

    def _rename(self, call: Call) -> Response:
        wished = {
            match[1]: name
            for key, name in call.form
            if (match := _RENAMED.fullmatch(key)) is not None
        }
        renamed = {number: self._changes.rename(number, name) for number, name in wished.items()}
        changed = {number: name for number, name in renamed.items() if name is not None}
        # An empty PHP array: nothing was changed.
        return respond({"state": True, "error": "", "errno": 0, "data": changed or []})

    def _move(self, call: Call) -> Response:
        self._changes.move(call.many("fid"), call.text("pid"))
        return self._done()

    def _progress(self, call: Call) -> Response:
        return respond({"state": True, "progress": 100, "errno": 0})

    def _copy(self, call: Call) -> Response:
        self._changes.copy(call.many("fid"), call.text("pid"))
        return self._done()

    def _delete(self, call: Call) -> Response:
        self._changes.delete(call.many("fid"))
        return self._done()

    def _bin(self, call: Call) -> Response:
        entries = sorted(self._changes.bin.values(), key=lambda entry: -entry.time_ns)
        offset, limit = call.number("offset"), call.number("limit", 32)
        return respond(
            {
                "state": True,
                "error": "",
                "errno": 0,
                "count": self._spelling.text("count", len(entries)),
                "offset": offset,
                "limit": limit,
                "data": [self._deleted(entry) for entry in entries[offset : offset + limit]],
            }
        )

    def _deleted(self, entry: Deleted) -> dict[str, object]:
        node = entry.node
        return {
            "id": str(entry.id),
            "file_name": node.name,
            "file_size": str(node.size),
            "cid": self._spelling.number("cid", entry.parent.id),
            "parent_name": entry.parent.name or "根目录",
            "dtime": str(seconds(entry.time_ns)),
            "type": "2" if node.is_folder else "1",
            "ico": node.extension,
        }

    def _revert(self, call: Call) -> Response:
        self._changes.revert(call.many("rid"))
        return self._done()

    def _purge(self, call: Call) -> Response:
        numbers = call.many("tid") + call.many("rid")
        self._changes.purge(numbers, call.text("password"))
        return self._done()

    def _done(self) -> Response:
        return respond({"state": True, "error": "", "errno": ""})


def _signed(handler: Callable[[Call], Response]) -> Callable[[Call], Response]:
    def checked(call: Call) -> Response:
        if call.session is None:
            raise envelope.web(990001, "登录超时，请重新登录。")
        return handler(call)

    return checked
