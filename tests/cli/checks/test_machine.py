"""What doctor says about a machine, and what it puts right."""

from __future__ import annotations

import pytest

from fsmount.cli.checks.finding import Verdict
from fsmount.cli.checks.machine import Machine, about, check_machine
from fsmount.mountpoint import Mounted

OURS = Mounted(mountpoint="/mnt/a", fstype="fuse.fsmount", source="films", device="0:40")
FUSECTL = Mounted(
    mountpoint="/sys/fs/fuse/connections", fstype="fusectl", source="fusectl", device="0:9"
)


@pytest.fixture
def top(tmp_path):
    """A machine on which all is well."""
    for path, text in {
        "dev/fuse": "",
        "etc/fuse.conf": "#mount_max = 1000\nuser_allow_other\n",
        "etc/fstab": "",
        "etc/os-release": 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
        "sys/class/bdi/0:40/read_ahead_kb": "1024\n",
        "fusermount3": "",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "fusermount3").chmod(0o4755)
    return tmp_path


def machine(top, **changes):
    """Return a machine, as an ordinary user sees it."""
    given = {
        "top": top,
        "uid": 1000,
        "environ": {},
        "programs": lambda name: str(top / name) if (top / name).exists() else None,
        "mounts": (FUSECTL,),
        "now_s": 1_800_000_000.0,
    }
    return Machine(**(given | changes))


def found(top, name, **changes):
    """Return the findings called ``name``."""
    return [each for each in check_machine(machine(top, **changes)) if each.name == name]


def test_nothing_is_wrong_where_all_is_well(top):
    """Each line is ok and wants nothing."""
    findings = list(check_machine(machine(top)))
    assert {each.verdict for each in findings} == {Verdict.OK}
    assert not any(each.fix or each.repair for each in findings)
    assert len(findings) >= 9


def test_a_machine_without_fuse_cannot_mount(top):
    """The device and the helper are both named, with the command that brings them."""
    (top / "dev/fuse").unlink()
    (top / "fusermount3").unlink()
    (device,) = found(top, "/dev/fuse")
    assert (device.verdict, "modprobe fuse" in device.fix) == (Verdict.FAIL, True)
    (helper,) = found(top, "fusermount3")
    assert (helper.verdict, helper.fix) == (Verdict.FAIL, "apt install fuse3")
    assert found(top, "fusermount3", uid=0)[0].verdict is Verdict.WARN


def test_a_helper_without_its_right_is_no_helper(top):
    """Root does not need it setuid."""
    (top / "fusermount3").chmod(0o755)
    assert found(top, "fusermount3")[0].verdict is Verdict.FAIL
    assert found(top, "fusermount3", uid=0)[0].verdict is Verdict.OK


def test_letting_others_in_wants_a_line_in_fuse_conf(top):
    """Commented out it does not count; root needs none."""
    (top / "etc/fuse.conf").write_text("#user_allow_other\n")
    (one,) = found(top, "allow_other")
    assert one.verdict is Verdict.WARN
    assert 'add the line "user_allow_other" to /etc/fuse.conf' in one.fix
    assert found(top, "allow_other", uid=0)[0].verdict is Verdict.OK


def test_without_fusectl_a_hanging_mount_stays(top):
    """Only root can put that right."""
    assert found(top, "fusectl", mounts=())[0].repair is None
    (one,) = found(top, "fusectl", mounts=(), uid=0)
    assert one.verdict is Verdict.WARN
    assert one.repair is not None


def test_fstab_without_the_helper_fails(top):
    """The type is unknown to mount(8) then; a comment asks for nothing."""
    (top / "etc/fstab").write_text("# films /mnt/a fsmount ro 0 0\n")
    assert found(top, "mount(8)")[0].verdict is Verdict.OK
    (top / "etc/fstab").write_text("films /mnt/a fsmount ro 0 0\n")
    (one,) = found(top, "mount(8)")
    assert (one.verdict, one.fix) == (Verdict.FAIL, "sudo fsmount systemd install")
    (top / "sbin").mkdir()
    (top / "sbin/mount.fsmount").touch()
    assert found(top, "mount(8)")[0].verdict is Verdict.OK


def test_small_reads_are_told_of_and_made_larger(top):
    """By root, who alone can."""
    file = top / "sys/class/bdi/0:40/read_ahead_kb"
    file.write_text("128\n")
    (one,) = found(top, "read-ahead", mounts=(OURS,))
    assert (one.verdict, one.repair) == (Verdict.WARN, None)
    (one,) = found(top, "read-ahead", mounts=(OURS,), uid=0)
    one.repair()
    assert found(top, "read-ahead", mounts=(OURS,))[0].verdict is Verdict.OK


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            'PRUNE_BIND_MOUNTS="yes"\nPRUNEFS="NFS afs"\nPRUNEPATHS="/tmp"\n',
            'PRUNE_BIND_MOUNTS="yes"\nPRUNEFS="NFS afs fuse.fsmount"\nPRUNEPATHS="/tmp"\n',
        ),
        ('PRUNEPATHS="/tmp"\n', 'PRUNEPATHS="/tmp"\nPRUNEFS="fuse.fsmount"\n'),
        ('PRUNEFS=""\n', 'PRUNEFS="fuse.fsmount"\n'),
    ],
)
def test_updatedb_is_made_to_leave_mounts_out(top, before, after):
    """Everything else in its file stays, its mode included."""
    path = top / "etc/updatedb.conf"
    path.write_text(before)
    path.chmod(0o640)
    (one,) = found(top, "updatedb")
    assert one.verdict is Verdict.WARN
    one.repair()
    assert path.read_text() == after
    assert path.stat().st_mode & 0o777 == 0o640
    assert found(top, "updatedb")[0].verdict is Verdict.OK


def test_a_clock_of_another_age_fails(top):
    """No certificate would be valid."""
    assert found(top, "clock", now_s=0.0)[0].verdict is Verdict.FAIL


def test_proxies_are_shown_without_their_passwords(top):
    """They are in the environment of whoever runs doctor."""
    (one,) = found(top, "proxy", environ={"https_proxy": "http://me:hunter2@proxy:3128"})
    assert "proxy:3128" in one.said
    assert "hunter2" not in one.said


def test_versions_are_told(top):
    """What a report begins with."""
    told = about(machine(top))
    assert told["system"] == "Debian GNU/Linux 12 (bookworm)"
    assert {"fsmount", "python", "kernel", "pyfuse3", "trio"} <= set(told)
