"""Cloudreve's wire for the shares of an account; pure, as ``api`` (wire: Cloudreve V4 §11)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import msgspec

from fsmount.drivers import wire
from fsmount.drivers.cloudreve import api
from fsmount.drivers.wire import Scalar
from fsmount.errors import NotSupported, ProtocolError
from fsmount.model import Call, OwnShare

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fsmount.drivers.cloudreve.options import Site
    from fsmount.model import Answer

PAGE_SIZE = 100
"""Servers take 10 to 100 shares a page (wire §11)."""

LONGEST_CODE = 32
"""Letters and digits of a password (wire §11)."""


class ShareRow(msgspec.Struct, frozen=True):
    """A share as its owner sees it."""

    id: Scalar
    name: Scalar = None
    created_at: Scalar = None
    expires: Scalar = None
    expired: Scalar = None
    visited: Scalar = None
    downloaded: Scalar = None
    remain_downloads: Scalar = None
    url: Scalar = None
    password: Scalar = None
    is_private: Scalar = None
    share_view: Scalar = None
    source_uri: Scalar = None


class SharesData(msgspec.Struct, frozen=True):
    """A page of shares."""

    shares: list[msgspec.Raw] = []
    pagination: api.Pagination = api.Pagination()


def create_call(site: Site, uri: str, *, code: str | None, lifetime_s: float | None) -> Call:
    """Share one file or folder."""
    return Call(
        method="PUT", url=site.api("/share"), json=_body(uri, code=code, lifetime_s=lifetime_s)
    )


def edit_call(site: Site, share: str, body: dict[str, Any]) -> Call:
    """Set everything about a share anew: what the body leaves out is taken away (wire §11)."""
    return Call(method="POST", url=site.api(f"/share/{quote(share, safe='')}"), json=body)


def edited(
    row: ShareRow, *, code: str | None, lifetime_s: float | None, now_s: float
) -> dict[str, Any]:
    """Return the body that changes ``row``; what is None stays as it is.

    Args:
        row: As its owner sees it now.
        code: "" takes it away.
        lifetime_s: Negative for a share that does not expire.
        now_s: Unix seconds of the server's clock.
    """
    if code is None and wire.text(row.password):
        code = wire.text(row.password)
    if lifetime_s is None and (ends_ns := wire.time_ns(row.expires)) is not None:
        lifetime_s = max(1.0, ends_ns / 1e9 - now_s)
    if lifetime_s is not None and lifetime_s < 0:
        lifetime_s = None
    body = _body(wire.text(row.source_uri), code=code, lifetime_s=lifetime_s)
    if left := wire.whole(row.remain_downloads):
        body["downloads"] = left
    if wire.truth(row.share_view):
        body["share_view"] = True
    return body


def _body(uri: str, *, code: str | None, lifetime_s: float | None) -> dict[str, Any]:
    body: dict[str, Any] = {"uri": uri}
    if code:
        body |= {"is_private": True, "password": checked(code)}
    if lifetime_s is not None:
        body["expire"] = max(1, round(lifetime_s))
    return body


def checked(code: str) -> str:
    """Return ``code`` if servers take it.

    Raises:
        NotSupported: They refuse it.
    """
    if len(code) > LONGEST_CODE or not (code.isascii() and code.isalnum()):
        raise NotSupported(
            f"Cloudreve takes passwords of up to {LONGEST_CODE} letters and digits (a to z, 0 to 9)"
        )
    return code


def own_call(site: Site, share: str) -> Call:
    """Ask about one's own share, with the place that it shares."""
    url = site.api(f"/share/info/{quote(share, safe='')}")
    return Call(method="GET", url=url, params={"owner_extended": "true"})


def cancel_call(site: Site, share: str) -> Call:
    """End a share."""
    return Call(method="DELETE", url=site.api(f"/share/{quote(share, safe='')}"))


def list_call(site: Site, token: str) -> Call:
    """Ask for a page of the account's shares, newest first."""
    params = {
        "page_size": str(PAGE_SIZE),
        "order_by": "created_at",
        "order_direction": "desc",
    }
    if token:
        params["next_page_token"] = token
    return Call(method="GET", url=site.api("/share"), params=params)


def read_link(answer: Answer) -> tuple[str, str, str]:
    """Return the link of a share that was made or changed, its id, and its password ("")."""
    link = api.read(answer, str, "the link of a share")
    place, _, rest = urlsplit(link).path.rpartition("/s/")
    ident, _, code = rest.strip("/").partition("/")
    if not ident:
        raise ProtocolError("the link of a share: it names none")
    parts = urlsplit(link)
    return f"{parts.scheme}://{parts.netloc}{place}/s/{ident}", ident, code


def read_own(answer: Answer) -> ShareRow:
    """Return what the owner is told of a share."""
    return api.read(answer, ShareRow, "the details of a share")


def read_own_list(answer: Answer, token: str) -> tuple[Sequence[OwnShare], str, Sequence[str]]:
    """Return a page of shares, the token of the next ("" for none), and why rows are missing."""
    listing = wire.decode_rows(
        answer.body,
        api.Success[SharesData],
        ShareRow,
        path=("data", "shares"),
        what="a list of shares",
    )
    following = wire.text(listing.document.data.pagination.next_token)
    if following and following == token:
        raise ProtocolError("a list of shares does not move on: its next page is the same again")
    return [own_share(row) for row in listing.rows], following, listing.faults


def own_share(row: ShareRow) -> OwnShare:
    """Return a share of the account in our words."""
    code = wire.text(row.password)
    # The link holds the password behind the id, for whoever asks (wire §11).
    url = wire.text(row.url).removesuffix(f"/{code}") if code else wire.text(row.url)
    return OwnShare(
        id=wire.text(row.id),
        name=wire.text(row.name),
        url=url,
        code=code,
        created_ns=wire.time_ns(row.created_at) or 0,
        expires_ns=wire.time_ns(row.expires),
        state="expired" if wire.truth(row.expired) else "open",
        views=wire.whole(row.visited),
        downloads=wire.whole(row.downloaded),
    )
