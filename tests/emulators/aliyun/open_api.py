"""Routes of the Open API about users and files. Source: Aliyundrive Open §4, §5."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.emulators.aliyun.open_auth import SCOPES
from tests.emulators.pds.errors import Refused, invalid, respond
from tests.emulators.pds.routes import Route, post

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.emulators.messages import Response
    from tests.emulators.pds.change_api import ChangeApi
    from tests.emulators.pds.drives import User
    from tests.emulators.pds.links import Links
    from tests.emulators.pds.listing import Listing
    from tests.emulators.pds.reach import Place, Reach
    from tests.emulators.pds.routes import Call
    from tests.emulators.pds.settings import Settings
    from tests.emulators.pds.sharing import Sharing
    from tests.emulators.pds.tree import Tree

_HOSTS = ("openapi",)
_BASE = "/adrive/v1.0"
_FILE = f"{_BASE}/openFile"
_MOST = 100


class OpenApi:
    """The calls of third-party applications: every success is 200."""

    def __init__(
        self,
        reach: Reach,
        tree: Tree,
        listing: Listing,
        links: Links,
        changing: ChangeApi,
        sharing: Sharing,
        settings: Settings,
    ) -> None:
        self._reach = reach
        self._tree = tree
        self._listing = listing
        self._links = links
        self._changing = changing
        self._sharing = sharing
        self._settings = settings

    def routes(self) -> list[Route]:
        """The routes."""
        return [*self._user_routes(), *self._reading_routes(), *self._changing_routes()]

    def _user_routes(self) -> list[Route]:
        return [
            post(f"{_BASE}/user/getDriveInfo", "drive", self._drives, hosts=_HOSTS),
            post(f"{_BASE}/user/getSpaceInfo", "space", self._space, hosts=_HOSTS),
            post("/business/v1.0/user/getVipInfo", "user", self._vip, hosts=_HOSTS),
            post("/v1.0/user/getVipInfo", "user", self._vip, hosts=_HOSTS),
            _get("/oauth/users/info", self._info),
            _get("/oauth/users/scopes", self._scopes),
        ]

    def _reading_routes(self) -> list[Route]:
        listing = self._listing
        return [
            self._reading("list", "list", listing.page),
            self._reading("starredList", "other", listing.starred),
            self._reading("get", "info", listing.get),
            self._reading("get_by_path", "info", listing.by_path),
            self._reading("search", "search", listing.search),
            self._route("batch/get", "info", self._batch_get),
            self._route("getDownloadUrl", "link", self._link),
            self._route("getVideoPreviewPlayInfo", "preview", self._preview),
        ]

    def _changing_routes(self) -> list[Route]:
        changing = self._changing
        return [
            self._route("create", "create", self._flat(changing.create)),
            self._route("getUploadUrl", "upload", self._flat(changing.upload_urls)),
            self._route("listUploadedParts", "upload", self._flat(changing.uploaded)),
            self._route("complete", "upload", self._flat(changing.complete)),
            self._route("update", "update", self._flat(changing.update)),
            self._route("move", "move", self._flat(changing.move)),
            self._route("copy", "copy", self._flat(changing.copy)),
            self._route("recyclebin/trash", "delete", self._flat(changing.trash)),
            self._route("delete", "delete", self._flat(changing.delete)),
            self._route("async_task/get", "task", self._flat(changing.task)),
            self._route("createShare", "share_create", self._share),
        ]

    def _route(self, name: str, kind: str, handler: Callable[[Call], Response]) -> Route:
        return post(f"{_FILE}/{name}", kind, handler, hosts=_HOSTS)

    def _reading(
        self,
        name: str,
        kind: str,
        read: Callable[[Place, dict[str, Any]], dict[str, Any]],
    ) -> Route:
        return self._route(name, kind, lambda call: respond(read(self._place(call), call.body)))

    def _place(self, call: Call) -> Place:
        """The drive of a call; another's or one that was not granted is 403 (§4)."""
        try:
            place = self._reach.own(call, call.body.get("drive_id"))
        except Refused as exc:
            if exc.code == "NotFound.Drive":
                raise Refused("UserNotAllowedAccessDrive") from None
            raise
        if place.drive is not call.member.user.default and self._settings.on("no-resource-drive"):
            raise Refused("ForbiddenDriveNotValid")
        return place

    def _flat(self, handler: Callable[[Call], Response]) -> Callable[[Call], Response]:
        """A changing call as the Open API has it: 200, with a body, also for deletions (§1)."""

        def flat(call: Call) -> Response:
            if "drive_id" in call.body:
                self._place(call)
            answer = handler(call)
            text = b"".join(part for part in answer.segments if isinstance(part, bytes))
            value = json.loads(text) if text else {}
            for name in ("drive_id", "file_id"):
                if name in call.body:
                    value.setdefault(name, call.body[name])
            return respond({"async_task_id": ""} | value)

        return flat

    def _drives(self, call: Call) -> Response:
        user = call.member.user
        value = {
            "user_id": user.user_id,
            "name": user.nick,
            "user_name": user.name,
            "nick_name": user.nick,
            "avatar": "https://img.test/avatar.png",
            "default_drive_id": user.default.drive_id,
        }
        if not self._settings.on("no-resource-drive"):
            resource = user.drive("resource")
            value["resource_drive_id"] = resource.drive_id if resource is not None else ""
            value["backup_drive_id"] = user.default.drive_id
        return respond(value)

    def _space(self, call: Call) -> Response:
        space = {
            "used_size": self._used(call.member.user),
            "total_size": self._settings.capacity_bytes,
        }
        return respond({"personal_space_info": space})

    def _used(self, user: User) -> int:
        return sum(
            self._tree.size(drive.root) + self._tree.size(drive.bin)
            for drive in user.drives.values()
        )

    def _vip(self, _call: Call) -> Response:
        return respond(
            {
                "identity": "member",
                "level": "",
                "expire": 0,
                "thirdPartyVip": False,
                "thirdPartyVipExpire": 0,
            }
        )

    def _info(self, call: Call) -> Response:
        user = call.member.user
        value = {"id": user.user_id, "name": user.nick, "phone": user.masked_phone}
        return respond(value | {"avatar": "https://img.test/avatar.png"})

    def _scopes(self, call: Call) -> Response:
        scopes = [{"scope": scope} for scope in SCOPES]
        return respond({"id": call.member.user.user_id, "scopes": scopes})

    def _batch_get(self, call: Call) -> Response:
        rows = call.body.get("file_list") or []
        if not 1 <= len(rows) <= _MOST:
            raise invalid("file_list", "between 1 and 100")
        items = []
        for row in rows:
            place = self._reach.own(call, row.get("drive_id"))
            items.append(self._listing.get(place, row))
        return respond({"items": items})

    def _link(self, call: Call) -> Response:
        place = self._place(call)
        node = place.file(call.body.get("file_id"))
        seconds = call.body.get("expire_sec") or self._settings.default_link_s
        if not isinstance(seconds, int | float) or not 0 < seconds <= self._settings.max_link_s:
            raise invalid("expire_sec")
        told = self._links.answer(node, place, seconds, place.drive.owner.domain_id)
        names = (
            "method",
            "url",
            "expiration",
            "size",
            "content_hash",
            "content_hash_name",
            "file_id",
        )
        value = {name: told[name] for name in names if name in told}
        streams = None
        if node.name.lower().endswith(".livp"):
            # A live photo is two streams, and no file of its own (§5.3).
            streams = {"jpeg": value["url"], "mov": value["url"]}
            value["url"] = None
        nothing = self._settings.on("null-links")
        value |= {"streamsUrl": streams, "description": None if nothing else ""}
        return respond(value)

    def _preview(self, call: Call) -> Response:
        self._place(call).file(call.body.get("file_id"))
        raise Refused("NotFound.VideoPreviewInfo")

    def _share(self, call: Call) -> Response:
        """Share files: the names of this call's keys are in another style (§5.2)."""
        body = call.body
        renamed = {
            "drive_id": body.get("driveId"),
            "file_id_list": body.get("fileIdList"),
            "share_pwd": body.get("sharePwd"),
            "expiration": body.get("expiration"),
        }
        share = self._sharing.create(replace(call, body=renamed))
        told = self._sharing.view(share)
        names = (
            "share_id",
            "expiration",
            "expired",
            "share_pwd",
            "creator",
            "status",
            "created_at",
        )
        return respond(
            {name: told[name] for name in names}
            | {
                "update_at": told["updated_at"],
                "share_url": f"https://www.alipan.com/s/{share.share_id}",
            }
        )


def _get(path: str, handler: Callable[[Call], Response]) -> Route:
    return Route(method="GET", path=path, kind="user", handler=handler, hosts=_HOSTS)
