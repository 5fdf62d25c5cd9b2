"""What commands share: the invocation, ``--config`` and ``--debug`` anywhere, ``-o``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable


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


class Command(click.Command):
    """A command that takes ``--config`` and ``--debug`` as the program itself does."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # click's own signature
        super().__init__(*args, **kwargs)
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
