"""The user's configuration: TOML, read strictly, never written by us.

::

    [remotes.photos]
    driver = "cloudreve"
    address = "https://cloud.example.com"

Which keys a remote may have is declared by its driver; everything unknown is refused with the
nearest known name and the line it stands on.
"""

from __future__ import annotations

import difflib
import logging
import re
import stat
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from fsmount import drivers
from fsmount.drivers.declared import declared
from fsmount.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from fsmount.drivers.base import DriverOptions
    from fsmount.store.directories import Directories

log = logging.getLogger(__name__)

RESERVED = frozenset(
    (
        *("cache", "cat", "doctor", "info", "link", "login", "logout", "ls", "mount", "offline"),
        *("refresh", "remotes", "share", "stat", "status", "systemd", "umount", "verify"),
    )
)
"""Names that no remote may have: the subcommands, those to come included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteConfig:
    """One ``[remotes.NAME]``: its driver's name, and that driver's options."""

    driver: str
    options: DriverOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What a configuration file says.

    Attributes:
        remotes: By name, in the file's order.
        path: The file; None when there is none.
    """

    remotes: Mapping[str, RemoteConfig] = field(default_factory=dict)
    path: Path | None = None


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the name of ``known`` that someone who wrote ``name`` may have meant, or None."""
    return next(iter(difflib.get_close_matches(name, sorted(known), n=1)), None)


def load_config(path: Path | None, directories: Directories) -> Config:
    """Return the configuration at ``path``, or the first one that is found in its usual places.

    Warns when the file holds secrets and others may read it.

    Raises:
        UsageError: ``path`` is not there, or something in the file is not understood; names the
            file, the line where it can, and what was probably meant.
    """
    if path is None:
        path = next((found for found in directories.config_files if found.exists()), None)
        if path is None:
            return Config()
    try:
        text = path.read_text(encoding="utf-8")
        mode = path.stat().st_mode
    except OSError as exc:
        raise UsageError(f"cannot read the configuration {path}: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise UsageError(f"cannot read the configuration {path}: it is not UTF-8 text") from exc
    config = parse_config(text, path)
    if mode & (stat.S_IRGRP | stat.S_IROTH) and _holds_secrets(config):
        log.warning('%s holds secrets and others may read it; run "chmod 600 %s"', path, path)
    return config


def parse_config(text: str, path: Path) -> Config:
    """Return what ``text`` says; ``path`` only names it in messages. Raises as ``load_config``."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise UsageError(f"cannot read the configuration {path}: {exc}") from exc
    file = _File(path=path, text=text)
    for name in document:
        if name == "mounts":
            raise file.wrong(
                (name,),
                "[mounts.NAME] is not supported yet",
                'use "fsmount mount" or a line in /etc/fstab',
            )
        if name != "remotes":
            raise file.unknown((), name, ["remotes"])
    tables = document.get("remotes", {})
    if not isinstance(tables, dict):
        raise file.wrong((), '"remotes" is not a table', "write [remotes.NAME]", key="remotes")
    return Config(
        remotes={name: _remote(name, table, file) for name, table in tables.items()}, path=path
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """Makes errors that say where: tomllib does not tell the line of a key, so it is looked up."""

    path: Path
    text: str

    def wrong(
        self, table: tuple[str, ...], what: str, advice: str = "", *, key: str = ""
    ) -> UsageError:
        """Return the error that ``what`` is wrong at ``key`` of ``table``, or at its header."""
        line = line_of(self.text, table, key)
        place = str(self.path) if line is None else f"{self.path} line {line}"
        return UsageError(f"{place}: {what}", advice=advice)

    def unknown(self, table: tuple[str, ...], key: str, known: Iterable[str]) -> UsageError:
        """Return the error for a key that is not known in ``table`` (() is the top)."""
        known = sorted(known)
        within = f" in [{'.'.join(table)}]" if table else ""
        near = nearest(key, known)
        at_header = not table and line_of(self.text, (key,)) is not None
        return self.wrong(
            (key,) if at_header else table,
            f'unknown name "{key}"{within}',
            f'did you mean "{near}"?' if near else f"known are {', '.join(known)}",
            key="" if at_header else key,
        )


def line_of(text: str, table: tuple[str, ...], key: str = "") -> int | None:
    """Return the line of ``key`` in ``[table]``, else of the table's header, else None."""
    dotted = r"\s*\.\s*".join(rf"""["']?{re.escape(name)}["']?""" for name in table)
    header = re.compile(rf"\s*\[\s*{dotted}\s*[\].]")
    assignment = re.compile(rf"""\s*["']?{re.escape(key)}["']?\s*[=.]""")
    inside, found = not table, None
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("["):
            inside = bool(table and header.match(line))
            if inside:
                found = found or number
                if not key:
                    break
        elif inside and key and assignment.match(line):
            return number
    return found


def _remote(name: str, table: object, file: _File) -> RemoteConfig:
    at = ("remotes", name)
    called = f"[remotes.{name}]"
    if not isinstance(table, dict):
        raise file.wrong(
            at[:1], f"remotes.{name} is not a table", f"write {called} above its keys", key=name
        )
    if name in RESERVED:
        raise file.wrong(
            at, f'{called} is called like the command "fsmount {name}"', "choose another name"
        )
    if not re.fullmatch(r"\w[\w.-]{0,63}", name):
        raise file.wrong(
            at, f"{called} cannot be typed as a SOURCE", "use letters, digits, - _ and ."
        )
    driver = table.get("driver")
    if not isinstance(driver, str):
        raise file.wrong(
            at, f'{called} lacks driver = "…"', f"drivers are {', '.join(drivers.REGISTRY)}"
        )
    try:
        spec = drivers.load(driver)
    except UsageError as exc:
        raise file.wrong(at, exc.message, exc.advice, key="driver") from exc
    known = spec.options.__struct_fields__
    for key in table:
        if key != "driver" and key not in known:
            raise file.unknown(at, key, [*known, "driver"])
    wanted = {key: value for key, value in table.items() if key != "driver"}
    try:
        options = msgspec.convert(wanted, spec.options)
    except msgspec.ValidationError as exc:
        # "Expected `bool`, got `str` - at `$.insecure`": types only, never the value of a secret.
        what, _, place = str(exc).replace("`", "").partition(" - at $.")
        raise file.wrong(at, f"{called} {place}: {what[0].lower()}{what[1:]}", key=place) from exc
    return RemoteConfig(driver=driver, options=options)


def _holds_secrets(config: Config) -> bool:
    return any(
        getattr(remote.options, option.name)
        for remote in config.remotes.values()
        for option in declared(type(remote.options))
        if option.sensitive
    )
