"""Sudden deaths: the next mount opens what is left, and every byte that it serves is right."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import trio

from fsmount.cache.memory import ALL_CELLS, CELL
from fsmount.cache.opening import open_disk_cache
from fsmount.cache.shelf import open_shelf
from tests.cache.fakes import MIB, keep, key_of, load, new_block, value_files
from tests.cache.killed import SIZE, name_of

BUDGET = 256 * MIB
ROOT = Path(__file__).parents[2]


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "cache"


def kept_contents(directory):
    """Read every record in ``directory`` as the next mount would; all must be right."""

    async def check():
        async with open_disk_cache(directory, BUDGET) as disk:
            good = 0
            for number in range(60):
                key = key_of(SIZE, name_of(number))
                held = disk.holds(key, 0)
                if held:
                    assert await load(disk, key) == held == 0b11111
                    good += 1
            assert disk.statistics()["damaged"] == 0
            assert disk.statistics()["records"] == len(value_files(directory))
            assert disk.statistics()["records"] == good + (disk.holds(key_of(), 0) != 0)
            await keep(disk, new_block(key_of()))
            assert await load(disk, key_of()) == ALL_CELLS
            return good

    return trio.run(check)


@pytest.mark.parametrize(
    ("call", "number", "least"),
    [
        ("pwrite", 1, 0),  # the first file is half written
        ("pwrite", 6, 4),  # one in the second batch
        ("ftruncate", 7, 4),  # written, still with padding
        ("commit", 8, 4),  # the last file of the second batch is there, no row is
        ("remove", 1, 56),  # a replaced file is about to go
        ("remove", 3, 56),
    ],
)
def test_a_process_that_dies_while_writing_leaves_a_good_cache(directory, call, number, least):
    """At any step: the next mount opens it without a warning, and what it has is right."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.cache.killed", directory, call, str(number)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert kept_contents(directory) >= least


def test_a_process_that_is_killed_at_any_time_leaves_a_good_cache(directory):
    """Again and again on the same directory, at no chosen moment."""
    for delay_s in (0.0, 0.013, 0.034, 0.081):
        with subprocess.Popen(
            [sys.executable, "-m", "tests.cache.killed", directory],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout.readline() == "4\n"
            time.sleep(delay_s)
            process.kill()
        assert kept_contents(directory) >= 3


def test_a_shelf_that_was_not_closed_is_free_again_when_its_process_is_gone(directory):
    """The lock leaves nothing behind that someone would have to remove by hand."""
    code = (
        "import os, pathlib, sys; from fsmount.cache.shelf import open_shelf;"
        "open_shelf(pathlib.Path(sys.argv[1])); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code, directory], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    shelf = open_shelf(directory)
    assert shelf.records() == []
    shelf.close()


def test_the_size_of_a_killed_block_is_odd():
    """So that the last cell is short, and has padding that a kill may leave in the file."""
    assert SIZE % CELL % 4096
