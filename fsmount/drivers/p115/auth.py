"""Signing 115's calls with the login cookie, and finding out whether it is dead.

A cookie is not renewed: it lives until another sign-in takes its device slot, or the device is
removed in the app. What a refusal for want of a login means is not always that. So what stands for
a refresh here is one question without side effects, whether the cookie is alive (wire: 115 §3.2):
if it is, the call is sent once more; if not, a person has to sign in.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

import msgspec

from fsmount.account.advice import LOGIN_AGAIN
from fsmount.drivers import wire
from fsmount.drivers.p115 import hosts, receiving, refusals
from fsmount.drivers.p115.cookies import LoginCookie
from fsmount.drivers.p115.hosts import Hosts
from fsmount.drivers.p115.options import user_agent
from fsmount.drivers.wire import Scalar
from fsmount.errors import LoginLost, ProtocolError, ProviderFault
from fsmount.model import Call, Token

if TYPE_CHECKING:
    from typing import Self

    from fsmount.account.account import Send
    from fsmount.account.credentials import Credentials
    from fsmount.drivers.p115.options import FamilyOptions
    from fsmount.model import Answer

APP = "{app}"
"""Stands in a URL for the app whose device slot the login has; filled in when it is signed."""

_CHECKED = "; checked="


class Alive(msgspec.Struct, frozen=True):
    """Whether a cookie is taken."""

    state: Scalar = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CookieScheme:
    """Signs with a cookie, and reads every refusal (``account.Scheme``).

    Attributes:
        where: The hosts; those of 115's API get the cookie and no other place does.
        agent: The User-Agent of every call.
    """

    # Asking whether a cookie is alive uses nothing up.
    reusable_refresh: ClassVar[bool] = True

    where: Hosts
    agent: str

    @classmethod
    def of(cls, options: FamilyOptions) -> Self:
        """Make the scheme of a remote."""
        return cls(where=Hosts.parse(options.hosts), agent=user_agent(options))

    def sign(self, call: Call, token: Token | None) -> Call:
        """Add agent, referer and, for hosts of 115's API alone, the login cookie."""
        headers = {"User-Agent": self.agent, "Referer": "https://115.com/", **call.headers}
        if token is None or not token.access or not self.where.host_of(call.url):
            return replace(call, headers=headers)
        cookie = LoginCookie.parse(token.access)
        return replace(
            call,
            url=call.url.replace(APP, cookie.app),
            headers={**headers, "Cookie": cookie.line},
            follow=False,  # a redirect would lead to a page, and the cookie with it
        )

    def classify(self, call: Call, answer: Answer, *, signed: bool) -> None:
        """Return for a success, raise what a refusal amounts to; see ``refusals``."""
        failure = refusals.failure(
            call, answer, signed=signed, where=self.where, of=refusals.of_links
        )
        if failure is not None:
            raise failure

    async def refresh(self, token: Token, send: Send) -> Token:
        """Return ``token`` anew if its cookie is alive.

        Raises:
            LoginLost: It is dead.
            ProviderFault: 115 does not say.
        """
        cookie = LoginCookie.parse(token.access)
        answer = await send(self.sign(alive_call(self.where), token))
        if not read_alive(answer):
            raise LoginLost(
                "115 no longer takes the login: it was ended in the app, or another sign-in took "
                "its device slot",
                advice=LOGIN_AGAIN,
            )
        return token_of(cookie, answer.date, checked=True)

    async def sign_in(self, credentials: Credentials, send: Send) -> Token:
        """Return the token that a configured cookie is; nobody is asked.

        Raises:
            UsageError: It lacks what a login needs.
            LoginLost: There is none.
        """
        if not credentials.access_token:
            raise LoginLost("there is no cookie to sign in with", advice=LOGIN_AGAIN)
        cookie = LoginCookie.parse(credentials.access_token)
        return token_of(cookie, cookie.signed_in_at)


class DriveScheme(CookieScheme):
    """The scheme of an own drive, which may save what others share."""

    def classify(self, call: Call, answer: Answer, *, signed: bool) -> None:
        """See ``CookieScheme.classify``; what was saved before is saved."""
        receives = call.url.endswith(receiving.PATH)
        of = receiving.of_receiving if receives else refusals.of_links
        failure = refusals.failure(call, answer, signed=signed, where=self.where, of=of)
        if failure is not None:
            raise failure


def token_of(cookie: LoginCookie, date: float, *, checked: bool = False) -> Token:
    """Return the token that stands for ``cookie``.

    Args:
        cookie: The login.
        date: When it was last known to be good, on 115's clock.
        checked: It was refused and is alive all the same: another token then, with the same cookie.
    """
    return Token(
        access=f"{cookie.line}{_CHECKED}{date:.0f}" if checked else cookie.line,
        refresh="alive? " + hashlib.sha256(cookie.line.encode()).hexdigest(),
        issued_at=date,
    )


def alive_call(where: Hosts) -> Call:
    """Ask whether the cookie that signs is alive; without side effects, unlike ``check/sso``."""
    params = {"ct": "guide", "ac": "status", "_": str(stamp() * 1000)}
    return Call(method="GET", url=where.url(hosts.ACCOUNT, "/"), params=params)


def read_alive(answer: Answer) -> bool:
    """Return whether a cookie is alive.

    Raises:
        ProviderFault, Blocked: The answer does not say.
    """
    if answer.status == 405:
        raise refusals.blocked_page()
    try:
        alive = wire.decode(answer.body, Alive, "whether the login is good")
    except ProtocolError as exc:
        raise ProviderFault("115 does not say whether the login is good") from exc
    if alive.state is None or answer.status >= 400:
        raise ProviderFault(f"115 does not say whether the login is good (HTTP {answer.status})")
    return wire.truth(alive.state)


def stamp() -> int:
    """Return Unix seconds for a parameter that only keeps answers from being cached."""
    return int(datetime.now(UTC).timestamp())
