"""PDS's wire for shares: visiting one, owning one, saving from one; pure, as ``api``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from fsmount.drivers import wire
from fsmount.drivers.pds import api
from fsmount.drivers.wire import Scalar
from fsmount.errors import ProtocolError
from fsmount.model import OwnShare, ShareInfo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fsmount.drivers.pds.options import Domain
    from fsmount.model import Answer, Call

PASS_LIFE_S = 7200
"""Asked for a share token, and the most there is (wire: PDS §5)."""

MOST_ITEMS = 100
"""Files and folders of one share (wire: PDS §5)."""

LONGEST_CODE = 64
"""Visible ASCII characters of a code (wire: PDS §5)."""


# --- visiting -------------------------------------------------------------------------------------


class Pass(msgspec.Struct, frozen=True):
    """A share token; the vendor's own SDK knows only these two (wire: PDS §5)."""

    share_token: str
    expires_in: Scalar = None
    expire_time: Scalar = None


class AnonymousShare(msgspec.Struct, frozen=True):
    """What a share tells anybody. Old answers end before ``has_pwd`` (wire: PDS §5)."""

    share_name: Scalar = None
    creator_name: Scalar = None
    creator_phone: Scalar = None
    avatar: Scalar = None
    expiration: Scalar = None
    updated_at: Scalar = None
    has_pwd: Scalar = None
    require_login: Scalar = None
    access_count: Scalar = None
    download_count: Scalar = None
    download_limit: Scalar = None
    save_count: Scalar = None
    save_limit: Scalar = None
    disable_preview: Scalar = None
    disable_download: Scalar = None
    disable_save: Scalar = None


def anonymous_call(domain: Domain, share: str) -> Call:
    """Ask what a share tells anybody; needs neither its code nor a login."""
    return api.call(domain, "share_link/get_by_anonymous", {"share_id": share})


def read_anonymous(answer: Answer) -> AnonymousShare:
    """Return what a share tells anybody."""
    return wire.decode(answer.body, AnonymousShare, "the details of a share")


def pass_call(domain: Domain, share: str, code: str) -> Call:
    """Ask for a share token; open shares need one as well (wire: PDS §5)."""
    body = {"share_id": share, "share_pwd": code, "expire_sec": PASS_LIFE_S}
    return api.call(domain, "share_link/get_share_token", body)


def read_pass(answer: Answer) -> tuple[str, float]:
    """Return a share token and the seconds that it lives."""
    found = wire.decode(answer.body, Pass, "the token of a share")
    if not found.share_token:
        raise ProtocolError("the token of a share: `share_token` is empty")
    lives_s = wire.whole(found.expires_in)
    ends_ns = wire.time_ns(found.expire_time)
    if ends_ns is not None:
        return found.share_token, ends_ns / 1e9 - answer.date
    return found.share_token, float(PASS_LIFE_S if lives_s is None else lives_s)


def share_info(
    told: AnonymousShare, *, date: float, locked: bool = False, trouble: str = ""
) -> ShareInfo:
    """Return what a share tells, in our words.

    Args:
        told: By the share.
        date: Unix seconds of the provider's clock.
        locked: Its code was not given, or given wrong.
        trouble: Why it does not open; "" when it does, or for want of the code.
    """
    expires_ns = wire.time_ns(told.expiration)
    limit, used = wire.whole(told.download_limit), wire.whole(told.download_count)
    details = {
        "owner's phone": wire.text(told.creator_phone),
        "owner's picture": wire.text(told.avatar),
        "changed": wire.text(told.updated_at),
        "downloads": "" if used is None else str(used),
        "saves": wire.text(told.save_count),
        "members only": "yes" if wire.truth(told.require_login) else "",
        "not allowed": ", ".join(forbidden(told)),
        "does not open": trouble,
    }
    return ShareInfo(
        name=wire.text(told.share_name),
        owner=wire.text(told.creator_name),
        expires_ns=expires_ns,
        locked=locked,
        expired=expires_ns is not None and expires_ns / 1e9 <= date,
        views=wire.whole(told.access_count),
        downloads_left=max(0, limit - (used or 0)) if limit else None,
        details={label: text for label, text in details.items() if text},
    )


