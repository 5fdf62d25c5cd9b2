"""The options of a 115 remote, and those that every driver of the family has."""

from __future__ import annotations

import re
from typing import Annotated, Literal
from urllib.parse import parse_qs, urlsplit

import msgspec

from fsmount.drivers.base import DriverOptions, Secret, described
from fsmount.drivers.p115 import cookies
from fsmount.drivers.p115.hosts import DEFAULT
from fsmount.errors import UsageError

MAX_PAGE_SIZE = 1150
"""The service cuts longer pages to this; full ones cost the fewest calls (wire: 115 §4.1)."""

ROOT_CID = "0"

CLIENT_VERSION = "36.2.28"
"""Of the client that is named to 115 where its own list of versions is not asked (§0.11)."""

PageSize = Annotated[int, msgspec.Meta(ge=1, le=MAX_PAGE_SIZE)]


class FamilyOptions(DriverOptions, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What can be said about a remote of any 115 driver."""

    hosts: Annotated[
        str, described("where 115 is: a template of every host, such as http://127.0.0.1:1/{host}")
    ] = DEFAULT
    page_size: Annotated[PageSize, described("entries asked per call of a listing")] = MAX_PAGE_SIZE
    rsa_modulus: Annotated[str, described("key of the link calls in hex; for emulators")] = ""


class P115Options(FamilyOptions, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What can be said about an own drive of 115, signed in with a cookie."""

    cookie: Annotated[
        Secret, described("the login: UID=…; CID=…; SEID=…; KID=…; better use fsmount login")
    ] = ""
    cookie_file: Annotated[str, described("file that holds the cookie")] = ""
    cookie_command: Annotated[str, described("command that prints the cookie")] = ""
    root: Annotated[
        str, described("folder to mount: its cid, or the address bar's URL with cid=…")
    ] = ""
    listing: Annotated[
        Literal["auto", "web", "aps", "app"],
        described(
            "which listing to ask: auto is the web one and, where 115 has it no more, the app's; "
            "aps knows folders of up to 1,200 entries"
        ),
    ] = "auto"


def accept(options: DriverOptions) -> P115Options:
    """Return ``options`` as 115's; every function of a declaration gets the base class."""
    if not isinstance(options, P115Options):
        raise TypeError(f"not options of a 115 remote: {type(options).__name__}")
    return options


def cid_of(text: str) -> str:
    """Return the id of the folder that ``text`` names: a cid, or a URL that holds one.

    Raises:
        UsageError: It is neither.
    """
    text = text.strip()
    if not text:
        return ROOT_CID
    if re.fullmatch(r"\d{1,20}", text, re.ASCII):
        return str(int(text))
    parts = urlsplit(text)
    for query in (parts.query, parts.fragment.rpartition("?")[2]):
        cid = parse_qs(query).get("cid", [""])[-1]
        if re.fullmatch(r"\d{1,20}", cid, re.ASCII):
            return str(int(cid))
    raise UsageError(
        f'root = "{text}" names no folder of 115',
        advice="open the folder at 115.com and copy the address, or the number behind cid= in it",
    )


def user_agent(options: DriverOptions | None, version: str = "") -> str:
    """Return the one agent for API and content alike: a link works only with the one it came to.

    115 looks at the version of its own browser in it (wire: 115 §0.11).
    """
    if options is not None and options.user_agent:
        return options.user_agent
    browser = f"115Browser/{version or CLIENT_VERSION}"
    return f"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 {browser}"


def login_of(options: P115Options) -> str:
    """Return the number of the account where the configuration itself holds its cookie."""
    try:
        return cookies.LoginCookie.parse(options.cookie).user if options.cookie else ""
    except UsageError:
        return ""  # said when it is used
