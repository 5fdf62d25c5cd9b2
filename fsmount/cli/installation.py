"""What a system needs to know of fsmount: links, units, manual pages, completions.

Everything is made of the environment that this fsmount lives in, by absolute paths, since neither
mount(8) nor systemd has anybody's PATH. What is not ours is never replaced or removed.
"""

from __future__ import annotations

import os
import stat
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import fsmount
from fsmount.errors import FsmountError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

HELPER = "mount.fsmount"
PROGRAM = "fsmount"
UNIT = "fsmount@.service"

_MARK = 'Made by "fsmount systemd install", which writes it anew.'
# zsh wants a line of its own before anything else.
_MARK_WITHIN_LINES = 2
# As the units in the project name it; replaced by where this fsmount is.
_PLACEHOLDER = "/usr/local/bin/fsmount"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A symbolic link to a program of this environment, or to a page of its manual."""

    path: Path
    target: Path

    def is_ours(self) -> bool:
        """Tell whether what is at ``path`` is a link to some fsmount's file of this name."""
        return self.path.is_symlink() and self.path.readlink().name == self.target.name

    def make(self) -> None:
        """Make it; one that led elsewhere is replaced."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_name(f".{self.path.name}.new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(self.target)
        fresh.replace(self.path)

    def __str__(self) -> str:
        return f"{self.path} -> {self.target}"


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file with a mark that says who made it."""

    path: Path
    text: str

    def is_ours(self) -> bool:
        """Tell whether the file at ``path`` carries the mark."""
        try:
            first = self.path.read_text(encoding="utf-8").splitlines()[:_MARK_WITHIN_LINES]
        except (OSError, UnicodeDecodeError):
            return False
        return any(_MARK in line for line in first)

    def make(self) -> None:
        """Write it, whole or not at all."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_name(f".{self.path.name}.new")
        fresh.write_text(self.text, encoding="utf-8")
        fresh.chmod(0o644)
        fresh.replace(self.path)

    def __str__(self) -> str:
        return str(self.path)


Item: TypeAlias = Link | File


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Where this fsmount lives.

    Attributes:
        programs: The folder of its programs.
        units: The folder that holds ``system`` and ``user`` units.
    """

    programs: Path
    units: Path


def find_environment() -> Environment:
    """Return where this fsmount lives.

    Raises:
        FsmountError: It was not installed with its programs, or lacks its units.
    """
    candidates = (Path(sysconfig.get_path("scripts")), Path(sys.argv[0]).absolute().parent)
    programs = next((each for each in candidates if (each / HELPER).exists()), None)
    if programs is None:
        raise FsmountError(
            f"there is no program {HELPER} beside this Python ({sys.executable})",
            advice='install fsmount as a package, for instance with "pipx install"',
        )
    # Beside the package in a checkout; else where packages keep what is no code.
    checkout = Path(fsmount.__file__).parents[1] / "systemd"
    shared = programs.parent / "share" / "fsmount" / "systemd"
    for units in (checkout, shared):
        if (units / "system" / UNIT).exists():
            return Environment(programs=programs, units=units)
    raise FsmountError(f"the systemd units are not in {shared}", advice="install fsmount anew")


def items(environment: Environment, *, user: bool, top: Path = Path("/")) -> list[Item]:
    """Return everything that belongs to an installation.

    Args:
        environment: What is linked to.
        user: For the systemd of the user who runs this, instead of the system's.
        top: Stands for the root of the file system.
    """
    kind = "user" if user else "system"
    text = (environment.units / kind / UNIT).read_text(encoding="utf-8")
    program = environment.programs / PROGRAM
    text = text.replace(_PLACEHOLDER, _unit_word(program))
    unit = f"# {_MARK}\n# Changes belong into a drop-in: systemctl edit.\n{text}"
    if user:
        data = _xdg("XDG_DATA_HOME", ".local/share")
        return [
            File(path=_xdg("XDG_CONFIG_HOME", ".config") / "systemd/user" / UNIT, text=unit),
            *_pages(data / "man"),
            *_completions(data),
        ]
    found: list[Item] = [
        # The only folder that mount(8) looks into.
        Link(path=top / "sbin" / HELPER, target=environment.programs / HELPER),
        # mount.fuse3 runs "fsmount" with the system's PATH: for "-t fuse.fsmount". Not in
        # /usr/local/bin, where pipx may have a link of its own.
        Link(path=top / "usr/local/sbin" / PROGRAM, target=program),
        File(path=top / "etc/systemd/system" / UNIT, text=unit),
        *_pages(top / "usr/local/share/man"),
        *_completions(top / "usr/local/share"),
    ]
    # Installed there in the first place, by a package of the system.
    return [item for item in found if not (isinstance(item, Link) and item.path == item.target)]


