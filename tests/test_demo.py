"""./run demo, and ./run itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.demo import make_sample

PROJECT = Path(__file__).parents[1]


def test_the_sample_has_a_bit_of_everything(tmp_path):
    """Chinese and emoji names, pictures, an empty file, a large one; the same each time."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        make_sample(tmp_path / name, large_bytes=2 * 1024 * 1024)
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*.*"))
    assert len(files) == 14
    assert any("🎉" in path.name for path in files)
    assert (tmp_path / "a" / "large.bin").stat().st_size == 2 * 1024 * 1024
    assert (tmp_path / "a" / "文档" / "empty.txt").stat().st_size == 0
    done = subprocess.run(["diff", "-r", tmp_path / "a", tmp_path / "b"], check=False)
    assert done.returncode == 0


@pytest.mark.fuse
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_demo_mounts_and_ends_cleanly(tmp_path, number):
    """Its own words work, and nothing is left: no mount, no directory that it made."""
    mountpoint = tmp_path / "demo"
    environ = dict(os.environ)
    for name in ("STATE", "CACHE", "RUNTIME"):
        environ[f"{name}_DIRECTORY"] = str(tmp_path / name.lower())
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.demo", mountpoint],
        cwd=PROJECT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    told = ""
    for line in process.stdout:
        told += line
        if line.startswith("Ctrl-C"):
            break
    assert process.poll() is None, process.stderr.read()
    (compare,) = [line for line in told.splitlines() if "diff -r" in line]
    done = subprocess.run(
        ["sh", "-c", compare], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("the same\n", "")
    started = time.monotonic()
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    assert time.monotonic() - started < 10
    assert not mountpoint.exists()


def test_run_lists_its_words():
    """And an unknown one is refused."""
    done = subprocess.run([PROJECT / "run", "help"], capture_output=True, text=True, check=True)
    for word in ("demo", "test", "conformance", "boot-test", "lint", "help"):
        assert f"./run {word}" in done.stdout
    done = subprocess.run([PROJECT / "run", "x"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == 'run: there is no word "x"'


def test_the_continuous_integration_is_the_same_commands():
    """What passes there is what people run; a boot that cannot be tried is no failure."""
    lines = (PROJECT / ".ci" / "run").read_text().splitlines()
    words = [line for line in lines if line.startswith("./run")]
    assert words[:3] == ["./run lint", "./run test", "./run conformance"]
    assert words[3:] == ["./run boot-test || [ $? = 77 ]"]
    assert os.access(PROJECT / ".ci" / "run", os.X_OK)
