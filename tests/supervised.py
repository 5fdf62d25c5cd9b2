"""A program under supervision for ``test_supervisor.py``: daemons of every character, no mount.

``python -m tests.supervised CHARACTER RECORD [--background LOG]`` writes what happens to RECORD,
one word a line.
"""

from __future__ import annotations

import ctypes
import os
import pathlib
import signal
import sys
import threading
import time

from fsmount import supervisor

PR_GET_DUMPABLE = 3


class Record:
    """A file that every process of the program appends to; also the guard that is recorded."""

    def __init__(self, path):
        self._path = path

    def __call__(self, *words):
        with self._path.open("a") as file:
            file.write(" ".join(map(str, words)) + "\n")

    def attach(self):
        self("attach")

    def abort(self):
        self("abort")

    def clear(self):
        self("clear")


class Ticking:
    """A watchdog that records."""

    def __init__(self, record):
        self._record = record

    def tick(self):
        self._record("tick")
        return 0.05


def daemon(character, record):
    """Return the daemon that behaves as ``character`` says."""

    def ends_well(reports):
        reports.mounted()
        reports.ready()
        return 0

    def refuses(reports):
        sys.stderr.write("fsmount: the share is over\n")
        return 2

    def breaks(reports):
        raise RuntimeError("a bug in the daemon")

    def is_private(reports):
        record("dumpable", ctypes.CDLL(None).prctl(PR_GET_DUMPABLE))
        reports.mounted()
        os.abort()

    def dies(reports):
        reports.mounted()
        reports.ready()
        os.kill(os.getpid(), signal.SIGSEGV)
        time.sleep(60)

    def obeys(reports):
        record("daemon", os.getpid(), os.getsid(0) == os.getpid())
        stopped = threading.Event()

        def stop(number, _frame):
            record("got", signal.Signals(number).name)
            stopped.set()

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, stop)
        reports.mounted()
        reports.status("serving\nfilms")
        if log := os.environ.get("LEAVE_FOR"):
            supervisor.leave_terminal(pathlib.Path(log))
        reports.ready()
        print("written by the daemon", flush=True)
        while not stopped.wait(0.05):
            pass
        return 0

    def is_deaf(reports):
        record("daemon", os.getpid())
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        reports.mounted()
        reports.ready()
        time.sleep(60)
        return 0

    def is_slow_to_start(reports):
        record("daemon", os.getpid())
        time.sleep(60)
        return 0

    return locals()[character]


def main():
    """Supervise a daemon of the character that the command line names."""
    character, path, *background = sys.argv[1:]
    record = Record(pathlib.Path(path))
    log = pathlib.Path(background[1]) if background else None
    return supervisor.supervise(
        daemon(character, record),
        record,
        background=bool(background),
        log_to=log,
        own_session="KEEP_SESSION" not in os.environ,
        watchdog=Ticking(record) if "WATCHED" in os.environ else None,
    )


if __name__ == "__main__":
    sys.exit(main())
