"""Connections that wait for their next request, each for a short while."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import trio

if TYPE_CHECKING:
    from fsmount.net.connection import Connection


class Origin(NamedTuple):
    """What a connection is good for."""

    scheme: str
    host: str
    port: int


class _Kept(NamedTuple):
    origin: Origin
    connection: Connection
    until: float


class IdleConnections:
    """Keeps connections between requests; synchronous but for ``sweep``.

    A connection is either here or in use by one exchange, never both. It is here for ``idle_s`` at
    most: shorter than any server waits (nginx 75 s, Go 60 s and more), so that a request rarely
    meets a connection that the other side has just closed.

    Args:
        idle_s: Seconds that a connection is kept.
        most: Connections kept in all; the longest idle one makes room.
    """

    def __init__(self, *, idle_s: float = 15.0, most: int = 64) -> None:
        self._idle_s = idle_s
        self._most = most
        self._kept: list[_Kept] = []  # the longest idle one first
        self._stirred = trio.Event()
        self._closed = False

    def __len__(self) -> int:
        return len(self._kept)

    def take(self, origin: Origin) -> Connection | None:
        """Return a connection to ``origin`` that is still alive as far as can be seen."""
        now = trio.current_time()
        # The most recently used one first: the others may expire in peace.
        for kept in reversed(self._kept.copy()):
            if kept.origin == origin:
                self._kept.remove(kept)
                if now < kept.until and _is_quiet(kept.connection):
                    return kept.connection
                kept.connection.close()
        return None

    def put(self, origin: Origin, connection: Connection) -> None:
        """Keep ``connection``, whose last exchange is over."""
        if self._closed:
            connection.close()
            return
        if len(self._kept) >= self._most:
            self._kept.pop(0).connection.close()
        self._kept.append(_Kept(origin, connection, trio.current_time() + self._idle_s))
        self._stirred.set()

    def drop(self, origin: Origin) -> None:
        """Close all connections to ``origin``: one of them turned out to be dead."""
        for kept in [kept for kept in self._kept if kept.origin == origin]:
            self._kept.remove(kept)
            kept.connection.close()

    def close(self) -> None:
        """Close everything; what is put back later is closed at once."""
        self._closed = True
        while self._kept:
            self._kept.pop().connection.close()

    async def sweep(self) -> None:
        """Close what has been idle for too long, for ever; costs nothing while nothing is kept."""
        while True:
            await self._stirred.wait()
            self._stirred = trio.Event()
            while self._kept:
                await trio.sleep_until(self._kept[0].until)
                while self._kept and self._kept[0].until <= trio.current_time():
                    self._kept.pop(0).connection.close()


def _is_quiet(connection: Connection) -> bool:
    """Tell whether ``connection`` is open and silent: it has nothing to say unasked but its end."""
    try:
        connection.receive_nowait(memoryview(bytearray(1)))
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
