"""``cache ls``, ``cache pin``, ``cache unpin`` and ``cache evict``."""

from __future__ import annotations

import json
import shutil
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from fsmount import control
from fsmount.cli import failures
from fsmount.cli.output import bytes_bar
from fsmount.cli.parameters import Group, local_path
from fsmount.cli.place import within
from fsmount.cli.rows import local_time, printable, say, size_text
from fsmount.errors import FsmountError, StoreFault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fsmount.control import Door
    from fsmount.store.directories import Directories

_ASK_WITHIN_S = 20.0
_EVERY_S = 0.3
# What a wish is when nothing more happens to it by itself for a while.
_ENDS = ("kept", "failed", "refused")

_paths = click.argument("paths", nargs=-1, type=local_path, required=True, metavar="PATH…")


@click.group(cls=Group)
def cache() -> None:
    """See what is cached, keep files in the cache, or let go of them."""


@cache.command(name="ls")
@click.option("--json", "as_json", is_flag=True, help="As JSON: a list with one object a cache.")
def list_(as_json: bool) -> int:
    """List the cached files of every mount, and of caches that are not mounted now.

    A line has the bytes that are cached, how much of the file that is, when it was last read, its
    path in the mount, and whether it is pinned.
    """
    told = list(_caches())
    if as_json:
        say(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        for one in told:
            for line in lines(one):
                say(printable(line))
        if not told:
            click.echo("nothing is cached", err=True)
        elif len(told) > 1:
            say(f"{size_text(sum(one.get('bytes', 0) for one in told))} in all")
    return failures.FAILED if any("error" in one for one in told) else failures.DONE


def lines(told: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of one cache: where it belongs, its totals, its files."""
    source = told["source"] or told["directory"]
    yield f"{told['mountpoint']}  {source}" if told["mountpoint"] else f"not mounted: {source}"
    if "error" in told:
        yield f"  {told['error']}"
        return
    if told["off"]:
        yield "  there is no disk cache"
        return
    count = len(told["files"])
    total = size_text(told["bytes"])
    if told["budget"] is not None:
        total += f" of {size_text(told['budget'])}"
    yield f"  {total}, {count} file{'s' * (count != 1)}, {size_text(told['pinned'])} pinned"
    for file in told["files"]:
        size, kept = file["size"], file["cached"]
        # Rounded down: only a whole file is 100 %.
        part = f"{min(100 * kept // size, 100)} %" if size else ""
        used = local_time(file["used_ns"])
        pinned = "  (pinned)" if file["pinned"] else ""
        yield f"  {size_text(kept):>10}  {part:>5}  {used:16}  {file['path'] or '?'}{pinned}"
    for wish in told["wishes"]:
        for reason in wish["reasons"]:
            yield f"  pinned {wish['path'] or '/'} is not whole: {reason}"


def _caches() -> Iterator[dict[str, Any]]:
    """Yield what each mount tells of its cache, then what is on disk of others."""
    from fsmount.store.directories import find_directories

    directories = find_directories()
    mounted = set()
    for door in control.mounts(directories):
        told: dict[str, Any] = {"mountpoint": str(door.mountpoint), "source": ""}
        try:
            told["source"] = control.ask(door, "status", timeout_s=_ASK_WITHIN_S)["source"]
            told.update(control.ask(door, "cache", timeout_s=_ASK_WITHIN_S))
            mounted.add(told["directory"])
        except FsmountError as exc:
            told.update({"directory": None, "error": str(exc)})
        yield told
    for directory in _directories(directories):
        if str(directory) not in mounted:
            yield _unmounted(directory, directories)


def _directories(directories: Directories) -> list[Path]:
    try:
        return sorted((directories.cache / "blocks").iterdir())
    except OSError:
        return []  # nothing was ever cached


def _unmounted(directory: Path, directories: Directories) -> dict[str, Any]:
    """Return what a cache that no mount has open holds, without changing anything."""
    from fsmount.cache.catalogue import read_catalogue
    from fsmount.cache.records import charge_of_file
    from fsmount.caching import describe_files

    told = {"mountpoint": None, "source": _source(directory), "directory": str(directory)}
    try:
        kept = read_catalogue(directory)
        pinned = _pinned(directory.name, directories)
    except StoreFault as exc:
        return {**told, "error": str(exc)}
    return {
        **told,
        "off": False,
        "bytes": sum(one.cached for one in kept),
        "budget": None,
        "pinned": sum(charge_of_file(key.size) for key in set(pinned.values())),
        "wishes": [],
        "files": describe_files(kept, pinned),
    }


def _source(directory: Path) -> str:
    from fsmount.caching import NAME_FILE

    try:
        return (directory / NAME_FILE).read_text(errors="surrogateescape").strip()
    except OSError:
        return ""


def _pinned(tree: str, directories: Directories) -> dict[str, Any]:
    from fsmount.store.pins import PinStore

    path = directories.state / "pins.sqlite"
    if not path.exists():
        return {}
    store = PinStore(path)
    try:
        return dict(store.files(tree))
    finally:
        store.close()


# --- pin ------------------------------------------------------------------------------------------


@cache.command()
@_paths
def pin(paths: tuple[Path, ...]) -> int:
    """Fetch mounted files, or folders with all below them, and keep them in the cache.

    They count in the cache's budget and are not evicted for what else is read. The mount does the
    work, behind whoever reads: Ctrl-C only stops watching it. What changes at the provider is
    fetched anew, also after a restart.
    """
    return max(_pin(door, path, inside) for door, path, inside in _located(paths))


@cache.command()
@_paths
def unpin(paths: tuple[Path, ...]) -> int:
    """Keep files no longer: they stay cached until their place is needed."""
    for door, path, inside in _located(paths):
        told = control.ask(door, "unpin", timeout_s=_ASK_WITHIN_S, path=inside)
        click.echo(f'"{path}" is no longer pinned ({_files(told["files"])})', err=True)
    return failures.DONE


def _located(paths: tuple[Path, ...]) -> list[tuple[Door, Path, str]]:
    """Return the door of each path and its path inside; all of them before anything is done."""
    from fsmount.store.directories import find_directories

    directories = find_directories()
    found = []
    for path in paths:
        door = control.door_of(path, directories)
        inside = within(path, door.mountpoint)
        found.append((door, path, "" if inside == "." else inside))
    return found


def _pin(door: Door, path: Path, inside: str) -> int:
    control.ask(door, "pin", timeout_s=_ASK_WITHIN_S, path=inside)
    try:
        wish = _watched(door, path, inside)
    except KeyboardInterrupt:
        click.echo('the mount goes on fetching; "fsmount cache ls" tells how far it is', err=True)
        raise
    if wish["state"] == "kept":
        told = f"{_files(wish['files'])}, {size_text(wish['bytes'])}"
        click.echo(f'"{path}" is kept: {told}', err=True)
        return failures.DONE
    for reason in wish["reasons"]:
        failures.complain(reason)
    if wish["state"] == "failed":
        failures.complain(f'"{path}" is not kept wholly; the mount tries again every minute')
    return failures.FAILED


def _watched(door: Door, path: Path, inside: str) -> dict[str, Any]:
    """Return how a wish ended, showing how far it is until then."""
    with _progress(path.name) as show:
        while True:
            wish = _wish(door, path, inside)
            show(wish)
            if wish["state"] in _ENDS:
                return wish
            time.sleep(_EVERY_S)


def _wish(door: Door, path: Path, inside: str) -> dict[str, Any]:
    wishes = control.ask(door, "pins", timeout_s=_ASK_WITHIN_S, path=inside)["wishes"]
    if not wishes:
        raise FsmountError(f'"{path}" was unpinned meanwhile')
    wish: dict[str, Any] = wishes[0]
    return wish


def _files(count: int) -> str:
    return f"{count} file{'s' * (count != 1)}"


@contextmanager
def _progress(name: str) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Yield what shows how far a wish is, when a person looks on."""
    if not sys.stderr.isatty():
        yield lambda wish: None
        return
    with bytes_bar() as bar:
        task = bar.add_task(f"{name}: listing", total=None)

        def show(wish: dict[str, Any]) -> None:
            if wish["files"]:
                bar.update(
                    task,
                    description=f"{name}: {_files(wish['files'])}",
                    total=wish["bytes"],
                    completed=wish["kept"],
                )

        yield show


# --- evict ----------------------------------------------------------------------------------------


@cache.command()
@click.argument("paths", nargs=-1, type=local_path, metavar="[PATH…]")
@click.option("--all", "everything", is_flag=True, help="Of every mount, and what is not mounted.")
def evict(paths: tuple[Path, ...], everything: bool) -> int:
    """Let go of what is cached of mounted files, or of folders with all below; not of pinned."""
    if everything == bool(paths):
        raise click.UsageError("name either paths in a mount or --all")
    code = failures.DONE
    if everything:
        code = _evict_everything()
    for door, path, inside in _located(paths):
        told = control.ask(door, "evict", timeout_s=_ASK_WITHIN_S, path=inside)
        _say_evicted(f'"{path}"', told)
    return code


def _say_evicted(what: str, told: dict[str, Any]) -> None:
    pinned = f"; {_files(told['pinned'])} stay{'s' * (told['pinned'] == 1)} pinned"
    click.echo(
        f"{what}: {size_text(told['bytes'])} let go, {_files(told['files'])}"
        f"{pinned * bool(told['pinned'])}",
        err=True,
    )


def _evict_everything() -> int:
    from fsmount.store.directories import find_directories

    code = failures.DONE
    directories = find_directories()
    mounted = set()
    for door in control.mounts(directories):
        try:
            mounted.add(control.ask(door, "cache", timeout_s=_ASK_WITHIN_S)["directory"])
            told = control.ask(door, "evict", timeout_s=_ASK_WITHIN_S)
        except FsmountError as exc:
            failures.complain(f"{door.mountpoint}: {exc}")
            code = failures.FAILED
        else:
            _say_evicted(f'"{door.mountpoint}"', told)
    for directory in _directories(directories):
        if str(directory) in mounted:
            continue
        name = _source(directory) or str(directory)
        try:
            told = _evict_unmounted(directory, directories)
        except (FsmountError, OSError) as exc:
            failures.complain(f"{name}: {exc}")
            code = failures.FAILED
        else:
            _say_evicted(name, told)
    return code


def _evict_unmounted(directory: Path, directories: Directories) -> dict[str, int]:
    """Empty a cache that no mount has open; one in which nothing is pinned goes altogether."""
    from fsmount.cache.catalogue import NAME_DIGITS
    from fsmount.cache.inventory import content_name
    from fsmount.cache.shelf import open_shelf

    pinned = {content_name(key) for key in _pinned(directory.name, directories).values()}
    shelf = open_shelf(directory)
    try:
        gone = [one for one in shelf.records() if one.key[:NAME_DIGITS] not in pinned]
        stay = {one.key[:NAME_DIGITS] for one in shelf.records()} & pinned
        if stay:
            shelf.apply(deletes=[one.key for one in gone], parcels=(), touches=())
        else:
            shutil.rmtree(directory)  # under its lock: no mount can be about to use it
    finally:
        shelf.close()
    return {
        "bytes": sum(one.length for one in gone),
        "files": len({one.key[:NAME_DIGITS] for one in gone}),
        "pinned": len(stay),
    }
