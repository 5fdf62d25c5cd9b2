"""``share``: what a share tells about itself; making, listing, changing, ending and saving them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from fsmount.cli.owning import cancel, create, shares, update
from fsmount.cli.parameters import Group, Invocation, with_options
from fsmount.cli.rows import local_time, printable, say
from fsmount.cli.saving import save
from fsmount.errors import NotSupported

if TYPE_CHECKING:
    from fsmount.model import ShareInfo


@click.group(cls=Group)
def share() -> None:
    """Ask about shares, make and end your own, save those of others."""


for command in (create, shares, update, cancel, save):
    share.add_command(command)


@share.command()
@click.argument("source")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@with_options
@click.pass_context
def info(ctx: click.Context, source: str, as_json: bool, options: tuple[str, ...]) -> None:
    """Show name, owner, end and limits of the share behind SOURCE."""
    import trio

    found = trio.run(_info, ctx.find_object(Invocation) or Invocation(), source, options)
    if as_json:
        import msgspec

        say(json.dumps(msgspec.to_builtins(found), ensure_ascii=False, indent=2))
        return
    for label, value in _told(found).items():
        say(f"{label:>14}: {printable(value)}")


async def _info(invocation: Invocation, source: str, options: tuple[str, ...]) -> ShareInfo:
    from fsmount.cli.session import open_source
    from fsmount.drivers.base import Ability, ShareDetails

    async with open_source(invocation, source, options) as remote:
        driver, spec = remote.driver, remote.source.spec
        if not remote.source.is_share:
            raise NotSupported(f'"{remote.source.shown}" is not a share')
        if Ability.SHARE_INFO not in spec.abilities or not isinstance(driver, ShareDetails):
            raise NotSupported(f"shares of {spec.title} tell nothing about themselves")
        return await driver.share_info()


def _told(found: ShareInfo) -> dict[str, str]:
    state = (
        "expired" if found.expired else "locked: it wants another code" if found.locked else "open"
    )
    told = {
        "name": found.name,
        "kind": "folder" if found.is_folder else "file",
        "state": state,
        "owner": found.owner,
        "created": local_time(found.created_ns),
        "expires": local_time(found.expires_ns) if found.expires_ns else "never, or not told",
        "views": "" if found.views is None else str(found.views),
        "downloads left": "" if found.downloads_left is None else str(found.downloads_left),
        **found.details,
    }
    return {label: value for label, value in told.items() if value}
