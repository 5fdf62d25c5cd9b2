"""What commands share: the invocation, ``--config`` and ``--debug`` anywhere, ``-o``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.shell_completion import CompletionItem


@dataclass(slots=True, kw_only=True)
class Invocation:
    """What was said before or after any command."""

    config: Path | None = None
    debug: bool = False


def _remember(ctx: click.Context, parameter: click.Parameter, value: object) -> None:
    # Written before the command or after it: the same.
    invocation = ctx.find_root().ensure_object(Invocation)
    if value and parameter.name is not None:
        setattr(invocation, parameter.name, value)


def _everywhere() -> list[click.Parameter]:
    return [
        click.Option(
            ["--config"],
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="FILE",
            help="Configuration file instead of the usual ones.",
            expose_value=False,
            callback=_remember,
        ),
        click.Option(
            ["--debug"],
            is_flag=True,
            help="Show what is done, and tracebacks.",
            expose_value=False,
            callback=_remember,
        ),
    ]


class _Source(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.2
    """The name of a remote or a mount, or a pasted link; shells are told of the names."""

    name = "source"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        from fsmount.config import load_config
        from fsmount.errors import FsmountError
        from fsmount.store.directories import find_directories

        given = ctx.find_root().ensure_object(Invocation).config
        try:
            config = load_config(given, find_directories(), lenient=True)
        except FsmountError:
            return []  # who presses Tab wants no message; running the command brings it
        names = [*config.remotes, *config.mounts]
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


class _Options(click.ParamType):  # type: ignore[type-arg]  # as above
    """What stands after ``-o``; shells are told of the names, for the last one of the list."""

    name = "options"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        from fsmount.options import DECLARED

        before, comma, last = incomplete.rpartition(",")
        return [
            CompletionItem(f"{before}{comma}{one.name}{'=' * bool(one.value)}", help=one.help)
            for one in DECLARED
            if one.name.startswith(last)
        ]


_COMPLETED: dict[str, _Source | _Options] = {
    "source": _Source(),
    "remote": _Source(),
    "options": _Options(),
}


class Command(click.Command):
    """A command that takes ``--config`` and ``--debug`` as the program itself does."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # click's own signature
        super().__init__(*args, **kwargs)
        for parameter in self.params:
            if parameter.type is click.STRING and parameter.name in _COMPLETED:
                parameter.type = _COMPLETED[parameter.name]
        self.params.extend(_everywhere())


class Group(click.Group):
    """A group of such commands."""

    command_class = Command

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # click's own signature
        super().__init__(*args, **kwargs)
        self.params.extend(_everywhere())


def local_path(value: str) -> Path:
    """Return ``value`` made absolute without asking a file system: its mount may be dead."""
    return Path(os.path.abspath(value))


def with_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``-o OPT,…`` to a command, as the parameter ``options`` (a tuple of texts)."""
    return click.option(
        "-o",
        "options",
        multiple=True,
        metavar="OPT,…",
        help="Options, as in fstab: address=URL, driver=NAME, ca_file=FILE …",
    )(function)
