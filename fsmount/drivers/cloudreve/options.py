"""The options of a Cloudreve remote, and the place on the site that they name."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import urlsplit

import msgspec

from fsmount.drivers.base import DriverOptions, Secret, ShareCode, described
from fsmount.drivers.cloudreve.uri import SCHEME, FileUri, split_path
from fsmount.errors import UsageError

if TYPE_CHECKING:
    from typing import Self

MAX_PAGE_SIZE = 2000
"""Servers cap it silently, here by default (wire §6.1)."""

PageSize = Annotated[int, msgspec.Meta(ge=1, le=MAX_PAGE_SIZE)]


class CloudreveOptions(DriverOptions, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What can be said about a Cloudreve remote."""

    address: Annotated[str, described("the site, as https://cloud.example.com")] = ""
    share: Annotated[str, described("id of a share: the ID of https://site/s/ID")] = ""
    share_password: Annotated[ShareCode, described("password of the share")] = ""
    root: Annotated[
        str,
        described("folder to mount: /a/folder of the share or drive, or a cloudreve:// URI"),
    ] = ""
    email: Annotated[str, described("account to sign in with")] = ""
    password: Annotated[Secret, described("its password; better use one of the next two")] = ""
    password_file: Annotated[str, described("file that holds the password")] = ""
    password_command: Annotated[str, described("command that prints the password")] = ""
    refresh_token: Annotated[
        Secret, described("refresh token, for sites with a captcha or a second factor")
    ] = ""
    refresh_token_file: Annotated[str, described("file that holds the refresh token")] = ""
    refresh_token_command: Annotated[str, described("command that prints the refresh token")] = ""
    access_token: Annotated[Secret, described("access token; ends after about an hour")] = ""
    access_token_file: Annotated[str, described("file that holds the access token")] = ""
    access_token_command: Annotated[str, described("command that prints the access token")] = ""
    page_size: Annotated[PageSize, described("entries asked per call of a listing")] = MAX_PAGE_SIZE
    site_url_rewrite: Annotated[
        Literal["auto", "always", "never"],
        described(
            "send downloads to address where links name another site URL; auto: where they "
            "name localhost and address does not"
        ),
    ] = "auto"


def accept(options: DriverOptions) -> CloudreveOptions:
    """Return ``options`` as Cloudreve's; every function of a declaration gets the base class."""
    if not isinstance(options, CloudreveOptions):
        raise TypeError(f"not options of a Cloudreve remote: {type(options).__name__}")
    return options


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where a site's API is.

    Attributes:
        address: Scheme, host, port where it is not the usual one, and the path in front of ``/s/``,
            without a slash at the end.
    """

    address: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an address as people write it: without ``https://``, with a page behind it.

        Raises:
            UsageError: It is none.
        """
        text = text.strip()
        if not text:
            raise UsageError(
                "the site's address is missing", advice="say address=https://cloud.example.com"
            )
        try:
            parts = urlsplit(text if "://" in text else f"https://{text}")
            host, port = parts.hostname, parts.port
        except ValueError as exc:
            raise UsageError(f'"{text}" is not the address of a site: {exc}') from exc
        if parts.scheme not in ("http", "https") or not host or parts.username is not None:
            raise UsageError(
                "the site's address is not understood", advice="write https://cloud.example.com"
            )
        usual = {"http": 80, "https": 443}[parts.scheme]
        name = f"[{host}]" if ":" in host else host
        netloc = name if port in (None, usual) else f"{name}:{port}"
        path = re.sub(r"/(home|s/[^/]+|api/v\d)(/.*)?$", "", parts.path.rstrip("/"))
        return cls(address=f"{parts.scheme}://{netloc}{path}")

    @property
    def host(self) -> str:
        """Host and port, for messages."""
        return urlsplit(self.address).netloc

    def api(self, path: str) -> str:
        """Return the URL of an API path such as ``/file``."""
        return f"{self.address}/api/v4{path}"


def place(options: CloudreveOptions) -> FileUri:
    """Return what is mounted.

    Raises:
        UsageError: ``root`` and ``share`` contradict each other, or name nothing that can be read.
    """
    if options.root[: len(SCHEME)].lower() == SCHEME:
        uri = FileUri.parse(options.root)
    else:
        fs = "share" if options.share else "my"
        uri = FileUri(fs=fs, id=options.share, path=split_path(options.root))
    if options.share and (uri.fs, uri.id) != ("share", options.share):
        raise UsageError(
            f'root = "{uri.shown}" is not in share {options.share}',
            advice="leave out one of the two",
        )
    if uri.fs not in ("my", "share"):
        raise UsageError(
            f"{SCHEME}{uri.fs} cannot be mounted", advice="mount cloudreve://my or a share"
        )
    if uri.fs == "share":
        if not re.fullmatch(r"[A-Za-z0-9_-]+", uri.id):
            raise UsageError(f'"{uri.id}" is not the id of a share', advice="copy the link again")
        return replace(uri, password=options.share_password or uri.password)
    return uri
