"""The data path over real sockets: plain and TLS, whole and broken bodies, kept connections."""

from __future__ import annotations

import itertools
import random
import socket

import pytest
import trio

from fsmount.errors import ProtocolError, TimedOut, Unreachable
from fsmount.net.client import NetSettings
from fsmount.net.stream import Target, open_range_client
from tests.net.loopback import Close, authority, open_files, serving

SIZE = 3 * 1024 * 1024 + 17
CONTENT = random.Random(5).randbytes(SIZE)


@pytest.fixture(params=["plain", "tls"])
def trusted(request, tmp_path):
    """Return (authority or None, settings that trust it): each test runs over both."""
    if request.param == "plain":
        return None, NetSettings()
    ca, ca_file = authority(tmp_path)
    return ca, NetSettings(ca_file=ca_file)


async def fetch(client, url, start=0, stop=SIZE, *, room=1024 * 1024, headers=None):
    """Return (status, headers, body) of a ranged GET received through ``room`` bytes at a time."""
    body = bytearray()
    view = memoryview(bytearray(room))
    async with client.get(url, headers or {}, start=start, stop=stop) as response:
        while count := await response.receive_into(view):
            body += view[:count]
        return response.status, response.headers, bytes(body)


@pytest.mark.parametrize("room", [1, 4096, 1024 * 1024])
async def test_a_range_arrives_as_it_was_asked(trusted, room):
    """Bytes, status and headers come through, whatever memory they are received into."""
    ca, settings = trusted
    async with (
        serving(lambda exchange: exchange.serve_range(CONTENT, ETag='"a"'), tls=ca) as server,
        open_range_client(settings) as client,
    ):
        stop = 5000 if room == 1 else len(CONTENT)
        status, headers, body = await fetch(client, server.url + "/f?sign=x", 7, stop, room=room)
    assert status == 206
    assert headers["etag"] == '"a"'
    assert headers["content-range"] == f"bytes 7-{stop - 1}/{len(CONTENT)}"
    assert body == CONTENT[7:stop]
    assert server.requests[0].path == "/f?sign=x"
    assert server.requests[0].headers["accept-encoding"] == "identity"


async def test_nothing_is_written_beyond_the_bytes_that_were_reported(trusted):
    """Memory after the received bytes belongs to others."""
    ca, settings = trusted
    async with (
        serving(lambda exchange: exchange.serve_range(CONTENT), tls=ca) as server,
        open_range_client(settings) as client,
        client.get(server.url, {}, start=0, stop=1000) as response,
    ):
        memory = bytearray(b"\xaa" * 4096)
        received = 0
        while count := await response.receive_into(memoryview(memory)[received:2000]):
            received += count
    assert memory[:1000] == CONTENT[:1000]
    assert memory[1000:] == b"\xaa" * 3096


async def test_one_connection_serves_one_request_after_the_other(trusted):
    """A body received whole gives its connection back."""
    ca, settings = trusted
    async with (
        serving(lambda exchange: exchange.serve_range(CONTENT), tls=ca) as server,
        open_range_client(settings) as client,
    ):
        for start in range(0, 500_000, 50_000):
            _, _, body = await fetch(client, server.url, start, start + 50_000)
            assert body == CONTENT[start : start + 50_000]
    assert server.connections == 1
    assert len(server.requests) == 10


async def test_parallel_ranges_do_not_mix(trusted):
    """Many GETs at once, each with its own connection and memory."""
    ca, settings = trusted
    got = {}
    async with (
        serving(lambda exchange: exchange.serve_range(CONTENT), tls=ca) as server,
        open_range_client(settings) as client,
        trio.open_nursery() as nursery,
    ):

        async def one(start):
            got[start] = (await fetch(client, server.url, start, start + 200_000))[2]

        for start in range(0, 3_000_000, 200_000):
            nursery.start_soon(one, start)
    assert all(body == CONTENT[start : start + 200_000] for start, body in got.items())
    assert len(got) == 15


@pytest.mark.parametrize("cut", [0, 1, 100_000], ids=["at once", "one byte", "half"])
@pytest.mark.parametrize("how", ["close", "reset"])
async def test_a_body_that_breaks_off_is_unreachable_never_short(trusted, cut, how):
    """Half a body never looks like a whole one."""
    ca, settings = trusted

    async def breaks_off(exchange):
        await exchange.answer(206, CONTENT[:cut], content_length=200_000)
        if how == "reset":
            exchange.reset()
        raise Close

    async with serving(breaks_off, tls=ca) as server, open_range_client(settings) as client:
        with pytest.raises(Unreachable):
            await fetch(client, server.url, 0, 200_000)
    assert len(server.requests) == 1  # the caller resumes, not the transport


