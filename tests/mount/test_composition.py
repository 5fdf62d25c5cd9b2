"""Several remotes in one real mount: what one of them goes through is its own affair."""

from __future__ import annotations

import os
import subprocess
from urllib.parse import urlsplit

import pytest

from tests.emulators import run_emulator
from tests.mount.standing import run, share, wait_for

pytestmark = pytest.mark.fuse


def site(path, **files):
    for name, text in files.items():
        file = path / name.replace("__", "/").replace("_", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return path


@pytest.fixture
def films(places):
    """A site with a folder that the other has too, and a file of one name with it."""
    root = site(places.top / "films", a_txt="films a", both_txt="films", shared__f_txt="f")
    with run_emulator(root) as cloud:
        yield cloud


@pytest.fixture
def music(places):
    """The other site."""
    root = site(places.top / "music", m_txt="music m", both_txt="music", shared__m_txt="m")
    with run_emulator(root) as cloud:
        yield cloud


@pytest.fixture
def config(places, films, music):
    """Both as remotes, and as one tree: a union, and one of them in a subfolder again."""
    lines = []
    for name, cloud in (("films", films), ("music", music)):
        address = urlsplit(cloud.source)
        _, _, share_id, *password = address.path.split("/")
        lines += [
            f"[remotes.{name}]",
            "driver = 'cloudreve'",
            f"address = '{address.scheme}://{address.netloc}'",
            f"share = '{share_id}'",
            f"share_password = '{''.join(password)}'",
            "listing_ttl_s = 0.5",
        ]
    lines += ["[mounts.media]", "tree = { '/' = ['films', 'music'], '/only/films' = 'films' }"]
    path = places.top / "config.toml"
    path.write_text("\n".join(lines))
    path.chmod(0o600)
    return path


def names(path):
    return sorted(os.listdir(path))


def listed(path):
    """Return what ls says of a folder, and whether it says that it is not all."""
    done = run("ls", path, check=False)
    return done.stdout.decode().split(), done.returncode


def test_two_sites_are_one_tree_and_one_of_them_may_die(places, config, films, music):
    """Known entries stay, siblings go on, status says so, and it heals by itself."""
    with share(places, "media", f"config={config}") as mount:
        suffixed = [name for name in names(mount.path) if name.startswith("both~")]
        assert names(mount.path) == sorted(
            ["a.txt", "both.txt", *suffixed, "m.txt", "only", "shared"]
        )
        assert len(suffixed) == 1
        assert (mount.path / "both.txt").read_text() == "films"
        assert (mount.path / suffixed[0]).read_text() == "music"
        assert names(mount.path / "shared") == ["f.txt", "m.txt"]
        assert names(mount.path / "only") == ["films"]
        before = names(mount.path)
        assert [each["state"] for each in mount.status()["remotes"]] == ["online", "online"]

        music.fault("reset")
        wait_for(lambda: names(mount.path) and mount.status()["state"] == "partial")
        assert names(mount.path) == before
        assert (mount.path / "a.txt").read_text() == "films a"
        assert not (mount.path / "none.txt").exists()
        told = {each["name"]: each for each in mount.status()["remotes"]}
        assert told["films"]["state"] == "online"
        assert told["films"]["paths"] == ["/", "/only/films"]
        assert told["music"]["state"] == "offline"
        assert told["music"]["reason"]

        music.heal()
        (places.top / "music" / "new.txt").write_text("new")
        wait_for(lambda: "new.txt" in names(mount.path))
        assert mount.status()["state"] == "online"


def test_a_site_that_is_dead_from_the_start_does_not_stop_the_mount(places, config, music):
    """Its siblings can be read; no mirror takes what is missing for deleted."""
    music.fault("reset")
    mirror = places.top / "mirror"
    mirror.mkdir()
    (mirror / "m.txt").write_text("kept")
    with share(places, "media", f"config={config}") as mount:
        assert listed(mount.path) == (["a.txt", "both.txt", "only", "shared"], 2)
        assert (mount.path / "a.txt").read_text() == "films a"
        assert names(mount.path / "only" / "films") == ["a.txt", "both.txt", "shared"]
        with pytest.raises(OSError, match=r"Host is down|timed out"):
            (mount.path / "m.txt").stat()

        subprocess.run(["rsync", "-r", "--delete", f"{mount.path}/", mirror], check=False)
        assert (mirror / "a.txt").read_text() == "films a"
        assert (mirror / "m.txt").read_text() == "kept"

        music.heal()
        wait_for(lambda: listed(mount.path)[1] == 0)
        assert (mount.path / "m.txt").read_text() == "music m"
        assert (mount.path / "both.txt").read_text() == "films"


@pytest.mark.parametrize("slip", ["listing_ttl = 1", "auth = 'ref:nobody'", "ca_file = '/no/file'"])
def test_a_slip_in_one_remotes_table_leaves_the_others_be(places, config, slip):
    """Its siblings are mounted and read, status and ls say what is wrong, a mirror is safe."""
    text = config.read_text()
    config.write_text(text.replace("[remotes.music]", f"[remotes.music]\n{slip}"))
    with share(places, "media", f"config={config}") as mount:
        seen, code = listed(mount.path)
        assert {"a.txt", "both.txt", "shared"} <= set(seen)
        assert code == 2
        assert (mount.path / "a.txt").read_text() == "films a"
        assert (mount.path / "only" / "films" / "a.txt").read_text() == "films a"
        told = mount.status()
        assert told["state"] == "partial"
        music = next(each for each in told["remotes"] if each["name"] == "music")
        assert music["state"] == "misconfigured"
        assert slip.split(" ")[0] in music["reason"] or "/no/file" in music["reason"]
    config.write_text(text)
    with share(places, "media", f"config={config}") as mount:
        assert listed(mount.path)[1] == 0
        assert (mount.path / "m.txt").read_text() == "music m"
