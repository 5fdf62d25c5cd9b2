"""The emulated Aliyundrive: all three of its interfaces over one set of drives."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, ClassVar

from tests.emulators.aliyun.change_routes import change_routes
from tests.emulators.aliyun.device import Devices
from tests.emulators.aliyun.file_api import FileApi
from tests.emulators.aliyun.login_api import LoginApi
from tests.emulators.aliyun.open_api import OpenApi
from tests.emulators.aliyun.open_auth import OpenAuth
from tests.emulators.aliyun.qr import Codes
from tests.emulators.aliyun.rates import Rates
from tests.emulators.aliyun.share_api import ShareApi
from tests.emulators.messages import text_response
from tests.emulators.pds.batches import Batch
from tests.emulators.pds.change_api import ChangeApi
from tests.emulators.pds.errors import Refused
from tests.emulators.pds.listing import Listing
from tests.emulators.pds.routes import post
from tests.emulators.pds.site import NOTICE, Site

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.emulators.messages import Response
    from tests.emulators.pds.routes import Call, Route
    from tests.emulators.pds.settings import Settings

DOMAIN_ID = "bj29"
DATA_HOST = "cn-beijing-data.aliyundrive.net"
_BRANDS = ("aliyundrive.com", "alipan.com")
_SORTS = ("api", "auth", "user", "passport", "openapi", "www")
HOSTS = {f"{sort}.{brand}": sort for sort in _SORTS for brand in _BRANDS} | {
    "api.oplist.org": "relay",
    "pds-system-file.oss-cn-beijing.aliyuncs.com": NOTICE,
}
_OWN = ("web", "mobile")


class AliyunSite(Site):
    """One account owner with a default and a resource drive, and one who shares.

    Args:
        root: the served directory.
        settings: of the service.
        served: the drive of the owner that shows it: "backup" or "resource".
    """

    tokens_of: ClassVar = dict.fromkeys(("api", "auth", "user", "passport"), _OWN) | {
        "openapi": ("open",),
        "relay": ("open",),
    }

    def __init__(self, root: str, settings: Settings, *, served: str = "backup") -> None:
        super().__init__(root, settings, domain_id=DOMAIN_ID, hosts=HOSTS, data_host=DATA_HOST)
        for drive_id, name, sort in (
            ("1001", "Default", "backup"),
            ("1002", "resource", "resource"),
        ):
            top = self.tree.new_root(root if sort == served else None, self.now_ns)
            self.owner.give(drive_id, name, sort, top)
        self.devices = Devices(settings)
        self.codes = Codes(self.clock)
        listing = Listing(self.tree, self.items, settings, "aliyun")
        self.login = LoginApi(self.tokens, self.codes, self.devices, self.owner)
        files = FileApi(self.reach, self.tree, listing, self.links, settings)
        changing = ChangeApi(self.reach, self.changes, self.uploads, self.tasks, listing, "aliyun")
        sharing = ShareApi(
            self.shares, self.sharing, self.reach, self.tree, listing, self.links, settings
        )
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
                "/async_task/get": ("task", changing.task_in_batch),
                "/share_link/cancel": ("share_cancel", sharing.cancel_in_batch),
            }
        )
        batches = ("/v3/batch", "/adrive/v2/batch", "/adrive/v4/batch")
        self.router.add([post(path, "batch", self.batch.answer) for path in batches])
        reading = Listing(self.tree, self.items, settings, "open")
        open_changing = ChangeApi(
            self.reach, self.changes, self.uploads, self.tasks, reading, "open"
        )
        self.open_auth = OpenAuth(self.tokens, self.codes, settings, self.owner, self.publisher)
        open_api = OpenApi(
            self.reach, self.tree, reading, self.links, open_changing, self.sharing, settings
        )
        self.rates = Rates(settings, self.clock)
        self.router.add(change_routes(changing))
        for api in (self.login, files, sharing, self.open_auth, open_api):
            self.router.add(api.routes())

    def start(self, address: str) -> None:
        """Take note of the address, which links carry from now on."""
        self.address = self.links.address = self.open_auth.address = address

    def admit(self, route: Route, call: Call) -> None:
        """Raise Refused for a device without a session, a call too many, a missing canary."""
        if route.hosts[0] == "openapi":
            session = call.session
            user_id = session.user.user_id if session is not None else ""
            self.rates.admit(user_id, session.client_id if session is not None else "", route.kind)
        canary = call.request.headers.get("x-canary", "")
        if (
            self.settings.on("share-canary")
            and call.body.get("share_id")
            and "app=share" not in canary
        ):
            raise Refused("ParamFlowException")
        if route.signed and not call.body.get("share_id"):
            self.devices.check(call)

    def refresh_token(self, kind: str, client_id: str = "") -> str:
        """A refresh token as a person pastes it."""
        return self.tokens.issue(self.owner, kind, client_id)["refresh_token"]

    def refused(self, error: Refused, sort: str) -> Response:
        """The answer for an error; the Open API adds an id of the request."""
        if sort == "openapi":
            error.more = {"requestId": str(uuid.uuid4())} | error.more
        return error.response()

    def no_route(self, sort: str) -> Response:
        """What a path without a handler is answered (Open §1)."""
        if sort == "openapi":
            return text_response(404, "404 page not found")
        return super().no_route(sort)

    def verbs(self) -> dict[str, Callable[[dict[str, Any]], Any]]:
        """The control verbs: those of every domain, and some of Aliyundrive's own.

        token     {"kind": "web" | "mobile" | "open"} gives a new refresh token
        devices   {"do": "drop"} forgets all device sessions; {"do": "push_out"}
        qr        {"states": ["NEW", "SCANED", "CONFIRMED"]}: what phones do from now on;
                  {"expired_as_error": true}: the Open API tells an old code by 400
        """
        return super().verbs() | {
            "token": lambda wish: {"refresh_token": self.refresh_token(wish.get("kind", "web"))},
            "devices": self._change_devices,
            "qr": self._script,
        }

    def _change_devices(self, wish: dict[str, Any]) -> dict[str, Any]:
        match wish.get("do"):
            case "drop":
                self.devices.drop()
            case "push_out":
                self.devices.push_out()
            case other:
                raise ValueError(f"devices cannot {other!r}")
        return {}

    def _script(self, wish: dict[str, Any]) -> dict[str, Any]:
        states = wish.get("states", self.codes.script)
        if not states or not all(isinstance(state, str) for state in states):
            raise ValueError("states is a list of words")
        self.codes.script = tuple(states)
        self.codes.expired_as_error = bool(wish.get("expired_as_error"))
        return {"states": list(self.codes.script)}
