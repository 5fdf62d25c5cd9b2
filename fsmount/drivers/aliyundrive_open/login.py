"""A person's sign-in to the Open API: a QR code of an own application, or a pasted token."""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import TYPE_CHECKING

from fsmount.drivers import wire
from fsmount.drivers.aliyundrive_open import api
from fsmount.drivers.aliyundrive_open.auth import OpenScheme, exchanged
from fsmount.drivers.aliyundrive_open.options import OpenOptions, accept
from fsmount.errors import LoginLost
from fsmount.model import Ask, Choose, Done, ShowQr, Token, Waiting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fsmount.account.account import Send
    from fsmount.drivers.base import DriverOptions
    from fsmount.model import Step

LOOK_EVERY_S = 2.0

MOST_CODES = 5
"""QR codes shown in one sign-in; each lives some minutes."""


class OpenLogin:
    """One sign-in (``drivers.base.LoginFlow``).

    Without a secret the application proves itself by a verifier of its own (PKCE); such a sign-in
    lasts 30 days and cannot be renewed (wire: Open API §2.3).
    """

    def __init__(self, options: OpenOptions, send: Send) -> None:
        self._scheme = OpenScheme.of(options)
        self._send = send
        self._verifier = secrets.token_urlsafe(48)
        self._sid = ""
        self._codes = 0

    async def start(self, answers: Mapping[str, str]) -> Step:
        """Go on with everything answered so far; see ``LoginFlow.start``."""
        if answers.get("refresh_token"):
            token = Token(refresh=answers["refresh_token"].strip())
            token = await self._scheme.refresh(token, self._send)
            return Done(token=token, note="signed in with the refresh token")
        method = answers.get("method")
        if not self._scheme.client_id or method == "refresh_token":
            where = " (sign in on the relay's page)" if self._scheme.relay else ""
            return Ask(field="refresh_token", prompt=f"Refresh token{where}", secret=True)
        if method == "qr":
            return await self._new_code()
        return Choose(
            field="method",
            prompt="How to sign in",
            choices={
                "qr": "a QR code for the phone app",
                "refresh_token": "a refresh token that your application has got",
            },
        )

    async def poll(self) -> Step:
        """See whether the code was scanned and confirmed; a code that is over is replaced."""
        call = api.qr_state_call(self._scheme.hosts, self._sid)
        answer = await self._send(call)
        try:
            self._scheme.classify(call, answer, signed=False)
        except LoginLost:  # 400 QRCodeExpired is how an old one may say it (wire: Open API §2.2)
            return await self._new_code()
        found = wire.decode(answer.body, api.QrState, "the sign-in")
        match wire.text(found.status):
            case "WaitLogin":
                return self._shown()
            case "ScanSuccess":
                return Waiting(after_s=LOOK_EVERY_S, note="scanned; confirm it on the phone")
            case "LoginSuccess":
                return await self._signed_in(wire.text(found.authCode))
            case _:
                return await self._new_code()

    async def _new_code(self) -> Step:
        self._codes += 1
        if self._codes > MOST_CODES:
            raise LoginLost("nobody scanned the QR code in time", advice="try again")
        body = {
            **self._scheme.application,
            "scopes": api.SCOPES,
            "width": 300,
            "height": 300,
            **self._challenge(),
        }
        call = api.qr_call(self._scheme.hosts, body)
        answer = await self._send(call)
        self._scheme.classify(call, answer, signed=False)
        self._sid = wire.decode(answer.body, api.QrAnswer, "the sign-in").sid
        return self._shown()

    def _challenge(self) -> dict[str, str]:
        if self._scheme.client_secret:
            return {}
        digest = hashlib.sha256(self._verifier.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        return {"source": "app", "code_challenge": challenge, "code_challenge_method": "S256"}

    def _shown(self) -> ShowQr:
        again = " (a new one, the last has expired)" if self._codes > 1 else ""
        return ShowQr(
            text=api.qr_text(self._sid),
            prompt=f"Scan this with the phone app of Aliyundrive{again}",
        )

    async def _signed_in(self, code: str) -> Done:
        body = {**self._scheme.application, "grant_type": "authorization_code", "code": code}
        if not self._scheme.client_secret:
            body["code_verifier"] = self._verifier
        call = api.token_call(self._scheme.hosts, body)
        answer = await self._send(call)
        self._scheme.classify(call, answer, signed=False)
        token = exchanged(answer)
        note = "signed in" if token.refresh else "signed in for as long as the token lives"
        return Done(token=token, note=note)


def start_login(options: DriverOptions, send: Send) -> OpenLogin:
    """Begin a sign-in (``DriverSpec.login``)."""
    return OpenLogin(accept(options), send)
