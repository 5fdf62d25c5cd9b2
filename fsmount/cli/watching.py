"""``status`` and ``refresh``: talking to mounts that stand."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import click

from fsmount import control
from fsmount.cli import failures
from fsmount.cli.parameters import Command, local_path
from fsmount.cli.rows import local_time, printable, say, size_text
from fsmount.errors import FsmountError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from fsmount.control import Door

_EVERY_S = 1.0
# A mount that hangs must not hide the others.
_STATUS_WITHIN_S = 3.0


@click.command(cls=Command)
@click.argument("path", type=local_path, required=False)
@click.option("--json", "as_json", is_flag=True, help="As JSON: a list with one object a mount.")
@click.option("--watch", is_flag=True, help="Show it again every second, until Ctrl-C.")
def status(path: Path | None, as_json: bool, watch: bool) -> int:
    """Show what each mount is doing, or the one that PATH is in."""
    if watch:
        _watch(path)
        return failures.DONE
    asked = list(_ask_all(path))
    if as_json:
        say(json.dumps([told for _, told in asked], ensure_ascii=False, indent=2))
    elif not asked:
        click.echo("nothing is mounted by fsmount", err=True)
    else:
        for door, told in asked:
            for line in lines(door, told):
                say(printable(line))
    return failures.FAILED if any("error" in told for _, told in asked) else failures.DONE


def _ask_all(path: Path | None) -> Iterator[tuple[Door, dict[str, Any]]]:
    from fsmount.store.directories import find_directories

    directories = find_directories()
    doors = control.mounts(directories) if path is None else [control.door_of(path, directories)]
    for door in doors:
        try:
            told = control.ask(door, "status", timeout_s=_STATUS_WITHIN_S)
        except FsmountError as exc:
            told = {"mountpoint": str(door.mountpoint), "error": str(exc)}
        yield door, told


def lines(door: Door, told: Mapping[str, Any]) -> list[str]:
    """Return what a mount told, as lines for people."""
    head = f"{door.mountpoint}  {told.get('source', '')}"
    if "error" in told:
        return [head.rstrip(), f"  {told['error']}"]
    state = str(told.get("state", "?"))
    if told.get("reason"):
        state += f": {told['reason']}"
    if told.get("until"):
        state += f" (until {time.strftime('%H:%M:%S', time.localtime(told['until']))})"
    found = [head, f"  {state}"]
    about = [f"driver {told['driver']}"] if told.get("driver") else []
    if told.get("since"):
        about.append(f"since {local_time(int(told['since'] * 1e9))}")
    if told.get("pid"):
        about.append(f"pid {told['pid']}")
    found.append("  " + ", ".join(about))
    found.extend(f"  {line}" for line in _amounts(told))
    found.extend(f"  open {_handle(handle)}" for handle in told.get("handles") or ())
    return found


def _amounts(told: Mapping[str, Any]) -> Iterator[str]:
    if space := told.get("space"):
        yield f"space {size_text(space['used'])} of {size_text(space['total'])} used"
    for name in ("memory", "disk"):
        if amounts := told.get(name):
            yield f"{name} " + ", ".join(f"{key} {value}" for key, value in amounts.items())


def _handle(handle: Mapping[str, Any]) -> str:
    name = handle.get("path") or handle.get("name") or "?"
    rest = [f"{key} {value}" for key, value in handle.items() if key not in ("path", "name")]
    return f"{name}" + (f" ({', '.join(rest)})" if rest else "")


def _watch(path: Path | None) -> None:
    from rich.console import Group
    from rich.live import Live
    from rich.text import Text

    with Live(screen=False, auto_refresh=False) as live:
        while True:
            shown = [Text("\n".join(lines(door, told))) for door, told in _ask_all(path)]
            live.update(Group(*(shown or [Text("nothing is mounted by fsmount")])), refresh=True)
            time.sleep(_EVERY_S)


@click.command(cls=Command)
@click.argument("path", type=local_path)
def refresh(path: Path) -> None:
    """List the mounted folder PATH anew now, whatever the age of what is known."""
    from fsmount.store.directories import find_directories

    door = control.door_of(path, find_directories())
    control.ask(door, "refresh", path=str(path.relative_to(door.mountpoint)))
    click.echo(f'"{path}" is listed anew', err=True)
