"""The command line that the emulators of the family have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.emulators.pds.settings import SWITCHES, Settings

if TYPE_CHECKING:
    import argparse


def add_common_arguments(parser: argparse.ArgumentParser, *, max_page: int, links: str) -> None:
    """Add what every emulator of the family can be asked to be."""
    add = parser.add_argument
    add("--share-password", default="", help="the code of the share")
    add("--access-life", type=float, default=7200.0, help="seconds an access token lives")
    add("--share-token-life", type=float, default=7200.0, help="seconds a share token lives")
    add("--link-life", type=float, default=0.0, help="seconds a link lives at most; 0: as asked")
    add("--links", choices=("v1", "v2"), default=links, help="how links are signed")
    add("--max-page", type=int, default=max_page, help="the largest page of a listing")
    add("--max-bodies", type=int, help="content answers at a time; 0: any number")
    add("--async-polls", type=int, default=2, help="how often a task is still running")
    add("--speed-limit", type=float, default=0.0, help="bytes per second and connection")
    add(
        "--defect",
        action="append",
        default=[],
        choices=list(SWITCHES),
        help="switch a habit of the real service on; may be repeated",
    )


def settings_of(arguments: argparse.Namespace, *, max_bodies: int) -> Settings:
    """The settings that a command line asks for."""
    settings = Settings(
        origin=arguments.origin.rstrip("/") if arguments.origin else None,
        access_life_s=arguments.access_life,
        share_token_life_s=arguments.share_token_life,
        link_life_s=arguments.link_life,
        max_page=arguments.max_page,
        max_bodies=max_bodies if arguments.max_bodies is None else arguments.max_bodies,
        async_polls=arguments.async_polls,
        speed_limit=arguments.speed_limit,
    )
    settings.switch("v1-links", on=arguments.links == "v1")
    for name in arguments.defect:
        settings.switch(name, on=True)
    return settings
