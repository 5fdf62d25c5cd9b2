"""115 in the real kernel: a pasted share with and without a login, and an own drive."""

from __future__ import annotations

import pytest

from tests.emulators import run_emulator
from tests.mount.standing import fsmount, run

pytestmark = [pytest.mark.fuse, pytest.mark.timeout(240)]


@pytest.fixture
def tree(places):
    """A few files: 115 is asked slowly, by its real rates."""
    root = places.top / "tree"
    (root / "片子 (2024)").mkdir(parents=True)
    (root / "空").mkdir()
    (root / "片子 (2024)" / "第1集.mkv").write_bytes(bytes(range(256)) * 2048)
    (root / "片子 (2024)" / "说明 100% #1.txt").write_text("好\n")
    (root / "hello.txt").write_text("hello\n")
    (root / "empty").touch()
    return root


def test_a_pasted_share_is_the_tree_that_was_shared(places, tree, mount):
    """Nothing is configured and nobody is signed in; read twice, the links are asked for once."""
    with (
        run_emulator(tree, provider="p115_share") as cloud,
        mount(cloud.source, cloud.options) as standing,
    ):
        run("diff", "-r", tree, standing.path)
        asked = cloud.requests()
        assert asked["link"] == 3  # the empty file needs none
        run("diff", "-r", tree, standing.path)
        assert cloud.requests() == asked
        assert "a1b2" not in standing.written()


def test_a_share_whose_files_want_a_login_takes_one(places, tree, mount):
    """A guest may list it; reading says what is missing, and with it reads."""
    with run_emulator(tree, "--defect", "login-required", provider="p115_share") as cloud:
        with mount(cloud.source, cloud.options) as standing:
            listed = run("ls", standing.path).stdout.decode()
            assert "hello.txt" in listed
            done = run("cat", standing.path / "hello.txt", check=False)
            assert done.returncode != 0
            assert "Permission denied" in done.stderr.decode()
            assert "auth=ref:NAME" in standing.written()
        lent = f"{cloud.options},auth=ref:demo,config={cloud.config}"
        with mount(cloud.source, lent, name="signed") as standing:
            run("diff", "-r", tree, standing.path)
            assert "UID=" not in standing.written()


def test_an_own_drive_is_the_tree_that_is_in_it(places, tree, mount):
    """Signed with the configured cookie."""
    with (
        run_emulator(tree, provider="p115") as cloud,
        mount("demo", f"config={cloud.config}") as standing,
    ):
        run("diff", "-r", tree, standing.path)
        space = run("df", "--output=size", standing.path).stdout.split()[-1]
        assert int(space) > 0


@pytest.mark.parametrize(
    ("key", "words"),
    [("expired", "has expired"), ("review", "under review"), ("unknown", "there is no share")],
)
def test_a_share_that_cannot_be_mounted_says_why(places, tree, key, words):
    """One line, exit code 1, no mount, and no code of it."""
    with run_emulator(tree, provider="p115_share") as cloud:
        path = places.top / "mnt"
        path.mkdir()
        source = cloud.line[key]
        argv = fsmount(source, path, cloud.line["share_options"])
        done = run(*argv, check=False, env=places.environ)
    said = done.stderr.decode()
    assert done.returncode == 1
    assert words in said
    assert len(said.strip().splitlines()) == 1
    assert source.rpartition("password=")[2] not in said
    assert not path.is_mount()
