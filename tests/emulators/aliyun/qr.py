"""Logging in with a phone: the codes that are shown, and what the person does with them.

Two ways: the apps' own (`newlogin/qrcode`, Aliyundrive §2) and the Open API's (Open §2.2). What a
phone does is scripted: each poll takes the next state of `script`, the last one stays.
"""

from __future__ import annotations

import base64
import json
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.emulators.clock import Clock
    from tests.emulators.pds.drives import User

# The words of the apps' API and, for the same states, of the Open API.
OPEN_WORDS = {
    "NEW": "WaitLogin",
    "SCANED": "ScanSuccess",
    "CONFIRMED": "LoginSuccess",
    "EXPIRED": "QRCodeExpired",
}
_DEFAULT_SCRIPT = ("NEW", "SCANED", "CONFIRMED")
_LIFE_S = 180.0
_MS = 1000


@dataclass(slots=True, kw_only=True)
class Code:
    """One code on a screen."""

    key: str
    t: int
    made: float
    states: list[str]
    application: dict[str, Any] = field(default_factory=dict)
    used: bool = False


class Codes:
    """Every code that was shown."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._codes: dict[str, Code] = {}
        self._auth_codes: dict[str, Code] = {}
        self.script: tuple[str, ...] = _DEFAULT_SCRIPT
        self.expired_as_error = False

    def show(self, application: dict[str, Any] | None = None) -> Code:
        """A new code."""
        now = self._clock.now()
        code = Code(
            key=uuid.uuid4().hex,
            t=int(now * _MS),
            made=now,
            states=list(self.script),
            application=application or {},
        )
        self._codes[code.key] = code
        return code

    def poll(self, key: str) -> tuple[Code | None, str]:
        """The code of a key and what happened to it: a word of the apps' API."""
        code = self._codes.get(key)
        if code is None or self._clock.now() - code.made > _LIFE_S:
            return None, "EXPIRED"
        state = code.states.pop(0) if len(code.states) > 1 else code.states[0]
        return code, state

    def auth_code(self, code: Code) -> str:
        """What an application trades for tokens, once."""
        text = uuid.uuid4().hex
        self._auth_codes[text] = code
        return text

    def redeem(self, auth_code: Any) -> Code:
        """The code behind an auth code; raises KeyError when there is none (any more)."""
        return self._auth_codes.pop(auth_code)


def biz_ext(user: User, tokens: dict[str, Any], drive_id: str) -> str:
    """The confirmed login: base64 of GB18030 of JSON (Aliyundrive §2)."""
    result = {
        "role": "user",
        "userData": {},
        "isFirstLogin": False,
        "userName": user.name,
        "nickName": user.nick,
        "domainId": user.domain_id,
        "userId": user.user_id,
        "defaultDriveId": drive_id,
        "accessToken": tokens["access_token"],
        "refreshToken": tokens["refresh_token"],
        "expireTime": tokens["expire_time"],
        "expiresIn": tokens["expires_in"],
        "tokenType": "Bearer",
        "status": "enabled",
        "existLink": [],
        "needLink": False,
    }
    text = json.dumps({"pds_login_result": result}, ensure_ascii=False)
    return base64.b64encode(text.encode("gb18030")).decode()
