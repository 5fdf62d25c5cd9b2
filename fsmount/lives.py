"""How long logins and shares of a mount live on, as ``status`` tells it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import trio

from fsmount.errors import FsmountError, NotSupported
from fsmount.model import Priority, priority

if TYPE_CHECKING:
    from fsmount.account.lifetime import Ends
    from fsmount.drivers.base import ShareDetails

log = logging.getLogger(__name__)

# A command has ended by then, and whoever waits for a mount has been served.
_FIRST_AFTER_S = 5.0
# Owners change the end of a share by hand, if ever.
_EVERY_S = 6 * 3600.0
_AGAIN_AFTER_S = 900.0


class ShareEnd:
    """When one remote's share expires, asked behind: ``status`` takes what was last told.

    Args:
        details: Tells it; None when the remote is no share, or its provider tells nothing.
    """

    def __init__(self, details: ShareDetails | None) -> None:
        self._details = details
        self._told: float | None = None
        self._known = False

    @property
    def known(self) -> bool:
        """True once the provider has told, also that there is no end."""
        return self._known

    def last(self) -> float | None:
        """Return the Unix time that was told last, without asking; None for no end, or unknown."""
        return self._told

    async def update(self) -> None:
        """Ask now; a failure is logged and leaves what was told before."""
        if self._details is None:
            return
        try:
            told = await self._details.share_info()
        except NotSupported:
            self._details = None
        except FsmountError as exc:
            log.debug("the end of the share is not to be had now: %s", exc)
        else:
            self._told = None if told.expires_ns is None else told.expires_ns / 1e9
            self._known = True

    async def run(self) -> None:
        """Ask now and then, until the provider says that it never tells."""
        priority.set(Priority.PREFETCH)
        await trio.sleep(_FIRST_AFTER_S)
        while self._details is not None:
            await self.update()
            await trio.sleep(_EVERY_S if self._known else _AGAIN_AFTER_S)


def lives(name: str, login: Ends | None, share: ShareEnd) -> dict[str, object]:
    """Return the ends of one remote's login and share as plain data, in Unix seconds.

    A key whose value is None: there is one and its end is not told. A key that is missing: there
    is none, or it was not used yet.
    """
    told: dict[str, object] = {"remote": name}
    if login is not None:
        told["access_ends"] = login.access
        if login.refresh is not None:
            told["refresh_ends"] = login.refresh
        told["renewed"] = login.renewed
    if share.known:
        told["share_ends"] = share.last()
    return told
