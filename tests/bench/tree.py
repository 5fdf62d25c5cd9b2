"""What is served: made in parts, since one row needs few of them."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from tests.bench.sample import GIB, MIB

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.bench.sample import Scale


MEDIA = 200
FOLDERS = 100
FEW_FOLDERS = 30
"""Fewer than these are over before a walk is recognised as one."""

SMALL_FOLDERS = 10
SMALL_FILES = 100
WIDE = (10_000, 100_000)

Maker: TypeAlias = "Callable[[Path, Scale], None]"

_PREFIX = "bench-tree-"
_LINKS = 10_000
"""Names given to one inode: ext4 allows 65,000."""


@contextmanager
def tree_directory() -> Iterator[Path]:
    """Give a directory in memory, or where temporary files are if memory is short."""
    shared = Path("/dev/shm")
    free = shutil.disk_usage(shared).free if shared.is_dir() else 0
    available = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    roomy = min(free, available) > 4 * GIB
    _remove_orphans(shared)
    prefix = f"{_PREFIX}{os.getpid()}-"
    directory = Path(tempfile.mkdtemp(prefix=prefix, dir=shared if roomy else None))
    directory.chmod(0o755)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _remove_orphans(shared: Path) -> None:
    """Give back the memory of trees whose bench was killed."""
    for tree in shared.glob(f"{_PREFIX}*-*"):
        owner = tree.name.removeprefix(_PREFIX).partition("-")[0]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            shutil.rmtree(tree, ignore_errors=True)


def make_tree(root: Path, parts: Iterable[str], scale: Scale) -> None:
    """Make these parts of the tree below ``root``."""
    for part in sorted(set(parts)):
        PARTS[part](root / part, scale)


def whole_file(size: int) -> str:
    """Return the path of the file that has ``size`` bytes (scaled); its folder is its part."""
    return f"{size // MIB}/whole.bin"


def _whole(size: int) -> Maker:
    def make(folder: Path, scale: Scale) -> None:
        _write(folder / "whole.bin", scale.size(size))

    return make


def _many(folder: Path, scale: Scale) -> None:
    names = [f"{number:02}.bin" for number in range(16)]
    _write_linked(folder, names, scale.size(128 * MIB))


def _media(folder: Path, _scale: Scale) -> None:
    _write(folder / "film.mkv", 64 * MIB)


def _library(folder: Path, scale: Scale) -> None:
    films = range(scale.count(MEDIA))
    _write_linked(folder, [f"film-{number:03}.mkv" for number in films], 8 * MIB)


def _small(folder: Path, scale: Scale) -> None:
    for number in range(scale.count(SMALL_FOLDERS)):
        names = [f"{file:03}.txt" for file in range(SMALL_FILES)]
        _write_linked(folder / f"{number}", names, 4096)


def _walk(folder: Path, scale: Scale) -> None:
    for number in range(scale.count(FOLDERS, at_least=FEW_FOLDERS)):
        names = [f"file {file:03}.txt" for file in range(100)]
        _write_linked(folder / f"folder {number:03}", names, 1024)


def _wide(folder: Path, scale: Scale) -> None:
    for count in WIDE:
        names = [f"file {file:06}.txt" for file in range(scale.count(count))]
        _write_linked(folder / f"{count}", names, 1024)


def _write(path: Path, size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    block = os.urandom(min(size, MIB))
    with path.open("wb") as out:
        for start in range(0, size, len(block)):
            out.write(block[: size - start])


def _write_linked(folder: Path, names: list[str], size: int) -> None:
    """Make files of one size; the same bytes under many names cost memory once."""
    for number, name in enumerate(names):
        if number % _LINKS == 0:
            first = folder / name
            _write(first, size)
        else:
            os.link(first, folder / name)


PARTS: dict[str, Maker] = {
    **{f"{size // MIB}": _whole(size) for size in (512 * MIB, GIB, 2 * GIB)},
    "many": _many,
    "media": _media,
    "library": _library,
    "small": _small,
    "walk": _walk,
    "wide": _wide,
}
