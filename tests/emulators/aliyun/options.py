"""The command line that the three Aliyundrive emulators have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.emulators.pds.options import add_common_arguments, settings_of
from tests.emulators.pds.settings import SIGNATURE_CHECKS

if TYPE_CHECKING:
    import argparse

    from tests.emulators.pds.settings import Settings

# What the service grants one user at a time (Aliyundrive §10).
_BODIES = 3
_LARGEST_PAGE = 200


def add_aliyun_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what an Aliyundrive emulator can be asked to be besides."""
    add_common_arguments(parser, max_page=_LARGEST_PAGE, links="v2")
    parser.add_argument(
        "--signature-check",
        choices=SIGNATURE_CHECKS,
        default="shape",
        help="how strictly device signatures are checked",
    )
    parser.add_argument(
        "--token-kind",
        choices=("web", "mobile"),
        default="web",
        help="what the configured token is: links of a web token need a Referer",
    )


def aliyun_settings(arguments: argparse.Namespace) -> Settings:
    """The settings that a command line asks for."""
    settings = settings_of(arguments, max_bodies=_BODIES)
    settings.signature_check = arguments.signature_check
    return settings
