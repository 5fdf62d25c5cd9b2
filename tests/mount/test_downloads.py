"""What 115 downloads by itself shows in a mount that stands."""

from __future__ import annotations

import os
import sys

import pytest

from tests.emulators import run_emulator
from tests.mount.standing import run, wait_for

pytestmark = [pytest.mark.fuse, pytest.mark.timeout(240)]

MAGNET = "magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567&dn=some+film"


@pytest.fixture
def drive(tree):
    """Serve ``tree`` as a drive of 115 that downloads within seconds."""
    with run_emulator(tree, provider="p115") as drive:
        drive.ask("POST", "/settings", {"offline_s": 10})
        yield drive


def offline(places, drive, *words):
    """Run ``fsmount offline …`` on the drive; return what it wrote."""
    argv = [sys.executable, "-m", "fsmount", "--config", drive.config, "offline", *words]
    return run(*argv, env=places.environ).stdout.decode()


def test_a_finished_download_shows_without_a_remount(places, drive, mount):
    """In the folder that was named, and in one that 115 has just made."""
    with mount("demo", arguments=("--config", drive.config)) as standing:
        before = os.listdir(standing.path)
        assert os.listdir(standing.path / "sub") == ["inner.txt"]
        with pytest.raises(FileNotFoundError):
            os.stat(standing.path / "sub" / "some film")
        offline(places, drive, "add", "demo:sub", MAGNET)
        wait_for(lambda: standing.status()["downloads"] == 1, told=standing.written)
        offline(places, drive, "add", "demo", "https://example.com/a.iso?token=hunter2")
        wait_for(
            lambda: sorted(os.listdir(standing.path / "sub")) == ["inner.txt", "some film"],
            within_s=60,
            told=standing.written,
        )
        assert os.listdir(standing.path / "sub" / "some film")
        wait_for(lambda: len(os.listdir(standing.path)) > len(before), told=standing.written)
        wait_for(lambda: standing.status()["downloads"] == 0, told=standing.written)
        assert "100 %" in offline(places, drive, "list", "demo")
        assert "hunter2" not in standing.written()
