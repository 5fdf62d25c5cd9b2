"""The Cloudreve emulator's command line, what it tells when ready, and its control verbs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.emulators.cloudreve.envelope import Refused
from tests.emulators.cloudreve.settings import SWITCHES, Settings
from tests.emulators.cloudreve.site import Site
from tests.emulators.cloudreve.users import Status
from tests.emulators.provider import Ready

if TYPE_CHECKING:
    import argparse

    from tests.emulators.cloudreve.shares import Share
    from tests.emulators.cloudreve.tree import Node

# Settings that the control door's `POST /settings` may change while the emulator runs.
_ADJUSTABLE = (
    "access_life_s",
    "refresh_life_s",
    "link_life_s",
    "link_reuse_margin_s",
    "session_life_s",
    "max_page_size",
    "max_batch",
    "speed_limit",
    "capacity_bytes",
    "chunk_bytes",
    "guests_may_open_shares",
    "otp",
    "otp_secret",
    "origin",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what a Cloudreve site can be asked to be."""
    add = parser.add_argument
    add("--email", default="admin@example.test", help="the owner's e-mail")
    add("--password", default="Wire-Pass-2025", help="the owner's password")
    add("--share-password", default="", help="the extraction code of the share")
    add("--share-file", help="the file below DIR of the one-file share; default: the first one")
    add("--share-downloads", type=int, help="downloads that the one-file share allows")
    add("--access-life", type=float, default=3600.0, help="seconds an access token lives")
    add("--refresh-life", type=float, default=14 * 86400.0, help="seconds a refresh token lives")
    add("--link-life", type=float, default=3600.0, help="seconds a link to content lives")
    add("--max-page-size", type=int, default=2000, help="the largest page of a listing")
    add("--speed-limit", type=int, default=0, help="bytes per second and connection; 0: none")
    add("--otp", default="246810", help="the second factor's code, always the same")
    add("--otp-secret", default="", help="base32: codes follow the clock, as in an app")
    add(
        "--defect",
        action="append",
        default=[],
        choices=[*SWITCHES, "single-file-share"],
        help="switch a defect or a habit of the real server on; may be repeated",
    )


def make(arguments: argparse.Namespace) -> CloudreveProvider:
    """Make a site as the command line wants it."""
    settings = Settings(
        origin=arguments.origin.rstrip("/") if arguments.origin else None,
        access_life_s=arguments.access_life,
        refresh_life_s=arguments.refresh_life,
        link_life_s=arguments.link_life,
        max_page_size=arguments.max_page_size,
        speed_limit=arguments.speed_limit,
        otp=arguments.otp,
        otp_secret=arguments.otp_secret,
    )
    for name in arguments.defect:
        if name in SWITCHES:
            settings.switch(name, on=True)
    return CloudreveProvider(arguments, settings)


