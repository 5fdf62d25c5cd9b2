"""An own drive's side of sharing: making, listing, changing, ending shares; saving others'."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec

from fsmount.drivers import wire
from fsmount.drivers.pds import api, sharing
from fsmount.drivers.pds.options import ROOT
from fsmount.errors import (
    Denied,
    FsmountError,
    NotFound,
    NotSupported,
    ProtocolError,
    ProviderFault,
    UsageError,
)
from fsmount.model import EntryId, OwnShare, Saving

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fsmount.account.account import Account
    from fsmount.drivers.pds.options import Domain
    from fsmount.model import Answer, Entry, SharePass

log = logging.getLogger(__name__)

_PAGE = 100
_OF_ONE_ITEM = (NotFound, Denied, ProviderFault)
"""Failures to save that say nothing about the next file or folder."""


class OwnDrive:
    """The drive of whoever signed in, as its shares and their savings see it.

    Asks once who that is and which drive is theirs; neither changes while a login lasts.

    Args:
        domain: Where it is.
        account: Signs and paces.
        drive_id: As configured; "" for the user's own.
    """

    def __init__(self, domain: Domain, account: Account, drive_id: str) -> None:
        self._domain = domain
        self._account = account
        self._drive_id = drive_id
        self._user_id = ""

    async def id(self) -> str:
        """Return the drive's id.

        Raises:
            UsageError: Nobody's own: an application that acts for the domain has none.
        """
        if not self._drive_id:
            user, _ = await self._user()
            self._drive_id = wire.text(user.default_drive_id)
            if not self._drive_id:
                raise UsageError(
                    "whoever signed in has no drive of their own", advice="say drive_id=ID"
                )
        return self._drive_id

    async def create_share(
        self, entries: Sequence[Entry], *, name: str, code: str | None, lifetime_s: float | None
    ) -> OwnShare:
        """Share ``entries``; see ``CreatesShares``. Without a code it is open to anybody."""
        if len(entries) > sharing.MOST_ITEMS:
            raise NotSupported(f"a share holds {sharing.MOST_ITEMS} files and folders at most")
        body: dict[str, object] = {"drive_id": await self.id(), "share_pwd": _checked(code or "")}
        if any(entry.id == ROOT for entry in entries):
            body["share_all_files"] = True
        else:
            body["file_id_list"] = [entry.id for entry in entries]
        if name:
            body["share_name"] = name
        if lifetime_s is not None:
            body["expiration"] = sharing.moment(await self._now_s() + lifetime_s)
        made = sharing.read_own_share(await self._call("share_link/create", body), self._domain)
        # The vendor's own example of the answer leaves out the name (wire: PDS §5).
        return msgspec.structs.replace(made, name=made.name or name or entries[0].name)

    async def own_shares(self, cursor: str | None) -> tuple[Sequence[OwnShare], str | None]:
        """Return a page of shares; see ``ListsShares``.

        An administrator would see other people's as well, so only their own are asked for.
        """
        call, _, marker = (cursor or "search:").partition(":")
        user_id = await self._whoever()
        body: dict[str, object] = {
            "limit": _PAGE,
            "marker": marker,
            "order_by": "created_at",
            "order_direction": "DESC",
        }
        answer = None
        if call == "search":
            # Whether cancelled ones come along is not documented, so the state is asked for.
            more = {"query": "status = 'enabled'", "creators": [user_id]}
            try:
                answer = await self._call("share_link/search", body | more)
            except (NotFound, ProtocolError):
                call = "list"  # older domains: the call that search replaced (wire: PDS §5)
        if answer is None:
            body |= {"creator": user_id, "include_cancelled": False}
            answer = await self._call("share_link/list", body)
        shares, following, faults = sharing.read_own_shares(answer, self._domain, marker)
        if faults:
            log.warning(
                "remote=%s left_out=%d shares that cannot be understood; first: %s",
                self._account.name,
                len(faults),
                faults[0],
            )
        shown = [share for share in shares if share.state != "cancelled"]
        return shown, f"{call}:{following}" if following else None

    async def update_share(
        self,
        share_id: str,
        *,
        name: str | None,
        code: str | None,
        lifetime_s: float | None,
        never_expires: bool,
    ) -> OwnShare:
        """Change what is not None; see ``UpdatesShares``."""
        body: dict[str, object] = {"share_id": share_id}
        if name is not None:
            body["share_name"] = name
        if code is not None:
            body["share_pwd"] = _checked(code)
        if never_expires:
            body["expiration"] = ""
        elif lifetime_s is not None:
            body["expiration"] = sharing.moment(await self._now_s() + lifetime_s)
        answer = await self._call("share_link/update", body)
        return sharing.read_own_share(answer, self._domain)

    async def cancel_share(self, share_id: str) -> None:
        """End a share; see ``CancelsShares``. The answer may be empty, or an empty object."""
        await self._call("share_link/cancel", {"share_id": share_id})

    async def save(self, share: SharePass, entries: Sequence[Entry], folder: Entry) -> Saving:
        """Start saving; see ``SavesShares``.

        One call per entry, with both tokens. What fails after something was begun is told in the
        result: what was begun goes on at the provider.
        """
        body = {
            "share_id": share.id,
            "to_drive_id": await self.id(),
            "to_parent_file_id": folder.id,
            "auto_rename": True,
        }
        tasks: list[str] = []
        saved: list[EntryId] = []
        failures: list[str] = []
        for entry in entries:
            try:
                answer = await self._call(
                    "file/copy", {**body, "file_id": entry.id}, share_token=share.token
                )
            except FsmountError as exc:
                if not saved and len(entries) == 1:
                    raise
                failures.append(f'"{entry.name}": {exc}')
                if not isinstance(exc, _OF_ONE_ITEM):
                    if not saved:
                        raise
                    break  # the share, the login, the network: asking on would not help
                continue
            made, task = sharing.read_copied(answer)
            if made:
                saved.append(EntryId(made))
            if task:
                tasks.append(task)
        return Saving(tasks=tasks, saved=saved, failures=failures)

    async def saving(self, saving: Saving) -> Saving:
        """Return how far it is; every task is asked until all have ended, for the counts."""
        done = total = 0
        counted, running = False, False
        failures: list[str] = []
        for ident in saving.tasks:
            answer = await self._call("async_task/get", {"async_task_id": ident})
            task = sharing.read_task(answer)
            of, by = wire.whole(task.total_process), wire.whole(task.consumed_process)
            if of:
                counted, total, done = True, total + of, done + (by or 0)
            running = running or not task.ended
            if task.ended and task.ended != "succeed":
                failures.append(_why(task))
        return msgspec.structs.replace(
            saving,
            tasks=saving.tasks if running else [],
            done=done if counted else None,
            total=total if counted else None,
            failures=saving.failures if running else [*saving.failures, *failures],
        )

    # --- inside -----------------------------------------------------------------------------------

    async def _call(
        self, path: str, body: Mapping[str, object], *, share_token: str = ""
    ) -> Answer:
        call = api.call(self._domain, path, body, share_token=share_token)
        return await self._account.call("share", call)

    async def _user(self) -> tuple[sharing.User, float]:
        answer = await self._account.call("info", api.call(self._domain, "user/get", {}))
        return sharing.read_user(answer), answer.date

    async def _whoever(self) -> str:
        if not self._user_id:
            user, _ = await self._user()
            self._user_id = wire.text(user.user_id)
        return self._user_id

    async def _now_s(self) -> float:
        """Return Unix seconds of the provider's clock, which ends the shares."""
        return (await self._user())[1]


def _checked(code: str) -> str:
    if len(code) > sharing.LONGEST_CODE or not all("!" <= letter <= "~" for letter in code):
        raise NotSupported(
            f"PDS takes codes of up to {sharing.LONGEST_CODE} ASCII letters, digits and signs"
        )
    return code


def _why(task: sharing.Task) -> str:
    failed = wire.whole(task.failed_process)
    said = wire.text(task.error_message) or wire.text(task.error_code) or "the provider gives none"
    said = " ".join(said.split())[:200]
    if task.ended == "partialsucceed":
        count = "some files were" if failed is None else f"{failed} files were"
        return f"{count} not saved; the reason: {said}"
    return f"it was not saved; the reason: {said}"
