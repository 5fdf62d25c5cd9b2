"""The options of a remote on the Open API: whose application asks, and what is mounted."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec

from fsmount.drivers.aliyundrive.hosts import DEFAULT_HOSTS
from fsmount.drivers.base import DriverOptions, Secret, described
from fsmount.errors import UsageError

MAX_PAGE_SIZE = 100
"""The documented most (wire: Open API §5.1)."""

PageSize = Annotated[int, msgspec.Meta(ge=1, le=MAX_PAGE_SIZE)]


class OpenOptions(DriverOptions, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What can be said about a remote on the Open API."""

    client_id: Annotated[str, described("id of an application of your own")] = ""
    client_secret: Annotated[
        Secret, described("its secret; without one a sign-in lasts 30 days")
    ] = ""
    relay: Annotated[
        str,
        described(
            "address of a service that renews tokens with its own application; it sees the token"
        ),
    ] = ""
    refresh_token: Annotated[Secret, described("refresh token, good for one use")] = ""
    refresh_token_file: Annotated[str, described("file that holds the refresh token")] = ""
    refresh_token_command: Annotated[str, described("command that prints the refresh token")] = ""
    drive: Annotated[
        Literal["", "default", "resource", "backup"],
        described("which drive; without it the resource drive where it was granted"),
    ] = ""
    root: Annotated[
        str, described("folder to mount: its id, or the URL that a browser shows in it")
    ] = ""
    share: Annotated[str, described("refused: the Open API cannot open shares")] = ""
    page_size: Annotated[PageSize, described("entries asked per call of a listing")] = MAX_PAGE_SIZE
    hosts: Annotated[
        str, described("template of the provider's addresses, for gateways and tests")
    ] = DEFAULT_HOSTS


def accept(options: DriverOptions) -> OpenOptions:
    """Return ``options`` as the Open API's; functions of a declaration get the base class.

    Raises:
        UsageError: They name a share, or a relay that is no address.
    """
    if not isinstance(options, OpenOptions):
        raise TypeError(f"not options of an Open API remote: {type(options).__name__}")
    if options.share:
        raise UsageError(
            "the Open API cannot open shares of others",
            advice="leave out -o driver=; a share's link mounts by itself",
        )
    if options.relay and urlsplit(options.relay).scheme not in ("http", "https"):
        raise UsageError("relay is no web address", advice='write relay = "https://…"')
    return options
