"""One TCP or TLS connection whose bytes are received straight into the caller's memory.

Trio's own streams hand out new ``bytes`` per read, and one TLS record of 16 KiB at a time; here the
kernel, or the decryption, writes where the bytes are wanted. Everything but waiting is synchronous:
a ``*_nowait`` method does what can be done now, and closing never awaits, so that a cancelled
caller leaves nothing behind.
"""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING, Protocol, cast

import trio

if TYPE_CHECKING:
    from collections.abc import Callable

# Taken from the socket in one system call for decryption: 32 TLS records.
_CIPHERTEXT_BYTES = 512 * 1024


class Connection(Protocol):
    """A connected byte pipe to one server; one task uses it at a time."""

    def receive_nowait(self, view: memoryview) -> int:
        """Receive what is there into ``view``; return how many bytes, 0 at the end.

        Raises:
            BlockingIOError: Nothing is there now: ``await wait_readable()``.
            OSError, ssl.SSLError: The connection is broken.
        """
        ...

    async def send_all(self, data: bytes) -> None:
        """Send ``data``. Raises OSError or ssl.SSLError when the connection is broken."""
        ...

    async def wait_readable(self, enough: int = 1) -> None:
        """Wait until ``receive_nowait`` has something to say.

        Args:
            enough: Bytes that are worth waking up for, where that can be arranged; they must be
                known to be on their way. The end of the stream wakes always.
        """
        ...

    def close(self) -> None:
        """Close at once, whatever is on its way; harmless when closed."""
        ...


class PlainConnection:
    """A Connection over a connected, non-blocking socket, which it owns."""

    __slots__ = ("_enough", "_socket")

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._enough = 1

    def receive_nowait(self, view: memoryview) -> int:
        """See ``Connection``."""
        return self._socket.recv_into(view)

    async def send_all(self, data: bytes) -> None:
        """See ``Connection``."""
        unsent = memoryview(data)
        while unsent:
            try:
                unsent = unsent[self._socket.send(unsent) :]
            except BlockingIOError:
                await trio.lowlevel.wait_writable(self._socket)

    async def wait_readable(self, enough: int = 1) -> None:
        """See ``Connection``."""
        if enough != self._enough:
            # Fewer and larger reads: 1 GiB over loopback took a fifth less CPU with 128 KiB.
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, enough)
            self._enough = enough
        await trio.lowlevel.wait_readable(self._socket)

    def close(self) -> None:
        """See ``Connection``."""
        if self._socket.fileno() >= 0:
            trio.lowlevel.notify_closing(self._socket)
            self._socket.close()


class TlsConnection:
    """A Connection that speaks TLS over a plain one, which it owns.

    Args:
        plain: Connected.
        context: Whom to trust.
        host: Name or address that the certificate must be for.
        scratch: Memory for ciphertext on its way from the socket to the decryption. Used between
            two awaits only, so all connections of one client share it.
    """

    __slots__ = ("_incoming", "_outgoing", "_plain", "_scratch", "_tls")

    def __init__(
        self, plain: PlainConnection, context: ssl.SSLContext, host: str, scratch: memoryview
    ) -> None:
        self._plain = plain
        self._scratch = scratch
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)

    async def handshake(self) -> None:
        """Agree on keys and check the certificate.

        Raises:
            OSError, ssl.SSLError: No connection that can be trusted.
        """
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                await self._take_ciphertext()
            else:
                await self._flush()
                return

    def receive_nowait(self, view: memoryview) -> int:
        """See ``Connection``; decrypts every record that has arrived, as far as ``view`` goes."""
        # typeshed: SSLObject.read returns bytes; with a buffer it returns how many it read.
        read = cast("Callable[[int, memoryview], int]", self._tls.read)
        count = 0
        wanted = len(view)
        try:
            while count < wanted:
                try:
                    got = read(wanted - count, view[count:])
                except ssl.SSLWantReadError:
                    if count:
                        break
                    self._take_ciphertext_nowait()
                else:
                    if not got:
                        break
                    count += got
        except ssl.SSLZeroReturnError:
            pass  # close_notify: the end
        return count

    async def send_all(self, data: bytes) -> None:
        """See ``Connection``."""
        self._tls.write(data)
        await self._flush()

    async def wait_readable(self, enough: int = 1) -> None:
        """See ``Connection``; wakes for any byte, as records hide how many are on their way."""
        if self._outgoing.pending:  # the peer asked for new keys: it waits for our answer
            await self._flush()
        await self._plain.wait_readable()

    def close(self) -> None:
        """See ``Connection``; without close_notify, which nobody waits for."""
        self._plain.close()

    async def _flush(self) -> None:
        await self._plain.send_all(self._outgoing.read())

    async def _take_ciphertext(self) -> None:
        while True:
            try:
                self._take_ciphertext_nowait()
            except BlockingIOError:
                await self._plain.wait_readable()
            else:
                return

    def _take_ciphertext_nowait(self) -> None:
        count = self._plain.receive_nowait(self._scratch)
        if count:
            self._incoming.write(self._scratch[:count])
        else:
            self._incoming.write_eof()


class Dialer:
    """Opens connections for one client.

    Args:
        context: Whom to trust.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._scratch = memoryview(bytearray(_CIPHERTEXT_BYTES))

    async def open(self, scheme: str, host: str, port: int) -> Connection:
        """Connect (happy eyeballs) and, for "https", agree on keys.

        Raises:
            OSError, ssl.SSLError: No connection, or none that can be trusted.
        """
        stream = await trio.open_tcp_stream(host, port)
        connected = socket.socket(fileno=stream.socket.detach())
        connected.setblocking(False)
        plain = PlainConnection(connected)
        if scheme != "https":
            return plain
        try:
            tls = TlsConnection(plain, self._context, host, self._scratch)
            await tls.handshake()
        except BaseException:
            plain.close()
            raise
        return tls
