"""Trees on disk: nodes, inodes, shown names, completeness, loaded folder by folder."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


class TreeStore:
    """The persisted tree of one mount (owner: the vfs)."""


@asynccontextmanager
async def open_tree_store(path: Path) -> AsyncIterator[TreeStore]:
    """Open the tree at ``path`` (``STATE/trees/KEY.sqlite``), its directory exists."""
    raise NotImplementedError
    yield
