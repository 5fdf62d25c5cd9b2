"""``verify``: whether files have the bytes that their provider tells the hash of."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fsmount import control
from fsmount.cli import failures
from fsmount.cli.opening import opened
from fsmount.cli.parameters import Command, Invocation, with_options
from fsmount.cli.place import Mounted, Unmounted, place, within
from fsmount.cli.rows import printable, say, size_text
from fsmount.errors import FsmountError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fsmount.control import Door
    from fsmount.vfs.filesystem import Attributes, Filesystem

OK, DIFFERS, UNKNOWN, NO_HASH, UNREAD = "ok", "differs", "unknown", "no hash", "failed"

_CHUNK = 1024 * 1024
_ROWS = 1000
# In the order in which the last line counts them.
_VERDICTS = {
    OK: "ok",
    DIFFERS: "differ",
    UNKNOWN: "not checked",
    NO_HASH: "without a hash",
    UNREAD: "could not be read",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of one file.

    Attributes:
        path: Below what was asked for.
        verdict: One of the words above.
        digest: What the provider tells, ``algorithm:hex``; "" when it tells none.
        reason: Why it was not checked, or what it has instead.
    """

    path: str
    verdict: str
    digest: str = ""
    reason: str = ""

    def written(self) -> str:
        """Return the line for people."""
        reason = f": {self.reason}" if self.reason else ""
        return printable(f"{self.verdict:>7}  {self.path}{reason}")


class Check:
    """The hash of one file, taken while it is read.

    Args:
        path: For the verdict.
        digest: ``algorithm:hex`` of the provider.
    """

    def __init__(self, path: str, digest: str) -> None:
        self._path = path
        self._digest = digest
        algorithm, _, self._expected = digest.partition(":")
        # What is compared is what a provider tells, whose choice of MD5 and SHA-1 is not ours.
        self._hash = hashlib.new(algorithm, usedforsecurity=False)

    def take(self, data: bytes | memoryview) -> None:
        """Take in the next bytes of the file."""
        self._hash.update(data)

    def verdict(self) -> Verdict:
        """Judge what was read."""
        found = self._hash.hexdigest()
        if found == self._expected.lower():
            return Verdict(path=self._path, verdict=OK, digest=self._digest)
        reason = f"its {self._hash.name} is {found}, the provider says {self._expected}"
        return Verdict(path=self._path, verdict=DIFFERS, digest=self._digest, reason=reason)


def begin(
    path: str, *, digest: str, size: int, cached: int | None, download: bool
) -> Check | Verdict:
    """Return a check to feed with the file's bytes, or the verdict when it is not to be read.

    Args:
        path: Of the file.
        digest: ``algorithm:hex``; "" when the provider tells none.
        size: Of the file.
        cached: How many of its bytes can be had without the provider; None when there is no cache.
        download: Read the others too.
    """
    if not digest:
        return Verdict(path=path, verdict=NO_HASH)
    algorithm = digest.partition(":")[0]
    if algorithm not in hashlib.algorithms_available or algorithm.startswith("shake"):
        reason = f"fsmount cannot compute {algorithm}"
        return Verdict(path=path, verdict=UNKNOWN, digest=digest, reason=reason)
    if not download and (cached or 0) < size:
        reason = "nothing is cached" if not cached else f"{size_text(cached)} of it are cached"
        told = f"{reason} ({size_text(size)}), --download reads the rest"
        return Verdict(path=path, verdict=UNKNOWN, digest=digest, reason=told)
    return Check(path, digest)


@click.command(
    cls=Command,
    epilog="\b\n"
    "fsmount verify /mnt/photos/2024\n"
    "fsmount verify --download https://cloud.example.com/s/AbC1 films",
)
@click.argument("words", nargs=-1, required=True, metavar="MOUNTED/PATH | SOURCE [PATH]")
@click.option("--download", is_flag=True, help="Read from the provider what is not cached.")
@click.option("--json", "as_json", is_flag=True, help="As JSON: a list with one object a file.")
@with_options
@click.pass_obj
def verify(
    invocation: Invocation,
    words: tuple[str, ...],
    download: bool,
    as_json: bool,
    options: tuple[str, ...],
) -> int:
    """Compare files with the hashes that the provider tells, without downloading anything.

    What is wholly in the cache is read from there; of the rest it says that it was not checked,
    unless --download reads it. Exit code 1 when a file differs or cannot be read.
    """
    if len(words) > 2:
        raise click.UsageError("too many words; quote a SOURCE that has spaces")
    told = _Told(as_json=as_json)
    match place(words):
        case Mounted(path=path):
            for verdict in _mounted(path, download=download):
                told.add(verdict)
        case Unmounted() as at:
            import trio

            trio.run(_unmounted, invocation, at, options, download, told.add)
    return told.end()


