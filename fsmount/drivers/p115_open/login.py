"""A person's sign-in to 115 Open: a QR code for the 115 app (device code with PKCE)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsmount.account.advice import LOGIN_AGAIN
from fsmount.drivers import wire
from fsmount.drivers.p115_open import api, refusals, session
from fsmount.drivers.p115_open.auth import P115OpenScheme, replaced
from fsmount.drivers.p115_open.options import P115OpenOptions, accept
from fsmount.errors import FsmountError, LoginLost, ProtocolError, TimedOut, UsageError
from fsmount.model import Ask, Choose, Done, ShowQr, Token, Waiting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fsmount.account.account import Send
    from fsmount.drivers.base import DriverOptions
    from fsmount.drivers.p115_open.session import DeviceCode
    from fsmount.model import Answer, Call, Step

SCAN = "Scan with the 115 app (on the phone: +, then Scan)"
SCAN_AGAIN = "That code is over. Scan this one with the 115 app"
CONFIRM = "Scanned; now confirm it in the 115 app"

_LOOK_AGAIN_S = 1.0


class P115OpenLogin:
    """One sign-in (``drivers.base.LoginFlow``).

    State is the QR code on show, the secret behind it, and the client id it is for.
    """

    def __init__(self, options: P115OpenOptions, send: Send) -> None:
        self._scheme = P115OpenScheme.of(options)
        self._client_id = options.client_id.strip()
        self._send = send
        self._verifier = ""
        self._code: DeviceCode | None = None

    async def start(self, answers: Mapping[str, str]) -> Step:
        """Go on with everything answered so far; see ``LoginFlow.start``.

        Raises:
            LoginLost: 115 does not know the client id, or refuses the refresh token.
        """
        if answers.get("refresh_token"):
            return await self._with_refresh_token(answers["refresh_token"].strip())
        client_id = self._client_id or answers.get("client_id", "").strip()
        if client_id:
            self._client_id = client_id
            return await self._show(SCAN)
        match answers.get("method"):
            case None:
                return Choose(
                    field="method",
                    prompt="How to sign in",
                    choices={
                        "qr": "a QR code, with the APP ID of your application at open.115.com",
                        "refresh_token": "a refresh token that you have",
                    },
                )
            case "refresh_token":
                return Ask(field="refresh_token", prompt="Refresh token", secret=True)
            case _ if "client_id" not in answers:
                return Ask(field="client_id", prompt="APP ID of your application at open.115.com")
            case _:
                raise UsageError(
                    "a QR code needs the APP ID of an application",
                    advice="make one at open.115.com, then set client_id",
                )

    async def poll(self) -> Step:
        """Look whether the code was scanned and confirmed.

        The service holds its answer back for about half a minute; that none comes is "not yet" as
        well.
        """
        if self._code is None:
            return await self._show(SCAN)
        call = session.status_call(self._scheme.hosts, self._code)
        try:
            answer = await self._send(call)
        except TimedOut:
            return Waiting(after_s=_LOOK_AGAIN_S)
        if refusals.code(answer) in refusals.QR_EXPIRED:
            return await self._show(SCAN_AGAIN)
        self._check(call, answer)
        match wire.whole(_status(answer).status):
            case None | session.WAITING:
                return Waiting(after_s=_LOOK_AGAIN_S)
            case session.SCANNED:
                return Waiting(after_s=_LOOK_AGAIN_S, note=CONFIRM)
            case session.CONFIRMED:
                return await self._done(self._code)
            case session.EXPIRED:
                return await self._show(SCAN_AGAIN)
            case session.CANCELLED:
                raise LoginLost("the sign-in was cancelled in the 115 app", advice="try again")
            case _:
                raise ProtocolError("the state of the QR code is none that is known")

    async def _show(self, prompt: str) -> Step:
        self._verifier = session.new_verifier()
        call = session.device_code_call(self._scheme.hosts, self._client_id, self._verifier)
        answer = await self._send(call)
        self._check(call, answer)
        self._code = api.read(answer, session.DeviceCode, "a QR code")
        return ShowQr(text=self._code.text, prompt=prompt)

    async def _done(self, code: DeviceCode) -> Step:
        call = session.token_call(self._scheme.hosts, code, self._verifier)
        answer = await self._send(call)
        self._check(call, answer)
        pair = session.checked(api.read(answer, session.TokenPair, "a sign-in"))
        return await self._named(replaced(Token(), pair, answer.date))

    async def _with_refresh_token(self, refresh_token: str) -> Step:
        try:
            token = await self._scheme.refresh(Token(refresh=refresh_token), self._send)
        except LoginLost as exc:
            if exc.advice != LOGIN_AGAIN:
                raise
            raise LoginLost(exc.message, advice="try again, or sign in with a QR code") from exc
        return await self._named(token)

    async def _named(self, token: Token) -> Step:
        """Return the end of the sign-in, with the user's name if the service tells it now."""
        call = self._scheme.sign(api.user_call(self._scheme.hosts), token)
        name = ""
        try:
            # The pair must be kept whatever becomes of this call: the old one is used up.
            answer = await self._send(call)
            self._scheme.classify(call, answer, signed=True)
            name = wire.text(api.read_user(answer).user_name)
        except FsmountError:
            pass
        return Done(token=token, note=f"signed in as {name}" if name else "signed in")

    def _check(self, call: Call, answer: Answer) -> None:
        try:
            self._scheme.classify(call, answer, signed=False)
        except LoginLost as exc:
            if exc.advice != LOGIN_AGAIN:
                raise
            # Whoever is signing in already need not be told to.
            raise LoginLost(exc.message, advice="try again") from exc


def _status(answer: Answer) -> session.QrStatus:
    found = wire.decode(answer.body, session.QrAnswer, "a QR code").data
    return found if isinstance(found, session.QrStatus) else session.QrStatus()


def start_login(options: DriverOptions, send: Send) -> P115OpenLogin:
    """Begin a sign-in (``DriverSpec.login``)."""
    return P115OpenLogin(accept(options), send)
