"""Reading an Aliyundrive drive through the official Open API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsmount.account.account import Limit
from fsmount.drivers import wire
from fsmount.drivers.aliyundrive import api as items
from fsmount.drivers.aliyundrive import entries, links, refusals, shares
from fsmount.drivers.aliyundrive.hosts import OPEN_API, Hosts
from fsmount.drivers.aliyundrive.options import ROOT, place
from fsmount.drivers.aliyundrive.pasted import find_share
from fsmount.drivers.aliyundrive_open import api
from fsmount.drivers.aliyundrive_open.auth import OpenScheme
from fsmount.drivers.aliyundrive_open.login import start_login
from fsmount.drivers.aliyundrive_open.options import OpenOptions, accept
from fsmount.drivers.base import Ability, DriverSpec, LinkMatch
from fsmount.errors import Denied, FsmountError, IsFolder, NotFolder, NotFound, NotSupported
from fsmount.model import Entry, EntryId, Kind, Link, OwnShare, Page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fsmount.account.account import Account
    from fsmount.drivers.base import DriverOptions
    from fsmount.model import Answer, Space


class OpenDriver:
    """One drive of an account (``drivers.base.Driver``); it remembers the drive's id.

    Also ``Quota``, ``Thumbnails``, ``ReadsContentErrors`` and ``CreatesShares``.
    """

    def __init__(self, options: OpenOptions, account: Account) -> None:
        self._options = options
        self._account = account
        self._hosts = Hosts.parse(options.hosts)
        self._place = place(options.root, options.drive)
        self._drive_id = ""
        self._root = Entry(id=EntryId(self._place.folder), name="", kind=Kind.FOLDER)

    @property
    def root(self) -> Entry:
        """The mounted folder."""
        return self._root

    async def list(self, folder: Entry, cursor: str | None) -> Page:
        """Return one page of ``folder``; see ``Driver.list``."""
        if not folder.is_folder:
            raise NotFolder(f'"{folder.name}" is a file')
        call = api.list_call(
            self._hosts,
            await self._drive(),
            folder.id,
            limit=self._options.page_size,
            marker=cursor,
        )
        page = items.read_list(await self._account.call("list", call), cursor)
        if entries.is_doubtful(folder, page, cursor):
            await self._item(folder)
        wire.tell_left_out(self._account.name, folder.name, page.faults)
        return Page(
            entries=list(entries.entries(page.items)),
            next_cursor=page.next,
            skipped=len(page.faults),
        )

    async def stat(self, entry: Entry) -> Entry:
        """Return ``entry`` as it is now; a drive's root is what it always is."""
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
        answer = await self._account.call("link", call)
        return links.read_link(answer, file, max_connections=self._options.max_connections)

    async def close(self) -> None:
        """Let go of nothing: the account is not the driver's."""

    # --- abilities --------------------------------------------------------------------------------

    async def space(self) -> Space:
        """Return the room of the account, which its drives share."""
        return items.read_space(await self._account.call("other", api.space_call(self._hosts)))

    async def thumbnail(self, file: Entry) -> Link:
        """Return a link to a small picture; see ``Thumbnails.thumbnail``."""
        if file.is_folder:
            raise IsFolder(f'"{file.name}" is a folder')
        answer = await self._info(file)
        url = wire.text(items.read_item(answer).thumbnail)
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
        """Share ``entries``; see ``CreatesShares``. The name is the provider's to choose."""
        if len(entries) > shares.MOST_SHARED:
            raise NotSupported(f"a share holds at most {shares.MOST_SHARED} files and folders")
        answer = await self._drives()
        call = api.share_call(
            self._hosts,
            self._chosen(answer),
            entries,
            code=shares.checked_code(code or ""),
            expiration=shares.expiration(lifetime_s, answer.date),
        )
        answer = await self._account.call("other", call)
        return api.read_share(answer, name or entries[0].name)

    # --- inside -----------------------------------------------------------------------------------

    async def _drive(self) -> str:
        """Return the id of the mounted drive; asked once."""
        if not self._drive_id:
            self._drive_id = self._chosen(await self._drives())
        return self._drive_id

    async def _drives(self) -> Answer:
        return await self._account.call("other", api.drive_call(self._hosts))

    def _chosen(self, answer: Answer) -> str:
        drive_id = api.read_drives(answer).drive_id(self._place.drive)
        if not drive_id:
            raise Denied(
                f"the {self._place.drive or 'default'} drive was not granted to this application",
                advice="sign in again and grant it, or choose another with the option drive",
            )
        return drive_id

    async def _item(self, entry: Entry) -> entries.Item:
        item = items.read_item(await self._info(entry))
        if item.is_trashed:
            raise NotFound(f'"{entry.name}" is in the recycle bin')
        return item

    async def _info(self, entry: Entry) -> Answer:
        call = api.info_call(self._hosts, await self._drive(), entry.id)
        return await self._account.call("other", call)


def parse_link(text: str) -> LinkMatch | None:
    """Recognise a share's link only to say that it is of no use here (see ``options.accept``)."""
    found = find_share(text)
    if found is None:
        return None
    return LinkMatch(options={"share": found.share}, shown=found.shown, certain=False)


def _open(options: DriverOptions, account: Account) -> OpenDriver:
    return OpenDriver(accept(options), account)


def _scheme(options: DriverOptions) -> OpenScheme:
    return OpenScheme.of(accept(options))


def _account(options: DriverOptions) -> tuple[str, str]:
    return Hosts.parse(accept(options).hosts).base(OPEN_API), ""


def _place(options: DriverOptions) -> str:
    ours = accept(options)
    return str(place(ours.root, ours.drive))


def _trust_domain(options: DriverOptions) -> str:
    return Hosts.parse(accept(options).hosts).trust_domain


def _never_a_share(options: DriverOptions) -> bool:
    return bool(accept(options).share)


SPEC = DriverSpec(
    name="aliyundrive_open",
    title="Aliyundrive Open",
    options=OpenOptions,
    abilities=frozenset(
        {
            Ability.QUOTA,
            Ability.LOGIN,
            Ability.CONTENT_ERRORS,
            Ability.THUMBNAILS,
            Ability.SHARE_CREATE,
        }
    ),
    open=_open,
    scheme=_scheme,
    parse_link=parse_link,
    login=start_login,
    account=_account,
    place=_place,
    # Per user and application: 40 lists, 10 links and 150 others in 10 s (wire: Open API §6). With
    # a burst of one no 10 s hold more; whoever ignores it is shut out for longer.
    limits={
        "list": Limit(rate_per_s=3.9),
        "link": Limit(rate_per_s=0.9),
        "other": Limit(rate_per_s=14.9),
        "auth": Limit(concurrency=1),
        "content": Limit(concurrency=links.MOST_CONNECTIONS),
    },
    trust_domain=_trust_domain,
    is_share=_never_a_share,
    example="""\
[remotes.NAME]
driver = "aliyundrive_open"
client_id = "0123…"             # of an application of your own
client_secret = "…"
# then "fsmount login NAME", which shows a QR code for the phone app; or
# refresh_token_file = "/root/aliyundrive.token"
# relay = "https://…"           # instead of an own application; it sees the token
# drive = "resource"            # or "backup", "default"
# root = "https://www.alipan.com/drive/file/resource/0123…"
""",
)
