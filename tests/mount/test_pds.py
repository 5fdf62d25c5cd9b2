"""Shares and drives of a PDS domain in the real kernel."""

from __future__ import annotations

import os

import pytest

from tests.emulators import run_emulator
from tests.mount.standing import Places, run, share
from tests.mount.trees import make_awful

pytestmark = [pytest.mark.fuse, pytest.mark.timeout(300)]

CODE = "k9!f2"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Serve an awful tree as a locked share and as its owner's drive."""
    top = tmp_path_factory.mktemp("pds").resolve()
    tree = top / "tree"
    tree.mkdir()
    make_awful(tree, many=250)
    with run_emulator(tree, "--share-password", CODE, provider="pds") as cloud:
        yield top, tree, cloud


def test_diff_finds_no_difference_in_a_share(served):
    """The link and its code as they are pasted: every name, every byte."""
    top, tree, cloud = served
    pasted = f"链接：{cloud.source} 提取码: {CODE}"
    with share(Places(top), pasted, f"endpoint={cloud.address}") as mount:
        assert run("diff", "-r", tree, mount.path, within_s=250).stdout == b""
        assert CODE not in mount.written()
        assert CODE not in str(mount.status())


def test_diff_finds_no_difference_in_a_drive(served):
    """Signed in by an application's key, without a person; ``df`` knows its size."""
    top, tree, cloud = served
    with share(Places(top), "demo-jwt", f"config={cloud.config}") as mount:
        assert run("diff", "-r", tree, mount.path, within_s=250).stdout == b""
        assert os.statvfs(mount.path).f_blocks >= 0


@pytest.mark.parametrize("state", ["cancelled", "expired"])
def test_a_share_that_ends_while_it_is_mounted(tmp_path, state):
    """What was listed stays, what was not read is ESTALE, and it heals."""
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "seen.txt").write_text("seen\n")
    (tree / "unseen.txt").write_text("unseen\n")
    with (
        run_emulator(tree, provider="pds") as cloud,
        share(Places(tmp_path.resolve()), cloud.source, cloud.options) as mount,
    ):
        assert (mount.path / "seen.txt").read_text() == "seen\n"
        cloud.ask("POST", "/share", {"state": state})
        assert sorted(os.listdir(mount.path)) == ["seen.txt", "unseen.txt"]
        assert (mount.path / "seen.txt").read_text() == "seen\n"
        with pytest.raises(OSError, match="Stale file handle"):
            (mount.path / "unseen.txt").read_text()
        assert mount.status()["state"] == "gone"
        cloud.ask("POST", "/share", {"state": "fine"})
        # A file that failed is not asked about again at once.
        run("sh", "-c", f"until cat '{mount.path}/unseen.txt'; do sleep 0.5; done", within_s=60)
        assert (mount.path / "unseen.txt").read_text() == "unseen\n"
