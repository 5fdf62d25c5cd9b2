"""Calls over several URIs: what went wrong with one of them does not keep the others.

Source: wire Cloudreve V4 §14 (40081) and the recordings url_one_missing, delete_partial,
move_partial (server of 2025-06-21).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from tests.emulators.cloudreve.envelope import Refused, invalid
from tests.emulators.cloudreve.uris import FileUri, parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.emulators.cloudreve.places import Place, Places
    from tests.emulators.cloudreve.users import User

Value = TypeVar("Value")


def read(body: dict[str, Any]) -> list[FileUri]:
    """The URIs of a batch call; one that cannot be read refuses the whole call (40001)."""
    uris = body.get("uris")
    if not isinstance(uris, list) or not all(isinstance(uri, str) for uri in uris):
        raise invalid("Parameter error")
    return [parse(uri) for uri in uris]


def each(
    uris: list[FileUri],
    places: Places,
    user: User,
    act: Callable[[Place], Value],
    while_finding: str = "failed to get target file: ",
) -> list[Value]:
    """Find and do something for every URI; gives what `act` gave.

    Raises Refused 40081 with all that went wrong; what went right stays done. The outer text is
    that of the first failure, and says so when it was one of finding.
    """
    failures: dict[str, Refused] = {}
    summary = ""
    values = []
    for uri in uris:
        lead = while_finding
        try:
            place = places.find(uri, user)
            lead = ""
            values.append(act(place))
        except Refused as exc:
            summary = summary or lead + exc.detail
            failures[str(uri)] = exc
    if failures:
        raise Refused(40081, summary, aggregated=failures)
    return values
