"""The plain values that cross every border: entries, pages, links, tokens, space, login steps.

Nothing here does I/O, knows a provider, or imports another module of ours. Values that are kept on
disk are msgspec structs: they encode themselves, and a listing of 100,000 entries is decoded an
order of magnitude faster than frozen dataclasses would be.
"""

from __future__ import annotations

import contextvars
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, NewType

import msgspec

Inode = NewType("Inode", int)
"""The kernel's number of one tree node; 1 is the root. Persisted: it survives a remount."""

EntryId = NewType("EntryId", str)
"""The provider's own id of a file or folder; unique and stable within one remote."""

ROOT_INODE = Inode(1)


class Kind(enum.StrEnum):
    """What an entry is."""

    FILE = "file"
    FOLDER = "folder"


class Entry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One file or folder as its provider describes it.

    Attributes:
        id: The provider's id.
        name: The provider's own name, any text at all (``vfs.names`` makes it a legal one).
        kind: File or folder.
        locator: What the driver needs to address it again (a URI, a pick code); opaque elsewhere.
        size: Bytes; None when the provider does not say. 0 for folders.
        mtime_ns: Last modification, Unix nanoseconds; 0 when unknown.
        version: Names the content: equal version and size mean equal bytes. "" when unknown.
        digest: ``algorithm:hex`` computed by the provider itself, lower case; "" without one.
    """

    id: EntryId
    name: str
    kind: Kind
    locator: str = ""
    size: int | None = 0
    mtime_ns: int = 0
    version: str = ""
    digest: str = ""

    @property
    def is_folder(self) -> bool:
        """True for a folder."""
        return self.kind is Kind.FOLDER


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One page of a folder's listing.

    Attributes:
        entries: In the one order that the driver declares stable.
        next_cursor: What to pass for the next page; None on the last one.
        folder: The folder itself, when the answer described it (a root has no other source).
        skipped: Entries of this page that could not be understood and were left out.
    """

    entries: list[Entry]
    next_cursor: str | None = None
    folder: Entry | None = None
    skipped: int = 0


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A direct link for reading one file with ranged GETs.

    Attributes:
        url: Signed: an account secret, never shown.
        headers: To be sent with each GET (a bound User-Agent, a cookie).
        lifetime_s: Seconds it lives, counted from the ``Date`` of the answer that brought it (the
            driver subtracts, so a wrong local clock does no harm); None when it does not expire.
        max_connections: GETs that may run on it at once; None when no limit is known.
    """

    url: str
    headers: Mapping[str, str] = {}
    lifetime_s: float | None = None
    max_connections: int | None = None

    def __repr__(self) -> str:
        """Say nothing that could sign a request."""
        return f"Link(lifetime_s={self.lifetime_s}, max_connections={self.max_connections})"


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """What signs an account's calls; kept in the state directory.

    Attributes:
        access: The bearer token, or the cookie line; "" when it must first be fetched.
        refresh: The refresh token; "" when there is none.
        access_expires_at: Unix seconds on the provider's clock; None when unknown.
        refresh_expires_at: The same for ``refresh``.
        issued_at: Unix seconds on the provider's clock; the newer of two tokens wins.
        extra: Whatever else a scheme must keep (a drive id, a device name).
    """

    access: str = ""
    refresh: str = ""
    access_expires_at: float | None = None
    refresh_expires_at: float | None = None
    issued_at: float = 0.0
    extra: dict[str, str] = {}

    def __repr__(self) -> str:
        """Say when, never what."""
        return f"Token(issued_at={self.issued_at}, access_expires_at={self.access_expires_at})"


class Space(msgspec.Struct, frozen=True, kw_only=True):
    """Capacity of a remote in bytes."""

    total: int
    used: int


class FolderSize(msgspec.Struct, frozen=True, kw_only=True):
    """What is below a folder, all levels together, as its provider counts.

    Attributes:
        size: Bytes; a provider may count old versions and thumbnails as well.
        files: How many.
        folders: How many, the folder itself excluded.
        complete: False when the provider stopped counting: it is at least this much.
        counted_ns: When it counted, Unix nanoseconds; 0 when unknown.
    """

    size: int
    files: int = 0
    folders: int = 0
    complete: bool = True
    counted_ns: int = 0


class ShareInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider tells about a share, in our words.

    Attributes:
        name: Of the shared file or folder.
        owner: Display name; "" when hidden.
        is_folder: False for a share of one file.
        created_ns: Unix nanoseconds; 0 when unknown.
        expires_ns: Unix nanoseconds; None when it does not expire or the provider does not say.
        locked: It wants a code that was not given, or was given wrong.
        expired: It is over; reading will fail.
        views: Visits; None when unknown.
        downloads_left: None when unlimited.
        details: Anything else worth showing, label to text.
    """

    name: str
    owner: str = ""
    is_folder: bool = True
    created_ns: int = 0
    expires_ns: int | None = None
    locked: bool = False
    expired: bool = False
    views: int | None = None
    downloads_left: int | None = None
    details: dict[str, str] = {}


