"""Reading a PDS drive or share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsmount.account.account import Limit
from fsmount.drivers import wire
from fsmount.drivers.base import Ability, DriverSpec
from fsmount.drivers.pds import api, content, entries, sharing
from fsmount.drivers.pds.auth import PdsScheme
from fsmount.drivers.pds.login import start_login
from fsmount.drivers.pds.options import ROOT, Domain, PdsOptions, accept, place
from fsmount.drivers.pds.owned import OwnDrive
from fsmount.drivers.pds.pasted import parse_link, probe
from fsmount.drivers.pds.refusals import ShareTokenOver
from fsmount.drivers.pds.visitor import Visit
from fsmount.errors import (
    Changed,
    Denied,
    FsmountError,
    IsFolder,
    NotFolder,
    NotFound,
    NotSupported,
)
from fsmount.model import Entry, EntryId, Kind, Link, Page, SharePass, Space

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fsmount.account.account import Account
    from fsmount.drivers.base import DriverOptions
    from fsmount.model import Answer, OwnShare, Saving, ShareInfo


class PdsDriver:
    """One drive or share (``drivers.base.Driver``).

    Holds two things beyond its options: on a share the token of the moment (``Visit``), on a drive
    whose it is (``OwnDrive``). Also ``Quota``, ``CreatesShares``, ``ListsShares``,
    ``UpdatesShares``, ``CancelsShares`` and ``SavesShares`` (drives only), ``ShareDetails`` and
    ``GivesSharePass`` (shares only), ``ReadsContentErrors``.
    """

    def __init__(self, options: PdsOptions, account: Account) -> None:
        place(options)  # refuses what contradicts itself
        self._options = options
        self._account = account
        self._domain = Domain.of(options)
        self._visit: Visit | None = None
        if options.share:
            self._visit = Visit(
                self._domain, share=options.share, code=options.share_password, account=account
            )
        self._drive = OwnDrive(self._domain, account, options.drive_id)
        self._root = Entry(id=EntryId(options.root or ROOT), name="", kind=Kind.FOLDER)

    @property
    def root(self) -> Entry:
        """The mounted folder."""
        return self._root

    async def list(self, folder: Entry, cursor: str | None) -> Page:
        """Return one page of ``folder``; see ``Driver.list``.

        In a share, the root lists what is shared, wherever that lies in its owner's drive.
        """
        if not folder.is_folder:
            raise NotFolder(f'"{folder.name}" is a file')
        body = api.list_body(folder.id, page_size=self._options.page_size, marker=cursor)
        page = api.read_list(await self._call("list", "file/list", body), cursor)
        wire.tell_left_out(self._account.name, folder.name, page.faults)
        return Page(
            entries=[entries.entry(file) for file in page.files if file.is_there],
            next_cursor=page.next,
            skipped=len(page.faults),
        )

    async def stat(self, entry: Entry) -> Entry:
        """Return ``entry`` as it is now; of a root only that it can be listed."""
        if entry.id == ROOT:
            await self._call("list", "file/list", api.list_body(ROOT, page_size=1, marker=None))
            return entry
        file = api.read_file(await self._call("info", "file/get", {"file_id": entry.id}))
        if not file.is_there:
            raise NotFound(f'"{entry.name}" is in the recycle bin, or is being uploaded')
        return self._root if entry.id == self._root.id else entries.entry(file)

    async def link(self, file: Entry, *, fresh: bool = False) -> Link:
        """Return a link; see ``Driver.link``. Every one is new, so ``fresh`` asks for nothing."""
        if file.is_folder:
            raise IsFolder(f'"{file.name}" is a folder')
        try:
            answer = await self._call("link", "file/get_download_url", api.download_body(file.id))
        except Denied as exc:
            raise await self._why_denied(exc, "downloading") from exc
        found = api.read_download(answer)
        algorithm, _, listed = file.digest.partition(":")
        if algorithm == "sha1" and found.content_hash not in ("", listed):
            raise Changed(f'"{file.name}" was overwritten since it was listed')
        return Link(
            url=found.url,
            lifetime_s=found.lifetime_s,
            max_connections=self._options.max_connections,
        )

    async def close(self) -> None:
        """Let go of nothing: the account is not the driver's."""

    # --- abilities --------------------------------------------------------------------------------

    async def space(self) -> Space:
        """Return the capacity of the drive."""
        if self._visit is not None:
            raise NotSupported("a share has no capacity of its own")
        body = {"drive_id": await self._drive.id()}
        call = api.call(self._domain, "drive/get", body)
        drive = api.read_drive(await self._account.call("info", call))
        total, used = wire.whole(drive.total_size) or 0, wire.whole(drive.used_size)
        if total <= 0 or used is None:
            raise NotSupported("the drive has no limit, or does not tell it")
        return Space(total=total, used=min(used, total))

    async def share_info(self) -> ShareInfo:
        """Return what the share tells about itself, and whether it opens.

        Opening it is the only way to know that it is not over: a share that has ended may still
        tell its name to anybody.
        """
        visit = self._visited()
        told, date = await self._anonymous(visit)
        locked, trouble = False, ""
        try:
            await visit.token()
        except Denied as exc:
            # Old answers do not tell whether there is a code (wire: PDS §5).
            locked = told.has_pwd is None or wire.truth(told.has_pwd)
            trouble = "" if locked else exc.message
        return sharing.share_info(told, date=date, locked=locked, trouble=trouble)

    async def share_pass(self) -> SharePass:
        """Return what saving from this share needs."""
        visit = self._visited()
        return SharePass(id=visit.share, code=visit.code, token=await visit.token())

    async def create_share(
        self, entries: Sequence[Entry], *, name: str, code: str | None, lifetime_s: float | None
    ) -> OwnShare:
        """Share ``entries``; see ``CreatesShares``."""
        return await self._owned().create_share(
            entries, name=name, code=code, lifetime_s=lifetime_s
        )

    async def own_shares(self, cursor: str | None) -> tuple[Sequence[OwnShare], str | None]:
        """Return a page of the user's shares; see ``ListsShares``."""
        return await self._owned().own_shares(cursor)

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
        return await self._owned().update_share(
            share_id, name=name, code=code, lifetime_s=lifetime_s, never_expires=never_expires
        )

    async def cancel_share(self, share_id: str) -> None:
        """End a share; see ``CancelsShares``."""
        await self._owned().cancel_share(share_id)

    async def save(self, share: SharePass, entries: Sequence[Entry], folder: Entry) -> Saving:
        """Start saving entries of a share of this domain; see ``SavesShares``."""
        return await self._owned().save(share, entries, folder)

    async def saving(self, saving: Saving) -> Saving:
        """Return how far it is; see ``SavesShares``."""
        return await self._owned().saving(saving)

    def classify_content(
        self, status: int, headers: Mapping[str, str], body: bytes
    ) -> FsmountError | None:
        """Return what the storage's XML says; see ``ReadsContentErrors``."""
        return content.content_failure(status, body)

    # --- inside -----------------------------------------------------------------------------------

    async def _call(self, family: str, path: str, body: Mapping[str, object]) -> Answer:
        """Ask about a file: of the share with its token, of the drive with the login alone.

        A share's token that is refused before its end is replaced, and the call asked once more.
        """
        if self._visit is None:
            whole = {"drive_id": await self._drive.id(), **body}
            return await self._account.call(family, api.call(self._domain, path, whole))
        whole = {"share_id": self._visit.share, **body}
        token = await self._visit.token()
        try:
            call = api.call(self._domain, path, whole, share_token=token)
            return await self._account.call(family, call)
        except ShareTokenOver:
            token = await self._visit.renewed(token)
        call = api.call(self._domain, path, whole, share_token=token)
        return await self._account.call(family, call)

    async def _anonymous(self, visit: Visit) -> tuple[sharing.AnonymousShare, float]:
        call = sharing.anonymous_call(self._domain, visit.share)
        answer = await self._account.call("share", call)
        return sharing.read_anonymous(answer), answer.date

    async def _why_denied(self, exc: Denied, wanted: str) -> Denied:
        """Return what the share itself tells of a refusal, else ``exc``.

        A 403 has one text for missing rights, for what is switched off and for what is used up.
        """
        if self._visit is None or type(exc) is not Denied:
            return exc
        try:
            told, date = await self._anonymous(self._visit)
        except FsmountError:
            return exc  # what was said first stands
        if wanted in sharing.forbidden(told):
            return Denied(f"the owner of share {self._visit.share} has switched off {wanted}")
        if sharing.share_info(told, date=date).downloads_left == 0:
            return Denied(
                f"the downloads of share {self._visit.share} are used up",
                advice="ask whoever shared it for more",
            )
        return exc

    def _visited(self) -> Visit:
        if self._visit is None:
            raise NotSupported("this remote is a drive, not a share")
        return self._visit

    def _owned(self) -> OwnDrive:
        if self._visit is not None:
            raise NotSupported("this remote is a share, not a drive of yours")
        return self._drive


