"""The loopback server keeps HTTP/1.1's promises, and breaks them when told to."""

from __future__ import annotations

import os
import ssl

import httpx
import pytest
import trio
import trustme

from tests.emulators.counters import Counters
from tests.emulators.messages import Delivery, FileSpan, Request, Response
from tests.emulators.serving import _Pace, open_server

SIZE = 3 * 1024 * 1024 + 17


class Fixed:
    """An application that delivers one thing and remembers what it was asked."""

    def __init__(self, delivery: Delivery) -> None:
        self.counters = Counters()
        self.delivery = delivery
        self.requests: list[Request] = []

    def deliver(self, request: Request) -> Delivery:
        self.requests.append(request)
        return self.delivery


def of(*segments, **details) -> Delivery:
    return Delivery(response=Response(segments=segments), kind="content", **details)


@pytest.fixture
def file(tmp_path):
    """A file that takes several pieces to send."""
    path = tmp_path / "file.bin"
    path.write_bytes(os.urandom(SIZE))
    return path


async def raw(port: int, text: bytes) -> bytes:
    """Send text on a new connection, and receive until the server closes it."""
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    async with stream:
        await stream.send_all(text)
        answer = b""
        while chunk := await stream.receive_some():
            answer += chunk
        return answer


async def test_body_of_bytes_and_file_spans_arrives_in_order(file):
    """Segments are joined on the wire, from memory and from disk."""
    content = file.read_bytes()
    path = str(file)
    application = Fixed(
        of(b"head", FileSpan(path=path, start=5, stop=SIZE), FileSpan(path=path, start=0, stop=3))
    )
    async with open_server(application) as port, httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"http://127.0.0.1:{port}/x")
    assert answer.content == b"head" + content[5:] + content[:3]
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert application.counters.sent_bytes["content"] == len(answer.content)


async def test_tls_serves_the_same(file):
    """With a certificate the bytes are the same, though sendfile cannot send them."""
    authority, server = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    application = Fixed(of(FileSpan(path=str(file), start=0, stop=SIZE)))
    async with (
        open_server(application, tls=server) as port,
        httpx.AsyncClient(trust_env=False, verify=trusting) as client,
    ):
        answer = await client.get(f"https://127.0.0.1:{port}/x")
    assert answer.content == file.read_bytes()


async def test_connection_is_kept_and_requests_are_whole():
    """Two requests on one connection, the second with a body that the application sees."""
    application = Fixed(of(b"ok"))
    first = b"GET /a%20b?q=%E4%B8%AD&q=second HTTP/1.1\r\nHost: x\r\nX-Name: v\r\n\r\n"
    second = b"POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody"
    async with open_server(application) as port:
        answer = await raw(port, first + second)
    assert answer.count(b"HTTP/1.1 200") == 2
    one, two = application.requests
    assert (one.path, one.decoded_path, one.query["q"]) == ("/a%20b", "/a b", "中")
    assert one.headers["x-name"] == "v"
    assert (two.method, two.body) == ("POST", b"body")


