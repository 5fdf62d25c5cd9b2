"""QR codes that wait to be scanned: of the cookie login and of the Open sign-in.

Nobody scans here: each poll takes the next state of `Settings.qr_script`, until the control door
says what happened. Source: wire 115 §3.1, §10.1.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tests.emulators.p115 import envelope
from tests.emulators.p115.envelope import respond

if TYPE_CHECKING:
    from tests.emulators.clock import Clock
    from tests.emulators.messages import Response
    from tests.emulators.p115.routes import Call
    from tests.emulators.p115.settings import Settings

STATES = {"waiting": 0, "scanned": 1, "confirmed": 2, "expired": -1, "cancelled": -2}
_EXPIRED = 40199002
_TEXTS = {"waiting": "", "scanned": "扫描成功，等待确认", "confirmed": "登录成功"}


@dataclass(slots=True, kw_only=True, eq=False)
class QrCode:
    """One code; `challenge` and `method` are those of an Open sign-in, `client_id` its app."""

    uid: str
    time: int
    sign: str
    state: str = "waiting"
    told: str = ""  # what the last poll was answered
    decided: bool = False  # by the control door: polls do not take the script any more
    polls: int = 0
    used: bool = False
    client_id: str = ""
    challenge: str = ""
    method: str = ""


class QrCodes:
    """All codes that were shown."""

    def __init__(self, settings: Settings, clock: Clock, secret: str) -> None:
        self._settings = settings
        self._clock = clock
        self._secret = secret
        self._codes: dict[str, QrCode] = {}

    def show(self, *, client_id: str = "", challenge: str = "", method: str = "") -> QrCode:
        """Make a code."""
        text = f"{self._secret}/qr/{len(self._codes)}"
        code = QrCode(
            uid=hashlib.md5(text.encode()).hexdigest(),
            time=int(self._clock.now()),
            sign=hashlib.sha1(text.encode()).hexdigest(),
            client_id=client_id,
            challenge=challenge,
            method=method,
        )
        self._codes[code.uid] = code
        return code

    def decide(self, state: str, uid: str = "") -> QrCode:
        """Let a person do something with a code, the latest by default; raises ValueError."""
        if state not in STATES:
            raise ValueError(f"a QR code cannot be {state!r}; there are {', '.join(STATES)}")
        if not self._codes:
            raise ValueError("no QR code was shown")
        code = self._codes[uid] if uid else list(self._codes.values())[-1]
        code.state, code.decided = state, True
        return code

    def confirmed(self, uid: str) -> QrCode:
        """A code that was confirmed and not used before; raises Refused."""
        code = self._codes.get(uid)
        if code is None or self._dead(code):
            raise envelope.passport(_EXPIRED, "key invalid")
        if code.state != "confirmed":
            raise envelope.passport(50199004, "二维码状态异常")
        return code

    def status(self, call: Call) -> Response:
        """Answer a poll."""
        code = self._codes.get(call.text("uid"))
        if code is None or code.sign != call.text("sign") or code.time != call.number("time"):
            raise envelope.passport(_EXPIRED, "key invalid")
        if self._dead(code):
            if self._settings.on("expired-as-code"):
                raise envelope.passport(_EXPIRED, "key invalid")
            return self._shown(code)
        script = self._settings.qr_script
        if not code.decided and script:
            code.state = script[min(code.polls, len(script) - 1)]
        code.polls += 1
        is_news, code.told = code.state != code.told, code.state
        if is_news:
            return self._shown(code)
        answer = self._shown(code)
        if self._settings.on("poll-empty"):
            answer = respond({"state": 1, "code": 0, "message": "", "data": {}})
        # The real service holds a poll that has nothing to tell, for 30 s.
        return replace(answer, delay_s=self._settings.poll_hold_s)

    def _dead(self, code: QrCode) -> bool:
        if code.time + self._settings.qr_life_s <= self._clock.now():
            code.state, code.decided = "expired", True
        return code.state == "expired"

    def _shown(self, code: QrCode) -> Response:
        data = {
            "status": STATES[code.state],
            "msg": _TEXTS.get(code.state, ""),
            "version": "1.0.0",
        }
        return respond({"state": 1, "code": 0, "message": "", "data": data})
