"""Reading an Aliyundrive drive with the login of its web page or phone app."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from fsmount.account.account import Limit
from fsmount.drivers import wire
from fsmount.drivers.aliyundrive import api, entries, links, refusals, shares
from fsmount.drivers.aliyundrive.auth import AliyundriveScheme
from fsmount.drivers.aliyundrive.entries import FROZEN
from fsmount.drivers.aliyundrive.hosts import API, Hosts
from fsmount.drivers.aliyundrive.login import sign_out, start_login
from fsmount.drivers.aliyundrive.options import ROOT, AliyundriveOptions, accept, place
from fsmount.drivers.aliyundrive.session import DeviceSession
from fsmount.drivers.base import Ability, DriverSpec
from fsmount.errors import (
    Denied,
    FsmountError,
    IsFolder,
    NotFolder,
    NotFound,
    NotSupported,
)
from fsmount.model import Entry, EntryId, Kind, Link, OwnShare, Page, Saving

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fsmount.account.account import Account
    from fsmount.drivers.aliyundrive.api import UserAnswer
    from fsmount.drivers.base import DriverOptions, LinkMatch
    from fsmount.model import Answer, FolderSize, SharePass, Space

log = logging.getLogger(__name__)

STAGING = ".fsmount-staging"
"""The folder, in the root of the drive, for what is read of shares."""


class AliyundriveDriver:
    """One drive of an account (``drivers.base.Driver``).

    It remembers the account's drive ids, which never change, and whether it made a device session.

    Also ``Quota``, ``FolderSizes``, ``Thumbnails``, ``ReadsContentErrors``, the account's own
    shares (``CreatesShares`` and its kin), and saving from those of others (``SavesShares``,
    ``StagesReads``).
    """

    def __init__(self, options: AliyundriveOptions, account: Account) -> None:
        self._options = options
        self._name = account.name
        self._hosts = Hosts.parse(options.hosts)
        self._calls = DeviceSession(account, self._hosts)
        self._place = place(options.root, options.drive)
        self._drive_id = ""
        self._staging: EntryId | None = None
        self._root = Entry(id=EntryId(self._place.folder), name="", kind=Kind.FOLDER)

    @property
    def root(self) -> Entry:
        """The mounted folder."""
        return self._root

    async def list(self, folder: Entry, cursor: str | None) -> Page:
        """Return one page of ``folder``; see ``Driver.list``."""
        if not folder.is_folder:
            raise NotFolder(f'"{folder.name}" is a file')
        drive_id = await self._drive()
        call = api.list_call(
            self._hosts, drive_id, folder.id, limit=self._options.page_size, marker=cursor
        )
        page = api.read_list(await self._calls.call("list", call), cursor)
        if entries.is_doubtful(folder, page, cursor):
            await self._item(folder)
        wire.tell_left_out(self._name, folder.name, page.faults)
        return Page(
            entries=list(entries.entries(page.items)),
            next_cursor=page.next,
            skipped=len(page.faults),
        )

    async def stat(self, entry: Entry) -> Entry:
        """Return ``entry`` as it is now; a drive's root is what it always is.

        Whether a root can be asked about is not known (wire §12), and nothing about it changes.
        """
        if entry.id == ROOT:
            return entry
        now = entries.entry(await self._item(entry))
        if entry.id == self._root.id:
            return Entry(id=entry.id, name="", kind=Kind.FOLDER, mtime_ns=now.mtime_ns)
        return now

    async def link(self, file: Entry, *, fresh: bool = False) -> Link:
        """Return a link; see ``Driver.link``. Each call brings a new one."""
        if file.is_folder:
            raise IsFolder(f'"{file.name}" is a folder')
        call = api.link_call(self._hosts, await self._drive(), file.id)
        answer = await self._calls.call("link", call)
        return links.read_link(answer, file, max_connections=self._options.max_connections)

    async def close(self) -> None:
        """Let go of nothing: the account is not the driver's."""

    # --- abilities --------------------------------------------------------------------------------

    async def space(self) -> Space:
        """Return the room of the account, which its drives share."""
        return api.read_space(await self._calls.call("info", api.space_call(self._hosts)))

    async def folder_size(self, folder: Entry) -> FolderSize | None:
        """Return what is below ``folder``; see ``FolderSizes.folder_size``."""
        if not folder.is_folder:
            raise NotFolder(f'"{folder.name}" is a file')
        call = api.size_call(self._hosts, await self._drive(), folder.id)
        return api.read_size(await self._calls.call("info", call))

    async def thumbnail(self, file: Entry) -> Link:
        """Return a link to a small picture; see ``Thumbnails.thumbnail``."""
        if file.is_folder:
            raise IsFolder(f'"{file.name}" is a folder')
        call = api.info_call(self._hosts, await self._drive(), file.id, pictures=True)
        answer = await self._calls.call("info", call)
        url = wire.text(api.read_item(answer).thumbnail)
        if not url.startswith(("http://", "https://")):
            raise NotSupported(f'the provider has no thumbnail of "{file.name}"')
        lifetime_s = links.lifetime_s(url, None, answer.date)
        return Link(url=url, headers=links.REFERER, lifetime_s=lifetime_s)

    def classify_content(
        self, status: int, headers: Mapping[str, str], body: bytes
    ) -> FsmountError | None:
        """Return what the storage's XML says; see ``ReadsContentErrors``."""
        return refusals.content_failure(status, body)

    async def create_share(
        self, entries: Sequence[Entry], *, name: str, code: str | None, lifetime_s: float | None
    ) -> OwnShare:
        """Share ``entries``; see ``CreatesShares``. Without a code the share is open."""
        if len(entries) > shares.MOST_SHARED:
            raise NotSupported(f"a share holds at most {shares.MOST_SHARED} files and folders")
        drive_id, date = await self._drive_and_date()
        call = shares.create_call(
            self._hosts,
            drive_id,
            entries,
            name=name,
            code=shares.checked_code(code or ""),
            expiration=shares.expiration(lifetime_s, date),
        )
        return shares.read_share(await self._calls.call("write", call))

    async def own_shares(self, cursor: str | None) -> tuple[Sequence[OwnShare], str | None]:
        """Return a page of own shares; see ``ListsShares``."""
        answer = await self._calls.call("info", shares.list_call(self._hosts, cursor))
        found, after, faults = shares.read_shares(answer, cursor)
        for fault in faults:
            log.warning("remote=%s a share is left out: %s", self._name, fault)
        return found, after

    async def update_share(
        self,
        share_id: str,
        *,
        name: str | None = None,
        code: str | None = None,
        lifetime_s: float | None = None,
        never_expires: bool = False,
    ) -> OwnShare:
        """Change a share; see ``UpdatesShares``."""
        expiration = "" if never_expires else None
        if lifetime_s is not None:
            _, date = await self._drive_and_date()
            expiration = shares.expiration(lifetime_s, date)
        code = None if code is None else shares.checked_code(code)
        call = shares.update_call(
            self._hosts, share_id, name=name, code=code, expiration=expiration
        )
        return shares.read_share(await self._calls.call("write", call))

    async def cancel_share(self, share_id: str) -> None:
        """End a share; see ``CancelsShares``."""
        await self._calls.call("write", shares.cancel_call(self._hosts, share_id))

    async def save(self, share: SharePass, entries: Sequence[Entry], folder: Entry) -> Saving:
        """Save ``entries`` of a share into ``folder``; see ``SavesShares``.

        Raises:
            FsmountError: Of the first, when none of them could be saved.
        """
        drive_id = await self._drive()
        good = [entry for entry in entries if entry.locator != FROZEN]
        failures: list[FsmountError] = [
            Denied(f'"{entry.name}" was frozen by the provider')
            for entry in entries
            if entry.locator == FROZEN
        ]
        begun = Saving(failures=[failure.message for failure in failures])
        for start in range(0, len(good), api.BATCH_SIZE):
            batch = good[start : start + api.BATCH_SIZE]
            call = shares.save_call(self._hosts, share, batch, drive_id, folder.id)
            more, refused = shares.read_save(await self._calls.call("save", call), batch)
            failures += refused
            begun = Saving(
                tasks=begun.tasks + more.tasks,
                saved=begun.saved + more.saved,
                failures=begun.failures + more.failures,
            )
        if failures and len(failures) == len(entries):
            raise failures[0]
        return begun

    async def saving(self, saving: Saving) -> Saving:
        """Return how far it is now; see ``SavesShares``."""
        left: list[str] = []
        failures = list(saving.failures)
        done = total = 0
        for task in saving.tasks:
            answer = await self._calls.call("info", shares.task_call(self._hosts, task))
            found = shares.read_task(answer)
            done += wire.whole(found.consumed_process) or 0
            total += wire.whole(found.total_process) or 0
            match wire.text(found.state):
                case "Running":
                    left.append(task)
                case "Failed":
                    failures.append("the provider could not copy a folder")
                case "PartialSucceed":
                    failures.append("the provider could not copy all of a folder")
        return Saving(
            tasks=left,
            saved=saving.saved,
            done=done if total else saving.done,
            total=total or saving.total,
            failures=failures,
        )

    async def staging_folder(self, name: str) -> Entry:
        """Return the folder ``name`` in the hidden one of ours; see ``StagesReads``."""
        if self._staging is None:
            self._staging = await self._made_folder(EntryId(ROOT), STAGING)
        ident = await self._made_folder(self._staging, name)
        return Entry(id=ident, name=name, kind=Kind.FOLDER)

    async def staging_remove(self, copies: Sequence[Entry]) -> None:
        """Delete ``copies`` for good; see ``StagesReads``."""
        drive_id = await self._drive()
        for start in range(0, len(copies), api.BATCH_SIZE):
            batch = copies[start : start + api.BATCH_SIZE]
            bodies = [{"drive_id": drive_id, "file_id": copy.id} for copy in batch]
            call = api.batch_call(self._hosts, "/v3/batch", "/file/delete", bodies)
            answer = await self._calls.call("write", call)
            for part in api.read_batch(answer, len(batch)):
                if isinstance(part, FsmountError) and not isinstance(part, NotFound):
                    raise part

    # --- inside -----------------------------------------------------------------------------------

    async def _drive(self) -> str:
        """Return the id of the mounted drive; asked once."""
        if not self._drive_id:
            self._drive_id = self._chosen(api.read_user(await self._user()))
        return self._drive_id

    async def _drive_and_date(self) -> tuple[str, float]:
        """Return the drive's id and the time on the provider's clock."""
        answer = await self._user()
        return self._chosen(api.read_user(answer)), answer.date

    async def _user(self) -> Answer:
        return await self._calls.call("info", api.user_call(self._hosts))

    def _chosen(self, user: UserAnswer) -> str:
        drive_id = user.drive_id(self._place.drive)
        if not drive_id:
            raise Denied(
                f"the account has no {self._place.drive} drive",
                advice='choose another with drive = "default", "resource" or "backup"',
            )
        return drive_id

    async def _item(self, entry: Entry) -> entries.Item:
        call = api.info_call(self._hosts, await self._drive(), entry.id)
        item = api.read_item(await self._calls.call("info", call))
        if item.is_trashed:
            raise NotFound(f'"{entry.name}" is in the recycle bin')
        return item

    async def _made_folder(self, parent: EntryId, name: str) -> EntryId:
        call = api.make_folder_call(self._hosts, await self._drive(), parent, name)
        return api.read_made(await self._calls.call("write", call))


