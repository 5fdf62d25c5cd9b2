"""What processes share while they run."""

from __future__ import annotations

import subprocess
import sys

import pytest

from fsmount.store.shared import Leases, SharedRecord


@pytest.fixture
def record(tmp_path):
    return SharedRecord(tmp_path / "lane.pace")


def test_a_record_reads_back_shorter_or_longer(record):
    """A shorter record leaves nothing of a longer one."""
    for data in (b"a long one", b"short", b"x" * 1024, b""):
        with record.held() as held:
            held.write(data)
        with record.held() as held:
            assert held.read() == data
        assert record.peek() == data
    assert record.path.stat().st_size == 1024


def test_nothing_written_is_empty(record):
    """Without a file, and with a fresh one."""
    assert record.peek() == b""
    with record.held() as held:
        assert held.read() == b""


def test_a_record_is_held_by_one_at_a_time(record):
    """The other is told at once instead of waiting."""
    with record.held(), pytest.raises(BlockingIOError), SharedRecord(record.path).held():
        pytest.fail("held twice")
    with record.held():
        pass


def test_a_directory_that_is_gone_is_an_os_error(tmp_path):
    """And reading it is like reading nothing."""
    record = SharedRecord(tmp_path / "none" / "lane.pace")
    with pytest.raises(FileNotFoundError), record.held():
        pytest.fail("held without a directory")
    assert record.peek() == b""


def test_leases_are_as_many_as_asked_for(tmp_path):
    """One more is refused until one is given back."""
    leases = Leases(tmp_path / "content@cdn")
    first, second = leases.take(2), leases.take(2)
    assert leases.take(2) is None
    assert leases.count(8) == 2
    leases.free(first)
    third = leases.take(2)
    assert third is not None
    leases.free(second)
    leases.free(third)
    assert leases.count(8) == 0


TAKE = """
import sys, time
from pathlib import Path
from fsmount.store.shared import Leases
leases = Leases(Path(sys.argv[1]))
for _ in range(3):
    assert leases.take(3) is not None
print("held", flush=True)
time.sleep(60)
"""


def test_the_kernel_frees_the_leases_of_a_killed_process(tmp_path):
    """After a kill -9 all three are there again."""
    stem = tmp_path / "content@cdn"
    holder = subprocess.Popen([sys.executable, "-c", TAKE, stem], stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"
    assert Leases(stem).take(3) is None
    assert Leases(stem).count(64) == 3
    holder.kill()
    holder.wait()
    holder.stdout.close()
    handles = [Leases(stem).take(3) for _ in range(3)]
    assert None not in handles
    for handle in handles:
        Leases(stem).free(handle)
