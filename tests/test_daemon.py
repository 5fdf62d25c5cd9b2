"""A mount waits for its first page, and knows a refusal from a bad moment; no kernel is needed."""

from __future__ import annotations

import contextlib

import pytest
import trio

from fsmount import daemon, errors
from fsmount.health import Health
from fsmount.options import parse_options

pytestmark = pytest.mark.autojump


class Folder:
    def __init__(self, filesystem, answer):
        self._filesystem = filesystem
        self._answer = answer

    async def read(self, cookie, count):
        await trio.lowlevel.checkpoint()
        if self._answer == "waits":
            await trio.sleep_forever()
        if isinstance(self._answer, Exception):
            await trio.sleep(5)
            raise self._answer
        return []

    def close(self):
        self._filesystem.closed += 1


class Filesystem:
    """Answers ``open_folder`` with what is next in ``answers``; the last one stays."""

    def __init__(self, *answers):
        self._answers = list(answers)
        self.asked = 0
        self.closed = 0
        self.stands = False

    def root_stands(self):
        return self.stands

    def open_folder(self, inode, *, walking):
        self.asked += 1
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return Folder(self, answer)


def served(*answers, health=None):
    return daemon.Served(
        filesystem=Filesystem(*answers),
        health=health or Health(remote="films"),
        shown="films",
        remote="films",
        driver="none",
        listing_ttl_s=300,
    )


async def first_page(tree, *, may_wait=False):
    await daemon._first_page(tree, daemon.READY_WITHIN_S, may_wait=may_wait)


async def test_an_empty_root_is_a_first_page():
    """A share of an empty folder is mounted; the look at it is closed again."""
    tree = served("empty")
    await first_page(tree)
    assert tree.filesystem.closed == 1


async def test_a_slow_first_page_is_waited_for():
    """The tree answers "late" in its own time while the fetch goes on behind."""
    tree = served(errors.TimedOut("late"), "there")
    await first_page(tree)
    assert tree.filesystem.asked == 2


@pytest.mark.parametrize("answer", ["waits", errors.TimedOut("late")])
async def test_a_first_page_that_does_not_come_is_given_up_after_ten_seconds(answer):
    """One line, and the mount is not made."""
    begun = trio.current_time()
    with pytest.raises(errors.TimedOut, match='cannot list "films": no answer within 10 s'):
        await first_page(served(answer))
    assert trio.current_time() - begun == pytest.approx(10)


@pytest.mark.parametrize(
    "refusal",
    [errors.Denied("wrong code"), errors.Gone("expired"), errors.LoginLost("sign in")],
)
async def test_a_refusal_is_final_even_when_the_mount_may_wait(refusal):
    """A bad network is what nofail is for, not for a wrong code."""
    with pytest.raises(type(refusal)):
        await first_page(served(refusal), may_wait=True)


@pytest.mark.parametrize(
    "failure",
    [errors.Unreachable("no network"), errors.ProviderFault("502"), errors.Throttled("later")],
)
async def test_a_bad_moment_ends_the_start(failure):
    """Without nofail: whoever asked may ask again."""
    with pytest.raises(type(failure)):
        await first_page(served(failure))


@pytest.mark.logs("cannot be listed yet, mounting all the same")
@pytest.mark.parametrize("failure", [errors.Unreachable("no network"), errors.TimedOut("late")])
async def test_a_bad_moment_is_waited_out_by_a_mount_that_may_wait(failure):
    """With nofail, and under systemd: it heals by itself."""
    await first_page(served(failure), may_wait=True)


@pytest.mark.logs("films is")
@pytest.mark.parametrize("over", [errors.Gone("it expired"), errors.LoginLost("sign in again")])
async def test_a_kept_tree_does_not_hide_that_its_remote_is_over(over):
    """The listing of last time is served; the refusal that came meanwhile is what counts."""
    health = Health(remote="films")
    health.failed(over)
    with pytest.raises(errors.FsmountError, match=f'cannot mount "films": {over}'):
        await first_page(served("kept", health=health), may_wait=True)


@pytest.mark.parametrize(
    ("options", "file_mode", "folder_mode"),
    [
        ("", 0o444, 0o555),
        ("umask=022", 0o644, 0o755),
        ("umask=077,fmask=133", 0o644, 0o700),
        ("dmask=0", 0o444, 0o777),
    ],
)
async def test_modes_follow_the_masks(options, file_mode, folder_mode):
    """As for other file systems that have none of their own."""
    look = daemon.appearance(parse_options([options]), 300)
    assert (look.file_mode, look.folder_mode) == (file_mode, folder_mode)


async def test_the_kernel_keeps_nothing_longer_than_listings_live():
    """Names, attributes and absences."""
    options = parse_options([])
    long, short = daemon.appearance(options, 21_600), daemon.appearance(options, 2)
    assert (long.known_for_s, long.absent_for_s) == (60, 10)
    assert (short.known_for_s, short.absent_for_s) == (2, 2)


async def test_a_mount_that_is_stopped_before_it_stands_closes_what_was_opened(tmp_path):
    """A signal while the first page is awaited: nothing is left open, and it is no success."""
    import os
    import signal

    closed = []

    @contextlib.asynccontextmanager
    async def compose(kernel):
        try:
            yield served("waits")
        finally:
            closed.append(True)

    place = daemon.Place(mountpoint=tmp_path, options=parse_options([]), socket=tmp_path / "sock")
    life = daemon._Daemon(place, None, lambda: None)

    async with trio.open_nursery() as nursery:

        async def stop():
            await trio.sleep(1)
            os.kill(os.getpid(), signal.SIGTERM)

        nursery.start_soon(stop)
        with pytest.raises(errors.FsmountError, match="stopped before it was mounted"):
            await life.run(compose)
    assert closed == [True]


@pytest.mark.parametrize("failure", [errors.Unreachable("no network"), errors.TimedOut("late")])
async def test_one_remote_of_several_is_enough_for_a_first_page(failure):
    """A dead one beside it must not stop the mount."""
    tree = served(failure)
    tree.filesystem.stands = True
    await first_page(tree)
    assert tree.filesystem.asked == 1
