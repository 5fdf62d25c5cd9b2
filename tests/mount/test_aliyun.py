"""Aliyundrive's three ways in, mounted by the real program: every byte, every name."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.emulators import run_emulator
from tests.mount.standing import fsmount, run, share, wait_for

pytestmark = [pytest.mark.fuse, pytest.mark.timeout(240)]


@pytest.fixture
def small(places):
    """A tree of few files: each costs a link, which the provider grants one a second."""
    root = places.top / "small"
    (root / "目录 😀" / "deep").mkdir(parents=True)
    (root / "目录 😀" / "deep" / "文件.txt").write_text("你好\n")
    (root / "plain.txt").write_text("hello\n")
    (root / "empty").touch()
    (root / "film.mkv").write_bytes(bytes(range(256)) * 4096 * 9)
    return root


@pytest.mark.parametrize("provider", ["aliyundrive", "aliyundrive_open", "aliyundrive_share"])
def test_diff_finds_no_difference(places, small, provider):
    """As a user mounts it; the tokens are the kept ones afterwards."""
    with run_emulator(small, provider=provider) as cloud:
        options = [option for option in [cloud.options] if option]
        with share(places, cloud.source, f"config={cloud.config}", *options) as mount:
            run("diff", "-r", small, mount.path)
            assert run("df", mount.path).returncode == 0
        with share(places, cloud.source, f"config={cloud.config}", *options) as mount:
            run("diff", "-r", small, mount.path)


def test_reading_a_share_leaves_nothing_in_the_own_drive(places, small):
    """Not even after the daemon was killed in the middle: the next mount cleans up."""
    with run_emulator(small, provider="aliyundrive_share") as cloud:
        options = (f"config={cloud.config}", cloud.options)

        def left():
            """Return what this program finds in the own drive, below its hidden folder."""
            argv = [sys.executable, "-m", "fsmount", "--config", cloud.config, "ls", "-R", "own"]
            found = run(*argv, env=places.environ).stdout.decode().splitlines()
            return [line for line in found if line.startswith(".fsmount-staging/")][1:]

        with share(places, cloud.source, *options) as mount:
            run("cat", mount.path / "plain.txt")
            assert any(path.endswith("/plain.txt") for path in left())
            mount.process.kill()
            mount.process.wait()
        assert any(path.endswith("/plain.txt") for path in left())
        with share(places, cloud.source, *options) as mount:
            run("cat", mount.path / "film.mkv")
            wait_for(lambda: not any(path.endswith("/plain.txt") for path in left()))
            assert any(path.endswith("/film.mkv") for path in left())
            run("fusermount3", "-u", mount.path)
            mount.wait_until_over()
        assert left() == []


def test_an_own_drive_that_cannot_save_is_refused_when_mounting(places, small):
    """Exit code 2 and one line."""
    with run_emulator(small, provider="aliyundrive_share") as cloud:
        path = places.top / "mnt"
        path.mkdir()
        argv = fsmount(cloud.source, path, f"config={cloud.config}", "via=demo")
        done = subprocess.run(
            argv, capture_output=True, text=True, timeout=60, check=False, env=places.environ
        )
        assert done.returncode == 2
        assert "cannot save" in done.stderr


def test_a_share_without_an_own_drive_says_so_when_mounting(places, small):
    """In one line, while it mounts; it can be listed, and reading fails at once."""
    with run_emulator(small, provider="aliyundrive_share") as cloud:
        path = places.top / "mnt"
        path.mkdir()
        try:
            done = run(*fsmount("anonymous", path, f"config={cloud.config}"), env=places.environ)
            assert done.stderr.decode().count("March 2024") == 1
            assert (path / "plain.txt").exists()
            with pytest.raises(OSError, match="not supported"):
                (path / "plain.txt").read_bytes()
        finally:
            run("fusermount3", "-u", path, check=False)


def test_processes_that_start_together_refresh_once(places, small):
    """A refresh token is good for one use: the second process takes the first one's."""
    with run_emulator(small, provider="aliyundrive") as cloud:
        argv = [sys.executable, "-m", "fsmount", "--config", cloud.config, "ls", "demo"]
        for _ in range(2):
            before = cloud.requests().get("auth", 0)
            running = [
                subprocess.Popen(
                    argv, env=places.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
                )
                for _ in range(3)
            ]
            for process in running:
                out, err = process.communicate(timeout=60)
                assert process.returncode == 0, err.decode()
                assert b"plain.txt" in out
            assert cloud.requests()["auth"] - before == 1
            cloud.ask("POST", "/expire", {"what": "access"})
