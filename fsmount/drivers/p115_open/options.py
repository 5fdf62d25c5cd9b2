"""The options of a 115 Open remote, where its hosts are, and the folder that is mounted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import msgspec

from fsmount.drivers.base import DriverOptions, Secret, described
from fsmount.errors import UsageError

if TYPE_CHECKING:
    from typing import Self

MAX_PAGE_SIZE = 1150
"""The service caps it there (wire: 115 §10.2); full pages are fewer calls."""

DEFAULT_HOSTS = "https://{host}"

ROOT_CID = "0"

PageSize = Annotated[int, msgspec.Meta(ge=1, le=MAX_PAGE_SIZE)]


class P115OpenOptions(DriverOptions, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What can be said about a 115 Open remote."""

    client_id: Annotated[str, described("APP ID of your application at open.115.com")] = ""
    refresh_token: Annotated[Secret, described("refresh token; each works once")] = ""
    refresh_token_file: Annotated[str, described("file that holds the refresh token")] = ""
    refresh_token_command: Annotated[str, described("command that prints the refresh token")] = ""
    access_token: Annotated[Secret, described("access token; ends after two hours")] = ""
    access_token_file: Annotated[str, described("file that holds the access token")] = ""
    access_token_command: Annotated[str, described("command that prints the access token")] = ""
    root: Annotated[
        str, described("folder to mount: its cid, or the address bar's URL with cid= in it")
    ] = ""
    hosts: Annotated[str, described("template of every host of 115")] = DEFAULT_HOSTS
    page_size: Annotated[PageSize, described("entries asked per call of a listing")] = MAX_PAGE_SIZE


def accept(options: DriverOptions) -> P115OpenOptions:
    """Return ``options`` as 115 Open's; every function of a declaration gets the base class."""
    if not isinstance(options, P115OpenOptions):
        raise TypeError(f"not options of a 115 Open remote: {type(options).__name__}")
    return options


def root_cid(text: str) -> str:
    """Return the cid of the folder that ``text`` names: "" is the whole drive.

    Raises:
        UsageError: It is neither a cid nor a URL that holds one.
    """
    text = text.strip()
    if not text:
        return ROOT_CID
    found = re.fullmatch(r"\d{1,20}", text) or re.search(r"(?<=[?&#]cid=)\d{1,20}(?!\d)", text)
    if found is None:
        raise UsageError(
            f'root = "{text}" names no folder of 115',
            advice="open the folder on 115.com and copy the address bar, which has cid=NUMBER",
        )
    return str(int(found[0]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosts:
    """Where 115's hosts are.

    Attributes:
        template: With ``{host}`` in it.
    """

    template: str

    @classmethod
    def parse(cls, template: str) -> Self:
        """Read the option.

        Raises:
            UsageError: It is no URL, or has no ``{host}``.
        """
        template = template.strip().rstrip("/")
        if "{host}" not in template or not re.match(r"https?://[^/]", template):
            raise UsageError(
                f'hosts = "{template}" is not understood',
                advice='write hosts = "https://{host}", or leave it out',
            )
        return cls(template=template)

    def url(self, host: str, path: str) -> str:
        """Return the URL of ``path`` on ``host``."""
        return f"{self.template.replace('{host}', host)}{path}"

    def api(self, path: str) -> str:
        """Return the URL of a call on files or the user, such as ``/open/ufile/files``."""
        return self.url("proapi.115.com", path)

    def auth(self, path: str) -> str:
        """Return the URL of a call that gives tokens."""
        return self.url("passportapi.115.com", path)
