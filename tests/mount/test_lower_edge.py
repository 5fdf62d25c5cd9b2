"""The kernel's side of a mount, over a tree of thin air: nobody waits forever, nothing is left."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fsmount import control, mountpoint
from fsmount.errors import NotFound
from tests.mount.standing import PROGRAM_WITHIN_S, clean, run, state_of, wait_for

pytestmark = pytest.mark.fuse


def start(*argv):
    """Start a program that will be stuck; the end of the mount must free it."""
    return subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def stuck(mount):
    """Start a program that sleeps in the kernel, where no signal reaches it any more."""
    waiting = mount.requests()["running"]
    process = start("stat", mount.path / "never")
    wait_for(lambda: mount.requests()["running"] > waiting)
    # The kernel waits interruptibly at first; after a signal it waits for the answer alone.
    process.kill()
    wait_for(lambda: state_of(process.pid) == "D")
    return process


@contextlib.contextmanager
def held_open(path):
    """Keep a mount busy; closing may tell that it went away meanwhile."""
    file = os.open(path, os.O_RDONLY)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.close(file)


def refused(*numbers):
    """Expect an OSError of one of these numbers."""
    return pytest.raises(OSError, check=lambda exc: exc.errno in numbers)


def test_ordinary_programs_read_the_tree(fake):
    """Bytes, names, kinds; numbers agree between readdir and stat."""
    with fake() as mount:
        assert run("cat", mount.path / "hello.txt").stdout == b"hello\n"
        assert run("cat", mount.path / "empty").stdout == b""
        large = bytes(range(256)) * 4096 * 8
        assert run("cat", mount.path / "large").stdout == large
        with os.scandir(mount.path) as rows:
            for row in rows:
                assert row.inode() == row.stat().st_ino == os.lstat(row.path).st_ino
        found = run("find", mount.path, "-type", "f", "-name", "inner*").stdout
        assert found.decode().strip() == str(mount.path / "folder" / "inner.txt")


def test_the_mount_looks_as_it_should_in_the_mount_table(fake):
    """Read-only, no setuid, no devices, our type, and the source with its odd characters."""
    with fake() as mount:
        found = mountpoint.mounted_at(mount.path)
        assert found.fstype == "fuse.fsmount"
        assert found.source == "fake, with a comma \\ %E5%81%87"
        table = Path("/proc/self/mountinfo").read_text().splitlines()
        line = next(line for line in table if f" {mount.path} " in line).split()
        assert {"ro", "nosuid", "nodev"} <= set(line[5].split(","))
        assert "default_permissions" in line[-1]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may raise it")
def test_the_kernel_reads_a_mebibyte_ahead(fake):
    """8 MiB arrive in some nine requests instead of 65."""
    with fake() as mount:
        device = mountpoint.mounted_at(mount.path).device
        assert Path(f"/sys/class/bdi/{device}/read_ahead_kb").read_text() == "1024\n"
        run("cat", mount.path / "large")
        assert mount.requests()["read"] <= 12


def test_listing_cached_entries_costs_no_request_per_entry(fake):
    """``ls -l`` of 10,000: readdirplus brings everything, and no attribute is asked one by one."""
    with fake("--many", "10000") as mount:
        folder = mount.path / "many"
        run("ls", "-l", folder)
        before = mount.requests()
        begun = time.monotonic()
        listed = run("ls", "-l", folder).stdout
        taken_s = time.monotonic() - begun
        after = mount.requests()
        assert len(listed.splitlines()) == 10_001
        gained = {kind: after[kind] - before.get(kind, 0) for kind in after}
        assert gained.get("lookup", 0) + gained.get("getattr", 0) <= 3, gained
        assert "getxattr" not in gained
        assert taken_s < 2


@pytest.mark.parametrize(
    "write",
    [
        lambda path: os.open(path / "new", os.O_WRONLY | os.O_CREAT),
        lambda path: os.open(path / "hello.txt", os.O_RDWR),
        lambda path: os.open(path / "hello.txt", os.O_WRONLY | os.O_APPEND),
        lambda path: os.open(path / "hello.txt", os.O_RDONLY | os.O_TRUNC),
        lambda path: os.truncate(path / "hello.txt", 0),
        lambda path: os.mkdir(path / "new"),
        lambda path: os.unlink(path / "hello.txt"),
        lambda path: os.rmdir(path / "folder"),
        lambda path: os.rename(path / "hello.txt", path / "b"),
        lambda path: os.symlink("a", path / "b"),
        lambda path: os.link(path / "hello.txt", path / "b"),
        lambda path: os.mknod(path / "pipe", 0o600),
        lambda path: os.chmod(path / "hello.txt", 0o600),
        lambda path: os.utime(path / "hello.txt"),
        lambda path: os.chown(path / "hello.txt", 1, 1),
        lambda path: os.setxattr(path / "hello.txt", "user.a", b"x"),
    ],
)
def test_each_way_to_write_is_refused(shared, write):
    """EROFS from the kernel itself."""
    with refused(errno.EROFS):
        write(shared.path)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Keep one mount for all tests that do not harm it."""
    from tests.mount.standing import Places, mounted

    top = tmp_path_factory.mktemp("shared").resolve()
    (top / "mnt").mkdir()
    argv = [sys.executable, "-m", "tests.mount.fake_mount", top / "mnt", top / "sock"]
    with mounted(argv, top / "mnt", top / "sock", environ=Places(top).environ) as mount:
        yield mount


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("read breaks", errno.EIO),
        ("read breaks in a group", errno.EHOSTDOWN),
        ("broken", errno.EIO),
        ("never", errno.ETIMEDOUT),
        ("nothing", errno.ENOENT),
    ],
)
def test_whatever_a_handler_meets_is_an_errno_and_the_mount_goes_on(shared, name, number):
    """Also a bug, also in a group, also an answer that never comes."""
    with refused(number):
        (shared.path / name).read_bytes()
    assert run("cat", shared.path / "hello.txt").stdout == b"hello\n"