async def test_head_has_the_length_and_no_body():
    """HEAD tells what GET would send."""
    async with open_server(Fixed(of(b"12345"))) as port:
        answer = await raw(port, b"HEAD /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-length: 5" in head.lower()
    assert body == b""


async def test_chunked_body_has_no_length():
    """A streamed archive comes in chunks."""
    delivery = Delivery(response=Response(segments=(b"12345",), chunked=True))
    async with open_server(Fixed(delivery)) as port:
        answer = await raw(port, b"GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert b"content-length" not in answer.lower()
    assert answer.endswith(b"5\r\n12345\r\n0\r\n\r\n")


async def test_request_that_is_no_http_is_refused():
    """Garbage gets a 400 and the connection ends."""
    async with open_server(Fixed(of(b"ok"))) as port:
        answer = await raw(port, b"what is this\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400")


async def test_waiting_client_is_told_to_continue():
    """`Expect: 100-continue` is answered before the body is there."""
    application = Fixed(of(b"ok"))
    async with open_server(application) as port:
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        async with stream:
            head = (
                b"PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
            )
            await stream.send_all(head)
            assert (await stream.receive_some()).startswith(b"HTTP/1.1 100")
            await stream.send_all(b"hi")
            assert (await stream.receive_some()).startswith(b"HTTP/1.1 200")
    assert application.requests[0].body == b"hi"


async def test_drop_closes_without_an_answer():
    """The client sees the end of the stream and not one byte."""
    async with open_server(Fixed(of(b"ok", ending="drop"))) as port:
        assert await raw(port, b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n") == b""


async def test_reset_is_a_reset():
    """RST, not FIN."""
    async with open_server(Fixed(of(b"ok", ending="reset"))) as port:
        with pytest.raises(trio.BrokenResourceError):
            await raw(port, b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")


async def test_body_ends_where_the_fault_says(file):
    """All of the head, some of the body, then nothing."""
    span = FileSpan(path=str(file), start=0, stop=SIZE)
    async with open_server(Fixed(of(span, ending="drop", ending_after=1_500_000))) as port:
        answer = await raw(port, b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert f"content-length: {SIZE}".encode() in head.lower()
    assert body == file.read_bytes()[:1_500_000]


async def test_stall_lasts_until_the_client_goes():
    """Nothing comes, and the server forgets the client when it leaves."""
    application = Fixed(of(b"ok", ending="stall"))
    async with open_server(application) as port:
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        await stream.send_all(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
        with trio.move_on_after(0.05) as scope:
            await stream.receive_some()
        assert scope.cancelled_caught
        assert application.counters.active["content"] == 1
        await stream.aclose()
        with trio.fail_after(5):
            while application.counters.active["content"]:
                await trio.lowlevel.checkpoint()


async def test_file_that_vanished_ends_the_connection(tmp_path):
    """A body that cannot be read is cut off, never filled up."""
    span = FileSpan(path=str(tmp_path / "gone"), start=0, stop=10)
    async with open_server(Fixed(of(span))) as port:
        answer = await raw(port, b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.partition(b"\r\n\r\n")[2] == b""


async def test_most_active_counts_connections_at_once(file):
    """Three clients that are being served at one moment are counted as three."""
    application = Fixed(of(b"ok", ending="stall"))
    async with open_server(application) as port:
        streams = [await trio.open_tcp_stream("127.0.0.1", port) for _ in range(3)]
        for stream in streams:
            await stream.send_all(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
        with trio.fail_after(5):
            while application.counters.active["content"] < 3:
                await trio.lowlevel.checkpoint()
        for stream in streams:
            await stream.aclose()
    assert application.counters.most_active["content"] == 3


@pytest.mark.autojump
async def test_pace_allows_one_second_of_burst():
    """20 MiB at 1 MiB/s took 19.0 s on the real server."""
    rate = 1024 * 1024
    start = trio.current_time()
    pace = _Pace(rate)
    for _ in range(20):
        await pace.wait_for(rate)
    assert trio.current_time() - start == pytest.approx(19.0)


async def test_several_cookies_are_several_lines_and_the_end_is_told():
    """Each Set-Cookie has a line of its own; `ended` is called once the answer is on its way."""
    ends = []
    response = Response(cookies=("a=1; path=/", "b=2"), ended=lambda: ends.append(1))
    application = Fixed(Delivery(response=response, kind="link"))
    async with open_server(application) as port, httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"http://127.0.0.1:{port}/x")
        assert answer.headers.get_list("set-cookie") == ["a=1; path=/", "b=2"]
    assert ends == [1]


async def test_an_answer_that_breaks_off_ends_too():
    """However the connection dies, nothing stays counted as being sent."""
    ends = []
    response = Response(segments=(b"x" * 100,), ended=lambda: ends.append(1))
    application = Fixed(Delivery(response=response, ending="reset", ending_after=10))
    async with open_server(application) as port, httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(httpx.TransportError):
            await client.get(f"http://127.0.0.1:{port}/x")
    assert ends == [1]
