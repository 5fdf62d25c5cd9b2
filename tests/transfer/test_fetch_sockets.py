"""A fetch over real sockets, against a server that breaks every promise but the bytes."""

from __future__ import annotations

import itertools
import random

from fsmount.net.client import NetSettings
from fsmount.net.stream import open_range_client
from fsmount.transfer.fetch import RemoteFile
from fsmount.transfer.links import open_links
from fsmount.transfer.rewrite import LinkRewrite
from tests.net.loopback import Close, serving
from tests.transfer.fakes import FakeDriver, FakeGovernor, FakeHealth, FakeSink, file

CONTENT = random.Random(7).randbytes(1_000_000)
SIZE = len(CONTENT)


async def test_real_drops_resets_and_expiry_end_in_the_right_bytes():
    """A server that breaks each connection somewhere else, and refuses a link half-way."""
    numbers = itertools.count()

    async def unkind(exchange):
        number = next(numbers)
        start, stop = exchange.asked()
        if number == 3:
            await exchange.answer(403, b"<Error>expired</Error>")
            return
        length = min(stop - start, 150_000 + number)
        content_range = f"bytes {start}-{stop - 1}/{SIZE}"
        await exchange.answer(
            206,
            CONTENT[start : start + length],
            content_length=stop - start,
            content_range=content_range,
        )
        if length < stop - start:
            if number % 2:
                exchange.reset()
            raise Close

    async with serving(unkind) as server, open_range_client(NetSettings()) as client:
        driver = FakeDriver(answer_s=0)
        async with open_links(driver, None, "r") as links:
            remote_file = RemoteFile(
                file(size=SIZE),
                links=links,
                client=client,
                governor=FakeGovernor(),
                health=FakeHealth(),
                max_connections=None,
                rewrite=LinkRewrite(server.url + "{path}"),
            )
            sink = FakeSink(SIZE)
            await remote_file.fetch(0, SIZE, sink)
            assert sink.content == CONTENT
    assert [fresh for _, fresh, _ in driver.calls] == [False, True]
    assert len(server.requests) > 5
