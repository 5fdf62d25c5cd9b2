"""Reading an own drive of 115."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from fsmount.account.account import Limit
from fsmount.drivers import wire
from fsmount.drivers.base import Ability, DriverSpec
from fsmount.drivers.p115 import api, details, entries, links, receiving, refusals
from fsmount.drivers.p115.api import DIALECTS, Order, Position
from fsmount.drivers.p115.auth import DriveScheme
from fsmount.drivers.p115.entries import ROOT_ID, cid_of_entry
from fsmount.drivers.p115.hosts import Hosts
from fsmount.drivers.p115.login import start_login
from fsmount.drivers.p115.offline import OfflineCalls
from fsmount.drivers.p115.options import (
    MAX_PAGE_SIZE,
    P115Options,
    accept,
    cid_of,
    login_of,
)
from fsmount.drivers.p115.refusals import Elsewhere
from fsmount.errors import (
    Denied,
    FsmountError,
    IsFolder,
    LoginLost,
    NotFolder,
    NotFound,
    ProtocolError,
    ProviderFault,
    Unauthorized,
)
from fsmount.model import Link, Page, Priority, Saving, Space, priority

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fsmount.account.account import Account
    from fsmount.drivers.base import DriverOptions, LinkMatch
    from fsmount.drivers.p115.api import FilePage
    from fsmount.model import Answer, Entry, FolderSize, SharePass

log = logging.getLogger(__name__)

OWN_LIMITS = {
    # About what the most careful of the clients allow themselves for everything; scanners that did
    # not were shut out within minutes (wire: 115 §13). A short burst keeps a person's steps from
    # folder to folder quick.
    "list": Limit(rate_per_s=1.0, burst=3, concurrency=2),
    "info": Limit(rate_per_s=0.5, burst=2, concurrency=1),
    "link": Limit(rate_per_s=1.0, burst=3, concurrency=2),
    "offline": Limit(rate_per_s=0.5, burst=3, concurrency=1),
    # Copies are to be made strictly one at a time.
    "save": Limit(rate_per_s=0.5, burst=1, concurrency=1),
    "auth": Limit(rate_per_s=0.5, burst=2, concurrency=1),
    # Ten streams per account are the most that was seen to work (wire: 115 §5.2).
    "content": Limit(concurrency=10),
}


class P115Driver(OfflineCalls):
    """One drive, or a folder of it (``drivers.base.Driver``).

    Also ``Quota``, ``BatchLinks``, ``FolderSizes``, ``ReadsContentErrors``, ``OfflineDownloads``
    and ``SavesShares``.
    """

    def __init__(self, options: P115Options, account: Account) -> None:
        super().__init__(options, account, families=("link", "info"))
        self._options = options
        self._root = entries.root_entry(cid_of(options.root))

    @property
    def root(self) -> Entry:
        """The mounted folder."""
        return self._root

    async def list(self, folder: Entry, cursor: str | None) -> Page:
        """Return one page of ``folder``; see ``Driver.list``."""
        if not folder.is_folder:
            raise NotFolder(f'"{folder.name}" is a file')
        page = await self._page(cid_of_entry(folder), cursor)
        wire.tell_left_out(self._account.name, folder.name, page.faults)
        return Page(
            entries=list(entries.entries(page.rows)),
            next_cursor=None if page.next is None else str(page.next),
            skipped=len(page.faults),
        )

    async def stat(self, entry: Entry) -> Entry:
        """Return ``entry`` as it is now; of the drive's own root only that it can be listed."""
        if entry.id == ROOT_ID:
            # 115 tells nothing about a drive's root, and of another one nothing but its name.
            await self._page(cid_of_entry(entry), None)
            return entry
        answer = await self._account.call("info", details.info_call(self._where, entry.id))
        return entries.web_entry(details.read_info(answer, entry.id))

    async def link(self, file: Entry, *, fresh: bool = False) -> Link:
        """Return a link; see ``Driver.link``. 115 makes a new one at every call.

        Where one endpoint does not serve a file, the next one is asked.

        Raises:
            Changed: None of them gives a link: deleted meanwhile, or never readable.
        """
        if file.is_folder:
            raise IsFolder(f'"{file.name}" is a folder')
        return await self._first_link(file, (self._by_chrome, self._by_web, self._by_android))

    async def close(self) -> None:
        """Let go of nothing: the account is not the driver's."""

    # --- abilities --------------------------------------------------------------------------------

    @property
    def batch_size(self) -> int:
        """Files per call at most."""
        return links.BATCH_SIZE

    async def links(self, files: Sequence[Entry]) -> Sequence[Link | FsmountError]:
        """Return a link or a failure per file; see ``BatchLinks.links``.

        What 115 leaves out is asked alone while somebody waits for it, and not at all ahead of
        need: links of deleted files are said to raise the risk score of an account (§5.1).
        """
        codes = [file.locator for file in files if not file.is_folder and file.locator]
        found: dict[str, str] = {}
        answer: Answer | None = None
        if codes:
            try:
                found, answer = await self._chrome(codes)
            except (Unauthorized, LoginLost):
                raise
            except (Elsewhere, Denied, NotFound) as exc:
                # One file that 115 does not give out may have it refuse all of them.
                log.debug("remote=%s no links by batch: %s", self._account.name, exc)
        return [await self._of_batch(file, found.get(file.locator, ""), answer) for file in files]

    async def space(self) -> Space:
        """Return the capacity of the drive."""
        total, used = details.read_space(
            await self._account.call("info", details.space_call(self._where))
        )
        return Space(total=total, used=used)

    async def folder_size(self, folder: Entry) -> FolderSize | None:
        """Return what is below ``folder``, rounded as 115 shows it to people."""
        if not folder.is_folder:
            raise NotFolder(f'"{folder.name}" is a file')
        cid = cid_of_entry(folder)
        answer = await self._account.call("info", details.folder_size_call(self._where, cid))
        return details.read_folder_size(answer, cid)

    def classify_content(
        self, status: int, headers: Mapping[str, str], body: bytes
    ) -> FsmountError | None:
        """Return what a content server's refusal amounts to; see ``ReadsContentErrors``."""
        return refusals.content_failure(status, headers, body)

    async def save(self, share: SharePass, entries: Sequence[Entry], folder: Entry) -> Saving:
        """Save ``entries`` of ``share`` into ``folder``; see ``SavesShares.save``.

        Done when this returns. 115 does not tell the ids of the copies; what was saved before is
        not saved again.
        """
        if not folder.is_folder:
            raise NotFolder(f'"{folder.name}" is a file')
        ids = [entry.id for entry in entries if entry.id != ROOT_ID]
        whole = len(ids) < len(entries)  # the share's root stands for all that is in it
        call = receiving.receive_call(
            self._where, share, [] if whole else ids, cid_of_entry(folder)
        )
        await self._account.call("save", call)
        return Saving(done=len(entries), total=len(entries))

    async def saving(self, saving: Saving) -> Saving:
        """Return ``saving`` itself: it was done at once."""
        return saving

    # --- listing ----------------------------------------------------------------------------------

    async def _page(self, cid: str, cursor: str | None) -> FilePage:
        if (position := Position.parse(cursor)) is not None:
            return await self._asked_page(cid, position)
        wanted = self._options.listing
        if wanted != "auto":
            return await self._asked_page(cid, Position.first(wanted))
        failure: Elsewhere | None = None
        for dialect in DIALECTS:
            try:
                return await self._asked_page(cid, Position.first(dialect))
            except Elsewhere as exc:
                failure = failure or exc
        assert failure is not None
        raise failure

    async def _asked_page(self, cid: str, position: Position) -> FilePage:
        """Return a page, in the order that 115 insists on where it refuses the one asked (§0.4)."""
        page = await self._listed(cid, position)
        if isinstance(page, Order):
            if position.known is not None:
                raise ProtocolError("the order of a listing changed on the way; it begins anew")
            page = await self._listed(cid, position._replace(order=page))
        if isinstance(page, Order):
            raise ProviderFault("115 refuses to list a folder in the order that it asks for")
        return page

    async def _listed(self, cid: str, position: Position) -> FilePage | Order:
        limit = self._options.page_size
        most = DIALECTS[position.dialect].most
        if most is not None and limit == MAX_PAGE_SIZE:
            limit = most  # all that it can reach is one page
        call = api.list_call(self._where, cid, position, limit=limit)
        return api.read_list(await self._account.call("list", call), cid, position)

    # --- links ------------------------------------------------------------------------------------

    async def _of_batch(self, file: Entry, url: str, answer: Answer | None) -> Link | FsmountError:
        try:
            if url and answer is not None:
                return self._link(url, answer)
            if priority.get() >= Priority.PREFETCH:
                return links.refused_to_link(file.name)
            return await self.link(file)
        except FsmountError as exc:
            return exc

    async def _chrome(self, codes: Sequence[str]) -> tuple[dict[str, str], Answer]:
        key = links.new_key()
        answer = await self._with_agent(
            lambda agent: links.chrome_call(
                self._where, codes, cipher=self._cipher, key=key, agent=agent
            )
        )
        return links.read_chrome(answer, cipher=self._cipher, key=key), answer

    async def _by_chrome(self, file: Entry) -> Link:
        found, answer = await self._chrome([file.locator])
        # The pick code of a copy may come back as that of what it is a copy of.
        url = found.get(file.locator) or next(iter(found.values()), "")
        return self._link(url, answer)

    async def _by_web(self, file: Entry) -> Link:
        key = links.new_key()
        answer = await self._with_agent(
            lambda agent: links.web_call(
                self._where, file.locator, cipher=self._cipher, key=key, agent=agent
            )
        )
        return self._link(links.read_web(answer, cipher=self._cipher, key=key), answer)

    async def _by_android(self, file: Entry) -> Link:
        key = links.new_key()
        answer = await self._with_agent(
            lambda agent: links.android_call(
                self._where, file.locator, cipher=self._cipher, key=key, agent=agent
            )
        )
        return self._link(links.read_android(answer, cipher=self._cipher, key=key), answer)


