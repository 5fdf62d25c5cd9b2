"""``doctor``: a machine, a SOURCE that works, SOURCEs that do not, and the bundle."""

from __future__ import annotations

import json
import os
import shutil
import stat
import tarfile

import pytest

from fsmount.cli.checks.finding import Verdict
from fsmount.cli.checks.places import check_places
from fsmount.cli.checks.remote import speed
from fsmount.store.directories import Directories


def told(result):
    """Return findings by name; the last of several."""
    return {each["name"]: each for each in json.loads(result.out)}


@pytest.fixture
def directories(tmp_path):
    return Directories(
        config_files=(tmp_path / "config.toml",),
        state=tmp_path / "state",
        cache=tmp_path / "cache",
        runtime=tmp_path / "run",
        credentials=None,
    )


def places(directories, name):
    """Return findings on places, of one name."""
    return [each for each in check_places(directories, None, ()) if each.name == name]


def test_a_share_that_works_is_ok_from_name_to_speed(fsmount, site):
    """Every step of the way, in its order."""
    result = fsmount("doctor", "--json", site.source)
    found = told(result)
    steps = ["source", "DNS", "site", "clock", "token", "share", "listing", "link", "first byte"]
    assert [name for name in found if name in steps] == [
        *("clock", "source", "DNS", "site"),
        *("token", "share", "listing", "link", "first byte"),
    ]
    assert {found[name]["verdict"] for name in steps} == {"ok"}
    assert found["speed"]["said"] == "the file is too small to tell"


def test_people_get_lines_with_what_to_do(fsmount, site):
    """A verdict, a name, what was found; below it the way out."""
    result = fsmount("doctor", site.line["cancelled"])
    assert result.code == 1
    lines = result.out.splitlines()
    (at,) = [n for n, line in enumerate(lines) if line.startswith("fail  share: ")]
    assert "it was cancelled or deleted" in lines[at]
    assert lines[at + 1].startswith("      -> ")


@pytest.mark.parametrize(
    ("source", "name", "words"),
    [
        ("nothing", "source", 'there is no remote "nothing"'),
        ("http://127.0.0.1:9/s/AbC1", "site", "cannot reach 127.0.0.1:9"),
    ],
)
def test_a_source_that_does_not_work_says_where_it_ends(fsmount, source, name, words):
    """Exit code 1; no step hangs on another."""
    result = fsmount("doctor", "--json", source)
    assert result.code == 1
    assert told(result)[name]["verdict"] == "fail"
    assert words in told(result)[name]["said"]


def test_a_share_with_the_wrong_code_is_told_of_without_it(fsmount, locked_site):
    """Neither the wrong code nor the right one is shown."""
    result = fsmount("doctor", locked_site.source.removesuffix("pw12") + "hunter2")
    assert result.code == 1
    assert "hunter2" not in result.out + result.err


def test_the_bundle_has_no_secret(fsmount, site, tmp_path):
    """Only its owner can read it; configured secrets are blanked wherever they stand."""
    config = tmp_path / "config.toml"
    config.write_text(
        f'[remotes.photos]\ndriver = "cloudreve"\naddress = "{site.address}"\n'
        'email = "me@example.test"\npassword = "hunter2-long"\nshare_password = "c0de"\n'
    )
    config.chmod(0o600)
    logs = tmp_path / "state" / "log"
    logs.mkdir(parents=True)
    (logs / "mnt.log").write_text("it said hunter2-long and Bearer abcdefgh and ?sign=xyz\n")
    bundle = tmp_path / "report.tar.gz"
    fsmount("doctor", "--report", bundle, "--config", config)
    assert stat.S_IMODE(bundle.stat().st_mode) == 0o600
    with tarfile.open(bundle) as archive:
        texts = {
            name.partition("/")[2]: archive.extractfile(name).read().decode()
            for name in archive.getnames()
        }
    assert {"doctor.json", "about.json", "configuration.json", "mounts.json"} <= set(texts)
    whole = "".join(texts.values())
    for secret in ("hunter2-long", "abcdefgh", "c0de"):
        assert secret not in whole
    shown = json.loads(texts["configuration.json"])["remotes"]["photos"]
    assert (shown["email"], shown["password"]) == ("me@example.test", "***")
    assert "it said ***" in texts["log/mnt.log"]


def test_directories_that_are_open_to_others_are_closed(directories):
    """What --fix does."""
    directories.state.mkdir(mode=0o755)
    (first, last) = places(directories, "state")
    assert (first.verdict, last.verdict) == (Verdict.WARN, Verdict.OK)
    first.repair()
    assert stat.S_IMODE(directories.state.stat().st_mode) == 0o700
    assert [each.verdict for each in places(directories, "state")] == [Verdict.OK]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_a_directory_of_somebody_else_fails(directories):
    """It is not trusted, so it is not used."""
    directories.cache.mkdir()
    os.chown(directories.cache, 12345, 12345)
    (one,) = places(directories, "cache")
    assert one.verdict is Verdict.FAIL
    assert "belongs to user 12345" in one.said


def test_a_full_disk_is_told_of(directories, monkeypatch):
    """State needs some room; a cache without any is only slower."""
    usage = shutil.disk_usage("/")._replace(free=1024)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    assert places(directories, "state")[0].verdict is Verdict.FAIL
    assert places(directories, "cache")[0].verdict is Verdict.WARN


def test_a_configuration_that_is_not_understood_fails(directories):
    """With its line, and what was meant."""
    (path,) = directories.config_files
    path.write_text('[remotes.a]\ndriver = "cloudreve"\nadress = "https://x"\n')
    (one,) = places(directories, "configuration")
    assert one.verdict is Verdict.FAIL
    assert (one.said, one.fix) == (
        f'{path} line 3: unknown name "adress" in [remotes.a]',
        'did you mean "address"?',
    )


@pytest.mark.parametrize(
    ("rate", "verdict", "words"),
    [
        (20e6, Verdict.OK, "enough for a 4K remux"),
        (5e6, Verdict.WARN, "enough for 1080p, not for a 4K remux"),
        (0.5e6, Verdict.WARN, "not enough for 1080p"),
    ],
)
def test_speed_is_measured_by_what_it_is_enough_for(rate, verdict, words):
    """Films, since that is what people play."""
    found = speed(int(rate * 8), 8.0)
    assert found.verdict is verdict
    assert words in found.said
