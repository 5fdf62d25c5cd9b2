"""What ``systemd install`` puts where, and what it leaves alone."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from fsmount.cli import installation
from fsmount.errors import UsageError

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def environment(tmp_path):
    """An installation of fsmount, in a folder with a space in its name."""
    programs = tmp_path / "my env" / "bin"
    programs.mkdir(parents=True)
    for name in ("fsmount", "mount.fsmount"):
        (programs / name).touch()
    return installation.Environment(programs=programs, units=PROJECT / "systemd")


def installed(environment, top):
    wanted = installation.items(environment, user=False, top=top)
    return [item.path for item in installation.install(wanted)]


def test_the_system_learns_of_the_helper_the_program_and_the_unit(environment, tmp_path):
    """Each by the absolute path of the environment it lives in."""
    top = tmp_path / "top"
    helper, program, unit, *_ = installed(environment, top)
    assert helper == top / "sbin/mount.fsmount"
    assert helper.readlink() == environment.programs / "mount.fsmount"
    assert program.readlink() == environment.programs / "fsmount"
    text = unit.read_text()
    assert f'ExecStart="{environment.programs}/fsmount" mount --foreground' in text
    assert f'ExecStopPost="{environment.programs}/fsmount" umount --stale' in text
    assert "/usr/local/bin" not in text


def test_installing_again_follows_a_move(environment, tmp_path):
    """Links and units of an earlier installation are replaced."""
    installed(environment, tmp_path / "top")
    moved = tmp_path / "elsewhere"
    shutil.move(environment.programs, moved)
    again = installation.Environment(programs=moved, units=environment.units)
    helper, _, unit, *_ = installed(again, tmp_path / "top")
    assert helper.readlink() == moved / "mount.fsmount"
    assert f"ExecStart={moved}/fsmount mount" in unit.read_text()
    assert len(list(unit.parent.iterdir())) == 1


@pytest.mark.parametrize("name", ["sbin/mount.fsmount", "etc/systemd/system/fsmount@.service"])
def test_what_others_made_is_in_the_way(environment, tmp_path, name):
    """Nothing is made then, not even what nothing is in the way of."""
    top = tmp_path / "top"
    (top / name).parent.mkdir(parents=True)
    (top / name).write_text("somebody's own\n")
    with pytest.raises(UsageError, match="was not made by fsmount; move it away first"):
        installed(environment, top)
    files = [path for path in top.rglob("*") if not path.is_dir()]
    assert files == [top / name]
    assert (top / name).read_text() == "somebody's own\n"


def test_uninstalling_removes_ours_and_nothing_else(environment, tmp_path):
    """A link of the same name that leads elsewhere stays; so does a unit without the mark."""
    top = tmp_path / "top"
    helper, program, unit, *others = installed(environment, top)
    unit.write_text("[Service]\nExecStart=/mine\n")
    wanted = installation.items(environment, user=False, top=top)
    assert [item.path for item in installation.uninstall(wanted)] == [helper, program, *others]
    assert unit.exists()
    assert list(installation.uninstall(wanted)) == []


def test_a_user_gets_a_unit_and_no_links(environment, tmp_path, monkeypatch):
    """Below the user's own configuration."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    unit, *others = installation.items(environment, user=True)
    assert unit.path == tmp_path / "config/systemd/user/fsmount@.service"
    assert "WantedBy=default.target" in unit.text
    assert [str(item.path.relative_to(tmp_path / "data")) for item in others] == [
        "man/man1/fsmount.1",
        "man/man8/mount.fsmount.8",
        "man/man5/fsmount.toml.5",
        "bash-completion/completions/fsmount",
        "zsh/site-functions/_fsmount",
        "fish/vendor_completions.d/fsmount.fish",
    ]


def test_what_was_written_is_known_again(environment, tmp_path):
    """Pages, completions and units carry the mark, each as its reader takes a comment."""
    top = tmp_path / "top"
    installed(environment, top)
    wanted = installation.items(environment, user=False, top=top)
    assert all(item.is_ours() for item in wanted)
    assert (top / "usr/local/share/zsh/site-functions/_fsmount").read_text().startswith("#compdef")


def test_the_command_installs_for_a_user(fsmount, tmp_path, monkeypatch):
    """It says what it made and what to do next, and takes it back."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    done = fsmount("systemd", "install", "--user")
    unit = tmp_path / "config/systemd/user/fsmount@.service"
    assert done.code == 0
    first, *others, last = done.out.splitlines()
    assert (first, last) == (str(unit), "now: systemctl --user enable --now fsmount@REMOTE")
    assert len(others) == 6
    removed = fsmount("systemd", "uninstall", "--user").out.splitlines()
    assert removed == [f"removed {path}" for path in (first, *others)]
    assert not unit.exists()
    assert "nothing to remove" in fsmount("systemd", "uninstall", "--user").err


def test_programs_that_others_can_change_are_told_of(tmp_path):
    """What root runs at boot must be root's all the way up; /tmp is sticky and will do."""
    folder = tmp_path / "env" / "bin"
    folder.mkdir(parents=True)
    (folder / "x").touch()
    if os.geteuid() == 0:
        assert installation.trusted_only_by_root(folder / "x") is None
        os.chown(folder.parent, 12345, 12345)
    else:
        folder = folder.parent
    found = installation.trusted_only_by_root(folder / "x")
    assert found == folder.parent if os.geteuid() == 0 else found is not None


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd-analyze")
def test_the_unit_is_closed_as_far_as_the_readme_says(tmp_path):
    """Its exposure, by systemd's own count; versions of systemd differ by some tenths."""
    text = (PROJECT / "README.md").read_text()
    (told,) = re.findall(r"`systemd-analyze security`: (\d\.\d), \"OK\"", text)
    unit = PROJECT / "systemd/system/fsmount@.service"
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", unit],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    found = re.search(r"Overall exposure level for \S+: (\d+\.\d)", done.stdout)
    if found is None:
        pytest.skip(f"this systemd-analyze cannot judge a file: {done.stderr.strip()}")
    assert float(found[1]) == pytest.approx(float(told), abs=0.5)


@pytest.mark.parametrize("kind", ["system", "user"])
@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd-analyze")
def test_systemd_understands_the_units(tmp_path, kind):
    """No unknown key, no word that it would ignore."""
    program = tmp_path / "fsmount"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    text = (PROJECT / "systemd" / kind / "fsmount@.service").read_text()
    unit = tmp_path / "fsmount@photos.service"
    unit.write_text(text.replace("/usr/local/bin/fsmount", str(program)))
    words = ["systemd-analyze", "verify", "--man=no", f"--{kind}", unit]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    told = [line for line in done.stderr.splitlines() if "fsmount" in line]
    assert told == []
