"""Reading an own 115 drive through the Open platform."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsmount.account.account import Limit
from fsmount.drivers import wire
from fsmount.drivers.base import Ability, DriverSpec
from fsmount.drivers.p115.hosts import Hosts
from fsmount.drivers.p115.links import link_of
from fsmount.drivers.p115.options import cid_of
from fsmount.drivers.p115.refusals import content_failure
from fsmount.drivers.p115_open import api, entries
from fsmount.drivers.p115_open.api import Position
from fsmount.drivers.p115_open.auth import P115OpenScheme
from fsmount.drivers.p115_open.login import start_login
from fsmount.drivers.p115_open.options import ROOT_CID, P115OpenOptions, accept
from fsmount.errors import Changed, Denied, IsFolder, NotFolder, NotFound, NotSupported
from fsmount.model import Entry, EntryId, FolderSize, Kind, Page, Space
from fsmount.net.client import USER_AGENT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fsmount.account.account import Account
    from fsmount.drivers.base import DriverOptions, LinkMatch
    from fsmount.drivers.p115_open.api import FilePage
    from fsmount.errors import FsmountError
    from fsmount.model import Link


class P115OpenDriver:
    """One drive (``drivers.base.Driver``); holds no state beyond its options.

    Also ``Quota``, ``FolderSizes`` and ``ReadsContentErrors``.
    """

    def __init__(self, options: P115OpenOptions, account: Account) -> None:
        self._options = options
        self._account = account
        self._where = Hosts.parse(options.hosts)
        self._user_agent = options.user_agent or USER_AGENT
        self._root = Entry(id=EntryId(cid_of(options.root)), name="", kind=Kind.FOLDER)

    @property
    def root(self) -> Entry:
        """The mounted folder."""
        return self._root

    async def list(self, folder: Entry, cursor: str | None) -> Page:
        """Return one page of ``folder``; see ``Driver.list``.

        Where entries have moved between two pages, the page before is asked once more: what moved
        over the border stands in it.
        """
        if not folder.is_folder:
            raise NotFolder(f'"{folder.name}" is a file')
        position = Position.parse(cursor)
        page = await self._page(folder, position)
        if page.wanted is not None:
            position = position._replace(order=page.wanted)
            page = await self._page(folder, position)
        rows, faults = list(page.rows), list(page.faults)
        if page.moved:
            before = await self._page(folder, position.back(self._options.page_size))
            rows, faults = [*before.rows, *rows], [*before.faults, *faults]
        wire.tell_left_out(self._account.name, folder.name, faults)
        return Page(
            entries=list(entries.entries(rows)),
            next_cursor=None if page.next is None else str(page.next),
            skipped=len(faults),
        )

    async def stat(self, entry: Entry) -> Entry:
        """Return ``entry`` as it is now; the drive's root has no details but that it is there."""
        if entry.id == ROOT_CID:
            await self._page(entry, Position(), page_size=1)
            return entry
        answer = await self._account.call("info", api.info_call(self._where, entry.id))
        now = entries.entry(api.read_info(answer, entry.id), entry)
        if entry.id == self._root.id and now.is_folder:
            return Entry(id=entry.id, name="", kind=Kind.FOLDER, mtime_ns=now.mtime_ns)
        return now

    async def link(self, file: Entry, *, fresh: bool = False) -> Link:
        """Return a link; each is a new one, so ``fresh`` makes no difference."""
        if file.is_folder:
            raise IsFolder(f'"{file.name}" is a folder')
        if not file.locator:
            raise NotSupported(f'"{file.name}" has no pick code, without which there is no link')
        call = api.link_call(self._where, file.locator, self._user_agent)
        answer = await self._account.call("link", call)
        found = api.read_link(answer, file.id)
        if found is None:
            raise NotFound(f'115 has no link for "{file.name}": it was deleted meanwhile')
        if not found.link:
            raise Denied(f'115 gives no link for "{file.name}"')
        sha1 = wire.text(found.sha1).lower()
        if sha1 and file.version and sha1 != file.version:
            raise Changed(f'"{file.name}" is another file than when it was listed')
        return link_of(
            found.link,
            answer,
            agent=self._user_agent,
            max_connections=self._options.max_connections,
        )

    async def close(self) -> None:
        """Let go of nothing: the account is not the driver's."""

    # --- abilities --------------------------------------------------------------------------------

    async def space(self) -> Space:
        """Return the capacity of the drive."""
        answer = await self._account.call("info", api.user_call(self._where))
        total, used = api.read_space(answer)
        return Space(total=total, used=used)

    async def folder_size(self, folder: Entry) -> FolderSize | None:
        """Return what is below ``folder``; see ``FolderSizes.folder_size``."""
        if not folder.is_folder:
            raise NotFolder(f'"{folder.name}" is a file')
        if folder.id == ROOT_CID:
            raise NotSupported("115 tells the size of folders, not of the whole drive; see df")
        answer = await self._account.call("info", api.info_call(self._where, folder.id))
        info = api.read_info(answer, folder.id)
        size = wire.whole(info.size_byte)
        if size is None:
            return None
        return FolderSize(
            size=size,
            files=wire.whole(info.count) or 0,
            folders=wire.whole(info.folder_count) or 0,
        )

    def classify_content(
        self, status: int, headers: Mapping[str, str], body: bytes
    ) -> FsmountError | None:
        """Return what a content server's refusal amounts to; see ``ReadsContentErrors``."""
        return content_failure(status, headers, body)

    # --- inside -----------------------------------------------------------------------------------

    async def _page(
        self, folder: Entry, position: Position, *, page_size: int | None = None
    ) -> FilePage:
        size = page_size or self._options.page_size
        call = api.list_call(self._where, folder.id, position, page_size=size)
        answer = await self._account.call("list", call)
        return api.read_list(answer, folder.id, position)


