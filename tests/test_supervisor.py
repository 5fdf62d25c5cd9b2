"""Whatever becomes of a daemon, its supervisor ends in time and leaves no mount behind."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

WITHIN_S = 20


@pytest.fixture
def record(tmp_path):
    return tmp_path / "record"


@pytest.fixture
def start(record, tmp_path):
    """Start a program of ``tests.supervised``; whatever is left of it is killed at the end."""
    started = []

    def start(character, *arguments, **environ):
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.supervised", character, record, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environ},
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate(timeout=WITHIN_S)
    for line in read(record):
        if line.startswith("daemon"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(line.split()[1]), signal.SIGKILL)


def read(record):
    return record.read_text().splitlines() if record.exists() else []


def wait_for(condition, within_s=WITHIN_S):
    """Wait until ``condition()`` is true; return what it returned."""
    deadline = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{condition} did not come true"
        time.sleep(0.01)
    return found


def daemon_pid(record):
    """Wait until the daemon has told its number."""

    def told():
        return next((line for line in read(record) if line.startswith("daemon")), None)

    return int(wait_for(told).split()[1])


def is_gone(pid):
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"


def test_a_daemon_that_ends_well_ends_well(start, record):
    """Its exit code is the supervisor's; clearing finds nothing to do."""
    process = start("ends_well")
    assert process.wait(WITHIN_S) == 0
    assert read(record) == ["attach", "clear"]


def test_a_refusal_is_passed_on(start, record):
    """The daemon's own line reaches the terminal, its exit code the shell."""
    process = start("refuses")
    out, err = process.communicate(timeout=WITHIN_S)
    assert (process.returncode, out, err) == (2, "", "fsmount: the share is over\n")


def test_a_daemon_that_breaks_is_a_failure(start, record):
    """Exit code 1 and the traceback: nobody above could have caught it."""
    process = start("breaks")
    _, err = process.communicate(timeout=WITHIN_S)
    assert process.returncode == 1
    assert "RuntimeError: a bug in the daemon" in err


def test_a_daemon_that_dies_by_a_signal_leaves_nothing(start, record):
    """The mount is cleared, the line says why, the exit code is not 0."""
    process = start("dies")
    _, err = process.communicate(timeout=WITHIN_S)
    assert process.returncode == 1
    assert "fsmount: the daemon was ended by SIGSEGV; its mount was cleared\n" in err
    assert read(record) == ["attach", "clear"]


def test_a_daemon_leaves_no_core(start, record):
    """What is in its memory signs in: the kernel gives it to nobody, whatever collects cores."""
    process = start("is_private")
    assert process.wait(WITHIN_S) != 0
    assert read(record) == ["dumpable 0", "attach", "clear"]


@pytest.mark.parametrize(
    ("sent", "received"),
    [("SIGINT", "SIGINT"), ("SIGTERM", "SIGTERM"), ("SIGHUP", "SIGTERM")],
)
def test_a_signal_is_forwarded_once(start, record, sent, received):
    """Ctrl-C reaches the whole terminal, so the daemon is in a session of its own."""
    process = start("obeys")
    process.stdout.readline()
    os.killpg(process.pid, signal.Signals[sent])
    assert process.wait(WITHIN_S) == 0
    daemon, *rest = read(record)
    assert daemon.endswith("True")
    assert rest == ["attach", f"got {received}", "clear"]


def test_a_deaf_daemon_is_aborted_and_killed_within_five_seconds(start, record):
    """First everyone who waits is freed, then the process goes."""
    process = start("is_deaf")
    wait_for(lambda: "attach" in read(record))
    begun = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=WITHIN_S)
    assert time.monotonic() - begun < 5
    assert process.returncode == 1
    assert "ended by SIGKILL" in err
    assert read(record)[1:] == ["attach", "abort", "clear"]


def test_a_second_signal_shortens_the_wait(start, record):
    """Somebody is impatient."""
    process = start("is_deaf")
    wait_for(lambda: "attach" in read(record))
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    assert process.wait(WITHIN_S) == 1
    assert time.monotonic() - begun < 3


def test_the_daemon_ends_when_its_supervisor_is_killed(start, record):
    """By a signal it can still act on: it unmounts by itself."""
    process = start("obeys")
    process.stdout.readline()
    pid = daemon_pid(record)
    process.kill()
    wait_for(lambda: is_gone(pid))
    assert read(record)[-1] == "got SIGTERM"


def test_a_signal_before_the_mount_ends_the_start(start, record):
    """Ctrl-C while the provider does not answer."""
    process = start("is_slow_to_start")
    daemon_pid(record)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=WITHIN_S)
    assert (process.returncode, err) == (1, "")


# --- in the background ----------------------------------------------------------------------------


