"""A tree of 1,000,000 entries: its memory, and how soon it is there again."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.timeout(480)

MIB = 1024**2

FOLDERS, FILES = 1000, 1000


def measured(what, store, folders, files, *flags):
    """Measure in a process of its own; return the figures."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.scale", what, store),
            *("--folders", str(folders), "--files", str(files)),
            *flags,
        ],
        stdout=subprocess.PIPE,
        check=True,
        timeout=400,
    )
    figures = json.loads(done.stdout)
    print(f"{what} of {folders} x {files}: {figures}")
    return figures


@pytest.fixture(scope="module")
def million(tmp_path_factory):
    """Walk the whole tree once; returns where it is kept, and the figures."""
    store = tmp_path_factory.mktemp("million") / "tree.sqlite"
    return store, measured("walk", store, FOLDERS, FILES)


def test_a_million_entries_fit_into_600_mb(million):
    """Nearly all of them are on disk, and memory holds what was used last."""
    _, walked = million
    assert walked["entries"] == FOLDERS * FILES + FOLDERS
    assert walked["peak_bytes"] < 600 * MIB
    assert walked["nodes"] < 250_000


def test_a_million_entries_are_there_again_at_once(million):
    """After a restart the root and a folder are read from disk, and nobody is asked."""
    store, _ = million
    again = measured("restart", store, FOLDERS, FILES)
    assert again["entries"] == FOLDERS + FILES
    assert again["pages"] == 0
    assert again["seconds"] < 2


def test_a_folder_of_100000_is_there_again_at_once(tmp_path):
    """One folder is read whole, however large it is."""
    store = tmp_path / "tree.sqlite"
    assert measured("walk", store, 1, 100_000)["entries"] == 100_001
    again = measured("restart", store, 1, 100_000)
    assert again["entries"] == 100_001
    assert again["pages"] == 0
    assert again["seconds"] < 2


def test_a_million_entries_that_the_kernel_holds_fit_too(tmp_path):
    """``find`` on a machine with memory to spare: the kernel gives no reference back."""
    store = tmp_path / "tree.sqlite"
    walked = measured("walk", store, FOLDERS, FILES, "--hold")
    assert walked["referenced"] > walked["entries"]
    assert walked["peak_bytes"] < 450 * MIB
