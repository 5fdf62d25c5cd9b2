"""A span is fetched whole and right, or fails: whatever links and servers do on the way."""

from __future__ import annotations

import random
from contextlib import asynccontextmanager

import hypothesis
import hypothesis.strategies as st
import pytest
import trio
import trio.testing

from fsmount.errors import (
    Changed,
    ConnectionLimit,
    Denied,
    FsmountError,
    LinkExpired,
    LinkRefused,
    NotFound,
    ProtocolError,
    ProviderFault,
    Throttled,
    TimedOut,
    Unreachable,
    WrongSize,
)
from fsmount.transfer.fetch import RemoteFile
from fsmount.transfer.links import open_links
from fsmount.transfer.rewrite import LinkRewrite
from tests.transfer.fakes import (
    FakeClient,
    FakeDriver,
    FakeGovernor,
    FakeHealth,
    FakeResponse,
    FakeSink,
    file,
    partial,
)

CONTENT = random.Random(7).randbytes(1_000_000)
SIZE = len(CONTENT)


def good(_url, start, stop):
    return partial(CONTENT, start, stop)


def status(number, headers=None, body=b""):
    return lambda _url, _start, _stop: FakeResponse(number, headers or {}, body)


def drops(after):
    return lambda _url, start, stop: partial(CONTENT, start, stop, cut=after)


class Scene:
    """One remote file and everything around it, all fake but links and health."""

    def __init__(self, links, client, driver, **options):
        self.client = client
        self.driver = driver
        self.governor = FakeGovernor()
        self.health = FakeHealth()
        self.file = RemoteFile(
            options.pop("entry", file(size=SIZE)),
            links=links,
            client=client,
            governor=self.governor,
            health=self.health,
            max_connections=options.pop("max_connections", None),
            **options,
        )
        self.sink = None

    async def fetch(self, start=0, stop=SIZE, *, room=1 << 20):
        """Return the bytes that arrived, whether or not the fetch fails."""
        self.sink = FakeSink(stop - start, room=room)
        await self.file.fetch(start, stop, self.sink)
        return self.sink.content


class playing:
    """Open a scene over a scripted client; failures come out of no group."""

    def __init__(self, *script, driver=None, **options):
        self._client = FakeClient(*script)
        self._driver = driver or FakeDriver(answer_s=0)
        self._options = options

    async def __aenter__(self):
        self._links = open_links(self._driver, None, "r")
        links = await self._links.__aenter__()
        return Scene(links, self._client, self._driver, **self._options)

    async def __aexit__(self, *exc):
        await self._links.__aexit__(None, None, None)


pytestmark = pytest.mark.autojump


@pytest.mark.parametrize("room", [1 << 20, 4096, 333_333])
async def test_a_span_arrives_in_one_get(room):
    """Through whatever room the sink gives; the slot is held meanwhile and given back."""
    async with playing(good) as scene:
        assert await scene.fetch(10, 900_000, room=room) == CONTENT[10:900_000]
        assert scene.client.gets == [("https://cdn/a.bin?n=1", 10, 900_000)]
        assert scene.governor.met_with == [None]
        assert scene.health.deliveries == 1
        assert scene.governor.hosts == ["cdn"]
        assert scene.governor.held == 0


async def test_a_sink_that_wants_no_more_ends_the_fetch():
    """A reader may cut a span short while it runs: that is no failure, and nothing is retried."""
    async with playing(good) as scene:
        sink = FakeSink(5000)
        await scene.file.fetch(0, SIZE, sink)
        assert sink.content == CONTENT[:5000]
        assert len(scene.client.gets) == 1


async def test_an_empty_span_asks_nobody():
    """Nothing to fetch is nothing to pay for."""
    async with playing(good) as scene:
        assert await scene.fetch(5, 5) == b""
        assert scene.client.gets == []
        assert scene.driver.calls == []


