"""Opening a share with its code: the token that this brings signs all else, for two hours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from fsmount.account.credentials import Credentials
from fsmount.drivers import wire
from fsmount.drivers.aliyundrive import codes, refusals
from fsmount.drivers.aliyundrive.hosts import API, Hosts
from fsmount.drivers.aliyundrive.shares import SHARE_CANARY
from fsmount.drivers.aliyundrive_share import api
from fsmount.drivers.aliyundrive_share.options import ShareOptions, share_of
from fsmount.errors import Denied
from fsmount.model import Token

if TYPE_CHECKING:
    from fsmount.account.account import Send
    from fsmount.model import Answer, Call

USUAL_LIFE_S = 7200.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareScheme:
    """Signs with a share's token (``account.Scheme``); nobody is logged in.

    Attributes:
        hosts: Where the token may go, and nowhere else.
        share: Its id.
        code: Its extraction code; "" for none.
    """

    # A code opens the share as often as it is asked.
    reusable_refresh: ClassVar[bool] = True

    hosts: Hosts
    share: str
    code: str

    @classmethod
    def of(cls, options: ShareOptions) -> ShareScheme:
        """Make the scheme of a share."""
        return cls(
            hosts=Hosts.parse(options.hosts), share=share_of(options), code=options.share_password
        )

    def __repr__(self) -> str:
        """Say which share, never its code."""
        return f"ShareScheme(share={self.share!r})"

    def sign(self, call: Call, token: Token | None) -> Call:
        """Add the share's token, and the canary without which limits come soon (wire §B3)."""
        if not self.hosts.is_at(API, call.url):
            return call
        headers = {"x-canary": SHARE_CANARY}
        if token is not None and token.access:
            headers["x-share-token"] = token.access
        return replace(call, headers=headers | dict(call.headers))

    def classify(self, call: Call, answer: Answer, *, signed: bool) -> None:
        """Return for a success, raise what a refusal amounts to; see ``refusals``."""
        failure = refusals.failure(answer, signed=signed)
        if failure is None:
            return
        if isinstance(failure, Denied) and failure.advice == codes.ASK_FOR_CODE and self.code:
            raise Denied(
                f"the password (extraction code) of share {self.share} is wrong or was changed",
                advice=codes.ASK_FOR_CODE,
            )
        raise failure

    async def refresh(self, token: Token, send: Send) -> Token:
        """Open the share again."""
        return await self._opened(send)

    async def sign_in(self, credentials: Credentials, send: Send) -> Token:
        """Open the share.

        Raises:
            Gone: It is over.
            Denied: The code is wrong, or there is none.
        """
        return await self._opened(send)

    async def _opened(self, send: Send) -> Token:
        call = self.sign(api.token_call(self.hosts, self.share, self.code), None)
        answer = await send(call)
        self.classify(call, answer, signed=False)
        found = wire.decode(answer.body, api.TokenAnswer, "the token of a share")
        life_s = wire.whole(found.expires_in) or USUAL_LIFE_S
        return Token(
            access=found.share_token,
            access_expires_at=answer.date + life_s,
            issued_at=answer.date,
        )


def credentials(options: ShareOptions) -> Credentials:
    """Return what opens the share: a name, and a secret even where it wants none."""
    share = share_of(options)
    return Credentials(login=share, password=options.share_password or share)
