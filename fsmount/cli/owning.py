"""``share create``, ``list``, ``update`` and ``cancel``: the shares that an account has made."""

from __future__ import annotations

import json
import re
import secrets
import string
from typing import TYPE_CHECKING, Any

import click

from fsmount.cli import failures
from fsmount.cli.parameters import Command, Invocation, with_options
from fsmount.cli.rows import local_time, printable, say
from fsmount.errors import FsmountError, NotSupported

if TYPE_CHECKING:
    from collections.abc import Callable

    from fsmount.drivers.base import Ability, Driver
    from fsmount.model import OwnShare
    from fsmount.remote import Remote

_UNITS_S = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_MADE_UP = "\0"  # what --password means alone; nobody can type it
# Four letters and digits are a code everywhere: some providers take no other length.
_CODE_LENGTH = 4
_CODE_LETTERS = string.ascii_lowercase + string.digits


def _lifetime_s(
    _ctx: click.Context, _parameter: click.Parameter, value: str | None
) -> float | None:
    """Return the seconds of ``30m``, ``12h``, ``7d``, ``2w``; -1 for ``never``, None for None."""
    if value is None:
        return None
    text = value.strip().lower()
    if text == "never":
        return -1.0
    found = re.fullmatch(r"([1-9][0-9]{0,5})([mhdw])", text)
    if found is None:
        raise click.BadParameter(f'"{value}" is not a time; write 30m, 12h, 7d, 2w or never')
    return float(int(found[1]) * _UNITS_S[found[2]])


def _code_options(function: Callable[..., Any]) -> Callable[..., Any]:
    function = click.option("--no-password", is_flag=True, help="Open to whoever has the link.")(
        function
    )
    return click.option(
        "--password",
        "code",
        is_flag=False,
        flag_value=_MADE_UP,
        metavar="[CODE]",
        help="Code that opens the share; one is made up when CODE is left out.",
    )(function)


_expires = click.option(
    "--expires",
    callback=_lifetime_s,
    metavar="TIME",
    help="How long it lives: 30m, 12h, 7d, 2w or never.",
)
_as_json = click.option("--json", "as_json", is_flag=True, help="As JSON.")


@click.command(
    cls=Command,
    epilog="\b\n"
    "fsmount share create photos 2024/summer --expires 7d --password\n"
    "fsmount share create photos a.jpg b.jpg --name pictures --password=k9f2",
)
@click.argument("remote")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@_code_options
@_expires
@click.option("--name", default="", help="What the share is called.")
@_as_json
@with_options
@click.pass_obj
def create(
    invocation: Invocation,
    remote: str,
    paths: tuple[str, ...],
    code: str | None,
    no_password: bool,
    expires: float | None,
    name: str,
    as_json: bool,
    options: tuple[str, ...],
) -> None:
    """Share files and folders of REMOTE, and print the link."""
    import trio

    lifetime_s = None if expires is None or expires < 0 else expires
    wanted = _code(code, without=no_password)
    _show_made(
        trio.run(_create, invocation, remote, paths, wanted, lifetime_s, name, options), as_json
    )


async def _create(
    invocation: Invocation,
    text: str,
    paths: tuple[str, ...],
    code: str | None,
    lifetime_s: float | None,
    name: str,
    options: tuple[str, ...],
) -> OwnShare:
    from fsmount.cli.session import open_browsed
    from fsmount.drivers.base import Ability, CreatesShares

    async with open_browsed(invocation, text, options) as (remote, tree):
        driver = own(remote, Ability.SHARE_CREATE)
        assert isinstance(driver, CreatesShares)
        entries = [(await tree.find(path.strip("/"))).entry for path in paths]
        return await driver.create_share(entries, name=name, code=code, lifetime_s=lifetime_s)


@click.command(name="list", cls=Command)
@click.argument("remote")
@_as_json
@with_options
@click.pass_obj
def shares(invocation: Invocation, remote: str, as_json: bool, options: tuple[str, ...]) -> None:
    """List the shares that the account of REMOTE has made, newest first."""
    import trio

    found = trio.run(_list, invocation, remote, options)
    if as_json:
        say(json.dumps([_plain(each) for each in found], ensure_ascii=False, indent=2))
        return
    if not found:
        click.echo(f"{remote}: nothing is shared", err=True)
        return
    for line in _table(found):
        say(line)


async def _list(invocation: Invocation, text: str, options: tuple[str, ...]) -> list[OwnShare]:
    from fsmount.cli.session import open_source
    from fsmount.drivers.base import Ability, ListsShares

    found: list[OwnShare] = []
    async with open_source(invocation, text, options) as remote:
        driver = own(remote, Ability.SHARE_LIST)
        assert isinstance(driver, ListsShares)
        cursor = None
        while True:
            page, cursor = await driver.own_shares(cursor)
            found.extend(page)
            if cursor is None:
                return found


