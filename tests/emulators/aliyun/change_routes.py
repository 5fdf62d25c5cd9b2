"""Where the apps' own changing calls are. Sources: Aliyundrive §8, §9."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.emulators.pds.routes import post

if TYPE_CHECKING:
    from tests.emulators.pds.change_api import ChangeApi
    from tests.emulators.pds.routes import Route


def change_routes(changing: ChangeApi) -> list[Route]:
    """The routes."""
    return [
        post("/adrive/v2/file/createWithFolders", "create", changing.create),
        post("/v2/file/create_with_proof", "create", changing.create),
        post("/v2/file/create", "create", changing.create),
        post("/v2/file/get_upload_url", "upload", changing.upload_urls),
        post("/v2/file/list_uploaded_parts", "upload", changing.uploaded),
        post("/v2/file/complete", "upload", changing.complete),
        post("/v3/file/update", "update", changing.update),
        post("/adrive/v3/file/update", "update", changing.update),
        post("/v2/file/move", "move", changing.move),
        post("/adrive/v3/file/move", "move", changing.move),
        post("/v2/file/copy", "copy", changing.copy),
        post("/adrive/v2/file/crossDriveCopy", "copy", changing.cross_copy),
        post("/adrive/v2/file/crossDriveMove", "move", changing.cross_move),
        post("/v2/recyclebin/trash", "delete", changing.trash),
        post("/v2/recyclebin/restore", "restore", changing.restore),
        post("/v2/recyclebin/clear", "delete", changing.clear),
        post("/v2/async_task/get", "task", changing.task),
    ]
