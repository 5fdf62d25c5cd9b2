"""A person's sign-in to a PDS domain.

With an application of the domain: on a page that a phone or another browser opens (the device
flow), or by pasting the address that the browser was sent away to. Without one: with the refresh
token of the vendor's own page (wire: PDS §2). A JWT application needs no person.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from fsmount.drivers import wire
from fsmount.drivers.pds import refusals, session
from fsmount.drivers.pds.auth import PdsScheme
from fsmount.drivers.pds.options import PdsOptions, accept
from fsmount.errors import FsmountError, LoginLost, NotSupported, ProtocolError, UsageError
from fsmount.model import Ask, Choose, Done, ShowQr, Token, Waiting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fsmount.account.account import Send
    from fsmount.drivers.base import DriverOptions
    from fsmount.model import Answer, Call, Step

WHERE_TO_LOOK = (
    "sign in with a browser, open its developer tools (F12), look under Application (Firefox: "
    "Storage), Local Storage, this site, token, and copy the text of refresh_token"
)

_LOOK_AGAIN_S = 3.0
_CHOICES = {
    "device": "confirm on a phone or in any browser",
    "page": "paste the address that a browser ends at",
    "refresh_token": "paste a refresh token",
}


class PdsLogin:
    """One sign-in (``drivers.base.LoginFlow``); keeps the device code that is being waited for."""

    def __init__(self, options: PdsOptions, send: Send) -> None:
        self._options = options
        self._scheme = PdsScheme.of(options)
        self._domain = self._scheme.domain
        self._send = send
        self._device = ""
        self._pause_s = _LOOK_AGAIN_S

    async def start(self, answers: Mapping[str, str]) -> Step:
        """Go on with everything answered so far; see ``LoginFlow.start``.

        Raises:
            LoginLost: Refused.
            UsageError: What is configured signs in without a person.
        """
        if self._options.private_key_file:
            raise UsageError(
                "a JWT application signs in by itself", advice="leave out fsmount login"
            )
        client = self._options.client_id
        method = answers.get("method") or ("" if client else "refresh_token")
        if not method:
            return Choose(field="method", prompt="How to sign in", choices=_CHOICES)
        if method == "device":
            return await self._begin(client)
        if method == "page":
            return await self._page(client, answers)
        if not answers.get("refresh_token"):
            hint = "" if client else f" ({WHERE_TO_LOOK})"
            return Ask(field="refresh_token", prompt=f"Refresh token{hint}", secret=True)
        given = Token(refresh=answers["refresh_token"].strip())
        try:
            token = await self._scheme.refresh(given, self._send)
        except LoginLost as exc:
            # Whoever is signing in already need not be told to.
            raise LoginLost(exc.message, advice="copy it again") from exc
        return Done(token=token, note="signed in with the refresh token")

    async def poll(self) -> Step:
        """Look whether the sign-in was confirmed elsewhere."""
        if not self._device:
            raise NotSupported("this sign-in does not wait")
        call = session.device_poll_call(
            self._domain,
            self._device,
            client=self._options.client_id,
            secret=self._options.client_secret,
        )
        answer = await self._send(call)
        said = refusals.reason(answer)
        words = f"{said.code} {said.words}".lower().replace("_", "")
        if said.code and ("authorizationpending" in words or "slowdown" in words):
            return Waiting(after_s=self._pause_s)
        return self._done(call, answer, "the sign-in was refused, or was not confirmed in time")

    async def _begin(self, client: str) -> Step:
        call = session.device_call(self._domain, client)
        answer = await self._send(call)
        refused = "the domain's application does not allow signing in this way"
        if (lost := self._scheme.refused(call, answer, refused)) is not None:
            raise _without_advice(lost)
        told = session.read_device(answer)
        page, code = wire.text(told.verification_uri), wire.text(told.user_code)
        if not page.startswith(("https://", "http://")):
            raise ProtocolError("the begin of a sign-in: `verification_uri` is no address")
        self._device = told.device_code
        self._pause_s = float(wire.whole(told.interval) or _LOOK_AGAIN_S)
        with_code = f" and type {code}" if code else ""
        return ShowQr(text=page, prompt=f"Open {page}{with_code}")

    async def _page(self, client: str, answers: Mapping[str, str]) -> Step:
        redirect = answers.get("redirect_uri", "").strip()
        if not redirect:
            return Ask(field="redirect_uri", prompt="Redirect address of the application")
        if not answers.get("landed"):
            page = session.authorize_url(self._domain, client, redirect)
            prompt = f"Open {page}, sign in, and paste the address that the browser ends at"
            return Ask(field="landed", prompt=prompt, secret=True)
        landed = answers["landed"].strip()
        code = parse_qs(urlsplit(landed).query).get("code", [""])[0]
        if not code:
            raise UsageError(
                "the pasted address holds no code", advice="paste all of it, with its ?code="
            )
        call = session.code_call(
            self._domain,
            code,
            client=client,
            secret=self._options.client_secret,
            redirect=redirect,
        )
        return self._done(call, await self._send(call), "the domain does not take the code")

    def _done(self, call: Call, answer: Answer, refused: str) -> Done:
        if (lost := self._scheme.refused(call, answer, refused)) is not None:
            raise _without_advice(lost)
        token, who = session.read_token(answer, Token())
        return Done(token=token, note=f"signed in as {who}" if who else "signed in")


def _without_advice(lost: FsmountError) -> FsmountError:
    return LoginLost(lost.message, advice="try again") if isinstance(lost, LoginLost) else lost


def start_login(options: DriverOptions, send: Send) -> PdsLogin:
    """Begin a sign-in (``DriverSpec.login``)."""
    return PdsLogin(accept(options), send)
