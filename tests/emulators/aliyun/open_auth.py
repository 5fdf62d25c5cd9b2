"""Routes of the Open API that bring tokens, and the relay that brings them for others.

Source: Aliyundrive Open §2, §3.
"""

from __future__ import annotations

import base64
import hashlib
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tests.emulators.aliyun.qr import OPEN_WORDS
from tests.emulators.messages import Response
from tests.emulators.pds.errors import Refused, respond
from tests.emulators.pds.routes import get, post

if TYPE_CHECKING:
    from tests.emulators.aliyun.qr import Code, Codes
    from tests.emulators.pds.drives import User
    from tests.emulators.pds.routes import Call, Route
    from tests.emulators.pds.settings import Settings
    from tests.emulators.pds.tokens import Tokens

CLIENT_ID = "0123456789abcdef0123456789abcdef"
CLIENT_SECRET = "fedcba9876543210fedcba9876543210"
RELAY_CLIENT_ID = "relay"
TV_CLIENT_ID = "tv"
_DRIVER_TEXTS = {"alicloud_qr": RELAY_CLIENT_ID, "alicloud_tv": TV_CLIENT_ID}
SCOPES = ("user:base", "file:all:read", "file:all:write")
_PKCE_LIFE_S = 30 * 86400
_PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Application:
    client_id: str
    challenge: str = ""
    method: str = ""


