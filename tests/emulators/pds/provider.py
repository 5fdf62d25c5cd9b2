"""`python -m tests.emulators pds`: a domain with a member's drive and a share link."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tests.emulators.pds.assertions import key_pair
from tests.emulators.pds.batches import Batch
from tests.emulators.pds.change_api import ChangeApi
from tests.emulators.pds.file_api import FileApi
from tests.emulators.pds.listing import Listing
from tests.emulators.pds.login_api import JWT_APP, KEY_ID, PLAIN_APP, WEB_APP, WEB_SECRET, LoginApi
from tests.emulators.pds.options import add_common_arguments, settings_of
from tests.emulators.pds.routes import post
from tests.emulators.pds.share_api import ShareApi
from tests.emulators.pds.site import Site
from tests.emulators.provider import Ready

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from tests.emulators.pds.shares import Share

_LONGEST_LINK_S = 115_200.0
_UPLOAD_LIFE_S = 900.0
_LARGEST_PAGE = 100
_KEY_FILE = "application.pem"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what a domain can be asked to be."""
    add_common_arguments(parser, max_page=_LARGEST_PAGE, links="v1")
    parser.add_argument("--domain", default="hz22", help="the domain's id")


def make(arguments: argparse.Namespace) -> PdsProvider:
    """Make a domain as the command line wants it."""
    return PdsProvider(arguments)


class PdsProvider(Site):
    """The served directory is the owner's drive, and shared by another member."""

    tokens_of: ClassVar = {"api": ("member",), "auth": ("member",)}

    def __init__(self, arguments: argparse.Namespace) -> None:
        settings = settings_of(arguments, max_bodies=0)
        settings.max_link_s = _LONGEST_LINK_S
        settings.upload_life_s = _UPLOAD_LIFE_S
        domain = arguments.domain
        super().__init__(
            arguments.root,
            settings,
            domain_id=domain,
            hosts={
                f"{domain}.{sort}.{name}": sort
                for sort in ("api", "auth")
                for name in ("aliyunpds.com", "aliyunfile.com")
            },
            data_host=f"{domain}.data.aliyunpds.com",
        )
        self.owner.give("1", "Default", "", self.tree.new_root(self.root, self.now_ns))
        self.main_share.password = arguments.share_password
        listing = Listing(self.tree, self.items, settings, "pds")
        changing = ChangeApi(self.reach, self.changes, self.uploads, self.tasks, listing, "pds")
        self.login = LoginApi(self.users, self.owner, self.tokens, settings, self.clock)
        files = FileApi(self.reach, self.tree, listing, self.links, changing, settings)
        sharing = ShareApi(self.shares, self.sharing, settings)
        self.batch = Batch(
            {
                "/file/get": ("info", files.get),
                "/file/get_download_url": ("link", files.link),
                "/file/copy": ("copy", changing.copy),
                "/file/move": ("move", changing.move),
                "/file/update": ("update", changing.update),
                "/file/delete": ("delete", changing.delete),
                "/recyclebin/trash": ("delete", changing.trash),
                "/recyclebin/restore": ("restore", changing.restore),
                "/async_task/get": ("task", changing.task),
                "/share_link/create": ("share_create", sharing.create),
                "/share_link/update": ("share_update", sharing.update),
                "/share_link/cancel": ("share_cancel", sharing.cancel),
                "/share_link/list": ("share_list", sharing.listed),
                "/share_link/get": ("share_get", sharing.get),
                "/share_link/get_share_token": ("share_token", sharing.token),
            }
        )
        self.router.add([post("/v2/batch", "batch", self.batch.answer)])
        for api in (self.login, files, sharing):
            self.router.add(api.routes())

    def start(self, address: str) -> Ready:
        """Take note of the address."""
        self.address = self.links.address = address
        code = self.main_share.password
        locked = {"share_password": code} if code else {}
        common = {"driver": "pds", "domain": self.domain_id, "endpoint": address}
        drive = common | {"drive_id": self.owner.default.drive_id}
        shared = common | {"share": self.main_share.share_id}
        access_token = self.tokens.issue(self.owner, "member")["access_token"]
        options = [f"endpoint={address}", *(f"{key}={text}" for key, text in locked.items())]
        return Ready(
            source=self.link(self.main_share),
            options=",".join(options),
            remotes={
                "demo": drive | {"client_id": PLAIN_APP, "refresh_token": self.refresh_token()},
                "demo-access": drive | {"access_token": access_token},
                "demo-oauth": drive
                | {
                    "client_id": WEB_APP,
                    "client_secret": WEB_SECRET,
                    "refresh_token": self.refresh_token(),
                    "auth_endpoint": f"{address}/{self.domain_id}.auth.aliyunpds.com",
                },
                "demo-jwt": drive
                | {
                    "client_id": JWT_APP,
                    "key_id": KEY_ID,
                    "private_key_file": f"{{folder}}/{_KEY_FILE}",
                    "user_id": self.owner.user_id,
                },
                "shared": shared | locked,
            },
            files={_KEY_FILE: key_pair().private_pem},
            more={
                "expired": self.link(self.expired_share),
                "cancelled": self.link(self.cancelled_share),
                "share": self.main_share.share_id,
                "share_password": code,
                "root": self.root,
            },
        )

    def link(self, share: Share) -> str:
        """The link as a person pastes it."""
        return f"https://{self.domain_id}.apps.aliyunpds.com/disk/s/{share.share_id}"

    def refresh_token(self) -> str:
        """A refresh token of the owner."""
        return self.tokens.issue(self.owner, "member", PLAIN_APP)["refresh_token"]

    def verbs(self) -> dict[str, Callable[[dict[str, Any]], Any]]:
        """The control verbs: those of every domain, and some of PDS's own.

        token     {} gives a new refresh token
        device    {"states": ["pending", "confirmed"]}: what people do with device logins
        """
        return super().verbs() | {
            "token": lambda wish: {"refresh_token": self.refresh_token()},
            "device": self._script,
        }

    def _script(self, wish: dict[str, Any]) -> dict[str, Any]:
        states = list(wish.get("states", ()))
        if not states:
            raise ValueError("states is a list of words")
        self.login.device_script = states
        return {"states": states}
