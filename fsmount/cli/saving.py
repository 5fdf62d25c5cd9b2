"""``share save``: files of somebody's share, copied into an own drive by the provider itself."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from fsmount.cli import failures
from fsmount.cli.owning import able, own
from fsmount.cli.parameters import Command, Invocation, with_options
from fsmount.errors import NotFolder, NotSupported

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fsmount.drivers.base import SavesShares
    from fsmount.model import Entry, Saving
    from fsmount.remote import Remote
    from fsmount.vfs.filesystem import Filesystem

# A small folder is done within a second; a large one need not be asked about more often.
_FIRST_LOOK_S, _LONGEST_PAUSE_S = 1.0, 5.0
_ROWS = 1000


@click.command(
    cls=Command,
    epilog="\b\n"
    "fsmount share save https://bj29.apps.aliyunpds.com/disk/s/sAvciMEXKRz photos saved\n"
    "fsmount share save URL photos saved 2024/summer b.jpg",
)
@click.argument("url")
@click.argument("remote")
@click.argument("folder")
@click.argument("paths", nargs=-1, metavar="[PATH...]")
@with_options
@click.pass_obj
def save(
    invocation: Invocation,
    url: str,
    remote: str,
    folder: str,
    paths: tuple[str, ...],
    options: tuple[str, ...],
) -> int:
    """Save PATHs of the share at URL, or all of it, into FOLDER of REMOTE.

    The provider copies: nothing is downloaded. -o is for URL.
    """
    import trio

    return trio.run(_save, invocation, url, remote, folder, paths, options)


async def _save(
    invocation: Invocation,
    url: str,
    text: str,
    path: str,
    paths: tuple[str, ...],
    options: tuple[str, ...],
) -> int:
    from fsmount.cli.session import open_browsed
    from fsmount.drivers.base import Ability, GivesSharePass, SavesShares

    async with (
        open_browsed(invocation, text, ()) as (drive, tree),
        open_browsed(invocation, url, options) as (share, shared),
    ):
        saver = own(drive, Ability.SHARE_SAVE)
        assert isinstance(saver, SavesShares)
        if not share.source.is_share:
            raise NotSupported(f'"{share.source.shown}" is not a share')
        _check_same_provider(share, drive)
        giver = able(share, Ability.SHARE_PASS)
        assert isinstance(giver, GivesSharePass)
        folder = await tree.find(path.strip("/"))
        if not folder.is_folder:
            raise NotFolder(f'"{path}" is a file', advice="name a folder to save into")
        entries = await _entries(shared, paths)
        saving = await saver.save(await giver.share_pass(), entries, folder.entry)
        saving = await _followed(saver, saving)
    for sentence in saving.failures:
        failures.complain(sentence)
    count = len(entries)
    what = f'"{entries[0].name}"' if count == 1 else f"{count} files and folders"
    if saving.failures:
        failures.complain(f'not all of {what} was saved into "{path}"')
        return failures.FAILED
    click.echo(f'saved {what} into "{path}"', err=True)
    return failures.DONE


def _check_same_provider(share: Remote, drive: Remote) -> None:
    """Refuse a drive that cannot reach the share: of another provider, or of another site."""
    ours, its = drive.source, share.source
    if its.driver.removesuffix("_share") != ours.driver:
        raise NotSupported(f"a drive of {ours.spec.title} cannot save from {its.spec.title}")
    if ours.driver == its.driver:
        here, there = ours.spec.account(ours.options)[0], its.spec.account(its.options)[0]
        if here != there:
            raise NotSupported(f"the share is at {there}, and {ours.name} at {here}")


async def _entries(shared: Filesystem, paths: tuple[str, ...]) -> list[Entry]:
    if paths:
        return [(await shared.find(path.strip("/"))).entry for path in paths]
    found: list[Entry] = []
    handle = shared.open_folder((await shared.find("")).inode)
    try:
        cookie = 0
        while rows := await handle.read(cookie, _ROWS):
            found += [row.attributes.entry for row in rows]
            cookie = rows[-1].next_cookie
    finally:
        handle.close()
    if not found:
        raise NotSupported("there is nothing in the share to save")
    return found


async def _followed(saver: SavesShares, saving: Saving) -> Saving:
    """Wait until the provider has done what it can, and return how it ended."""
    import trio

    pause_s = _FIRST_LOOK_S
    with _progress() as show:
        while saving.tasks:
            await trio.sleep(pause_s)
            pause_s = min(pause_s * 1.5, _LONGEST_PAUSE_S)
            saving = await saver.saving(saving)
            show(saving)
    return saving


@contextmanager
def _progress() -> Iterator[Callable[[Saving], None]]:
    """Yield what shows how far a saving is: a bar when a person looks on, else nothing."""
    if not sys.stderr.isatty():
        yield lambda saving: None
        return
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
    )
    with progress.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("saving", total=None)
        yield lambda saving: bar.update(task, completed=saving.done or 0, total=saving.total)
