"""verify: which files are read, what is said of each, and the exit code."""

from __future__ import annotations

import hashlib
import json

import pytest

from fsmount.cli.verifying import Check, Verdict, begin, check_tree
from fsmount.errors import ProviderFault
from fsmount.reader.stream import open_reader
from tests.emulators.doors import run_emulator
from tests.vfs.cloud import Cloud, opened

BYTES = bytes(range(256)) * 1000


def digest_of(content, algorithm="sha1"):
    """Return a digest as a driver tells it."""
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


def begun(digest, size=10, cached=10, download=False):
    return begin("a", digest=digest, size=size, cached=cached, download=download)


@pytest.mark.parametrize(
    ("case", "line"),
    [
        ({"digest": ""}, "no hash  a"),
        ({"digest": "crc64:1f"}, "unknown  a: fsmount cannot compute crc64"),
        ({"digest": "content_hash:1f"}, "unknown  a: fsmount cannot compute content_hash"),
        (
            {"digest": "sha1:aa", "cached": 0},
            "unknown  a: nothing is cached (10 B), --download reads the rest",
        ),
        (
            {"digest": "sha1:aa", "cached": None},
            "unknown  a: nothing is cached (10 B), --download reads the rest",
        ),
        (
            {"digest": "sha1:aa", "cached": 4},
            "unknown  a: 4 B of it are cached (10 B), --download reads the rest",
        ),
    ],
)
def test_what_is_not_checked_is_said_with_its_reason(case, line):
    """Nothing is read for it."""
    verdict = begun(**case)
    assert isinstance(verdict, Verdict)
    assert verdict.written() == line


@pytest.mark.parametrize("algorithm", ["sha1", "md5", "sha256"])
def test_a_whole_file_in_the_cache_is_checked(algorithm):
    """In pieces, whatever the case of the provider's hash."""
    check = begun(digest_of(BYTES, algorithm).upper().replace(algorithm.upper(), algorithm))
    assert isinstance(check, Check)
    check.take(BYTES[:1000])
    check.take(memoryview(BYTES)[1000:])
    assert check.verdict().written() == "     ok  a"


def test_a_difference_names_both_hashes():
    """So that a person can look either up."""
    check = begun("md5:00", download=True, cached=0)
    check.take(b"abc")
    assert check.verdict().written() == (
        "differs  a: its md5 is 900150983cd24fb0d6963f7d28e17f72, the provider says 00"
    )


async def checked(cloud, path="", *, download=False, read_first=()):
    """Return the verdicts over a tree with a real reader, by path."""
    verdicts = {}
    async with (
        open_reader(memory_bytes=32 * 1024 * 1024, disk=None) as reader,
        opened(cloud, reader=reader) as filesystem,
    ):
        for name in read_first:
            handle = filesystem.open_file((await filesystem.find(name)).inode)
            await handle.read(0, len(BYTES))
            await handle.close()
        cloud.fetched.clear()
        await check_tree(
            filesystem,
            path,
            download=download,
            tell=lambda verdict: verdicts.update({verdict.path: verdict}),
        )
    return verdicts


@pytest.fixture
def cloud():
    """A tree with a right hash, a wrong one, one below a folder, and none."""
    cloud = Cloud()
    cloud.file("right", content=BYTES, id="right", digest=digest_of(BYTES))
    cloud.file("wrong", content=BYTES, id="wrong", digest=digest_of(b"other", "sha256"))
    cloud.file("bare", content=BYTES, id="bare")
    cloud.file("empty", content=b"", id="empty", digest=digest_of(b"", "md5"))
    cloud.file("below", cloud.folder("folder"), content=BYTES, id="below", digest=digest_of(BYTES))
    return cloud


async def test_without_download_no_remote_byte_is_read(cloud):
    """What is at hand is checked, what is not is said."""
    verdicts = await checked(cloud, read_first=["right"])
    assert {path: verdict.verdict for path, verdict in verdicts.items()} == {
        "right": "ok",
        "wrong": "unknown",
        "bare": "no hash",
        "empty": "ok",
        "folder/below": "unknown",
    }
    assert cloud.fetched == []


async def test_download_reads_the_rest(cloud):
    """What is at hand is not read again."""
    verdicts = await checked(cloud, download=True, read_first=["right"])
    assert {path: verdict.verdict for path, verdict in verdicts.items()} == {
        "right": "ok",
        "wrong": "differs",
        "bare": "no hash",
        "empty": "ok",
        "folder/below": "ok",
    }
    assert {id for id, _, _ in cloud.fetched} == {"wrong", "below"}


async def test_one_file_is_checked_by_itself(cloud):
    """Its name is its path."""
    verdicts = await checked(cloud, "folder/below", download=True)
    assert [(path, verdict.verdict) for path, verdict in verdicts.items()] == [("below", "ok")]


async def test_what_cannot_be_read_is_no_verdict_on_its_bytes(cloud):
    """The others are checked all the same."""
    cloud.contents["wrong"] = ProviderFault("the disk of the site is broken")
    verdicts = await checked(cloud, download=True)
    assert verdicts["wrong"].written() == " failed  wrong: the disk of the site is broken"
    assert verdicts["folder/below"].verdict == "ok"


def test_a_provider_without_hashes_is_said(fsmount, tmp_path):
    """Nothing failed, so the exit code is 0; as JSON there is a row for each file."""
    (tmp_path / "tree" / "sub").mkdir(parents=True)
    (tmp_path / "tree" / "a.txt").write_text("a")
    (tmp_path / "tree" / "sub" / "b.txt").write_text("b")
    with run_emulator(tmp_path / "tree") as site:
        result = fsmount("verify", site.source)
        assert result.out.splitlines() == ["no hash  a.txt", "no hash  sub/b.txt"]
        assert (result.code, result.line) == (0, "2 without a hash")
        rows = json.loads(fsmount("verify", "--json", site.source, "sub").out)
        assert rows == [{"path": "b.txt", "verdict": "no hash", "digest": "", "reason": ""}]
        result = fsmount("verify", site.source, "nothing")
        assert result.line == 'fsmount: there is no "nothing" in "/"'
        assert result.code == 1


def test_words_that_are_no_place_are_refused(fsmount, tmp_path):
    """As everywhere."""
    assert fsmount("verify", "a", "b", "c").code == 2
    result = fsmount("verify", tmp_path)
    assert f'"{tmp_path}" is not in a mount of fsmount' in result.line
