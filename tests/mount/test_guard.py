"""The guard and real programs: who opens a file is found out by the kernel's word."""

from __future__ import annotations

import shutil

import pytest

from tests.mount.standing import run

pytestmark = pytest.mark.fuse


def test_an_indexer_sees_names_and_gets_no_content(fake, places):
    """EACCES for it alone; ``status`` counts what was refused."""
    indexer = places.top / "tracker-extract"
    shutil.copy2("/bin/cat", indexer)
    with fake() as mount:
        assert b"hello.txt" in run("ls", mount.path).stdout
        refused = run(indexer, mount.path / "hello.txt", check=False)
        assert refused.returncode == 1
        assert b"Permission denied" in refused.stderr
        assert run("cat", mount.path / "hello.txt").stdout == b"hello\n"
        told = mount.status()["guard"]
        assert told["indexer"]["refused"] == 1
        assert told["other"]["bytes"] == 6
