"""What a driver is: four calls, its declaration, and the abilities it may have.

A driver turns our questions into its provider's calls and its provider's answers into model
values. It never retries, sleeps, caches or starts a task; it says which kind of failure it met. Its
calls go through ``Account.call``, which signs, paces, renews once and classifies.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Literal, Protocol, runtime_checkable

import msgspec

from fsmount.drivers.declared import declared

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from fsmount.account.account import Account, Limit, Scheme, Send
    from fsmount.account.credentials import Credentials
    from fsmount.errors import FsmountError
    from fsmount.model import (
        Entry,
        FolderSize,
        Link,
        OfflineQuota,
        OfflineTask,
        OwnShare,
        Page,
        Saving,
        ShareInfo,
        SharePass,
        Space,
        Step,
        Token,
    )

Secret = Annotated[str, msgspec.Meta(extra={"sensitive": True})]
"""An option that never appears in a log, an error, ``remotes`` or a report."""

ShareCode = Annotated[str, msgspec.Meta(extra={"code": True})]
"""An option that may stand in a SOURCE and is blanked wherever we show it."""


def described(text: str, **extra: object) -> msgspec.Meta:
    """Return the metadata of an option: the help text that the README and the cli print."""
    return msgspec.Meta(description=text, extra=extra or None)


class DriverOptions(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The options of every driver; a driver subclasses it and adds its own.

    Every field carries ``Annotated[..., described("…")]``: configuration, cli help, the README's
    table and redaction are all made from these declarations.
    """

    user_agent: Annotated[str, described("User-Agent for the API and the links")] = ""
    proxy: Annotated[
        str, described("outgoing proxy, http:// or socks5://; default HTTP(S)_PROXY")
    ] = ""
    ca_file: Annotated[str, described("PEM file with further certificate authorities")] = ""
    insecure: Annotated[bool, described("accept any TLS certificate (asks for trouble)")] = False
    download: Annotated[
        Literal["direct", "proxy_url"], described("read direct links, or through a proxy URL")
    ] = "direct"
    download_proxy_url: Annotated[
        str, described("template of {url} {url_quoted} {path} {name} for download = proxy_url")
    ] = ""
    auth: Annotated[str, described("ref:NAME lends the login of another remote")] = ""
    listing_ttl_s: Annotated[
        float | None, described("seconds a listing is taken as fresh; default by kind of remote")
    ] = None
    max_connections: Annotated[
        int | None, described("ranged GETs at once on one file; default by provider")
    ] = None

    sort: Annotated[
        Literal["", "name", "-name", "size", "-size", "time", "-time"],
        described("order of a folder's entries for programs that do not sort; - is descending"),
    ] = ""

    def __repr__(self) -> str:
        """Show what differs from the defaults; secrets and codes are blanked."""
        shown = (
            f"{option.name}={'***' if option.sensitive or option.code else repr(value)}"
            for option in declared(type(self))
            if (value := getattr(self, option.name)) != option.default
        )
        return f"{type(self).__name__}({', '.join(shown)})"


class Driver(Protocol):
    """Reading one remote. Every method may raise any ``FsmountError`` that fits."""

    @property
    def root(self) -> Entry:
        """The folder that becomes ``/``; known without asking (its id is stable)."""
        ...

    async def list(self, folder: Entry, cursor: str | None) -> Page:
        """Return one page of ``folder``; ``cursor`` is None for the first, else from the last page.

        Raises:
            NotFound: The folder is not there (said by a living provider).
            NotFolder: It is a file.
            Gone: The share is over.
        """
        ...

    async def stat(self, entry: Entry) -> Entry:
        """Return ``entry`` as it is now."""
        ...

    async def link(self, file: Entry, *, fresh: bool = False) -> Link:
        """Return a link for reading; ``fresh`` asks for one that the provider has not cached."""
        ...

    async def close(self) -> None:
        """Let go of whatever the driver holds; called once, never fails."""
        ...


class Ability(enum.StrEnum):
    """Everything a driver may be able to do beyond the four calls."""

    QUOTA = "quota"
    BATCH_LINKS = "batch links"
    LOGIN = "login"
    SHARE_INFO = "share info"
    CONTENT_ERRORS = "content errors"
    FOLDER_SIZES = "folder sizes"
    THUMBNAILS = "thumbnails"
    OFFLINE = "offline download"
    SHARE_CREATE = "share create"
    SHARE_LIST = "share list"
    SHARE_UPDATE = "share update"
    SHARE_CANCEL = "share cancel"
    SHARE_PASS = "share pass"  # noqa: S105 (an ability's name)
    SHARE_SAVE = "share save"
    STAGING = "staging"


@runtime_checkable
class Quota(Protocol):
    """Implement this if the provider tells the capacity of the drive."""

    async def space(self) -> Space:
        """Return total and used bytes."""
        ...


