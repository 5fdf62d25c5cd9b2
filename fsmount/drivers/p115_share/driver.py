"""Reading a share of 115."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsmount.account.account import Limit
from fsmount.drivers import wire
from fsmount.drivers.base import Ability, DriverSpec
from fsmount.drivers.p115 import hosts, refusals
from fsmount.drivers.p115.calling import Caller
from fsmount.drivers.p115.entries import ROOT_ID, cid_of_entry, root_entry, unix_ns
from fsmount.drivers.p115.hosts import Hosts
from fsmount.drivers.p115.links import new_key
from fsmount.drivers.p115.refusals import Elsewhere
from fsmount.drivers.p115_share import api, entries
from fsmount.drivers.p115_share.api import HOSTS, Place, Position
from fsmount.drivers.p115_share.auth import ShareScheme
from fsmount.drivers.p115_share.entries import Locator
from fsmount.drivers.p115_share.options import ShareOptions, accept, root_of, share_of
from fsmount.drivers.p115_share.pasted import parse_link
from fsmount.errors import FsmountError, IsFolder, NotFolder, NotFound
from fsmount.model import Entry, Page, ShareInfo, SharePass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fsmount.account.account import Account
    from fsmount.drivers.base import DriverOptions
    from fsmount.drivers.p115_share.api import SharePage
    from fsmount.model import Link


NEVER = -1

SHARE_LIMITS = {
    # Two thousand folders walked with small pages got an address shut out of all shares, for good
    # it seemed (wire: 115 §13). Families of their own: the drive that lends its login goes on.
    "share list": Limit(rate_per_s=0.5, burst=3, concurrency=1),
    "share info": Limit(rate_per_s=0.5, burst=2, concurrency=1),
    "share link": Limit(rate_per_s=0.5, burst=3, concurrency=1),
    "auth": Limit(rate_per_s=0.5, burst=2, concurrency=1),
    "content": Limit(concurrency=10),
}


class ShareDriver(Caller):
    """One share, or a folder of it (``drivers.base.Driver``).

    Also ``ShareDetails``, ``GivesSharePass`` and ``ReadsContentErrors``.
    """

    def __init__(self, options: ShareOptions, account: Account) -> None:
        super().__init__(options, account, families=("share link", "share info"))
        self._page_size = options.page_size
        self._place = Place(share_of(options), options.receive_code.strip())
        self._root = root_entry(root_of(options))

    @property
    def root(self) -> Entry:
        """The mounted folder."""
        return self._root

    async def list(self, folder: Entry, cursor: str | None) -> Page:
        """Return one page of ``folder``; see ``Driver.list``."""
        if not folder.is_folder:
            raise NotFolder(f'"{folder.name}" is a file')
        cid = cid_of_entry(folder)
        page = await self._page(cid, Position.parse(cursor))
        wire.tell_left_out(self._account.name, folder.name, page.faults)
        return Page(
            entries=list(entries.entries(page, cid)),
            next_cursor=None if page.next is None else str(page.next),
            folder=_dated(folder, page),
            skipped=len(page.faults),
        )

    async def stat(self, entry: Entry) -> Entry:
        """Return ``entry`` as it is now, out of a new listing of its folder.

        115 tells nothing about a single entry of a share.

        Raises:
            NotFound: It is no longer in the folder that it was listed in.
        """
        if entry.id == ROOT_ID:
            page = await self._page(cid_of_entry(entry), Position())
            return _dated(entry, page) or entry
        cid = Locator.parse(entry.locator).folder
        position: Position | None = Position()
        while position is not None:
            page = await self._page(cid, position)
            for each in entries.entries(page, cid):
                if each.id == entry.id:
                    return each
            position = page.next
        raise NotFound(f'"{entry.name}" is no longer in the share')

    async def link(self, file: Entry, *, fresh: bool = False) -> Link:
        """Return a link; see ``Driver.link``. 115 makes a new one at every call.

        Raises:
            Denied: A guest asks, and the owner lets signed-in users download only.
        """
        if file.is_folder:
            raise IsFolder(f'"{file.name}" is a folder')
        if self._account.anonymous:
            return await self._first_link(file, (self._as_guest, self._as_guest_of_web))
        return await self._first_link(file, (self._signed, self._by_app, self._signed_of_web))

    async def close(self) -> None:
        """Let go of nothing: the account is not the driver's."""

    # --- abilities --------------------------------------------------------------------------------

    async def share_info(self) -> ShareInfo:
        """Return what the share tells about itself, never its receive code."""
        page = await self._page("0", Position(), limit=1)
        about, sharer = page.about, page.sharer
        expires = unix_ns(about.expire_time)
        more = {}
        if (size := wire.whole(about.file_size)) is not None:
            more["size"] = f"{size} bytes"
        if (saved := wire.whole(about.receive_count)) is not None:
            more["saved"] = f"{saved} times"
        if wire.truth(about.have_vio_file):
            more["note"] = "115 has flagged a part of it"
        return ShareInfo(
            name=wire.text(about.share_title),
            owner=wire.text(sharer.user_name),
            is_folder=wire.whole(about.file_category) != 1,
            created_ns=unix_ns(about.create_time),
            expires_ns=expires or None,
            details=more,
        )

    async def share_pass(self) -> SharePass:
        """Return what lets an own drive save files of this share; asks nobody."""
        return SharePass(id=self._place.share, code=self._place.code)

    def classify_content(
        self, status: int, headers: Mapping[str, str], body: bytes
    ) -> FsmountError | None:
        """Return what a content server's refusal amounts to; see ``ReadsContentErrors``."""
        return refusals.content_failure(status, headers, body)

    # --- inside -----------------------------------------------------------------------------------

    async def _page(self, cid: str, position: Position, *, limit: int = 0) -> SharePage:
        """Return a page, from the older host where the newer one has the call no more."""
        failure: Elsewhere | None = None
        for host in HOSTS:
            call = api.snap_call(
                self._where, host, self._place, cid, position, limit=limit or self._page_size
            )
            try:
                answer = await self._account.call("share list", call)
            except Elsewhere as exc:
                failure = failure or exc
            else:
                return api.read_snap(answer, cid, position)
        assert failure is not None
        raise failure

    async def _signed(self, file: Entry, host: str = hosts.SHARE) -> Link:
        answer = await self._with_agent(
            lambda agent: api.link_call(
                self._where,
                host,
                self._place,
                file.id,
                sharer=Locator.parse(file.locator).sharer,
                agent=agent,
            )
        )
        return self._link(api.read_link(answer), answer)

    async def _signed_of_web(self, file: Entry) -> Link:
        return await self._signed(file, hosts.WEB)

    async def _by_app(self, file: Entry) -> Link:
        key = new_key()
        answer = await self._with_agent(
            lambda agent: api.app_link_call(
                self._where, self._place, file.id, cipher=self._cipher, key=key, agent=agent
            )
        )
        return self._link(api.read_app_link(answer, cipher=self._cipher, key=key), answer)

    async def _as_guest(self, file: Entry, host: str = hosts.SHARE) -> Link:
        answer = await self._with_agent(
            lambda agent: api.guest_link_call(self._where, host, self._place, file.id, agent=agent)
        )
        return self._link(api.read_link(answer), answer)

    async def _as_guest_of_web(self, file: Entry) -> Link:
        return await self._as_guest(file, hosts.WEB)


