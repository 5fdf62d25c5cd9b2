"""cache ls, pin, unpin and evict: their words, and what they do to a cache without a mount."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fsmount.cache.opening import open_disk_cache
from fsmount.cli.caching import lines
from fsmount.model import ContentKey
from fsmount.store.pins import PinStore
from tests.cache.fakes import MIB, keep, new_block

FILE = {"path": "a/b", "size": 8 * MIB, "cached": 4 * MIB, "used_ns": 0, "pinned": False}
TOLD = {
    "mountpoint": "/mnt/p",
    "source": "photos",
    "directory": "/c",
    "off": False,
    "bytes": 5 * MIB,
    "budget": 10 * MIB,
    "pinned": MIB,
    "wishes": [],
    "files": [FILE],
}
WISH = {"path": "a", "state": "failed", "reasons": ["a/b: no way", "a/c: no way"]}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, ["/mnt/p  photos", "  5.0 MiB of 10.0 MiB, 1 file, 1.0 MiB pinned"]),
        (
            {"mountpoint": None, "budget": None, "files": []},
            ["not mounted: photos", "  5.0 MiB, 0 files, 1.0 MiB pinned"],
        ),
        ({"mountpoint": None, "source": "", "error": "broken"}, ["not mounted: /c", "  broken"]),
        ({"off": True}, ["/mnt/p  photos", "  there is no disk cache"]),
    ],
)
def test_each_cache_begins_with_where_it_belongs_and_its_totals(change, expected):
    """Mounted or not, readable or not."""
    told = list(lines({**TOLD, **change}))
    assert told[: len(expected)] == expected
    assert len(told) == len(expected) + (not change)


def test_each_file_has_a_line():
    """Bytes, part, last use, path, pin; what is not known is left out."""
    files = [
        FILE,
        {**FILE, "pinned": True, "cached": 8 * MIB - 1},
        {**FILE, "path": "", "size": 0},
        {**FILE, "cached": 9 * MIB},
    ]
    assert list(lines({**TOLD, "files": files}))[2:] == [
        "     4.0 MiB   50 %                    a/b",
        "     8.0 MiB   99 %                    a/b  (pinned)",
        "     4.0 MiB                           ?",
        "     9.0 MiB  100 %                    a/b",
    ]


def test_a_pin_that_is_not_whole_says_why():
    """After the files."""
    assert list(lines({**TOLD, "wishes": [WISH]}))[3:] == [
        "  pinned a is not whole: a/b: no way",
        "  pinned a is not whole: a/c: no way",
    ]


def test_without_any_cache_it_says_so(fsmount):
    """Nothing failed."""
    result = fsmount("cache", "ls")
    assert (result.code, result.line) == (0, "nothing is cached")
    assert fsmount("cache", "ls", "--json").out == "[]\n"
    assert fsmount("cache", "evict", "--all").err == ""


@pytest.mark.parametrize("word", ["pin", "unpin", "evict"])
def test_a_path_outside_of_any_mount_is_said(fsmount, tmp_path, word):
    """What to do instead."""
    result = fsmount("cache", word, tmp_path)
    assert result.line == (
        f'fsmount: "{tmp_path}" is not in a mount of fsmount; "fsmount status" lists them'
    )
    assert result.code == 1


@pytest.mark.parametrize("words", [(), ("--all", "x")])
def test_evict_wants_paths_or_all(fsmount, words):
    """Nothing is not everything, and both is a mistake."""
    result = fsmount("cache", "evict", *words)
    assert result.code == 2
    assert "name either paths in a mount or --all" in result.line


def make(directory):
    directory.mkdir(parents=True, mode=0o700)


@pytest.fixture
async def unmounted(places):
    """A cache that no mount has open, with two files of which one is pinned later."""
    directory = Path(places["CACHE_DIRECTORY"], "blocks", "tree1")
    make(directory)
    keys = {name: ContentKey("remote", name, 6 * MIB) for name in ("a", "b")}
    async with open_disk_cache(directory, 64 * MIB) as disk:
        await keep(disk, new_block(keys["a"], 0, label="films/a"))
        await keep(disk, new_block(keys["b"], 1, label="films/b"))
    (directory / "source").write_text("https://cloud.example/s/AbC1/***\n")
    return directory, keys


async def test_a_cache_that_is_not_mounted_is_listed_from_disk(fsmount, unmounted):
    """By its SOURCE; nothing is changed."""
    directory, _ = unmounted
    head, totals, *files = fsmount("cache", "ls").out.splitlines()
    assert head == "not mounted: https://cloud.example/s/AbC1/***"
    assert totals == "  6.0 MiB, 2 files, 0 B pinned"
    assert {(line.split()[2], line.split()[-1]) for line in files} == {
        ("66", "films/a"),
        ("33", "films/b"),
    }
    (told,) = json.loads(fsmount("cache", "ls", "--json").out)
    assert told["directory"] == str(directory)
    assert [file["cached"] for file in told["files"]] == [2 * MIB, 4 * MIB]
    (directory / "source").unlink()
    assert fsmount("cache", "ls").out.splitlines()[0] == f"not mounted: {directory}"


async def test_evicting_everything_removes_it(fsmount, unmounted):
    """The directory goes too, when nothing is pinned there."""
    directory, _ = unmounted
    result = fsmount("cache", "evict", "--all")
    assert result.line == "https://cloud.example/s/AbC1/***: 6.0 MiB let go, 2 files"
    assert result.code == 0
    assert not directory.exists()


async def test_evicting_everything_leaves_what_is_pinned(fsmount, unmounted, places):
    """And says so."""
    _directory, keys = unmounted
    make(Path(places["STATE_DIRECTORY"]))
    store = PinStore(Path(places["STATE_DIRECTORY"], "pins.sqlite"))
    store.change_files("tree1", {"films/a": keys["a"]})
    store.close()
    result = fsmount("cache", "evict", "--all")
    assert result.line == (
        "https://cloud.example/s/AbC1/***: 2.0 MiB let go, 1 file; 1 file stays pinned"
    )
    (told,) = json.loads(fsmount("cache", "ls", "--json").out)
    assert [(file["path"], file["pinned"]) for file in told["files"]] == [("films/a", True)]


async def test_a_cache_in_use_or_broken_is_said(fsmount, unmounted):
    """The others are done all the same."""
    directory, _ = unmounted
    async with open_disk_cache(directory, 64 * MIB):
        result = fsmount("cache", "evict", "--all")
        assert "another mount uses the same cache directory" in result.line
        assert result.code == 1
    (directory / "cache.db").write_bytes(b"no database at all" * 99)
    for suffix in ("-wal", "-shm"):
        (directory / f"cache.db{suffix}").unlink(missing_ok=True)
    result = fsmount("cache", "ls")
    assert f"cannot read the index of the cache {directory}" in result.out
    assert result.code == 1
