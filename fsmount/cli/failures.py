"""From whatever happened to one line on standard error and an exit code."""

from __future__ import annotations

import logging
import os
import sys
import traceback

import click

from fsmount import errors, log

DONE = 0
FAILED = 1
USAGE = 2
INTERRUPTED = 130  # as shells have it: 128 + SIGINT

# Whose warnings a person at the terminal is told; the others repeat what the failure itself says.
_TOLD = (
    "fsmount.config",
    "fsmount.source",
    "fsmount.store",
    "fsmount.cache",
    "fsmount.composition",
)


def report(exc: BaseException, *, debug: bool) -> int:
    """Say in one line what ``exc`` is and what to do about it; return the exit code.

    Groups are looked into. A failure of ours is a sentence; anything else is a bug and says so.
    """
    if debug:
        click.echo(log.redact("".join(traceback.format_exception(exc))), err=True, nl=False)
    leaves = list(errors.leaves(exc))
    if isinstance(exc, click.UsageError):
        complain(_usage(exc))
        return USAGE
    known = errors.known(exc)
    if known is not None:
        complain(str(known))
        return USAGE if isinstance(known, errors.UsageError) else FAILED
    if any(isinstance(leaf, KeyboardInterrupt | click.Abort) for leaf in leaves):
        return INTERRUPTED
    if isinstance(exc, click.ClickException):
        complain(exc.format_message())
        return FAILED
    if isinstance(leaves[0], BrokenPipeError):
        _close_output()
        return FAILED
    if isinstance(leaves[0], OSError) and leaves[0].filename is not None:
        name = os.fsdecode(leaves[0].filename)
        complain(f'cannot use "{name}": {leaves[0].strerror}')
        return FAILED
    complain(
        f"this is a bug: {type(leaves[0]).__name__}: {log.redact(str(leaves[0]))}; "
        "run it again with --debug and report what it prints"
    )
    return FAILED


def complain(sentence: str) -> None:
    """Write ``fsmount: sentence`` on standard error, as one line whatever is in it."""
    click.echo(f"fsmount: {' '.join(sentence.split())}", err=True)


def log_to_terminal(*, debug: bool) -> None:
    """Let a person see warnings that no failure repeats, or everything when ``debug``."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        log.Redacting("%(name)s: %(message)s" if debug else "fsmount: %(message)s")
    )
    if not debug:
        handler.addFilter(lambda record: record.name.startswith(_TOLD))
    logger = logging.getLogger("fsmount")
    logger.handlers = [handler]
    logger.setLevel(logging.DEBUG if debug else logging.WARNING)


def _usage(exc: click.UsageError) -> str:
    path = exc.ctx.command_path if exc.ctx else "fsmount"
    message = exc.format_message().rstrip(".")
    if message.startswith("Got unexpected extra argument"):
        # Which ones is not repeated: behind a pasted link they may be its code.
        message = "too many words; quote a SOURCE that has spaces"
    return f'{message[:1].lower()}{message[1:]}; see "{path} --help"'


def _close_output() -> None:
    # ``fsmount cat … | head``: the reader has enough. What is still buffered has nowhere to go,
    # and Python would complain about it at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