class OpenAuth:
    """Turns codes and refresh tokens into tokens."""

    def __init__(
        self, tokens: Tokens, codes: Codes, settings: Settings, owner: User, other: User
    ) -> None:
        self._tokens = tokens
        self._codes = codes
        self._settings = settings
        self._owner = owner
        self._other = other
        self._browser_codes: dict[str, _Application] = {}
        self.address = ""

    def routes(self) -> list[Route]:
        """The routes, of the API and of the relay."""
        hosts = ("openapi",)
        relay = ("relay",)
        return [
            get("/oauth/authorize", "login", self._authorize, hosts=hosts),
            post(
                "/oauth/authorize/qrcode",
                "login",
                self._show,
                hosts=(*hosts, *relay),
                access="none",
            ),
            get("/oauth/qrcode/*/status", "login", self._status, hosts=hosts),
            get("/oauth/qrcode/*", "login", self._image, hosts=hosts),
            post("/oauth/access_token", "auth", self._token, hosts=(*hosts, *relay), access="none"),
            get("/alicloud/renewapi", "relay", self._relay, hosts=relay),
            post("/alicloud/access_token", "relay", self._old_relay, hosts=relay, access="none"),
        ]

    def _authorize(self, call: Call) -> Response:
        """The page that sends a browser back with a code: this one asks nobody."""
        query = call.request.query
        self._check_client(query.get("client_id"))
        code = uuid.uuid4().hex
        self._browser_codes[code] = _Application(
            client_id=query["client_id"],
            challenge=query.get("code_challenge", ""),
            method=query.get("code_challenge_method", "plain"),
        )
        if query.get("redirect_uri") == "oob":
            return respond({"code": code})
        back = urlencode({"code": code, "state": query.get("state", "")})
        return Response(status=302, headers={"location": f"{query.get('redirect_uri')}?{back}"})

    def _show(self, call: Call) -> Response:
        body = call.body
        if not body.get("code_challenge"):
            self._check_client(body.get("client_id"), body.get("client_secret"))
        code = self._codes.show(body)
        image = f"{self.address}/openapi.alipan.com/oauth/qrcode/{code.key}"
        return respond({"qrCodeUrl": image, "sid": code.key})

    def _status(self, call: Call) -> Response:
        code, state = self._codes.poll(call.parts[0])
        if state == "EXPIRED" and self._codes.expired_as_error:
            raise Refused("QRCodeExpired")
        value = {"status": OPEN_WORDS.get(state, state)}
        if state == "CONFIRMED" and code is not None:
            value["authCode"] = self._codes.auth_code(code)
        return respond(value)

    def _image(self, _call: Call) -> Response:
        return Response(headers={"content-type": "image/png"}, segments=(_PIXEL,))

    def _token(self, call: Call) -> Response:
        body = call.body
        match body.get("grant_type"):
            case "authorization_code":
                return respond(self._exchanged(body))
            case "refresh_token":
                # The relay of one public client has this path, and knows neither id nor secret.
                if body.get("client_id"):
                    self._check_client(body["client_id"], body.get("client_secret"))
                client_id = str(body.get("client_id") or RELAY_CLIENT_ID)
                return respond(self._refreshed(body.get("refresh_token"), client_id))
        raise Refused("InvalidGrantType")

    def _exchanged(self, body: dict[str, Any]) -> dict[str, Any]:
        auth_code = body.get("code")
        verifier = body.get("code_verifier")
        try:
            application = self._application(auth_code)
        except KeyError:
            raise Refused("InvalidCode") from None
        if application.challenge:
            if not _answers(str(verifier or ""), application):
                raise Refused("InvalidCode", "code_verifier does not match")
            tokens = self._tokens.issue(self._owner, "open", application.client_id)
            return _told(tokens) | {"refresh_token": "", "expires_in": _PKCE_LIFE_S}
        if application.client_id != RELAY_CLIENT_ID:
            self._check_client(body.get("client_id"), body.get("client_secret"))
        return _told(self._tokens.issue(self._owner, "open", application.client_id))

    def _application(self, auth_code: Any) -> _Application:
        if auth_code in self._browser_codes:
            return self._browser_codes.pop(auth_code)
        code: Code = self._codes.redeem(auth_code)
        asked = code.application
        return _Application(
            client_id=str(asked.get("client_id") or RELAY_CLIENT_ID),
            challenge=str(asked.get("code_challenge") or ""),
            method=str(asked.get("code_challenge_method") or "plain"),
        )

    def _refreshed(self, token: Any, client_id: str) -> dict[str, Any]:
        try:
            session = self._tokens.redeem(token, ("open",))
        except KeyError:
            raise Refused("RefreshTokenInvalid") from None
        user = self._other if self._settings.on("other-sub") else session.user
        return _told(self._tokens.issue(user, "open", session.client_id or client_id))

    def _check_client(self, client_id: Any, secret: Any = CLIENT_SECRET) -> None:
        # The relay's own application has no secret that a caller would know.
        if client_id in (RELAY_CLIENT_ID, TV_CLIENT_ID, "", None):
            return
        if client_id != CLIENT_ID:
            raise Refused("InvalidClientId")
        if secret != CLIENT_SECRET:
            raise Refused("InvalidClientSecret")

    def _relay(self, call: Call) -> Response:
        """`GET /alicloud/renewapi`: errors are told by `text` (Open §3)."""
        query = call.request.query
        client_id = _DRIVER_TEXTS.get(query.get("driver_txt", ""))
        if client_id is None or query.get("server_use") != "true":
            return respond({"text": "unknown driver"}, 400)
        try:
            tokens = self._refreshed(query.get("refresh_ui"), client_id)
        except Refused:
            return respond({"text": "refresh token is invalid"}, 500)
        return respond({name: tokens[name] for name in ("refresh_token", "access_token")})

    def _old_relay(self, call: Call) -> Response:
        """The relay of older clients: the JSON of the token call, id and secret empty."""
        return respond(self._refreshed(call.body.get("refresh_token"), RELAY_CLIENT_ID))


def _told(tokens: dict[str, Any]) -> dict[str, Any]:
    names = ("token_type", "access_token", "refresh_token", "expires_in")
    return {name: tokens[name] for name in names}


def _answers(verifier: str, application: _Application) -> bool:
    if application.method == "plain":
        return verifier == application.challenge
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode()
    return digest.rstrip("=") == application.challenge.rstrip("=")
