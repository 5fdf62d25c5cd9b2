"""The program ``fsmount``: its table of commands, and the way one is run."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

import click

import fsmount
from fsmount.cli import failures
from fsmount.cli.parameters import Group, Invocation

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS: dict[str, tuple[str, str]] = {
    "mount": ("mounting", "Mount a remote or a pasted link on a directory."),
    "umount": ("mounting", "Unmount it again."),
    "ls": ("reading", "List a folder, mounted or not."),
    "stat": ("reading", "Show what is known about a file or folder."),
    "cat": ("reading", "Write a file to standard output, or with -O to a file."),
    "link": ("reading", "Print a file's direct link, as a curl command."),
    "verify": ("verifying", "Compare files with the hashes that their provider tells."),
    "login": ("signing", "Sign in to a remote and keep its token."),
    "logout": ("signing", "Forget a remote's token, and tell the site."),
    "remotes": ("remotes", "List configured remotes; example DRIVER prints a stanza."),
    "share": ("sharing", "Ask about shares; make, list, change, end your own; save others'."),
    "offline": ("offline", "Have the provider fetch links into a drive by itself."),
    "status": ("watching", "Show what each mount is doing."),
    "cache": ("caching", "See what is cached, keep files (pin), let go of them (evict)."),
    "refresh": ("watching", "List a mounted folder anew now."),
    "doctor": ("doctor", "Look for what is wrong with this machine or a SOURCE."),
    "systemd": ("systemd", "Make fsmount known to mount(8) and systemd."),
}
"""Command to the module of this package that has it, and its help in one line."""


class _Program(Group):
    """Imports a command's module when it is used; a first word that is none begins a mount."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"fsmount.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        # "fsmount SOURCE MOUNTPOINT -o …": what mount.fuse3 runs, and the shortest way to a mount.
        if args[0] in COMMANDS:
            return super().resolve_command(ctx, args)
        if len(args) == 1 or args[1].startswith("-"):
            if not args[0].isidentifier():
                # Not repeated: a pasted link may hold a share's code.
                raise click.UsageError('write "fsmount SOURCE MOUNTPOINT": one is missing', ctx)
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, n=1)
            question = f', did you mean "{near[0]}"?' if near else ""
            raise click.UsageError(f'there is no command "{args[0]}"{question}', ctx)
        return "mount", self.get_command(ctx, "mount"), args


@click.group(
    cls=_Program,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Also: fsmount SOURCE MOUNTPOINT [-o OPT,…]. SOURCE is the name of a remote in the "
    "configuration, or a share link as you paste it.",
)
@click.version_option(fsmount.__version__, message="%(prog)s %(version)s")
@click.pass_context
def program(ctx: click.Context) -> None:
    """Mount cloud drives and shared links as a local directory."""
    failures.log_to_terminal(debug=ctx.ensure_object(Invocation).debug)


def run(arguments: Sequence[str]) -> int:
    """Run one command line; return its exit code. Never raises, never shows a traceback.

    0 is done, 1 failed, 2 a usage error, 130 interrupted by Ctrl-C.
    """
    try:
        words = list(arguments) or ["--help"]
        code = program.main(words, prog_name="fsmount", standalone_mode=False)
        sys.stdout.flush()
    except BaseException as exc:  # noqa: BLE001  # the last handler there is: it reports, and ends
        if isinstance(exc, SystemExit):
            return exc.code if isinstance(exc.code, int) else failures.FAILED
        return failures.report(exc, debug="--debug" in arguments)
    return code if isinstance(code, int) else failures.DONE
