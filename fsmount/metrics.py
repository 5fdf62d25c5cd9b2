"""What a mount tells, as Prometheus reads it: text on the control door, or on a loopback port.

The figures are those of ``status``; nothing is counted twice. No label says what a person keeps:
no file names, and no SOURCE, which may hold a share's code.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import h11
import trio

from fsmount.health import State

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    from prometheus_client.core import Metric

log = logging.getLogger(__name__)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_WITHIN_S = 5.0
"""A scraper that takes longer to ask, or to take its answer, is gone."""

_AT_ONCE = 8
_CHUNK = 16 * 1024


def exposition(told: Mapping[str, Any]) -> str:
    """Return the ``status`` of one mount in Prometheus's text format."""
    # A tenth of a second and some megabytes: only for those who ask for it.
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.registry import Collector

    class Told(Collector):
        def collect(self) -> Iterator[Metric]:
            return _families(told)

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Told())
    return generate_latest(registry).decode()


def _families(told: Mapping[str, Any]) -> Iterator[Metric]:
    yield _gauge(told, "up", "1 while the mount stands.", 1)
    yield _gauge(told, "started_seconds", "Unix time at which it was mounted.", told["since"])
    yield _states(told)
    yield from _space(told)
    yield from _cache(told)
    yield from _requests(told)
    yield from _accounts(told)
    yield from _lives(told)


def _states(told: Mapping[str, Any]) -> Metric:
    from prometheus_client.core import GaugeMetricFamily

    family = GaugeMetricFamily(
        "fsmount_remote_state", "1 for the state that a remote is in.", labels=[*_BASE, "state"]
    )
    for remote in told.get("remotes") or [{"name": told["remote"], "state": told["state"]}]:
        for state in State:
            labels = [told["mountpoint"], remote["name"], str(state)]
            family.add_metric(labels, float(remote["state"] == state))
    return family


def _space(told: Mapping[str, Any]) -> Iterator[Metric]:
    if space := told.get("space"):
        yield _gauge(told, "capacity_bytes", "Size of the drive.", space["total"])
        yield _gauge(told, "used_bytes", "Used of the drive.", space["used"])


def _cache(told: Mapping[str, Any]) -> Iterator[Metric]:
    if memory := told.get("memory"):
        yield _gauge(told, "memory_bytes", "Blocks in memory.", memory["memory_used"])
        yield _gauge(told, "memory_budget_bytes", "Most of them.", memory["memory_budget"])
        yield _gauge(told, "gets_in_flight", "Ranged GETs under way.", memory["in_flight"])
        yield _counter(told, "gets", "Ranged GETs sent.", memory["gets"])
        yield _counter(told, "gets_failed", "Ranged GETs that failed.", memory["gets_failed"])
        yield _counter(told, "fetched_bytes", "Received from providers.", memory["fetched"])
        yield _counter(told, "from_disk_bytes", "Read from the disk cache.", memory["from_disk"])
        yield _counter(told, "wasted_bytes", "Brought and never read.", memory["wasted"])
        yield _counter(told, "memory_hits", "Reads answered from memory.", memory["hits"])
        yield _counter(told, "memory_waits", "Reads that had to wait.", memory["waits"])
    if disk := told.get("disk"):
        yield _gauge(told, "disk_bytes", "Blocks in the disk cache.", disk["bytes"])
        yield _gauge(told, "disk_budget_bytes", "Most of them.", disk["budget"])
        yield _gauge(told, "disk_paused", "1 while nothing can be written.", disk["paused"])


def _requests(told: Mapping[str, Any]) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily

    requests = dict(told.get("requests") or {})
    for name in ("open_files", "open_folders", "running"):
        if name in requests:
            words = name.replace("_", " ")
            yield _gauge(told, f"kernel_{name}", f"Of the kernel: {words}.", requests.pop(name))
    family = CounterMetricFamily(
        "fsmount_kernel_requests", "Asked by the kernel, by kind.", labels=[*_BASE, "kind"]
    )
    for kind, count in requests.items():
        family.add_metric([told["mountpoint"], told["remote"], kind], count)
    yield family