def _dated(folder: Entry, page: SharePage) -> Entry | None:
    """Return the top of a share with the time at which it was shared; None for other folders."""
    if folder.id != ROOT_ID or folder.locator != "0":
        return None
    return Entry(
        id=folder.id,
        name=folder.name,
        kind=folder.kind,
        locator=folder.locator,
        mtime_ns=unix_ns(page.about.create_time),
    )


def _open(options: DriverOptions, account: Account) -> ShareDriver:
    return ShareDriver(accept(options), account)


def _scheme(options: DriverOptions) -> ShareScheme:
    return ShareScheme.of(accept(options))


def _account(options: DriverOptions) -> tuple[str, str]:
    return Hosts.parse(accept(options).hosts).base("115.com"), ""


def _place(options: DriverOptions) -> str:
    ours = accept(options)
    return f"share {share_of(ours)} folder {root_of(ours)}"


def _trust_domain(options: DriverOptions) -> str:
    # The SHA-1 in a share is the one that 115 computed when the file was uploaded to it.
    return "115" if Hosts.parse(accept(options).hosts).is_default else ""


def _always(options: DriverOptions) -> bool:
    return True


SPEC = DriverSpec(
    name="p115_share",
    title="115 Share",
    options=ShareOptions,
    abilities=frozenset({Ability.SHARE_INFO, Ability.CONTENT_ERRORS, Ability.SHARE_PASS}),
    open=_open,
    scheme=_scheme,
    parse_link=parse_link,
    account=_account,
    place=_place,
    logins_of=frozenset({"p115"}),
    limits=SHARE_LIMITS,
    trust_domain=_trust_domain,
    is_share=_always,
    listing_ttl_s=(21600.0, 21600.0),
    example="""\
[remotes.NAME]
driver = "p115_share"
share = "sw0abcd3fgh"                 # the sw… of https://115cdn.com/s/sw…
receive_code = "abcd"
# auth = "ref:drive"                  # the login of a remote of driver p115, where 115 wants one
# root = "2912345678901234567"        # a folder of the share: its cid
""",
)