def _open(options: DriverOptions, account: Account) -> P115OpenDriver:
    return P115OpenDriver(accept(options), account)


def _scheme(options: DriverOptions) -> P115OpenScheme:
    return P115OpenScheme.of(accept(options))


def _no_link(text: str) -> LinkMatch | None:
    return None  # the platform has no shares


def _account(options: DriverOptions) -> tuple[str, str]:
    # Nothing configured tells whose account it is: two remotes of one share it by auth = "ref:…".
    return Hosts.parse(accept(options).hosts).base("115.com"), ""


def _place(options: DriverOptions) -> str:
    return cid_of(accept(options).root)


def _trust_domain(options: DriverOptions) -> str:
    # As for a drive signed in with a cookie: equal bytes are cached once.
    return "115" if Hosts.parse(accept(options).hosts).is_default else ""


def _is_share(options: DriverOptions) -> bool:
    return False


_TTL_S = 6 * 3600.0

SPEC = DriverSpec(
    name="p115_open",
    title="115 Open",
    options=P115OpenOptions,
    abilities=frozenset(
        {Ability.QUOTA, Ability.LOGIN, Ability.FOLDER_SIZES, Ability.CONTENT_ERRORS}
    ),
    open=_open,
    scheme=_scheme,
    parse_link=_no_link,
    login=start_login,
    account=_account,
    place=_place,
    # One call a second is what its clients ship; users report some 10,000 a day before the access
    # limit, and trouble above five a second (wire: 115 §13).
    limits={
        "list": Limit(rate_per_s=1.0, burst=3, concurrency=2),
        "info": Limit(rate_per_s=0.5, burst=2, concurrency=1),
        "link": Limit(rate_per_s=1.0, burst=3, concurrency=2),
        "auth": Limit(rate_per_s=0.5, burst=3, concurrency=1),
        # Ten streams of one user are the most that works (wire: 115 §5.2).
        "content": Limit(concurrency=10),
    },
    trust_domain=_trust_domain,
    is_share=_is_share,
    listing_ttl_s=(_TTL_S, _TTL_S),
    example="""\
[remotes.NAME]
driver = "p115_open"
client_id = "100195135"         # APP ID of your application at open.115.com
# then "fsmount login NAME" and scan the QR code, or one of:
# refresh_token_file = "/root/115.refresh_token"
# refresh_token_command = "pass show 115"
# root = "2958423170"           # a folder of the drive: the cid in the address bar
""",
)
