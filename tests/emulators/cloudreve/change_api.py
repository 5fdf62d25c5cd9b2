"""Calls that change files: the writing half of `/file`.

Source: wire Cloudreve V4 §9, §10 (server of 2025-06-21).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.emulators.cloudreve.envelope import success
from tests.emulators.cloudreve.routes import Call, Route

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tests.emulators.cloudreve.changes import Changes
    from tests.emulators.cloudreve.locks import Locks
    from tests.emulators.cloudreve.places import Place
    from tests.emulators.cloudreve.uploads import Uploads
    from tests.emulators.cloudreve.users import User
    from tests.emulators.cloudreve.views import Views
    from tests.emulators.messages import Response

_API = "/api/v4/file"


class ChangeApi:
    """Handlers for everything that writes."""

    def __init__(self, changes: Changes, uploads: Uploads, locks: Locks, views: Views) -> None:
        self._changes = changes
        self._uploads = uploads
        self._locks = locks
        self._views = views

    def routes(self) -> list[Route]:
        """What this API answers."""
        to = Route.to
        return [
            to("POST", f"{_API}/create", "create", self._create),
            to("POST", f"{_API}/rename", "rename", self._rename),
            to("POST", f"{_API}/move", "move", _done(self._changes.move)),
            to("DELETE", _API, "delete", _done(self._changes.delete)),
            to("POST", f"{_API}/restore", "restore", _done(self._changes.restore)),
            to("DELETE", f"{_API}/lock", "unlock", self._unlock),
            to("PUT", f"{_API}/upload", "upload_begin", self._begin),
            to("POST", f"{_API}/upload/*/*", "upload_chunk", self._chunk),
            to("DELETE", f"{_API}/upload", "upload_cancel", _done(self._uploads.cancel)),
            to("PUT", f"{_API}/content", "put", self._put),
            to("POST", f"{_API}/version/current", "version", _done(self._uploads.make_current)),
            to("DELETE", f"{_API}/version", "version", _done(self._uploads.drop_version)),
        ]

    def _create(self, call: Call) -> Response:
        return self._shown(self._changes.create(call.body(), call.user))

    def _rename(self, call: Call) -> Response:
        return self._shown(self._changes.rename(call.body(), call.user))

    def _put(self, call: Call) -> Response:
        return self._shown(self._uploads.put(call.request.query, call.request.body, call.user))

    def _begin(self, call: Call) -> Response:
        return success(self._uploads.begin(call.body(), call.user))

    def _chunk(self, call: Call) -> Response:
        upload_id, index = call.parts
        self._uploads.chunk(upload_id, index, call.request, call.user)
        return success()

    def _unlock(self, call: Call) -> Response:
        # Nobody asks who this is: knowing the token is enough (§10.5).
        self._locks.break_all(list(call.body().get("tokens") or []))
        return success()

    def _shown(self, place: Place) -> Response:
        return success(self._views.polluted(self._views.single(place, made=True)))


def _done(change: Callable[[dict[str, Any], User], None]) -> Callable[[Call], Response]:
    """A handler for a change whose success has no `data`."""

    def handler(call: Call) -> Response:
        change(call.body(), call.user)
        return success()

    return handler
