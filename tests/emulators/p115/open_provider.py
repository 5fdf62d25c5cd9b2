"""The emulator's command line where the Open platform is what is mounted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.emulators.p115.provider import P115Provider, add_arguments

if TYPE_CHECKING:
    import argparse

__all__ = ["add_arguments", "make"]


def make(arguments: argparse.Namespace) -> P115Provider:
    """Make the service with the Open drive to mount."""
    return P115Provider(arguments, "p115_open")
