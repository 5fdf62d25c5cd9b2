"""``remotes``: what is configured, and how to configure more."""

from __future__ import annotations

import click

from fsmount.cli.parameters import Group, Invocation
from fsmount.cli.rows import say


@click.group(cls=Group, invoke_without_command=True)
@click.pass_context
def remotes(ctx: click.Context) -> None:
    """List the configured remotes (driver, site, what of it, whether signed in) and mounts."""
    if ctx.invoked_subcommand is None:
        _list(ctx.find_object(Invocation) or Invocation())


def _list(invocation: Invocation) -> None:
    from fsmount import drivers
    from fsmount.config import load_config
    from fsmount.source import configured
    from fsmount.store.directories import find_directories
    from fsmount.store.tokens import token_path

    directories = find_directories()
    config = load_config(invocation.config, directories)
    if not config.remotes:
        where = f"in {config.path}" if config.path else "anywhere"
        click.echo(
            f'no remotes are configured {where}; "fsmount remotes example cloudreve" prints one',
            err=True,
        )
        return
    rows = []
    for name in config.remotes:
        source = configured(name, config)
        site = source.spec.account(source.options)[0]
        # A borrowed login is of its lender, which may be another driver of the family.
        who = drivers.load(source.signer_driver).account(source.signer)[1]
        signed_in = token_path(directories, source.account_key).exists()
        rows.append(
            (
                name,
                source.driver,
                site,
                source.spec.place(source.options),
                " ".join(part for part in (who, "(signed in)" if signed_in else "") if part),
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        say("  ".join(cells).rstrip())
    for name, mount in config.mounts.items():
        tree = ", ".join(f"{path}: {' + '.join(names)}" for path, names in mount.tree.items())
        say(f"{name}  mount of several  {tree}")


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
