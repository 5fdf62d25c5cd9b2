"""Who is signed in with cookies, and which device slot each cookie belongs to.

Source: wire 115 §2, §3.1.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING

from tests.emulators.p115 import envelope

if TYPE_CHECKING:
    from tests.emulators.clock import Clock

USER_ID = 100000001
USER_NAME = "测试用户"
SLOTS = {
    "web": "A1",
    "ios": "D1",
    "115ios": "D3",
    "android": "F1",
    "115android": "F3",
    "ipad": "H1",
    "115ipad": "H3",
    "tv": "I1",
    "apple_tv": "I2",
    "qandroid": "M1",
    "qios": "N1",
    "qipad": "O1",
    "os_windows": "P1",
    "os_mac": "P2",
    "os_linux": "P3",
    "wechatmini": "R1",
    "alipaymini": "R2",
    "harmony": "S1",
}
ANDROID_SLOTS = frozenset({"F1", "F3", "M1"})
_FIRST_LOGIN_S = 1_700_000_000
_PARTS = ("UID", "CID", "SEID", "KID")


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One login: its device slot and its cookies."""

    slot: str
    cookies: dict[str, str]

    @property
    def header(self) -> str:
        """The cookies as a request carries them."""
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())


class Sessions:
    """All logins that live; at most one of each slot."""

    def __init__(self, clock: Clock, secret: str) -> None:
        self._clock = clock
        self._secret = secret
        self._live: dict[str, Session] = {}
        self._logins = 0
        self.first = self._begun("R2", _FIRST_LOGIN_S)

    def login(self, app: str) -> Session:
        """Sign a device in; an older login of its slot ends. Raises Refused for no such app."""
        slot = SLOTS.get(app)
        if slot is None:
            raise envelope.passport(40100000, "参数错误！")
        return self._begun(slot, int(self._clock.now()))

    def of(self, header: str) -> Session | None:
        """Who sends these cookies; None when nobody does any more."""
        try:
            sent = {name: morsel.value for name, morsel in SimpleCookie(header).items()}
        except CookieError:
            return None
        for session in self._live.values():
            if all(sent.get(name) == session.cookies[name] for name in _PARTS):
                return session
        return None

    def end_all(self) -> None:
        """Let every login be over."""
        self._live.clear()

    def revive(self) -> None:
        """Let the first login live again, as if it had never ended."""
        self._live[self.first.slot] = self.first

    def _begun(self, slot: str, time_s: int) -> Session:
        self._logins += 1

        def digits(name: str, size: int) -> str:
            text = f"{self._secret}/{name}/{slot}/{self._logins}".encode()
            return hashlib.shake_256(text).hexdigest(size // 2)

        cookies = {
            "UID": f"{USER_ID}_{slot}_{time_s}",
            "CID": digits("CID", 32),
            "SEID": digits("SEID", 120),
            "KID": digits("KID", 32),
        }
        session = Session(slot=slot, cookies=cookies)
        self._live[slot] = session
        return session
