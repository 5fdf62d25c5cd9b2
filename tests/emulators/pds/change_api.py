"""Handlers that change an own drive, upload to it and follow tasks; each API has its own routes.

Sources: PDS §6.3, Aliyundrive §8, §9, §B5, Aliyundrive Open §5.2, §5.4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.emulators.pds import times
from tests.emulators.pds.changes import check_name
from tests.emulators.pds.errors import Refused, empty, invalid, respond

if TYPE_CHECKING:
    from tests.emulators.messages import Response
    from tests.emulators.pds.changes import Changes
    from tests.emulators.pds.listing import Listing
    from tests.emulators.pds.reach import Place, Reach
    from tests.emulators.pds.routes import Call
    from tests.emulators.pds.tasks import Tasks
    from tests.emulators.pds.tree import Node
    from tests.emulators.pds.uploads import Uploads


class ChangeApi:
    """The changing calls in one dialect: "pds", "aliyun" or "open".

    In "aliyun" a clash of names is refused by 409, in the others it is told by `exist`; a rapid
    upload needs a proof in all but "pds".
    """

    def __init__(
        self,
        reach: Reach,
        changes: Changes,
        uploads: Uploads,
        tasks: Tasks,
        listing: Listing,
        dialect: str,
    ) -> None:
        self._dialect = dialect
        self._reach = reach
        self._changes = changes
        self._uploads = uploads
        self._tasks = tasks
        self._listing = listing

    def update(self, call: Call) -> Response:
        """Rename, star or hide."""
        place = self._reach.place(call)
        node = place.node(call.body.get("file_id"))
        if call.body.get("name") is not None:
            usual = "refuse" if self._dialect == "aliyun" else "ignore"
            mode = str(call.body.get("check_name_mode") or usual)
            self._changes.rename(node, call.body["name"], mode)
        node.starred = bool(call.body.get("starred", node.starred))
        node.hidden = bool(call.body.get("hidden", node.hidden))
        node.touch()
        return respond(self._listing.one(place, node))

    def move(self, call: Call) -> Response:
        """Move, and rename on the way."""
        node, target, folder = self._way(call)
        body = call.body
        mode = "auto_rename" if body.get("auto_rename") else "refuse"
        if self._dialect != "aliyun" and not body.get("auto_rename"):
            mode = str(body.get("check_name_mode") or "ignore")
        there = self._changes.move(node, target, folder, name=body.get("new_name"), mode=mode)
        if there is not None and self._dialect == "aliyun":
            raise self._changes.clash(there)
        value = self._moved(target, there or node) | {
            "file_name": node.name,
            "exist": there is not None,
            "async_task_id": "",
            "updated_at": times.written(node.updated_ns),
        }
        if node.is_folder and there is None:
            value["async_task_id"] = self._changes.task()
        return respond(value)

    def copy(self, call: Call) -> Response:
        """Copy within the own drive, or save from a share: 201 for a file, 202 for a folder."""
        node, target, folder = self._way(call)
        source = self._reach.place(call)
        if source.share is not None:
            if source.share.flags["disable_save"]:
                raise Refused("ForbiddenNoPermission.File")
            source.share.count("save_count", "save_limit")
        twin, task_id = self._changes.copy(
            node,
            target,
            folder,
            name=call.body.get("new_name"),
            rename=bool(call.body.get("auto_rename")),
        )
        value = self._moved(target, twin)
        if not task_id:
            return respond(value, 201)
        return respond(value | {"async_task_id": task_id}, 202)

    def trash(self, call: Call) -> Response:
        """Into the recycle bin: 204, for a folder 202 and a task that is done already."""
        place = self._reach.place(call)
        node = place.node(call.body.get("file_id"))
        self._changes.trash(place, node)
        return self._gone(place, node)

    def restore(self, call: Call) -> Response:
        """Out of the recycle bin."""
        place = self._reach.place(call)
        self._changes.restore(place, place.node(call.body.get("file_id")))
        return empty()

    def delete(self, call: Call) -> Response:
        """For good."""
        place = self._reach.place(call)
        node = place.node(call.body.get("file_id"))
        self._changes.delete(node)
        return empty() if self._dialect == "aliyun" else self._gone(place, node)

    def task(self, call: Call) -> Response:
        """How far a task is; inside a batch a running one is told by 202."""
        value = self._tasks.answer(call.body.get("async_task_id"))
        return respond(value)

    def task_in_batch(self, call: Call) -> Response:
        """How far a task is: sub-status 200 done, 202 running (§B5)."""
        value = self._tasks.answer(call.body.get("async_task_id"))
        return respond(value, 202 if value["state"] == "Running" else 200)

    def create(self, call: Call) -> Response:
        """Make a folder, or begin an upload."""
        place = self._reach.place(call)
        body = call.body
        folder = place.folder(body.get("parent_file_id"))
        mode = str(body.get("check_name_mode") or "ignore")
        common = {"parent_file_id": folder.file_id, **_where(place)}
        if body.get("type") == "folder":
            node, existed = self._changes.make_folder(place, folder, str(body.get("name")), mode)
            value = {"type": "folder", "file_id": node.file_id, "file_name": node.name}
            value |= {"encrypt_mode": "none", "status": "available", "exist": existed}
            return respond(common | value, 201)
        if body.get("type") != "file":
            raise invalid("type")
        name, there = self._changes.free_name(folder, check_name(body.get("name")), mode)
        if there is not None:
            value = {"type": there_type(there), "file_id": there.file_id, "file_name": name}
            return respond(common | value | {"exist": True, "part_info_list": []}, 201)
        size, proof = body.get("size"), self._dialect != "pds"
        self._changes.reserve(place, size if isinstance(size, int) else 0)
        return respond(common | self._uploads.create(place, folder, name, body, proof=proof), 201)

    def upload_urls(self, call: Call) -> Response:
        """Fresh addresses for parts."""
        place = self._reach.place(call)
        value = {name: call.body.get(name) for name in ("file_id", "upload_id")}
        parts = self._uploads.urls(call.body)
        return respond(_where(place) | value | {"part_info_list": parts})

    def uploaded(self, call: Call) -> Response:
        """The parts that are there."""
        self._reach.place(call)
        value = {name: call.body.get(name) for name in ("file_id", "upload_id")}
        parts = {"uploaded_parts": self._uploads.parts(call.body), "parallel_upload": False}
        return respond(value | parts | {"next_part_number_marker": ""})

    def complete(self, call: Call) -> Response:
        """Make the file of its parts."""
        place = self._reach.place(call)
        node = self._uploads.complete(call.body)
        return respond(self._listing.one(place, node))

    def clear(self, call: Call) -> Response:
        """Empty the recycle bin."""
        place = self._reach.place(call)
        self._changes.clear(place)
        task_id = self._changes.task()
        return respond(_where(place) | {"task_id": task_id, "async_task_id": task_id}, 202)

    def cross_copy(self, call: Call) -> Response:
        """Copy to another own drive."""
        return self._cross(call, moving=False)

    def cross_move(self, call: Call) -> Response:
        """Move to another own drive."""
        return self._cross(call, moving=True)

    def _cross(self, call: Call, *, moving: bool) -> Response:
        body = call.body
        source = self._reach.own(call, body.get("from_drive_id"), "from_drive_id")
        target = self._reach.own(call, body.get("to_drive_id"), "to_drive_id")
        folder = target.folder(body.get("to_parent_fileId"), "to_parent_fileId")
        items = []
        for file_id in body.get("from_file_ids") or []:
            node = source.node(file_id)
            if moving:
                self._changes.move(node, target, folder, name=None, mode="auto_rename")
                done = node
            else:
                done, _ = self._changes.copy(node, target, folder, name=None, rename=True)
            items.append(
                {
                    "drive_id": target.drive.drive_id,
                    "file_id": done.file_id,
                    "source_drive_id": source.drive.drive_id,
                    "source_file_id": file_id,
                    "status": 200 if moving else 201,
                }
            )
        return respond({"items": items})

    def _way(self, call: Call) -> tuple[Node, Place, Node]:
        """What is moved or copied, the drive it goes to, and the folder there."""
        source = self._reach.place(call)
        node = source.node(call.body.get("file_id"))
        if node.is_trashed:
            raise Refused("ForbiddenFileInTheRecycleBin")
        to_drive = call.body.get("to_drive_id")
        if not to_drive and source.share is not None:
            raise invalid("to_drive_id")
        target = self._reach.own(call, to_drive or source.drive.drive_id, "to_drive_id")
        folder = target.folder(call.body.get("to_parent_file_id"), "to_parent_file_id")
        return node, target, folder

    def _moved(self, target: Place, node: Node) -> dict[str, Any]:
        return _where(target) | {"file_id": node.file_id}

    def _gone(self, place: Place, node: Node) -> Response:
        if not node.is_folder:
            return empty()
        value = _where(place) | {"file_id": node.file_id}
        return respond(value | {"async_task_id": self._changes.task()}, 202)


def there_type(node: Node) -> str:
    """What a node is called."""
    return "folder" if node.is_folder else "file"


def _where(place: Place) -> dict[str, Any]:
    return {"domain_id": place.drive.owner.domain_id, "drive_id": place.drive.drive_id}
