"""Each kernel request is answered once, in time, with an errno that says what happened."""

from __future__ import annotations

import errno
import os
import stat
from types import SimpleNamespace

import pyfuse3
import pytest
import trio

from fsmount import errors
from fsmount.appearance import Appearance
from fsmount.model import ROOT_INODE, Priority, priority
from fsmount.operations import METADATA_WITHIN_S, READ_WITHIN_S, Operations
from tests.mount.fake_mount import FakeFilesystem

CTX = SimpleNamespace(pid=0, uid=1000)  # a process that cannot be told


class Filesystem(FakeFilesystem):
    """The fake tree; ``meets`` is what every question runs into, ``refuses`` what opendir meets."""

    def __init__(self, many=0):
        super().__init__(many)
        self.meets = None
        self.refuses = None
        self.priorities = []

    async def _meet(self):
        self.priorities.append(priority.get())
        if self.meets is not None:
            await self.meets()

    async def lookup(self, parent, name):
        await self._meet()
        return await super().lookup(parent, name)

    async def attributes(self, inode):
        await self._meet()
        return await super().attributes(inode)

    def open_folder(self, inode, *, walking=True):
        self.priorities.append(priority.get())
        if self.refuses is not None:
            raise self.refuses
        return super().open_folder(inode)


def raising(exc):
    """Return an async function that raises ``exc``."""

    async def meets():
        raise exc

    return meets


@pytest.fixture
def filesystem():
    return Filesystem()


@pytest.fixture
def operations(filesystem):
    return Operations(filesystem, Appearance(uid=1000, gid=1001))


async def inode_of(operations, name):
    return (await operations.lookup(ROOT_INODE, os.fsencode(name), CTX)).st_ino


async def opened(operations, name):
    inode = await inode_of(operations, name)
    return (await operations.open(inode, os.O_RDONLY, CTX)).fh


async def errno_met(awaitable):
    """Return the errno that a request is answered with."""
    with pytest.raises(pyfuse3.FUSEError) as caught:
        await awaitable
    return caught.value.errno


# --- attributes -----------------------------------------------------------------------------------


async def test_a_file_looks_as_the_mount_options_say(operations):
    """Owner, mode, size, blocks and times come from the options and the tree."""
    shown = await operations.lookup(ROOT_INODE, b"large", CTX)
    assert stat.S_ISREG(shown.st_mode)
    assert stat.S_IMODE(shown.st_mode) == 0o444
    assert (shown.st_uid, shown.st_gid) == (1000, 1001)
    assert shown.st_size == 256 * 4096 * 8
    assert shown.st_blocks == shown.st_size // 512
    assert shown.st_mtime_ns == shown.st_ctime_ns == 1_700_000_000_000_000_000
    assert shown.entry_timeout == shown.attr_timeout == 60


async def test_a_folder_has_one_link_so_that_find_looks_inside(operations):
    """Two links would tell find that there are no subfolders."""
    shown = await operations.getattr(ROOT_INODE, CTX)
    assert stat.S_ISDIR(shown.st_mode)
    assert stat.S_IMODE(shown.st_mode) == 0o555
    assert shown.st_nlink == 1


async def test_programs_read_a_file_in_large_pieces_and_a_folder_in_small_ones(operations):
    """The C library sizes the buffer of getdents(2) after it; all of it is cleared each time."""
    assert (await operations.lookup(ROOT_INODE, b"large", CTX)).st_blksize == 1024 * 1024
    assert (await operations.lookup(ROOT_INODE, b"folder", CTX)).st_blksize == 64 * 1024


async def test_blocks_are_rounded_up(operations):
    """A file of six bytes has one block of 512."""
    shown = await operations.lookup(ROOT_INODE, b"hello.txt", CTX)
    assert shown.st_blocks == 1


async def test_an_absent_name_is_kept_absent_for_a_while(operations):
    """The kernel is told inode 0, which it may remember, instead of an error, which it may not."""
    shown = await operations.lookup(ROOT_INODE, b"nothing", CTX)
    assert shown.st_ino == 0
    assert shown.entry_timeout == 1


