"""Programs are let in by what they are, and read no faster than they may."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from fsmount.budgets import Budget, Budgets, Kind
from fsmount.errors import Denied, TimedOut
from fsmount.guard import Guard, Visitor
from fsmount.model import Inode, Priority

pytestmark = pytest.mark.autojump

PIDS = {100: "mpv", 200: "tumblerd", 300: "tracker-extract", 400: "cat", 500: "rsync"}


class File:
    """An open file of nothing but zeros."""

    inode = Inode(5)
    keep_cache = direct_io = False

    def __init__(self):
        self.opener = ""
        self.closed = False

    def read_nowait(self, offset, size):
        return bytes(size)

    async def read(self, offset, size):
        return bytes(size)

    async def close(self):
        self.closed = True


@pytest.fixture
def proc(tmp_path):
    """Processes, and a thread of a player that has a name of its own."""
    for pid, name in PIDS.items():
        process(tmp_path, pid, name, leader=pid)
    process(tmp_path, 101, "demux", leader=100)
    return tmp_path


def process(proc, pid, name, *, leader):
    (proc / str(pid)).mkdir()
    (proc / str(pid) / "comm").write_text(f"{name}\n")
    (proc / str(pid) / "status").write_text(f"Name:\t{name}\nTgid:\t{leader}\nPid:\t{pid}\n")
    (proc / str(pid) / "exe").symlink_to(f"/usr/bin/{name} (deleted)")


@pytest.fixture
def guard(proc):
    return Guard(proc=proc)


def guarded(proc, **kinds):
    """Return a guard with budgets by kind."""
    return Guard(Budgets(kinds={Kind(kind): each for kind, each in kinds.items()}), proc=proc)


@pytest.mark.parametrize(
    ("pid", "visitor", "shown"),
    [
        (100, Visitor(program="mpv", kind=Kind.PLAYER), "mpv (player)"),
        (101, Visitor(program="mpv", kind=Kind.PLAYER), "mpv (player)"),
        (400, Visitor(program="cat"), "cat"),
        (0, Visitor(), ""),
        (999, Visitor(), ""),
    ],
)
def test_a_visitor_is_known_by_its_process(guard, pid, visitor, shown):
    """Not by its thread; another namespace's, and one that has ended, is nobody in particular."""
    assert guard.visitor(pid) == visitor
    assert str(guard.visitor(pid)) == shown


def test_this_process_is_found_out():
    """In the real /proc."""
    assert Guard().visitor(os.getpid()).program == Path("/proc/self/comm").read_text().strip()


async def test_an_indexer_gets_no_content(guard):
    """EACCES, and it is counted; the file is not even opened."""
    with pytest.raises(Denied, match=r'content is refused to "tracker-extract" \(kind: indexer\)'):
        await guard.open(300, lambda: pytest.fail("opened"))
    assert guard.snapshot() == {"indexer": {"open": 0, "opened": 0, "bytes": 0, "refused": 1}}


async def test_who_nobody_waits_for_goes_last(guard):
    """A backup's calls queue behind a player's."""
    assert (await guard.open(100, File)).urgency is Priority.READING
    assert (await guard.open(400, File)).urgency is Priority.READING
    assert (await guard.open(500, File)).urgency is Priority.CRAWL


async def test_files_are_counted_and_the_next_waits_for_its_turn(proc):
    """Until one is closed; what was read is counted by kind."""
    guard = guarded(proc, thumbnailer=Budget(files=1))
    first = await guard.open(200, File)
    assert first.read_nowait(0, 10) == bytes(10)
    opened = []

    async def second():
        opened.append(await guard.open(200, File))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(second)
        await wait_all_tasks_blocked()
        assert opened == []
        await guard.open(400, File)  # others do not wait
        await first.close()
    assert len(opened) == 1
    told = guard.snapshot()["thumbnailer"]
    assert told == {"open": 1, "opened": 2, "bytes": 10, "refused": 0}


async def test_a_turn_that_does_not_come_is_an_error_in_time(proc):
    """An open is answered within its 5 s."""
    guard = guarded(proc, thumbnailer=Budget(files=1))
    await guard.open(200, File)
    begun = trio.current_time()
    with pytest.raises(TimedOut, match="1 files are open by programs of the kind thumbnailer"):
        await guard.open(200, File)
    assert trio.current_time() - begun < 5
    assert guard.snapshot()["thumbnailer"]["open"] == 1


async def test_an_open_that_fails_gives_its_turn_back(proc):
    """Else a folder of dead files would lock the kind out."""
    guard = guarded(proc, thumbnailer=Budget(files=1))

    def fails():
        raise Denied("no")

    for _ in range(2):
        with pytest.raises(Denied, match="no"):
            await guard.open(200, fails)
    assert (await guard.open(200, File)).urgency is Priority.CRAWL


async def test_bytes_come_no_faster_than_the_budget(proc):
    """Of all files of the kind together, in the order of arrival; from memory too."""
    guard = guarded(proc, thumbnailer=Budget(bytes_per_s=1_000_000))
    files = [await guard.open(200, File) for _ in range(2)]
    assert files[0].read_nowait(0, 1) is None
    begun = trio.current_time()

    async def read(file):
        for _ in range(5):
            assert len(await file.read(0, 500_000)) == 500_000

    async with trio.open_nursery() as nursery:
        for file in files:
            nursery.start_soon(read, file)
    # Five megabytes, of which one second's worth came at once and the last is not waited for.
    assert 3.0 <= trio.current_time() - begun <= 5.0


async def test_players_are_never_slowed(guard):
    """What is in memory is answered without an await."""
    file = await guard.open(100, File)
    assert file.read_nowait(0, 4) == bytes(4)
    inner = File()
    await (await guard.open(100, lambda: inner)).close()
    assert inner.closed
    assert inner.opener == "mpv (player)"
