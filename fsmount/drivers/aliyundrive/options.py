"""The options of an Aliyundrive remote, and the folder of which drive they name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple
from urllib.parse import urlsplit

import msgspec

from fsmount.drivers.aliyundrive.hosts import DEFAULT_HOSTS
from fsmount.drivers.base import DriverOptions, Secret, described
from fsmount.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_PAGE_SIZE = 200
"""More is refused (wire §6.1)."""

PageSize = Annotated[int, msgspec.Meta(ge=1, le=MAX_PAGE_SIZE)]

ROOT = "root"
"""The id of a drive's root folder (wire §1)."""

WEB_HOSTS = ("alipan.com", "aliyundrive.com")
"""Where people's browsers are."""

DRIVES = ("resource", "backup")
"""Words of the browser's URLs that tell the drive."""

_FILE_ID = re.compile(r"[0-9a-f]{40}")


class AliyundriveOptions(DriverOptions, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What can be said about an Aliyundrive remote."""

    refresh_token: Annotated[
        Secret, described("refresh token copied from the web page; better sign in by QR code")
    ] = ""
    refresh_token_file: Annotated[str, described("file that holds the refresh token")] = ""
    refresh_token_command: Annotated[str, described("command that prints the refresh token")] = ""
    drive: Annotated[
        Literal["default", "resource", "backup"],
        described("which drive of the account; default is the backup drive of older accounts"),
    ] = "default"
    root: Annotated[
        str, described("folder to mount: its id, or the URL that a browser shows in it")
    ] = ""
    page_size: Annotated[PageSize, described("entries asked per call of a listing")] = MAX_PAGE_SIZE
    hosts: Annotated[
        str, described("template of the provider's addresses, for gateways and tests")
    ] = DEFAULT_HOSTS


def accept(options: DriverOptions) -> AliyundriveOptions:
    """Return ``options`` as Aliyundrive's; functions of a declaration get the base class."""
    if not isinstance(options, AliyundriveOptions):
        raise TypeError(f"not options of an Aliyundrive remote: {type(options).__name__}")
    return options


class Place(NamedTuple):
    """What is mounted: a drive by its word, and a folder of it by its id."""

    drive: str
    folder: str

    def __str__(self) -> str:
        return f"{self.drive}/{self.folder}"


def place(root: str, drive: str) -> Place:
    """Return what ``root``, an id or a browser's URL, names; ``drive`` where no URL tells it.

    Raises:
        UsageError: It is neither, or contradicts ``drive``.
    """
    text = root.strip()
    if not text or text in (ROOT, "/"):
        return Place(drive, ROOT)
    if "/" not in text:
        return Place(drive, text)
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        host = parts.hostname or ""
    except ValueError as exc:
        raise UsageError("root is not an address that is understood") from exc
    words = parts.path.strip("/").split("/")
    if not is_web_host(host) or words[0] != "drive":
        raise UsageError(
            "root is neither the id of a folder nor its address in a browser",
            advice="open the folder on www.alipan.com and copy the address bar",
        )
    told = next((word for word in words if word in DRIVES), "")
    if told and drive in DRIVES and told != drive:
        raise UsageError(
            f'root is in the {told} drive, but drive = "{drive}"', advice="leave out one of the two"
        )
    return Place(told or drive, _folder(words))


def is_web_host(host: str) -> bool:
    """Tell whether ``host`` is one of the provider's web pages."""
    return any(host == name or host.endswith(f".{name}") for name in WEB_HOSTS)


def _folder(words: Iterable[str]) -> str:
    *_, last = [word for word in words if _FILE_ID.fullmatch(word)] or [ROOT]
    return last
