"""``offline add``, ``list``, ``rm`` and ``quota``: what a provider fetches by itself."""

from __future__ import annotations

import json
import sys
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from fsmount import log as logs
from fsmount.cli import failures, fetchable, tasklist
from fsmount.cli.parameters import Group, Invocation, with_options
from fsmount.cli.rows import printable, say
from fsmount.errors import FsmountError, NotFolder, NotFound, NotSupported, UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from fsmount.drivers.base import OfflineDownloads
    from fsmount.model import Entry, OfflineQuota, OfflineTask
    from fsmount.remote import Remote
    from fsmount.store.offline import Ledger, LedgerFile

# Of a person who looks on; the provider's own pace is kept in any case.
_WATCH_EVERY_S = 5.0
_FIND_WITHIN_S = 60.0
_MEMORY_BYTES = 16 << 20

_json = click.option("--json", "as_json", is_flag=True, help="As JSON.")


@click.group(cls=Group)
def offline() -> None:
    """Have the provider fetch links into a drive by itself."""


@offline.command(name="add")
@click.argument("target", metavar="REMOTE[:FOLDER]")
@click.argument("links", nargs=-1, metavar="[URL]…")
@click.option(
    "--from",
    "sources",
    multiple=True,
    metavar="FILE",
    help="Also the links in FILE, one a line; - is standard input.",
)
@_json
@with_options
@click.pass_context
def add(
    ctx: click.Context,
    target: str,
    links: tuple[str, ...],
    sources: tuple[str, ...],
    as_json: bool,
    options: tuple[str, ...],
) -> int:
    """Have REMOTE fetch links into FOLDER.

    Links are http, https, ftp, magnet or ed2k. Quote them: & ? and | mean something to the shell.
    Without FOLDER they go where the provider puts such downloads; ":/" is the root of REMOTE. What
    has arrived shows in a mount that stands, without doing anything.
    """
    import trio

    wanted = _checked(list(fetchable.gathered(links, sources)))
    if not wanted:
        raise UsageError("there is no link to add", advice="name some, or say --from FILE")
    remote, folder = _target(target)
    asking = _Asking(ctx.find_object(Invocation) or Invocation(), remote, options)
    outcomes = trio.run(_add, asking, wanted, folder)
    begun = [each for each in outcomes if not isinstance(each, FsmountError)]
    if as_json:
        _say_json(begun)
    else:
        for task in begun:
            say(tasklist.line(task))
    for link, outcome in zip(wanted, outcomes, strict=True):
        if isinstance(outcome, FsmountError):
            failures.complain(f"{fetchable.shown(link)}: {outcome}")
    return failures.DONE if len(begun) == len(outcomes) else failures.FAILED


@offline.command(name="list")
@click.argument("remote")
@click.option("--watch", is_flag=True, help="Follow them until none runs, or Ctrl-C.")
@_json
@with_options
@click.pass_context
def list_(
    ctx: click.Context, remote: str, watch: bool, as_json: bool, options: tuple[str, ...]
) -> None:
    """List the offline downloads of REMOTE.

    A line has id, state, progress, size, when it was added, and name.
    """
    import trio

    asking = _Asking(ctx.find_object(Invocation) or Invocation(), remote, options)
    if watch and not as_json and _looked_on():
        trio.run(_watch_table, asking)
        return
    trio.run(_watch_lines if watch else _list_once, asking, as_json)


@offline.command(name="rm")
@click.argument("remote")
@click.argument("tasks", nargs=-1, required=True, metavar="TASK…")
@click.option("--with-files", is_flag=True, help="Also delete what they have brought.")
@with_options
@click.pass_context
def rm(
    ctx: click.Context,
    remote: str,
    tasks: tuple[str, ...],
    with_files: bool,
    options: tuple[str, ...],
) -> None:
    """Remove offline downloads of REMOTE.

    TASK is an id, or its beginning, as list shows it; it may have ended or not. What has arrived
    stays where it is, unless you say --with-files.
    """
    import trio

    asking = _Asking(ctx.find_object(Invocation) or Invocation(), remote, options)
    for task in trio.run(_remove, asking, tasks, with_files):
        gone = "removed with its files" if with_files else "removed"
        click.echo(f"{gone}: {printable(task.name)}", err=True)