async def test_a_drop_resumes_where_the_sink_stands():
    """Not one byte is fetched twice, and the link is not asked for again."""
    async with playing(drops(200_000), drops(300_000), good) as scene:
        assert await scene.fetch() == CONTENT
        assert [get[1:] for get in scene.client.gets] == [
            (0, SIZE),
            (200_000, SIZE),
            (500_000, SIZE),
        ]
        assert len(scene.driver.calls) == 1
        assert [type(failure) for failure in scene.governor.met_with] == [
            Unreachable,
            Unreachable,
            type(None),
        ]


async def test_a_server_that_is_not_there_is_given_up_within_eight_seconds():
    """And health is told; what had arrived stays valid."""
    async with playing(drops(1000), Unreachable("connection refused")) as scene:
        began = trio.current_time()
        with pytest.raises(Unreachable):
            await scene.fetch()
        assert 1 < trio.current_time() - began < 8
        assert scene.sink.content == CONTENT[:1000]
        assert scene.health.failures == [Unreachable]


async def test_an_answer_that_ends_early_without_a_word_is_a_drop():
    """A body shorter than its Content-Range is resumed, never taken as the end."""

    def short(_url, start, stop):
        response = partial(CONTENT, start, stop, cut=100)
        response._breaks = None
        return response

    async with playing(short, good) as scene:
        assert await scene.fetch() == CONTENT


async def test_a_shorter_range_than_asked_is_gone_on_from():
    """A server may cap its answers."""

    def capped(_url, start, stop):
        return partial(CONTENT, start, min(stop, start + 300_000))

    async with playing(capped) as scene:
        assert await scene.fetch() == CONTENT
        assert [start for _, start, _ in scene.client.gets] == [0, 300_000, 600_000, 900_000]


async def test_a_body_that_goes_on_beyond_its_range_is_cut_off_there():
    """What comes after the checked bytes is nobody's."""

    def overlong(_url, start, _stop):
        headers = {"content-range": f"bytes {start}-{start + 9}/{SIZE}"}
        return FakeResponse(206, headers, CONTENT[start : start + 10] + b"something else")

    async with playing(overlong) as scene:
        assert await scene.fetch(0, 100) == CONTENT[:100]
        assert len(scene.client.gets) == 10


async def test_a_link_that_expires_in_the_middle_is_renewed_unseen():
    """One fresh link, no error."""
    async with playing(drops(400_000), status(403), good) as scene:
        assert await scene.fetch() == CONTENT
        assert [url for url, _, _ in scene.client.gets] == [
            "https://cdn/a.bin?n=1",
            "https://cdn/a.bin?n=1",
            "https://cdn/a.bin?n=2",
        ]
        assert [fresh for _, fresh, _ in scene.driver.calls] == [False, True]
        assert scene.health.failures == []


@pytest.mark.parametrize(("number", "ours"), [(403, Denied), (401, Denied), (404, NotFound)])
async def test_a_new_link_that_is_refused_as_well_says_that_it_is_meant(number, ours):
    """Two GETs, one renewal, one error."""
    async with playing(status(number)) as scene:
        with pytest.raises(ours):
            await scene.fetch()
        assert len(scene.client.gets) == 2
        assert len(scene.driver.calls) == 2


async def test_the_providers_words_for_an_expired_link_renew_it():
    """Cloudreve says it with HTTP 200 and JSON."""
    json = {"content-type": "application/json", "content-length": "17"}
    expired = status(200, json, b'{"code":40005}...')

    def classify(number, headers, body):
        assert (number, headers) == (200, json)
        return LinkExpired("over") if b"40005" in body else None

    async with playing(expired, good, classify=classify) as scene:
        assert await scene.fetch(0, 17) == CONTENT[:17]
    async with playing(expired, classify=classify) as scene:
        with pytest.raises(LinkExpired):
            await scene.fetch(0, 17)
    async with playing(expired) as scene:
        with pytest.raises(ProtocolError):
            await scene.fetch(0, 17)
        assert scene.sink.content == b""


