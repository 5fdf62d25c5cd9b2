"""Listing a share of Aliyundrive; its files are read by way of an own drive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsmount.account.account import Limit
from fsmount.drivers import wire
from fsmount.drivers.aliyundrive import api as items
from fsmount.drivers.aliyundrive import entries, links
from fsmount.drivers.aliyundrive.hosts import API, Hosts
from fsmount.drivers.aliyundrive.options import ROOT
from fsmount.drivers.aliyundrive.pasted import find_share
from fsmount.drivers.aliyundrive_share import api, auth
from fsmount.drivers.aliyundrive_share.auth import ShareScheme
from fsmount.drivers.aliyundrive_share.options import ShareOptions, accept, folder_of, share_of
from fsmount.drivers.base import Ability, DriverSpec, LinkMatch
from fsmount.errors import Denied, IsFolder, NotFolder, NotFound, NotSupported
from fsmount.model import Entry, EntryId, Kind, Page, SharePass

if TYPE_CHECKING:
    from fsmount.account.account import Account
    from fsmount.account.credentials import Credentials
    from fsmount.drivers.base import DriverOptions
    from fsmount.model import Link, ShareInfo


NO_LINKS = "the provider refuses direct links of shared files since March 2024"
WAY_OUT = (
    "say -o via=REMOTE with a remote of driver aliyundrive: files are then saved there for as long "
    "as they are read"
)


class ShareDriver:
    """One share (``drivers.base.Driver``); also ``ShareDetails`` and ``GivesSharePass``."""

    def __init__(self, options: ShareOptions, account: Account) -> None:
        self._options = options
        self._account = account
        self._hosts = Hosts.parse(options.hosts)
        self._share = share_of(options)
        self._root = Entry(id=EntryId(folder_of(options)), name="", kind=Kind.FOLDER)

    @property
    def root(self) -> Entry:
        """The mounted folder."""
        return self._root

    async def list(self, folder: Entry, cursor: str | None) -> Page:
        """Return one page of ``folder``; see ``Driver.list``.

        A sub-folder that the sharer has closed is ``Denied``; the others go on (wire §B3).
        """
        if not folder.is_folder:
            raise NotFolder(f'"{folder.name}" is a file')
        call = api.list_call(
            self._hosts, self._share, folder.id, limit=self._options.page_size, marker=cursor
        )
        page = items.read_list(await self._account.call("list", call), cursor)
        if entries.is_doubtful(folder, page, cursor):
            await self._item(folder)
        wire.tell_left_out(self._account.name, folder.name, page.faults)
        return Page(
            entries=[*entries.entries(page.items)],
            next_cursor=page.next,
            skipped=len(page.faults),
        )

    async def stat(self, entry: Entry) -> Entry:
        """Return ``entry`` as it is now; the root of a share is what it always is."""
        if entry.id == ROOT:
            return entry
        now = entries.entry(await self._item(entry))
        if entry.id == self._root.id:
            return Entry(id=entry.id, name="", kind=Kind.FOLDER, mtime_ns=now.mtime_ns)
        return now

    async def link(self, file: Entry, *, fresh: bool = False) -> Link:
        """Raise ``NotSupported``: there are none; see ``transfer.staging``."""
        if file.is_folder:
            raise IsFolder(f'"{file.name}" is a folder')
        raise NotSupported(NO_LINKS, advice=WAY_OUT)

    async def close(self) -> None:
        """Let go of nothing: the account is not the driver's."""

    async def share_info(self) -> ShareInfo:
        """Return what the share tells to strangers, its code right or wrong."""
        call = api.info_call(self._hosts, self._share)
        answer = await self._account.call("info", call, signed=False)
        info = api.read_info(answer, has_code=bool(self._options.share_password))
        if not self._options.share_password:
            return info
        try:
            await self._account.token()
        except Denied:
            return api.read_info(answer, has_code=False)
        return info

    async def share_pass(self) -> SharePass:
        """Return what an own drive needs to save files of this share."""
        token = await self._account.token()
        return SharePass(
            id=self._share,
            code=self._options.share_password,
            token="" if token is None else token.access,
        )

    async def _item(self, entry: Entry) -> entries.Item:
        call = api.file_call(self._hosts, self._share, entry.id)
        item = items.read_item(await self._account.call("info", call))
        if item.is_trashed:
            raise NotFound(f'"{entry.name}" was put into the recycle bin by its owner')
        return item


def parse_link(text: str) -> LinkMatch | None:
    """Return what ``text`` names, as options; None when there is no link of a share in it."""
    found = find_share(text)
    if found is None:
        return None
    told = {"share": found.share, "share_password": found.code, "root": found.folder}
    options = {name: value for name, value in told.items() if value}
    return LinkMatch(options=options, shown=found.shown)


def _open(options: DriverOptions, account: Account) -> ShareDriver:
    return ShareDriver(accept(options), account)


def _scheme(options: DriverOptions) -> ShareScheme:
    return ShareScheme.of(accept(options))


def _account(options: DriverOptions) -> tuple[str, str]:
    return Hosts.parse(accept(options).hosts).base(API), ""


def _place(options: DriverOptions) -> str:
    ours = accept(options)
    return f"{share_of(ours)}/{folder_of(ours)}"


def _trust_domain(options: DriverOptions) -> str:
    return Hosts.parse(accept(options).hosts).trust_domain


def _always_a_share(options: DriverOptions) -> bool:
    return True


def _credentials(options: DriverOptions) -> Credentials:
    return auth.credentials(accept(options))


def _via(options: DriverOptions) -> str:
    return accept(options).via


def _notice(options: DriverOptions) -> str:
    return "" if accept(options).via else f"files cannot be read: {NO_LINKS}; {WAY_OUT}"


SPEC = DriverSpec(
    name="aliyundrive_share",
    title="Aliyundrive Share",
    options=ShareOptions,
    abilities=frozenset({Ability.SHARE_INFO, Ability.SHARE_PASS}),
    open=_open,
    scheme=_scheme,
    parse_link=parse_link,
    account=_account,
    place=_place,
    credentials=_credentials,
    via=_via,
    via_driver="aliyundrive",
    notice=_notice,
    limits={
        "list": Limit(rate_per_s=3.9),
        "info": Limit(rate_per_s=9.9),
        "auth": Limit(rate_per_s=0.9, burst=4),
        "content": Limit(concurrency=links.MOST_CONNECTIONS),
    },
    trust_domain=_trust_domain,
    is_share=_always_a_share,
    example="""\
[remotes.NAME]
driver = "aliyundrive_share"
share = "https://www.alipan.com/s/JuRzzkQVF1z"
# share_password = "abcd"       # its extraction code
# root = "https://www.alipan.com/s/JuRzzkQVF1z/folder/0123…"
# via = "OTHER"                 # a remote of driver aliyundrive, through which files are read
""",
)
