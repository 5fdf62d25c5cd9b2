"""What DESIGN promises about a mounted share, in the real kernel over an emulated site."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from fsmount import control, mountpoint
from tests.emulators import run_emulator
from tests.mount.standing import PROGRAM_WITHIN_S, clean, fsmount, run, wait_for

pytestmark = [pytest.mark.fuse, pytest.mark.timeout(240)]


def refused(*numbers):
    """Expect an OSError of one of these numbers."""
    return pytest.raises(OSError, check=lambda exc: exc.errno in numbers)


def timed(*argv, within_s):
    """Run a program; return what it did and the seconds it took."""
    begun = time.monotonic()
    done = run(*argv, within_s=within_s, check=False)
    return done, time.monotonic() - begun


# --- what it costs --------------------------------------------------------------------------------


def test_listing_cached_entries_costs_no_request_per_entry(places, mount):
    """``ls -l`` of 10,000 entries that are known: no getxattr, getattr or lookup for each."""
    tree = places.top / "tree"
    tree.mkdir()
    for number in range(10_000):
        (tree / f"{number:05}.txt").touch()
    with run_emulator(tree) as cloud, mount(cloud.source) as standing:
        run("ls", "-l", standing.path)
        before, asked = standing.requests(), cloud.requests()
        listed, taken_s = timed("ls", "-l", standing.path, within_s=20)
        after = standing.requests()
        assert len(listed.stdout.splitlines()) == 10_001
        gained = {kind: count - before.get(kind, 0) for kind, count in after.items()}
        assert gained.get("lookup", 0) + gained.get("getattr", 0) <= 3, gained
        assert "getxattr" not in gained
        assert cloud.requests() == asked
        print(f"ls -l of 10,000 cached entries: {taken_s:.3f} s, {gained}")


def test_opening_costs_no_call(cloud, mount):
    """Open and close ask the site nothing; a read asks for one link."""
    with mount(cloud.source) as standing:
        os.listdir(standing.path)
        cloud.reset()
        for _ in range(5):
            os.close(os.open(standing.path / "film.mkv", os.O_RDONLY))
        assert cloud.requests() == {}
        for _ in range(5):
            with (standing.path / "film.mkv").open("rb") as file:
                file.read(100)
        asked = cloud.requests()
        assert asked.pop("url", 0) == 1, asked
        assert set(asked) == {"content"}, asked


# --- never hang -----------------------------------------------------------------------------------


def test_a_black_hole_lets_everybody_go_in_time(cloud, mount):
    """Nothing answers any more: ``ls``, ``stat``, ``df`` and ``cat`` return, each in its time."""
    with mount(cloud.source, "listing_ttl_s=1") as standing:
        os.listdir(standing.path)
        cloud.fault("stall")
        time.sleep(1.1)  # what is known is no longer fresh
        listed, taken_s = timed("ls", "-l", standing.path, within_s=20)
        assert b"hello.txt" in listed.stdout
        assert taken_s < 6
        _, taken_s = timed("stat", standing.path / "hello.txt", within_s=20)
        assert taken_s < 6
        failed, taken_s = timed("ls", standing.path / "sub", within_s=20)
        assert failed.returncode != 0
        assert taken_s < 12
        done, taken_s = timed("df", standing.path, within_s=5)
        assert (done.returncode, taken_s < 1) == (0, True)
        failed, taken_s = timed("cat", standing.path / "film.mkv", within_s=90)
        assert failed.returncode != 0
        assert taken_s < 65
        cloud.heal()
        wait_for(lambda: run("ls", standing.path / "sub", check=False).stdout == b"inner.txt\n")
        expected = bytes(range(256)) * 4096 * 16
        wait_for(lambda: run("cat", standing.path / "film.mkv", check=False).stdout == expected)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_unmounts_in_time_under_busy_readers(cloud, mount, number):
    """Some read, some wait for bytes that do not come; five seconds later nothing is mounted."""
    with mount(cloud.source) as standing:
        os.listdir(standing.path / "sub")
        cloud.fault("stall", kind="content", nth=3)
        readers = [
            subprocess.Popen(
                ["sh", "-c", f'while cat "{standing.path}/{name}"; do :; done'],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
            )
            for name in ("film.mkv", "hello.txt", "sub/inner.txt")
        ]
        time.sleep(1)
        begun = time.monotonic()
        os.killpg(standing.process.pid, number)
        assert standing.wait_until_over() == 0
        assert time.monotonic() - begun < 5
        for reader in readers:
            reader.wait(5)


def test_a_killed_daemon_leaves_nobody_waiting(cloud, mount):
    """In the middle of reads that wait for bytes."""
    with mount(cloud.source) as standing:
        os.listdir(standing.path)
        cloud.fault("stall", kind="content")
        readers = [
            subprocess.Popen(["cat", standing.path / "film.mkv"], stderr=subprocess.DEVNULL)
            for _ in range(3)
        ]
        wait_for(lambda: standing.requests()["running"] > 0)
        os.kill(standing.daemon, signal.SIGKILL)
        assert standing.wait_until_over() == 1
        assert [reader.wait(3) for reader in readers] == [1, 1, 1]


# --- error is not absence -------------------------------------------------------------------------


def test_a_failing_site_takes_nothing_away(cloud, mount):
    """Listings fail with 502: what is known stays, also when it is no longer fresh."""
    with mount(cloud.source, "listing_ttl_s=1") as standing:
        known = sorted(os.listdir(standing.path))
        cloud.fault("status", status=502)
        time.sleep(1.1)
        for _ in range(3):
            assert sorted(os.listdir(standing.path)) == known
            assert os.stat(standing.path / "hello.txt").st_size == 6
        with refused(errno.EIO, errno.ETIMEDOUT, errno.EHOSTDOWN):
            os.listdir(standing.path / "sub")
        with refused(errno.EIO, errno.ETIMEDOUT, errno.EHOSTDOWN):
            os.stat(standing.path / "sub" / "inner.txt")


def test_refresh_shows_what_is_new_and_takes_away_what_is_gone(cloud, mount, tree):
    """At once, also to who was told a moment ago that there is no such name."""
    with mount(cloud.source) as standing:
        assert "new.txt" not in os.listdir(standing.path)
        with refused(errno.ENOENT):
            os.stat(standing.path / "new.txt")
        (tree / "new.txt").write_text("new\n")
        (tree / "hello.txt").unlink()
        control.ask(standing.socket, "refresh", path=".")

        def told():
            run_ = run("cat", standing.path / "new.txt", check=False)
            return run_.stdout == b"new\n"

        wait_for(told, 5)
        wait_for(lambda: not os.path.exists(standing.path / "hello.txt"), 5)


# --- offline first --------------------------------------------------------------------------------


def test_without_network_a_known_tree_is_mounted_and_read(places, mount, tree):
    """The site is gone: names and cached bytes are served; the rest fails, soon."""
    with run_emulator(tree) as cloud:
        source = cloud.source
        with mount(source) as standing:
            os.listdir(standing.path / "sub")
            expected = (standing.path / "film.mkv").read_bytes()
            inode = os.stat(standing.path / "film.mkv").st_ino
            wait_for(lambda: standing.status()["disk"]["owed"] == 0)
            standing.process.send_signal(signal.SIGTERM)
            assert standing.wait_until_over() == 0
    begun = time.monotonic()
    with mount(source) as standing:
        print(f"mounted without network in {time.monotonic() - begun:.2f} s")
        assert sorted(os.listdir(standing.path)) == ["film.mkv", "hello.txt", "sub"]
        assert os.stat(standing.path / "film.mkv").st_ino == inode
        assert os.listdir(standing.path / "sub") == ["inner.txt"]
        assert (standing.path / "film.mkv").read_bytes() == expected
        failed, taken_s = timed("cat", standing.path / "hello.txt", within_s=90)
        assert failed.returncode == 1
        assert taken_s < 62


# --- what cannot be mounted -----------------------------------------------------------------------


def try_mount(places, source, *options):
    """Run ``fsmount mount`` as a person does; return its exit code and what it said."""
    path = places.top / "mnt"
    path.mkdir(exist_ok=True)
    try:
        done = run(*fsmount(source, path, *options), env=places.environ, check=False, within_s=40)
        assert (mountpoint.mounted_at(path) is not None) == (done.returncode == 0)
        return done.returncode, done.stderr.decode()
    finally:
        clean(path)


@pytest.mark.parametrize(
    ("which", "words"),
    [("expired", "expired"), ("cancelled", ""), ("wrong", "")],
)
def test_a_share_that_is_over_is_one_line(places, cloud, which, words):
    """Exit code 1 before anything is mounted; no traceback."""
    source = cloud.line.get(which, f"{cloud.address}/s/NoSuch")
    code, said = try_mount(places, source)
    assert code == 1, said
    assert said.startswith("fsmount: ")
    assert len(said.splitlines()) == 1, said
    assert words in said


def test_a_wrong_code_is_one_line_without_the_code(places, tree):
    """What to do is said, what was tried is not."""
    with run_emulator(tree, "--share-password", "rightpw") as cloud:
        address = cloud.source.removesuffix("/rightpw")
        for source in (address, f"{address}/wrongpw"):
            code, said = try_mount(places, source)
            assert code == 1, said
            assert len(said.splitlines()) == 1, said
            assert "wrongpw" not in said
        code, said = try_mount(places, f"{address}/rightpw")
        assert code == 0, said


def test_a_code_in_the_source_is_shown_nowhere(places, mount, tree):
    """Not by findmnt, not by df, not in status, not in the log."""
    with run_emulator(tree, "--share-password", "rightpw") as cloud:
        source = cloud.source if "rightpw" in cloud.source else f"{cloud.source}/rightpw"
        with mount(source, "debug") as standing:
            assert (standing.path / "hello.txt").read_text() == "hello\n"
            shown = [
                Path("/proc/self/mountinfo").read_text(),
                run("df", standing.path).stdout.decode(),
                str(standing.status()),
                standing.written(),
            ]
    assert not [text for text in shown if "rightpw" in text]
    assert "/s/" in shown[1]


def test_no_network_and_nothing_known_is_one_line(places):
    """Nobody listens there; within the time that a start may take."""
    begun = time.monotonic()
    code, said = try_mount(places, "http://127.0.0.1:9/s/AbC1", "driver=cloudreve")
    assert code == 1
    assert len(said.splitlines()) == 1, said
    assert time.monotonic() - begun < 15


@pytest.mark.parametrize("options", [[], ["driver=cloudreve"]], ids=["unknown", "known"])
def test_a_site_that_never_answers_is_given_up_in_time(places, cloud, options):
    """A black hole from the first question on, which is what kind of site it is."""
    cloud.fault("stall")
    begun = time.monotonic()
    code, said = try_mount(places, cloud.source, *options)
    assert code == 1
    assert len(said.splitlines()) == 1, said
    assert time.monotonic() - begun < 13


def test_a_certificate_that_nobody_vouches_for_is_one_line(places, tree):
    """What to do is said; with ca_file it is mounted."""
    with run_emulator(tree, "--tls") as cloud:
        code, said = try_mount(places, cloud.source)
        assert code == 1, said
        assert len(said.splitlines()) == 1, said
        assert "certificate" in said
        code, said = try_mount(places, cloud.source, *filter(None, [cloud.options]))
        assert code == 0, said


def test_nofail_mounts_an_error_and_heals_by_itself(cloud, mount):
    """Never an empty folder: ``rsync --delete`` would wipe a mirror."""
    cloud.fault("drop")
    with mount(cloud.source, "nofail", "driver=cloudreve") as standing:
        assert os.path.isdir(standing.path)
        with refused(errno.EIO, errno.EHOSTDOWN, errno.ETIMEDOUT):
            os.listdir(standing.path)
        with refused(errno.EIO, errno.EHOSTDOWN, errno.ETIMEDOUT):
            os.stat(standing.path / "hello.txt")
        assert run("df", standing.path).returncode == 0
        cloud.heal()
        wait_for(lambda: run("ls", standing.path, check=False).returncode == 0)
        assert (standing.path / "hello.txt").read_text() == "hello\n"


# --- as people use it -----------------------------------------------------------------------------


def test_mounting_returns_when_it_stands_and_umount_takes_it_down(places, cloud):
    """In the background, as the README shows it; the terminal is free and nothing is left."""
    path = places.top / "mnt"
    path.mkdir()
    try:
        done = run(*fsmount(cloud.source, path), env=places.environ)
        assert (done.stdout, done.stderr) == (b"", b"")
        assert (path / "hello.txt").read_text() == "hello\n"
        (log,) = (places.top / "state" / "log").iterdir()
        assert "mounted" in log.read_text()
        assert log.stat().st_mode & 0o777 == 0o600
        umount = [*fsmount("", "")[:3], "umount", path]
        assert run(*umount, env=places.environ).stderr == b""
        assert mountpoint.mounted_at(path) is None
        again = run(*umount, env=places.environ, check=False)
        assert again.returncode == 1
        assert b"is not a mount of fsmount" in again.stderr
    finally:
        clean(path)


@pytest.mark.parametrize(
    ("made", "words"),
    [("missing", "there is no such folder"), ("file", "not a folder"), ("full", "not empty")],
)
def test_a_mountpoint_that_will_not_do_is_one_line(places, cloud, made, words):
    """Said before the site is asked anything."""
    path = places.top / "mnt"
    if made == "file":
        path.touch()
    elif made == "full":
        path.mkdir()
        (path / "x").touch()
    done = run(*fsmount(cloud.source, path), env=places.environ, check=False)
    assert done.returncode == 1
    assert words in done.stderr.decode()
    assert len(done.stderr.splitlines()) == 1
    assert cloud.requests() == {}


def test_the_owner_and_modes_are_those_that_were_asked_for(cloud, mount):
    """uid, gid, umask, fmask, dmask, as for other file systems without owners."""
    with mount(cloud.source, "uid=1234,gid=2345,umask=027,fmask=133") as standing:
        file, folder = os.stat(standing.path / "hello.txt"), os.stat(standing.path / "sub")
        assert (file.st_uid, file.st_gid, file.st_mode & 0o777) == (1234, 2345, 0o644)
        assert (folder.st_uid, folder.st_gid, folder.st_mode & 0o777) == (1234, 2345, 0o750)


def test_mounted_twice_the_same_source_reads_twice(cloud, mount):
    """The second one shares nothing on disk with the first, and works."""
    with mount(cloud.source) as one, mount(cloud.source, name="other") as other:
        assert (one.path / "hello.txt").read_text() == (other.path / "hello.txt").read_text()


def test_the_supervisor_stays_small(cloud, mount):
    """It lives as long as the mount does."""
    with mount(cloud.source) as standing:

        def kib(pid):
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            return int(text.partition("\nPss:")[2].split()[0])

        assert kib(standing.process.pid) < 25_000
        run("cat", standing.path / "film.mkv", within_s=PROGRAM_WITHIN_S)
