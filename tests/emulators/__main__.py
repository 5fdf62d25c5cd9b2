"""`python -m tests.emulators PROVIDER --root DIR`: run an emulator until it is told to end.

It prints one line of JSON when it is ready, and ends on SIGTERM, SIGINT and, if asked to, when its
standard input closes.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from typing import TYPE_CHECKING

import trio

from tests.emulators.running import open_arguments, parser

if TYPE_CHECKING:
    import argparse


def main() -> int:
    """Run the command line; gives the exit code."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    arguments = parser().parse_args()
    code = 0
    try:
        trio.run(_run, arguments)
    except* OSError as group:  # the port is taken, DIR is missing
        print(f"the emulator cannot start: {group.exceptions[0]}", file=sys.stderr)
        code = 1
    return code


async def _run(arguments: argparse.Namespace) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with open_arguments(arguments) as emulator, trio.open_nursery() as nursery:
            print(json.dumps(emulator.line), flush=True)
            if arguments.until_stdin_closes:
                nursery.start_soon(_until_stdin_closes, nursery.cancel_scope)
            async for _ in signals:
                nursery.cancel_scope.cancel()


async def _until_stdin_closes(scope: trio.CancelScope) -> None:
    async with trio.lowlevel.FdStream(os.dup(sys.stdin.fileno())) as stream:
        while await stream.receive_some():
            pass
    scope.cancel()


if __name__ == "__main__":
    raise SystemExit(main())
