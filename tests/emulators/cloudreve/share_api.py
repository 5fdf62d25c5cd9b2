"""Calls about share links, for visitors and for owners.

Source: wire Cloudreve V4 §11 and the share_* recordings (server of 2025-06-21).
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING
from urllib.parse import unquote

from tests.emulators.cloudreve.envelope import Refused, invalid, success
from tests.emulators.cloudreve.routes import Call, Route
from tests.emulators.cloudreve.shares import page_address
from tests.emulators.cloudreve.uris import FileUri, parse
from tests.emulators.messages import Response, text_response

if TYPE_CHECKING:
    from tests.emulators.cloudreve.places import Place, Places
    from tests.emulators.cloudreve.shares import Share, Shares

_API = "/api/v4"
_SMALLEST_PAGE, _LARGEST_PAGE = 10, 100
_HOME = "<!DOCTYPE html><html><head><title>Cloudreve</title></head><body></body></html>"


class ShareApi:
    """Handlers for `/share` and `/s`."""

    def __init__(self, shares: Shares, places: Places) -> None:
        self._shares = shares
        self._places = places

    def routes(self) -> list[Route]:
        """What this API answers."""
        to = Route.to
        return [
            to("GET", f"{_API}/share/info/*", "share_info", self._info),
            to("GET", f"{_API}/share", "share_list", self._mine),
            to("PUT", f"{_API}/share", "share_create", self._create),
            to("POST", f"{_API}/share/*", "share_edit", self._edit),
            to("DELETE", f"{_API}/share/*", "share_delete", self._cancel),
            to("GET", "/s/*", "share_page", self._page, identified=False),
            to("GET", "/s/*/*", "share_page", self._page, identified=False),
            to("GET", "/home", "home", self._home, identified=False),
            to("GET", "/", "home", self._home, identified=False),
        ]

    def _info(self, call: Call) -> Response:
        share = self._shares.parse(call.parts[0])
        if self._shares.is_over(share):
            raise Refused(404, "Share link expired")
        if call.flags.get("count_views"):
            share.visited += 1
        source = None
        if call.flags.get("owner_extended"):
            names = tuple(node.name for node in share.node.lineage())
            source = str(FileUri(fs="my", id=share.owner.id, names=names))
        password = call.request.query.get("password", "")
        return success(self._shares.view(share, call.user, password=password, source=source))

    def _mine(self, call: Call) -> Response:
        _signed_in(call)
        query = call.request.query
        try:
            size, start = int(query.get("page_size", 0)), _start(query.get("next_page_token"))
        except ValueError:
            raise invalid("Parameter error") from None
        if not _SMALLEST_PAGE <= size <= _LARGEST_PAGE:
            raise invalid("PageSize too short" if size < _SMALLEST_PAGE else "PageSize too long")
        shares = self._shares.of_owner(call.user)
        if query.get("order_direction") == "asc":
            shares.reverse()
        pagination: dict[str, object] = {"page": 0, "page_size": size}
        if start + size < len(shares):
            pagination["next_token"] = base64.b64encode(str(start + size).encode()).decode()
        views = [self._shares.view(share, call.user) for share in shares[start : start + size]]
        return success({"shares": views, "pagination": pagination | {"is_cursor": True}})

    def _create(self, call: Call) -> Response:
        body = call.body()
        share = self._shares.create(call.user, self._shareable(call, body).node, body)
        return success(self._shares.link(share))

    def _edit(self, call: Call) -> Response:
        share = self._own(call)
        self._shares.edit(share, call.body())
        return success(self._shares.link(share))

    def _cancel(self, call: Call) -> Response:
        self._shares.cancel(self._own(call))
        return success()

    def _page(self, call: Call) -> Response:
        share_id, *password = map(unquote, call.parts)
        address = page_address(share_id, "".join(password))
        found = text_response(
            302, f'<a href="{address}">Found</a>.\n\n', "text/html; charset=utf-8"
        )
        found.headers["location"] = address
        return found

    def _home(self, call: Call) -> Response:
        return text_response(200, _HOME, "text/html; charset=utf-8")

    def _shareable(self, call: Call, body: dict[str, object]) -> Place:
        place = self._places.find(parse(str(body.get("uri", ""))), call.user)
        if place.is_root:
            raise Refused(403, "src file not found")
        if place.share is not None:
            raise Refused(403, "Not supported action")
        return place

    def _own(self, call: Call) -> Share:
        _signed_in(call)
        share = self._shares.parse(call.parts[0])
        if share.owner is not call.user:
            raise Refused(404, "Share not found")
        return share


def _signed_in(call: Call) -> None:
    if call.user.anonymous:
        raise Refused(401, "Login required")


def _start(token: str | None) -> int:
    try:
        return int(base64.b64decode(token)) if token else 0
    except binascii.Error as exc:
        raise ValueError(token) from exc
