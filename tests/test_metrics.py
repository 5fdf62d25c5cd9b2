"""A mount's figures are what Prometheus can read, and tell nothing that a person keeps."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager

import pytest
import trio
from prometheus_client.parser import text_string_to_metric_families

from fsmount import metrics

LANE = {"waiting": 2, "under_way": 1, "blocked_until": 1_800_000_000.0}
TOLD = {
    "mountpoint": '/mnt/My "films"',
    "source": "https://cloud.example.com/s/AbC1/***",
    "remote": "films",
    "driver": "cloudreve",
    "since": 1_700_000_000.5,
    "state": "offline",
    "remotes": [{"name": "films", "paths": ["/"], "state": "offline"}],
    "space": {"total": 100, "used": 40},
    "memory": {
        "memory_used": 5,
        "memory_budget": 10,
        "in_flight": 3,
        "gets": 7,
        "gets_failed": 1,
        "fetched": 4096,
        "from_disk": 2,
        "wasted": 6,
        "hits": 8,
        "waits": 9,
    },
    "disk": {"bytes": 11, "budget": 12, "paused": True},
    "requests": {"lookup": 5, "errors": 1, "open_files": 2, "open_folders": 0, "running": 1},
    "governor": {"list cloud.example.com": LANE},
    "lives": [
        {"remote": "films", "access_ends": 1.9e9, "refresh_ends": 2e9, "renewed": True},
        {"remote": "shared", "access_ends": None, "renewed": False, "share_ends": 1.8e9},
        {"remote": "forever", "share_ends": None},
    ],
    "handles": [{"path": "private/diary.txt", "size": 3}],
}


def read(text):
    """Return each sample of a text as name and labels to value."""
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


BASE = (("mountpoint", '/mnt/My "films"'), ("remote", "films"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fsmount_up", 1),
        ("fsmount_started_seconds", 1_700_000_000.5),
        ("fsmount_capacity_bytes", 100),
        ("fsmount_memory_bytes", 5),
        ("fsmount_gets_total", 7),
        ("fsmount_fetched_bytes_total", 4096),
        ("fsmount_disk_paused", 1),
        ("fsmount_kernel_open_files", 2),
    ],
)
def test_each_figure_of_status_is_told(name, value):
    """Under the mount and its remote."""
    assert read(metrics.exposition(TOLD))[name, *BASE] == value


def test_states_requests_and_accounts_have_labels_of_their_own():
    """One state is 1; a provider that shut us out says until when."""
    found = read(metrics.exposition(TOLD))
    states = {
        dict(key[1:])["state"]: value
        for key, value in found.items()
        if key[0] == "fsmount_remote_state"
    }
    assert [state for state, value in states.items() if value] == ["offline"]
    assert len(states) > 3
    assert found["fsmount_kernel_requests_total", ("kind", "lookup"), *BASE] == 5
    family = ("family", "list cloud.example.com")
    assert found["fsmount_blocked_until_seconds", family, *BASE] == 1_800_000_000.0
    assert found["fsmount_calls_waiting", family, *BASE] == 2


def test_lives_are_told_under_their_remote():
    """Those that have an end which is known; the others have no sample."""
    found = read(metrics.exposition(TOLD))
    told = {
        (
            key[0],
            *(dict(key[1:])[label] for label in ("remote", "token") if label in dict(key[1:])),
        ): at
        for key, at in found.items()
        if "_ends_" in key[0]
    }
    assert told == {
        ("fsmount_token_ends_seconds", "films", "access"): 1.9e9,
        ("fsmount_token_ends_seconds", "films", "refresh"): 2e9,
        ("fsmount_share_ends_seconds", "shared"): 1.8e9,
    }


def test_nothing_that_a_person_keeps_is_told():
    """Neither file names nor the SOURCE."""
    text = metrics.exposition(TOLD)
    assert "diary" not in text
    assert "AbC1" not in text


def test_a_mount_without_a_cache_or_space_tells_the_rest():
    """What is not known is left out rather than 0."""
    told = {key: TOLD[key] for key in ("mountpoint", "remote", "since", "state")}
    found = read(metrics.exposition(told))
    assert found["fsmount_up", *BASE] == 1
    assert not [key for key in found if re.search(r"capacity|disk|memory", key[0])]


@asynccontextmanager
async def scraped(text="a 1\n"):
    """Serve on a free port; gives the port."""

    async def scrape():
        return text

    async with trio.open_nursery() as nursery:
        yield await nursery.start(metrics.serve, 0, scrape)
        nursery.cancel_scope.cancel()


async def ask(port, request):
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    async with stream:
        await stream.send_all(request)
        answer = b""
        while more := await stream.receive_some():
            answer += more
    return answer.decode()


async def test_prometheus_asks_on_a_loopback_port():
    """The text, with the type that it wants."""
    async with scraped() as port:
        answer = await ask(port, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    head, body = answer.split("\r\n\r\n")
    assert head.startswith("HTTP/1.1 200")
    assert metrics.CONTENT_TYPE in head
    assert body == "a 1\n"


@pytest.mark.parametrize(
    ("request_line", "answer"),
    [(b"GET / HTTP/1.1", "404"), (b"POST /metrics HTTP/1.1", "404"), (b"nonsense", "")],
)
async def test_anything_else_is_not_found(request_line, answer):
    """And what is no HTTP is not answered; the next one is."""
    async with scraped() as port:
        assert (await ask(port, request_line + b"\r\nHost: x\r\n\r\n"))[9:12] == answer
        assert "200" in await ask(port, b"GET /metrics?x HTTP/1.1\r\nHost: x\r\n\r\n")


async def test_only_this_machine_is_listened_to():
    """The port is open on the loopback address and on no other."""
    async with scraped() as port:
        with pytest.raises(OSError, match=r"127\.0\.0\.2|refused|all attempts"):
            await trio.open_tcp_stream("127.0.0.2", port)
