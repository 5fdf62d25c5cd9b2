"""``remotes``: what is configured, and how to configure more."""

from __future__ import annotations

import click

from fsmount.cli.parameters import Group, Invocation
from fsmount.cli.rows import say


@click.group(cls=Group, invoke_without_command=True)
@click.pass_context
def remotes(ctx: click.Context) -> None:
    """List the configured remotes: name, driver, site, what is mounted, whether signed in."""
    if ctx.invoked_subcommand is None:
        _list(ctx.find_object(Invocation) or Invocation())


def _list(invocation: Invocation) -> None:
    from fsmount import drivers
    from fsmount.config import load_config
    from fsmount.store.directories import find_directories

    config = load_config(invocation.config, find_directories())
    if not config.remotes:
        where = f"in {config.path}" if config.path else "anywhere"
        click.echo(
            f'no remotes are configured {where}; "fsmount remotes example cloudreve" prints one',
            err=True,
        )
        return
    rows = []
    for name, remote in config.remotes.items():
        spec = drivers.load(remote.driver)
        site, who = spec.account(remote.options)
        rows.append((name, remote.driver, site, spec.place(remote.options), who))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, [*widths, 0], strict=True)]
        say("  ".join(cells).rstrip())


@remotes.command()
@click.argument("driver")
def example(driver: str) -> None:
    """Print a stanza for the configuration file, and every option that DRIVER knows."""
    from fsmount import drivers
    from fsmount.drivers.declared import declared

    spec = drivers.load(driver)
    say(spec.example.rstrip())
    say("")
    say(f"# Everything that {spec.title} knows:")
    for option in declared(spec.options):
        say(f"#   {option.name}: {option.help}")
