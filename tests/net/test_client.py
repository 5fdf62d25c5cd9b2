"""API calls over real sockets: what is sent, what comes back, and what goes wrong."""

from __future__ import annotations

import gzip
import json
import time
from dataclasses import replace

import pytest
import trio

from fsmount.errors import FsmountError, ProtocolError, TimedOut, Unreachable
from fsmount.model import Call
from fsmount.net.client import NetSettings, open_api_client
from tests.net.loopback import Close, authority, open_files, serving

# A body that is not read to its end leaves httpx's nested generators to the collector, which closes
# them in due course; the connection itself was closed by us.
abandons_a_body = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


async def send(handler, call, **settings):
    """Return (answer, requests) of one call; ``{url}`` in its URL is the server's."""
    failure = None
    async with (
        serving(handler) as server,
        open_api_client(NetSettings(**settings)) as client,
    ):
        try:
            answer = await client.send(replace(call, url=call.url.replace("{url}", server.url)))
        except FsmountError as exc:
            failure = exc  # let out here, the server's nursery would wrap it
    if failure is not None:
        raise failure
    return answer, server.requests


async def test_an_answer_is_whole_and_plain():
    """Status, lower-case headers, set-cookie lines apart, body unpacked, URL without its query."""

    async def answers(exchange):
        body = gzip.compress(b'{"code":0}')
        await exchange.send(
            b"HTTP/1.1 403 Forbidden\r\nContent-Encoding: gzip\r\nX-Twice: 1\r\nX-TWICE: 2\r\n"
            b"Set-Cookie: a=1; Path=/\r\nSet-Cookie: b=2\r\nDate: Sun, 22 Nov 2026 10:00:00 GMT\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        )

    answer, _ = await send(answers, Call(method="GET", url="{url}/api?token=x"))
    assert answer.status == 403
    assert answer.headers["x-twice"] == "2"
    assert answer.headers["set-cookie"] == "a=1; Path=/\nb=2"
    assert answer.body == b'{"code":0}'
    assert answer.url.endswith("/api")
    assert answer.date == 1795341600.0


@pytest.mark.parametrize("date", [None, "yesterday"])
async def test_without_a_date_the_local_clock_counts(date):
    """A server that sends none, or nonsense, is taken to have answered now."""

    async def answers(exchange):
        await exchange.answer(200, date=date)

    answer, _ = await send(answers, Call(method="GET", url="{url}/"))
    assert answer.date == pytest.approx(time.time(), abs=5)


async def test_parameters_are_encoded_once_and_added_to_the_urls_own():
    """Params come unencoded; what the URL already says stays."""
    call = Call(method="GET", url="{url}/f?page=1", params={"uri": "cloudreve://my/a b/%&文"})
    _, requests = await send(lambda exchange: exchange.answer(200), call)
    path, _, query = requests[0].path.partition("?")
    assert path == "/f"
    assert query.startswith("page=1&uri=cloudreve")
    assert "%25%26%E6%96%87" in query


async def test_json_and_form_bodies():
    """A JSON body says so, a form too; headers go along."""
    bodies = []

    async def answers(exchange):
        bodies.append(await exchange.body())
        await exchange.answer(200)

    call = Call(
        method="POST", url="{url}/", json={"uris": ["文"]}, headers={"Authorization": "B x"}
    )
    _, requests = await send(answers, call)
    assert requests[0].headers["content-type"] == "application/json"
    assert requests[0].headers["authorization"] == "B x"
    assert json.loads(bodies[0]) == {"uris": ["文"]}
    _, requests = await send(answers, Call(method="POST", url="{url}/", form={"a": "1 &2"}))
    assert requests[0].headers["content-type"] == "application/x-www-form-urlencoded"
    assert bodies[1] == b"a=1+%262"


async def test_one_call_leaves_no_cookie_for_the_next():
    """Cookies are the driver's business."""

    async def sets_cookies(exchange):
        await exchange.answer(200, set_cookie="session=1; Path=/")

    async with serving(sets_cookies) as server, open_api_client(NetSettings()) as client:
        for _ in range(2):
            await client.send(Call(method="GET", url=server.url))
    assert [request.headers.get("cookie") for request in server.requests] == [None, None]


async def test_redirects_are_followed_unless_the_call_wants_the_location():
    """``follow=False`` shows the redirect itself."""

    async def moved(exchange):
        if exchange.path == "/old":
            await exchange.answer(302, location="/new?sign=SECRET")
        else:
            await exchange.answer(200, b"here")

    answer, _ = await send(moved, Call(method="GET", url="{url}/old"))
    assert (answer.status, answer.body) == (200, b"here")
    assert answer.url.endswith("/new")
    answer, _ = await send(moved, Call(method="GET", url="{url}/old", follow=False))
    assert (answer.status, answer.headers["location"]) == (302, "/new?sign=SECRET")


async def test_redirects_in_circles_end():
    """No API redirects more than five times."""

    async def round_and_round(exchange):
        await exchange.answer(302, location="/again")

    with pytest.raises(ProtocolError, match="in circles"):
        await send(round_and_round, Call(method="GET", url="{url}/"))


async def test_the_deadline_is_for_the_whole_call():
    """A body that trickles for ever does not outlast it."""

    async def trickles(exchange):
        await exchange.answer(200, content_length=1000)
        while True:
            await exchange.send(b"x")
            await trio.sleep(0.01)

    began = trio.current_time()
    with pytest.raises(TimedOut, match=r"did not answer within 0\.2 s"):
        await send(trickles, Call(method="GET", url="{url}/?secret"), answer_within_s=0.2)
    assert trio.current_time() - began < 2


@pytest.mark.parametrize(("own_s", "ends"), [(30.0, "well"), (0.1, "too late")])
async def test_a_call_may_have_a_time_of_its_own(own_s, ends):
    """Longer for an answer that is held back, or that must not be lost; shorter as well."""

    async def holds_back(exchange):
        await trio.sleep(0.5)
        await exchange.answer(200, b"{}")

    call = Call(method="GET", url="{url}/", within_s=own_s)
    if ends == "well":
        answer, _ = await send(holds_back, call, answer_within_s=0.2)
        assert answer.status == 200
    else:
        with pytest.raises(TimedOut, match=r"within 0\.1 s"):
            await send(holds_back, call, answer_within_s=30)


@abandons_a_body
async def test_a_body_larger_than_any_apis_is_refused_while_it_arrives():
    """A compressed bomb is not unpacked to its end."""
    bomb = gzip.compress(bytes(65 * 1024 * 1024), 1)

    async def explodes(exchange):
        await exchange.answer(200, bomb, content_encoding="gzip")

    with pytest.raises(ProtocolError, match="more than 64 MiB"):
        await send(explodes, Call(method="GET", url="{url}/"))


@abandons_a_body
@pytest.mark.parametrize(
    ("answer", "ours"),
    [
        (b"", Unreachable),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", Unreachable),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nhalf",
            ProtocolError,
        ),
        (b"220 mail.example ESMTP\r\n\r\n", ProtocolError),
    ],
    ids=["nothing", "half", "not gzip", "not http"],
)
async def test_what_is_no_answer_is_an_error_that_shows_no_secret(answer, ours):
    """Half an answer is none; the message names the host alone."""

    async def breaks(exchange):
        await exchange.send(answer)
        raise Close

    with pytest.raises(ours, match=r"127\.0\.0\.1:\d+") as caught:
        await send(breaks, Call(method="GET", url="{url}/path?sign=SECRET"))
    assert "SECRET" not in str(caught.value)
    assert "path" not in str(caught.value)


