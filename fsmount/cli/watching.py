"""``status`` and ``refresh``: talking to mounts that stand."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import click

from fsmount import control
from fsmount.cli import failures
from fsmount.cli.parameters import Command, local_path
from fsmount.cli.place import within
from fsmount.cli.rows import printable, say
from fsmount.cli.statustext import lines
from fsmount.errors import FsmountError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_EVERY_S = 1.0
# A mount that hangs must not hide the others.
_STATUS_WITHIN_S = 3.0


@click.command(cls=Command)
@click.argument("path", type=local_path, required=False)
@click.option("--json", "as_json", is_flag=True, help="As JSON: a list with one object a mount.")
@click.option("--watch", is_flag=True, help="Show it again every second, until Ctrl-C.")
@click.option("--metrics", is_flag=True, help="As Prometheus reads it; wants a PATH.")
def status(path: Path | None, as_json: bool, watch: bool, metrics: bool) -> int:
    """Show what each mount is doing, or the one that PATH is in."""
    if metrics:
        say(_metrics(path))
        return failures.DONE
    if watch:
        _watch(path)
        return failures.DONE
    asked = list(_ask_all(path))
    if as_json:
        say(json.dumps(asked, ensure_ascii=False, indent=2))
    elif not asked:
        click.echo("nothing is mounted by fsmount", err=True)
    else:
        for told in asked:
            for line in lines(told):
                say(printable(line))
    return failures.FAILED if any("error" in told for told in asked) else failures.DONE


def _ask_all(path: Path | None) -> Iterator[dict[str, Any]]:
    from fsmount.store.directories import find_directories

    directories = find_directories()
    doors = control.mounts(directories) if path is None else [control.door_of(path, directories)]
    for door in doors:
        try:
            yield control.ask(door, "status", timeout_s=_STATUS_WITHIN_S)
        except FsmountError as exc:
            yield {"mountpoint": str(door.mountpoint), "error": str(exc)}


def _metrics(path: Path | None) -> str:
    from fsmount.store.directories import find_directories

    if path is None:
        raise UsageError("--metrics is about one mount", advice="say which: its mountpoint")
    door = control.door_of(path, find_directories())
    return str(control.ask(door, "metrics", timeout_s=_STATUS_WITHIN_S)["text"]).rstrip()


def _watch(path: Path | None) -> None:
    from rich.console import Group
    from rich.live import Live
    from rich.text import Text

    with Live(screen=False, auto_refresh=False) as live:
        while True:
            shown = [Text("\n".join(map(printable, lines(told)))) for told in _ask_all(path)]
            live.update(Group(*(shown or [Text("nothing is mounted by fsmount")])), refresh=True)
            time.sleep(_EVERY_S)


@click.command(cls=Command)
@click.argument("path", type=local_path)
def refresh(path: Path) -> None:
    """List the mounted folder PATH anew now, whatever the age of what is known."""
    from fsmount.store.directories import find_directories

    door = control.door_of(path, find_directories())
    control.ask(door, "refresh", path=within(path, door.mountpoint))
    click.echo(f'"{path}" is listed anew', err=True)
