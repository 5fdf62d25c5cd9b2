"""The disk cache of a mount: seen, pinned, evicted, and useless or hostile directories."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mount.standing import run, wait_for

pytestmark = [pytest.mark.fuse, pytest.mark.timeout(240)]

FILM = bytes(range(256)) * 4096 * 16  # as the fixture ``tree`` has it
AS_ROOT = pytest.mark.skipif(os.getuid() != 0, reason="only root can mount a small disk")


def cache(places, *words, check=True):
    """Run ``fsmount cache …``; return what it did, its texts decoded."""
    done = run(sys.executable, "-m", "fsmount", "cache", *words, env=places.environ, check=check)
    done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
    return done


def listed(places):
    """Return what ``cache ls`` tells, and its files by path."""
    (told,) = json.loads(cache(places, "ls", "--json").stdout)
    return told, {file["path"]: file for file in told["files"]}


def blocks(places):
    """Return the one cache directory."""
    (directory,) = (places.top / "cache" / "blocks").iterdir()
    return directory


def unmount(standing):
    os.killpg(standing.process.pid, signal.SIGTERM)
    assert standing.wait_until_over() == 0


def content_requests(cloud):
    return cloud.requests().get("content", 0)


# --- what people do -------------------------------------------------------------------------------


def test_a_pinned_folder_is_there_without_its_site(places, cloud, mount, tree):
    """Fetched, kept over a restart, read while the site is gone; told by ``cache ls``."""
    (tree / "sub" / "film two.mkv").write_bytes(FILM)
    with mount(cloud.source) as standing:
        done = cache(places, "pin", standing.path / "sub")
        size = f"{(len(FILM) + 6) / 2**20:.1f} MiB"
        assert done.stderr == f'"{standing.path / "sub"}" is kept: 2 files, {size}\n'
        (standing.path / "hello.txt").read_bytes()
        told, files = listed(places)
        assert (told["mountpoint"], told["source"]) == (str(standing.path), cloud.source)
        film = files["sub/film two.mkv"]
        assert (film["size"], film["cached"], film["pinned"]) == (len(FILM), len(FILM), True)
        assert files["sub/inner.txt"]["pinned"]
        text = cache(places, "ls").stdout
        assert re.search(
            r"^    16\.0 MiB  100 %  20\d\d-.*  sub/film two\.mkv  \(pinned\)$", text, re.MULTILINE
        )
        unmount(standing)
    _, files = listed(places)  # from disk: nothing is mounted
    assert {path for path, file in files.items() if file["pinned"]} == {
        "sub/film two.mkv",
        "sub/inner.txt",
    }
    with mount(cloud.source) as standing:
        cloud.reset()
        cloud.fault("reset", kind="content")
        assert (standing.path / "sub" / "film two.mkv").read_bytes() == FILM
        assert content_requests(cloud) == 0
        cloud.heal()
        done = cache(places, "evict", standing.path)
        assert "2 files stay pinned" in done.stderr
        cache(places, "unpin", standing.path / "sub")
        done = cache(places, "evict", standing.path / "sub")
        assert done.stderr == f'"{standing.path / "sub"}": {size} let go, 2 files\n'
        assert listed(places)[1] == {}
        cache(places, "pin", standing.path / "sub")  # what is in memory only
        assert listed(places)[1]["sub/film two.mkv"]["cached"] == len(FILM)
        assert content_requests(cloud) <= 1, "the film was in memory; only the other was fetched"


def test_ctrl_c_stops_watching_not_fetching(places, cloud, mount):
    """It is said, and the mount goes on."""
    with mount(cloud.source) as standing:
        cloud.fault("slow", kind="content", bytes_per_second=8_000_000)
        watching = subprocess.Popen(
            [sys.executable, "-m", "fsmount", "cache", "pin", standing.path / "film.mkv"],
            stderr=subprocess.PIPE,
            env=places.environ,
        )
        wait_for(lambda: listed(places)[1].get("film.mkv", {}).get("pinned"))
        watching.send_signal(signal.SIGINT)
        _, said = watching.communicate(timeout=10)
        assert watching.returncode == 130
        assert said.strip() == b'the mount goes on fetching; "fsmount cache ls" tells how far it is'
        wait_for(lambda: listed(places)[1]["film.mkv"]["cached"] == len(FILM))


def test_what_does_not_fit_is_refused_in_words(places, cloud, mount):
    """Exit code 1, one line, nothing pinned; what fits still can be."""
    with mount(cloud.source, "cache=12M") as standing:
        done = cache(places, "pin", standing.path / "film.mkv", check=False)
        assert done.returncode == 1
        assert done.stderr == (
            'fsmount: "film.mkv" does not fit: it needs 16.0 MiB, and of the 9.4 MiB '
            "that may be pinned 0.0 MiB are taken; mount with a larger cache=SIZE, "
            "or unpin something\n"
        )
        cache(places, "pin", standing.path / "sub", standing.path / "hello.txt")
        done = cache(places, "unpin", standing.path / "film.mkv", check=False)
        assert (done.returncode, done.stderr) == (1, 'fsmount: "film.mkv" is not pinned\n')
        done = cache(places, "unpin", standing.path / "sub")
        assert done.stderr == f'"{standing.path / "sub"}" is no longer pinned (1 file)\n'
        done = cache(places, "pin", standing.path / "nothing", check=False)
        assert (done.returncode, done.stderr) == (1, 'fsmount: there is no "nothing" in "/"\n')


def test_without_a_cache_nothing_is_pinned(places, cloud, mount):
    """And ``ls`` says why there is nothing."""
    with mount(cloud.source, "cache=0") as standing:
        done = cache(places, "pin", standing.path / "sub", check=False)
        assert done.returncode == 1
        assert done.stderr.startswith("fsmount: there is no disk cache to keep it in; ")
        assert cache(places, "ls").stdout.splitlines()[1] == "  there is no disk cache"
        done = cache(places, "evict", standing.path, check=False)
        assert (done.returncode, done.stderr) == (1, "fsmount: there is no disk cache\n")


def test_pinned_files_stay_while_others_are_read_through(places, cloud, mount, tree):
    """The budget is kept: what is not pinned goes."""
    for number in range(4):
        (tree / f"other {number}").write_bytes(FILM)
    with mount(cloud.source, "cache=40M") as standing:
        cache(places, "pin", standing.path / "film.mkv")
        for number in range(4):
            assert (standing.path / f"other {number}").read_bytes() == FILM
        told, files = listed(places)
        assert files["film.mkv"]["cached"] == len(FILM)
        assert told["bytes"] <= told["budget"] == 40 * 2**20
        kept = sum(file["cached"] for path, file in files.items() if path != "film.mkv")
        assert 0 < kept < 2 * len(FILM)


# --- directories that are no good -----------------------------------------------------------------


def spoil_index(directory):
    for suffix in ("-wal", "-shm"):
        (directory / f"cache.db{suffix}").unlink(missing_ok=True)
    (directory / "cache.db").write_bytes(b"this is no index " * 1000)


def spoil_blocks(directory):
    for number, path in enumerate(sorted(directory.glob("??/*.val"))):
        if number % 2:
            os.truncate(path, path.stat().st_size // 2)
        else:
            data = bytearray(path.read_bytes())
            data[len(data) // 2] ^= 1
            path.write_bytes(data)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (spoil_index, "the index of the disk cache is broken"),
        (spoil_blocks, "a cached block does not match its checksum and is fetched anew"),
    ],
)
def test_a_corrupt_cache_costs_a_fetch_and_no_byte(places, cloud, mount, spoil, said):
    """The mount stands, the bytes are right, one warning says it; then the cache is whole again."""
    for turn in range(4):
        with mount(cloud.source) as standing:
            cloud.reset()
            assert (standing.path / "film.mkv").read_bytes() == FILM
            assert standing.written().count(said) == (turn > 0)
            # What was good of a damaged block may be lost with it, until it is read once more.
            assert turn < 3 or content_requests(cloud) == 0
            unmount(standing)
        if turn == 0:
            spoil(blocks(places))


def test_a_pin_that_cannot_be_fetched_says_why(places, cloud, mount):
    """It stays pinned; when the site is well again the mount goes on by itself."""
    with mount(cloud.source) as standing:
        os.listdir(standing.path)
        cloud.fault("status", kind="content", status=403)
        done = cache(places, "pin", standing.path / "hello.txt", check=False)
        assert done.returncode == 1
        reason, last = done.stderr.splitlines()
        assert reason.startswith("fsmount: hello.txt: ")
        assert last == (
            f'fsmount: "{standing.path}/hello.txt" is not kept wholly; '
            "the mount tries again every minute"
        )
        assert "  pinned hello.txt is not whole: hello.txt: " in cache(places, "ls").stdout
        cloud.heal()
        cache(places, "pin", standing.path / "hello.txt")


@AS_ROOT
def test_a_full_disk_stops_caching_not_reading(places, cloud, mount):
    """On a disk of 40 MB that somebody else fills."""
    disk = places.top / "cache"
    disk.mkdir(mode=0o700)
    with small_disk(disk, "40m"), mount(cloud.source) as standing:
        (disk / "of others").write_bytes(bytes(34 * 2**20))
        assert (standing.path / "film.mkv").read_bytes() == FILM
        told, _ = listed(places)
        assert told["bytes"] < 6 * 2**20
        done = cache(places, "pin", standing.path / "film.mkv", check=False)
        assert done.returncode == 1
        # Which of the two depends on when the disk was last found full.
        assert "does not fit" in done.stderr or "the disk cache does not take it" in done.stderr
        (disk / "of others").unlink()
        run("dd", f"if={standing.path}/film.mkv", "of=/dev/null", "bs=1M", "iflag=direct")
        unmount(standing)


@contextlib.contextmanager
def small_disk(path, size):
    run("mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "none", path)
    try:
        yield
    finally:
        run("umount", "-l", path)


def test_a_cache_that_others_can_write_to_is_refused(places, cloud, mount):
    """One line that says what to do; nothing is mounted."""
    with mount(cloud.source) as standing:
        (standing.path / "hello.txt").read_bytes()
        unmount(standing)
    directory = blocks(places)
    directory.chmod(0o777)
    argv = [sys.executable, "-m", "fsmount", "mount", cloud.source, places.top / "mnt"]
    done = run(*argv, env=places.environ, check=False)
    assert done.returncode == 2
    assert done.stderr.decode() == (
        f"fsmount: the directory {directory} is writable by others; look whether its content is "
        f'yours, then run "chmod 700 {directory}"\n'
    )


@AS_ROOT
def test_a_cache_of_somebody_else_is_refused(places, cloud, mount):
    """Its blocks would be believed."""
    with mount(cloud.source) as standing:
        unmount(standing)
    directory = blocks(places)
    os.chown(directory, 65534, 65534)
    argv = [sys.executable, "-m", "fsmount", "mount", cloud.source, places.top / "mnt"]
    done = run(*argv, env=places.environ, check=False)
    assert done.returncode == 2
    assert f"the directory {directory} belongs to user 65534" in done.stderr.decode()
    assert len(done.stderr.splitlines()) == 1


def test_a_second_mount_of_the_same_share_shares_what_is_kept(places, cloud, mount):
    """It has a cache of its own, reads what the first has, and fetches only the rest."""
    with mount(cloud.source) as first, mount(cloud.source, name="second") as second:
        assert (first.path / "film.mkv").read_bytes() == FILM
        assert (first.path / "hello.txt").stat().st_size
        wait_for(lambda: caches(places)[first.path].get("film.mkv") == len(FILM))
        cloud.reset()
        assert (second.path / "film.mkv").read_bytes() == FILM
        assert content_requests(cloud) == 0
        (second.path / "hello.txt").read_bytes()
        wait_for(lambda: caches(places)[second.path].keys() == {"hello.txt"})
        cache(places, "pin", second.path / "film.mkv")  # a copy of its own: the other's may go
        assert content_requests(cloud) == 1
        assert caches(places)[second.path]["film.mkv"] == len(FILM)
        assert "caching on disk" not in first.written() + second.written()


def caches(places):
    """Return how much each mount keeps of which file."""
    return {
        Path(told["mountpoint"]): {file["path"]: file["cached"] for file in told["files"]}
        for told in json.loads(cache(places, "ls", "--json").stdout)
    }


NETWORK = """
import os, sys
from fsmount.store import directories
from fsmount.__main__ import main
table = open("/proc/self/mountinfo", errors="surrogateescape").read()
directories._NETWORK_TYPES.add(directories.filesystem_type(os.environ["CACHE_DIRECTORY"], table))
sys.exit(main())
"""


def test_a_cache_on_a_network_filesystem_is_not_used(places, cloud, mount, monkeypatch):
    """One warning; the type of this disk is taken for that of a network."""
    from tests.mount import standing as stand

    def as_on_network(source, path, *options):
        words = [word for option in options for word in ("-o", option)]
        return [sys.executable, "-c", NETWORK, "mount", source, path, *words]

    monkeypatch.setattr(stand, "fsmount", as_on_network)
    with mount(cloud.source) as standing:
        assert (standing.path / "film.mkv").read_bytes() == FILM
        directory = blocks(places)
        warning = f"caching on disk is off: {directory} is on a network filesystem"
        assert standing.written().count(warning) == 1
        assert list(directory.iterdir()) == []
