"""What a handle was opened on is what it reads, or an error."""

from __future__ import annotations

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from fsmount import errors
from fsmount.model import ROOT_INODE, ContentKey
from tests.vfs.cloud import Cloud, DictStore, FakeKernel, FakeReader, failing, opened, rows_of

pytestmark = pytest.mark.autojump


async def inode_of(fs, name):
    return (await fs.lookup(ROOT_INODE, name)).inode


async def test_open_asks_nobody_and_a_read_is_cut_at_the_size():
    """A scan that opens a thousand files and reads none costs nothing."""
    cloud = Cloud()
    cloud.file("a", content=b"0123456789")
    reader = FakeReader()
    async with opened(cloud, reader=reader) as fs:
        inode = await inode_of(fs, "a")
        calls = len(cloud.listed)
        handle = fs.open_file(inode)
        assert (handle.inode, handle.size, handle.direct_io) == (inode, 10, False)
        assert reader.streams == []
        assert await handle.read(0, 4) == b"0123"
        assert await handle.read(8, 100) == b"89"
        assert await handle.read(10, 100) == b""
        assert await handle.read(1_000_000, 100) == b""
        await handle.close()
        assert reader.streams[0].closed
    assert len(cloud.listed) == calls


async def test_an_empty_file_is_read_without_any_request():
    """Nothing is opened, nothing is asked."""
    cloud = Cloud()
    cloud.file("empty", content=b"")
    reader = FakeReader()
    async with opened(cloud, reader=reader) as fs:
        handle = fs.open_file(await inode_of(fs, "empty"))
        assert handle.read_nowait(0, 100) == b""
        assert await handle.read(0, 100) == b""
        await handle.close()
    assert reader.streams == []
    assert cloud.fetched == []


async def test_a_folder_is_no_file_and_a_file_no_folder():
    """Each says so."""
    cloud = Cloud()
    cloud.folder("d")
    cloud.file("f")
    async with opened(cloud) as fs:
        folder, file = await inode_of(fs, "d"), await inode_of(fs, "f")
        with pytest.raises(errors.IsFolder):
            fs.open_file(folder)
        with pytest.raises(errors.NotFolder):
            fs.open_folder(file)
        assert isinstance(await failing(fs.lookup(file, "x")), errors.NotFolder)


async def test_blocks_are_keyed_by_digest_in_a_trust_domain_only():
    """Else by remote, id and version, so that nobody plants bytes under a digest of yours."""
    cloud = Cloud()
    cloud.file("with", id="w", digest="sha1:aa")
    cloud.file("without", id="o")
    keys = []
    for domain in ("115", ""):
        reader = FakeReader()
        async with opened(cloud, reader=reader, domain=domain) as fs:
            for name in ("with", "without"):
                handle = fs.open_file(await inode_of(fs, name))
                await handle.read(0, 1)
                await handle.close()
        keys += [stream.key for stream in reader.streams]
    assert keys == [
        ContentKey("115", "sha1:aa", 3),
        ContentKey("cloud:1", "o@v1.3", 3),
        ContentKey("cloud:1", "w@v1.3", 3),
        ContentKey("cloud:1", "o@v1.3", 3),
    ]


@pytest.mark.parametrize("listed", [3, 100])
async def test_a_size_that_the_listing_got_wrong_is_repaired(listed):
    """The read goes on, the kernel is told, and later listings do not undo it."""
    cloud = Cloud()
    entry = cloud.file("a", content=b"0123456789", size=listed)
    kernel, store = FakeKernel(), DictStore()
    async with opened(cloud, kernel=kernel, store=store) as fs:
        inode = await inode_of(fs, "a")
        handle = fs.open_file(inode)
        assert await handle.read(0, 100) == b"0123456789"
        assert handle.size == 10
        assert await handle.read(8, 100) == b"89"
        assert (await fs.attributes(inode)).size == 10
        await wait_all_tasks_blocked()
        assert kernel.inodes == [inode]
        await handle.close()
        await fs.refresh("")
        assert (await fs.attributes(inode)).size == 10
    async with opened(cloud, store=store) as fs:
        assert (await fs.lookup(ROOT_INODE, "a")).size == 10
        cloud.contents[entry.id] = b"xy"
        cloud.change(entry, size=2, version="v2")
        await fs.refresh("")
        assert (await fs.lookup(ROOT_INODE, "a")).size == 2


async def test_readers_of_one_handle_survive_the_repair_of_its_size():
    """Whoever met the wrong size reads again, each once."""
    cloud = Cloud()
    cloud.file("a", content=b"0123456789", size=8)
    async with opened(cloud) as fs:
        handle = fs.open_file(await inode_of(fs, "a"))
        parts = {}

        async def read(offset):
            parts[offset] = await handle.read(offset, 2)

        async with trio.open_nursery() as nursery:
            for offset in (0, 2, 4, 6):
                nursery.start_soon(read, offset)
        assert b"".join(parts[offset] for offset in sorted(parts)) == b"01234567"
        await handle.close()


async def test_a_size_that_is_never_right_is_an_error():
    """One repair per read: a server that tells another size each time is not followed."""
    cloud = Cloud()
    entry = cloud.file("a", content=b"012", size=8)
    grow = cloud.source

    def source(asked):
        cloud.contents[entry.id] += b"x"
        return grow(asked)

    cloud.source = source
    async with opened(cloud) as fs:
        handle = fs.open_file(await inode_of(fs, "a"))
        assert isinstance(await failing(handle.read(0, 8)), errors.WrongSize)
        await handle.close()