async def test_names_that_are_not_utf8_reach_the_tree_unharmed(operations, filesystem):
    """Bytes of the kernel become surrogate escapes, whatever the locale."""
    shown = await operations.lookup(ROOT_INODE, b"\xff\xfe", CTX)
    assert shown.st_ino == 0


# --- what a request meets -------------------------------------------------------------------------

FAILURES = [
    (errors.Unreachable("no way"), errno.EHOSTDOWN),
    (errors.TimedOut("late"), errno.ETIMEDOUT),
    (errors.Denied("no"), errno.EACCES),
    (errors.Gone("over"), errno.ESTALE),
    (errors.ProviderFault("500"), errno.EIO),
    (ExceptionGroup("", [errors.Gone("over")]), errno.ESTALE),
    (ExceptionGroup("", [ExceptionGroup("", [errors.Unreachable("x")])]), errno.EHOSTDOWN),
]


@pytest.mark.logs("failed")
@pytest.mark.parametrize(("failure", "number"), FAILURES)
async def test_each_failure_has_its_errno(operations, filesystem, failure, number):
    """One table decides, also for what a nursery wrapped in a group."""
    filesystem.meets = raising(failure)
    assert await errno_met(operations.getattr(ROOT_INODE, CTX)) == number
    assert await errno_met(operations.lookup(ROOT_INODE, b"a", CTX)) == number
    filesystem.refuses = failure
    assert await errno_met(operations.opendir(ROOT_INODE, CTX)) == number


@pytest.mark.logs("getattr failed")
@pytest.mark.parametrize("exc", [RuntimeError("bug"), ExceptionGroup("", [KeyError("bug")])])
async def test_a_bug_is_eio_and_leaves_its_traceback(
    operations, filesystem, exc, unexpected_warnings
):
    """The mount goes on, and the log says where it happened."""
    filesystem.meets = raising(exc)
    assert await errno_met(operations.getattr(ROOT_INODE, CTX)) == errno.EIO
    (record,) = unexpected_warnings.records
    assert record.exc_info[1] is exc


@pytest.mark.logs("read failed")
async def test_a_bug_on_the_quick_way_is_eio_as_well(operations, unexpected_warnings):
    """Nothing is tried another way behind the back of whoever reads the log."""
    fh = await opened(operations, "breaks at once")
    assert await errno_met(operations.read(fh, 0, 4)) == errno.EIO
    (record,) = unexpected_warnings.records
    assert isinstance(record.exc_info[1], RuntimeError)


@pytest.mark.logs("read failed")
@pytest.mark.parametrize(
    ("name", "number"),
    [("read breaks", errno.EIO), ("read breaks in a group", errno.EHOSTDOWN)],
)
async def test_a_read_that_fails_has_its_errno(operations, name, number):
    """A failure inside a nursery arrives as a group; its leaf decides."""
    fh = await opened(operations, name)
    assert await errno_met(operations.read(fh, 0, 4)) == number


async def test_ordinary_answers_are_not_logged(operations, filesystem):
    """A program that looks for a file that is not there is no event."""
    filesystem.refuses = errors.NotFolder("a file")
    assert await errno_met(operations.opendir(ROOT_INODE, CTX)) == errno.ENOTDIR


async def test_cancellation_from_outside_passes_through(operations, filesystem):
    """The kernel loop's own end is not an answer to anybody."""
    filesystem.meets = trio.sleep_forever
    with trio.CancelScope() as scope:
        scope.cancel()
        await operations.getattr(ROOT_INODE, CTX)
    assert scope.cancelled_caught


async def test_cancellation_wins_over_failures_beside_it(operations, filesystem):
    """A group of a cancellation from outside and a failure ends as the cancellation."""
    outer = trio.CancelScope()

    async def meets():
        async def fails():
            try:
                await trio.sleep_forever()
            finally:
                raise errors.Gone("over")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(fails)
            nursery.start_soon(trio.sleep_forever)
            await trio.lowlevel.checkpoint()
            outer.cancel()

    filesystem.meets = meets
    with outer:
        await operations.getattr(ROOT_INODE, CTX)
    assert outer.cancelled_caught


