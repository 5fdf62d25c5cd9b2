"""Fetches a span of a file into the reader's buffer: checked, renewed, resumed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

import trio

from fsmount.errors import (
    Changed,
    ConnectionLimit,
    FsmountError,
    LinkRefused,
    TimedOut,
    Unreachable,
)
from fsmount.transfer.answers import Refusal, promised_bytes, refusal
from fsmount.transfer.attempts import Attempts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fsmount.account.governor import Governor
    from fsmount.health import Health
    from fsmount.model import Entry, Link
    from fsmount.net.stream import RangeClient, RangeResponse
    from fsmount.transfer.answers import ClassifyContent
    from fsmount.transfer.links import Links
    from fsmount.transfer.rewrite import LinkRewrite

log = logging.getLogger(__name__)

# The endpoint family of GETs on links, for the governor.
_FAMILY = "content"
# GETs at once on a file whose provider and user say nothing: enough to hide 80 ms at 200 MB/s, as
# few as a browser's downloader takes.
_CONNECTIONS = 4


class Sink(Protocol):
    """Where a span's bytes go; the reader's blocks implement it."""

    def room(self) -> memoryview:
        """Return writable memory for the next bytes; empty when no more are wanted."""
        ...

    def filled(self, count: int) -> None:
        """Tell that the first ``count`` bytes of the last ``room()`` are now valid."""
        ...


class FileSource(Protocol):
    """Everything the reader needs to know about where one file's bytes come from."""

    @property
    def size(self) -> int:
        """Bytes."""
        ...

    @property
    def connections(self) -> int:
        """GETs that may run at once on this file now (link, options, governor)."""
        ...

    @property
    def link_remaining_s(self) -> float | None:
        """Seconds the link at hand lives; for ``status``."""
        ...

    async def fetch(self, start: int, stop: int, sink: Sink) -> None:
        """Fetch bytes ``start`` to ``stop`` into ``sink``; returns when all are there.

        Returns early when the sink has no more room. What arrived is valid even when this raises:
        the sink was told of it.

        Raises:
            Changed: The content is no longer the version that was asked for.
            WrongSize: The content's size is not the listed one.
            Gone, Denied, NotFound: As the provider says.
            Unreachable, TimedOut, LinkExpired, ProviderFault: After this layer's own attempts.
        """
        ...

    def close(self) -> None:
        """Be told that its reader is done with it; called at most once, awaits nothing."""
        ...