def forbidden(told: AnonymousShare) -> list[str]:
    """Return what the owner of a share has switched off."""
    flags = {
        "viewing": told.disable_preview,
        "downloading": told.disable_download,
        "saving": told.disable_save,
    }
    return [what for what, flag in flags.items() if wire.truth(flag)]


# --- owning ---------------------------------------------------------------------------------------


class ShareObject(msgspec.Struct, frozen=True):
    """A share as its owner sees it; every key may be missing (wire: PDS §5)."""

    share_id: Scalar = None
    share_name: Scalar = None
    share_pwd: Scalar = None
    share_url: Scalar = None
    expiration: Scalar = None
    expired: Scalar = None
    status: Scalar = None
    created_at: Scalar = None
    access_count: Scalar = None
    download_count: Scalar = None


class ShareList(msgspec.Struct, frozen=True):
    """A page of shares."""

    items: list[msgspec.Raw] = []
    next_marker: Scalar = None


class User(msgspec.Struct, frozen=True):
    """Who signed in, and the drive that is theirs."""

    user_id: Scalar = None
    default_drive_id: Scalar = None


def read_user(answer: Answer) -> User:
    """Return who signed in."""
    return wire.decode(answer.body, User, "the details of a user")


def read_own_share(answer: Answer, domain: Domain) -> OwnShare:
    """Return the share that was made, changed or asked for."""
    found = wire.decode(answer.body, ShareObject, "the details of a share")
    if not wire.text(found.share_id):
        raise ProtocolError("the details of a share: `share_id` is empty")
    return _own_share(found, domain, answer.date)


def read_own_shares(
    answer: Answer, domain: Domain, marker: str
) -> tuple[Sequence[OwnShare], str, Sequence[str]]:
    """Return a page of shares, the marker of the next ("" for none), and why rows are missing."""
    listing = wire.decode_rows(
        answer.body, ShareList, ShareObject, path=("items",), what="a list of shares"
    )
    following = wire.text(listing.document.next_marker)
    if following and following == marker:
        raise ProtocolError("a list of shares does not move on: its next page is the same again")
    shares = [
        _own_share(row, domain, answer.date) for row in listing.rows if wire.text(row.share_id)
    ]
    return shares, following, listing.faults


def _own_share(found: ShareObject, domain: Domain, date: float) -> OwnShare:
    ident = wire.text(found.share_id)
    expires_ns = wire.time_ns(found.expiration)
    over = expires_ns is not None and expires_ns / 1e9 <= date
    state = "open"
    if wire.text(found.status) == "disabled":
        state = "cancelled"
    elif wire.truth(found.expired) or over:
        state = "expired"
    return OwnShare(
        id=ident,
        name=wire.text(found.share_name),
        url=wire.text(found.share_url) or domain.share_url(ident),
        code=wire.text(found.share_pwd),
        created_ns=wire.time_ns(found.created_at) or 0,
        expires_ns=expires_ns,
        state=state,
        views=wire.whole(found.access_count),
        downloads=wire.whole(found.download_count),
    )


def moment(seconds: float) -> str:
    """Return Unix ``seconds`` as PDS writes times."""
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


# --- saving ---------------------------------------------------------------------------------------


class Copied(msgspec.Struct, frozen=True):
    """The answer to a copy; with a task it is under way, without one it is done."""

    file_id: Scalar = None
    async_task_id: Scalar = None


class Task(msgspec.Struct, frozen=True):
    """How far a copy is; counts of files (wire: PDS §6.3)."""

    state: Scalar = None
    status: Scalar = None
    total_process: Scalar = None
    consumed_process: Scalar = None
    failed_process: Scalar = None
    error_code: Scalar = None
    error_message: Scalar = None

    @property
    def ended(self) -> str:
        """How it ended: "succeed", "failed" or "partialsucceed", in any case (§6.3); "" before."""
        word = (wire.text(self.state) or wire.text(self.status)).lower()
        return word if word in ("succeed", "failed", "partialsucceed") else ""


def read_copied(answer: Answer) -> tuple[str, str]:
    """Return the id of the copy and that of its task ("" when it is done)."""
    copied = wire.decode(answer.body, Copied, "the answer to a copy")
    return wire.text(copied.file_id), wire.text(copied.async_task_id)


def read_task(answer: Answer) -> Task:
    """Return how far a copy is."""
    return wire.decode(answer.body, Task, "the state of a task")