@offline.command()
@click.argument("remote")
@_json
@with_options
@click.pass_context
def quota(ctx: click.Context, remote: str, as_json: bool, options: tuple[str, ...]) -> None:
    """Show how many downloads REMOTE still grants."""
    import trio

    asking = _Asking(ctx.find_object(Invocation) or Invocation(), remote, options)
    found = trio.run(_quota, asking)
    if as_json:
        _say_json(found)
        return
    of_all = "" if found.total is None else f" of {found.total}"
    say(f"{found.left}{of_all} offline downloads left")


# --- what is asked --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Asking:
    """Whom to ask: the remote's name, and what was said beside it."""

    invocation: Invocation
    remote: str
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """The remote, open: its driver, and what is known of its downloads."""

    remote: Remote
    driver: OfflineDownloads
    ledger: LedgerFile

    async def tasks(self) -> Sequence[OfflineTask]:
        """Return all that the provider remembers; mounts learn what runs and what has ended."""
        from fsmount.store.offline import settled

        told = await self.driver.offline_tasks()
        await self.note(lambda kept: settled(kept, told, wall=time.time()))
        return told

    async def note(self, change: Callable[[Ledger], Ledger]) -> None:
        """Let mounts know; that they cannot be told is no reason to fail."""
        try:
            await self.ledger.change(change)
        except FsmountError as exc:
            failures.complain(f"mounts do not follow these downloads: {exc}")


@asynccontextmanager
async def _opened(asking: _Asking) -> AsyncIterator[_Asked]:
    from fsmount.cli.session import find
    from fsmount.drivers.base import Ability, OfflineDownloads
    from fsmount.remote import open_remote
    from fsmount.store.offline import ledger_file

    source, directories = await find(asking.invocation, asking.remote, asking.options)
    if Ability.OFFLINE not in source.spec.abilities:
        raise NotSupported(_unsupported())
    async with open_remote(source, directories) as remote:
        driver = remote.driver
        assert isinstance(driver, OfflineDownloads)
        ledger = ledger_file(directories, source.account_key)
        yield _Asked(remote=remote, driver=driver, ledger=ledger)


def _unsupported() -> str:
    """Say that a driver cannot, and which can: of those there are, so that it stays true."""
    from fsmount.drivers.base import Ability
    from fsmount.drivers.registry import titles_with

    able = titles_with(Ability.OFFLINE)
    verb = "is" if len(able) == 1 else "are"
    only = f"only {' and '.join(able)} {verb} supported" if able else "none is supported"
    return f"unsupported storage driver for offline download, {only}"


async def _add(
    asking: _Asking, links: list[str], path: str | None
) -> Sequence[OfflineTask | FsmountError]:
    from fsmount.store.offline import started

    async with _opened(asking) as asked:
        folder = None if path is None else await _folder(asked.remote, path)
        outcomes = await asked.driver.offline_add(links, folder)
        begun = [each for each in outcomes if not isinstance(each, FsmountError)]
        if begun:
            await asked.note(lambda kept: started(kept, begun, wall=time.time()))
        return outcomes


async def _folder(remote: Remote, path: str) -> Entry:
    """Return the folder at ``path``, as a mount would show it.

    Raises:
        NotFound, NotFolder: It is not there, or is a file.
    """
    from fsmount.reader.stream import open_reader
    from fsmount.vfs.filesystem import open_filesystem

    async with (
        open_reader(memory_bytes=_MEMORY_BYTES, disk=None) as reader,
        open_filesystem(
            remote.member,
            reader=reader,
            store=None,
            answer_within_s=_FIND_WITHIN_S,
            stale_after_s=_FIND_WITHIN_S,
        ) as filesystem,
    ):
        try:
            found = await filesystem.find(path)
        except NotFound as exc:
            raise NotFound(exc.message, advice="make the folder first, in the app") from exc
        if not found.is_folder:
            raise NotFolder(f'"{path}" is a file', advice="name a folder")
        return found.entry


