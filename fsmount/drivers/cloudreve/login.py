"""A person's sign-in to a Cloudreve site, one question after the other.

By e-mail and password, with the captcha that some sites show and the second factor that some
accounts have; or with a refresh token copied from a browser, the only way where the captcha is not
a picture (wire: Cloudreve V4 §3, server of 2025-06-21).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from fsmount.account.advice import LOGIN_AGAIN
from fsmount.drivers import wire
from fsmount.drivers.cloudreve import api, refusals, session
from fsmount.drivers.cloudreve.auth import CloudreveScheme, signed_in
from fsmount.drivers.cloudreve.codes import (
    CAPTCHA_WRONG,
    OTP_WRONG,
    SECOND_FACTOR,
    WHERE_TO_LOOK,
)
from fsmount.drivers.cloudreve.options import CloudreveOptions, accept
from fsmount.errors import LoginLost, NotSupported
from fsmount.model import Ask, Choose, Done, ShowPicture, Token

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fsmount.account.account import Send
    from fsmount.drivers.base import DriverOptions
    from fsmount.model import Answer, Call, Step

Settings = TypeVar("Settings")

ATTEMPTS = 3
"""Wrong captchas, passwords or codes before the flow gives up: a server may lock out beyond."""

WRONG_PASSWORD = 40080


class CloudreveLogin:
    """One sign-in (``drivers.base.LoginFlow``).

    Each ``start`` goes as far as the answers reach. State is only what the server handed out for
    one use: the ticket of the captcha on show and the session of a second factor.
    """

    def __init__(self, options: CloudreveOptions, send: Send) -> None:
        self._options = options
        self._scheme = CloudreveScheme.of(options)
        self._send = send
        self._captcha_type: str | None = None  # "" where the site shows none
        self._ticket = ""
        self._session = ""
        self._failures = 0

    async def start(self, answers: Mapping[str, str]) -> Step:
        """Go on with everything answered so far; see ``LoginFlow.start``.

        Raises:
            LoginLost: Refused for good, or refused too often.
        """
        try:
            return await self._next(answers)
        except LoginLost as exc:
            if exc.advice != LOGIN_AGAIN:
                raise
            # Whoever is signing in already need not be told to.
            raise LoginLost(exc.message, advice="check it and try again") from exc

    async def _next(self, answers: Mapping[str, str]) -> Step:
        if answers.get("refresh_token"):
            return await self._with_refresh_token(answers["refresh_token"].strip())
        email = answers.get("email") or self._options.email
        if not email and answers.get("method") is None:
            return Choose(
                field="method",
                prompt="How to sign in",
                choices={
                    "password": "e-mail and password",
                    "refresh_token": "a refresh token copied from a browser",
                },
            )
        if answers.get("method") == "refresh_token" or answers.get("password") == "":
            return _ask_token(f"Refresh token ({WHERE_TO_LOOK})")
        if not email:
            return Ask(field="email", prompt="E-mail")
        if self._session:
            return await self._second_factor(answers.get("otp", ""))
        if "password" not in answers:
            return Ask(
                field="password",
                prompt=f"Password of {email} (empty to paste a refresh token)",
                secret=True,
            )
        if self._captcha_type is None:
            self._captcha_type = await self._captcha_in_use()
        if self._captcha_type not in ("", "normal"):
            return _ask_token(
                "The site's captcha needs a browser, so a password cannot be used here. "
                f"Refresh token ({WHERE_TO_LOOK})"
            )
        if self._captcha_type and not (self._ticket and answers.get("captcha")):
            return await self._captcha("Type the characters of the picture")
        return await self._with_password(
            email, answers["password"], captcha=answers.get("captcha", "")
        )

    async def poll(self) -> Step:
        """Nothing is ever waited for: every step is a question."""
        raise NotSupported("a Cloudreve sign-in never waits")

    async def _with_refresh_token(self, refresh_token: str) -> Step:
        token = await self._scheme.refresh(Token(refresh=refresh_token), self._send)
        return Done(token=token, note="signed in with the refresh token")

    async def _captcha_in_use(self) -> str:
        login = await self._ask_site(
            session.config_call(self._scheme.site, "login"), session.LoginConfig
        )
        if not wire.truth(login.login_captcha):
            return ""
        basic = await self._ask_site(
            session.config_call(self._scheme.site, "basic"), session.BasicConfig
        )
        return wire.text(basic.captcha_type) or "normal"

    async def _captcha(self, prompt: str) -> Step:
        captcha = await self._ask_site(session.captcha_call(self._scheme.site), session.Captcha)
        self._ticket = captcha.ticket
        return ShowPicture(picture=session.picture(captcha), field="captcha", prompt=prompt)

    async def _with_password(self, email: str, password: str, *, captcha: str) -> Step:
        ticket, self._ticket = self._ticket, ""  # one ticket, one try
        call = session.sign_in_call(
            self._scheme.site, email, password, captcha=captcha, ticket=ticket
        )
        answer = await self._send(call)
        match refusals.code(answer):
            case code if code == SECOND_FACTOR:
                self._session = api.read(answer, str, "the session of a second factor")
                return Ask(field="otp", prompt="Code of the second factor")
            case code if code == CAPTCHA_WRONG:
                # Checked before the password (wire §3), so that one is still untried.
                self._captcha_type = "normal"
                self._count(call, answer)
                return await self._captcha("That was not it. Type the characters of the picture")
            case code if code == WRONG_PASSWORD:
                self._count(call, answer)
                return Ask(
                    field="password", prompt=f"Wrong. Password of {email} again", secret=True
                )
        self._scheme.classify(call, answer, signed=False)
        return _done(answer)

    async def _second_factor(self, otp: str) -> Step:
        if not otp:
            return Ask(field="otp", prompt="Code of the second factor")
        call = session.second_factor_call(self._scheme.site, otp.strip(), self._session)
        answer = await self._send(call)
        match refusals.code(answer):
            case code if code == OTP_WRONG:
                self._count(call, answer)  # the session stays usable
                return Ask(field="otp", prompt="Wrong. Code of the second factor again")
            case 404:
                raise LoginLost(
                    "the second factor came too late", advice="sign in again, within ten minutes"
                )
        self._scheme.classify(call, answer, signed=False)
        return _done(answer)

    def _count(self, call: Call, answer: Answer) -> None:
        self._failures += 1
        if self._failures >= ATTEMPTS:
            self._scheme.classify(call, answer, signed=False)

    async def _ask_site(self, call: Call, kind: type[Settings]) -> Settings:
        answer = await self._send(call)
        self._scheme.classify(call, answer, signed=False)
        return api.read(answer, kind, "the site's settings")


def _ask_token(prompt: str) -> Ask:
    return Ask(field="refresh_token", prompt=prompt, secret=True)


def _done(answer: Answer) -> Done:
    user = api.read(answer, session.SignInData, "a sign-in").user or session.User()
    name = wire.text(user.nickname) or wire.text(user.email)
    return Done(token=signed_in(answer), note=f"signed in as {name}" if name else "signed in")


def start_login(options: DriverOptions, send: Send) -> CloudreveLogin:
    """Begin a sign-in (``DriverSpec.login``)."""
    return CloudreveLogin(accept(options), send)


async def sign_out(options: DriverOptions, token: Token, send: Send) -> None:
    """End the sign-in that ``token`` descends from (``DriverSpec.sign_out``).

    The access token itself cannot be revoked and works until its end (wire §4). A token that is
    dead already is as good as signed out.
    """
    if not token.refresh:
        return
    scheme = CloudreveScheme.of(accept(options))
    call = session.sign_out_call(scheme.site, token.refresh)
    answer = await send(scheme.sign(call, token))
    try:
        scheme.classify(call, answer, signed=False)
    except LoginLost:
        pass  # 40020: there was nothing left to end
