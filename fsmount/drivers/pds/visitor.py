"""The token of a share: the second credential of a visitor, beside a login or instead of one.

The code opens a share for two hours; what it opens is a token that has no refresh token, only the
same question again (wire: PDS §5). So to the ``Refresher`` the share itself is the refresh token,
reusable for ever, and its rules hold here as for logins: one call for all who wait, no second one
while the first is out, a pause after a failure, an end to a provider that rejects what it gives.

A refusal is never final: whoever shared it may put it right, so no ``LoginLost`` comes from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NoReturn

from fsmount.account.credentials import Credentials
from fsmount.account.refresher import Refresher
from fsmount.drivers.pds import sharing
from fsmount.errors import NotSupported
from fsmount.model import Token

if TYPE_CHECKING:
    from collections.abc import Callable

    from fsmount.account.account import Account, Send
    from fsmount.drivers.pds.options import Domain
    from fsmount.model import Answer, Call

_RENEW_BEFORE_S = 120.0
"""A token is not used in its last two minutes (wire: PDS §5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _PassScheme:
    """Opens a share (``account.Scheme``, of which only ``refresh`` is ever used)."""

    reusable_refresh: ClassVar[bool] = True

    domain: Domain
    code: str

    def sign(self, call: Call, token: Token | None) -> Call:
        """Return ``call`` as it is: the account of the remote signs."""
        return call

    def classify(self, call: Call, answer: Answer, *, signed: bool) -> None:
        """Take every answer: the account of the remote has judged it."""

    async def refresh(self, token: Token, send: Send) -> Token:
        """Open the share, whose id stands for a refresh token."""
        answer = await send(sharing.pass_call(self.domain, token.refresh, self.code))
        share_token, lives_s = sharing.read_pass(answer)
        useful_s = max(lives_s - _RENEW_BEFORE_S, lives_s / 2)
        return Token(
            access=share_token,
            refresh=token.refresh,
            access_expires_at=answer.date + useful_s,
            issued_at=answer.date,
        )

    async def sign_in(self, credentials: Credentials, send: Send) -> NoReturn:
        """Never asked: a share has no password beside its code."""
        raise NotSupported("a share is opened by its code alone")


class Visit:
    """One share as a visitor has it open.

    Args:
        domain: Where it is.
        share: Its id.
        code: Its code; "" without one.
        account: Paces, and signs where a login is lent to the remote.
        make: Makes the refresher; tests give it a clock of theirs.
    """

    def __init__(
        self,
        domain: Domain,
        *,
        share: str,
        code: str,
        account: Account,
        make: Callable[..., Refresher] = Refresher,
    ) -> None:
        async def send(call: Call) -> Answer:
            return await account.call("auth", call)

        self.share = share
        self.code = code
        self._refresher = make(
            scheme=_PassScheme(domain=domain, code=code),
            tokens=None,
            credentials=Credentials(refresh_token=share),
            send=send,
            name=account.name,
        )

    async def token(self) -> str:
        """Return a token that is good for a while yet.

        Raises:
            Denied: The code is wrong, or only members may enter.
            Gone: The share is over.
        """
        return (await self._refresher.current()).access

    async def renewed(self, rejected: str) -> str:
        """Return another token than ``rejected``; see ``token`` for what is raised."""
        return (await self._refresher.renew(Token(access=rejected))).access
