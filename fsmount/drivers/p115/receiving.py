"""Saving others' shares into an own drive (``share/receive``); pure (wire: 115 §6.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsmount.drivers.p115 import hosts
from fsmount.drivers.p115.refusals import SUCCESS
from fsmount.errors import Denied, FsmountError, NotFound, ProviderFault
from fsmount.model import Call

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fsmount.drivers.p115.hosts import Hosts
    from fsmount.drivers.p115.refusals import Refusal, Success
    from fsmount.model import SharePass

PATH = "/share/receive"
RECEIVED_ALREADY = 4200045
EVERYTHING = "0"

_OF_THE_SHARE: dict[int, tuple[type[FsmountError], str]] = {
    990002: (NotFound, "there is no such share"),
    4100000: (Denied, "the share was closed"),
    4100008: (Denied, "the receive code of the share is wrong or was changed"),
    4100009: (Denied, "the share was cancelled by its owner"),
    4100010: (Denied, "the share was cancelled by its owner"),
    4100012: (Denied, "the share wants a receive code"),
    4100018: (Denied, "the share has expired"),
    4100021: (ProviderFault, "115 still prepares the share"),
    4100026: (NotFound, "the share does not exist any more"),
    4100033: (Denied, "115 removed the share for its content"),
}
"""None of them is ``Gone``: it is somebody's share that is over, not this drive."""


def receive_call(where: Hosts, share: SharePass, ids: Sequence[str], folder: str) -> Call:
    """Have 115 copy files and folders of a share into ``folder``; no ids are all of it."""
    form = {
        "share_code": share.id,
        "receive_code": share.code,
        "file_id": ",".join(ids) or EVERYTHING,
        "cid": folder,
    }
    return Call(method="POST", url=where.url(hosts.WEB, PATH), form=form)


def of_receiving(refusal: Refusal) -> FsmountError | Success | None:
    """Return what a refusal to save amounts to; None where the table of all knows."""
    if refusal.code == RECEIVED_ALREADY:
        return SUCCESS
    found = _OF_THE_SHARE.get(refusal.code)
    if found is None:
        return None
    kind, sentence = found
    return kind(f"{sentence} (code {refusal.code})")
