"""Routes for logging in, refreshing and device sessions. Sources: Aliyundrive §2 to §4."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from tests.emulators.aliyun.qr import biz_ext
from tests.emulators.messages import Response
from tests.emulators.pds.errors import Refused, invalid, respond
from tests.emulators.pds.routes import get, post

if TYPE_CHECKING:
    from tests.emulators.aliyun.device import Devices
    from tests.emulators.aliyun.qr import Codes
    from tests.emulators.pds.drives import User
    from tests.emulators.pds.routes import Call, Route
    from tests.emulators.pds.tokens import Tokens

OWN_KINDS = ("web", "mobile")
_PASSPORT = "/newlogin/qrcode"


class LoginApi:
    """Turns phones and refresh tokens into tokens."""

    def __init__(self, tokens: Tokens, codes: Codes, devices: Devices, user: User) -> None:
        self._tokens = tokens
        self._codes = codes
        self._devices = devices
        self._user = user

    def routes(self) -> list[Route]:
        """The routes."""
        devices = self._devices

        def anybody(path: str, kind: str, handler: Any, *hosts: str) -> Route:
            return post(path, kind, handler, hosts=hosts, access="none")

        return [
            get("/v2/oauth/authorize", "login", self._authorize, hosts=("auth",)),
            get(f"{_PASSPORT}/generate.do", "login", self._generate, hosts=("passport",)),
            anybody(f"{_PASSPORT}/query.do", "login", self._query, "passport"),
            anybody("/v2/account/token", "auth", self._refresh, "auth", "api"),
            anybody("/token/refresh", "auth", self._refresh, "api"),
            post("/users/v1/users/device/create_session", "device", devices.create),
            post("/users/v1/users/device/renew_session", "device", devices.renew),
            post("/users/v1/users/device_logout", "device", devices.logout),
            post("/users/v2/users/device_list", "device", devices.listed),
        ]

    def tokens(self, user: User, kind: str) -> dict[str, Any]:
        """The answer that brings tokens."""
        return self._tokens.issue(user, kind) | {
            "default_sbox_drive_id": "",
            "role": user.role,
            "device_id": uuid.uuid5(uuid.NAMESPACE_OID, user.user_id).hex,
            "user_name": user.name,
            "need_link": False,
            "pin_setup": True,
            "need_rp_verify": False,
            "avatar": "https://img.test/avatar.png",
            "user_data": {},
            "default_drive_id": user.default.drive_id,
            "domain_id": user.domain_id,
            "is_first_login": False,
            "user_id": user.user_id,
            "nick_name": user.nick,
            "exist_link": [],
            "state": "",
            "status": "enabled",
            "path_status": "enabled",
        }

    def _authorize(self, call: Call) -> Response:
        headers = {"set-cookie": f"SESSIONID={uuid.uuid4().hex}; Path=/"}
        return Response(headers=headers | {"content-type": "text/html"})

    def _generate(self, call: Call) -> Response:
        if call.request.query.get("appName") != "aliyun_drive":
            return _havana({"title_msg": "appName is missing"}, success=False)
        code = self._codes.show()
        content = f"https://passport.aliyundrive.com/qrcodeCheck.htm?lgToken={code.key}&_from="
        return _havana({"t": code.t, "codeContent": content, "ck": code.key, "resultCode": 100})

    def _query(self, call: Call) -> Response:
        form = call.form()
        code, state = self._codes.poll(form.get("ck", ""))
        if code is not None and form.get("t") != str(code.t):
            return _havana({"title_msg": "t does not belong to ck"}, success=False)
        data: dict[str, Any] = {"qrCodeStatus": state, "resultCode": 100}
        if state == "CONFIRMED":
            tokens = self._tokens.issue(self._user, "mobile")
            data |= {
                "loginResult": "success",
                "bizExt": biz_ext(self._user, tokens, self._user.default.drive_id),
                "loginType": "normal",
                "loginScene": "web",
                "st": uuid.uuid4().hex,
                "smartlock": False,
            }
        return _havana(data)

    def _refresh(self, call: Call) -> Response:
        if call.body.get("grant_type", "refresh_token") != "refresh_token":
            raise invalid("grant_type")
        try:
            session = self._tokens.redeem(call.body.get("refresh_token"), OWN_KINDS)
        except KeyError:
            final = {"requestId": None}
            raise Refused("InvalidParameter.RefreshToken", more=final) from None
        return respond(self.tokens(session.user, session.kind))


def _havana(data: dict[str, Any], *, success: bool = True) -> Response:
    """The dialect of the login host: the HTTP status is 200 whatever happened."""
    content = {"data": data, "status": 0, "success": success}
    return respond({"content": content, "hasError": not success})
