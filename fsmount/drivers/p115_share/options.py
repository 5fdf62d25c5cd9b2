"""The options of a 115 share, and the place in it that they name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

from fsmount.drivers.base import ShareCode, described
from fsmount.drivers.p115.options import ROOT_CID, FamilyOptions, cid_of
from fsmount.errors import UsageError

if TYPE_CHECKING:
    from fsmount.drivers.base import DriverOptions


class ShareOptions(FamilyOptions, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What can be said about a share of 115."""

    share: Annotated[str, described("the share: the sw… of https://115cdn.com/s/sw…")] = ""
    receive_code: Annotated[ShareCode, described("its receive code, four letters or digits")] = ""
    root: Annotated[str, described("folder of the share to mount: its cid")] = ""


def accept(options: DriverOptions) -> ShareOptions:
    """Return ``options`` as a share's; every function of a declaration gets the base class."""
    if not isinstance(options, ShareOptions):
        raise TypeError(f"not options of a 115 share: {type(options).__name__}")
    return options


def share_of(options: ShareOptions) -> str:
    """Return the id of the share.

    Raises:
        UsageError: There is none, or it cannot be one.
    """
    share = options.share.strip()
    if not share:
        raise UsageError("the share is missing", advice="say share=sw…, or paste the whole link")
    if not re.fullmatch(r"[A-Za-z0-9]+", share):
        raise UsageError(
            f'share = "{share}" is not the id of a share of 115',
            advice="write the sw… of https://115cdn.com/s/sw…, without its password",
        )
    return share


def root_of(options: ShareOptions) -> str:
    """Return the cid of the folder to mount."""
    return cid_of(options.root) if options.root else ROOT_CID
