"""Sign-in to the Open platform by device code, with PKCE.

Source: wire 115 §10.1, §10.4.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from tests.emulators.p115 import envelope
from tests.emulators.p115.envelope import respond
from tests.emulators.p115.routes import Route

if TYPE_CHECKING:
    from tests.emulators.messages import Response
    from tests.emulators.p115.qr_codes import QrCodes
    from tests.emulators.p115.routes import Call
    from tests.emulators.p115.tokens import Login, Tokens

CLIENT_ID = "100197303"
_METHODS = ("sha256", "sha1", "md5")
_SHORTEST, _LONGEST = 43, 128


class OpenAuth:
    """Handlers of `/open/...` on the sign-in hosts."""

    def __init__(self, tokens: Tokens, codes: QrCodes) -> None:
        self._tokens = tokens
        self._codes = codes

    def routes(self) -> list[Route]:
        """Where they are."""
        at = Route.to
        host = "qrcodeapi.115.com"
        return [
            at(f"{host}/open/authDeviceCode", "login", self._device_code, "POST"),
            at(f"{host}/open/deviceCodeToToken", "login", self._first_tokens, "POST"),
            at(f"{host}/open/refreshToken", "auth", self._renew, "POST"),
        ]

    def _device_code(self, call: Call) -> Response:
        client_id = call.text("client_id")
        if client_id != CLIENT_ID:
            raise envelope.passport(40140100, "client_id 错误")
        challenge, method = call.text("code_challenge"), call.text("code_challenge_method")
        if not challenge:
            raise envelope.passport(40140101, "code_challenge 必填")
        if method not in _METHODS:
            raise envelope.passport(40140102, "code_challenge_method 必须是 sha256、sha1、md5 之一")
        code = self._codes.show(client_id=client_id, challenge=challenge, method=method)
        data = {
            "uid": code.uid,
            "time": code.time,
            "qrcode": f"https://115.com/scan/dg-{code.uid}",
            "sign": code.sign,
        }
        return _granted(data)

    def _first_tokens(self, call: Call) -> Response:
        code = self._codes.confirmed(call.text("uid"))
        verifier = call.text("code_verifier")
        if not _SHORTEST <= len(verifier) <= _LONGEST:
            raise envelope.passport(40140112, "code_verifier 长度为 43~128")
        digest = hashlib.new(code.method, verifier.encode()).digest() if code.method else b""
        if code.used or base64.b64encode(digest).decode() != code.challenge:
            raise envelope.passport(40140113, "code_verifier 错误")
        code.used = True
        return self._given(self._tokens.sign_in())

    def _renew(self, call: Call) -> Response:
        return self._given(self._tokens.renew(call.text("refresh_token")))

    def _given(self, login: Login) -> Response:
        return _granted(self._tokens.view(login))


def _granted(data: object) -> Response:
    return respond({"state": 1, "code": 0, "message": "", "data": data, "error": "", "errno": 0})
