"""``mount.fsmount``: what mount(8) runs for ``mount -t fsmount`` and for lines in fstab.

mount(8) calls ``mount.fsmount SOURCE DIR [-sfnv] [-N NAMESPACE] [-o OPT,…] [-t TYPE]``. The exit
codes are those that mount(8) documents, so that ``mount -a`` adds them up right.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fsmount import mountpoint
from fsmount.cli import failures
from fsmount.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MOUNT_USAGE = 1
MOUNT_FAILED = 32
"""mount(8), "EXIT STATUS"."""

_CODES = {
    failures.DONE: 0,
    failures.FAILED: MOUNT_FAILED,
    failures.USAGE: MOUNT_USAGE,
}
_USAGE = "mount.fsmount SOURCE DIR [-o OPT,…]"


@dataclass(slots=True, kw_only=True)
class HelperCall:
    """What mount(8) asks for.

    Attributes:
        words: SOURCE and the directory.
        options: Texts of ``-o``, with ``-r`` and ``-w`` as ``ro`` and ``rw``.
        fake: Everything but the mount itself.
        verbose: Say what was done.
    """

    words: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    fake: bool = False
    verbose: bool = False


def parse(arguments: Sequence[str]) -> HelperCall:
    """Return what ``arguments`` ask for; flags may stand together (``-nv``).

    Raises:
        UsageError: A flag that is not known, or not exactly two words.
    """
    call = HelperCall()
    rest = iter(arguments)
    for argument in rest:
        if argument == "--":
            call.words.extend(rest)
        elif not argument.startswith("-") or argument == "-":
            call.words.append(argument)
        else:
            _take_flags(call, argument[1:], rest)
    if len(call.words) != 2:
        raise UsageError("mount.fsmount wants a SOURCE and a directory", advice=_USAGE)
    return call


def _take_flags(call: HelperCall, flags: str, rest: Iterator[str]) -> None:
    for position, flag in enumerate(flags):
        if flag in "otN":
            value = flags[position + 1 :] or next(rest, None)
            if value is None:
                raise UsageError(f"-{flag} wants a value", advice=_USAGE)
            if flag == "o":
                call.options.append(value)
            return
        match flag:
            case "r":
                call.options.append("ro")
            case "w":
                call.options.append("rw")
            case "f":
                call.fake = True
            case "v":
                call.verbose = True
            case "n" | "s":
                pass  # there is no mtab to leave alone, and nothing is sloppy about our options
            case _:
                raise UsageError(f"unknown flag -{flag}", advice=_USAGE)


def _stands(source: str, path: Path) -> bool:
    """Tell whether ``source`` is mounted on ``path`` and answers.

    ``mount -a`` asks for every line of fstab that it does not find in the mount table, and finds
    none whose source is shown there without the code of its share.
    """
    path = mountpoint.located(path)
    mount = mountpoint.mounted_at(path)
    if mount is None or not mount.is_ours:
        return False
    from fsmount.source import names_shown

    names = {mountpoint.source_name(shown) for shown in names_shown(source)}
    return mount.source in names and not mountpoint.is_deaf(path)


def run(arguments: Sequence[str]) -> int:
    """Mount as mount(8) asks for; return its exit code. Never raises."""
    failures.log_to_terminal(debug=False)
    try:
        call = parse(arguments)
        source, directory = call.words
        if call.fake:
            return 0
        path = Path(os.path.abspath(directory))
        if _stands(source, path):
            if call.verbose:
                failures.complain(f"{directory} is mounted already")
            return 0
        from fsmount.cli.mounting import start_mount

        code = start_mount(
            source,
            path,
            tuple(call.options),
            config=None,
            foreground=False,
            debug=False,
            # mount(8) writes rw whenever nobody wrote ro: no reason to tell anybody.
            quiet_rw=True,
        )
    except BaseException as exc:  # noqa: BLE001  # the last handler there is: it reports, and ends
        code = failures.report(exc, debug=False)
    if code == failures.DONE and call.verbose:
        failures.complain(f"mounted on {directory}")
    return _CODES.get(code, MOUNT_FAILED)
