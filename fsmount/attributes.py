"""Extended attributes of a mount: what each file and folder tells under ``user.fsmount.``.

Those that are listed are known already. Those that cost a call to the provider are answered to whom
asks for them by name, and, being account secrets, to the mount's owner and root only: a backup
program that copies whatever is listed must neither ask a provider 100,000 times nor copy a signed
link.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fsmount.errors import Denied, IsFolder, NoAttribute, NotSupported

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from fsmount.model import Inode
    from fsmount.vfs.filesystem import Attributes, Filesystem

PREFIX = "user.fsmount."


@dataclass(frozen=True, slots=True, kw_only=True)
class Costly:
    """What a call to the provider tells of a file.

    Attributes:
        link: The direct link as plain data: url, headers.
        thumbnail: URL of a small picture.
    """

    link: Callable[[Attributes], Awaitable[Mapping[str, object]]]
    thumbnail: Callable[[Attributes], Awaitable[str]]


class ExtendedAttributes:
    """Names and values of the attributes of one tree.

    Args:
        filesystem: The tree.
        owner: Number of the user who mounted it.
        costly: Asked for links and thumbnails; None where there are none.
    """

    def __init__(self, filesystem: Filesystem, owner: int, costly: Costly | None) -> None:
        self._filesystem = filesystem
        self._owner = owner
        self._costly = costly

    async def names(self, inode: Inode) -> list[str]:
        """Return the names of what is known without asking anybody."""
        node = await self._filesystem.attributes(inode)
        return [PREFIX + name for name in self._free(node)]

    async def value(self, inode: Inode, name: str, uid: int) -> str:
        """Return one attribute for the user ``uid``.

        Raises:
            NoAttribute: There is none of this name.
            Denied: It is not for this user.
            FsmountError: The provider was asked, and failed.
        """
        if not name.startswith(PREFIX):
            # The kernel asks for security.* and ACLs of every file, again and again: no look at it.
            raise NoAttribute(f'there is no attribute "{name}"')
        wanted = name.removeprefix(PREFIX)
        node = await self._filesystem.attributes(inode)
        free = self._free(node)
        if wanted in free:
            return free[wanted]
        if wanted in ("url", "url_headers", "thumbnail") and self._costly is not None:
            if uid not in (0, self._owner):
                raise Denied(f'"{name}" is for the owner of the mount')
            return await self._asked(node, wanted, self._costly)
        raise NoAttribute(f'there is no attribute "{name}"')

    def _free(self, node: Attributes) -> dict[str, str]:
        entry = node.entry
        values = {"id": str(entry.id), "name": entry.name}
        algorithm, _, digest = entry.digest.partition(":")
        if digest:
            values[algorithm] = digest
        if not node.is_folder:
            values["cached"] = str(self._filesystem.cached(node.inode))
        return values

    @staticmethod
    async def _asked(node: Attributes, wanted: str, costly: Costly) -> str:
        try:
            if wanted == "thumbnail":
                return await costly.thumbnail(node)
            link = await costly.link(node)
        except (IsFolder, NotSupported) as exc:
            raise NoAttribute(str(exc)) from exc
        if wanted == "url":
            return str(link["url"])
        return json.dumps(link["headers"], ensure_ascii=False)