class RemoteFile:
    """A ``FileSource`` over one remote's links.

    Args:
        entry: The file, at the version that was opened.
        links: Brings links.
        client: Sends GETs.
        governor: Bounds GETs per account and host (family "content").
        health: Told of successes and failures.
        max_connections: The option; None for the provider's.
        classify: The driver's ``classify_content``; None when it has none.
        rewrite: Sends GETs through a proxy URL; None reads the links themselves.
        closed: Told when the reader is done; None when nobody needs to know.
    """

    def __init__(
        self,
        entry: Entry,
        *,
        links: Links,
        client: RangeClient,
        governor: Governor,
        health: Health,
        max_connections: int | None,
        classify: ClassifyContent | None = None,
        rewrite: LinkRewrite | None = None,
        closed: Callable[[Entry], None] | None = None,
    ) -> None:
        self._closed = closed
        self._entry = entry
        self._links = links
        self._client = client
        self._governor = governor
        self._health = health
        self._max_connections = max_connections
        self._classify = classify
        self._rewrite = rewrite
        self._etags: dict[str, str] = {}

    @property
    def size(self) -> int:
        """Bytes; 0 when the listing did not say (the first fetch then tells by ``WrongSize``)."""
        return self._entry.size or 0

    @property
    def connections(self) -> int:
        """See ``FileSource``."""
        link = self._links.kept(self._entry)
        allowed = (self._max_connections, None if link is None else link.max_connections)
        wanted = min((most for most in allowed if most is not None), default=_CONNECTIONS)
        if link is not None:
            wanted = self._governor.connections(_host(self._url(link)), wanted)
        return max(1, wanted)

    @property
    def link_remaining_s(self) -> float | None:
        """See ``FileSource``."""
        return self._links.remaining_s(self._entry)

    async def fetch(self, start: int, stop: int, sink: Sink) -> None:
        """See ``FileSource``. Has no deadline of its own beyond 8 s without a byte."""
        span = _Span(start, stop, sink)
        rejected: Link | None = None
        while span.position < span.stop:
            link = await self._links.get(self._entry, rejected=rejected)
            refused = await self._attempt(link, span)
            if refused is None:
                continue
            again = span.attempts.failed(refused, trio.current_time())
            if again is None:
                self._health.failed(refused.failure)
                raise refused.failure
            log.debug("id=%s at=%d again: %s", self._entry.id, span.position, refused.failure)
            rejected = link if again.renew else None
            await trio.sleep(again.after_s)

    def close(self) -> None:
        """See ``FileSource``."""
        if self._closed is not None:
            self._closed(self._entry)

    async def _attempt(self, link: Link, span: _Span) -> Refusal | None:
        """Send one GET for what ``span`` still lacks; return why it did not bring all it promised.

        Raises:
            FsmountError: The governor's own, which no further GET can help.
        """
        url = self._url(link)
        host = _host(url)
        async with self._governor.slot(_FAMILY, host):
            span.attempts.began(trio.current_time())
            refused: Refusal | None
            self._links.under_way[link.url] += 1
            try:
                async with self._client.get(
                    url, link.headers, start=span.position, stop=span.stop
                ) as response:
                    refused = await self._receive(response, span)
            except FsmountError as exc:
                refused = Refusal(exc)
            finally:
                self._links.under_way[link.url] -= 1
            if refused is not None and isinstance(refused.failure, LinkRefused):
                refused = self._one_too_many(link) or refused
            self._governor.met(_FAMILY, host, None if refused is None else refused.failure)
        return refused

    def _one_too_many(self, link: Link) -> Refusal | None:
        """Return that a refused GET was one connection too many; None when it was the only one."""
        others = self._links.under_way[link.url]
        if not others:
            return None
        return Refusal(ConnectionLimit(f"the link allows no more than {others} connections"))

    async def _receive(self, response: RangeResponse, span: _Span) -> Refusal | None:
        """Receive a checked body into ``span``; return why it is not one that may be received."""
        remaining = promised_bytes(
            response.status,
            response.headers,
            start=span.position,
            stop=span.stop,
            size=self.size,
        )
        if remaining is None:
            return refusal(
                response.status,
                response.headers,
                await _explanation(response),
                size=self.size,
                classify=self._classify,
            )
        self._check_version(response.host, response.headers)
        self._health.delivered()
        while remaining:
            room = span.sink.room()
            if not room:  # the reader has cut its span short meanwhile
                span.stop = span.position
                return None
            count = await response.receive_into(
                room if len(room) <= remaining else room[:remaining]
            )
            if not count:
                raise Unreachable(f"{response.host} ended its answer before it was whole")
            span.fill(count)
            remaining -= count
            if remaining and span.attempts.crawls(trio.current_time()):
                raise TimedOut(f"{response.host} sends hardly anything")
        return None

    def _check_version(self, host: str, headers: Mapping[str, str]) -> None:
        """Raise ``Changed`` when a host's strong ETag is not the one that it sent before.

        Proves nothing where a server has one ETag for all (Cloudreve's slave nodes): harmless. Two
        hosts (a mirror, a CDN's edge) may have their own; they are not compared.
        """
        etag = headers.get("etag", "")
        if etag.startswith('"') and self._etags.setdefault(host, etag) != etag:
            raise Changed(f'"{self._entry.name}" changed while it was being read')

    def _url(self, link: Link) -> str:
        return link.url if self._rewrite is None else self._rewrite(link.url, self._entry.name)


class _Span:
    """What is still to be fetched, and how the attempts at it went."""

    __slots__ = ("attempts", "position", "sink", "stop")

    def __init__(self, start: int, stop: int, sink: Sink) -> None:
        self.position = start
        self.stop = stop
        self.sink = sink
        self.attempts = Attempts(trio.current_time())

    def fill(self, count: int) -> None:
        self.sink.filled(count)
        self.position += count
        self.attempts.brought(count, trio.current_time())


async def _explanation(response: RangeResponse) -> bytes:
    """Return the beginning of an error's body; empty when it breaks off: the status remains."""
    try:
        return await response.receive_text()
    except (Unreachable, TimedOut):
        return b""


def _host(url: str) -> str:
    """Return host and port of ``url``, without credentials."""
    return urlsplit(url).netloc.rpartition("@")[2]