@runtime_checkable
class BatchLinks(Protocol):
    """Implement this if one call can bring the links of many files."""

    @property
    def batch_size(self) -> int:
        """Files per call at most."""
        ...

    async def links(self, files: Sequence[Entry]) -> Sequence[Link | FsmountError]:
        """Return, in order, a link or the reason why there is none, for each file."""
        ...


@runtime_checkable
class ShareDetails(Protocol):
    """Implement this if a share tells about itself."""

    async def share_info(self) -> ShareInfo:
        """Return what the provider tells about the share behind this remote."""
        ...


@runtime_checkable
class FolderSizes(Protocol):
    """Implement this if the provider can tell how much is below a folder."""

    async def folder_size(self, folder: Entry) -> FolderSize | None:
        """Return what is below ``folder``; None when the provider cannot tell now.

        Costs a call, and the provider a walk: for one folder that a person asks about, never while
        listing. Whoever asks keeps the answer for a while.

        Raises:
            NotSupported: It never tells it of this folder.
            NotFolder: It is a file.
        """
        ...


@runtime_checkable
class Thumbnails(Protocol):
    """Implement this if the provider makes small pictures of files."""

    async def thumbnail(self, file: Entry) -> Link:
        """Return a link to a small picture of ``file``.

        Costs a call, may have the provider make the picture, and may move the file's time: only for
        a file that a person asks about. What is behind the link says its own type and length.

        Raises:
            NotSupported: There is none of this file.
            IsFolder: It is a folder.
        """
        ...


@runtime_checkable
class ReadsContentErrors(Protocol):
    """Implement this if content servers explain a refusal in the provider's own words."""

    def classify_content(
        self, status: int, headers: Mapping[str, str], body: bytes
    ) -> FsmountError | None:
        """Return what an answer to a ranged GET that brings no bytes amounts to, purely.

        Asked for every answer that cannot be the asked bytes, whatever its status (an error may
        come as 200), before the status is judged. ``LinkExpired`` has the link renewed and the GET
        sent again once, and so has ``LinkRefused`` unless other GETs run on that link, where it is
        one connection too many; ``Throttled`` and ``ConnectionLimit`` are waited out; all else is
        final.

        Args:
            status: HTTP status.
            headers: Lower-case names.
            body: The first 64 KiB of it.

        Returns:
            The failure; None when the answer says nothing of the provider's, so that its status
            decides.
        """
        ...


@runtime_checkable
class OfflineDownloads(Protocol):
    """Implement this if the provider fetches links into the drive by itself."""

    async def offline_add(
        self, links: Sequence[str], folder: Entry | None
    ) -> Sequence[OfflineTask | FsmountError]:
        """Have ``links`` fetched into ``folder`` (None: where the provider puts them).

        Returns:
            In order, a task or the reason why there is none, for each link.
        """
        ...

    async def offline_tasks(self) -> Sequence[OfflineTask]:
        """Return all tasks that the provider remembers, newest first."""
        ...

    async def offline_remove(self, task: OfflineTask, *, with_files: bool = False) -> None:
        """Forget ``task``, ended or not; ``with_files`` deletes what it brought as well."""
        ...

    async def offline_quota(self) -> OfflineQuota:
        """Return how many tasks are left."""
        ...


@runtime_checkable
class CreatesShares(Protocol):
    """Implement this if the account can share its files."""

    async def create_share(
        self, entries: Sequence[Entry], *, name: str, code: str | None, lifetime_s: float | None
    ) -> OwnShare:
        """Share ``entries``.

        Args:
            entries: At least one.
            name: "" leaves it to the provider.
            code: "" for a share without one, None leaves it to the provider.
            lifetime_s: None for a share that does not expire.

        Raises:
            NotSupported: The provider cannot do it with this code or lifetime; says what it can.
        """
        ...


@runtime_checkable
class ListsShares(Protocol):
    """Implement this if the account can list the shares that it made."""

    async def own_shares(self, cursor: str | None) -> tuple[Sequence[OwnShare], str | None]:
        """Return a page of them, newest first, and the cursor of the next one (None: the last)."""
        ...


@runtime_checkable
class UpdatesShares(Protocol):
    """Implement this if the account can change a share that it made."""

    async def update_share(
        self,
        share_id: str,
        *,
        name: str | None = None,
        code: str | None = None,
        lifetime_s: float | None = None,
        never_expires: bool = False,
    ) -> OwnShare:
        """Change what is not None, and return the share as it is then.

        Raises:
            NotFound: There is no such share.
        """
        ...


@runtime_checkable
class CancelsShares(Protocol):
    """Implement this if the account can end a share that it made."""

    async def cancel_share(self, share_id: str) -> None:
        """End the share; its link is dead then.

        Raises:
            NotFound: There is no such share.
        """
        ...


