"""Reading a Cloudreve V4 drive or share."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from fsmount.account.account import Limit
from fsmount.drivers import wire
from fsmount.drivers.base import Ability, DriverSpec
from fsmount.drivers.cloudreve import api, details, entries, refusals
from fsmount.drivers.cloudreve.api import Position
from fsmount.drivers.cloudreve.auth import CloudreveScheme
from fsmount.drivers.cloudreve.entries import ROOT_ID, SINGLE
from fsmount.drivers.cloudreve.links import another_version, rewritten
from fsmount.drivers.cloudreve.login import sign_out, start_login
from fsmount.drivers.cloudreve.options import CloudreveOptions, Site, accept, place
from fsmount.drivers.cloudreve.owned import OwnShares
from fsmount.drivers.cloudreve.pasted import parse_link, probe
from fsmount.drivers.cloudreve.uri import SCHEME, FileUri
from fsmount.errors import (
    Changed,
    FsmountError,
    Gone,
    IsFolder,
    NotFolder,
    NotFound,
    NotSupported,
    ProtocolError,
    ProviderFault,
)
from fsmount.model import Entry, Kind, Link, Page, Priority, ShareInfo, Space, priority

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fsmount.account.account import Account
    from fsmount.drivers.base import DriverOptions
    from fsmount.drivers.cloudreve.api import FilePage
    from fsmount.model import EntryId, FolderSize, OwnShare


BATCH_SIZE = 100
"""Links per call. Servers take 3000; 100 take 16 ms of their time (wire §8, §15)."""

BORDER_ATTEMPTS = 4
"""Sizes tried for one page before its border is called broken; two do on a folder at rest."""

ROOT_PAGE_SIZE = 50
"""For a root's own details. Not 1: a server of 2025-06 makes the last size that anyone asked
for the default of everybody (wire §6.2.3), and a default of 1 would make other clients crawl."""


_OF_ONE_FILE = (NotFound, Changed, IsFolder, NotSupported)
"""Failures to give a link that say nothing about the next file."""


class CloudreveDriver:
    """One drive or share (``drivers.base.Driver``); holds no state beyond its options.

    Also ``Quota`` (own drive only), ``BatchLinks``, ``ShareDetails`` (shares only),
    ``FolderSizes``, ``Thumbnails`` and ``ReadsContentErrors``; of an own drive ``CreatesShares``,
    ``ListsShares``, ``UpdatesShares`` and ``CancelsShares``.
    """

    def __init__(self, options: CloudreveOptions, account: Account) -> None:
        self._options = options
        self._account = account
        self._site = Site.parse(options.address)
        self._mounted = place(options)
        self._shares = OwnShares(self._site, account)
        self._root = Entry(
            id=ROOT_ID, name="", kind=Kind.FOLDER, locator=str(self._mounted.without_password())
        )

    @property
    def root(self) -> Entry:
        """The mounted folder; its id does not depend on what the server calls it."""
        return self._root

    async def list(self, folder: Entry, cursor: str | None) -> Page:
        """Return one page of ``folder``; see ``Driver.list``.

        A page behind which the server would lose files is asked again a little shorter.
        """
        if not folder.is_folder:
            raise NotFolder(f'"{folder.name}" is a file')
        position = Position.parse(cursor)
        try:
            page = await self._sound_page(folder, position)
        except Gone as exc:
            if folder.id != ROOT_ID or position != Position():
                raise
            await self._raise_why(exc)
        wire.tell_left_out(self._account.name, folder.name, page.faults)
        return Page(
            entries=list(entries.entries(page, folder, mounted=self._mounted)),
            next_cursor=None if page.next is None else str(page.next),
            folder=_itself(folder, page),
            skipped=len(page.faults),
        )

    async def stat(self, entry: Entry) -> Entry:
        """Return ``entry`` as it is now; a root is described by its listing only."""
        uri = self._uri(entry)
        if FileUri.parse(uri).is_root:
            page = await self._page(uri, Position(), ROOT_PAGE_SIZE)
            return _itself(entry, page)
        answer = await self._account.call("info", api.info_call(self._site, uri))
        file = api.read_info(answer)
        now = entries.entry(
            file,
            mounted=self._mounted,
            prefix=entries.prefix_of(entry),
            single=_is_counted(entry),
        )
        if entry.is_folder and now.is_folder:
            # A shortcut stays what it is called here, wherever it leads.
            return _replaced_time(entry, now.mtime_ns)
        return now

    async def link(self, file: Entry, *, fresh: bool = False) -> Link:
        """Return a link; see ``Driver.link``.

        Each link of a single-file share counts as a download, so none is given ahead of need.
        """
        if file.is_folder:
            raise IsFolder(f'"{file.name}" is a folder')
        if _is_counted(file) and _is_ahead_of_need():
            raise NotSupported(f'each link of "{file.name}" counts as a download of its share')
        call = api.url_call(self._site, [self._uri(file)], fresh=fresh, skip_error=False)
        try:
            answer = await self._account.call("link", call)
        except Gone as exc:
            if not _is_counted(file) or isinstance(exc, Changed):
                raise
            await self._raise_why(exc)
        urls = api.read_urls(answer, 1)
        if not urls.urls[0]:
            raise ProtocolError("the links of files: an empty one came without a reason")
        if (changed := another_version(file, urls.urls[0])) is not None:
            raise changed
        return self._link(urls.urls[0], urls.lifetime_s)

    async def close(self) -> None:
        """Let go of nothing: the account is not the driver's."""

    # --- abilities --------------------------------------------------------------------------------

    @property
    def batch_size(self) -> int:
        """Files per call at most."""
        return BATCH_SIZE

    async def links(self, files: Sequence[Entry]) -> Sequence[Link | FsmountError]:
        """Return a link or a failure per file; see ``BatchLinks.links``.

        A file that the server leaves out comes without its reason, which may be anything, an
        expired token included. While somebody waits, it is asked alone to learn it; ahead of need
        it is not worth a call.
        """
        batch = [file for file in files if not file.is_folder and not _is_counted(file)]
        urls: dict[EntryId, str] = {}
        lifetime_s = None
        if batch:
            uris = [self._uri(file) for file in batch]
            call = api.url_call(self._site, uris, fresh=False, skip_error=True)
            brought = api.read_urls(await self._account.call("link", call), len(uris))
            urls = dict(zip((file.id for file in batch), brought.urls, strict=True))
            lifetime_s = brought.lifetime_s
        found: list[Link | FsmountError] = []
        over: FsmountError | None = None
        for file in files:
            if url := urls.get(file.id):
                found.append(another_version(file, url) or self._link(url, lifetime_s))
            elif over is not None:
                found.append(over)
            elif file.id in urls and _is_ahead_of_need():
                found.append(ProviderFault(f'the server left out the link of "{file.name}"'))
            else:
                alone = await self._alone(file)
                found.append(alone)
                if isinstance(alone, FsmountError) and not isinstance(alone, _OF_ONE_FILE):
                    over = alone  # the server, the login or the share: asking on would not help
        return found

    async def _alone(self, file: Entry) -> Link | FsmountError:
        try:
            return await self.link(file)
        except FsmountError as exc:
            return exc

    async def space(self) -> Space:
        """Return the capacity of the account's own drive."""
        if self._mounted.fs == "share":
            raise NotSupported("a share has no capacity of its own")
        answer = await self._account.call("info", details.capacity_call(self._site))
        total, used = details.read_capacity(answer)
        return Space(total=total, used=used)

    async def share_info(self) -> ShareInfo:
        """Return what the share tells about itself; never its ``url``, which holds its password."""
        share = await self._share()
        more = {}
        if (downloads := wire.whole(share.downloaded)) is not None:
            more["downloads"] = str(downloads)
        return ShareInfo(
            name=wire.text(share.name),
            owner=wire.text(share.owner.nickname) if share.owner else "",
            is_folder=wire.whole(share.source_type) == api.FOLDER,
            created_ns=wire.time_ns(share.created_at) or 0,
            expires_ns=wire.time_ns(share.expires),
            locked=not wire.truth(share.unlocked),
            expired=wire.truth(share.expired),
            views=wire.whole(share.visited),
            downloads_left=wire.whole(share.remain_downloads),
            details=more,
        )

    async def folder_size(self, folder: Entry) -> FolderSize | None:
        """Return what is below ``folder``; see ``FolderSizes.folder_size``.

        None also where a server of 2025-06 is asked again within 300 s. In a share only its owner
        is told.
        """
        if not folder.is_folder:
            raise NotFolder(f'"{folder.name}" is a file')
        uri = self._uri(folder)
        if FileUri.parse(uri).is_root:
            raise NotSupported(
                "the server tells the size of folders, not of a whole drive or share"
            )
        return details.read_summary(
            await self._account.call("info", details.summary_call(self._site, uri))
        )

    async def thumbnail(self, file: Entry) -> Link:
        """Return a link to a small picture; see ``Thumbnails.thumbnail``.

        A first one sets the file's time to now, without any change of its bytes.
        """
        if file.is_folder:
            raise IsFolder(f'"{file.name}" is a folder')
        call = details.thumbnail_call(self._site, self._uri(file))
        found = details.read_thumbnail(await self._account.call("thumbnail", call))
        return self._link(found.urls[0], found.lifetime_s)

    async def create_share(
        self, entries: Sequence[Entry], *, name: str, code: str | None, lifetime_s: float | None
    ) -> OwnShare:
        """Share a file or folder; see ``CreatesShares``. Without a code it is open to anybody."""
        return await self._shares.create(
            [self._uri(entry) for entry in entries], name=name, code=code, lifetime_s=lifetime_s
        )

    async def own_shares(self, cursor: str | None) -> tuple[Sequence[OwnShare], str | None]:
        """Return a page of the account's shares; see ``ListsShares``."""
        return await self._shares.page(cursor)

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
        return await self._shares.update(
            share_id, name=name, code=code, lifetime_s=lifetime_s, never_expires=never_expires
        )

    async def cancel_share(self, share_id: str) -> None:
        """End a share; see ``CancelsShares``."""
        await self._shares.cancel(share_id)

    def classify_content(
        self, status: int, headers: Mapping[str, str], body: bytes
    ) -> FsmountError | None:
        """Return what an envelope instead of bytes says; see ``ReadsContentErrors``."""
        return refusals.content_failure(body)

    # --- inside -----------------------------------------------------------------------------------

    async def _sound_page(self, folder: Entry, position: Position) -> FilePage:
        uri, size = self._uri(folder), self._options.page_size
        for _ in range(BORDER_ATTEMPTS):
            page = await self._page(uri, position, size)
            if page.shorter is None:
                return page
            size = page.shorter
        raise ProtocolError("the server loses files at the border of this page, whatever its size")

    async def _page(self, uri: str, position: Position, page_size: int) -> FilePage:
        call = api.list_call(self._site, uri, page_size=page_size, position=position)
        return api.read_list(await self._account.call("list", call), position)

    async def _share(self) -> details.ShareData:
        if self._mounted.fs != "share":
            raise NotSupported("this remote is a drive, not a share")
        call = details.share_call(self._site, self._mounted.id, self._mounted.password)
        return details.read_share(await self._account.call("info", call))

    async def _raise_why(self, exc: Gone) -> NoReturn:
        """Raise what the share itself tells of its end, else ``exc``.

        Listings and links have one text for every end; only the share's own details know which.
        """
        try:
            await self._share()
        except Gone as told:
            raise told from exc
        except FsmountError:
            pass  # what was said first stands
        raise exc

    def _uri(self, entry: Entry) -> str:
        """Return where to find ``entry``, with the share's password as it is configured now.

        An entry kept from an earlier mount may carry an older password.
        """
        locator = entry.locator.removesuffix(SINGLE)
        own = f"{SCHEME}{self._mounted.id}"
        authority, slash, path = locator[len(SCHEME) :].partition("/")
        if self._mounted.fs != "share" or not locator.startswith((f"{own}@", f"{own}:")):
            return locator
        if not authority.endswith("@share"):
            return locator
        share = FileUri(fs="share", id=self._mounted.id, password=self._mounted.password)
        return f"{share}{slash}{path}"

    def _link(self, url: str, lifetime_s: float | None) -> Link:
        return Link(
            url=rewritten(url, self._site, self._options.site_url_rewrite),
            lifetime_s=lifetime_s,
            max_connections=self._options.max_connections,
        )