def _open(options: DriverOptions, account: Account) -> PdsDriver:
    return PdsDriver(accept(options), account)


def _scheme(options: DriverOptions) -> PdsScheme:
    return PdsScheme.of(accept(options))


def _account(options: DriverOptions) -> tuple[str, str]:
    ours = accept(options)
    return Domain.of(ours).endpoint, ours.user_id


def _place(options: DriverOptions) -> str:
    return place(accept(options))


def _is_share(options: DriverOptions) -> bool:
    return bool(accept(options).share)


def _trust_domain(options: DriverOptions) -> str:
    return Domain.of(accept(options)).trust


SPEC = DriverSpec(
    name="pds",
    title="Alibaba PDS",
    options=PdsOptions,
    abilities=frozenset(
        {
            Ability.QUOTA,
            Ability.LOGIN,
            Ability.SHARE_INFO,
            Ability.CONTENT_ERRORS,
            Ability.SHARE_CREATE,
            Ability.SHARE_LIST,
            Ability.SHARE_UPDATE,
            Ability.SHARE_CANCEL,
            Ability.SHARE_PASS,
            Ability.SHARE_SAVE,
        }
    ),
    open=_open,
    scheme=_scheme,
    parse_link=parse_link,
    probe=probe,
    login=start_login,
    account=_account,
    place=_place,
    # No rate is published; 429 exists and teaches a slower one (wire: PDS §7).
    limits={
        "list": Limit(rate_per_s=10, burst=20, concurrency=4),
        "info": Limit(rate_per_s=10, burst=20, concurrency=4),
        "link": Limit(rate_per_s=10, burst=20, concurrency=4),
        "share": Limit(rate_per_s=5, burst=10, concurrency=2),
        "auth": Limit(rate_per_s=1, burst=5, concurrency=1),
        "content": Limit(concurrency=8),
    },
    trust_domain=_trust_domain,
    is_share=_is_share,
    example="""\
[remotes.NAME]
driver = "pds"
domain = "bj29"                 # of https://bj29.apps.aliyunpds.com
# endpoint = "https://bj29.api.aliyunfile.com"   # where the address is another one
# then "fsmount login NAME", with client_id where the domain has an application for it:
# client_id = "…"
# a JWT application signs in by itself, with
# private_key_file = "/etc/fsmount/pds.pem"
# user_id = "…"                 # and acts for this user
# drive_id = "101"              # another drive than the user's own
# share = "sAvciMEXKRz"         # a share instead of a drive, with
# share_password = "abcd"       # its password
""",
)
