"""Routes that read: user, drives, space, listing, links. Sources: Aliyundrive §5 to §7."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.emulators.pds.errors import Refused, invalid, respond
from tests.emulators.pds.routes import post

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.emulators.messages import Response
    from tests.emulators.pds.links import Links
    from tests.emulators.pds.listing import Listing
    from tests.emulators.pds.reach import Place, Reach
    from tests.emulators.pds.routes import Call, Route
    from tests.emulators.pds.settings import Settings
    from tests.emulators.pds.tree import Tree

_HOSTS = ("api", "user")


class FileApi:
    """The apps' own reading calls."""

    def __init__(
        self, reach: Reach, tree: Tree, listing: Listing, links: Links, settings: Settings
    ) -> None:
        self._reach = reach
        self._tree = tree
        self._listing = listing
        self._links = links
        self._settings = settings

    def routes(self) -> list[Route]:
        """The routes."""
        listing = self._listing
        return [
            post("/v2/user/get", "user", self._user, hosts=_HOSTS),
            post("/v2/drive/list_my_drives", "drive", self._drives),
            post("/v2/drive/get_default_drive", "drive", self._default_drive),
            post("/v2/drive/get", "space", self._drive),
            post("/v2/databox/get_personal_info", "space", self._personal),
            post("/adrive/v1/user/driveCapacityDetails", "space", self._capacity),
            post("/business/v1.0/users/vip/info", "user", self._vip),
            self._reading("/adrive/v3/file/list", "list", listing.page),
            self._reading("/v2/file/list", "list", listing.page),
            self._reading("/v2/file/get", "info", listing.get),
            self._reading("/v2/file/get_by_path", "info", listing.by_path),
            self._reading("/adrive/v1/file/get_path", "info", listing.lineage),
            self._reading("/v2/file/walk", "list", listing.walk),
            self._reading("/v2/file/search", "search", listing.search, signed=False),
            self._reading("/adrive/v3/file/search", "search", listing.search, signed=False),
            self._reading(
                "/adrive/v1/file/get_folder_size_info", "info", listing.folder_size, signed=False
            ),
            self._reading("/v2/recyclebin/list", "trash", listing.trash, signed=False),
            self._reading("/adrive/v2/recyclebin/list", "trash", listing.trash, signed=False),
            post("/v2/file/get_download_url", "link", self.link, signed=True),
            post("/v2/file/get_video_preview_play_info", "preview", self._preview, signed=True),
        ]

    def get(self, call: Call) -> Response:
        """One object, for batches."""
        return respond(self._listing.get(self._reach.place(call), call.body))

    def link(self, call: Call) -> Response:
        """A download link."""
        place = self._reach.place(call)
        node = place.file(call.body.get("file_id"))
        seconds = call.body.get("expire_sec") or self._settings.default_link_s
        if not isinstance(seconds, int | float) or not 0 < seconds <= self._settings.max_link_s:
            raise invalid("expire_sec", f"expire_sec should be at most {self._settings.max_link_s}")
        return respond(self._links.answer(node, place, seconds, place.drive.owner.domain_id))

    def _reading(
        self,
        path: str,
        kind: str,
        read: Callable[[Place, dict[str, Any]], dict[str, Any]],
        *,
        signed: bool = True,
    ) -> Route:
        def handler(call: Call) -> Response:
            return respond(read(self._reach.place(call), call.body))

        return post(path, kind, handler, access="share", signed=signed)

    def _user(self, call: Call) -> Response:
        return respond(call.member.user.view())

    def _drives(self, call: Call) -> Response:
        user = call.member.user
        items = [
            drive.view(self._tree, self._settings, user.domain_id) for drive in user.drives.values()
        ]
        return respond({"items": items, "next_marker": ""})

    def _default_drive(self, call: Call) -> Response:
        user = call.member.user
        if call.body.get("user_id") not in (None, "", user.user_id):
            raise Refused("ForbiddenNoPermission.Drive", status=403)
        return respond(user.default.view(self._tree, self._settings, user.domain_id))

    def _drive(self, call: Call) -> Response:
        place = self._reach.place(call)
        return respond(place.drive.view(self._tree, self._settings, place.drive.owner.domain_id))

    def used(self, call: Call) -> int:
        """The bytes that all of the caller's drives hold."""
        drives = call.member.user.drives.values()
        return sum(self._tree.size(one.root) + self._tree.size(one.bin) for one in drives)

    def _personal(self, call: Call) -> Response:
        space = {"used_size": self.used(call), "total_size": self._settings.capacity_bytes}
        rights = {"spu_id": "free", "name": "普通用户", "is_expires": False, "privileges": []}
        return respond({"personal_rights_info": rights, "personal_space_info": space})

    def _capacity(self, call: Call) -> Response:
        return respond(
            {
                "drive_used_size": self.used(call),
                "drive_total_size": self._settings.capacity_bytes,
                "default_drive_used_size": self._tree.size(call.member.user.default.root),
                "album_drive_used_size": 0,
                "share_album_drive_used_size": 0,
                "note_drive_used_size": 0,
                "sbox_drive_used_size": 0,
            }
        )

    def _vip(self, call: Call) -> Response:
        return respond({"identity": "member", "icon": "", "vipList": []})

    def _preview(self, call: Call) -> Response:
        self._reach.place(call).file(call.body.get("file_id"))
        raise Refused("NotFound.VideoPreviewInfo")
