"""The options of a PDS remote, and the domain and place that they name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import msgspec

from fsmount.drivers.base import DriverOptions, Secret, ShareCode, described
from fsmount.errors import UsageError

if TYPE_CHECKING:
    from typing import Self

MAX_PAGE_SIZE = 100
"""Entries per page at most (wire: PDS §4)."""

PageSize = Annotated[int, msgspec.Meta(ge=1, le=MAX_PAGE_SIZE)]

ROOT = "root"
"""The id of the root of every drive, and of every share (wire: PDS §1, §6.1)."""

_HOST_OF_VENDOR = re.compile(
    r"(?P<domain>[a-z0-9-]+)\.(?:api|auth)\.(?P<vendor>aliyunpds\.com|aliyunfile\.com)"
)
_OLDER = "aliyunpds.com"


class PdsOptions(DriverOptions, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What can be said about a PDS remote."""

    domain: Annotated[str, described("id of the domain: the bj29 of bj29.apps.aliyunpds.com")] = ""
    endpoint: Annotated[
        str, described("base address of the API; default https://DOMAIN.api.aliyunpds.com")
    ] = ""
    auth_endpoint: Annotated[
        str, described("base address that gives out tokens; default as endpoint")
    ] = ""
    share: Annotated[str, described("id of a share: the ID of …/disk/s/ID")] = ""
    share_password: Annotated[ShareCode, described("password of the share")] = ""
    drive_id: Annotated[str, described("drive to mount; default the user's own")] = ""
    root: Annotated[str, described("file_id of the folder to mount; default all")] = ""
    access_token: Annotated[Secret, described("access token; ends after two hours")] = ""
    access_token_file: Annotated[str, described("file that holds the access token")] = ""
    access_token_command: Annotated[str, described("command that prints the access token")] = ""
    refresh_token: Annotated[Secret, described("refresh token, kept fresh from then on")] = ""
    refresh_token_file: Annotated[str, described("file that holds the refresh token")] = ""
    refresh_token_command: Annotated[str, described("command that prints the refresh token")] = ""
    client_id: Annotated[
        str, described("AppId of the application that signs in; default that of the web page")
    ] = ""
    client_secret: Annotated[Secret, described("its secret, for a WebServer application")] = ""
    key_id: Annotated[str, described("id of the key of a JWT application, if it has several")] = ""
    private_key_file: Annotated[
        str, described("file with the private key (PEM) of a JWT application: nobody signs in")
    ] = ""
    user_id: Annotated[
        str, described("user that a JWT application acts for; default the domain itself")
    ] = ""
    page_size: Annotated[PageSize, described("entries asked per call of a listing")] = MAX_PAGE_SIZE


def accept(options: DriverOptions) -> PdsOptions:
    """Return ``options`` as those of PDS; every function of a declaration gets the base class."""
    if not isinstance(options, PdsOptions):
        raise TypeError(f"not options of a PDS remote: {type(options).__name__}")
    return options


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """Where a domain's API is.

    Attributes:
        endpoint: Base address of the API, without a slash at the end.
        auth: Base address that gives out tokens.
        id: The domain's id; "" when nothing tells it.
        vendor: The second-level domain of the vendor that ``endpoint`` is on; "" on any other.
    """

    endpoint: str
    auth: str
    id: str = ""
    vendor: str = ""

    @classmethod
    def of(cls, options: PdsOptions) -> Self:
        """Return the domain that ``options`` name.

        Raises:
            UsageError: They name none, or no address.
        """
        ident = options.domain.strip().lower()
        if ident and not re.fullmatch(r"[a-z0-9][a-z0-9-]*", ident):
            raise UsageError(
                f'"{options.domain}" is not the id of a PDS domain',
                advice="it is the first word of the address, such as bj29; say endpoint=URL for an "
                "address",
            )
        if options.endpoint:
            endpoint = _address(options.endpoint, "endpoint")
        elif ident:
            endpoint = f"https://{ident}.api.{_OLDER}"
        else:
            raise UsageError(
                "neither the PDS domain nor its endpoint is given",
                advice="say domain=ID, or endpoint=https://ID.api.aliyunpds.com",
            )
        found = _HOST_OF_VENDOR.fullmatch(urlsplit(endpoint).netloc)
        auth = _address(options.auth_endpoint, "auth_endpoint") if options.auth_endpoint else ""
        return cls(
            endpoint=endpoint,
            auth=auth or endpoint,
            id=found["domain"] if found else ident,
            vendor=found["vendor"] if found else "",
        )

    @property
    def trust(self) -> str:
        """Who vouches for digests: the domain on the vendor's hosts, any other host for itself."""
        return f"pds:{self.id}" if self.vendor else f"pds:{self.endpoint}"

    def share_url(self, share: str) -> str:
        """Return the link of a share to give away; "" when the domain's id is not known."""
        if not self.id:
            return ""
        return f"https://{self.id}.apps.{self.vendor or _OLDER}/disk/s/{share}"


def place(options: PdsOptions) -> str:
    """Return what of the domain is mounted.

    Raises:
        UsageError: ``share``, ``root`` and ``drive_id`` contradict each other or are no ids.
    """
    ids = {"share": options.share, "root": options.root, "drive_id": options.drive_id}
    for name, ident in ids.items():
        if ident and not re.fullmatch(r"[A-Za-z0-9_-]+", ident):
            raise UsageError(f'{name} = "{ident}" is not an id', advice="copy it again")
    root = options.root or ROOT
    if not options.share:
        return f"drive/{options.drive_id or 'default'}/{root}"
    if options.drive_id:
        raise UsageError("a share is not on a drive of yours", advice="leave out share or drive_id")
    return f"share/{options.share}/{root}"


def _address(text: str, option: str) -> str:
    text = text.strip()
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        host, port = parts.hostname, parts.port
    except ValueError as exc:
        raise UsageError(f"{option} is not an address: {exc}") from exc
    if parts.scheme not in ("http", "https") or not host or parts.username is not None:
        raise UsageError(f"{option} is not an address", advice="write https://ID.api.aliyunpds.com")
    name = f"[{host}]" if ":" in host else host
    usual = {"http": 80, "https": 443}[parts.scheme]
    netloc = name if port in (None, usual) else f"{name}:{port}"
    return f"{parts.scheme}://{netloc}{parts.path.rstrip('/').removesuffix('/v2')}"