def install(wanted: list[Item]) -> Iterator[Item]:
    """Make what is ``wanted``, and yield each when it is there.

    Nothing is made where something else is in the way of any.

    Raises:
        UsageError: Something that is not ours is in the way.
        FsmountError: It cannot be written.
    """
    for item in wanted:
        if (item.path.exists() or item.path.is_symlink()) and not item.is_ours():
            raise UsageError(
                f"{item.path} is there and was not made by fsmount", advice="move it away first"
            )
    for item in wanted:
        try:
            item.make()
        except OSError as exc:
            raise _refused(item, exc) from exc
        yield item


def uninstall(wanted: list[Item]) -> Iterator[Item]:
    """Remove what of ``wanted`` is there and ours, and yield each when it is gone.

    Raises:
        FsmountError: It cannot be removed.
    """
    for item in wanted:
        if item.is_ours():
            try:
                item.path.unlink()
            except OSError as exc:
                raise _refused(item, exc) from exc
            yield item


def trusted_only_by_root(path: Path) -> Path | None:
    """Return the first of ``path`` and the folders above it that another user could change.

    What root runs at boot, that user would run as root. None when there is none.
    """
    real = Path(os.path.realpath(path))
    for each in (real, *real.parents):
        found = each.stat()
        sticky = bool(found.st_mode & stat.S_ISVTX)
        if found.st_uid != 0 or (found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not sticky):
            return each
    return None


def _pages(folder: Path) -> list[Item]:
    from fsmount.cli.manual import pages

    mark = f'.\\" -*- coding: UTF-8 -*- {_MARK}\n'
    return [File(path=folder / page.file, text=mark + page.text()) for page in pages()]


def _completions(folder: Path) -> list[Item]:
    """Return what lets shells ask fsmount itself when somebody presses Tab."""
    mark = f"# {_MARK}\n"
    return [
        File(
            path=folder / "bash-completion/completions/fsmount",
            text=f'{mark}eval "$(_FSMOUNT_COMPLETE=bash_source fsmount)"\n',
        ),
        File(
            path=folder / "zsh/site-functions/_fsmount",
            text=f'#compdef fsmount\n{mark}eval "$(_FSMOUNT_COMPLETE=zsh_source fsmount)"\n'
            '_fsmount_completion "$@"\n',
        ),
        File(
            path=folder / "fish/vendor_completions.d/fsmount.fish",
            text=f"{mark}_FSMOUNT_COMPLETE=fish_source fsmount | source\n",
        ),
    ]


def _xdg(variable: str, below_home: str) -> Path:
    given = os.environ.get(variable, "")
    return Path(given) if given.startswith("/") else Path.home() / below_home


def _unit_word(path: Path) -> str:
    """Return ``path`` as one word of a command line in a unit (systemd.syntax(7))."""
    text = str(path).replace("%", "%%").replace("$", "$$")
    if any(character in text for character in " \t\"'\\"):
        escaped = text.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return text


def _refused(item: Item, exc: OSError) -> FsmountError:
    if isinstance(exc, PermissionError):
        advice = 'run it as root: sudo "$(command -v fsmount)" systemd …, or with --user'
    else:
        advice = ""
    return FsmountError(f"cannot change {item.path}: {exc.strerror}", advice=advice)