async def test_a_certificate_of_nobody_known_tells_what_to_do(tmp_path):
    """``ca_file`` or ``insecure`` makes it work."""
    ca, ca_file = authority(tmp_path)
    async with serving(lambda exchange: exchange.answer(200, b"ok"), tls=ca) as server:
        call = Call(method="GET", url=server.url)
        async with open_api_client(NetSettings()) as client:
            with pytest.raises(Unreachable, match=r"-o ca_file=FILE or -o insecure"):
                await client.send(call)
        for settings in (NetSettings(ca_file=ca_file), NetSettings(insecure=True)):
            async with open_api_client(settings) as client:
                assert (await client.send(call)).body == b"ok"


@pytest.mark.parametrize("url", ["ftp://host/x", "http://", "http://h:port/", "nonsense"])
async def test_an_address_that_cannot_be_asked_is_a_protocol_error(url):
    """It may come out of a provider's answer."""
    async with open_api_client(NetSettings()) as client:
        with pytest.raises(ProtocolError):
            await client.send(Call(method="GET", url=url))


@pytest.mark.parametrize("body", [None, {"uris": ["x" * 1000]}])
async def test_calls_can_be_cancelled_at_any_moment_and_the_client_goes_on(body):
    """No slot and no socket is lost, however often a caller gives up, nor a half-sent body."""

    async def slow(exchange):
        await trio.sleep(0.002)
        await exchange.answer(200, b"ok")

    async with serving(slow) as server:
        before = open_files()
        async with open_api_client(NetSettings()) as client:
            call = Call(method="POST" if body else "GET", url=server.url, json=body)
            for step in range(100):
                with trio.move_on_after(step * 0.0001):
                    await client.send(call)
            async with trio.open_nursery() as nursery:
                for _ in range(64):
                    nursery.start_soon(client.send, call)
        await server.none_open()
        assert open_files() == before


async def test_an_http_proxy_gets_the_call():
    """The option is for the API as for the links."""
    async with (
        serving(lambda exchange: exchange.answer(200, b"through")) as proxy,
        open_api_client(NetSettings(proxy=proxy.url)) as client,
    ):
        answer = await client.send(Call(method="GET", url="http://api.example/ping"))
    assert answer.body == b"through"
    assert proxy.requests[0].path == "http://api.example/ping"


async def test_nothing_of_a_url_reaches_the_log(caplog):
    """Without our doing httpx would log each URL with its query at INFO."""
    caplog.set_level("DEBUG")
    call = Call(method="GET", url="{url}/x?sign=SECRET", headers={"Authorization": "SECRET"})
    answer, _ = await send(lambda exchange: exchange.answer(200), call)
    assert answer.status == 200
    assert "SECRET" not in caplog.text