@click.command(
    cls=Command,
    epilog="\b\nfsmount share update photos AbC1 --expires 30d --no-password",
)
@click.argument("remote")
@click.argument("share_id", metavar="ID")
@_code_options
@_expires
@click.option("--name", help="What the share is called.")
@_as_json
@with_options
@click.pass_obj
def update(
    invocation: Invocation,
    remote: str,
    share_id: str,
    code: str | None,
    no_password: bool,
    expires: float | None,
    name: str | None,
    as_json: bool,
    options: tuple[str, ...],
) -> None:
    """Change code, end or name of a share that the account of REMOTE has made."""
    import trio

    wanted = _code(code, without=no_password)
    if wanted is None and expires is None and name is None:
        raise click.UsageError("say what to change: --password, --no-password, --expires, --name")
    changed = trio.run(_update, invocation, remote, share_id, wanted, expires, name, options)
    _show_made(changed, as_json)


async def _update(
    invocation: Invocation,
    text: str,
    share_id: str,
    code: str | None,
    expires: float | None,
    name: str | None,
    options: tuple[str, ...],
) -> OwnShare:
    from fsmount.cli.session import open_source
    from fsmount.drivers.base import Ability, UpdatesShares

    never = expires is not None and expires < 0
    async with open_source(invocation, text, options) as remote:
        driver = own(remote, Ability.SHARE_UPDATE)
        assert isinstance(driver, UpdatesShares)
        return await driver.update_share(
            _ident(remote, share_id),
            name=name,
            code=code,
            lifetime_s=None if never else expires,
            never_expires=never,
        )


@click.command(cls=Command)
@click.argument("remote")
@click.argument("share_ids", nargs=-1, required=True, metavar="ID...")
@with_options
@click.pass_obj
def cancel(
    invocation: Invocation, remote: str, share_ids: tuple[str, ...], options: tuple[str, ...]
) -> int:
    """End shares that the account of REMOTE has made; their links are dead then."""
    import trio

    return trio.run(_cancel, invocation, remote, share_ids, options)


async def _cancel(
    invocation: Invocation, text: str, share_ids: tuple[str, ...], options: tuple[str, ...]
) -> int:
    from fsmount.cli.session import open_source
    from fsmount.drivers.base import Ability, CancelsShares

    code = failures.DONE
    async with open_source(invocation, text, options) as remote:
        driver = own(remote, Ability.SHARE_CANCEL)
        assert isinstance(driver, CancelsShares)
        for share_id in (_ident(remote, each) for each in share_ids):
            try:
                await driver.cancel_share(share_id)
            except FsmountError as exc:
                if len(share_ids) == 1:
                    raise
                failures.complain(f"{share_id}: {exc}")
                code = failures.FAILED
            else:
                click.echo(f"{share_id}: cancelled", err=True)
    return code


# --- shared ---------------------------------------------------------------------------------------


def own(remote: Remote, ability: Ability) -> Driver:
    """Return the driver of an own drive, which declares ``ability`` (and so has its protocol).

    Raises:
        NotSupported: Its driver does not declare it, or the remote is somebody's share.
    """
    driver = able(remote, ability)
    if remote.source.is_share:
        raise NotSupported(
            f'"{remote.source.shown}" is a share, not a drive of yours',
            advice="name a remote of your configuration",
        )
    return driver


def able(remote: Remote, ability: Ability) -> Driver:
    """Return the driver of ``remote``, which declares ``ability`` (and so has its protocol).

    Raises:
        NotSupported: It does not declare it.
    """
    if ability not in remote.source.spec.abilities:
        raise NotSupported(f'"{ability}" is not supported by {remote.source.spec.title}')
    return remote.driver


def _code(given: str | None, *, without: bool) -> str | None:
    """Return the code to set: "" for none, None to leave it to the provider."""
    if without:
        if given is not None:
            raise click.UsageError("--password and --no-password contradict each other")
        return ""
    if given != _MADE_UP:
        if given == "":
            raise click.UsageError("--password is empty; --no-password takes a code away")
        return given
    return "".join(secrets.choice(_CODE_LETTERS) for _ in range(_CODE_LENGTH))


def _ident(remote: Remote, text: str) -> str:
    """Return the id of a share, of which the whole link may be given as well."""
    match = remote.source.spec.parse_link(text)
    return match.options.get("share", text) if match is not None else text


def _show_made(made: OwnShare, as_json: bool) -> None:
    if as_json:
        say(json.dumps(_plain(made), ensure_ascii=False, indent=2))
        return
    say(made.url or f"share {made.id}")
    if made.code:
        say(f"code: {made.code}")
    if made.expires_ns is not None:
        click.echo(f"expires: {local_time(made.expires_ns)}", err=True)


def _plain(share: OwnShare) -> Any:
    import msgspec

    return msgspec.to_builtins(share)


def _table(found: list[OwnShare]) -> list[str]:
    # The name last: how wide it is shown depends on its script.
    head = ("ID", "STATE", "EXPIRES", "VIEWS", "CODE", "LINK", "NAME")
    rows = [
        (
            each.id,
            each.state,
            "never" if each.expires_ns is None else local_time(each.expires_ns),
            "-" if each.views is None else str(each.views),
            each.code or "-",
            each.url or "-",
            printable(each.name),
        )
        for each in found
    ]
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (head, *rows)
    ]
