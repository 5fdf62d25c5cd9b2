"""The shares that an account has made on a Cloudreve site."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec

from fsmount.drivers.cloudreve import sharing
from fsmount.drivers.cloudreve.uri import FileUri
from fsmount.errors import Gone, NotFound, NotSupported, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fsmount.account.account import Account
    from fsmount.drivers.cloudreve.options import Site
    from fsmount.model import Answer, Call, OwnShare

log = logging.getLogger(__name__)


class OwnShares:
    """The shares of an account; holds no state.

    Args:
        site: Where they are.
        account: Signs and paces.
    """

    def __init__(self, site: Site, account: Account) -> None:
        self._site = site
        self._account = account

    async def create(
        self, uris: Sequence[str], *, name: str, code: str | None, lifetime_s: float | None
    ) -> OwnShare:
        """Share what is at the only one of ``uris``; see ``CreatesShares``."""
        if len(uris) > 1:
            raise NotSupported(
                "a share of Cloudreve holds one file or folder",
                advice="share the folder that holds them, or each by itself",
            )
        if name:
            raise _unnamed()
        if FileUri.parse(uris[0]).is_root:
            raise NotSupported("Cloudreve shares a file or a folder, not a whole drive")
        call = sharing.create_call(self._site, uris[0], code=code, lifetime_s=lifetime_s)
        return await self._made(await self._account.call("share", call))

    async def page(self, cursor: str | None) -> tuple[Sequence[OwnShare], str | None]:
        """Return a page of them; see ``ListsShares``."""
        token = cursor or ""
        answer = await self._account.call("share", sharing.list_call(self._site, token))
        shares, following, faults = sharing.read_own_list(answer, token)
        if faults:
            log.warning(
                "remote=%s left_out=%d shares that cannot be understood; first: %s",
                self._account.name,
                len(faults),
                faults[0],
            )
        return shares, following or None

    async def update(
        self,
        share: str,
        *,
        name: str | None,
        code: str | None,
        lifetime_s: float | None,
        never_expires: bool,
    ) -> OwnShare:
        """Change a share; see ``UpdatesShares``. A change sets everything, so it is read first."""
        if name is not None:
            raise _unnamed()
        told = await self._of_share(share, sharing.own_call(self._site, share))
        row = sharing.read_own(told)
        if row.source_uri is None:
            raise _no_such(share)  # somebody else's: only an owner is told what it shares
        wanted_s = -1.0 if never_expires else lifetime_s
        body = sharing.edited(row, code=code, lifetime_s=wanted_s, now_s=told.date)
        answer = await self._of_share(share, sharing.edit_call(self._site, share, body))
        return await self._made(answer)

    async def cancel(self, share: str) -> None:
        """End a share; see ``CancelsShares``."""
        await self._of_share(share, sharing.cancel_call(self._site, share))

    async def _made(self, answer: Answer) -> OwnShare:
        """Return the share behind the link of ``answer``; the link names the site that was asked.

        Servers write the configured site URL into links (wire §8), which may be of no use outside.
        """
        _, ident, code = sharing.read_link(answer)
        told = await self._account.call("share", sharing.own_call(self._site, ident))
        made = sharing.own_share(sharing.read_own(told))
        return msgspec.structs.replace(
            made, url=f"{self._site.address}/s/{ident}", code=made.code or code
        )

    async def _of_share(self, share: str, call: Call) -> Answer:
        try:
            return await self._account.call("share", call)
        except (Gone, NotFound, UsageError) as exc:
            raise _no_such(share) from exc


def _no_such(share: str) -> NotFound:
    return NotFound(
        f"there is no share {share} of yours, or it is over", advice='see "fsmount share list"'
    )


def _unnamed() -> NotSupported:
    return NotSupported(
        "a share of Cloudreve is called like what it shares", advice="leave out name"
    )
