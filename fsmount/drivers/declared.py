"""What a driver's option struct declares, as plain values.

Configuration, redaction, the cli's help and the README's tables are all made from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from fsmount.drivers.base import DriverOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One declared option.

    Attributes:
        name: As written in the configuration.
        help: For people.
        default: When it is not given.
        sensitive: A secret: never shown, never taken from a command line.
        code: A share's code: may stand in a SOURCE, never shown.
    """

    name: str
    help: str
    default: object
    sensitive: bool
    code: bool


def declared(options: type[DriverOptions]) -> tuple[Option, ...]:
    """Return the options that ``options`` declares, in order."""
    info = msgspec.inspect.type_info(options)
    assert isinstance(info, msgspec.inspect.StructType)
    found = []
    for each in info.fields:
        extra: dict[str, Any] = {}
        help_text = ""
        kind = each.type
        while isinstance(kind, msgspec.inspect.Metadata):
            extra |= kind.extra or {}
            help_text = help_text or (kind.extra_json_schema or {}).get("description", "")
            kind = kind.type
        found.append(
            Option(
                name=each.name,
                help=help_text,
                default=None if each.default is msgspec.NODEFAULT else each.default,
                sensitive=bool(extra.get("sensitive")),
                code=bool(extra.get("code")),
            )
        )
    return tuple(found)
