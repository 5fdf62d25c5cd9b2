"""A loopback HTTP/1.1 server on trio and h11, fast enough to never be the bottleneck.

It knows nothing of any provider: an `Application` turns a request into a `Delivery` (a response
and what happens to it on the way), this module puts it on the wire. File bodies go out with
sendfile where the connection is plain and in pieces of 1 MiB where it is TLS.
"""

from __future__ import annotations

import math
import os
import socket
import struct
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol, cast

import h11
import trio

from tests.emulators.messages import Delivery, FileSpan, Request, Response

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Iterator

    from tests.emulators.counters import Counters
    from tests.emulators.messages import Segment

_RECEIVE_BYTES = 256 * 1024
_PIECE_BYTES = 1024 * 1024
# A request line carries at most one URI of ~8 KiB and a token; h11's own limit is 100 KiB.
_HEAD_BYTES = 128 * 1024
_REFUSED_BODY = b"the request could not be read\n"


class Application(Protocol):
    """What a server serves."""

    @property
    def counters(self) -> Counters:
        """Where requests are counted."""
        ...

    def deliver(self, request: Request) -> Delivery:
        """Answer one request; must not block for long and must not raise."""
        ...


class _Broken(Exception):
    """The client's connection ended or must end now, without another answer."""


@asynccontextmanager
async def open_server(
    application: Application,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[int]:
    """Serve `application` inside the block; gives the port that was bound.

    Leaving the block closes every connection at once, whatever it is doing.
    """
    listeners = await trio.open_tcp_listeners(port, host=host)

    async def serve(stream: trio.SocketStream) -> None:
        try:
            await _serve_connection(application, stream, tls)
        except (_Broken, trio.BrokenResourceError, trio.ClosedResourceError, OSError):
            pass  # clients go away in every way there is; none is the server's failure
        finally:
            await trio.aclose_forcefully(stream)

    failure: Exception | None = None
    async with trio.open_nursery() as nursery:
        await nursery.start(trio.serve_listeners, serve, listeners)
        try:
            yield listeners[0].socket.getsockname()[1]
        except Exception as exc:  # noqa: BLE001, the block's own; it leaves without our nursery's group
            failure = exc
        finally:
            nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure


async def _serve_connection(
    application: Application, raw: trio.SocketStream, tls: ssl.SSLContext | None
) -> None:
    stream: trio.SocketStream | trio.SSLStream[trio.SocketStream] = raw
    if tls is not None:
        stream = trio.SSLStream(raw, tls, server_side=True, https_compatible=True)
        await stream.do_handshake()
    connection = _Connection(stream, raw)
    while (request := await connection.receive()) is not None:
        delivery = application.deliver(request)
        with application.counters.serving(delivery.kind):
            try:
                await connection.send(request, delivery, application.counters)
            finally:
                if delivery.response.ended is not None:
                    delivery.response.ended()
        if not connection.next_request():
            break
    await stream.aclose()


class _Connection:
    """One client's connection: requests in, deliveries out, one after the other."""

    def __init__(
        self, stream: trio.SocketStream | trio.SSLStream[trio.SocketStream], raw: trio.SocketStream
    ) -> None:
        self._stream = stream
        self._raw = raw
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_HEAD_BYTES)
        self._held = b""

    async def receive(self) -> Request | None:
        """The next whole request; None when the client closed the connection."""
        head: h11.Request | None = None
        body: list[bytes] = []
        while True:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError as exc:
                await self._refuse(exc)
                return None
            if event is h11.NEED_DATA:
                if self._http.they_are_waiting_for_100_continue:
                    await self._put(h11.InformationalResponse(status_code=100, headers=[]))
                self._http.receive_data(bytes(await self._stream.receive_some(_RECEIVE_BYTES)))
            elif isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                body.append(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                # Later headers of one name lose: none of the emulated APIs repeats one.
                headers = {name.decode(): value.decode() for name, value in reversed(head.headers)}
                target = head.target.decode()
                return Request.parse(head.method.decode(), target, headers, b"".join(body))
            else:  # ConnectionClosed, or PAUSED which next_request() has ruled out
                return None

    async def send(self, request: Request, delivery: Delivery, counters: Counters) -> None:
        """Put the delivery on the wire; raises _Broken when it ends the connection."""
        if delivery.delay_s:
            await trio.sleep(delivery.delay_s)
        if delivery.ending != "complete" and delivery.ending_after is None:
            await self._end(delivery)
        response = delivery.response
        headers = list(response.headers.items())
        headers += [("set-cookie", cookie) for cookie in response.cookies]
        if response.chunked:
            headers.append(("transfer-encoding", "chunked"))
        elif "content-length" not in response.headers and response.status != 304:
            headers.append(("content-length", str(response.length)))
        # The head waits for the first of the body: small answers are one packet.
        self._hold(h11.Response(status_code=response.status, headers=headers))
        if request.method != "HEAD" and response.status != 304:
            await self._send_body(delivery, counters)
        if delivery.ending != "complete":
            await self._end(delivery)
        await self._put(h11.EndOfMessage())

    def next_request(self) -> bool:
        """Get ready for another request; False when this connection is to be closed."""
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
            return True
        return False

    async def _send_body(self, delivery: Delivery, counters: Counters) -> None:
        limit = delivery.ending_after if delivery.ending != "complete" else None
        rates = [rate for rate in (delivery.response.rate, delivery.rate) if rate]
        pace = _Pace(min(rates)) if rates else None
        step = _PIECE_BYTES if pace is None else pace.step
        with _Files() as files:
            for piece in _pieces(delivery.response, limit, step):
                if pace is not None:
                    await pace.wait_for(len(piece))
                if isinstance(piece, FileSpan):
                    await self._send_span(files.descriptor(piece.path), piece)
                else:
                    self._hold(h11.Data(data=piece))
                    if pace is not None or len(piece) == step:
                        await self._flush()
                counters.sent_bytes[delivery.kind] += len(piece)

    async def _send_span(self, descriptor: int, span: FileSpan) -> None:
        if self._stream is not self._raw:
            data = os.pread(descriptor, len(span), span.start)
            if len(data) < len(span):
                raise _Broken("the file became shorter while it was sent")
            await self._put(h11.Data(data=data))
            return
        # h11 frames anything that has a length; the bytes themselves never reach Python.
        await self._flush()
        event = h11.Data(data=cast("bytes", span))
        for part in self._http.send_with_data_passthrough(event) or ():
            if isinstance(part, FileSpan):
                await self._sendfile(descriptor, span)
            else:
                await self._stream.send_all(part)

    async def _sendfile(self, descriptor: int, span: FileSpan) -> None:
        offset = span.start
        sock = self._raw.socket
        while offset < span.stop:
            try:
                sent = os.sendfile(sock.fileno(), descriptor, offset, span.stop - offset)
            except BlockingIOError:
                await trio.lowlevel.wait_writable(sock.fileno())
                continue
            if sent == 0:
                raise _Broken("the file became shorter while it was sent")
            offset += sent
            await trio.lowlevel.checkpoint()

    def _hold(self, event: h11.Event) -> None:
        self._held += self._http.send(event) or b""

    async def _flush(self) -> None:
        data, self._held = self._held, b""
        if data:
            await self._stream.send_all(data)

    async def _put(self, event: h11.Event) -> None:
        self._hold(event)
        await self._flush()

    async def _end(self, delivery: Delivery) -> None:
        await self._flush()
        if delivery.ending == "stall":
            while await self._stream.receive_some(_RECEIVE_BYTES):
                pass  # whatever the client still sends, it gets no answer
        elif delivery.ending == "reset":
            self._raw.socket.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
        raise _Broken(delivery.ending)

    async def _refuse(self, error: h11.RemoteProtocolError) -> None:
        if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            headers = [("content-length", str(len(_REFUSED_BODY))), ("connection", "close")]
            status = error.error_status_hint
            await self._put(h11.Response(status_code=status, headers=headers))
            await self._put(h11.Data(data=_REFUSED_BODY))
            await self._put(h11.EndOfMessage())


class _Pace:
    """Holds a body to a rate in bytes per second, after one second of burst."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._start = trio.current_time()
        self._sent = 0
        # Twenty steps a second look like a stream and still let 1 byte/s be asked for.
        self.step = max(1, math.ceil(rate / 20))

    async def wait_for(self, count: int) -> None:
        """Return when `count` more bytes may go."""
        self._sent += count
        await trio.sleep_until(self._start + self._sent / self._rate - 1.0)


class _Files:
    """The files that one body is read from, each opened once and all closed at its end."""

    def __init__(self) -> None:
        self._descriptors: dict[str, int] = {}

    def __enter__(self) -> _Files:
        return self

    def __exit__(self, *exc_info: object) -> None:
        for descriptor in self._descriptors.values():
            os.close(descriptor)

    def descriptor(self, path: str) -> int:
        """An open descriptor for this path; raises OSError when it cannot be opened."""
        if path not in self._descriptors:
            self._descriptors[path] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        return self._descriptors[path]


def _pieces(response: Response, limit: int | None, size: int) -> Iterator[Segment]:
    """Cut a body into pieces of at most `size` bytes, the first `limit` bytes of it."""
    left = response.length if limit is None else min(limit, response.length)
    for segment in response.segments:
        position = 0
        while position < len(segment) and left > 0:
            count = min(size, left, len(segment) - position)
            if isinstance(segment, FileSpan):
                start = segment.start + position
                yield FileSpan(path=segment.path, start=start, stop=start + count)
            else:
                yield segment[position : position + count]
            position += count
            left -= count