@pytest.mark.parametrize("exc", [KeyboardInterrupt(), SystemExit(3)])
async def test_the_end_of_the_process_is_not_an_errno(operations, filesystem, exc):
    """What asks this process to end does end it, in a group as well."""
    filesystem.meets = raising(BaseExceptionGroup("", [exc, ValueError("beside it")]))
    with pytest.raises(BaseExceptionGroup) as caught:
        await operations.getattr(ROOT_INODE, CTX)
    assert list(errors.leaves(caught.value)) == [exc]


# --- time -----------------------------------------------------------------------------------------


@pytest.mark.autojump
@pytest.mark.logs("no answer within 5.5 s")
async def test_metadata_is_answered_in_time_whatever_happens(operations, filesystem):
    """A name that is never answered would make its caller unkillable."""
    filesystem.meets = trio.sleep_forever
    begun = trio.current_time()
    assert await errno_met(operations.lookup(ROOT_INODE, b"a", CTX)) == errno.ETIMEDOUT
    assert trio.current_time() - begun == pytest.approx(METADATA_WITHIN_S)


@pytest.mark.autojump
@pytest.mark.logs("no answer within 60 s")
async def test_a_read_is_answered_in_time_whatever_happens(operations):
    """The reader gives up far earlier; this is the last line."""
    fh = await opened(operations, "read stalls")
    begun = trio.current_time()
    assert await errno_met(operations.read(fh, 0, 10)) == errno.ETIMEDOUT
    assert trio.current_time() - begun == pytest.approx(READ_WITHIN_S)


async def test_at_the_end_every_waiting_request_is_answered(operations):
    """A reader that waits, and one that comes later, get an error at once."""
    fh = await opened(operations, "read stalls")
    met = []

    async def read():
        met.append(await errno_met(operations.read(fh, 0, 10)))

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(read)
        await trio.testing.wait_all_tasks_blocked()
        assert operations.statistics()["running"] == 3
        operations.end_requests()
    assert met == [errno.EIO] * 3
    assert operations.statistics()["running"] == 0
    assert await errno_met(operations.getattr(ROOT_INODE, CTX)) == errno.EIO


# --- priority -------------------------------------------------------------------------------------


async def test_each_request_says_how_urgent_it_is(operations, filesystem):
    """The governor sorts by it; tasks of the kernel loop serve one request after another."""
    await operations.getattr(ROOT_INODE, CTX)
    assert filesystem.priorities == [Priority.LISTING]
    fh = await opened(operations, "hello.txt")
    assert priority.get() is Priority.OPENING
    await operations.read(fh, 0, 1)
    assert priority.get() is Priority.READING


# --- files ----------------------------------------------------------------------------------------


async def test_bytes_at_hand_are_answered_without_waiting(operations):
    """A read from memory does not even reach a checkpoint."""
    fh = await opened(operations, "hello.txt")
    with trio.testing.assert_no_checkpoints():
        assert await operations.read(fh, 1, 3) == b"ell"


async def test_what_is_known_is_answered_without_waiting(operations, filesystem, kernel_takes):
    """Names that are there or not, attributes and rows: none reaches a checkpoint."""
    filesystem.at_hand = True
    taken = kernel_takes(room=100)
    with trio.testing.assert_no_checkpoints():
        found = await operations.lookup(ROOT_INODE, b"hello.txt", CTX)
        assert (await operations.lookup(ROOT_INODE, b"nothing", CTX)).st_ino == 0
        assert (await operations.getattr(found.st_ino, CTX)).st_size == 6
        fh = await operations.opendir(ROOT_INODE, CTX)
        await operations.readdir(fh, 0, 0)
        await operations.releasedir(fh)
    assert b"hello.txt" in [name for name, _, _ in taken]
    assert operations.statistics()["readdir"] == 1
    assert operations.statistics()["open_folders"] == 0


