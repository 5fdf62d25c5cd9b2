"""Where ``cat`` writes: standard output, or a file that appears only when it is whole."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fsmount.errors import FsmountError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from rich.progress import Progress

    Write = Callable[[bytes | memoryview], object]


@contextmanager
def open_output(target: Path | None, name: str, size: int) -> Iterator[Write]:
    """Yield what writes the next bytes of ``name``.

    Into a file: with a progress bar when a person looks on, under a hidden name beside it, renamed
    when the block ends well and removed when it does not: what has the name is whole.

    Args:
        target: A file or an existing directory; None is standard output.
        name: Of the file that is read.
        size: Bytes that will come.

    Raises:
        FsmountError: The file cannot be written.
    """
    if target is None:
        yield sys.stdout.buffer.write
        sys.stdout.buffer.flush()
        return
    if target.is_dir():
        target /= name
    part = target.with_name(f".fsmount-{os.getpid()}.part")
    try:
        with _writing(target):
            file = part.open("xb")
        with file, _progress(name, size) as advance:

            def write(data: bytes | memoryview) -> None:
                with _writing(target):
                    file.write(data)
                advance(len(data))

            yield write
        with _writing(target):
            part.replace(target)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _writing(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise FsmountError(f'cannot write "{target}": {exc.strerror}') from exc


@contextmanager
def _progress(name: str, size: int) -> Iterator[Callable[[int], None]]:
    if not sys.stderr.isatty():
        yield lambda count: None
        return
    with bytes_bar() as bar:
        task = bar.add_task(name, total=size)
        yield lambda count: bar.advance(task, count)


def bytes_bar() -> Progress:
    """Return a bar on standard error for bytes that come: how many, how fast, how long yet."""
    from rich import progress
    from rich.console import Console

    return progress.Progress(
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(),
        progress.DownloadColumn(binary_units=True),
        progress.TransferSpeedColumn(),
        progress.TimeRemainingColumn(),
        console=Console(stderr=True),
    )
