"""The options of every driver work with every driver: agent, proxy, proxy URL, certificates."""

from __future__ import annotations

import ssl
from contextlib import asynccontextmanager
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from fsmount.errors import Unreachable
from tests.conformance.cloudreve import DRIVE, SHARE
from tests.conformance.tree import FILES, read, walk
from tests.net.loopback import serving

BOTH = [DRIVE, SHARE]
OWN_HEADERS = ("host", "connection", "content-length", "proxy-connection")


@asynccontextmanager
async def relay():
    """Run a server that passes requests on: as an HTTP proxy, or as `/get?u=URL`."""
    tls = ssl.create_default_context()
    async with httpx.AsyncClient(trust_env=False, verify=tls) as client:

        async def pass_on(exchange):
            wanted = exchange.path
            if wanted.startswith("/get?"):
                (wanted,) = parse_qs(urlsplit(wanted).query)["u"]
            body = await exchange.body() if "content-length" in exchange.headers else b""
            answer = await client.request(
                "POST" if body else "GET",
                wanted,
                content=body,
                headers={k: v for k, v in exchange.headers.items() if k not in OWN_HEADERS},
            )
            told = ("content-type", "content-range", "etag", "date")
            kept = {name: answer.headers[name] for name in told if name in answer.headers}
            await exchange.answer(answer.status_code, answer.content, **kept)

        async with serving(pass_on) as server:
            yield server


async def shown(world, **options):
    """List all and read a file with ``options``."""
    async with world.opened(**options) as remote:
        found = await walk(remote.driver)
        assert await read(remote, found["plain.txt"]) == FILES["plain.txt"]
        return found


@pytest.mark.parametrize("case", BOTH, ids=str)
async def test_a_proxy_gets_every_request_and_each_has_the_agent(world):
    """Calls, sign-ins and content alike: nothing goes past it."""
    async with relay() as proxy:
        await shown(world, proxy=proxy.url, user_agent="fsmount-test/1")
    address = world.emulator.address
    assert {each.headers["user-agent"] for each in proxy.requests} == {"fsmount-test/1"}
    assert all(each.path.startswith(address) for each in proxy.requests)
    assert len(proxy.requests) == sum(world.requests().values())


@pytest.mark.parametrize("case", BOTH, ids=str)
async def test_a_proxy_url_gets_the_content_alone(world):
    """The API stays direct; the bytes are checked as ever."""
    async with relay() as helper:
        template = f"{helper.url}/get?u={{url_quoted}}"
        await shown(world, download="proxy_url", download_proxy_url=template)
    assert len(helper.requests) == world.requests()[world.case.kinds["content"]] == 1
    assert "authorization" not in helper.requests[0].headers


@pytest.mark.logs("is offline")
@pytest.mark.parametrize("case", [replace(SHARE, emulator=("--tls",))], ids=["share over TLS"])
async def test_a_site_with_its_own_authority_needs_the_ca_file(world):
    """Without it the failure says what to do; with it API and content are trusted."""
    await shown(world)
    async with world.opened(ca_file="") as remote:
        with pytest.raises(Unreachable, match="certificate") as info:
            await remote.driver.list(remote.driver.root, None)
    assert "ca_file" in str(info.value)
    await shown(world, ca_file="", insecure="true")
