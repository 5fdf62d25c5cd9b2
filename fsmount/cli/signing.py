"""``login`` and ``logout``: a person signs in, fsmount keeps the token."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fsmount.cli.parameters import Command, Invocation
from fsmount.errors import NotSupported, UsageError
from fsmount.model import Ask, Choose, ShowPicture, ShowQr, Waiting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fsmount.model import Done, Step
    from fsmount.source import Source
    from fsmount.store.directories import Directories


@click.command(cls=Command)
@click.argument("remote")
@click.pass_obj
def login(invocation: Invocation, remote: str) -> None:
    """Sign in to the configured REMOTE and keep its token; mounts that run take it by themselves.

    What is asked for is asked at the terminal, or read from standard input line by line.
    """
    import trio

    done = trio.run(_login, invocation, remote)
    click.echo(f"{remote}: {done.note or 'signed in'}", err=True)


async def _login(invocation: Invocation, remote: str) -> Done:
    from fsmount.account import login as signing_in
    from fsmount.account.credentials import resolve
    from fsmount.net.client import open_api_client
    from fsmount.remote import net_settings
    from fsmount.store.tokens import TokenFile, token_path

    source, directories = _configured(invocation, remote)
    if source.spec.login is None:
        lender = source.signer_name if source.options.auth else ""
        raise NotSupported(
            f"there is nothing to sign in to with {source.spec.title}",
            advice=f'its login is lent: run "fsmount login {lender}"' if lender else "",
        )
    async with open_api_client(net_settings(source.options)) as api:
        done = await signing_in.walk(source.spec.login(source.signer, api.send), _answered)
    await signing_in.keep(
        done.token,
        tokens=TokenFile(token_path(directories, source.account_key)),
        credentials=await resolve(
            _fields(source), remote=source.signer_name, directory=directories.credentials
        ),
    )
    return done


@click.command(cls=Command)
@click.argument("remote")
@click.pass_obj
def logout(invocation: Invocation, remote: str) -> None:
    """Forget the token of REMOTE, and tell its site that it is no longer used."""
    import trio

    click.echo(f"{remote}: {trio.run(_logout, invocation, remote)}", err=True)


async def _logout(invocation: Invocation, remote: str) -> str:
    import trio

    from fsmount.net.client import open_api_client
    from fsmount.remote import net_settings
    from fsmount.store.tokens import TokenFile, token_path

    source, directories = _configured(invocation, remote)
    tokens = TokenFile(token_path(directories, source.account_key))
    async with tokens.locked():
        token = await trio.to_thread.run_sync(tokens.load)
        if token is None:
            return "no token is kept"
        if source.spec.sign_out is not None:
            async with open_api_client(net_settings(source.options)) as api:
                await source.spec.sign_out(source.options, token, api.send)
        await trio.to_thread.run_sync(tokens.forget)
    return "signed out"


def _configured(invocation: Invocation, remote: str) -> tuple[Source, Directories]:
    from fsmount.config import load_config, nearest
    from fsmount.source import configured
    from fsmount.store.directories import find_directories, prepare

    directories = find_directories()
    config = load_config(invocation.config, directories)
    if remote not in config.remotes:
        near = nearest(remote, config.remotes)
        raise UsageError(
            f'there is no remote "{remote}" in {config.path or "any configuration file"}',
            advice=f'did you mean "{near}"?'
            if near
            else "a login belongs to a remote of the configuration; "
            '"fsmount remotes example cloudreve" prints one',
        )
    prepare(directories.state)
    return configured(remote, config), directories


def _fields(source: Source) -> dict[str, object]:
    import msgspec

    return msgspec.structs.asdict(source.signer)


async def _answered(step: Step) -> Mapping[str, str]:
    """Draw ``step`` and return what the person answered."""
    # Not in a thread: Ctrl-C has to end the prompt itself, which gives the terminal its echo back.
    # Nothing else runs while a person types.
    return _draw(step)


def _draw(step: Step) -> Mapping[str, str]:
    match step:
        case ShowQr(text=text, prompt=prompt):
            import segno

            click.echo(f"{prompt}:", err=True)
            segno.make(text, error="L").terminal(out=sys.stderr, compact=True)
        case ShowPicture(picture=picture, field=field, prompt=prompt):
            click.echo(drawn(picture, _columns()), err=True)
            return {field: _ask(prompt)}
        case Ask(field=field, prompt=prompt, secret=secret):
            return {field: _ask(prompt, secret=secret)}
        case Choose(field=field, prompt=prompt, choices=choices):
            for value, label in choices.items():
                click.echo(f"  {value}  {label}", err=True)
            answer = click.prompt(prompt, type=click.Choice(list(choices)), err=True)
            return {field: answer}
        case Waiting(note=note) if note:
            click.echo(note, err=True)
        case _:
            pass
    return {}


def _ask(prompt: str, *, secret: bool = False) -> str:
    if not sys.stdin.isatty():
        # Scripts answer line by line; getpass would look for a terminal.
        line = sys.stdin.readline()
        if not line:
            raise UsageError(f'"{prompt}" was not answered: standard input has ended')
        return line.rstrip("\n")
    answer: str = click.prompt(prompt, hide_input=secret, err=True)
    return answer


def drawn(picture: bytes, columns: int) -> str:
    """Return ``picture`` as text for a terminal, or where it was saved to be looked at."""
    from fsmount.cli.picture import decode_png, half_blocks

    if columns:
        try:
            return half_blocks(decode_png(picture), columns)
        except ValueError:
            pass  # a JPEG, or an unusual PNG: a viewer can show it
    number, name = tempfile.mkstemp(prefix="fsmount-", suffix=".png")
    with os.fdopen(number, "wb") as file:
        file.write(picture)
    return f"the picture is in {Path(name)}"


def _columns() -> int:
    return os.get_terminal_size(sys.stderr.fileno()).columns if sys.stderr.isatty() else 0
