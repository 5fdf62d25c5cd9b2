"""The emulator's command line where a share is what is mounted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.emulators.p115.provider import P115Provider, add_arguments

if TYPE_CHECKING:
    import argparse

__all__ = ["add_arguments", "make"]


def make(arguments: argparse.Namespace) -> P115Provider:
    """Make the service with a share to mount."""
    return P115Provider(arguments, "p115_share")