def _open(options: DriverOptions, account: Account) -> AliyundriveDriver:
    return AliyundriveDriver(accept(options), account)


def _scheme(options: DriverOptions) -> AliyundriveScheme:
    return AliyundriveScheme.of(accept(options))


def _account(options: DriverOptions) -> tuple[str, str]:
    return Hosts.parse(accept(options).hosts).base(API), ""


def _place(options: DriverOptions) -> str:
    ours = accept(options)
    return str(place(ours.root, ours.drive))


def _trust_domain(options: DriverOptions) -> str:
    return Hosts.parse(accept(options).hosts).trust_domain


def _never_a_share(options: DriverOptions) -> bool:
    return False


def _no_link(text: str) -> LinkMatch | None:
    return None  # a drive has no address that would tell whose it is


SPEC = DriverSpec(
    name="aliyundrive",
    title="Aliyundrive",
    options=AliyundriveOptions,
    abilities=frozenset(
        {
            Ability.QUOTA,
            Ability.LOGIN,
            Ability.CONTENT_ERRORS,
            Ability.FOLDER_SIZES,
            Ability.THUMBNAILS,
            Ability.SHARE_CREATE,
            Ability.SHARE_LIST,
            Ability.SHARE_UPDATE,
            Ability.SHARE_CANCEL,
            Ability.SHARE_SAVE,
            Ability.STAGING,
        }
    ),
    open=_open,
    scheme=_scheme,
    parse_link=_no_link,
    login=start_login,
    account=_account,
    place=_place,
    sign_out=sign_out,
    # No numbers are published; the Open API's are (wire §10): 40 lists, 10 links and 150 others in
    # 10 s. With a burst of one no 10 s hold more.
    limits={
        "list": Limit(rate_per_s=3.9),
        "link": Limit(rate_per_s=0.9),
        "info": Limit(rate_per_s=9.9),
        "write": Limit(rate_per_s=3.9),
        # Mass saving has accounts banned (wire §B5).
        "save": Limit(rate_per_s=0.9),
        "auth": Limit(concurrency=1),
        "content": Limit(concurrency=links.MOST_CONNECTIONS),
    },
    trust_domain=_trust_domain,
    is_share=_never_a_share,
    example="""\
[remotes.NAME]
driver = "aliyundrive"
# then "fsmount login NAME", which shows a QR code for the phone app
# drive = "resource"            # or "backup"
# root = "https://www.alipan.com/drive/file/resource/0123…"   # a folder, as the browser shows it
# The provider may shut this way in at any time; aliyundrive_open is the official one.
""",
)
