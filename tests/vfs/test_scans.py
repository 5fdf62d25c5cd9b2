"""Programs that read file after file find the next heads there; others cost nothing more."""

from __future__ import annotations

import pytest
import trio

from fsmount.errors import ProviderFault
from fsmount.model import Priority, priority
from fsmount.reader.stream import open_reader
from fsmount.vfs.filesystem import layout_of
from tests.vfs.cloud import Cloud, member_of, opened, rows_of

pytestmark = pytest.mark.autojump

CALL_S = 0.08
CONTENT = bytes(range(256)) * 16


class Far(Cloud):
    """A cloud whose links and GETs take a round trip each.

    Attributes:
        linked: The files whose links were asked for, a list per call.
        read: Ids of the files that a GET was sent for, with the urgency of each.
        fails: A file that cannot be read.
    """

    def __init__(self):
        super().__init__()
        self.linked = []
        self.read = []
        self.fails = None
        self._links = set()

    async def prepare(self, entries):
        self.linked.append([entry.name for entry in entries])
        await trio.sleep(CALL_S)
        self._links.update(entry.id for entry in entries)

    def source(self, entry):
        source = super().source(entry)
        far, fetch = self, source.fetch

        async def slowly(start, stop, sink):
            far.read.append((entry.name, priority.get()))
            if entry.id not in far._links:
                await trio.sleep(CALL_S)
            await trio.sleep(CALL_S)
            if entry.name == far.fails:
                raise ProviderFault("this one is broken")
            await fetch(start, stop, sink)

        source.fetch = slowly
        return source


def album(files=100, folders=1, content=CONTENT):
    cloud = Far()
    for number in range(folders):
        folder = cloud.folder(f"album {number}")
        for file in range(files):
            cloud.file(f"{file:03}.jpg", folder, content=content)
    return cloud


def mounted(cloud, reader, *, batches=True):
    return opened(
        layout_of({"/": [member_of(cloud, prepare=cloud.prepare if batches else None)]}),
        reader=reader,
    )


def reading():
    return open_reader(memory_bytes=64 * 1024 * 1024, disk=None)


async def read_whole(fs, row):
    handle = fs.open_file(row.attributes.inode)
    data = await handle.read(0, row.attributes.size)
    await handle.close()
    return bytes(data)


async def copy(fs, count=None, *, pause_s=0.0, step=1):
    """Do what ``cp -r`` does with the files of each folder; return how many bytes came."""
    copied = 0
    for folder in await rows_of(fs):
        for row in (await rows_of(fs, folder.attributes.inode))[:count:step]:
            data = await read_whole(fs, row)
            assert data == CONTENT
            copied += len(data)
            await trio.sleep(pause_s)
    return copied


async def test_a_copy_takes_a_fraction_of_two_round_trips_a_file():
    """Links come in batches, and the next heads while the current file is read; each once."""
    cloud = album(files=100, folders=10)
    async with reading() as reader, mounted(cloud, reader) as fs:
        began = trio.current_time()
        assert await copy(fs) == 1000 * len(CONTENT)
        assert trio.current_time() - began < 0.2 * 1000 * 2 * CALL_S
    assert len(cloud.read) == 1000
    assert sum(len(batch) for batch in cloud.linked) <= 1000
    assert len(cloud.linked) <= 10 * (1 + 100 // 64)


async def test_where_each_link_is_a_call_only_those_of_the_next_files_are_asked():
    """A provider without batches is asked for no more links than heads."""
    cloud = album(files=100)
    async with reading() as reader, mounted(cloud, reader, batches=False) as fs:
        began = trio.current_time()
        await copy(fs)
        assert trio.current_time() - began < 0.3 * 100 * 2 * CALL_S
    assert not cloud.linked
    assert len(cloud.read) == 100


async def test_a_few_files_looked_into_bring_nothing_else():
    """Two files in a row, or files here and there, are no scan."""
    cloud = album(files=100)
    async with reading() as reader, mounted(cloud, reader) as fs:
        await copy(fs, 2)
        await copy(fs, step=20)
        await trio.sleep(1)
    assert not cloud.linked
    assert len(cloud.read) == 2 + 4


async def test_a_person_who_opens_one_after_another_slowly_brings_nothing():
    """More than ten seconds a file is somebody who looks at them."""
    cloud = album(files=6)
    async with reading() as reader, mounted(cloud, reader) as fs:
        await copy(fs, pause_s=11)
    assert [urgency for _, urgency in cloud.read] == [Priority.READING] * 6


async def test_what_is_brought_ahead_waits_behind_readers():
    """Its GETs and links are as urgent as prefetching."""
    cloud = album(files=30)
    async with reading() as reader, mounted(cloud, reader, batches=False) as fs:
        priority.set(Priority.READING)
        await copy(fs, 8)
        await trio.sleep(1)
    ahead = [name for name, urgency in cloud.read if urgency == Priority.PREFETCH]
    assert min(ahead) == "003.jpg"
    assert len(cloud.read) <= 8 + 16


async def test_files_read_out_of_order_by_several_threads_are_a_scan():
    """What lies near in the order of the folder counts as the next."""
    cloud = album(files=60)
    async with reading() as reader, mounted(cloud, reader) as fs:
        folder = (await rows_of(fs))[0]
        rows = await rows_of(fs, folder.attributes.inode)
        for number in range(0, 60, 4):
            async with trio.open_nursery() as nursery:
                for row in rows[number : number + 4]:
                    nursery.start_soon(read_whole, fs, row)
    assert cloud.linked
    assert len(cloud.read) == 60


async def test_a_file_that_cannot_be_read_ahead_fails_only_for_its_reader():
    """The scan goes on after it."""
    cloud = album(files=20)
    cloud.fails = "010.jpg"
    async with reading() as reader, mounted(cloud, reader) as fs:
        folder = (await rows_of(fs))[0]
        for row in await rows_of(fs, folder.attributes.inode):
            if row.name == cloud.fails:
                with pytest.raises(ProviderFault):
                    await read_whole(fs, row)
            else:
                assert await read_whole(fs, row) == CONTENT


async def test_a_second_scan_asks_nobody():
    """What is at hand is not brought again."""
    cloud = album(files=50)
    async with reading() as reader, mounted(cloud, reader) as fs:
        await copy(fs)
        asked = len(cloud.read)
        await copy(fs)
    assert len(cloud.read) == asked == 50


async def test_large_files_bring_their_heads_only():
    """A scanner that looks into each film finds its beginning there."""
    cloud = album(files=30, content=bytes(8 * 1024 * 1024))
    async with reading() as reader, mounted(cloud, reader) as fs:
        folder = (await rows_of(fs))[0]
        for row in await rows_of(fs, folder.attributes.inode):
            handle = fs.open_file(row.attributes.inode)
            assert len(await handle.read(0, 4096)) == 4096
            await handle.close()
    assert len(cloud.read) == 30
    assert all(stop - start <= 1024 * 1024 for _, start, stop in cloud.fetched)