@pytest.mark.parametrize("content", [b"", b"x", b"0123456789"])
async def test_an_unknown_size_is_asked_for_by_the_first_read(content):
    """Attributes show 0 until then, and the kernel must pass each read on."""
    cloud = Cloud()
    cloud.file("a", content=content, size=None)
    kernel = FakeKernel()
    async with opened(cloud, kernel=kernel) as fs:
        inode = await inode_of(fs, "a")
        assert (await fs.attributes(inode)).size == 0
        handle = fs.open_file(inode)
        assert handle.direct_io
        assert handle.read_nowait(0, 100) is None
        assert await handle.read(0, 100) == content
        assert (await fs.attributes(inode)).size == len(content)
        await handle.close()
        again = fs.open_file(inode)
        assert not again.direct_io
        assert again.size == len(content)
        await again.close()
        await wait_all_tasks_blocked()
        assert kernel.inodes == [inode]


async def test_a_changed_file_is_an_error_for_this_handle_and_its_folder_is_listed_anew():
    """ESTALE stays, also when the new version stands; a reopen reads new bytes."""
    cloud = Cloud()
    entry = cloud.file("a", content=b"old")
    async with opened(cloud) as fs:
        inode = await inode_of(fs, "a")
        handle = fs.open_file(inode)
        assert await handle.read(0, 3) == b"old"
        await trio.sleep(10)
        cloud.change(entry, version="v2", size=4)
        cloud.contents[entry.id] = errors.Changed("another version")
        assert isinstance(await failing(handle.read(0, 3)), errors.Changed)
        await wait_all_tasks_blocked()
        cloud.contents[entry.id] = b"new!"
        assert isinstance(await failing(handle.read(0, 3)), errors.Changed)
        assert handle.read_nowait(0, 3) is None
        again = fs.open_file(inode)
        assert await again.read(0, 10) == b"new!"
        await again.close()
        await handle.close()
    assert len(cloud.listed) == 2


async def test_a_handle_opened_before_a_refresh_keeps_reading_its_version():
    """Two versions at once, never a mix: the kernel's pages belong to the older one."""
    cloud = Cloud()
    entry = cloud.file("a", content=b"old")
    reader = FakeReader()
    async with opened(cloud, reader=reader) as fs:
        inode = await inode_of(fs, "a")
        old = fs.open_file(inode)
        cloud.change(entry, version="v2", size=4)
        await fs.refresh("")
        assert await old.read(0, 10) == b"old"
        cloud.contents[entry.id] = b"new!"
        new = fs.open_file(inode)
        assert new.direct_io
        assert not new.keep_cache
        assert await new.read(0, 10) == b"new!"
        assert [stream.key.content for stream in reader.streams] == ["id1@v1.3", "id1@v2.4"]
        await new.close()
        await old.close()


async def test_pages_are_kept_over_an_open_only_of_the_same_version():
    """And not when a handle of an older version could have filled them in between."""
    cloud = Cloud()
    entry = cloud.file("a")
    async with opened(cloud) as fs:
        inode = await inode_of(fs, "a")

        async def reopened():
            handle = fs.open_file(inode)
            await handle.close()
            return handle.keep_cache, handle.direct_io

        assert await reopened() == (False, False)
        assert await reopened() == (True, False)
        old = fs.open_file(inode)
        cloud.change(entry, version="v2")
        await fs.refresh("")
        assert await reopened() == (False, True)
        assert await reopened() == (False, True)
        await old.close()
        assert await reopened() == (False, False)
        assert await reopened() == (True, False)
        fs.forget([(inode, 1)])
        assert await reopened() == (False, False)


async def test_a_file_that_vanished_from_the_listing_can_be_read_to_its_end():
    """An open handle outlives its name; its inode lives as long."""
    cloud = Cloud()
    entry = cloud.file("a", content=b"0123")
    async with opened(cloud) as fs:
        inode = await inode_of(fs, "a")
        handle = fs.open_file(inode)
        cloud.remove(entry)
        await fs.refresh("")
        assert isinstance(await failing(fs.lookup(ROOT_INODE, "a")), errors.NotFound)
        assert await handle.read(0, 10) == b"0123"
        assert (await fs.attributes(inode)).size == 4
        fs.forget([(inode, 1)])
        assert (await fs.attributes(inode)).size == 4
        await handle.close()
        assert isinstance(await failing(fs.attributes(inode)), errors.Gone)


async def test_status_tells_every_open_file():
    """With its path, its size and what its stream tells."""
    cloud = Cloud()
    folder = cloud.folder("d")
    cloud.file("a", folder)
    async with opened(cloud) as fs:
        handle = fs.open_file((await fs.find("d/a")).inode)
        await handle.read(0, 1)
        assert fs.status()["handles"] == [
            {"path": "d/a", "size": 3, "changed": False, "opener": "", "position": 0}
        ]
        await handle.close()
        assert fs.status()["handles"] == []


async def test_an_open_folder_keeps_its_rows_in_memory():
    """However small the memory is, a view that is being read does not lose any."""
    cloud = Cloud()
    folders = [cloud.folder(f"d{number}") for number in range(5)]
    for folder in folders:
        for number in range(10):
            cloud.file(f"f{number}", folder)
    async with opened(cloud, store=DictStore(), nodes_in_memory=1) as fs:
        inodes = [row.attributes.inode for row in await rows_of(fs)]
        for inode in inodes:
            fs.remember(inode)
        handle = fs.open_folder(inodes[0])
        rows = list(await handle.read(0, 3))
        for inode in inodes[1:]:
            await rows_of(fs, inode)
        rows += await handle.read(3, 100)
        assert [row.name for row in rows] == [f"f{number}" for number in range(10)]
        handle.close()
