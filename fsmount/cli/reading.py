"""``ls``, ``stat``, ``cat`` and ``link``: of a mounted path, or of a SOURCE without a mount."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fsmount import control
from fsmount.cli import failures
from fsmount.cli.opening import opened
from fsmount.cli.output import open_output
from fsmount.cli.parameters import Command, Invocation, with_options
from fsmount.cli.place import Mounted, Unmounted, place, within
from fsmount.cli.rows import local_time, printable, row, row_of, say, size_text
from fsmount.errors import FsmountError, IsFolder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fsmount.vfs.filesystem import Attributes, Filesystem

_CHUNK = 1024 * 1024
_ROWS = 1000

_words = click.argument("words", nargs=-1, required=True, metavar="MOUNTED/PATH | SOURCE [PATH]")


def _place(words: tuple[str, ...]) -> Mounted | Unmounted:
    if len(words) > 2:
        raise click.UsageError("too many words; quote a SOURCE that has spaces")
    return place(words)


@click.command(
    cls=Command,
    epilog="\b\n"
    "fsmount ls https://cloud.example.com/s/AbC1\n"
    "fsmount ls -l photos 2024/summer\n"
    "fsmount ls -R /mnt/photos",
)
@_words
@click.option("-l", "long", is_flag=True, help="With sizes in bytes and times.")
@click.option("-R", "recursive", is_flag=True, help="And everything below, as paths.")
@with_options
@click.pass_obj
def ls(
    invocation: Invocation,
    words: tuple[str, ...],
    long: bool,
    recursive: bool,
    options: tuple[str, ...],
) -> int:
    """List a folder, of a mount or of a SOURCE that is not mounted."""
    match _place(words):
        case Mounted(path=path):
            return _list_mounted(path, long=long, recursive=recursive)
        case Unmounted() as at:
            import trio

            return trio.run(_list, invocation, at, options, long, recursive)


def _list_mounted(path: Path, *, long: bool, recursive: bool) -> int:
    failed = False
    folders = [("", path)]
    while folders:
        prefix, folder = folders.pop()
        try:
            found = list(os.scandir(folder))
        except NotADirectoryError:
            say(row_of(path.name, path.stat(), is_folder=False).written(long=long))
            break
        except OSError as exc:
            failures.complain(f'cannot list "{folder}": {exc.strerror}')
            failed = True
            continue
        below = []
        for item in sorted(found, key=lambda item: item.name):
            is_folder = item.is_dir()
            name = prefix + item.name
            say(row_of(name, item.stat(), is_folder=is_folder).written(long=long))
            if recursive and is_folder:
                below.append((name + "/", Path(item.path)))
        folders.extend(reversed(below))
    return failures.FAILED if failed else failures.DONE


async def _list(
    invocation: Invocation, at: Unmounted, options: tuple[str, ...], long: bool, recursive: bool
) -> int:
    failed = False
    async with opened(invocation, at, options) as (_, filesystem):
        root = await filesystem.find(at.path)
        if not root.is_folder:
            say(row(at.path.rpartition("/")[2], root).written(long=long))
            return failures.DONE
        folders = [("", root)]
        while folders:
            prefix, folder = folders.pop()
            below: list[tuple[str, Attributes]] = []
            try:
                await _print_folder(filesystem, folder, prefix, below, long=long)
            except FsmountError as exc:
                if not prefix:
                    raise
                failures.complain(str(exc))
                failed = True
            if recursive:
                folders.extend(reversed(below))
    return failures.FAILED if failed else failures.DONE


async def _print_folder(
    filesystem: Filesystem,
    folder: Attributes,
    prefix: str,
    below: list[tuple[str, Attributes]],
    *,
    long: bool,
) -> None:
    """Print the entries of ``folder``, page by page as they come; its folders go to ``below``."""
    handle = filesystem.open_folder(folder.inode)
    try:
        cookie = 0
        while rows := await handle.read(cookie, _ROWS):
            for each in rows:
                path, found = prefix + each.name, each.attributes
                say(row(path, found).written(long=long))
                if found.is_folder:
                    below.append((f"{path}/", found))
            cookie = rows[-1].next_cookie
    finally:
        handle.close()


@click.command(cls=Command)
@_words
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.option("--below", is_flag=True, help="Also ask the provider how much is below a folder.")
@with_options
@click.pass_obj
def stat(
    invocation: Invocation,
    words: tuple[str, ...],
    as_json: bool,
    below: bool,
    options: tuple[str, ...],
) -> None:
    """Show what is known about a file or folder: size, time, id, version, hash, what is cached.

    Nobody is asked for what a mount knows already; "fsmount link" and --below cost a call.
    """
    match _place(words):
        case Mounted(path=path):
            facts = _ask("stat", path)
            if below:
                facts["below"] = _ask("below", path)
        case Unmounted() as at:
            import trio

            facts = trio.run(_stat, invocation, at, options, below)
    if as_json:
        say(json.dumps(facts, ensure_ascii=False, indent=2))
        return
    told = dict(facts)
    told["size"] = f"{facts['size']} ({size_text(facts['size'])})"
    told["modified"] = local_time(told.pop("mtime_ns"))
    if below:
        told["below"] = _counted(facts["below"])
    if facts["cached"] is not None:
        told["cached"] = f"{facts['cached']} ({_part(facts['cached'], facts['size'])})"
    for label, value in told.items():
        if value not in ("", None):
            say(f"{label:>9}: {printable(str(value))}")


def _counted(below: Mapping[str, Any]) -> str:
    if not below:
        return "the provider does not tell it now; ask again in some minutes"
    least = "" if below["complete"] else "at least "
    told = f"{least}{size_text(below['size'])}, {below['files']} files, {below['folders']} folders"
    return f"{told}, counted {local_time(below['counted_ns'])}" if below["counted_ns"] else told


def _part(cached: int, size: int) -> str:
    # Rounded down: only a whole file is 100 %.
    return f"{100 * cached // size if size else 100} %"


async def _stat(
    invocation: Invocation, at: Unmounted, options: tuple[str, ...], below: bool
) -> dict[str, Any]:
    from fsmount.model import ROOT_INODE
    from fsmount.remote import describe

    async with opened(invocation, at, options) as (assembly, filesystem):
        found = await filesystem.find(at.path)
        if found.inode == ROOT_INODE:
            # It is known without asking; whether it is to be had, only its listing tells.
            handle = filesystem.open_folder(found.inode)
            await handle.read(0, 1)
            handle.close()
        found = await filesystem.find(at.path)
        facts = describe(at.path, found)
        if below:
            facts["below"] = await assembly.remote_of(filesystem, found).below(found)
        return facts


@click.command(cls=Command)
@_words
@click.option(
    "-O",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write to FILE (or into a directory) with a progress bar.",
)
@with_options
@click.pass_obj
def cat(
    invocation: Invocation, words: tuple[str, ...], output: Path | None, options: tuple[str, ...]
) -> None:
    """Write a file to standard output, or with -O to a file that appears when it is whole."""
    match _place(words):
        case Mounted(path=path):
            _copy_mounted(path, output)
        case Unmounted() as at:
            import trio

            trio.run(_cat, invocation, at, options, output)


def _copy_mounted(path: Path, output: Path | None) -> None:
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            with open_output(output, path.name, size) as write:
                while data := file.read(_CHUNK):
                    write(data)
    except OSError as exc:
        if isinstance(exc, BrokenPipeError):
            raise
        raise FsmountError(f'cannot read "{path}": {exc.strerror}') from exc


async def _cat(
    invocation: Invocation, at: Unmounted, options: tuple[str, ...], output: Path | None
) -> None:
    import trio

    async with opened(invocation, at, options) as (_, filesystem):
        found = await filesystem.find(at.path)
        if found.is_folder:
            raise IsFolder(f'"{at.path or "/"}" is a folder', advice='list it with "fsmount ls"')
        handle = filesystem.open_file(found.inode)
        try:
            with open_output(output, at.path.rpartition("/")[2], found.size) as write:
                offset = 0
                while data := await handle.read(offset, _CHUNK):
                    # In a thread: a slow reader of ours must not hold up what is fetched ahead.
                    await trio.to_thread.run_sync(write, data)
                    offset += len(data)
        finally:
            await handle.close()


@click.command(cls=Command)
@_words
@click.option("--url", "only_url", is_flag=True, help="The URL alone.")
@click.option("--json", "as_json", is_flag=True, help="URL, headers and lifetime as JSON.")
@with_options
@click.pass_obj
def link(
    invocation: Invocation,
    words: tuple[str, ...],
    only_url: bool,
    as_json: bool,
    options: tuple[str, ...],
) -> None:
    """Print a curl command that downloads a file by its direct link.

    Whoever has the link can read the file while it lives: handle it like a password.
    """
    match _place(words):
        case Mounted(path=path):
            name, facts = path.name, _ask("link", path)
        case Unmounted() as at:
            import trio

            name, facts = trio.run(_link, invocation, at, options)
    if as_json:
        say(json.dumps(facts, ensure_ascii=False, indent=2))
    elif only_url:
        say(facts["url"])
    else:
        say(curl(name, facts["url"], facts["headers"]))
    if facts["lifetime_s"] is not None and not as_json:
        click.echo(f"valid for {facts['lifetime_s'] / 60:.0f} minutes", err=True)


def curl(name: str, url: str, headers: Mapping[str, str]) -> str:
    """Return the command line that downloads ``url`` as ``name``, for any POSIX shell."""
    told = [f"-H {shlex.quote(f'{key}: {value}')} " for key, value in headers.items()]
    return f"curl -L {''.join(told)}-o {shlex.quote(name)} {shlex.quote(url)}"


async def _link(
    invocation: Invocation, at: Unmounted, options: tuple[str, ...]
) -> tuple[str, dict[str, Any]]:
    async with opened(invocation, at, options) as (assembly, filesystem):
        found = await filesystem.find(at.path)
        remote = assembly.remote_of(filesystem, found)
        return found.entry.name, await remote.direct_link(found)


def _ask(verb: str, path: Path) -> dict[str, Any]:
    from fsmount.store.directories import find_directories

    door = control.door_of(path, find_directories())
    return control.ask(door, verb, path=within(path, door.mountpoint))