def test_extended_attributes_are_asked_for_once_and_never_again(shared):
    """ENOSYS ends the questions for the life of the mount; programs see "not supported"."""
    for name in ("hello.txt", "empty", "large"):
        with refused(errno.EOPNOTSUPP):
            os.getxattr(shared.path / name, "user.fsmount.id")


def test_capacity_is_shown(shared):
    """As last learned, without asking anybody."""
    found = os.statvfs(shared.path)
    assert found.f_blocks * found.f_frsize == pytest.approx(1_000_000_000, abs=4096)
    assert found.f_namemax == 255


def test_references_are_given_back(fake):
    """What readdir and lookup handed out returns when the kernel forgets."""
    with fake("--many", "2000") as mount:
        run("ls", "-l", mount.path / "many")
        assert mount.status()["references"] >= 2000
        Path("/proc/sys/vm/drop_caches").write_text("2")
        wait_for(lambda: mount.status()["references"] < 100)


def test_the_control_door_answers_and_says_what_is_wrong(shared):
    """Status as data; a refusal in the class that the mount met."""
    told = shared.status()
    assert told["mountpoint"] == str(shared.path)
    assert told["pid"] == shared.daemon
    assert (told["state"], told["reason"], told["until"]) == ("online", "", None)
    assert told["space"] == {"total": 1_000_000_000, "used": 250_000_000}
    assert control.ask(shared.socket, "refresh", path="folder") == {}
    with pytest.raises(NotFound, match='there is no "missing"'):
        control.ask(shared.socket, "refresh", path="missing")


# --- the end --------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_unmounts_in_time_under_busy_readers(fake, number):
    """Those who wait get an error, the mount is off, the exit code is 0."""
    with fake() as mount:
        looker = stuck(mount)
        reader = start("cat", mount.path / "read stalls")
        with held_open(mount.path / "hello.txt"):
            begun = time.monotonic()
            os.killpg(mount.process.pid, number)
            assert mount.wait_until_over() == 0
            assert time.monotonic() - begun < 5
        assert reader.wait(2) == 1
        assert looker.wait(2) == -signal.SIGKILL
        assert not mount.socket.exists()


def test_unmounting_from_outside_ends_the_daemon(fake):
    """``umount`` by hand is a clean end too."""
    with fake() as mount:
        run("fusermount3", "-u", mount.path)
        assert mount.wait_until_over() == 0


def test_a_killed_daemon_leaves_nobody_waiting(fake):
    """SIGKILL; its supervisor frees who waits, clears the mount and says so."""
    with fake() as mount:
        looker = stuck(mount)
        reader = start("cat", mount.path / "read stalls")
        os.kill(mount.daemon, signal.SIGKILL)
        assert mount.wait_until_over() == 1
        assert looker.wait(2) == -signal.SIGKILL
        assert reader.wait(2) == 1
        assert "ended by SIGKILL; its mount was cleared" in mount.written()


def test_a_daemon_that_waits_for_itself_is_freed_when_it_is_killed(fake):
    """It turns into a zombie that cannot be reaped and holds the mount: only the abort frees it."""
    with fake("--looks-at-itself") as mount:
        wait_for(lambda: mount.requests()["running"] == 1)
        daemon = mount.daemon
        os.kill(daemon, signal.SIGKILL)
        assert mount.wait_until_over() == 1
        assert state_of(daemon) == ""


