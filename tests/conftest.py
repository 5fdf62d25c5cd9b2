"""What every test gets: Trio through anyio's plugin, a clock that jumps, and a clean log."""

from __future__ import annotations

import logging
import shutil
import signal
import tempfile
import threading

import pytest
import trio.testing

from tests import sweep

# A shell starts what it runs in the background with SIGINT ignored, and every program below
# inherits that: none of them could be stopped with Ctrl-C, as some tests do.
if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    and threading.current_thread() is threading.main_thread()
):
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config):
    """Let emulators note their secrets in one place, also for the workers of this session."""
    directory = tempfile.mkdtemp(prefix="fsmount-secrets-")
    config.add_cleanup(lambda: shutil.rmtree(directory, ignore_errors=True))
    sweep.begin(directory)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """Fail a test whose output or log held a secret (``tests/sweep.py``)."""
    report = yield
    sweep.judge(item, report)
    return report


@pytest.fixture
def anyio_backend(request):
    """Run async tests on Trio: with the real clock, or one that jumps for ``autojump`` tests.

    The jumping clock goes to the next deadline whenever all tasks wait. It must not be used with
    worker threads: it would jump while one runs.
    """
    if request.node.get_closest_marker("autojump"):
        return ("trio", {"clock": trio.testing.MockClock(autojump_threshold=0)})
    return "trio"


class _Collector(logging.Handler):
    def __init__(self):
        super().__init__(logging.WARNING)
        self.records = []

    def emit(self, record):
        self.records.append(record)


@pytest.fixture(autouse=True)
def unexpected_warnings(request):
    """Fail a test that logs a WARNING or worse which it did not announce with ``logs``."""
    collector = _Collector()
    logger = logging.getLogger("fsmount")
    records = sweep.Records()
    for handler in (collector, records):
        logger.addHandler(handler)
    yield collector
    for handler in (collector, records):
        logger.removeHandler(handler)
    marker = request.node.get_closest_marker("logs")
    expected = marker.args if marker else ()
    surprises = [
        f"{record.name}: {record.getMessage()}"
        for record in collector.records
        if not any(part in record.getMessage() for part in expected)
    ]
    assert not surprises, f"unexpected log records: {surprises}"
    for part in expected:
        assert any(part in record.getMessage() for record in collector.records), (
            f"expected a log record with {part!r}"
        )
