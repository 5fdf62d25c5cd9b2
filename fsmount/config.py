"""The user's configuration: TOML, read strictly, never written by us.

::

    [remotes.photos]
    driver = "cloudreve"
    address = "https://cloud.example.com"

    [mounts.media]
    tree = { "/" = "photos", "/films" = ["films", "more-films"] }

    [guard]
    indexer = "free"

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
from fsmount.budgets import BadBudget, Budgets, parse_budgets
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
"""Names that no remote and no mount may have: the subcommands, those to come included."""

_LONGEST_NAME = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteConfig:
    """One ``[remotes.NAME]``: its driver's name, and that driver's options."""

    driver: str
    options: DriverOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class MountConfig:
    """One ``[mounts.NAME]``: names of remotes by the path where they are shown, in order."""

    tree: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What a configuration file says.

    Attributes:
        remotes: By name, in the file's order.
        mounts: Several remotes as one tree, by name; no name is a remote's.
        broken: Remotes whose tables are not understood, by name, when that was to be borne.
        guard: What each kind of program may have of a mount.
        path: The file; None when there is none.
    """

    remotes: Mapping[str, RemoteConfig] = field(default_factory=dict)
    mounts: Mapping[str, MountConfig] = field(default_factory=dict)
    broken: Mapping[str, UsageError] = field(default_factory=dict)
    guard: Budgets = field(default_factory=Budgets)
    path: Path | None = None


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the name of ``known`` that someone who wrote ``name`` may have meant, or None."""
    return next(iter(difflib.get_close_matches(name, sorted(known), n=1)), None)


def load_config(path: Path | None, directories: Directories, *, lenient: bool = False) -> Config:
    """Return the configuration at ``path``, or the first one that is found in its usual places.

    Warns when the file holds secrets and others may read it.

    Args:
        path: Of the file; None looks for one.
        directories: Where one may be.
        lenient: One remote that is not understood is left for who asks for it, with a warning: a
            slip in one table shall not keep the others from being mounted.

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
    config = parse_config(text, path, lenient=lenient)
    for failure in config.broken.values():
        log.warning("%s", failure)
    if mode & (stat.S_IRGRP | stat.S_IROTH) and _holds_secrets(config):
        log.warning('%s holds secrets and others may read it; run "chmod 600 %s"', path, path)
    return config