async def _list_once(asking: _Asking, as_json: bool) -> None:
    async with _opened(asking) as asked:
        _show(await asked.tasks(), as_json)


async def _watch_lines(asking: _Asking, as_json: bool) -> None:
    """Write all of them again whenever something changed, until none runs."""
    import trio

    async with _opened(asking) as asked:
        shown: Sequence[OfflineTask] | None = None
        while True:
            tasks = list(await asked.tasks())
            if tasks != shown:
                _show(tasks, as_json)
                shown = tasks
            if not tasklist.runs(tasks):
                return
            await trio.sleep(_WATCH_EVERY_S)


async def _watch_table(asking: _Asking) -> None:
    """Draw a table that follows them, until none runs; a passing failure is a line below it."""
    import trio
    from rich.live import Live

    from fsmount.errors import ProviderFault, TimedOut, Unreachable

    async with _opened(asking) as asked:
        tasks = await asked.tasks()
        with Live(tasklist.table(tasks), auto_refresh=False) as live:
            while tasklist.runs(tasks):
                await trio.sleep(_WATCH_EVERY_S)
                note = ""
                try:
                    tasks = await asked.tasks()
                except (Unreachable, TimedOut, ProviderFault) as exc:
                    note = str(exc)
                live.update(tasklist.table(tasks, note), refresh=True)


async def _remove(
    asking: _Asking, words: tuple[str, ...], with_files: bool
) -> Sequence[OfflineTask]:
    from fsmount.store.offline import ended

    async with _opened(asking) as asked:
        tasks = tasklist.chosen(await asked.tasks(), words)
        for task in tasks:
            await asked.driver.offline_remove(task, with_files=with_files)
            await asked.note(
                lambda kept, ident=task.id: ended(kept, [ident], wall=time.time())  # type: ignore[misc]
            )
        return tasks


async def _quota(asking: _Asking) -> OfflineQuota:
    async with _opened(asking) as asked:
        return await asked.driver.offline_quota()


# --- words ----------------------------------------------------------------------------------------


def _checked(written: Sequence[fetchable.Written]) -> list[str]:
    """Return the links, each once; say what is wrong with each that is none.

    Raises:
        UsageError: One is none. Nothing was asked for then.
    """
    bad = 0
    for each in written:
        logs.keep_secret(each.text)
        if why := fetchable.fault(each.text):
            place = f"{each.place}: " if each.place else ""
            failures.complain(f'{place}"{fetchable.shown(each.text)}" is no link to fetch: {why}')
            bad += 1
    if bad:
        raise UsageError(
            f"{bad} of {len(written)} links cannot be used, so none was added",
            advice="correct or leave out what is named above",
        )
    return list(dict.fromkeys(each.text for each in written))


def _target(text: str) -> tuple[str, str | None]:
    """Return remote and folder of ``REMOTE[:FOLDER]``; None is where the provider puts them."""
    if "://" in text:
        return text, None
    remote, colon, folder = text.partition(":")
    return remote, folder.strip("/") if colon and folder else None


def _show(tasks: Sequence[OfflineTask], as_json: bool) -> None:
    if as_json:
        _say_json(tasks)
    elif not tasks:
        click.echo("there are no offline downloads", err=True)
    elif _looked_on():
        from rich.console import Console

        Console().print(tasklist.table(tasks))
    else:
        for task in tasks:
            say(tasklist.line(task))


def _looked_on() -> bool:
    """Tell whether a person sees what is written."""
    return sys.stdout.isatty()


def _say_json(found: object) -> None:
    import msgspec

    say(json.dumps(msgspec.to_builtins(found), ensure_ascii=False, indent=2))
