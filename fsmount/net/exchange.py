"""One GET on one connection: the head through h11, the body past it.

h11 checks and parses what is small and tricky. A body of known length then needs no parser: it is
received straight into the caller's memory. Chunked and close-delimited ones stay with h11, for one
copy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import h11
import trio

from fsmount.errors import ProtocolError, TimedOut, Unreachable
from fsmount.net.failures import unreachable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fsmount.net.connection import Connection

# Enough for any head (h11 refuses one of more), little enough to copy what of a body came along.
_READ_BYTES = 16 * 1024
_MOST_HEAD_BYTES = 64 * 1024
# A connection that always has something to say lets others run after this much.
_TURN_BYTES = 1024 * 1024
# A body wakes its reader for this much, or for its end: a cell of the reader's blocks.
_ENOUGH_BYTES = 128 * 1024


class NoAnswer(Unreachable):
    """The connection ended before the first byte of an answer: a kept one may have been dead."""


class Body(Protocol):
    """The body of one answer, received once.

    Attributes:
        reusable: The body is whole, and the connection may carry another exchange.
    """

    reusable: bool

    async def receive_into(self, view: memoryview) -> int:
        """Receive up to ``len(view)`` bytes; return how many, 0 at the end.

        Raises:
            Unreachable, TimedOut, ProtocolError: The body is not whole and will not be.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Status and headers (lower-case names, the last of equal ones) with the body to come."""

    status: int
    headers: Mapping[str, str]
    body: Body


class Wire:
    """A connection with the stall rule: every wait for a byte ends after ``stall_s``.

    Args:
        connection: Used by this exchange alone; whoever opened it closes it.
        host: For messages.
        stall_s: Longest wait for the next byte, in seconds.
    """

    __slots__ = ("_connection", "_host", "_stall_s", "_turn_bytes")

    def __init__(self, connection: Connection, host: str, stall_s: float) -> None:
        self._connection = connection
        self._host = host
        self._stall_s = stall_s
        self._turn_bytes = 0

    @property
    def host(self) -> str:
        """Host and port, for messages."""
        return self._host

    async def send(self, data: bytes) -> None:
        """Send ``data``; a peer that takes none of it counts as stalled."""
        with trio.move_on_after(self._stall_s):
            try:
                await self._connection.send_all(data)
            except OSError as exc:
                raise unreachable(exc, self._host) from exc
            return
        raise self._stalled()

    async def receive(self, view: memoryview, *, enough: int = 1) -> int:
        """Receive into ``view``; return how many bytes, 0 at the end of the stream.

        Not a checkpoint as long as bytes are there, but for one in each MiB.

        Args:
            view: Not empty.
            enough: Bytes known to be on their way that are worth waiting for; fewer are taken
                rather than called a stall.
        """
        if self._turn_bytes >= _TURN_BYTES:
            self._turn_bytes = 0
            await trio.lowlevel.checkpoint()
        try:
            try:
                count = self._connection.receive_nowait(view)
            except BlockingIOError:
                self._turn_bytes = 0
                count = await self._receive_later(view, enough)
        except OSError as exc:
            raise unreachable(exc, self._host) from exc
        self._turn_bytes += count
        return count

    async def _receive_later(self, view: memoryview, enough: int) -> int:
        deadline = trio.current_time() + self._stall_s
        while True:
            with trio.CancelScope(deadline=deadline) as scope:
                await self._connection.wait_readable(enough)
            try:
                return self._connection.receive_nowait(view)
            except BlockingIOError:  # as for a part of a TLS record
                if scope.cancelled_caught:
                    raise self._stalled() from None

    def _stalled(self) -> TimedOut:
        return TimedOut(f"{self._host} sent nothing for {self._stall_s:g} s")


class MeasuredBody:
    """A body whose length the head told: no parser, no copy.

    Args:
        wire: Where it comes from.
        length: Bytes in all.
        early: What of it came along with the head.
        keep_alive: The server will take another request afterwards.
    """

    __slots__ = ("_early", "_keep_alive", "_remaining", "_wire", "reusable")

    def __init__(self, wire: Wire, *, length: int, early: bytes, keep_alive: bool) -> None:
        self._wire = wire
        self._early = memoryview(early)[:length]
        self._remaining = length
        # Bytes beyond the length belong to no request of ours: such a connection is not kept.
        self._keep_alive = keep_alive and len(early) <= length
        self.reusable = self._keep_alive and not length

    async def receive_into(self, view: memoryview) -> int:
        """See ``Body``."""
        if not self._remaining or not view:
            return 0
        if self._early:
            count = _pour(self._early, view)
            self._early = self._early[count:]
        else:
            if len(view) > self._remaining:
                view = view[: self._remaining]
            count = await self._wire.receive(view, enough=min(len(view), _ENOUGH_BYTES))
            if not count:
                raise _dropped(self._wire.host)
        self._remaining -= count
        if not self._remaining:
            self.reusable = self._keep_alive
        return count


class ParsedBody:
    """A chunked or close-delimited body, taken apart by h11."""

    __slots__ = ("_chunk", "_protocol", "_scratch", "_wire", "reusable")

    def __init__(self, wire: Wire, protocol: h11.Connection) -> None:
        self._wire = wire
        self._protocol = protocol
        self._chunk = memoryview(b"")
        self._scratch = memoryview(bytearray(_READ_BYTES))
        self.reusable = False

    async def receive_into(self, view: memoryview) -> int:
        """See ``Body``."""
        while view and not self._chunk:
            event = await _next_event(self._wire, self._protocol, self._scratch)
            if not isinstance(event, h11.Data):
                self.reusable = self._protocol.our_state is self._protocol.their_state is h11.DONE
                return 0
            self._chunk = memoryview(event.data)
        count = _pour(self._chunk, view)
        self._chunk = self._chunk[count:]
        return count


async def exchange(
    wire: Wire, *, host_header: str, target: str, headers: Mapping[str, str]
) -> Head:
    """Send a GET and return the head of its answer, the body not yet received.

    Args:
        wire: Silent and open.
        host_header: Host, and port where it is not the scheme's.
        target: Path and query as the link gives them.
        headers: Sent besides.

    Raises:
        NoAnswer: The connection ended before a byte of an answer.
        Unreachable, TimedOut: It ended, or fell silent, within the head.
        ProtocolError: Not HTTP.
    """
    protocol = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MOST_HEAD_BYTES)
    try:
        request = protocol.send(
            h11.Request(
                method="GET", target=target, headers=[("host", host_header), *headers.items()]
            )
        )
        protocol.send(h11.EndOfMessage())
    except h11.LocalProtocolError as exc:
        raise ProtocolError(f"a header for {wire.host} cannot be sent") from exc
    assert request is not None
    try:
        await wire.send(request)
    except Unreachable as exc:
        raise NoAnswer(exc.message) from exc
    scratch = memoryview(bytearray(_READ_BYTES))
    event = await _next_event(wire, protocol, scratch, first=True)
    while isinstance(event, h11.InformationalResponse):
        event = await _next_event(wire, protocol, scratch)
    if not isinstance(event, h11.Response):
        raise _dropped(wire.host)
    return _head(wire, protocol, event)


def _head(wire: Wire, protocol: h11.Connection, response: h11.Response) -> Head:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in response.headers}
    length = headers.get("content-length")
    bodiless = response.status_code in (204, 304)
    body: Body
    if bodiless or (length is not None and "transfer-encoding" not in headers):
        tokens = headers.get("connection", "").lower().replace(" ", "").split(",")
        body = MeasuredBody(
            wire,
            length=0 if bodiless else int(length or 0),
            early=protocol.trailing_data[0],
            keep_alive=response.http_version >= b"1.1" and "close" not in tokens,
        )
    else:
        body = ParsedBody(wire, protocol)
    return Head(status=response.status_code, headers=headers, body=body)


async def _next_event(
    wire: Wire, protocol: h11.Connection, scratch: memoryview, *, first: bool = False
) -> h11.Event | type[h11.PAUSED]:
    """Return what h11 makes of the next bytes; ``first`` while none have come."""
    ended = False
    while True:
        try:
            event = protocol.next_event()
        except h11.RemoteProtocolError as exc:
            if ended:
                raise _dropped(wire.host) from exc
            raise ProtocolError(f"{wire.host} does not speak HTTP as it should") from exc
        if isinstance(event, h11.Event) or event is h11.PAUSED:
            return event
        try:
            count = await wire.receive(scratch)
        except Unreachable as exc:
            if first:
                raise NoAnswer(exc.message) from exc
            raise
        if first and not count:
            raise NoAnswer(f"{wire.host} closed the connection without an answer")
        first, ended = False, not count
        protocol.receive_data(bytes(scratch[:count]))


def _pour(source: memoryview, target: memoryview) -> int:
    """Copy as much as fits; return how much."""
    count = min(len(source), len(target))
    target[:count] = source[:count]
    return count


def _dropped(host: str) -> Unreachable:
    return Unreachable(f"{host} closed the connection before its answer was whole")