def test_in_the_background_the_command_returns_when_the_mount_stands(start, record, tmp_path):
    """The daemon lives on in another session; its output goes to the log."""
    log = tmp_path / "log"
    process = start("obeys", "--background", str(log), LEAVE_FOR=str(log))
    out, err = process.communicate(timeout=WITHIN_S)
    assert (process.returncode, out, err) == (0, "", "")
    pid = daemon_pid(record)
    assert not is_gone(pid)
    wait_for(lambda: log.read_text() == "written by the daemon\n")
    assert log.stat().st_mode & 0o777 == 0o600
    supervisor = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(supervisor, signal.SIGTERM)
    wait_for(lambda: is_gone(supervisor))
    assert read(record)[-2:] == ["got SIGTERM", "clear"]


def test_in_the_background_a_refusal_reaches_the_terminal(start, tmp_path):
    """Standard error is the user's until the mount stands."""
    process = start("refuses", "--background", str(tmp_path / "log"))
    _, err = process.communicate(timeout=WITHIN_S)
    assert (process.returncode, err) == (2, "fsmount: the share is over\n")
    assert not (tmp_path / "log").exists()


def test_ctrl_c_while_it_starts_in_the_background_reaches_the_daemon(start, record, tmp_path):
    """They are in other sessions; only the waiting command gets the key."""
    process = start("is_slow_to_start", "--background", str(tmp_path / "log"))
    pid = daemon_pid(record)
    process.send_signal(signal.SIGINT)
    assert process.wait(WITHIN_S) == 1
    wait_for(lambda: is_gone(pid))


def test_on_an_autofs_nobody_leaves_the_group(start, record, tmp_path):
    """The kernel lets only the automounter's process group pass, until the mount is there."""
    log = str(tmp_path / "log")
    process = start("obeys", "--background", log, KEEP_SESSION="yes", LEAVE_FOR=log)
    process.communicate(timeout=WITHIN_S)
    daemon = daemon_pid(record)
    assert os.getpgid(daemon) == process.pid
    assert os.getsid(daemon) == process.pid
    os.kill(daemon, signal.SIGTERM)
    wait_for(lambda: is_gone(daemon))


# --- systemd --------------------------------------------------------------------------------------


def test_systemd_is_told_by_the_process_it_knows(start, record, tmp_path):
    """READY from the main process, so that NotifyAccess=main will do; then STOPPING."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(WITHIN_S)
        process = start("obeys", NOTIFY_SOCKET=str(tmp_path / "notify"))
        told = []
        for number in range(3):
            if number == 2:
                process.send_signal(signal.SIGTERM)
            message, ancillary, *_ = systemd.recvmsg(1000, 100)
            told.append(message.decode())
            sender = int.from_bytes(ancillary[0][2][:4], sys.byteorder)
            assert sender == process.pid
        assert process.wait(WITHIN_S) == 0
    assert told == ["STATUS=serving films", "READY=1", "STOPPING=1"]


def test_the_watchdogs_verdict_ends_a_daemon_at_once(start, record):
    """SIGABRT from systemd: who waits is freed first, and the daemon gets no time to be gentle."""
    process = start("is_deaf")
    wait_for(lambda: "attach" in read(record))
    begun = time.monotonic()
    process.send_signal(signal.SIGABRT)
    _, err = process.communicate(timeout=WITHIN_S)
    assert time.monotonic() - begun < 2
    assert process.returncode == 1
    assert "fsmount: the mount does not answer: its daemon is killed\n" in err
    assert read(record)[1:] == ["attach", "abort", "clear"]


def test_the_watchdog_ticks_from_ready_until_the_end_is_asked_for(start, record):
    """Neither while the mount is being made, nor while it is taken down."""
    process = start("is_slow_to_start", WATCHED="yes")
    daemon_pid(record)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=WITHIN_S)
    assert "tick" not in read(record)
    record.unlink()
    process = start("is_deaf", WATCHED="yes")
    wait_for(lambda: read(record).count("tick") >= 3)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=WITHIN_S)
    ticks = read(record).count("tick")
    assert read(record)[-2:] == ["abort", "clear"]
    assert ticks < 40  # at most one a millisecond until it was told, and none in the 4 s after


def test_the_supervisor_is_small():
    """It stays as long as the mount does, so it imports nothing large and nothing of ours."""
    code = "import sys, fsmount.supervisor; print(*sys.modules)"
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=WITHIN_S, check=True
    ).stdout.split()
    assert {name for name in out if name.startswith("fsmount")} == {
        "fsmount",
        "fsmount.supervisor",
    }
    assert not {"trio", "httpx", "asyncio", "click", "msgspec"} & set(out)


def test_the_process_that_mounts_imports_neither_trio_nor_httpx():
    """It becomes the supervisor: what it imports stays in memory once more per mount."""
    code = "import sys, fsmount.mount; print(*sys.modules)"
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=WITHIN_S, check=True
    ).stdout.split()
    assert not {"trio", "httpx", "asyncio", "pyfuse3", "cryptography"} & set(out)
