"""A raw HTTP/1.1 server on loopback whose handlers decide on every byte, TLS if wanted."""

from __future__ import annotations

import os
import ssl
from contextlib import asynccontextmanager
from functools import partial

import trio
import trustme


class Exchange:
    """One request as a handler sees it, and the way to answer it byte by byte.

    Attributes:
        path: With its query.
        headers: Lower-case names.
        number: Counts the requests of this connection from 0.
        connection: Counts the connections of the server from 0.
    """

    def __init__(self, stream, head, early, number, connection):
        request, *lines = head.decode("latin-1").split("\r\n")
        self.path = request.split(" ")[1]
        self.headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines)
        }
        self.number = number
        self.connection = connection
        self._stream = stream
        self._early = early

    async def body(self):
        """Return the request's body; to be called before answering a POST."""
        body = self._early
        while len(body) < int(self.headers["content-length"]):
            body += await self._stream.receive_some(65536)
        self._early = b""
        return body

    async def send(self, data):
        await self._stream.send_all(data)

    async def answer(self, status, body=b"", **headers):
        """Send a whole answer; underscores in header names stand for dashes."""
        headers = {"content_length": len(body), **headers}
        lines = [f"HTTP/1.1 {status} X"]
        lines += [
            f"{name.replace('_', '-')}: {value}"
            for name, value in headers.items()
            if value is not None
        ]
        await self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    async def serve_range(self, content, **headers):
        """Answer with the asked range of ``content``."""
        start, stop = self.asked()
        part = content[start:stop]
        content_range = f"bytes {start}-{start + len(part) - 1}/{len(content)}"
        await self.answer(206, part, content_range=content_range, **headers)

    def asked(self):
        """Return the asked range, half-open."""
        first, _, last = self.headers["range"].removeprefix("bytes=").partition("-")
        return int(first), int(last) + 1

    def reset(self):
        """End the connection with a RST."""
        stream = self._stream
        socket = getattr(stream, "transport_stream", stream).socket
        socket.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        socket.close()


class Close(Exception):
    """The connection is to be closed now."""


class Server:
    """Where the server listens, and what it saw.

    Attributes:
        url: Scheme, host and port.
        connections: Accepted so far.
        open: Open now.
        requests: Every ``Exchange`` so far.
    """

    def __init__(self, address, scheme):
        self.host, self.port = address
        self.url = f"{scheme}://{self.host}:{self.port}"
        self.connections = 0
        self.open = 0
        self.requests = []
        self._closed = trio.Condition()

    async def none_open(self):
        """Wait until every connection has ended."""
        async with self._closed:
            while self.open:
                await self._closed.wait()

    @asynccontextmanager
    async def accepted(self):
        """Count one connection while the block runs; yields its number."""
        self.open += 1
        self.connections += 1
        try:
            yield self.connections - 1
        finally:
            self.open -= 1
            with trio.CancelScope(shield=True):
                async with self._closed:
                    self._closed.notify_all()


@asynccontextmanager
async def serving(handler, *, tls=None, host="127.0.0.1"):
    """Serve with ``await handler(exchange)`` per request until the block ends.

    Args:
        handler: Answers; raises ``Close`` to end the connection.
        tls: A ``trustme.CA`` that issues the server's certificate.
        host: Listened on, and what the certificate is for.
    """
    async with trio.open_nursery() as nursery:
        context = None
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.issue_cert(host).configure_cert(context)
        listeners = await trio.open_tcp_listeners(0, host=host)
        server = Server(listeners[0].socket.getsockname()[:2], "https" if tls else "http")
        nursery.start_soon(
            partial(trio.serve_listeners, partial(_serve, server, handler, context), listeners)
        )
        try:
            yield server
        finally:
            nursery.cancel_scope.cancel()


async def _serve(server, handler, context, stream):
    async with server.accepted() as connection:
        if context is not None:
            stream = trio.SSLStream(stream, context, server_side=True, https_compatible=True)
        try:
            await _converse(server, handler, stream, connection)
        except (trio.BrokenResourceError, trio.ClosedResourceError, Close):
            pass  # the client went, or the handler wants the connection to end
        finally:
            await trio.aclose_forcefully(stream)


async def _converse(server, handler, stream, connection):
    number = 0
    while True:
        received = b""
        while b"\r\n\r\n" not in received:
            data = await stream.receive_some(65536)
            if not data:
                return
            received += data
        head, _, early = received.partition(b"\r\n\r\n")
        exchange = Exchange(stream, head, early, number, connection)
        server.requests.append(exchange)
        await handler(exchange)
        number += 1


def open_files():
    """Return how many file descriptors this process has open."""
    return len(os.listdir("/proc/self/fd"))


def authority(tmp_path):
    """Return a new certificate authority and the path of its PEM file."""
    ca = trustme.CA()
    path = tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(str(path))
    return ca, str(path)