def _accounts(told: Mapping[str, Any]) -> Iterator[Metric]:
    from prometheus_client.core import GaugeMetricFamily

    labels = [*_BASE, "family"]
    waiting = GaugeMetricFamily("fsmount_calls_waiting", "Calls that queue.", labels=labels)
    under_way = GaugeMetricFamily("fsmount_calls_under_way", "Calls sent.", labels=labels)
    blocked = GaugeMetricFamily(
        "fsmount_blocked_until_seconds",
        "Unix time until which a provider has shut the account out; 0 when it has not.",
        labels=labels,
    )
    for family, lane in (told.get("governor") or {}).items():
        whose = [told["mountpoint"], told["remote"], family]
        waiting.add_metric(whose, lane["waiting"])
        under_way.add_metric(whose, lane["under_way"])
        blocked.add_metric(whose, lane["blocked_until"] or 0)
    yield from (waiting, under_way, blocked)


def _lives(told: Mapping[str, Any]) -> Iterator[Metric]:
    from prometheus_client.core import GaugeMetricFamily

    tokens = GaugeMetricFamily(
        "fsmount_token_ends_seconds",
        "Unix time at which a token ends, where it is told.",
        labels=[*_BASE, "token"],
    )
    shares = GaugeMetricFamily(
        "fsmount_share_ends_seconds",
        "Unix time at which a share ends, where it does and that is told.",
        labels=_BASE,
    )
    for life in told.get("lives") or ():
        whose = [told["mountpoint"], life["remote"]]
        for token in ("access", "refresh"):
            if life.get(f"{token}_ends") is not None:
                tokens.add_metric([*whose, token], life[f"{token}_ends"])
        if life.get("share_ends") is not None:
            shares.add_metric(whose, life["share_ends"])
    yield from (tokens, shares)


_BASE = ("mountpoint", "remote")


def _gauge(told: Mapping[str, Any], name: str, text: str, value: float) -> Metric:
    from prometheus_client.core import GaugeMetricFamily

    family = GaugeMetricFamily(f"fsmount_{name}", text, labels=_BASE)
    family.add_metric([told["mountpoint"], told["remote"]], float(value))
    return family


def _counter(told: Mapping[str, Any], name: str, text: str, value: float) -> Metric:
    from prometheus_client.core import CounterMetricFamily

    family = CounterMetricFamily(f"fsmount_{name}", text, labels=_BASE)
    family.add_metric([told["mountpoint"], told["remote"]], float(value))
    return family


async def serve(
    port: int,
    scrape: Callable[[], Awaitable[str]],
    *,
    task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Answer ``GET /metrics`` on the loopback ``port`` until cancelled; 0 takes any.

    The status value is the port. Whoever is on this machine may ask: nothing secret is told.

    Raises:
        OSError: The port is taken.
    """
    listeners = await trio.open_tcp_listeners(port, host="127.0.0.1")
    room = trio.CapacityLimiter(_AT_ONCE)

    async def answer(stream: trio.SocketStream) -> None:
        async with stream, room:
            with trio.move_on_after(_WITHIN_S):
                try:
                    await _answer(stream, scrape)
                except (trio.BrokenResourceError, h11.RemoteProtocolError) as exc:
                    log.debug("a scraper went away: %s", exc)

    async with trio.open_nursery() as nursery:
        task_status.started(listeners[0].socket.getsockname()[1])
        await trio.serve_listeners(answer, listeners, handler_nursery=nursery)


async def _answer(stream: trio.SocketStream, scrape: Callable[[], Awaitable[str]]) -> None:
    connection = h11.Connection(h11.SERVER)
    while not isinstance(event := connection.next_event(), h11.Request):
        if event is not h11.NEED_DATA:
            return
        connection.receive_data(await stream.receive_some(_CHUNK))
    known = event.method == b"GET" and event.target.split(b"?")[0] == b"/metrics"
    body = (await scrape() if known else "ask for /metrics\n").encode()
    response = h11.Response(
        status_code=200 if known else 404,
        headers=[
            ("Content-Type", CONTENT_TYPE),
            ("Content-Length", str(len(body))),
            ("Connection", "close"),
        ],
    )
    sent = connection.send(response) + connection.send(h11.Data(data=body))
    await stream.send_all(sent + (connection.send(h11.EndOfMessage()) or b""))
