"""Signing in, the second factor, and signing out.

Source: wire Cloudreve V4 §3, §4 and the login_*, token_*, logout recordings (server of 2025-06-21).
"""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any

from tests.emulators.cloudreve import totp
from tests.emulators.cloudreve.envelope import Refused, invalid
from tests.emulators.cloudreve.users import Status

if TYPE_CHECKING:
    from tests.emulators.clock import Clock
    from tests.emulators.cloudreve.captcha import Captchas
    from tests.emulators.cloudreve.settings import Settings
    from tests.emulators.cloudreve.tokens import Tokens
    from tests.emulators.cloudreve.users import User

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_SHORTEST_PASSWORD, _LONGEST_PASSWORD = 4, 128


class SecondFactorNeeded(Exception):
    """Not an error: code 203 with the id of a half-done sign-in."""

    def __init__(self, session_id: str) -> None:
        super().__init__(session_id)
        self.session_id = session_id


class Sessions:
    """Turns credentials into token pairs; holds half-done sign-ins for 600 s."""

    def __init__(
        self,
        users: dict[str, User],
        tokens: Tokens,
        captchas: Captchas,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._users = users
        self._tokens = tokens
        self._captchas = captchas
        self._settings = settings
        self._clock = clock
        self._half_done: dict[str, tuple[User, float]] = {}

    def prepare(self, email: str) -> dict[str, bool]:
        """What ways of signing in an account has; raises Refused 404."""
        if self._by_email(email) is None:
            raise Refused(404, "User not found")
        return {"webauthn_enabled": False, "password_enabled": True}

    def sign_in(self, body: dict[str, Any]) -> dict[str, Any]:
        """User and tokens for e-mail and password.

        Raises Refused 40001, 40017, 40018, 40026 or 40080, and SecondFactorNeeded.
        """
        email, password = str(body.get("email", "")), str(body.get("password", ""))
        if _EMAIL.fullmatch(email) is None:
            raise invalid("Email format error")
        if not _SHORTEST_PASSWORD <= len(password) <= _LONGEST_PASSWORD:
            raise invalid("Password format error")
        if self._settings.on("captcha"):
            ticket, answer = str(body.get("ticket", "")), str(body.get("captcha", ""))
            if not self._captchas.accept(ticket, answer):  # before the password is looked at
                raise Refused(40026, "CAPTCHA not match.")
        user = self._by_email(email)
        if user is None or user.password != password:
            raise Refused(40080, "Incorrect password or email address")
        if user.status is Status.BANNED:
            raise Refused(40017, "This account has been blocked")
        if user.status is Status.INACTIVE:
            raise Refused(40018, "This account is not activated")
        if user.two_factor or self._settings.on("two-factor"):
            session_id = str(uuid.uuid4())
            end = self._clock.now() + self._settings.session_life_s
            self._half_done[session_id] = (user, end)
            raise SecondFactorNeeded(session_id)
        return self._signed_in(user)

    def second_factor(self, body: dict[str, Any]) -> dict[str, Any]:
        """User and tokens for a code; a wrong one (40022) leaves the session usable."""
        session_id = str(body.get("session_id", ""))
        user, end = self._half_done.get(session_id, (None, 0.0))
        if user is None or end < self._clock.now():
            raise Refused(404, "Session not found")
        if not self._is_right(str(body.get("otp", ""))):
            raise Refused(40022, "Incorrect 2FA code")
        del self._half_done[session_id]
        return self._signed_in(user)

    def sign_out(self, body: dict[str, Any]) -> None:
        """End the sign-in that a refresh token descends from, and no other."""
        if not isinstance(body.get("refresh_token"), str):
            raise invalid("Parameter error")
        self._tokens.sign_out(body["refresh_token"])

    def _signed_in(self, user: User) -> dict[str, Any]:
        return {"user": user.view(), "token": self._tokens.issue(user)}

    def _is_right(self, otp: str) -> bool:
        if self._settings.otp_secret:
            return totp.accepts(self._settings.otp_secret, otp, self._clock.now())
        return otp == self._settings.otp

    def _by_email(self, email: str) -> User | None:
        wanted = email.casefold()
        return next((u for u in self._users.values() if u.email.casefold() == wanted), None)
