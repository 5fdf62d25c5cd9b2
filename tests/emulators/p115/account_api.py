"""Sign-in by QR code with cookies, and whether cookies are still good.

Source: wire 115 §3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.emulators.messages import Response
from tests.emulators.p115 import envelope
from tests.emulators.p115.envelope import respond
from tests.emulators.p115.routes import Route
from tests.emulators.p115.sessions import USER_ID, USER_NAME

if TYPE_CHECKING:
    from tests.emulators.clock import Clock
    from tests.emulators.p115.qr_codes import QrCodes
    from tests.emulators.p115.routes import Call
    from tests.emulators.p115.sessions import Sessions

_LOGIN_LIFE_S = 2592000
# A picture of one pixel: nobody scans it.
_PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000000a49"
    "444154789c636000000002000148afa4710000000049454e44ae426082"
)


class AccountApi:
    """Handlers of `qrcodeapi`, `passportapi` and `my`."""

    def __init__(self, sessions: Sessions, codes: QrCodes, clock: Clock) -> None:
        self._sessions = sessions
        self._codes = codes
        self._clock = clock

    def routes(self) -> list[Route]:
        """Where they are."""
        at = Route.to
        host = "qrcodeapi.115.com"
        return [
            at(f"{host}/api/1.0/*/1.0/token", "login", self._token, "GET"),
            at(f"{host}/api/1.0/*/1.0/qrcode", "login", self._picture, "GET"),
            at(f"{host}/get/status", "login", self._codes.status, "GET"),
            at(f"{host}/api/2.0/prompt.php", "login", self._scan, "GET"),
            at(f"{host}/api/2.0/slogin.php", "login", self._confirm, "GET"),
            at(f"{host}/api/2.0/cancel.php", "login", self._cancel, "GET"),
            at(f"{host}/app/1.0/*/1.0/login/qrcode", "login", self._login, "POST"),
            at(f"{host}/app/1.0/*/1.0/check/sso", "status", self._check, "GET"),
            at("my.115.com/", "status", self._my, "GET"),
            at("webapi.115.com/user/info", "status", self._phone, "GET"),
        ]

    def _token(self, call: Call) -> Response:
        code = self._codes.show()
        data = {
            "uid": code.uid,
            "time": code.time,
            "sign": code.sign,
            "qrcode": f"https://115.com/scan/dg-{code.uid}",
        }
        return respond({"state": 1, "code": 0, "message": "", "data": data})

    def _picture(self, call: Call) -> Response:
        return Response(headers={"content-type": "image/png"}, segments=(_PICTURE,))

    def _scan(self, call: Call) -> Response:
        return self._decided(call, "scanned")

    def _confirm(self, call: Call) -> Response:
        return self._decided(call, "confirmed")

    def _cancel(self, call: Call) -> Response:
        return self._decided(call, "cancelled")

    def _decided(self, call: Call, state: str) -> Response:
        """A second client that is signed in scans the code instead of a person's phone."""
        if call.session is None:
            raise envelope.passport(99, "请先登录")
        uid = call.text("uid") or call.text("key")
        try:
            self._codes.decide(state, uid)
        except (KeyError, ValueError):
            raise envelope.passport(40199002, "key invalid") from None
        return respond({"state": 1, "code": 0, "message": "", "data": {}})

    def _login(self, call: Call) -> Response:
        app = call.text("app", call.parts[0])
        code = self._codes.confirmed(call.text("account"))
        session = self._sessions.login(app)
        code.used = True
        data = {
            "user_id": USER_ID,
            "user_name": USER_NAME,
            "is_vip": 4294967295,
            "cookie": session.cookies,
            "alert": "",
            "email": "",
            "mobile": "138****0000",
            "country": "CN",
            "bind_mobile": 1,
            "is_first_login": 0,
            "is_chang_passwd": 0,
            "is_trusted": "0",
            "mark": 0,
            "from": call.parts[0],
            "face": {"face_l": "", "face_m": "", "face_s": ""},
        }
        return respond(
            {"state": 1, "code": 0, "errno": 0, "error": "", "message": "", "data": data}
        )

    def _check(self, call: Call) -> Response:
        user_id = USER_ID if call.session is not None else 0
        expire = int(self._clock.now()) + _LOGIN_LIFE_S if user_id else 0
        body = {"state": 0, "code": 0, "errno": 0, "error": "", "message": "", "expire": expire}
        if call.session is None:
            body |= {"code": 40101032, "errno": 40101032, "error": "请重新登录"}
        data = {"user_id": user_id, "expire": expire, "link": ""}
        return respond({**body, "check_ssd": bool(user_id), "data": data})

    def _my(self, call: Call) -> Response:
        signed = call.session is not None
        match call.text("ct"), call.text("ac"):
            case "guide", "status":
                return respond({"state": signed})
            case "ajax", "nav":
                data = {
                    "user_id": USER_ID,
                    "user_name": USER_NAME,
                    "vip": 1,
                    "expire": int(self._clock.now()) + _LOGIN_LIFE_S,
                    "face": "",
                }
                return respond({"state": signed, "data": data if signed else {}})
        return respond({"state": False, "error": "404 Not Found", "errno": 980006})

    def _phone(self, call: Call) -> Response:
        if call.session is None:
            raise envelope.web(990001, "登录超时，请重新登录。")
        return respond({"state": True, "data": "138****0000"})
