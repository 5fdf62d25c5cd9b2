"""Trees on disk: nodes, inodes, shown names, completeness, loaded folder by folder."""

from __future__ import annotations


class TreeStore:
    """The persisted tree of one mount (owner: the vfs)."""
