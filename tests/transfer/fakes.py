"""A driver, a governor and a content client that do what a script says."""

from __future__ import annotations

from contextlib import asynccontextmanager

import trio

from fsmount.errors import Unreachable
from fsmount.model import Entry, EntryId, Kind, Link, priority


def file(name="a.bin", *, size=100, version="v1"):
    """Return a file's entry."""
    return Entry(id=EntryId(f"id-{name}"), name=name, kind=Kind.FILE, size=size, version=version)


class FakeDriver:
    """Gives numbered links after ``answer_s``; ``failures`` are raised first, one per call.

    Attributes:
        calls: (names, fresh, priority when answered) of each call.
    """

    def __init__(self, *, answer_s=0.1, lifetime_s=3600.0, max_connections=None):
        self.answer_s = answer_s
        self.lifetime_s = lifetime_s
        self.max_connections = max_connections
        self.failures = []
        self.calls = []

    async def link(self, file, *, fresh=False):
        await self._answer([file], fresh=fresh)
        return self._link(file)

    async def _answer(self, files, *, fresh):
        call = [[file.name for file in files], fresh, priority.get()]
        self.calls.append(call)
        await trio.sleep(self.answer_s)
        call[2] = priority.get()
        if self.failures:
            raise self.failures.pop(0)

    def _link(self, file):
        return Link(
            url=f"https://cdn/{file.name}?n={len(self.calls)}",
            lifetime_s=self.lifetime_s,
            max_connections=self.max_connections,
        )


class BatchDriver(FakeDriver):
    """Gives links in batches as well; ``refused`` maps a name to why it has none."""

    batch_size = 3

    def __init__(self, **options):
        super().__init__(**options)
        self.refused = {}

    async def links(self, files):
        await self._answer(files, fresh=False)
        return [self.refused.get(file.name) or self._link(file) for file in files]


class FakeStore:
    """A ``LinkStore`` in memory, without a clock."""

    def __init__(self):
        self.links = {}

    def load(self, remote, file, version):
        return self.links.get((remote, file, version))

    def save(self, remote, file, version, link):
        self.links[remote, file, version] = link

    def drop(self, remote, file):
        self.links = {key: link for key, link in self.links.items() if key[:2] != (remote, file)}


class FakeGovernor:
    """Lets everything through and remembers it."""

    def __init__(self):
        self.held = 0
        self.most_held = 0
        self.hosts = []
        self.met_with = []
        self.allowed = None

    @asynccontextmanager
    async def slot(self, family, host):
        assert family == "content"
        self.hosts.append(host)
        self.held += 1
        self.most_held = max(self.most_held, self.held)
        try:
            yield
        finally:
            self.held -= 1

    def met(self, family, host, failure):
        assert self.held, "a slot is held while its outcome is told"
        self.met_with.append(failure)

    def connections(self, host, wanted):
        return wanted if self.allowed is None else min(wanted, self.allowed)


class FakeHealth:
    """Remembers what it was told."""

    def __init__(self):
        self.deliveries = 0
        self.failures = []

    def delivered(self):
        self.deliveries += 1

    def failed(self, exc):
        self.failures.append(type(exc))


class FakeResponse:
    """A scripted answer; ``breaks`` is raised where the body ends."""

    def __init__(self, status, headers, body=b"", *, breaks=None, piece=1 << 20, host="cdn"):
        self.status = status
        self.headers = headers
        self.host = host
        self._body = memoryview(bytes(body))
        self._breaks = breaks
        self._piece = piece

    async def receive_into(self, view):
        await trio.lowlevel.checkpoint()
        count = min(len(view), len(self._body), self._piece)
        if not count and self._breaks is not None:
            raise self._breaks
        view[:count] = self._body[:count]
        self._body = self._body[count:]
        return count

    async def receive_text(self, limit=65536):
        if self._breaks is not None:
            raise self._breaks
        return bytes(self._body[:limit])


def partial(content, start, stop, *, cut=None, breaks=None, headers=None, **options):
    """Return the 206 that a good server sends for a range; ``cut`` bytes of it, then ``breaks``."""
    stop = min(stop, len(content))
    return FakeResponse(
        206,
        {
            "content-range": f"bytes {start}-{stop - 1}/{len(content)}",
            "content-length": str(stop - start),
            **(headers or {}),
        },
        content[start:stop][:cut],
        breaks=breaks or Unreachable("dropped"),
        **options,
    )


class FakeClient:
    """A ``RangeClient`` that answers by ``script``: one entry per GET, the last one for ever.

    An entry is an exception to raise, or a function of (url, start, stop) to a ``FakeResponse``.
    """

    def __init__(self, *script):
        self.script = list(script)
        self.gets = []

    @asynccontextmanager
    async def get(self, url, headers, *, start, stop):
        await trio.lowlevel.checkpoint()
        entry = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        self.gets.append((url, start, stop))
        if isinstance(entry, Exception):
            raise entry
        yield entry(url, start, stop)


class FakeSink:
    """Collects a span; hands out ``room`` bytes at a time, and checks how it is used."""

    def __init__(self, length, *, room=1 << 20):
        self._memory = bytearray(length)
        self._valid = 0
        self._room = room
        self._handed = 0

    @property
    def content(self):
        return bytes(self._memory[: self._valid])

    def room(self):
        view = memoryview(self._memory)[self._valid : self._valid + self._room]
        self._handed = len(view)
        return view

    def filled(self, count):
        assert 0 < count <= self._handed
        self._valid += count
        self._handed = 0