class _Told:
    """Verdicts, said as they come (or all at the end as JSON), and counted."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._verdicts: list[Verdict] = []
        self._counts: Counter[str] = Counter()

    def add(self, verdict: Verdict) -> None:
        self._counts[verdict.verdict] += 1
        if self._as_json:
            self._verdicts.append(verdict)
        else:
            say(verdict.written())

    def end(self) -> int:
        if self._as_json:
            rows = [asdict(verdict) for verdict in self._verdicts]
            say(json.dumps(rows, ensure_ascii=False, indent=2))
        else:
            parts = [f"{self._counts[word]} {text}" for word, text in _VERDICTS.items()]
            told = [part for part in parts if not part.startswith("0 ")]
            click.echo(", ".join(told) or "there are no files", err=True)
        bad = self._counts[DIFFERS] + self._counts[UNREAD]
        return failures.FAILED if bad else failures.DONE


# --- in a mount -----------------------------------------------------------------------------------


def _mounted(top: Path, *, download: bool) -> Iterator[Verdict]:
    """Yield a verdict for each file at or below a mounted path.

    The bytes are read through the mount: what is judged is what every program gets.
    """
    from fsmount.store.directories import find_directories

    door = control.door_of(top, find_directories())
    if top.is_dir():
        for path in _files(top):
            if isinstance(path, Verdict):
                yield path
            else:
                yield _judged(door, path, str(path.relative_to(top)), download=download)
    else:
        yield _judged(door, top, top.name, download=download)


def _files(top: Path) -> Iterator[Path | Verdict]:
    problems: list[Verdict] = []

    def note(exc: OSError) -> None:
        name = os.path.relpath(os.fsdecode(exc.filename), top)
        problems.append(Verdict(path=name, verdict=UNREAD, reason=str(exc.strerror)))

    for folder, folders, names in os.walk(top, onerror=note):
        folders.sort()
        for name in sorted(names):
            yield Path(folder, name)
    yield from problems


def _judged(door: Door, path: Path, shown: str, *, download: bool) -> Verdict:
    facts: dict[str, Any] = control.ask(door, "stat", path=within(path, door.mountpoint))
    begun = begin(
        shown,
        digest=facts["digest"],
        size=facts["size"],
        cached=facts["cached"],
        download=download,
    )
    if isinstance(begun, Verdict):
        return begun
    try:
        with path.open("rb", buffering=0) as file:
            while data := file.read(_CHUNK):
                begun.take(data)
    except OSError as exc:
        return _unread(shown, facts["digest"], str(exc.strerror))
    return begun.verdict()


# --- without a mount ------------------------------------------------------------------------------


async def _unmounted(
    invocation: Invocation,
    at: Unmounted,
    options: tuple[str, ...],
    download: bool,
    tell: Callable[[Verdict], None],
) -> None:
    async with opened(invocation, at, options) as (_, filesystem):
        await check_tree(filesystem, at.path, download=download, tell=tell)


async def check_tree(
    filesystem: Filesystem, path: str, *, download: bool, tell: Callable[[Verdict], None]
) -> None:
    """Tell a verdict for each file at or below ``path`` of an open tree.

    Raises:
        FsmountError: ``path`` itself cannot be found or listed.
    """
    found = await filesystem.find(path)
    if not found.is_folder:
        tell(await _checked(filesystem, found, path.rpartition("/")[2], download=download))
        return
    folders = [("", found)]
    while folders:
        prefix, folder = folders.pop()
        below: list[tuple[str, Attributes]] = []
        try:
            handle = filesystem.open_folder(folder.inode)
            try:
                cookie = 0
                while rows := await handle.read(cookie, _ROWS):
                    cookie = rows[-1].next_cookie
                    for row in rows:
                        shown, node = prefix + row.name, row.attributes
                        if node.is_folder:
                            below.append((f"{shown}/", node))
                        else:
                            tell(await _checked(filesystem, node, shown, download=download))
            finally:
                handle.close()
        except FsmountError as exc:
            if not prefix:
                raise
            tell(_unread(prefix, "", str(exc)))
        folders.extend(reversed(below))


async def _checked(
    filesystem: Filesystem, node: Attributes, shown: str, *, download: bool
) -> Verdict:
    begun = begin(
        shown,
        digest=node.entry.digest,
        size=node.size,
        cached=filesystem.cached(node.inode),
        download=download,
    )
    if isinstance(begun, Verdict):
        return begun
    try:
        handle = filesystem.open_file(node.inode)
        try:
            offset = 0
            while data := await handle.read(offset, _CHUNK):
                begun.take(data)
                offset += len(data)
        finally:
            await handle.close()
    except FsmountError as exc:
        return _unread(shown, node.entry.digest, str(exc))
    return begun.verdict()


def _unread(shown: str, digest: str, reason: str) -> Verdict:
    return Verdict(path=shown, verdict=UNREAD, digest=digest, reason=reason)
