"""Tokens of the Open platform: each refresh token works once.

Source: wire 115 §10.1, §10.4.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.emulators.p115 import envelope

if TYPE_CHECKING:
    from tests.emulators.clock import Clock
    from tests.emulators.p115.settings import Settings

TOO_OFTEN = 40140117
ACCESS_MALFORMED, ACCESS_EXPIRED = 40140123, 40140125
REFRESH_MALFORMED, REFRESH_REVOKED, REFRESH_EXPIRED = 40140114, 40140116, 40140119
_RENEWED_AT_MOST_EVERY_S = 3600.0


@dataclass(slots=True, kw_only=True, eq=False)
class Login:
    """One sign-in of the app: its newest pair; times in seconds since 1970."""

    access_token: str
    refresh_token: str
    access_ends: float
    refresh_ends: float
    renewed: float


class Tokens:
    """The logins of one app and user; the oldest is dropped beyond the allowed number."""

    def __init__(self, settings: Settings, clock: Clock, secret: str) -> None:
        self._settings = settings
        self._clock = clock
        self._secret = secret
        self._issued = 0
        self._logins: list[Login] = []
        self._dead: set[str] = set()  # tokens that were good once

    def sign_in(self) -> Login:
        """Begin a login."""
        login = self._filled(
            Login(access_token="", refresh_token="", access_ends=0.0, refresh_ends=0.0, renewed=0.0)
        )
        self._logins.append(login)
        for old in self._logins[: -self._settings.open_logins]:
            self._bury(old)
            self._logins.remove(old)
        return login

    def renew(self, refresh_token: str) -> Login:
        """A new pair; the token that was sent is dead from now on. Raises Refused."""
        now = self._clock.now()
        login = next((one for one in self._logins if one.refresh_token == refresh_token), None)
        if login is None:
            known = refresh_token in self._dead
            code = REFRESH_REVOKED if known else REFRESH_MALFORMED
            raise envelope.passport(
                code, "refresh_token 无效（已解除授权）" if known else "refresh_token 格式错误"
            )
        if login.refresh_ends <= now:
            raise envelope.passport(REFRESH_EXPIRED, "refresh_token 已过期")
        often = self._settings.on("refresh-too-often")
        if often and now - login.renewed < _RENEWED_AT_MOST_EVERY_S:
            raise envelope.passport(TOO_OFTEN, "access_token 刷新太频繁")
        self._bury(login)
        return self._filled(login)

    def check(self, authorization: str) -> None:
        """Let whoever has a living access token pass; raises Refused."""
        token = authorization.removeprefix("Bearer ").strip()
        for login in self._logins:
            if login.access_token == token:
                if login.access_ends > self._clock.now():
                    return
                raise _refused(ACCESS_EXPIRED, "access_token 已过期")
        if token in self._dead:
            raise _refused(ACCESS_EXPIRED, "access_token 已失效")
        raise _refused(ACCESS_MALFORMED, "access_token 格式错误")

    def expire(self, what: str) -> None:
        """Let every living token of a kind, "access" or "refresh", be expired."""
        for login in self._logins:
            if what == "access":
                login.access_ends = 0.0
            else:
                login.refresh_ends = 0.0

    def revoke(self) -> None:
        """Let the user withdraw the app's permission: no token works any more."""
        for login in self._logins:
            self._bury(login)
        self._logins.clear()

    def view(self, login: Login) -> dict[str, str | int]:
        """The `data` of an answer that gives tokens."""
        return {
            "access_token": login.access_token,
            "refresh_token": login.refresh_token,
            "expires_in": int(self._settings.access_life_s),
        }

    def _filled(self, login: Login) -> Login:
        now = self._clock.now()
        self._issued += 1
        text = f"{self._secret}/token/{self._issued}"
        login.access_token = f"1.{hashlib.sha256(f'{text}/access'.encode()).hexdigest()}"
        login.refresh_token = f"1.{hashlib.sha256(f'{text}/refresh'.encode()).hexdigest()}"
        login.access_ends = now + self._settings.access_life_s
        login.refresh_ends = now + self._settings.refresh_life_s
        login.renewed = now
        return login

    def _bury(self, login: Login) -> None:
        self._dead |= {login.access_token, login.refresh_token}


def _refused(code: int, message: str) -> envelope.Refused:
    """A number in `code` and in `errno`: the clients that renew look at one of them (§10)."""
    return envelope.coded(code, message, errno=code, error=message)