def parse_config(text: str, path: Path, *, lenient: bool = False) -> Config:
    """Return what ``text`` says; ``path`` only names it in messages. Raises as ``load_config``."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise UsageError(f"cannot read the configuration {path}: {exc}") from exc
    file = _File(path=path, text=text)
    for name in document:
        if name not in ("remotes", "mounts", "guard"):
            raise file.unknown((), name, ["remotes", "mounts", "guard"])
    remotes: dict[str, RemoteConfig] = {}
    broken: dict[str, UsageError] = {}
    for name, table in _tables(document, file):
        try:
            remotes[name] = _remote(name, table, file)
        except UsageError as exc:
            if not lenient:
                raise
            broken[name] = exc
    mounts = {
        name: _mount(name, table, {**remotes, **broken}, file)
        for name, table in _tables(document, file, "mounts")
    }
    guard = _guard(document.get("guard", {}), file)
    return Config(remotes=remotes, mounts=mounts, broken=broken, guard=guard, path=path)


def _guard(table: object, file: _File) -> Budgets:
    at = ("guard",)
    if not isinstance(table, dict):
        raise file.wrong((), '"guard" is not a table', "write [guard] above its keys", key="guard")
    try:
        return parse_budgets(table)
    except BadBudget as exc:
        if not exc.wanted:
            raise file.unknown(at, exc.key, exc.known) from exc
        raise file.wrong(
            at, f"[guard] {exc.key}: not understood", f"write {exc.wanted}", key=exc.key
        ) from exc


def _tables(
    document: Mapping[str, object], file: _File, kind: str = "remotes"
) -> Iterable[tuple[str, Mapping[str, object]]]:
    """Return the tables ``[kind.NAME]``, whose names can be typed as a SOURCE."""
    tables = document.get(kind, {})
    if not isinstance(tables, dict):
        raise file.wrong((), f'"{kind}" is not a table', f"write [{kind}.NAME]", key=kind)
    for name, table in tables.items():
        at, called = (kind, name), f"[{kind}.{name}]"
        if not isinstance(table, dict):
            raise file.wrong(
                at[:1], f"{kind}.{name} is not a table", f"write {called} above its keys", key=name
            )
        if name in RESERVED:
            raise file.wrong(
                at, f'{called} is called like the command "fsmount {name}"', "choose another name"
            )
        if not re.fullmatch(r"\w[\w.-]{0,63}", name):
            raise file.wrong(
                at, f"{called} cannot be typed as a SOURCE", "use letters, digits, - _ and ."
            )
    return tables.items()


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


def _remote(name: str, table: Mapping[str, object], file: _File) -> RemoteConfig:
    at = ("remotes", name)
    called = f"[remotes.{name}]"
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


def _mount(
    name: str, table: Mapping[str, object], remotes: Mapping[str, object], file: _File
) -> MountConfig:
    at = ("mounts", name)
    called = f"[mounts.{name}]"
    if name in remotes:
        raise file.wrong(
            at, f"{called} is called like the remote [remotes.{name}]", "choose another name"
        )
    for key in table:
        if key != "tree":
            raise file.unknown(at, key, ["tree"])
    tree = table.get("tree")
    if not isinstance(tree, dict) or not tree:
        raise file.wrong(
            at,
            f"{called} lacks a tree" if tree is None else f"{called} tree: it shows nothing",
            'write tree = { "/" = "REMOTE", "/films" = ["REMOTE", "REMOTE"] }',
            key="" if tree is None else "tree",
        )
    places: dict[str, tuple[str, ...]] = {}
    for path, shown in tree.items():
        what, advice = _place_fault(path, shown, remotes)
        clean = "/" + "/".join(step for step in path.split("/") if step)
        if not what and clean in places:
            what, advice = f'"{path}" stands twice', 'list its remotes in one ["a", "b"]'
        if what:
            # A tree in a table of its own, [mounts.NAME.tree], has lines for its paths.
            line = line_of(file.text, (*at, "tree"), path) is not None
            table_at = (*at, "tree") if line else at
            raise file.wrong(
                table_at, f"{called} tree: {what}", advice, key=path if line else "tree"
            )
        places[clean] = (shown,) if isinstance(shown, str) else tuple(shown)
    return MountConfig(tree=places)


def _place_fault(path: str, shown: object, remotes: Mapping[str, object]) -> tuple[str, str]:
    """Return what is wrong with one line of a tree, and what to do; two empty texts if nothing."""
    if not path.startswith("/"):
        return f'"{path}" is not an absolute path', f'write "/{path}"'
    steps = [step for step in path.split("/") if step]
    if ".." in steps or "." in steps:
        return f'"{path}" holds "." or ".."', "write the path without them"
    if "\0" in path or any(len(step.encode()) > _LONGEST_NAME for step in steps):
        return f'"{path}" cannot be the path of a directory', "names have 255 bytes at most"
    names = [shown] if isinstance(shown, str) else shown
    if not isinstance(names, list) or not names or not all(isinstance(each, str) for each in names):
        return f'"{path}" names no remote', f'write "{path}" = "REMOTE" or ["REMOTE", "REMOTE"]'
    for name in names:
        if name not in remotes:
            near = nearest(name, remotes)
            there = ", ".join(remotes)
            return f'there is no remote "{name}" to show at "{path}"', (
                f'did you mean "{near}"?'
                if near
                else f"there are {there}"
                if there
                else "write [remotes.NAME]"
            )
        if names.count(name) > 1:
            return f'"{name}" stands twice at "{path}"', "name it once"
    return "", ""


def _holds_secrets(config: Config) -> bool:
    return any(
        getattr(remote.options, option.name)
        for remote in config.remotes.values()
        for option in declared(type(remote.options))
        if option.sensitive
    )
