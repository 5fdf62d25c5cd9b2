"""The options of a 115 Open remote."""

from __future__ import annotations

from typing import Annotated

from fsmount.drivers.base import DriverOptions, Secret, described
from fsmount.drivers.p115.options import FamilyOptions

ROOT_CID = "0"
"""Of the drive itself."""


class P115OpenOptions(FamilyOptions, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What can be said about a 115 Open remote."""

    client_id: Annotated[str, described("APP ID of your application at open.115.com")] = ""
    refresh_token: Annotated[Secret, described("refresh token; each works once")] = ""
    refresh_token_file: Annotated[str, described("file that holds the refresh token")] = ""
    refresh_token_command: Annotated[str, described("command that prints the refresh token")] = ""
    access_token: Annotated[Secret, described("access token; ends after two hours")] = ""
    access_token_file: Annotated[str, described("file that holds the access token")] = ""
    access_token_command: Annotated[str, described("command that prints the access token")] = ""
    root: Annotated[
        str, described("folder to mount: its cid, or the address bar's URL with cid=…")
    ] = ""


def accept(options: DriverOptions) -> P115OpenOptions:
    """Return ``options`` as 115 Open's; every function of a declaration gets the base class."""
    if not isinstance(options, P115OpenOptions):
        raise TypeError(f"not options of a 115 Open remote: {type(options).__name__}")
    return options
