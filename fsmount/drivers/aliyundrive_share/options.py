"""The options of an Aliyundrive share, and the folder of it that they name."""

from __future__ import annotations

from typing import Annotated

from fsmount.drivers.aliyundrive.hosts import DEFAULT_HOSTS
from fsmount.drivers.aliyundrive.options import MAX_PAGE_SIZE, ROOT, PageSize
from fsmount.drivers.aliyundrive.pasted import find_share, is_share_id
from fsmount.drivers.base import DriverOptions, ShareCode, described
from fsmount.errors import UsageError


class ShareOptions(DriverOptions, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What can be said about an Aliyundrive share."""

    share: Annotated[str, described("id of the share, or its link")] = ""
    share_password: Annotated[ShareCode, described("its extraction code")] = ""
    root: Annotated[
        str, described("folder to mount: its id, or the share's URL that a browser shows in it")
    ] = ""
    via: Annotated[
        str,
        described(
            "remote of driver aliyundrive through which files are read: each is saved there for "
            "as long as it is read, in a hidden folder"
        ),
    ] = ""
    page_size: Annotated[PageSize, described("entries asked per call of a listing")] = MAX_PAGE_SIZE
    hosts: Annotated[
        str, described("template of the provider's addresses, for gateways and tests")
    ] = DEFAULT_HOSTS


def accept(options: DriverOptions) -> ShareOptions:
    """Return ``options`` as a share's; functions of a declaration get the base class."""
    if not isinstance(options, ShareOptions):
        raise TypeError(f"not options of an Aliyundrive share: {type(options).__name__}")
    return options


def share_of(options: ShareOptions) -> str:
    """Return the id of the share.

    Raises:
        UsageError: None is named.
    """
    pasted = find_share(options.share)
    share = pasted.share if pasted else options.share.strip()
    if not is_share_id(share):
        raise UsageError(
            f'"{share}" is not the id of a share' if share else "no share is named",
            advice="paste the whole link, such as https://www.alipan.com/s/JuRzzkQVF1z",
        )
    return share


def folder_of(options: ShareOptions) -> str:
    """Return the id of the mounted folder.

    Raises:
        UsageError: ``root`` is a path or the URL of another share.
    """
    text = options.root.strip().strip("/")
    pasted = find_share(text) or find_share(options.share)
    if pasted is not None and (not text or find_share(text)):
        if pasted.share != share_of(options):
            raise UsageError("root is in another share", advice="leave out one of the two")
        return pasted.folder or ROOT
    if "/" in text:
        raise UsageError(
            "root is not the id of a folder",
            advice="open the folder in a browser and copy the address bar",
        )
    return text or ROOT