@pytest.mark.parametrize(
    ("answer", "ours"),
    [
        (status(200, {"content-length": str(SIZE)}, CONTENT), ProtocolError),
        (status(200, {"content-type": "text/html"}, b"<html>" * 100), ProtocolError),
        (status(206, {"content-range": f"bytes 0-9/{SIZE}"}, CONTENT[:10]), ProtocolError),
        (status(206, {"content-range": "bytes 100-199/5000"}, CONTENT[:100]), WrongSize),
        (status(416), Changed),
        (status(416, {"content-range": "bytes */50"}), WrongSize),
    ],
    ids=["whole file", "web page", "other range", "other size", "416", "416 with size"],
)
async def test_an_answer_that_is_not_the_asked_bytes_leaves_none_in_the_sink(answer, ours):
    """Nothing of an unchecked body gets in, and it is not asked again."""
    async with playing(answer) as scene:
        with pytest.raises(ours):
            await scene.fetch(100, 200)
        assert scene.sink.content == b""
        assert len(scene.client.gets) == 1


async def test_the_whole_file_as_200_is_taken():
    """A server without ranges can still serve what was asked as a whole."""
    async with playing(status(200, {"content-length": str(SIZE)}, CONTENT)) as scene:
        assert await scene.fetch() == CONTENT


async def test_a_provider_that_asks_to_wait_is_waited_for():
    """As long as it said, and the governor learns of it."""
    async with playing(status(429, {"retry-after": "3"}), good) as scene:
        began = trio.current_time()
        assert await scene.fetch(0, 9) == CONTENT[:9]
        assert trio.current_time() - began == pytest.approx(3)
        assert isinstance(scene.governor.met_with[0], Throttled)


async def test_a_wait_that_is_too_long_fails_at_once():
    """The reader gets its error now, ``status`` says until when."""
    async with playing(status(503, {"retry-after": "600"})) as scene:
        began = trio.current_time()
        with pytest.raises(Throttled):
            await scene.fetch(0, 9)
        assert trio.current_time() == began
        assert scene.health.failures == [Throttled]


async def test_too_many_connections_teaches_the_governor_and_goes_on():
    """The next GET waits for its slot."""

    def classify(number, _headers, _body):
        return ConnectionLimit("too many") if number == 403 else None

    async with playing(status(403), good, classify=classify) as scene:
        assert await scene.fetch(0, 9) == CONTENT[:9]
        assert isinstance(scene.governor.met_with[0], ConnectionLimit)
        assert len(scene.driver.calls) == 1


async def test_a_server_that_keeps_failing_is_an_error_and_health_knows():
    """Five GETs, not fifty."""
    async with playing(status(500)) as scene:
        with pytest.raises(ProviderFault):
            await scene.fetch()
        assert len(scene.client.gets) == 5
        assert scene.health.failures == [ProviderFault]


async def test_a_stall_of_eight_seconds_is_the_readers_error():
    """No second GET: the reader has waited long enough."""

    async def stalls(*_):
        await trio.sleep(8)
        raise TimedOut("silence")

    def silent(_url, start, stop):
        response = partial(CONTENT, start, stop)
        response.receive_into = stalls
        return response

    async with playing(silent) as scene:
        with pytest.raises(TimedOut):
            await scene.fetch()
        assert len(scene.client.gets) == 1


async def test_a_body_that_crawls_is_asked_for_anew_where_it_stands():
    """Hardly a byte a second for twenty seconds: another connection may do better."""

    def crawling(_url, start, stop):
        response = partial(CONTENT, start, stop, piece=100)
        receive = response.receive_into

        async def slowly(view):
            await trio.sleep(1)
            return await receive(view)

        response.receive_into = slowly
        return response

    async with playing(crawling, good) as scene:
        assert await scene.fetch() == CONTENT
        (_, first, _), (_, second, _) = scene.client.gets
        assert first == 0
        assert 2000 <= second <= 2200


