"""Connections between two requests."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from fsmount.net.idle import IdleConnections, Origin

HERE = Origin("http", "here", 80)
THERE = Origin("https", "there", 443)


class FakeConnection:
    """Silent unless told otherwise."""

    def __init__(self, says=BlockingIOError):
        self.says = says
        self.closed = False

    def receive_nowait(self, view):
        if isinstance(self.says, int):
            return self.says
        raise self.says

    def close(self):
        self.closed = True


@pytest.mark.autojump
async def test_the_most_recently_used_connection_is_taken_first():
    """The others may expire in peace."""
    idle = IdleConnections()
    old, new = FakeConnection(), FakeConnection()
    idle.put(HERE, old)
    idle.put(HERE, new)
    assert idle.take(THERE) is None
    assert idle.take(HERE) is new
    assert idle.take(HERE) is old
    assert idle.take(HERE) is None


@pytest.mark.autojump
@pytest.mark.parametrize("says", [0, 1, ConnectionResetError], ids=["end", "byte", "reset"])
async def test_a_connection_that_speaks_unasked_is_closed(says):
    """Whatever it says between two requests, it is the end or belongs to nobody."""
    idle = IdleConnections()
    quiet, dead = FakeConnection(), FakeConnection(says)
    idle.put(HERE, quiet)
    idle.put(HERE, dead)
    assert idle.take(HERE) is quiet
    assert dead.closed
    assert not quiet.closed


@pytest.mark.autojump
async def test_what_is_idle_for_too_long_is_closed_though_nobody_asks():
    """A mount that rests holds no sockets."""
    idle = IdleConnections(idle_s=15)
    first, second = FakeConnection(), FakeConnection()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(idle.sweep)
        idle.put(HERE, first)
        await trio.sleep(10)
        idle.put(THERE, second)
        await trio.sleep(5.1)
        assert (first.closed, second.closed) == (True, False)
        await trio.sleep(10)
        assert second.closed
        third = FakeConnection()
        idle.put(HERE, third)
        await trio.sleep(15.1)
        assert third.closed
        assert len(idle) == 0
        nursery.cancel_scope.cancel()


@pytest.mark.autojump
async def test_an_expired_connection_is_not_taken_even_before_the_sweep():
    """Expiry does not wait for the sweeper's turn."""
    idle = IdleConnections(idle_s=15)
    connection = FakeConnection()
    idle.put(HERE, connection)
    await trio.sleep(15)
    assert idle.take(HERE) is None
    assert connection.closed


@pytest.mark.autojump
async def test_the_longest_idle_one_makes_room():
    """Never more than ``most`` are kept."""
    idle = IdleConnections(most=2)
    connections = [FakeConnection() for _ in range(3)]
    for connection in connections:
        idle.put(HERE, connection)
    assert [connection.closed for connection in connections] == [True, False, False]


@pytest.mark.autojump
async def test_dropping_one_origin_leaves_the_others():
    """A dead connection speaks for its siblings, not for other hosts."""
    idle = IdleConnections()
    here, there = FakeConnection(), FakeConnection()
    idle.put(HERE, here)
    idle.put(THERE, there)
    idle.drop(HERE)
    assert here.closed
    assert idle.take(THERE) is there


@pytest.mark.autojump
async def test_after_closing_nothing_is_kept_any_more():
    """An exchange that outlives its client leaves no socket behind."""
    idle = IdleConnections()
    early, late = FakeConnection(), FakeConnection()
    idle.put(HERE, early)
    idle.close()
    idle.put(HERE, late)
    assert early.closed
    assert late.closed