async def test_a_kept_connection_that_died_is_replaced_without_a_word(trusted):
    """The other side may close between two requests, or in the moment that the next one is sent."""
    ca, settings = trusted

    async def one_each(exchange):
        if exchange.number:
            raise Close  # the request met a connection that was just being closed
        await exchange.serve_range(CONTENT)

    async with serving(one_each, tls=ca) as server, open_range_client(settings) as client:
        for start in (0, 1000, 2000):
            assert (await fetch(client, server.url, start, start + 10))[2] == (
                CONTENT[start : start + 10]
            )
    assert server.connections == 3


async def test_a_connection_that_was_closed_while_idle_is_not_asked(trusted):
    """The end is seen before a request is wasted on it."""
    ca, settings = trusted

    async def then_close(exchange):
        await exchange.serve_range(CONTENT)
        raise Close

    async with serving(then_close, tls=ca) as server, open_range_client(settings) as client:
        await fetch(client, server.url, 0, 10)
        await server.none_open()
        await fetch(client, server.url, 0, 10)
    assert server.connections == len(server.requests) == 2


async def test_a_fresh_connection_that_dies_is_not_tried_again(trusted):
    """Only a kept connection may have been dead before; anything else is the server's doing."""
    ca, settings = trusted

    async def closes(_exchange):
        raise Close

    async with serving(closes, tls=ca) as server, open_range_client(settings) as client:
        with pytest.raises(Unreachable):
            await fetch(client, server.url, 0, 10)
    assert server.connections == 1


async def test_a_server_that_says_close_is_taken_at_its_word(trusted):
    """``Connection: close`` and HTTP/1.0 end the connection with the body."""
    ca, settings = trusted

    async def closing(exchange):
        if exchange.connection == 0:
            await exchange.serve_range(CONTENT, connection="Keep-Alive, Close")
        else:
            await exchange.send(b"HTTP/1.0 206 X\r\nContent-Length: 3\r\n\r\nabc")

    async with serving(closing, tls=ca) as server, open_range_client(settings) as client:
        await fetch(client, server.url, 0, 10)
        await fetch(client, server.url, 0, 3)
        await fetch(client, server.url, 0, 3)
    assert server.connections == 3


async def test_bytes_beyond_the_length_are_never_taken_for_the_next_answer(trusted):
    """A server that sends more than it said loses the connection."""
    ca, settings = trusted

    async def too_much(exchange):
        await exchange.answer(206, b"abcdef", content_length=3)

    async with serving(too_much, tls=ca) as server, open_range_client(settings) as client:
        for _ in range(2):
            assert (await fetch(client, server.url, 0, 3))[2] == b"abc"
    assert server.connections == 2


async def test_chunked_and_close_delimited_bodies_arrive_too(trusted):
    """A body of unknown length goes through the parser; a chunked one leaves its connection."""
    ca, settings = trusted

    async def of_unknown_length(exchange):
        head = b"HTTP/1.1 200 X\r\n"
        if exchange.path == "/chunked":
            await exchange.send(head + b"Transfer-Encoding: chunked\r\n\r\n")
            for start in range(0, 200_000, 33_333):
                chunk = CONTENT[start : min(start + 33_333, 200_000)]
                await exchange.send(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            await exchange.send(b"0\r\n\r\n")
        else:
            await exchange.send(head + b"\r\n" + CONTENT[:200_000])
            raise Close

    async with serving(of_unknown_length, tls=ca) as server, open_range_client(settings) as client:
        for path in ("/chunked", "/chunked", "/until-close"):
            assert (await fetch(client, server.url + path))[2] == CONTENT[:200_000]
    assert server.connections == 1


async def test_a_chunked_body_that_breaks_off_is_unreachable(trusted):
    """The last chunk is what makes it whole."""
    ca, settings = trusted

    async def breaks_off(exchange):
        await exchange.send(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        raise Close

    async with serving(breaks_off, tls=ca) as server, open_range_client(settings) as client:
        with pytest.raises(Unreachable):
            await fetch(client, server.url)


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 206 X\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        b"HTTP/1.1 206 X\r\nContent-Length: -3\r\n\r\nabc",
        b"HTTP/1.1 206 X\r\n" + b"X: y\r\n" * 20_000,
    ],
    ids=["not http", "two lengths", "negative length", "endless head"],
)
async def test_what_is_not_http_is_a_protocol_error(answer):
    """The head is parsed by the book."""

    async def nonsense(exchange):
        await exchange.send(answer)
        await trio.sleep_forever()

    async with serving(nonsense) as server, open_range_client(NetSettings()) as client:
        with pytest.raises(ProtocolError, match="does not speak HTTP"):
            await fetch(client, server.url)