def _is_counted(file: Entry) -> bool:
    return file.locator.endswith(SINGLE)


def _is_ahead_of_need() -> bool:
    return priority.get() >= Priority.PREFETCH


def _itself(folder: Entry, page: FilePage) -> Entry:
    # Only the time is taken over: the parent of a single-file share is the owner's own folder,
    # whose name is not ours to show, and behind a shortcut it has another id.
    return _replaced_time(folder, wire.time_ns(page.parent.updated_at) or 0)


def _replaced_time(folder: Entry, mtime_ns: int) -> Entry:
    return Entry(
        id=folder.id,
        name=folder.name,
        kind=folder.kind,
        locator=folder.locator,
        mtime_ns=mtime_ns,
    )


def _open(options: DriverOptions, account: Account) -> CloudreveDriver:
    return CloudreveDriver(accept(options), account)


def _scheme(options: DriverOptions) -> CloudreveScheme:
    return CloudreveScheme.of(accept(options))


def _account(options: DriverOptions) -> tuple[str, str]:
    ours = accept(options)
    return Site.parse(ours.address).address, ours.email.strip().lower()


def _place(options: DriverOptions) -> str:
    return str(place(accept(options)).without_password())


def _is_share(options: DriverOptions) -> bool:
    return place(accept(options)).fs == "share"


