"""Calls about the site and about whoever asks: config, sign-in, tokens, account.

Source: wire Cloudreve V4 §2, §3, §4, §7 (server of 2025-06-21).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from tests.emulators.cloudreve.envelope import Refused, respond, success
from tests.emulators.cloudreve.routes import Call, Route
from tests.emulators.cloudreve.session import SecondFactorNeeded

if TYPE_CHECKING:
    from tests.emulators.cloudreve.captcha import Captchas
    from tests.emulators.cloudreve.session import Sessions
    from tests.emulators.cloudreve.settings import Settings
    from tests.emulators.cloudreve.tokens import Tokens
    from tests.emulators.cloudreve.tree import Node, Tree
    from tests.emulators.cloudreve.users import User
    from tests.emulators.messages import Response

_VERSION = "4.0.0"
_POLICY_URL = "https://cloudreve.org/privacy-policy"
_API = "/api/v4"


class AccountApi:
    """Handlers for `/site`, `/session` and `/user`."""

    def __init__(
        self,
        sessions: Sessions,
        tokens: Tokens,
        captchas: Captchas,
        tree: Tree,
        settings: Settings,
        instance_id: str,
    ) -> None:
        self._sessions = sessions
        self._tokens = tokens
        self._captchas = captchas
        self._tree = tree
        self._settings = settings
        self._instance_id = instance_id
        self._used: dict[Node, int] = {}

    def routes(self) -> list[Route]:
        """What this API answers."""
        to = Route.to
        return [
            to("GET", f"{_API}/site/ping", "ping", lambda _call: success(_VERSION)),
            to("GET", f"{_API}/site/config/basic", "config", self._basic),
            to("GET", f"{_API}/site/config/login", "config", self._login_config),
            to("GET", f"{_API}/site/config/explorer", "config", self._explorer_config),
            to("GET", f"{_API}/site/captcha", "captcha", self._captcha),
            to("GET", f"{_API}/session/prepare", "prepare", self._prepare),
            to("POST", f"{_API}/session/token", "login", self._sign_in),
            to("POST", f"{_API}/session/token/2fa", "login_2fa", self._second_factor),
            # A garbage Authorization header on it does no harm (§4).
            to("POST", f"{_API}/session/token/refresh", "refresh", self._refresh, identified=False),
            to("DELETE", f"{_API}/session/token", "logout", self._sign_out),
            to("GET", f"{_API}/user/me", "me", self._me),
            to("GET", f"{_API}/user/capacity", "capacity", self._capacity),
            to("GET", f"{_API}/user/setting", "setting", self._setting),
        ]

    def _basic(self, call: Call) -> Response:
        return success(
            {
                "instance_id": self._instance_id,
                "title": "Cloudreve",
                "themes": "{}",
                "default_theme": "#1976d2",
                "user": call.user.view(),
                "logo": "/static/img/logo.svg",
                "logo_light": "/static/img/logo_light.svg",
                "captcha_ReCaptchaKey": "defaultKey",
                "captcha_type": "normal",
                "app_promotion": True,
            }
        )

    def _login_config(self, call: Call) -> Response:
        # False booleans are omitted: no captcha, no field (§2).
        captcha = {"login_captcha": True} if self._settings.on("captcha") else {}
        urls = {"tos_url": _POLICY_URL, "privacy_policy_url": _POLICY_URL}
        return success({**captcha, "authn": True, "register_enabled": True, **urls})

    def _explorer_config(self, call: Call) -> Response:
        viewers = [
            {"id": name, "type": "builtin", "display_name": f"fileManager.{name}", "exts": exts}
            for name, exts in (("music", ["mp3", "ogg"]), ("epub", ["epub"]))
        ]
        return success(
            {
                "icons": "[]",
                "map_provider": "openstreetmap",
                "google_map_tile_type": "regular",
                "file_viewers": [{"viewers": viewers}],
                "max_batch_size": self._settings.max_batch,
                "thumbnail_width": 400,
                "thumbnail_height": 300,
            }
        )

    def _captcha(self, call: Call) -> Response:
        image, ticket = self._captchas.new()
        return success({"image": image, "ticket": ticket})

    def _prepare(self, call: Call) -> Response:
        return success(self._sessions.prepare(call.request.query.get("email", "")))

    def _sign_in(self, call: Call) -> Response:
        try:
            return success(self._sessions.sign_in(call.body()))
        except SecondFactorNeeded as exc:
            return respond({"code": 203, "data": exc.session_id, "msg": ""})

    def _second_factor(self, call: Call) -> Response:
        return success(self._sessions.second_factor(call.body()))

    def _refresh(self, call: Call) -> Response:
        return success(self._tokens.refresh(str(call.body().get("refresh_token", ""))))

    def _sign_out(self, call: Call) -> Response:
        self._sessions.sign_out(call.body())
        return success("")

    def _me(self, call: Call) -> Response:
        return success(_signed_in(call).view())

    def _capacity(self, call: Call) -> Response:
        root = _signed_in(call).root
        used = self._used_by(root) if root is not None else 0
        return success({"total": self._settings.capacity_bytes, "used": used})

    def _setting(self, call: Call) -> Response:
        _signed_in(call)
        retention: dict[str, Any] = {
            "version_retention_enabled": True,
            "version_retention_max": self._settings.max_versions,
        }
        two_factor = call.user.two_factor or self._settings.on("two-factor")
        switches = {"passwordless": False, "two_fa_enabled": two_factor}
        return success({**retention, **switches, "disable_view_sync": False})

    def _used_by(self, root: Node) -> int:
        """What the served directory took when it was first asked, plus what the API wrote."""
        if root not in self._used:
            total = 0
            for folder, _, names in os.walk(root.directory or os.devnull):
                for name in names:
                    try:
                        total += os.lstat(os.path.join(folder, name)).st_size
                    except OSError:
                        continue  # gone while we counted
            self._used[root] = total
        written = (e.size for e in self._tree.entities.values() if isinstance(e.content, bytes))
        return self._used[root] + sum(written)


def _signed_in(call: Call) -> User:
    if call.user.anonymous:
        raise Refused(401, "Login required")
    return call.user
