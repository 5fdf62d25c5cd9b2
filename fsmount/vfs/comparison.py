"""A finished listing beside what the tree has of its folder: what is what it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from fsmount.model import Entry, EntryId
    from fsmount.vfs.nodes import Node, Part


def unchanged(
    entries: Sequence[Entry], by_id: Mapping[EntryId, Node], part: Part
) -> dict[EntryId, Entry | bytes]:
    """Return what is kept of those entries that are what they were."""
    return {
        entry.id: node.kept
        for entry in entries
        if (node := by_id.get(entry.id)) is not None and node.part is part and node.shows(entry)
    }


def kept_names(
    entries: Sequence[Entry],
    by_id: Mapping[EntryId, Node],
    part: Part,
    same: Container[EntryId] = (),
) -> dict[EntryId, str]:
    """Return the shown names of entries whose own name is what it was; ``same`` are known to be."""
    return {
        entry.id: node.name
        for entry in entries
        if (node := by_id.get(entry.id)) is not None
        and (entry.id in same or node.name_in(part) == entry.name)
    }


def kinds(nodes: Mapping[str, Node]) -> dict[str, bool]:
    """Return which of ``nodes`` are folders, by name."""
    return {name: node.is_folder for name, node in nodes.items()}
