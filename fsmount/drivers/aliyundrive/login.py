"""A person's sign-in: by a QR code for the phone app, or with a refresh token from a browser.

The QR code is the passport's own dialect: form-encoded questions, a cookie jar across the steps,
HTTP 200 for every outcome (wire §2).
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from fsmount.drivers import wire
from fsmount.drivers.aliyundrive import api
from fsmount.drivers.aliyundrive.auth import NAME, AliyundriveScheme
from fsmount.drivers.aliyundrive.codes import WHERE_TO_LOOK
from fsmount.drivers.aliyundrive.hosts import PASSPORT
from fsmount.drivers.aliyundrive.options import AliyundriveOptions, accept
from fsmount.drivers.wire import Scalar
from fsmount.errors import Denied, LoginLost, ProtocolError
from fsmount.model import Ask, Call, Choose, Done, ShowQr, Token, Waiting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fsmount.account.account import Send
    from fsmount.drivers.base import DriverOptions
    from fsmount.model import Answer, Step

LOOK_EVERY_S = 2.5
"""Between 2 and 3 s, as the web page does (wire §2)."""

MOST_CODES = 5
"""QR codes shown in one sign-in; each lives some minutes."""

_APP = {"appName": "aliyun_drive"}
_SITE = {"fromSite": "52", "appEntrance": "web_default", "isMobile": "false", "lang": "zh_CN"}


class Content(msgspec.Struct, frozen=True):
    """The middle of the passport's answers."""

    data: QrData | None = None
    success: Scalar = None


class QrData(msgspec.Struct, frozen=True):
    """A new code, or the state of one."""

    t: Scalar = None
    ck: Scalar = None
    codeContent: Scalar = None
    title_msg: Scalar = None
    qrCodeStatus: Scalar = None
    loginResult: Scalar = None
    bizExt: Scalar = None


class PassportAnswer(msgspec.Struct, frozen=True):
    """What is around the passport's answers."""

    content: Content | None = None
    hasError: Scalar = None


class LoginResult(msgspec.Struct, frozen=True):
    """What a sign-in brings; camel case here only."""

    refreshToken: str


class BizExt(msgspec.Struct, frozen=True):
    """What ``bizExt`` holds."""

    pds_login_result: LoginResult


class AliyundriveLogin:
    """One sign-in (``drivers.base.LoginFlow``).

    State is what the passport handed out for one use: the code on show, and cookies.
    """

    def __init__(self, options: AliyundriveOptions, send: Send) -> None:
        self._scheme = AliyundriveScheme.of(options)
        self._send = send
        self._cookies: dict[str, str] = {}
        self._code: QrData | None = None
        self._codes = 0

    async def start(self, answers: Mapping[str, str]) -> Step:
        """Go on with everything answered so far; see ``LoginFlow.start``."""
        if answers.get("refresh_token"):
            return await self._signed_in(answers["refresh_token"].strip())
        match answers.get("method"):
            case "refresh_token":
                return Ask(
                    field="refresh_token", prompt=f"Refresh token ({WHERE_TO_LOOK})", secret=True
                )
            case "qr":
                return await self._new_code()
        return Choose(
            field="method",
            prompt="How to sign in",
            choices={
                "qr": "a QR code for the phone app (best: its links need nothing special)",
                "refresh_token": "a refresh token copied from a browser",
            },
        )

    async def poll(self) -> Step:
        """See whether the code was scanned and confirmed; a code that is over is replaced.

        Raises:
            LoginLost: The phone refused.
        """
        assert self._code is not None, "nothing is polled before a code is shown"
        form = {"t": wire.text(self._code.t), "ck": wire.text(self._code.ck), **_APP}
        data = await self._ask("/newlogin/qrcode/query.do", form=form)
        match wire.text(data.qrCodeStatus):
            case "NEW":
                return self._shown(self._code)
            case "SCANED":
                return Waiting(after_s=LOOK_EVERY_S, note="scanned; confirm it on the phone")
            case "CONFIRMED":
                return await self._signed_in(refresh_token_in(wire.text(data.bizExt)))
            case "CANCELED" | "CANCELLED":
                raise LoginLost("the sign-in was refused on the phone", advice="try again")
            case _:  # EXPIRED, and any word that is not known (wire §2)
                return await self._new_code()

    async def _new_code(self) -> Step:
        self._codes += 1
        if self._codes > MOST_CODES:
            raise LoginLost("nobody scanned the QR code in time", advice="try again")
        data = await self._ask("/newlogin/qrcode/generate.do", params={**_APP, **_SITE})
        if not (wire.text(data.codeContent) and wire.text(data.ck)):
            raise ProtocolError("the sign-in: no QR code came")
        self._code = data
        return self._shown(data)

    def _shown(self, code: QrData) -> ShowQr:
        again = " (a new one, the last has expired)" if self._codes > 1 else ""
        return ShowQr(
            text=wire.text(code.codeContent),
            prompt=f"Scan this with the phone app of Aliyundrive{again}",
        )

    async def _ask(
        self, path: str, *, params: dict[str, str] | None = None, form: dict[str, str] | None = None
    ) -> QrData:
        call = Call(
            method="GET" if form is None else "POST",
            url=self._scheme.hosts.url(PASSPORT, path),
            params=params or dict(_APP),
            form=form,
        )
        if self._cookies:
            line = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
            call = replace(call, headers={"Cookie": line})
        answer = await self._send(call)
        self._keep_cookies(answer)
        self._scheme.classify(call, answer, signed=False)
        found = wire.decode(answer.body, PassportAnswer, "the sign-in")
        data = found.content.data if found.content else None
        if data is None or wire.truth(found.hasError) or wire.text(data.title_msg):
            said = wire.text(data.title_msg)[:100] if data else ""
            raise Denied(
                f"the provider gives no QR code: {said}" if said else "the sign-in was refused",
                advice="try again later, or sign in with a refresh token",
            )
        return data

    def _keep_cookies(self, answer: Answer) -> None:
        for line in answer.headers.get("set-cookie", "").splitlines():
            name, equals, value = line.partition(";")[0].partition("=")
            if equals and name.strip():
                self._cookies[name.strip()] = value.strip()

    async def _signed_in(self, refresh_token: str) -> Done:
        token = await self._scheme.refresh(Token(refresh=refresh_token), self._send)
        name = token.extra.get(NAME, "")
        return Done(token=token, note=f"signed in as {name}" if name else "signed in")


def refresh_token_in(biz_ext: str) -> str:
    """Return the refresh token in a confirmed sign-in's ``bizExt``: base64 of GB18030 of JSON.

    Raises:
        ProtocolError: It is not that.
    """
    try:
        text = base64.b64decode(biz_ext, validate=False).decode("gb18030", "replace")
    except binascii.Error as exc:
        raise ProtocolError("the sign-in: `bizExt` is not base64") from exc
    found = wire.decode(text.encode(), BizExt, "the sign-in")
    return found.pds_login_result.refreshToken


def start_login(options: DriverOptions, send: Send) -> AliyundriveLogin:
    """Begin a sign-in (``DriverSpec.login``)."""
    return AliyundriveLogin(accept(options), send)


async def sign_out(options: DriverOptions, token: Token, send: Send) -> None:
    """Give up this device's session (``DriverSpec.sign_out``); the account may have ten.

    The token itself cannot be revoked. One that is dead already is as good as signed out.
    """
    scheme = AliyundriveScheme.of(accept(options))
    call = api.logout_device_call(scheme.hosts)
    answer = await send(scheme.sign(call, token))
    try:
        scheme.classify(call, answer, signed=True)
    except Denied:
        pass  # it ended before us