@runtime_checkable
class GivesSharePass(Protocol):
    """Implement this on a share whose files an own drive of the provider can save."""

    async def share_pass(self) -> SharePass:
        """Return what ``SavesShares.save`` needs, with a token that lives for some minutes."""
        ...


@runtime_checkable
class SavesShares(Protocol):
    """Implement this on an own drive that can save files of others' shares."""

    async def save(self, share: SharePass, entries: Sequence[Entry], folder: Entry) -> Saving:
        """Start saving ``entries`` of the share into ``folder`` of this drive.

        Raises:
            NotSupported: Too large for this account, or the provider forbids it; says which.
        """
        ...

    async def saving(self, saving: Saving) -> Saving:
        """Return how far it is now."""
        ...


@runtime_checkable
class StagesReads(Protocol):
    """Implement this on an own drive through which files of a share can be read."""

    async def staging_folder(self, name: str) -> Entry:
        """Return the folder ``name`` in the hidden one of ours, each made if it is not there.

        Whoever asks makes up a name that nobody else can have, and so knows what is in it.
        """
        ...

    async def staging_remove(self, copies: Sequence[Entry]) -> None:
        """Delete ``copies`` for good; only ever called with what was made there by us.

        One that is gone already is no failure.
        """
        ...


class LoginFlow(Protocol):
    """One sign-in, made by ``DriverSpec.login``; ``account.login`` drives it, the cli draws it."""

    async def start(self, answers: Mapping[str, str]) -> Step:
        """Go on with everything answered so far; return what is wanted next, or ``Done``."""
        ...

    async def poll(self) -> Step:
        """Look again after ``ShowQr`` or ``Waiting``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkMatch:
    """A pasted text that a driver recognises.

    Attributes:
        options: What the text says, as options of the driver.
        shown: The text as it may be shown: codes blanked.
        certain: False when the site must be asked whether it is what it looks like.
        site: Where it is asked; "" at the option ``address``.
    """

    options: Mapping[str, str]
    shown: str
    certain: bool = True
    site: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverSpec:
    """A driver's declaration: all that is known about it without opening it.

    Attributes:
        name: The word after ``driver =``.
        title: For people.
        options: Its option struct.
        abilities: What it implements; conformance holds this to the truth.
        open: Makes the driver over an account.
        scheme: Makes the scheme that signs and classifies its calls.
        parse_link: Recognises a pasted text, purely.
        probe: Asks a site whether it is one of ours (sends through a bare client); None when a link
            is always certain.
        login: Makes the sign-in flow; None when there is nothing to sign in to.
        limits: Starting pace per endpoint family (see ``account.governor``).
        account: Names whose account signs: the site, and the login where the options tell it (""
            where they do not). Two remotes of one site and login share token, pace and breaker.
        place: Names what of the site is mounted (share and subfolder, or root); never a secret or
            a code. Equal site and place mean one tree: inodes and cached blocks hang on it.
        credentials: What opens it without a person's login: a share's code buys a token of its own,
            which is kept in memory. None where signing takes an account.
        via: Names the remote, an own drive, through which these options want files to be read; ""
            for none. None where files are always read directly.
        via_driver: The driver that such a remote has to be of.
        logins_of: Names of other drivers whose logins may sign here (``auth = "ref:NAME"``): a
            share lent the login of a drive. Token, pace and breaker are then the lender's.
        notice: What whoever mounts should know beforehand, in a sentence; "" for nothing.
        sign_out: Tells the provider that a token is given up; None where nothing needs to be told.
        trust_domain: Names who vouches for ``Entry.digest`` under these options.
        is_share: Tells whether these options name a share (its listings live longer).
        listing_ttl_s: Own drive, share: seconds a listing is fresh.
        example: A configuration stanza for ``remotes example``.
    """

    name: str
    title: str
    options: type[DriverOptions]
    abilities: frozenset[Ability]
    open: Callable[[DriverOptions, Account], Driver]
    scheme: Callable[[DriverOptions], Scheme]
    parse_link: Callable[[str], LinkMatch | None]
    probe: Callable[[str, Send], Awaitable[bool]] | None = None
    login: Callable[[DriverOptions, Send], LoginFlow] | None = None
    account: Callable[[DriverOptions], tuple[str, str]]
    place: Callable[[DriverOptions], str]
    credentials: Callable[[DriverOptions], Credentials] | None = None
    via: Callable[[DriverOptions], str] | None = None
    via_driver: str = ""
    notice: Callable[[DriverOptions], str] | None = None
    logins_of: frozenset[str] = frozenset()
    sign_out: Callable[[DriverOptions, Token, Send], Awaitable[None]] | None = None
    limits: Mapping[str, Limit] = field(default_factory=dict)
    trust_domain: Callable[[DriverOptions], str]
    is_share: Callable[[DriverOptions], bool]
    listing_ttl_s: tuple[float, float] = (300.0, 3600.0)
    example: str = ""