async def test_a_handle_is_let_go_once(operations):
    """Release forgets the number; the count says so."""
    fh = await opened(operations, "hello.txt")
    assert operations.statistics()["open_files"] == 1
    await operations.release(fh)
    assert operations.statistics()["open_files"] == 0


async def test_open_tells_the_kernel_whether_its_pages_are_still_good(operations, filesystem):
    """keep_cache and direct_io are the handle's to know."""
    inode = await inode_of(operations, "hello.txt")
    info = await operations.open(inode, os.O_RDONLY, CTX)
    assert info.keep_cache
    assert not info.direct_io


async def test_a_folder_cannot_be_opened_as_a_file(operations):
    """EISDIR, as everywhere."""
    inode = await inode_of(operations, "folder")
    assert await errno_met(operations.open(inode, os.O_RDONLY, CTX)) == errno.EISDIR


# --- folders --------------------------------------------------------------------------------------


@pytest.fixture
def kernel_takes(monkeypatch):
    """Stand in for the kernel's buffer: takes ``room`` rows per request."""
    taken = []

    def make(room):
        def readdir_reply(token, name, attributes, next_id):
            if len(taken) - token >= room:
                return False
            taken.append((name, attributes.st_ino, next_id))
            return True

        monkeypatch.setattr(pyfuse3, "readdir_reply", readdir_reply)
        return taken

    return make


@pytest.mark.parametrize("at_hand", [False, True])
async def test_a_folder_is_handed_out_in_as_many_requests_as_the_kernel_wants(
    kernel_takes, at_hand
):
    """Cookies go on where the kernel's buffer was full; each row taken is one reference."""
    filesystem = Filesystem(many=25)
    filesystem.at_hand = at_hand
    operations = Operations(filesystem, Appearance(uid=0, gid=0))
    inode = await inode_of(operations, "many")
    taken = kernel_takes(room=10)
    fh = await operations.opendir(inode, CTX)
    before = dict(filesystem.references)
    cookie, requests = 0, 0
    while True:
        had = len(taken)
        await operations.readdir(fh, cookie, had)
        requests += 1
        if len(taken) == had:
            break
        cookie = taken[-1][2]
    await operations.releasedir(fh)
    assert [name for name, _, _ in taken] == [b"file %06d" % number for number in range(25)]
    assert requests == 4
    gained = {inode: count - before.get(inode, 0) for inode, count in filesystem.references.items()}
    assert [gained[inode] for _, inode, _ in taken] == [1] * 25
    assert sum(gained.values()) == 25


@pytest.mark.parametrize("at_hand", [False, True])
async def test_a_row_has_the_number_that_stat_tells(operations, filesystem, kernel_takes, at_hand):
    """d_ino equals st_ino."""
    filesystem.at_hand = at_hand
    taken = kernel_takes(room=100)
    fh = await operations.opendir(ROOT_INODE, CTX)
    await operations.readdir(fh, 0, 0)
    for name, inode, _ in taken:
        assert (await operations.lookup(ROOT_INODE, name, CTX)).st_ino == inode


@pytest.mark.logs("readdir failed path='node 1'")
async def test_a_page_that_fails_costs_no_references(operations, filesystem, kernel_takes):
    """The one await comes before the first row."""
    taken = kernel_takes(room=100)
    fh = await operations.opendir(ROOT_INODE, CTX)
    _, folder = operations._folders[fh]

    async def fails(cookie, take):
        raise errors.Unreachable("the page failed")

    folder.give = fails
    assert await errno_met(operations.readdir(fh, 0, 0)) == errno.EHOSTDOWN
    assert not taken
    assert not filesystem.references


@pytest.mark.logs("readdir failed path='node 1'")
async def test_a_folder_that_is_gone_does_not_look_empty(operations, kernel_takes):
    """To ENOENT of getdents(2) glibc says: end of the folder; mirrors would wipe their copy."""
    kernel_takes(room=100)
    fh = await operations.opendir(ROOT_INODE, CTX)
    _, folder = operations._folders[fh]

    async def fails(cookie, take):
        raise errors.NotFound("it is no longer there")

    folder.give = fails
    assert await errno_met(operations.readdir(fh, 0, 0)) == errno.ESTALE


