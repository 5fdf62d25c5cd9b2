"""Keeps one account's token fresh: ahead of time, once for all who wait, once per host."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fsmount.account.account import Scheme, Send
    from fsmount.account.credentials import Credentials
    from fsmount.model import Token
    from fsmount.store.tokens import TokenFile


class Refresher:
    """Owns the token of one account in this process.

    Args:
        scheme: Refreshes and signs in.
        tokens: Where the token is kept and locked across processes.
        credentials: For the first sign-in and when a refresh token dies.
        send: Paced by the account, never renewed itself.
    """

    def __init__(
        self, *, scheme: Scheme, tokens: TokenFile, credentials: Credentials, send: Send
    ) -> None:
        raise NotImplementedError

    async def current(self) -> Token:
        """Return a usable token, signing in first when there is none yet.

        Raises:
            LoginLost: There is no way to one without a person.
        """
        raise NotImplementedError

    async def renew(self, rejected: Token) -> Token:
        """Return a token newer than ``rejected``; one renewal for all who ask, in all processes."""
        raise NotImplementedError

    async def run(self) -> None:
        """Renew ahead of expiry for ever; transport errors back off, a refusal is said once."""
        raise NotImplementedError