def test_a_stopped_daemon_is_aborted_and_killed(fake):
    """One that does not even see its signals: five seconds, and nobody waits any more."""
    with fake() as mount:
        looker = stuck(mount)
        os.kill(mount.daemon, signal.SIGSTOP)
        begun = time.monotonic()
        mount.process.send_signal(signal.SIGTERM)
        assert mount.wait_until_over(6) == 1
        assert time.monotonic() - begun < 5
        assert looker.wait(2) == -signal.SIGKILL


def test_a_daemon_whose_supervisor_is_killed_unmounts_by_itself(fake):
    """PDEATHSIG."""
    with fake() as mount:
        looker = stuck(mount)
        daemon = mount.daemon
        mount.process.kill()
        wait_for(lambda: not mount.is_mounted())
        wait_for(lambda: state_of(daemon) in ("", "Z"))
        assert looker.wait(2) == -signal.SIGKILL


def killed_both(mount):
    """Kill supervisor and daemon at once, so that nobody is left to clean up."""
    daemon = mount.daemon
    os.kill(daemon, signal.SIGSTOP)  # it must not act on its supervisor's death
    wait_for(lambda: state_of(daemon) == "T")
    mount.process.kill()
    mount.process.wait(5)
    os.kill(daemon, signal.SIGKILL)
    wait_for(lambda: state_of(daemon) in ("", "Z"))


def test_a_stale_mount_is_cleared_at_the_next_start(fake):
    """Both processes were killed; the mount answers ENOTCONN until the next one takes its place."""
    with fake() as mount:
        killed_both(mount)
        assert mount.is_mounted()
        # The second while the last of the daemon's threads is still ending.
        with refused(errno.ENOTCONN, errno.ECONNABORTED):
            os.stat(mount.path / "hello.txt")
        with fake() as again:
            assert run("cat", again.path / "hello.txt").stdout == b"hello\n"
            assert sum(found.mountpoint == str(again.path) for found in mountpoint.mounts()) == 1


def test_a_mount_that_stands_is_not_taken_over(fake, places):
    """One line that says what is there; the first mount goes on."""
    with fake() as mount:
        argv = [sys.executable, "-m", "tests.mount.fake_mount", mount.path, "sock"]
        second = run(*argv, check=False)
        assert second.returncode == 1
        assert b"is already mounted there; unmount it with" in second.stderr
        assert run("cat", mount.path / "hello.txt").stdout == b"hello\n"


def test_umount_asks_the_daemon_and_clears_a_dead_one(fake, places, monkeypatch):
    """``fsmount umount``: by SIGTERM to who listens; over the head of one that is gone."""
    with fake() as mount:
        monkeypatch.setattr(control, "socket_path", lambda directories, path: mount.socket)
        with held_open(mount.path / "hello.txt"):
            control.unmount(mount.path, places.directories)
        assert mount.wait_until_over() == 0
    with fake(name="other") as mount:
        monkeypatch.setattr(control, "socket_path", lambda directories, path: mount.socket)
        killed_both(mount)
        control.unmount(mount.path, places.directories)
        assert not mount.is_mounted()


def test_in_the_background_the_mount_stands_when_the_command_returns(tmp_path):
    """The shell is free, the terminal is let go, and a signal to the supervisor ends it."""
    path = tmp_path.resolve() / "mnt"
    path.mkdir()
    log = tmp_path / "log"
    argv = [sys.executable, "-m", "tests.mount.fake_mount", path, tmp_path / "sock"]
    try:
        done = run(*argv, "--background", log)
        assert run("cat", path / "hello.txt").stdout == b"hello\n"
        assert b"mounted fake" in done.stderr
        daemon = control.ask(tmp_path / "sock", "status")["pid"]
        assert os.readlink(f"/proc/{daemon}/cwd") == "/"
        assert os.readlink(f"/proc/{daemon}/fd/2") == str(log)
        supervisor = int(Path(f"/proc/{daemon}/stat").read_text().rpartition(")")[2].split()[1])
        os.kill(supervisor, signal.SIGTERM)
        wait_for(lambda: mountpoint.mounted_at(path) is None, 5)
    finally:
        clean(path)


def test_a_hundred_stalled_reads_do_not_block_a_look(fake):
    """The limits of pyfuse3 (99 tasks) and of the kernel (12 reads in the background) would."""
    with fake() as mount:
        argv = ["dd", f"if={mount.path}/read stalls", "of=/dev/null", "iflag=direct", "count=8"]
        readers = [start(*argv) for _ in range(110)]
        wait_for(lambda: mount.requests()["running"] == 110)
        assert run("cat", mount.path / "hello.txt", within_s=3).stdout == b"hello\n"
        os.killpg(mount.process.pid, signal.SIGTERM)
        assert mount.wait_until_over() == 0
        assert [reader.wait(PROGRAM_WITHIN_S) for reader in readers] == [1] * 110
