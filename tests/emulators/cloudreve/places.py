"""From a URI and a user to a node: the file systems `my`, `share`, `trash`, `shared_with_me`.

Source: wire Cloudreve V4 §5, §6.4, §11 (server of 2025-06-21).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.emulators.cloudreve.envelope import Refused
from tests.emulators.cloudreve.uris import FileUri

if TYPE_CHECKING:
    from tests.emulators.cloudreve.shares import Share, Shares
    from tests.emulators.cloudreve.trash import Trash
    from tests.emulators.cloudreve.tree import Node, Tree
    from tests.emulators.cloudreve.users import User

REDIRECT = "sys:shared_redirect"  # metadata of a shortcut to a share (§6.3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A node as one user sees it through one file system."""

    uri: FileUri
    node: Node
    user: User
    share: Share | None = None

    @property
    def is_root(self) -> bool:
        """Whether the URI names the file system itself."""
        return not self.uri.names

    @property
    def owned(self) -> bool:
        """Whether the asker owns what is here."""
        return self.share is None or self.share.owner is self.user

    @property
    def writable(self) -> bool:
        """Whether anything may be changed here: nobody can write into a share (§11)."""
        return self.uri.fs == "my"


def not_found(name: str) -> Refused:
    """40016: a name on the way does not exist."""
    detail = f'failed to walk into "{name}": Path not exist: ent: file not found'
    return Refused(40016, "Path not exist", detail=detail)


def not_supported(detail: str | None = None) -> Refused:
    """403 for what cannot be done here."""
    outside = None if detail is None else f"Not supported action: {detail}"
    return Refused(403, "Not supported action", detail=outside)


class Places:
    """Resolves URIs; every handler begins here."""

    def __init__(self, tree: Tree, shares: Shares, trash: Trash) -> None:
        self._tree = tree
        self._shares = shares
        self._trash = trash

    def find(self, uri: FileUri, user: User) -> Place:
        """The place a URI names; raises Refused 401, 403, 404, 40016 or 40069."""
        if uri.fs == "share":
            return self._in_share(uri, user)
        if user.anonymous or user.root is None:
            raise Refused(401, "Login required")
        if uri.id and uri.id != user.id:
            raise Refused(403, "Permission denied")
        if uri.fs == "trash":
            return Place(uri=uri, node=self._trash.find(user, uri.names), user=user)
        node = user.root if uri.fs == "shared_with_me" else self._walk(user.root, uri.names)
        return Place(uri=uri, node=node, user=user)

    def find_new(self, uri: FileUri, user: User) -> Place:
        """The place of the nearest existing ancestor of what a URI is going to name.

        Raises Refused as `find`, and 403 where nothing can be made: in a share, below a file.
        """
        if uri.fs != "my":
            raise not_supported()
        names: tuple[str, ...] = ()
        place = self.find(FileUri(fs=uri.fs, id=uri.id), user)
        for name in uri.names[:-1]:
            child = self._tree.child(place.node, name)
            if child is None:
                break
            names += (name,)
            place = Place(uri=FileUri(fs=uri.fs, id=uri.id, names=names), node=child, user=user)
            if not child.is_folder:
                raise not_supported()
        return place

    def _in_share(self, uri: FileUri, user: User) -> Place:
        share = self._shares.opened(uri, user)
        if share.node.is_folder:
            return Place(uri=uri, node=self._walk(share.node, uri.names), user=user, share=share)
        if not uri.names:
            # A share of one file: its root shows the real parent folder, name and all (§11).
            return Place(uri=uri, node=share.node.parent or share.node, user=user, share=share)
        if uri.names != (share.node.name,):
            raise not_found(uri.names[0])
        return Place(uri=uri, node=share.node, user=user, share=share)

    def _walk(self, node: Node, names: tuple[str, ...]) -> Node:
        for name in names:
            if REDIRECT in node.metadata:
                raise Refused(403, "Symbolic folder cannot be walked into")
            child = self._tree.child(node, name) if node.is_folder else None
            if child is None:
                raise not_found(name)
            node = child
        return node