async def test_interim_answers_are_skipped():
    """A 103 before the answer is not the answer."""

    async def hinting(exchange):
        await exchange.send(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
        await exchange.serve_range(CONTENT)

    async with serving(hinting) as server, open_range_client(NetSettings()) as client:
        assert (await fetch(client, server.url, 5, 9))[::2] == (206, CONTENT[5:9])


@pytest.mark.parametrize("sent", [0, 50_000], ids=["head", "body"])
async def test_silence_is_a_stall(trusted, sent):
    """No byte for ``stall_s`` seconds ends the wait; what had arrived was handed over."""
    ca, settings = trusted
    arrived = 0

    async def falls_silent(exchange):
        if sent:
            await exchange.answer(206, CONTENT[:sent], content_length=200_000)
        await trio.sleep_forever()

    async with (
        serving(falls_silent, tls=ca) as server,
        open_range_client(settings, stall_s=0.2) as client,
    ):

        async def receive():
            nonlocal arrived
            async with client.get(server.url, {}, start=0, stop=200_000) as response:
                view = memoryview(bytearray(200_000))
                while True:
                    arrived += await response.receive_into(view[arrived:])

        began = trio.current_time()
        with pytest.raises(TimedOut, match=r"sent nothing for 0\.2 s"):
            await receive()
        assert 0.2 <= trio.current_time() - began < 2
    assert arrived == sent


async def test_a_slow_body_that_moves_is_not_a_stall(trusted):
    """The stall is counted from the last byte, and a few bytes are bytes."""
    ca, settings = trusted

    async def trickles(exchange):
        await exchange.answer(206, content_length=40)
        for place in range(40):
            await exchange.send(CONTENT[place : place + 1])
            await trio.sleep(0.02)

    async with (
        serving(trickles, tls=ca) as server,
        open_range_client(settings, stall_s=0.3) as client,
    ):
        began = trio.current_time()
        assert (await fetch(client, server.url, 0, 40))[2] == CONTENT[:40]
        assert trio.current_time() - began > 0.6


async def test_a_host_that_takes_no_connection_times_out():
    """A full backlog answers nothing at all."""
    with socket.socket() as deaf, socket.socket() as first, socket.socket() as second:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for fills_the_backlog in (first, second):
            fills_the_backlog.setblocking(False)
            fills_the_backlog.connect_ex(deaf.getsockname())
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/"
        async with open_range_client(NetSettings(), stall_s=0.2) as client:
            with pytest.raises(TimedOut, match="no connection to 127"):
                await fetch(client, url)


async def test_a_refused_connection_says_so():
    """The reason is the kernel's own; the URL's path and query are not told."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/private?sign=SECRET"
        async with open_range_client(NetSettings()) as client:
            with pytest.raises(Unreachable, match="connection refused") as caught:
                await fetch(client, url)
    assert "SECRET" not in str(caught.value)
    assert "private" not in str(caught.value)


async def test_a_certificate_of_nobody_known_tells_what_to_do(tmp_path):
    """The sentence names both ways out; ``insecure`` is one."""
    ca, _ = authority(tmp_path)
    async with serving(lambda exchange: exchange.serve_range(CONTENT), tls=ca) as server:
        async with open_range_client(NetSettings()) as client:
            with pytest.raises(Unreachable, match=r"use -o ca_file=FILE or -o insecure"):
                await fetch(client, server.url)
        async with open_range_client(NetSettings(insecure=True)) as client:
            assert (await fetch(client, server.url, 0, 9))[2] == CONTENT[:9]


async def test_https_to_a_plain_server_is_told_apart():
    """The most likely reason is a wrong scheme."""

    async def never(_exchange):
        raise AssertionError("no request can arrive")

    async def plain(stream):
        await stream.receive_some()
        await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await stream.aclose()

    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, plain, listeners)
        url = f"https://127.0.0.1:{listeners[0].socket.getsockname()[1]}/"
        async with open_range_client(NetSettings()) as client:
            with pytest.raises(Unreachable, match="does not speak TLS; is it http://"):
                await fetch(client, url)
        nursery.cancel_scope.cancel()


async def test_redirects_are_followed_and_credentials_stay_at_home():
    """Authorization and Cookie go along on the same host, never to another; the range always."""
    headers = {"Authorization": "Bearer x", "Cookie": "a=b", "X-Other": "y"}

    async def far(exchange):
        await exchange.serve_range(CONTENT)

    async with serving(far) as target:

        async def near(exchange):
            if exchange.path == "/1":
                await exchange.answer(302, b"moved", location="/2?x=1")
            else:
                await exchange.answer(307, location=f"{target.url}/3")

        async with serving(near) as server, open_range_client(NetSettings()) as client:
            _, _, body = await fetch(client, server.url + "/1", 3, 60, headers=headers)
    assert body == CONTENT[3:60]
    assert server.connections == 1  # the short text of a redirect does not cost a connection
    assert [request.path for request in server.requests] == ["/1", "/2?x=1"]
    for request in server.requests:
        assert (request.headers["authorization"], request.headers["cookie"]) == ("Bearer x", "a=b")
    last = target.requests[0].headers
    assert last["x-other"] == "y"
    assert last["range"] == "bytes=3-59"
    assert "authorization" not in last
    assert "cookie" not in last


async def test_redirects_in_circles_end():
    """Six are more than any provider needs."""

    async def round_and_round(exchange):
        await exchange.answer(302, location="/again")

    async with serving(round_and_round) as server, open_range_client(NetSettings()) as client:
        with pytest.raises(ProtocolError, match="in circles"):
            await fetch(client, server.url)
    assert len(server.requests) == 6


async def test_the_user_agent_is_the_links_own_if_it_has_one():
    """115's links are bound to the User-Agent that asked for them."""
    async with serving(lambda exchange: exchange.serve_range(CONTENT)) as server:
        async with open_range_client(NetSettings(user_agent="mine/1")) as client:
            await fetch(client, server.url, 0, 1)
            await fetch(client, server.url, 0, 1, headers={"User-Agent": "bound/2"})
        async with open_range_client(NetSettings()) as client:
            await fetch(client, server.url, 0, 1)
    agents = [request.headers["user-agent"] for request in server.requests]
    assert agents[:2] == ["mine/1", "bound/2"]
    assert agents[2].startswith("fsmount/")


async def test_an_explanation_is_bounded():
    """An error page without end is cut off, and its connection closed."""

    async def talks(exchange):
        await exchange.answer(404, b"x" * 100_000)

    async with serving(talks) as server, open_range_client(NetSettings()) as client:
        for _ in range(2):
            async with client.get(server.url, {}, start=0, stop=1) as response:
                assert await response.receive_text(1000) == b"x" * 1000
    assert server.connections == 2


async def test_cancelling_at_any_moment_leaks_no_connection(trusted):
    """Whatever a GET is doing when a seek ends it: no socket stays open, and the next one works."""
    ca, settings = trusted

    async def slow(exchange):
        await trio.sleep(0.002)
        await exchange.answer(206, CONTENT[:300_000], content_length=600_000)
        await trio.sleep(0.002)
        await exchange.send(CONTENT[300_000:600_000])

    async with serving(slow, tls=ca) as server:
        before = open_files()
        async with open_range_client(settings) as client:
            for step in itertools.count():
                with trio.move_on_after(step * 0.0005) as scope:
                    _, _, body = await fetch(client, server.url, 0, 600_000)
                if not scope.cancelled_caught:
                    assert body == CONTENT[:600_000]
                    break
        await server.none_open()
        assert step > 5
        assert open_files() == before


async def test_a_callers_own_failure_closes_the_connection_and_is_not_renamed(trusted):
    """An OSError of the caller's disk is not the network's."""
    ca, settings = trusted
    async with (
        serving(lambda exchange: exchange.serve_range(CONTENT), tls=ca) as server,
        open_range_client(settings) as client,
    ):

        async def fails():
            async with client.get(server.url, {}, start=0, stop=1_000_000) as response:
                await response.receive_into(memoryview(bytearray(10)))
                raise OSError(28, "disk full")

        with pytest.raises(OSError, match="disk full"):
            await fails()
        assert (await fetch(client, server.url, 0, 9))[2] == CONTENT[:9]
    assert server.connections == 2


async def test_a_busy_body_lets_others_run():
    """A connection that always has bytes yields each MiB or so, and can be cancelled."""
    turns = 0

    async with (
        serving(lambda exchange: exchange.serve_range(CONTENT)) as server,
        open_range_client(NetSettings()) as client,
        trio.open_nursery() as nursery,
    ):

        async def counts():
            nonlocal turns
            while True:
                await trio.lowlevel.checkpoint()
                turns += 1

        async with client.get(server.url, {}, start=0, stop=len(CONTENT)) as response:
            await trio.sleep(0.1)  # the kernel's buffer fills up
            nursery.start_soon(counts)
            view = memoryview(bytearray(65536))
            while await response.receive_into(view):
                pass
            assert turns >= 2
        nursery.cancel_scope.cancel()


async def test_what_goes_through_a_proxy_arrives_the_same():
    """A proxy gets the absolute URL; the body comes through the stock transport."""
    async with serving(lambda exchange: exchange.serve_range(CONTENT)) as proxy:
        settings = NetSettings(proxy=proxy.url)
        async with open_range_client(settings) as client:
            for _ in range(2):
                status, _, body = await fetch(
                    client, "http://cdn.example/f?sign=x", 10, 300_000, room=100_000
                )
                assert (status, body) == (206, CONTENT[10:300_000])
    assert proxy.requests[0].path == "http://cdn.example/f?sign=x"
    assert proxy.requests[0].headers["accept-encoding"] == "identity"
    assert proxy.connections == 1


async def test_a_connection_to_a_proxy_is_kept_when_all_that_was_promised_came():
    """Readers stop at the last byte, without asking whether there are more."""
    async with (
        serving(lambda exchange: exchange.serve_range(CONTENT)) as proxy,
        open_range_client(NetSettings(proxy=proxy.url)) as client,
    ):
        for _ in range(3):
            view = memoryview(bytearray(1000))
            async with client.get("http://cdn.example/f", {}, start=0, stop=1000) as response:
                while view:
                    view = view[await response.receive_into(view) :]
    assert proxy.connections == 1


async def test_a_body_from_a_proxy_can_be_left_in_the_middle():
    """Nothing of it lingers, and the next one is another."""
    async with serving(lambda exchange: exchange.serve_range(CONTENT)) as proxy:
        async with open_range_client(NetSettings(proxy=proxy.url)) as client:
            for _ in range(3):
                view = memoryview(bytearray(1000))
                async with client.get(
                    "http://cdn.example/f", {}, start=0, stop=len(CONTENT)
                ) as response:
                    assert await response.receive_into(view)
            for step in range(30):
                with trio.move_on_after(step * 0.0002):
                    await fetch(client, "http://cdn.example/f", 0, len(CONTENT))
            status, _, body = await fetch(client, "http://cdn.example/f", 7, 300_000)
            assert (status, body) == (206, CONTENT[7:300_000])
        await proxy.none_open()


async def test_a_body_that_breaks_off_behind_a_proxy_is_unreachable_too():
    """One rule for both ways."""

    async def breaks_off(exchange):
        await exchange.answer(206, b"abc", content_length=10)
        raise Close

    async with (
        serving(breaks_off) as proxy,
        open_range_client(NetSettings(proxy=proxy.url)) as client,
    ):
        with pytest.raises(Unreachable):
            await fetch(client, "http://cdn.example/f", 0, 10)


@pytest.mark.parametrize(
    ("url", "origin", "path", "host"),
    [
        ("http://h/a", ("http", "h", 80), "/a", "h"),
        ("https://H:443", ("https", "h", 443), "/", "h"),
        ("https://h:8443/?a=%2f&b='[|]#f", ("https", "h", 8443), "/?a=%2f&b='[|]", "h:8443"),
        ("http://[::1]:5212/x", ("http", "::1", 5212), "/x", "[::1]:5212"),
        ("http://u:p@h/文 件?n=文", ("http", "h", 80), "/%E6%96%87%20%E4%BB%B6?n=%E6%96%87", "h"),
        (
            "https://例子.中国/",
            ("https", "xn--fsqu00a.xn--fiqs8s", 443),
            "/",
            "xn--fsqu00a.xn--fiqs8s",
        ),
    ],
)
def test_a_link_is_sent_as_it_is_spelled(url, origin, path, host):
    """A signature may cover the spelling: only what cannot stand in a request line is quoted."""
    target = Target.of(url)
    assert (target.origin, target.path, target.host_header) == (origin, path, host)


@pytest.mark.parametrize("url", ["ftp://h/x", "/relative", "http://", "http://h:x/", "http://[::1"])
def test_a_link_that_cannot_be_asked_is_a_protocol_error(url):
    """It came from a provider or a template: no traceback."""
    with pytest.raises(ProtocolError):
        Target.of(url)
