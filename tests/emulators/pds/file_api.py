"""Routes of a PDS domain: users, drives, files and what changes them. Sources: PDS §3, §6."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.emulators.messages import Response
from tests.emulators.pds.errors import Refused, invalid, respond
from tests.emulators.pds.routes import Route, post

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.emulators.pds.change_api import ChangeApi
    from tests.emulators.pds.drives import User
    from tests.emulators.pds.links import Links
    from tests.emulators.pds.listing import Listing
    from tests.emulators.pds.reach import Place, Reach
    from tests.emulators.pds.routes import Call
    from tests.emulators.pds.settings import Settings
    from tests.emulators.pds.tree import Tree

_SHORTEST_LINK_S = 1


class FileApi:
    """The calls about files, drives and users."""

    def __init__(
        self,
        reach: Reach,
        tree: Tree,
        listing: Listing,
        links: Links,
        changing: ChangeApi,
        settings: Settings,
    ) -> None:
        self._reach = reach
        self._tree = tree
        self._listing = listing
        self._links = links
        self._changing = changing
        self._settings = settings

    def routes(self) -> list[Route]:
        """The routes."""
        return [*self._reading_routes(), *self._changing_routes()]

    def _reading_routes(self) -> list[Route]:
        listing = self._listing
        return [
            post("/v2/user/get", "user", self._user),
            post("/v2/drive/get", "space", self._drive),
            post("/v2/drive/get_default_drive", "drive", self._default_drive),
            post("/v2/drive/list_my_drives", "drive", self._drives),
            post("/v2/drive/list_my_group_drive", "drive", self._group_drives),
            post("/v2/domain/get_quota", "space", self._quota),
            self._reading("/v2/file/list", "list", listing.page),
            self._reading("/v2/file/get", "info", listing.get),
            self._reading("/v2/file/get_by_path", "info", listing.by_path),
            self._reading("/v2/file/search", "search", listing.search),
            self._reading("/v2/file/scan", "list", listing.walk),
            self._reading("/v2/recyclebin/list", "trash", listing.trash),
            post("/v2/file/get_download_url", "link", self.link, access="share"),
            Route(
                method="GET",
                path="/v2/file/download",
                kind="link",
                handler=self._download,
                hosts=("api",),
                access="share",
            ),
            post("/v2/file/get_video_preview_play_info", "preview", self._preview, access="share"),
        ]

    def _changing_routes(self) -> list[Route]:
        changing = self._changing
        return [
            post("/v2/file/create", "create", changing.create),
            post("/v2/file/get_upload_url", "upload", changing.upload_urls),
            post("/v2/file/list_uploaded_parts", "upload", changing.uploaded),
            post("/v2/file/complete", "upload", changing.complete),
            post("/v2/file/update", "update", changing.update),
            post("/v2/file/move", "move", changing.move),
            post("/v2/file/copy", "copy", changing.copy),
            post("/v2/file/delete", "delete", changing.delete),
            post("/v2/recyclebin/trash", "delete", changing.trash),
            post("/v2/recyclebin/restore", "restore", changing.restore),
            post("/v2/recyclebin/clear", "delete", changing.clear),
            post("/v2/async_task/get", "task", changing.task),
        ]

    def get(self, call: Call) -> Response:
        """One object, for batches."""
        return respond(self._listing.get(self._reach.place(call), call.body))

    def link(self, call: Call) -> Response:
        """A download link; of a share as far as its owner allows."""
        place = self._reach.place(call)
        node = place.file(call.body.get("file_id"))
        longest_s = self._settings.max_link_s
        seconds = call.body.get("expire_sec") or self._settings.default_link_s
        if not isinstance(seconds, int | float) or not _SHORTEST_LINK_S <= seconds <= longest_s:
            raise invalid("expire_sec", f"expire_sec should be at most {longest_s}")
        if place.share is not None:
            if place.share.flags["disable_download"]:
                raise Refused("ForbiddenNoPermission.File")
            place.share.count("download_count", "download_limit")
        return respond(self._links.answer(node, place, seconds, place.drive.owner.domain_id))

    def _reading(
        self,
        path: str,
        kind: str,
        read: Callable[[Place, dict[str, Any]], dict[str, Any]],
    ) -> Route:
        def handler(call: Call) -> Response:
            return respond(read(self._reach.place(call), call.body))

        return post(path, kind, handler, access="share")

    def _download(self, call: Call) -> Response:
        """The same link as a redirection, for callers that can only follow one."""
        place = self._reach.place(call)
        node = place.file(call.body.get("file_id"))
        url, _ = self._links.make(node, place, self._settings.default_link_s)
        return Response(status=302, headers={"location": url})

    def _user(self, call: Call) -> Response:
        user = call.member.user
        if call.body.get("user_id") not in (None, "", user.user_id):
            raise Refused("ForbiddenNoPermission.User", status=403)
        return respond(user.view())

    def _shown(self, user: User) -> list[dict[str, Any]]:
        drives = user.drives.values()
        return [one.view(self._tree, self._settings, user.domain_id) for one in drives]

    def _drive(self, call: Call) -> Response:
        place = self._reach.place(call)
        user = place.drive.owner
        return respond(place.drive.view(self._tree, self._settings, user.domain_id))

    def _default_drive(self, call: Call) -> Response:
        return respond(self._shown(call.member.user)[0])

    def _drives(self, call: Call) -> Response:
        return respond({"items": self._shown(call.member.user), "next_marker": ""})

    def _group_drives(self, call: Call) -> Response:
        return respond({"items": [], "next_marker": "", "root_group_drive": None})

    def _quota(self, call: Call) -> Response:
        used = sum(drive["used_size"] for drive in self._shown(call.member.user))
        return respond(
            {
                "size_quota": self._settings.capacity_bytes,
                "size_used": used,
                "user_count_quota": 100,
                "user_count_used": 2,
            }
        )

    def _preview(self, call: Call) -> Response:
        self._reach.place(call).file(call.body.get("file_id"))
        raise Refused("NotFound.VideoPreviewInfo")
