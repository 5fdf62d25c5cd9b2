"""Routes that bring tokens: refresh in two dialects, OAuth, JWT applications, the device flow.

Source: PDS §2.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tests.emulators.messages import Response
from tests.emulators.pds import assertions
from tests.emulators.pds.errors import Refused, invalid, respond
from tests.emulators.pds.routes import get, post

if TYPE_CHECKING:
    from tests.emulators.clock import Clock
    from tests.emulators.pds.drives import User
    from tests.emulators.pds.routes import Call, Route
    from tests.emulators.pds.settings import Settings
    from tests.emulators.pds.tokens import Tokens

_GRANT = "urn:ietf:params:oauth:grant-type:"
_HOSTS = ("auth", "api")
_DEVICE_LIFE_S = 600
BASIC_UI = "BasicUI"
PLAIN_APP, WEB_APP, JWT_APP = "app", "webapp", "jwtapp"
WEB_SECRET = "web-application-secret"
KEY_ID = "key-1"


@dataclass(slots=True, kw_only=True)
class _DeviceLogin:
    client_id: str
    end: float
    polls: list[str] = field(default_factory=lambda: ["pending", "confirmed"])


class LoginApi:
    """Turns refresh tokens, codes, assertions and devices into tokens."""

    def __init__(
        self, users: dict[str, User], owner: User, tokens: Tokens, settings: Settings, clock: Clock
    ) -> None:
        self._users = users
        self._owner = owner
        self._tokens = tokens
        self._settings = settings
        self._clock = clock
        self._codes: dict[str, str] = {}
        self._devices: dict[str, _DeviceLogin] = {}
        # What the person at the browser does with the next device logins, poll by poll.
        self.device_script = ["pending", "confirmed"]

    def routes(self) -> list[Route]:
        """The routes."""
        return [
            post("/v2/oauth/token", "auth", self._token, hosts=_HOSTS, access="none"),
            post("/v2/account/token", "auth", self._account_token, hosts=_HOSTS, access="none"),
            get("/v2/oauth/authorize", "login", self._authorize, hosts=_HOSTS),
            post(
                "/v2/oauth/device_authorization",
                "login",
                self._device_authorization,
                hosts=_HOSTS,
                access="none",
            ),
        ]

    def tokens(self, user: User, client_id: str) -> dict[str, Any]:
        """The answer that brings tokens."""
        return self._tokens.issue(user, "member", client_id) | {
            "user_id": user.user_id,
            "user_name": user.name,
            "nick_name": user.nick,
            "avatar": "",
            "domain_id": user.domain_id,
            "default_drive_id": user.default.drive_id,
            "default_sbox_drive_id": "",
            "role": user.role,
            "status": "enabled",
            "state": "",
            "user_data": {},
            "exist_link": [],
            "need_link": False,
            "pin_setup": False,
            "is_first_login": False,
            "need_rp_verify": False,
            "device_name": "",
        }

    def _token(self, call: Call) -> Response:
        form = call.form()
        client_id = form.get("client_id", "")
        self._check_client(client_id, form.get("client_secret", ""))
        match form.get("grant_type", "").removeprefix(_GRANT):
            case "refresh_token":
                return self._refreshed(form.get("refresh_token", ""), client_id)
            case "authorization_code" | "code":
                if self._codes.pop(form.get("code", ""), None) != client_id:
                    raise Refused("InvalidCode")
                return respond(self.tokens(self._owner, client_id))
            case "jwt-bearer":
                return respond(self.tokens(self._asserted(form, client_id), client_id))
            case "device_code":
                return respond(self.tokens(self._confirmed(form, client_id), client_id))
        raise Refused("InvalidGrantType")

    def _account_token(self, call: Call) -> Response:
        body = call.body
        if body.get("grant_type", "refresh_token") != "refresh_token":
            raise Refused("InvalidGrantType")
        client_id = str(body.get("app_id") or "")
        if client_id not in (BASIC_UI, PLAIN_APP, WEB_APP, JWT_APP):
            raise invalid("app_id")
        return self._refreshed(body.get("refresh_token"), client_id)

    def _refreshed(self, token: Any, client_id: str) -> Response:
        try:
            session = self._tokens.redeem(token, ("member",))
        except KeyError:
            raise Refused("InvalidParameter.RefreshToken") from None
        value = self.tokens(session.user, client_id)
        if self._settings.on("keep-refresh-token"):
            self._tokens.revive(token)
            del value["refresh_token"]
        return respond(value)

    def _check_client(self, client_id: str, secret: str) -> None:
        if client_id not in (BASIC_UI, PLAIN_APP, WEB_APP, JWT_APP):
            raise Refused("InvalidClientId")
        if client_id == WEB_APP and secret != WEB_SECRET:
            raise Refused("InvalidClientSecret")

    def _asserted(self, form: dict[str, str], client_id: str) -> User:
        if client_id != JWT_APP:
            raise Refused("InvalidGrantType")
        try:
            said = assertions.claims(
                form.get("assertion", ""),
                client_id=client_id,
                domain_id=self._owner.domain_id,
                now=self._clock.now(),
            )
        except ValueError as exc:
            raise invalid("assertion", str(exc)) from None
        if said["sub_type"] == "service":
            return self._owner
        user = self._users.get(said.get("sub", ""))
        if user is None:
            raise Refused("NotFound.User", "The resource user cannot be found.", status=404)
        return user

    def _authorize(self, call: Call) -> Response:
        """The page that sends a browser back with a code: this one asks nobody."""
        query = call.request.query
        self._check_client(query.get("client_id", ""), WEB_SECRET)
        if query.get("response_type") != "code":
            raise invalid("response_type")
        code = uuid.uuid4().hex
        self._codes[code] = query["client_id"]
        back = urlencode({"code": code, "state": query.get("state", "")})
        return Response(status=302, headers={"location": f"{query.get('redirect_uri', '')}?{back}"})

    def _device_authorization(self, call: Call) -> Response:
        form = call.form()
        self._check_client(form.get("client_id", ""), WEB_SECRET)
        code = uuid.uuid4().hex
        self._devices[code] = _DeviceLogin(
            client_id=form["client_id"],
            end=self._clock.now() + _DEVICE_LIFE_S,
            polls=list(self.device_script),
        )
        return respond(
            {
                "device_code": code,
                "user_code": code[:8].upper(),
                "verification_uri": "https://activate.test/device",
                "expires_in": _DEVICE_LIFE_S,
                "interval": 2,
            }
        )

    def _confirmed(self, form: dict[str, str], client_id: str) -> User:
        login = self._devices.get(form.get("device_code", ""))
        if login is None or login.client_id != client_id or login.end <= self._clock.now():
            raise invalid("device_code")
        state = login.polls.pop(0) if len(login.polls) > 1 else login.polls[0]
        if state == "pending":
            raise Refused("AuthorizationPending")
        if state != "confirmed":
            raise Refused("AccessDenied", "the person refused", status=403)
        del self._devices[form["device_code"]]
        return self._owner