class CloudreveProvider(Site):
    """A site with the shares that every emulator starts with."""

    def __init__(self, arguments: argparse.Namespace, settings: Settings) -> None:
        super().__init__(
            arguments.root, settings, email=arguments.email, password=arguments.password
        )
        password = arguments.share_password
        wish = {"is_private": bool(password), "password": password}
        self.main_share = self.shares.create(self.publisher, self.published, wish)
        self.expired_share = self.shares.create(self.publisher, self.published, {})
        self.expired_share.expired = True
        self.cancelled_share = self.shares.create(self.publisher, self.published, {})
        self.shares.cancel(self.cancelled_share)
        self.file_share: Share | None = None
        file = self._file_to_share(arguments.share_file)
        if file is not None:
            limit = {"downloads": arguments.share_downloads}
            self.file_share = self.shares.create(self.publisher, file, limit)
        self._show_file = "single-file-share" in arguments.defect

    def start(self, address: str) -> Ready:
        """Take note of the address, which links carry from now on."""
        self.settings.site_url = address
        file_link = self.shares.link(self.file_share) if self.file_share is not None else None
        source = file_link if self._show_file else None
        common = {"driver": "cloudreve", "address": address}
        drive = common | {"root": "cloudreve://my"}
        signed_in = drive | {"email": self.owner.email, "password": self.owner.password}
        refresh_token = self.tokens.issue(self.owner)["refresh_token"]
        return Ready(
            source=source or self.shares.link(self.main_share),
            remotes={
                "demo": signed_in,
                "demo-refresh": drive | {"refresh_token": refresh_token},
            },
            more={
                "share_file": file_link,
                "expired": self.shares.link(self.expired_share),
                "cancelled": self.shares.link(self.cancelled_share),
                "email": self.owner.email,
                "password": self.owner.password,
                "root": self.root,
            },
        )

    def control(self, verb: str, wish: dict[str, Any]) -> Any:
        """Obey the control door; raises ValueError for what it does not know.

        expire    {"what": "links" | "access" | "refresh" | "all"}
        switch    {"name": "captcha", "on": true}, or {"captcha": true, ...}
        settings  {"link_life_s": 5, ...}
        share     {"link": any link this emulator gave, default its source,
                   "state": "expired" | "cancelled" | "fine", "password": "new", "downloads": 2}
        user      {"status": "active" | "manual_banned" | "inactive", "password": "new"}
        restart   the server restarts: locks of uploads are lost
        captcha   {"ticket": "..."} tells what the picture shows
        """
        verbs = {
            "expire": self._expire,
            "switch": self._switch,
            "settings": self._adjust,
            "share": self._change_share,
            "user": self._change_user,
            "restart": self._restart,
            "captcha": lambda wish: {"answer": self.captchas.answer(wish["ticket"])},
        }
        if verb not in verbs:
            raise ValueError(f"no verb {verb!r}; there are {', '.join(verbs)}")
        return verbs[verb](wish)

    def _expire(self, wish: dict[str, Any]) -> dict[str, Any]:
        what = wish.get("what", "all")
        if what not in ("links", "access", "refresh", "all"):
            raise ValueError(f"cannot expire {what!r}")
        if what in ("links", "all"):
            self.links.expire()
        for kind in ("access", "refresh"):
            if what in (kind, "all"):
                self.tokens.expire(kind)
        return {}

    def _switch(self, wish: dict[str, Any]) -> dict[str, Any]:
        named = {wish["name"]: wish.get("on", True)} if "name" in wish else wish
        for name, on in named.items():
            self.settings.switch(name, on=bool(on))
        return {"on": sorted(self.settings.switches)}

    def _adjust(self, wish: dict[str, Any]) -> dict[str, Any]:
        for name, value in wish.items():
            if name not in _ADJUSTABLE:
                raise ValueError(f"no setting {name!r}; there are {', '.join(_ADJUSTABLE)}")
            setattr(self.settings, name, value)
        return {name: getattr(self.settings, name) for name in _ADJUSTABLE}

    def _change_share(self, wish: dict[str, Any]) -> dict[str, Any]:
        share = self._share_of(wish.get("link"))
        if "password" in wish:
            share.password = wish["password"] or ""
        if "downloads" in wish:
            share.remain_downloads = wish["downloads"]
        match wish.get("state"):
            case None:
                pass
            case "fine":
                self.shares.revive(share)
            case "expired":
                share.expired = True
            case "cancelled":
                self.shares.cancel(share)
            case state:
                raise ValueError(f"a share cannot be {state!r}")
        return {"link": self.shares.link(share)}

    def _change_user(self, wish: dict[str, Any]) -> dict[str, Any]:
        if "status" in wish:
            self.owner.status = Status(wish["status"])
        if "password" in wish:
            self.owner.change_password(wish["password"])
        return self.owner.view()

    def _restart(self, wish: dict[str, Any]) -> dict[str, Any]:
        self.locks.forget_all()
        return {}

    def _share_of(self, link: str | None) -> Share:
        if link is None:
            return self.main_share
        share_id = link.partition("/s/")[2].partition("/")[0]
        for share in (self.main_share, self.file_share, self.expired_share, self.cancelled_share):
            if share is not None and share.id == share_id:
                return share
        try:
            return self.shares.parse(share_id)
        except Refused:
            raise ValueError(f"no share {link!r}") from None

    def _file_to_share(self, path: str | None) -> Node | None:
        """The file of the one-file share: the named one, else the first file near the top."""
        if path is not None:
            node = self.published
            for name in path.strip("/").split("/"):
                child = self.tree.child(node, name)
                if child is None:
                    raise ValueError(f"there is no file {path!r} to share")
                node = child
            return node
        self.tree.look(self.published)
        files = [node for node in self.published.children.values() if not node.is_folder]
        return min(files, key=lambda node: node.name, default=None)