class SharePass(msgspec.Struct, frozen=True, kw_only=True):
    """What lets an own drive take files out of somebody's share.

    Attributes:
        id: The share's id at its provider.
        code: Its extraction code; "" where it needs none.
        token: The share token of the moment; "" where the provider has none.
    """

    id: str
    code: str = ""
    token: str = ""

    def __repr__(self) -> str:
        """Name the share, never what opens it."""
        return f"SharePass(id={self.id!r})"


class Saving(msgspec.Struct, frozen=True, kw_only=True):
    """A copy from a share into an own drive, under way or done.

    Attributes:
        tasks: The provider's ids of what still runs; empty when all is done.
        saved: Ids of the files and folders that stand in the target folder now, as far as told.
        done: Files copied so far; None when the provider does not count.
        total: Of so many; None when the provider does not count.
        failures: What could not be copied, a sentence each.
    """

    tasks: list[str] = []
    saved: list[EntryId] = []
    done: int | None = None
    total: int | None = None
    failures: list[str] = []


class OwnShare(msgspec.Struct, frozen=True, kw_only=True):
    """A share that the account itself has made.

    Attributes:
        id: The share's id at its provider.
        name: As the provider shows it.
        url: The link to give away, without its code; "" when unknown.
        code: Its extraction code; "" for none, or when it is not told.
        created_ns: Unix nanoseconds; 0 when unknown.
        expires_ns: Unix nanoseconds; None when it does not expire.
        state: "open", "expired", or the provider's reason in our words ("forbidden", "in review").
        views: Visits; None when unknown.
        downloads: None when unknown.
    """

    id: str
    name: str
    url: str = ""
    code: str = ""
    created_ns: int = 0
    expires_ns: int | None = None
    state: str = "open"
    views: int | None = None
    downloads: int | None = None


class OfflineState(enum.StrEnum):
    """How far a provider is with a download of its own."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class OfflineTask(msgspec.Struct, frozen=True, kw_only=True):
    """One file or torrent that a provider fetches into the drive by itself.

    Attributes:
        id: The provider's id of the task.
        name: Of what is fetched; the link's own words until the provider knows better.
        state: How far it is.
        progress: 0 to 1.
        size: Bytes; None until known.
        folder: Id of the folder that it goes to; "" when not told.
        added_ns: Unix nanoseconds; 0 when unknown.
        reason: Why it failed; "" otherwise.
    """

    id: str
    name: str
    state: OfflineState
    progress: float = 0.0
    size: int | None = None
    folder: EntryId = EntryId("")
    added_ns: int = 0
    reason: str = ""


class OfflineQuota(msgspec.Struct, frozen=True, kw_only=True):
    """How many downloads of its own the provider still grants.

    Attributes:
        left: Tasks.
        total: Tasks of the current period; None when not told.
    """

    left: int
    total: int | None = None


class ContentKey(NamedTuple):
    """Names the bytes of a file for every cache (DESIGN: identity).

    Attributes:
        domain: Who vouches for ``content``: a trust domain, or one remote.
        content: A provider-computed digest within a trust domain, else ``id@version``.
        size: Bytes.
    """

    domain: str
    content: str
    size: int


# --- one HTTP exchange with a provider's API, independent of the client library -----------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request to a provider's API.

    Attributes:
        method: GET, POST, ...
        url: Absolute.
        params: Query parameters, unencoded; encoded once by ``net``.
        headers: Beyond what ``net`` adds by itself.
        json: Body to send as JSON; None sends none.
        form: Body to send form-encoded; excludes ``json``.
        follow: Follow redirects (a driver that wants the Location says False).
        within_s: Seconds that the whole answer may take; None leaves it to the client. For answers
            that are held back, and for those that must not be lost.
    """

    method: str
    url: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    json: object | None = None
    form: Mapping[str, str] | None = None
    follow: bool = True
    within_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back, whole.

    Attributes:
        status: HTTP status.
        headers: Lower-case names; of several equal ones the last, but ``set-cookie`` lines are
            joined with newlines.
        body: Raw bytes.
        url: The URL that answered in the end, without its query.
        date: The answer's ``Date`` as Unix seconds; the local clock where it sent none.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
    date: float


# --- signing in, step by step; account.login waits between steps, the cli draws them --------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowQr:
    """Draw ``text`` as a QR code, then poll."""

    text: str
    prompt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowPicture:
    """Draw a picture (PNG or JPEG bytes) and ask for ``field``."""

    picture: bytes
    field: str
    prompt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Ask a person for ``field``; a secret is not echoed."""

    field: str
    prompt: str
    secret: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Choose:
    """Let a person choose one of ``choices`` (value to label) for ``field``."""

    field: str
    prompt: str
    choices: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Nothing to ask; poll again after ``after_s`` seconds."""

    after_s: float
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """Signed in: keep ``token``; ``note`` says as whom."""

    token: Token
    note: str = ""


Step = ShowQr | ShowPicture | Ask | Choose | Waiting | Done


# --- how urgent the work is that the current task does --------------------------------------------


class Priority(enum.IntEnum):
    """Who goes first when calls queue for an account; smaller is more urgent."""

    READING = 0
    OPENING = 1
    LISTING = 2
    PREFETCH = 3
    CRAWL = 4


priority: contextvars.ContextVar[Priority] = contextvars.ContextVar(
    "fsmount.priority", default=Priority.LISTING
)
"""Set by operations, copied into the ticket of each shared fetch, read by the governor."""