async def test_forgotten_references_are_given_back(operations, filesystem):
    """What lookups counted, forget takes back."""
    inode = await inode_of(operations, "hello.txt")
    await inode_of(operations, "hello.txt")
    await operations.forget([(inode, 2)])
    assert filesystem.references[inode] == 0


@pytest.mark.logs("forget failed")
async def test_forget_never_fails(operations, filesystem, monkeypatch):
    """Nobody waits for its answer, and letting anything out would end the mount."""

    def fails(inodes):
        raise RuntimeError("a bug in forget")

    monkeypatch.setattr(filesystem, "forget", fails)
    await operations.forget([(5, 1)])
    assert operations.statistics()["forget"] == 1


# --- the whole ------------------------------------------------------------------------------------


async def test_capacity_is_what_was_last_learned(operations):
    """Total and free for df; a name holds 255 bytes."""
    shown = await operations.statfs(CTX)
    assert shown.f_blocks * shown.f_frsize == pytest.approx(1_000_000_000, abs=4096)
    assert shown.f_bavail * shown.f_frsize == pytest.approx(750_000_000, abs=4096)
    assert shown.f_namemax == 255


async def test_an_unknown_capacity_is_neither_nothing_nor_everything(
    operations, filesystem, monkeypatch
):
    """File managers refuse 0, tools overflow at petabytes."""
    monkeypatch.setattr(filesystem, "space", lambda: None)
    shown = await operations.statfs(CTX)
    assert shown.f_blocks * shown.f_frsize == 1024**4


async def test_more_used_than_there_is_leaves_nothing_free(operations, filesystem, monkeypatch):
    """Providers count that way after a downgrade; a negative number must not wrap around."""
    from fsmount.model import Space

    monkeypatch.setattr(filesystem, "space", lambda: Space(total=10**9, used=2 * 10**9))
    assert (await operations.statfs(CTX)).f_bfree == 0


# --- writes ---------------------------------------------------------------------------------------

WRITES = [
    ("setattr", (2, None, None, None, CTX)),
    ("mknod", (1, b"a", 0o644, 0, CTX)),
    ("mkdir", (1, b"a", 0o755, CTX)),
    ("unlink", (1, b"a", CTX)),
    ("rmdir", (1, b"a", CTX)),
    ("symlink", (1, b"a", b"b", CTX)),
    ("rename", (1, b"a", 1, b"b", 0, CTX)),
    ("link", (2, 1, b"b", CTX)),
    ("create", (1, b"a", 0o644, os.O_WRONLY, CTX)),
    ("write", (1, 0, b"x")),
    ("setxattr", (2, b"user.a", b"x", CTX)),
    ("removexattr", (2, b"user.a", CTX)),
]


@pytest.mark.parametrize(("name", "args"), WRITES, ids=[name for name, _ in WRITES])
async def test_each_write_is_refused_as_read_only(operations, name, args):
    """EROFS, also if the kernel's own ``ro`` were not there."""
    assert await errno_met(getattr(operations, name)(*args)) == errno.EROFS


@pytest.mark.parametrize(
    "flags", [os.O_WRONLY, os.O_RDWR, os.O_RDONLY | os.O_TRUNC, os.O_RDONLY | os.O_CREAT]
)
async def test_opening_for_writing_is_refused(operations, flags):
    """Each of the flags that could change the file."""
    inode = await inode_of(operations, "hello.txt")
    assert await errno_met(operations.open(inode, flags, CTX)) == errno.EROFS


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("getxattr", (1, b"user.a", CTX)),
        ("listxattr", (1, CTX)),
        ("access", (1, os.R_OK, CTX)),
        ("flush", (1,)),
        ("fsync", (1, False)),
        ("readlink", (1, CTX)),
    ],
)
async def test_the_kernel_is_told_once_not_to_ask_for_what_there_is_not(operations, name, args):
    """ENOSYS makes it stop asking: ``ls -l`` sends nothing more per file."""
    assert await errno_met(getattr(operations, name)(*args)) == errno.ENOSYS
