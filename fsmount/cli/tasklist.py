"""Offline downloads as rows for people, and as a table that follows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsmount.cli.rows import local_time, printable, size_text
from fsmount.errors import UsageError
from fsmount.model import OfflineState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from fsmount.model import OfflineTask

SHORT_ID = 10
"""Characters of an id that are shown: enough to tell the tasks of one account apart."""

_BAR = 20

_RUNS = (OfflineState.WAITING, OfflineState.RUNNING)


def runs(tasks: Sequence[OfflineTask]) -> bool:
    """Tell whether one of ``tasks`` has not ended."""
    return any(task.state in _RUNS for task in tasks)


def line(task: OfflineTask) -> str:
    """Return one task as a line."""
    size = "-" if task.size is None else size_text(task.size)
    percent = f"{_percent(task)} %"
    reason = f": {task.reason}" if task.reason else ""
    return (
        f"{task.id[:SHORT_ID]:{SHORT_ID}}  {task.state:7}  {percent:>5}  {size:>10}  "
        f"{local_time(task.added_ns):16}  {printable(task.name)}{printable(reason)}"
    )


def table(tasks: Sequence[OfflineTask], note: str = "") -> RenderableType:
    """Return the tasks as a table with bars, and ``note`` below it."""
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, pad_edge=False, expand=True)
    grid.add_column("task", width=SHORT_ID, no_wrap=True)
    grid.add_column("state", width=7, no_wrap=True)
    grid.add_column("", width=_BAR, no_wrap=True)
    grid.add_column("", width=5, justify="right", no_wrap=True)
    grid.add_column("size", width=10, justify="right", no_wrap=True)
    grid.add_column("name", ratio=1, overflow="ellipsis", no_wrap=True)
    for task in tasks:
        name = printable(task.name) + (f": {printable(task.reason)}" if task.reason else "")
        grid.add_row(
            Text(task.id[:SHORT_ID]),
            Text(str(task.state), style=_STYLES[task.state]),
            ProgressBar(total=1.0, completed=min(max(task.progress, 0.0), 1.0), width=_BAR),
            Text(f"{_percent(task)} %"),
            Text("-" if task.size is None else size_text(task.size)),
            Text(name),
        )
    rows: list[RenderableType] = [grid if tasks else Text("there are no offline downloads")]
    return Group(*rows, *([Text(note)] if note else []))


_STYLES = {
    OfflineState.WAITING: "",
    OfflineState.RUNNING: "cyan",
    OfflineState.DONE: "green",
    OfflineState.FAILED: "red",
}


def chosen(tasks: Sequence[OfflineTask], words: Sequence[str]) -> list[OfflineTask]:
    """Return the tasks whose ids begin with ``words``, each once.

    Raises:
        UsageError: A word names none, or more than one.
    """
    found: dict[str, OfflineTask] = {}
    for word in words:
        named = [task for task in tasks if task.id == word] or [
            task for task in tasks if word and task.id.lower().startswith(word.lower())
        ]
        if not named:
            raise UsageError(
                f'there is no task "{word}"', advice='"fsmount offline list REMOTE" shows them'
            )
        if len(named) > 1:
            raise UsageError(
                f'"{word}" begins the ids of {len(named)} tasks', advice="write more of the id"
            )
        found[named[0].id] = named[0]
    return list(found.values())


def _percent(task: OfflineTask) -> int:
    """Return how far it is, rounded down: only what is done is 100 %."""
    if task.state is OfflineState.DONE:
        return 100
    return min(int(max(task.progress, 0.0) * 100), 99)