async def test_a_link_that_cannot_be_had_is_the_drivers_error():
    """It is not hidden, nor asked for again."""
    driver = FakeDriver(answer_s=0)
    driver.failures = [Denied("the share is locked")]
    async with playing(good, driver=driver) as scene:
        with pytest.raises(Denied, match="locked"):
            await scene.fetch()
        assert scene.client.gets == []


async def test_another_strong_etag_of_one_host_is_another_content():
    """Weak ones, none, and those of other hosts prove nothing."""

    def tagged(tag, host="cdn"):
        def answer(_url, start, stop):
            return partial(CONTENT, start, stop, headers={"etag": tag} if tag else {}, host=host)

        return answer

    script = [tagged('"1"'), tagged('W/"2"'), tagged(""), tagged('"9"', host="edge"), tagged('"1"')]
    async with playing(*script, tagged('"2"')) as scene:
        for place in range(5):
            assert await scene.fetch(place, place + 1) == CONTENT[place : place + 1]
        with pytest.raises(Changed, match=r"a\.bin"):
            await scene.fetch(5, 6)
        assert scene.sink.content == b""


async def test_links_can_be_read_through_a_proxy_url():
    """The GET goes where the template says; the governor paces that host."""
    async with playing(good, rewrite=LinkRewrite("http://proxy:1/{name}?u={url_quoted}")) as scene:
        await scene.fetch(0, 9)
        assert scene.client.gets[0][0] == (
            "http://proxy:1/a.bin?u=https%3A%2F%2Fcdn%2Fa.bin%3Fn%3D1"
        )
        assert scene.governor.hosts == ["proxy:1"]


@pytest.mark.parametrize(
    ("option", "of_link", "learned", "expected"),
    [
        (None, None, None, 4),
        (None, 2, None, 2),
        (None, 16, None, 16),
        (8, None, None, 8),
        (8, 2, None, 2),
        (1, 16, None, 1),
        (None, 16, 3, 3),
        (None, 16, 0, 1),
    ],
)
async def test_connections_are_the_least_of_option_link_and_governor(
    option, of_link, learned, expected
):
    """And never none."""
    driver = FakeDriver(answer_s=0, max_connections=of_link)
    async with playing(good, driver=driver, max_connections=option) as scene:
        assert scene.file.connections == (option or 4)  # no link yet: nothing is asked for it
        assert driver.calls == []
        await scene.fetch(0, 1)
        scene.governor.allowed = learned
        assert scene.file.connections == expected


async def test_a_listing_without_a_size_learns_it_from_the_first_get():
    """The content tells, and the tree repairs itself."""
    async with playing(good, entry=file(size=None)) as scene:
        assert scene.file.size == 0
        with pytest.raises(WrongSize) as caught:
            await scene.fetch(0, 1)
        assert caught.value.actual == SIZE


async def test_the_links_remaining_life_is_told():
    """For ``status``."""
    async with playing(good) as scene:
        assert scene.file.link_remaining_s is None
        await scene.fetch(0, 1)
        assert scene.file.link_remaining_s == pytest.approx(3570)


SMALL = CONTENT[:5000]
OTHER = bytes(byte ^ 0xFF for byte in SMALL)  # differs in every byte


def small(**options):
    return lambda _url, start, stop: partial(SMALL, start, stop, **options)


def shifted(_url, start, stop):
    response = partial(SMALL, start + 1, stop + 1)
    return FakeResponse(206, response.headers, SMALL[start + 1 : stop + 1])


def lying(_url, start, stop):
    """A body longer than its own Content-Range."""
    headers = {"content-range": f"bytes {start}-{stop - 1}/{len(SMALL)}"}
    return FakeResponse(206, headers, SMALL[start:stop] + b"more")


def overlong(_url, start, stop):
    """A range shorter than asked, its body going on with other bytes."""
    end = min(stop, start + 10)
    headers = {"content-range": f"bytes {start}-{end - 1}/{len(SMALL)}"}
    return FakeResponse(206, headers, SMALL[start:end] + OTHER)


