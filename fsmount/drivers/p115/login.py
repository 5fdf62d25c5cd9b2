"""Signing a person in to 115: a QR code for the app, or a cookie copied from a browser.

The device slot is chosen first, since a sign-in ends an older one of the same slot. The code is
asked about until the phone has confirmed it; an expired one is replaced (wire: 115 §3.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec

from fsmount.drivers import wire
from fsmount.drivers.p115 import codes, hosts, refusals
from fsmount.drivers.p115.auth import CookieScheme, alive_call, read_alive, stamp, token_of
from fsmount.drivers.p115.cookies import DEVICES, WHERE_TO_LOOK, LoginCookie
from fsmount.drivers.p115.options import accept
from fsmount.drivers.wire import Scalar
from fsmount.errors import LoginLost, ProtocolError, TimedOut, UsageError
from fsmount.model import Ask, Call, Choose, Done, ShowQr, Waiting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fsmount.account.account import Send
    from fsmount.drivers.base import DriverOptions
    from fsmount.drivers.p115.hosts import Hosts
    from fsmount.model import Answer, Step

Data = TypeVar("Data")

PASTED = "cookie"
CODES = 5
"""QR codes shown in one sign-in: each lives some minutes."""

WAITING, SCANNED, CONFIRMED, EXPIRED, CANCELLED = 0, 1, 2, -1, -2

_APPLE_AGENTS = {
    "ios": "UPhone/1.0.0",
    "qios": "OfficePhone/1.0.0",
    "ipad": "UPad/1.0.0",
    "qipad": "OfficePad/1.0.0",
}
"""These sign in at the path of ``ios`` and are told apart by their agent."""


class Code(msgspec.Struct, frozen=True):
    """A QR code and what asks about it."""

    uid: Scalar
    time: Scalar = None
    sign: Scalar = None
    qrcode: Scalar = None


class Status(msgspec.Struct, frozen=True):
    """What became of a code so far; empty when a long poll ended without news."""

    status: Scalar = None


class SignedIn(msgspec.Struct, frozen=True):
    """Who signed in, and the cookies."""

    cookie: dict[str, Scalar]
    user_name: Scalar = None
    user_id: Scalar = None


def code_call(where: Hosts) -> Call:
    """Ask for a QR code."""
    return Call(method="GET", url=where.url(hosts.QR, "/api/1.0/web/1.0/token"))


def status_call(where: Hosts, code: Code) -> Call:
    """Ask what became of a code; 115 answers when there is news, or after half a minute."""
    params = {
        "uid": wire.text(code.uid),
        "time": wire.text(code.time),
        "sign": wire.text(code.sign),
        "_": str(stamp()),
    }
    return Call(method="GET", url=where.url(hosts.QR, "/get/status/"), params=params)


def exchange_call(where: Hosts, code: Code, device: str) -> Call:
    """Ask for the cookies of a code that was confirmed, for the slot of ``device``."""
    agent = _APPLE_AGENTS.get(device)
    path = "ios" if agent else device
    return Call(
        method="POST",
        url=where.url(hosts.PASSPORT, f"/app/1.0/{path}/1.0/login/qrcode"),
        form={"account": wire.text(code.uid), "app": device},
        headers={"User-Agent": agent} if agent else {},
    )


class P115Login:
    """One sign-in (``drivers.base.LoginFlow``); state is the code on show and the slot chosen."""

    def __init__(self, scheme: CookieScheme, send: Send) -> None:
        self._scheme = scheme
        self._send = send
        self._device = ""
        self._code: Code | None = None
        self._codes = 0
        self._shown: ShowQr | Waiting | None = None

    async def start(self, answers: Mapping[str, str]) -> Step:
        """Go on with everything answered so far; see ``LoginFlow.start``.

        Raises:
            LoginLost: Refused for good.
            UsageError: What was pasted is no cookie.
        """
        device = answers.get("device")
        if device is None:
            return Choose(
                field="device",
                prompt="Sign in as which device (a sign-in ends an older one of the same device)",
                choices={
                    **{name: f"QR code, {label}" for name, label in DEVICES.items()},
                    PASTED: "no QR code: paste the cookie of a browser",
                },
            )
        if device == PASTED:
            if not answers.get("cookie"):
                return Ask(field="cookie", prompt=f"Cookie ({WHERE_TO_LOOK})", secret=True)
            return await self._with_cookie(answers["cookie"])
        if device not in DEVICES:
            raise UsageError(
                f'there is no device "{device}"', advice=f"choose one of {', '.join(DEVICES)}"
            )
        self._device = device
        return await self._new_code("Scan this with the 115 app, and confirm there")

    async def poll(self) -> Step:
        """Look whether the phone has scanned or confirmed; see ``LoginFlow.poll``."""
        code, shown = self._code, self._shown
        assert code is not None, "there is no code to look after"
        assert shown is not None, "there is no code on show"
        try:
            answer = await self._send(self._signed(status_call(self._scheme.where, code)))
        except TimedOut:
            return shown  # a long poll without news
        match self._status(answer):
            case n if n == SCANNED:
                self._shown = Waiting(after_s=1.0, note="Scanned. Confirm the sign-in on the phone")
                return self._shown
            case n if n == CONFIRMED:
                return await self._exchanged(code)
            case n if n == EXPIRED:
                return await self._new_code("That code has expired. Scan this one")
            case n if n == CANCELLED:
                raise LoginLost("the sign-in was cancelled on the phone", advice="sign in again")
            case _:
                return shown

    async def _new_code(self, prompt: str) -> Step:
        if self._codes >= CODES:
            raise LoginLost("nobody scanned the QR code before it expired", advice="sign in again")
        self._codes += 1
        answer = await self._send(self._signed(code_call(self._scheme.where)))
        code = self._read(answer, Code, "a QR code")
        self._code = code
        text = wire.text(code.qrcode) or f"https://115.com/scan/dg-{wire.text(code.uid)}"
        self._shown = ShowQr(text=text, prompt=prompt)
        return self._shown

    def _status(self, answer: Answer) -> int:
        envelope = refusals.read_envelope(answer.body)
        code = 0 if envelope is None else refusals.refusal_of(envelope).code
        if code == codes.QR_EXPIRED:
            return EXPIRED
        if code == codes.QR_UNREADABLE:
            return WAITING
        self._check(answer)
        data = wire.decode(answer.body, _Maybe, "the state of a QR code").data
        status = wire.whole(data.status) if isinstance(data, Status) else None
        return WAITING if status is None else status

    async def _exchanged(self, code: Code) -> Step:
        call = exchange_call(self._scheme.where, code, self._device)
        answer = await self._send(self._signed(call))
        told = self._read(answer, SignedIn, "a sign-in")
        pairs = "; ".join(f"{name}={wire.text(value)}" for name, value in told.cookie.items())
        try:
            cookie = LoginCookie.parse(pairs)
        except UsageError as exc:
            raise ProtocolError(f"a sign-in: {exc.message}") from exc
        name = wire.text(told.user_name) or wire.text(told.user_id)
        return Done(
            token=token_of(cookie, answer.date),
            note=f"signed in as {name}, {DEVICES[self._device]}",
        )

    async def _with_cookie(self, text: str) -> Step:
        cookie = LoginCookie.parse(text)
        token = token_of(cookie, cookie.signed_in_at)
        answer = await self._send(self._scheme.sign(alive_call(self._scheme.where), token))
        if not read_alive(answer):
            raise LoginLost(
                "115 does not take this cookie: it has ended, or was not copied whole",
                advice=WHERE_TO_LOOK,
            )
        # Newer than whatever is kept, whenever it was made.
        return Done(token=token_of(cookie, answer.date), note=f"signed in as user {cookie.user}")

    def _signed(self, call: Call) -> Call:
        return self._scheme.sign(call, None)

    def _check(self, answer: Answer) -> None:
        call = Call(method="GET", url="")
        self._scheme.classify(call, answer, signed=False)

    def _read(self, answer: Answer, kind: type[Data], what: str) -> Data:
        self._check(answer)
        return wire.decode(answer.body, _Around[kind], what).data  # type: ignore[valid-type]


class _Around(msgspec.Struct, Generic[Data], frozen=True):
    """The envelope of the passport; its state is an integer (wire: 115 §0.2)."""

    data: Data


class _Maybe(msgspec.Struct, frozen=True):
    """An envelope whose data may be missing, or a list."""

    data: Status | list[msgspec.Raw] | Scalar = None


def start_login(options: DriverOptions, send: Send) -> P115Login:
    """Begin a sign-in (``DriverSpec.login``)."""
    return P115Login(CookieScheme.of(accept(options)), send)
