"""What a caller may touch: a drive of the one who is signed in, or a share with its token.

Sources: PDS §1.1, Aliyundrive §B3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.emulators.pds.errors import Refused, invalid
from tests.emulators.pds.tree import ROOT

if TYPE_CHECKING:
    from tests.emulators.pds.drives import Drive
    from tests.emulators.pds.routes import Call
    from tests.emulators.pds.shares import Share, Shares
    from tests.emulators.pds.tokens import Session
    from tests.emulators.pds.tree import Node, Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A drive as one caller sees it: wholly, or what a share shows of it."""

    drive: Drive
    share: Share | None
    session: Session | None
    tree: Tree

    def node(self, file_id: Any, parameter: str = "file_id") -> Node:
        """The node of an id, the drive's root for "root"; raises Refused 404."""
        if not isinstance(file_id, str) or not file_id:
            raise invalid(parameter)
        if file_id == ROOT:
            return self.drive.root
        node = self.tree.find(file_id)
        if node is None or not self.drive.holds(node):
            raise Refused("NotFound.File")
        if self.share is not None and not self.share.shows(node):
            raise Refused("ForbiddenFileInTheRecycleBin" if node.is_trashed else "NotFound.File")
        return node

    def file(self, file_id: Any) -> Node:
        """The file of an id that may be read; raises Refused for folders and what was trashed."""
        node = self.node(file_id)
        if node.is_folder:
            raise Refused("InvalidResource.FileTypeFolder")
        if node.is_trashed:
            raise Refused("ForbiddenFileInTheRecycleBin")
        if node.uploading:
            raise Refused("NotFound.File")
        return node

    def folder(self, file_id: Any, parameter: str = "parent_file_id") -> Node:
        """The folder of an id; raises Refused for files and what was trashed."""
        node = self.node(file_id, parameter)
        if not node.is_folder:
            raise invalid(parameter, "not a folder")
        if node.is_trashed:
            raise Refused("ForbiddenFileInTheRecycleBin")
        return node

    def by_path(self, path: Any) -> Node:
        """The node of a path from the root; raises Refused 404."""
        if not isinstance(path, str) or not path.startswith("/"):
            raise invalid("file_path")
        names = [name for name in path.split("/") if name]
        if not names:
            return self.drive.root
        if self.share is None:
            self.tree.look(self.drive.root)
            candidates = list(self.drive.root.children.values())
        else:
            candidates = self.share.tops(self.tree)
        node = None
        for name in names:
            node = next((one for one in candidates if one.name == name), None)
            if node is None or node.uploading:
                raise Refused("NotFound.File")
            self.tree.look(node)
            candidates = list(node.children.values())
        assert node is not None
        return node


class Reach:
    """Finds the place that a call's body names."""

    def __init__(self, tree: Tree, shares: Shares) -> None:
        self._tree = tree
        self._shares = shares

    def place(self, call: Call, drive_key: str = "drive_id") -> Place:
        """The place; raises Refused.

        `share_id` in place of `drive_id`; when both are sent `drive_id` is ignored (PDS §1.1).
        """
        if call.body.get("share_id"):
            share = self._shares.opened(call.body["share_id"], call.share_token)
            return Place(drive=share.drive, share=share, session=call.session, tree=self._tree)
        return self.own(call, call.body.get(drive_key), drive_key)

    def own(self, call: Call, drive_id: Any, parameter: str = "drive_id") -> Place:
        """A drive of the one who is signed in; raises Refused."""
        session = call.member
        if isinstance(drive_id, int) and not isinstance(drive_id, bool):
            drive_id = str(drive_id)
        if not isinstance(drive_id, str) or not drive_id:
            raise invalid(parameter)
        drive = session.user.drives.get(drive_id)
        if drive is None:
            raise Refused("NotFound.Drive")
        return Place(drive=drive, share=None, session=session, tree=self._tree)