FAULTS = st.one_of(
    st.integers(0, 3000).map(lambda cut: small(cut=cut)),
    st.integers(1, 999).map(lambda piece: small(piece=piece)),
    st.integers(0, 3000).map(lambda cut: small(cut=cut, breaks=TimedOut("silence"))),
    st.sampled_from(
        [
            Unreachable("refused"),
            TimedOut("connect"),
            ProtocolError("nonsense"),
            shifted,
            lying,
            overlong,
            lambda _url, start, stop: FakeResponse(200, {"content-length": "5000"}, OTHER),
            lambda _url, start, stop: FakeResponse(206, {}, OTHER[start:stop]),
            lambda _url, start, stop: partial(OTHER + b"x", start, stop),
            small(headers={"content-encoding": "gzip"}),
            small(headers={"content-length": "1"}),
            *(status(number, {}, OTHER) for number in (204, 302, 400, 403, 404, 410, 412, 416)),
            *(status(number, {"retry-after": "1"}, OTHER) for number in (429, 500, 503)),
            status(200, {"content-type": "application/json"}, b"{}"),
            status(200, {"content-type": "text/html"}, OTHER),
        ]
    ),
)


@hypothesis.settings(max_examples=300, deadline=None)
@hypothesis.given(
    faults=st.lists(FAULTS, max_size=8),
    span=st.tuples(st.integers(0, 4999), st.integers(1, 5000)).map(
        lambda pair: (pair[0], min(5000, pair[0] + pair[1]))
    ),
    room=st.integers(1, 6000),
)
def test_any_faults_end_in_the_right_bytes_or_an_error(faults, span, room):
    """Never in wrong bytes, never in fewer without an error, never for ever."""
    start, stop = span
    outcome = []

    async def play():
        async with playing(*faults, small(), entry=file(size=len(SMALL))) as scene:
            try:
                await scene.fetch(start, stop, room=room)
            except FsmountError:
                outcome.append("failed")
            arrived = scene.sink.content
            assert arrived == SMALL[start : start + len(arrived)]
            assert outcome or len(arrived) == stop - start
            assert len(scene.driver.calls) <= 4
            assert scene.governor.held == 0

    trio.run(play, clock=trio.testing.MockClock(autojump_threshold=0))


# --- a link that is refused without a word --------------------------------------------------------


def without_a_word(code, _headers, _body):
    """Read a 403 as 115's driver does: the server does not say which it is."""
    return LinkRefused("over, or one connection too many") if code == 403 else None


async def test_a_link_refused_to_the_only_connection_is_over():
    """It is renewed, once, without an error."""
    async with playing(status(403), good, classify=without_a_word) as scene:
        assert await scene.fetch() == CONTENT
        assert [fresh for _, fresh, _ in scene.driver.calls] == [False, True]


class OneAtATime:
    """A content server that refuses a second connection on a link without saying why."""

    def __init__(self):
        self.open = 0
        self.refused = 0

    @asynccontextmanager
    async def get(self, url, headers, *, start, stop):
        await trio.lowlevel.checkpoint()
        if self.open:
            self.refused += 1
            yield FakeResponse(403, {}, b"")
            return
        self.open += 1
        await trio.sleep(1)
        yield partial(CONTENT, start, stop)
        self.open -= 1


async def test_a_link_refused_beside_another_connection_costs_speed_only():
    """Two readers of one file, one link: it is kept, and the second has its turn."""
    async with playing(good, classify=without_a_word) as scene:
        server = scene.file._client = OneAtATime()
        sinks = [FakeSink(SIZE // 2), FakeSink(SIZE - SIZE // 2)]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(scene.file.fetch, 0, SIZE // 2, sinks[0])
            nursery.start_soon(scene.file.fetch, SIZE // 2, SIZE, sinks[1])
        assert sinks[0].content + sinks[1].content == CONTENT
        assert server.refused
        assert len(scene.driver.calls) == 1
        assert any(isinstance(met, ConnectionLimit) for met in scene.governor.met_with)
