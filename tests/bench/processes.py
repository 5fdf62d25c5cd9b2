"""Programs that the bench starts: they end with it, however it ends."""

from __future__ import annotations

import signal
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def started(
    command: list[str | Path], *, end_s: float = 10.0, **popen: object
) -> Iterator[subprocess.Popen]:
    """Run a program while the block runs; it gets SIGTERM, and SIGKILL ``end_s`` later.

    Its session is its own: Ctrl-C reaches the bench only, which ends its programs in order. Should
    the bench be killed, the kernel sends them SIGTERM (``setpriv`` becomes the program, pid and
    all).
    """
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig", "TERM", "--", *command],
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        **popen,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(end_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(end_s)