def _no_trust_domain(options: DriverOptions) -> str:
    return ""  # the API tells no digests


SPEC = DriverSpec(
    name="cloudreve",
    title="Cloudreve V4",
    options=CloudreveOptions,
    abilities=frozenset(
        {
            Ability.QUOTA,
            Ability.BATCH_LINKS,
            Ability.LOGIN,
            Ability.SHARE_INFO,
            Ability.CONTENT_ERRORS,
            Ability.FOLDER_SIZES,
            Ability.THUMBNAILS,
            Ability.SHARE_CREATE,
            Ability.SHARE_LIST,
            Ability.SHARE_UPDATE,
            Ability.SHARE_CANCEL,
        }
    ),
    open=_open,
    scheme=_scheme,
    parse_link=parse_link,
    probe=probe,
    login=start_login,
    account=_account,
    place=_place,
    sign_out=sign_out,
    # The server itself has no limit (wire §1); these keep a small machine behind it responsive.
    limits={
        "list": Limit(concurrency=8),
        "info": Limit(concurrency=8),
        "link": Limit(concurrency=4),
        # Each may be a picture that the server has to make first, most of a second (wire §8.2).
        "thumbnail": Limit(concurrency=2),
        "share": Limit(concurrency=2),
        "auth": Limit(concurrency=1),
        "content": Limit(concurrency=16),
    },
    trust_domain=_no_trust_domain,
    is_share=_is_share,
    example="""\
[remotes.NAME]
driver = "cloudreve"
address = "https://cloud.example.com"
email = "me@example.com"
# then "fsmount login NAME", or one of:
# password_file = "/root/cloudreve.password"
# password_command = "pass show cloudreve"
# root = "/photos"              # a folder of the drive
# share = "AbC1"                # a share instead of the drive, with
# share_password = "abcd"       # its password
""",
)
