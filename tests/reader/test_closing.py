"""Whoever a stream reads from is told when it is closed."""

from __future__ import annotations

from fsmount.model import ContentKey
from fsmount.reader.stream import open_reader
from tests.reader.fakes import FakeSource


async def test_a_source_is_told_once_that_its_reader_is_done():
    """However often the stream is closed; another stream's source is not."""
    one, other = FakeSource(1000), FakeSource(1000)
    key = ContentKey("d", "c", 1000)
    async with open_reader(memory_bytes=32 << 20, disk=None) as reader:
        first, second = reader.open(key, one), reader.open(key, other)
        await first.close()
        await first.close()
        assert (one.closed, other.closed) == (1, 0)
        await second.close()
        assert other.closed == 1
