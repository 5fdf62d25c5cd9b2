"""The manual pages, made from what commands, options and drivers declare.

They are written when fsmount is made known to a system (``systemd install``), so none can be older
than the program it is about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

import fsmount
from fsmount import drivers
from fsmount.budgets import DEFAULT, Budget, Kind
from fsmount.cli.command import COMMANDS, program
from fsmount.cli.roff import Page
from fsmount.drivers.base import DriverOptions
from fsmount.drivers.declared import declared
from fsmount.options import DECLARED

if TYPE_CHECKING:
    from collections.abc import Iterator

_FILES = (
    ("~/.config/fsmount/config.toml, /etc/fsmount/config.toml", "Remotes; see fsmount.toml(5)."),
    ("~/.local/state/fsmount, /var/lib/fsmount", "Tokens, links, trees: must not be deleted."),
    ("~/.cache/fsmount, /var/cache/fsmount", "Blocks of files: may be deleted at any time."),
    ("/etc/systemd/system/fsmount@.service", "The unit, after ``fsmount systemd install``."),
)

_ENVIRONMENT = (
    ("HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY", "Outgoing proxy, unless a remote has one."),
    ("XDG_CONFIG_HOME, XDG_STATE_HOME, XDG_CACHE_HOME, XDG_RUNTIME_DIR", "Where things live."),
    (
        "STATE_DIRECTORY, CACHE_DIRECTORY, RUNTIME_DIRECTORY, CREDENTIALS_DIRECTORY",
        "The same, as systemd sets them; they win.",
    ),
)


def pages() -> list[Page]:
    """Return every page."""
    return [_program(), _helper(), _configuration()]


def _page(name: str, section: int, summary: str) -> Page:
    return Page(name, section, summary, fsmount.__version__)


def _program() -> Page:
    page = _page("fsmount", 1, "mount cloud drives and shared links as a local directory")
    page.heading("synopsis")
    page.paragraph("``fsmount`` SOURCE MOUNTPOINT [-o OPT,…]")
    page.paragraph("``fsmount`` [--config FILE] [--debug] COMMAND [ARGUMENTS]")
    page.heading("description")
    page.paragraph(
        "SOURCE is the name of a remote in the configuration, or a share link as you paste it. "
        "A mount is read-only, and never hangs: with the network gone, what was listed is served, "
        "and all else is an error in time."
    )
    page.heading("commands")
    for words, command in _commands():
        page.subheading(f"{words} {_usage(command)}".rstrip())
        page.paragraph(_plain(command.help or ""))
        for option in command.params:
            if isinstance(option, click.Option) and option.help and option.expose_value:
                page.entry(_spelled(option), option.help)
    page.heading("options of every command")
    page.entry("--config FILE", "Configuration file instead of the usual ones.")
    page.entry("--debug", "Show what is done, and tracebacks.")
    page.entry("-h, --help", "What a command does, and its options.")
    page.heading("exit status")
    for code, text in (
        ("0", "Done."),
        ("1", "Failed; one line says why."),
        ("2", "Not understood."),
    ):
        page.entry(code, text)
    page.heading("files")
    for path, text in _FILES:
        page.entry(path, text)
    page.heading("environment")
    for name, text in _ENVIRONMENT:
        page.entry(name, text)
    page.heading("see also")
    page.paragraph("mount.fsmount(8), fsmount.toml(5), mount(8), fstab(5), systemctl(1)")
    return page


def _commands() -> Iterator[tuple[str, click.Command]]:
    """Yield every command with its words; a group before what is in it."""
    context = click.Context(program, info_name="fsmount")
    for name in COMMANDS:
        command = program.get_command(context, name)
        assert command is not None
        yield from _below(f"fsmount {name}", command)


def _below(words: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield words, command
    if isinstance(command, click.Group):
        for name, inner in sorted(command.commands.items()):
            yield from _below(f"{words} {name}", inner)


def _usage(command: click.Command) -> str:
    """Return the arguments of a command; what may be left out is in brackets."""
    context = click.Context(command)
    words = [
        argument.make_metavar(context)
        for argument in command.params
        if isinstance(argument, click.Argument)
    ]
    return " ".join([*words, "COMMAND"] if isinstance(command, click.Group) else words)


def _spelled(option: click.Option) -> str:
    names = ", ".join(sorted(option.opts, key=len))
    if option.is_flag or option.count:
        return names
    return f"{names} {option.metavar or (option.name or '').upper()}"


def _plain(text: str) -> str:
    # \b on a line of its own keeps click from wrapping what follows it.
    return text.replace("\b\n", "").replace("\b", "").strip()


def _helper() -> Page:
    page = _page(
        "mount.fsmount", 8, "mount a cloud drive or a shared link by mount(8) and fstab(5)"
    )
    page.heading("synopsis")
    page.paragraph("``mount -t fsmount`` SOURCE DIR [-o OPT,…]")
    page.paragraph("``mount.fsmount`` SOURCE DIR [-fnrsvw] [-o OPT,…]")
    page.heading("description")
    page.paragraph(
        "``fsmount systemd install`` links it into /sbin, where mount(8) looks for it. The same "
        "options are understood by ``fsmount mount``. A share's code may stand in SOURCE, and is "
        "blanked wherever it is shown; passwords, tokens and cookies are refused after -o."
    )
    page.heading("examples")
    page.example(
        "https://cloud.example.com/s/AbC1 /mnt/share fsmount "
        "_netdev,nofail,x-systemd.automount,allow_other 0 0\n"
        "photos /mnt/photos fsmount _netdev,noauto,user 0 0"
    )
    page.heading("options")
    for one in DECLARED:
        page.entry(f"{one.name}{'=' + one.value if one.value else ''}", one.help)
    page.paragraph(
        "Accepted without effect: ro, rw, defaults, auto, noauto, user, users, owner, group, "
        "_netdev, comment=, x-*, sync, async, all atime options, context=, auto_unmount, nonempty. "
        "nosuid and nodev are always on. X-mount.mkdir makes the directory."
    )
    page.paragraph(
        r"A comma in a value is written ``\,``, or the value in double quotes. Other options are "
        "those of the remote's driver; see fsmount.toml(5)."
    )
    page.heading("exit status")
    page.paragraph("As mount(8) documents: 0 mounted, 1 not understood, 32 failed.")
    page.heading("see also")
    page.paragraph("fsmount(1), fsmount.toml(5), mount(8), fstab(5), systemd.mount(5)")
    return page


def _configuration() -> Page:
    page = _page("fsmount.toml", 5, "remotes, mounts and the guard of fsmount")
    page.heading("description")
    page.paragraph(
        "The first that is there of ~/.config/fsmount/config.toml (of root: "
        "/etc/fsmount/config.toml) and /etc/fsmount/config.toml, or the file after ``--config``. "
        "It is TOML, and never written by fsmount. What is not known is refused, with the line it "
        "stands on. ``fsmount remotes example`` DRIVER prints a stanza."
    )
    page.heading("[remotes.name]")
    page.entry("driver", f"One of {', '.join(drivers.REGISTRY)}.")
    common = {option.name for option in declared(DriverOptions)}
    _driver_options(page, DriverOptions, leave_out=frozenset())
    for name in drivers.REGISTRY:
        spec = drivers.load(name)
        page.subheading(f'driver = "{name}": {spec.title}')
        _driver_options(page, spec.options, leave_out=common)
    page.heading("[mounts.name]")
    page.entry("tree", "Several remotes as one tree: paths, each with a remote or a list of them.")
    page.example('[mounts.media]\ntree = { "/" = "photos", "/films" = ["films", "more-films"] }')
    page.heading("[guard]")
    page.paragraph(
        "What each kind of program may have of a mount: ``free``, ``refuse``, or a table of "
        "``files`` (open at once) and ``mb_per_s``."
    )
    for kind in Kind:
        page.entry(str(kind), f"By default {_budget_text(DEFAULT.get(kind, Budget()))}.")
    page.entry("programs", "Patterns of program names, each with the kind that it is.")
    page.heading("see also")
    page.paragraph("fsmount(1), mount.fsmount(8), systemd-creds(1)")
    return page


def _driver_options(
    page: Page, options: type[DriverOptions], *, leave_out: frozenset[str] | set[str]
) -> None:
    for option in declared(options):
        if option.name not in leave_out:
            secret = " Secret: better in a file, or from a command." if option.sensitive else ""
            page.entry(option.name, f"{option.help}.{secret}")


def _budget_text(budget: Budget) -> str:
    if budget.refused:
        return "refused"
    if budget.files is None and budget.bytes_per_s is None:
        return "free"
    rate = f"{(budget.bytes_per_s or 0) / 1e6:g} MB/s" if budget.bytes_per_s else ""
    files = f"{budget.files} files at once" if budget.files else ""
    return ", ".join(part for part in (files, rate) if part)