def _open(options: DriverOptions, account: Account) -> P115Driver:
    return P115Driver(accept(options), account)


def _scheme(options: DriverOptions) -> DriveScheme:
    return DriveScheme.of(accept(options))


def _account(options: DriverOptions) -> tuple[str, str]:
    ours = accept(options)
    return Hosts.parse(ours.hosts).base("115.com"), login_of(ours)


def _place(options: DriverOptions) -> str:
    return f"folder {cid_of(accept(options).root)}"


def _trust_domain(options: DriverOptions) -> str:
    # 115 computes the SHA-1 of every file itself, whoever uploads or shares it.
    return "115" if Hosts.parse(accept(options).hosts).is_default else ""


def _no_link(text: str) -> LinkMatch | None:
    return None  # a drive is signed in to, so it has a name in the configuration


def _never(options: DriverOptions) -> bool:
    return False


SPEC = DriverSpec(
    name="p115",
    title="115 Cloud",
    options=P115Options,
    abilities=frozenset(
        {
            Ability.QUOTA,
            Ability.BATCH_LINKS,
            Ability.LOGIN,
            Ability.CONTENT_ERRORS,
            Ability.FOLDER_SIZES,
            Ability.OFFLINE,
            Ability.SHARE_SAVE,
        }
    ),
    open=_open,
    scheme=_scheme,
    parse_link=_no_link,
    login=start_login,
    account=_account,
    place=_place,
    limits=OWN_LIMITS,
    trust_domain=_trust_domain,
    is_share=_never,
    # A listing is the call that gets accounts shut out, so it is kept for long.
    listing_ttl_s=(21600.0, 21600.0),
    example="""\
[remotes.NAME]
driver = "p115"
# then "fsmount login NAME" (a QR code, or a cookie from a browser), or one of:
# cookie_file = "/root/115.cookie"    # one line: UID=…; CID=…; SEID=…; KID=…
# cookie_command = "pass show 115"
# root = "2912345678901234567"        # a folder: its cid, or the address bar's URL
""",
)
