"""The drivers there are, by name, imported only when used."""

from __future__ import annotations

import difflib
import importlib
from typing import TYPE_CHECKING

from fsmount.errors import UsageError

if TYPE_CHECKING:
    from fsmount.drivers.base import Ability, DriverSpec

REGISTRY: dict[str, str] = {
    "aliyundrive": "fsmount.drivers.aliyundrive.driver",
    "aliyundrive_open": "fsmount.drivers.aliyundrive_open.driver",
    "aliyundrive_share": "fsmount.drivers.aliyundrive_share.driver",
    "cloudreve": "fsmount.drivers.cloudreve.driver",
    "p115": "fsmount.drivers.p115.driver",
    "p115_open": "fsmount.drivers.p115_open.driver",
    "p115_share": "fsmount.drivers.p115_share.driver",
    "pds": "fsmount.drivers.pds.driver",
}
"""Driver name to the module that holds its ``SPEC``."""


def titles_with(ability: Ability) -> list[str]:
    """Return what people call the drivers that have ``ability``; imports every driver."""
    specs = (load(name) for name in REGISTRY)
    return [spec.title for spec in specs if ability in spec.abilities]


def load(name: str) -> DriverSpec:
    """Return the declaration of the driver called ``name``.

    Raises:
        UsageError: There is no such driver; names the nearest one.
    """
    try:
        module = REGISTRY[name]
    except KeyError:
        near = difflib.get_close_matches(name, REGISTRY, n=1) or list(REGISTRY)
        raise UsageError(
            f'there is no driver "{name}"', advice=f"did you mean {' or '.join(near)}?"
        ) from None
    spec: DriverSpec = importlib.import_module(module).SPEC
    return spec
