"""Drivers: one package per provider, each ``api.py`` (wire), ``auth.py``, ``driver.py``.

``REGISTRY`` names them without importing them; ``load`` imports one on use. A driver's module
exports ``SPEC`` (``drivers.base.DriverSpec``), the whole of what is known about it unopened.
"""

from __future__ import annotations

from fsmount.drivers.registry import REGISTRY, load

__all__ = ["REGISTRY", "load"]
