"""Routes about share links of a PDS domain: the full set. Source: PDS §5."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.emulators.pds import times
from tests.emulators.pds.errors import Refused, empty, gateway_error, respond
from tests.emulators.pds.routes import post
from tests.emulators.pds.shares import COUNTERS, LIMITS

if TYPE_CHECKING:
    from tests.emulators.messages import Response
    from tests.emulators.pds.routes import Call, Route
    from tests.emulators.pds.settings import Settings
    from tests.emulators.pds.shares import Shares
    from tests.emulators.pds.sharing import Sharing

_SHOWN_FLAGS = ("disable_preview", "disable_download", "disable_save")


class ShareApi:
    """The calls of those who share and of those who visit."""

    def __init__(self, shares: Shares, sharing: Sharing, settings: Settings) -> None:
        self._shares = shares
        self._sharing = sharing
        self._settings = settings

    def routes(self) -> list[Route]:
        """The routes."""
        group = "/v2/share_link"
        return [
            post(f"{group}/get_by_anonymous", "share_info", self._anonymous, access="none"),
            post(f"{group}/get_share_token", "share_token", self.token, access="none"),
            post(f"{group}/create", "share_create", self.create),
            post(f"{group}/get", "share_get", self.get),
            post(f"{group}/list", "share_list", self.listed),
            post(f"{group}/search", "share_list", self._search),
            post(f"{group}/update", "share_update", self.update),
            post(f"{group}/cancel", "share_cancel", self.cancel),
        ]

    def token(self, call: Call) -> Response:
        """A share token."""
        return respond(self._shares.token(call.body, signed_in=call.session is not None))

    def create(self, call: Call) -> Response:
        """A new share."""
        return respond(self._sharing.view(self._sharing.create(call)))

    def get(self, call: Call) -> Response:
        """An own share."""
        return respond(self._sharing.view(self._sharing.own(call)))

    def listed(self, call: Call) -> Response:
        """The caller's shares."""
        if self._settings.on("no-share-list"):
            return gateway_error(404, "I404NF", "API not found")
        cancelled = bool(call.body.get("include_cancelled"))  # two l
        return respond(self._sharing.page(call, cancelled=cancelled))

    def update(self, call: Call) -> Response:
        """Change an own share."""
        return respond(self._sharing.view(self._sharing.update(call)))

    def cancel(self, call: Call) -> Response:
        """End an own share: 204, or 200 and {} as the vendor's page prints."""
        self._sharing.cancel(call)
        return respond({}) if self._settings.on("cancel-200") else empty()

    def _search(self, call: Call) -> Response:
        return respond(self._sharing.search(call))

    def _anonymous(self, call: Call) -> Response:
        share = self._shares.known(call.body.get("share_id"))
        if share.status == "disabled":
            raise Refused("ShareLink.Cancelled")
        owner = share.creator
        value: dict[str, Any] = {
            "creator_id": owner.user_id,
            "creator_name": owner.masked_name,
            "creator_phone": owner.masked_phone,
            "avatar": "https://img.test/avatar.png",
            "share_name": share.name,
            "expiration": share.expiration,
            "updated_at": times.written(share.updated_ns),
        }
        if not self._settings.on("old-anonymous-info"):
            value |= {"has_pwd": bool(share.password), "require_login": share.require_login}
            value |= {name: share.counts[name] for name in COUNTERS}
            value |= {name: share.limits[name] for name in LIMITS}
            value |= {name: share.flags[name] for name in _SHOWN_FLAGS}
        return respond(value)
