"""A mount can be asked by its owner, and only by its owner; asking never hangs."""

from __future__ import annotations

import json
import os
import socket
import stat
import threading
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from fsmount import control, errors
from fsmount.control import Door
from fsmount.errors import FsmountError
from fsmount.store.directories import Directories


@asynccontextmanager
async def served(path, **verbs):
    """Serve ``verbs`` on ``path`` while the block runs."""
    async with trio.open_nursery() as nursery:
        await nursery.start(control.serve_control, path, verbs)
        yield
        nursery.cancel_scope.cancel()


async def ask(*args, **kwargs):
    return await trio.to_thread.run_sync(lambda: control.ask(*args, **kwargs))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x.sock"


async def test_a_question_is_answered_with_its_arguments(path):
    """Names that are not Unicode travel both ways."""

    async def refresh(path):
        return {"listed": 3, "path": path, "odd": Path("/x")}

    async with served(path, refresh=refresh):
        answer = await ask(path, "refresh", path="日本/\udcff")
    assert answer == {"listed": 3, "path": "日本/\udcff", "odd": "/x"}


async def test_only_the_owner_may_ask(path):
    """The socket is 0600; it is gone when the mount is."""
    async with served(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.exists()


async def test_a_failure_arrives_in_its_class(path):
    """Message and advice stand; the exit code and errno follow from the class."""

    async def refresh(path):
        raise errors.NotFound(f'there is no "{path}"', advice="look again")

    async with served(path, refresh=refresh):
        with pytest.raises(errors.NotFound) as caught:
            await ask(path, "refresh", path="a")
    assert (caught.value.message, caught.value.advice) == ('there is no "a"', "look again")


async def test_a_class_that_wants_more_than_a_sentence_arrives_as_one(path):
    """WrongSize cannot be made from a sentence alone."""

    async def status():
        raise errors.WrongSize("odd size", actual=3)

    async with served(path, status=status):
        with pytest.raises(FsmountError, match="odd size"):
            await ask(path, "status")


@pytest.mark.logs("a control question failed")
async def test_a_bug_behind_a_question_does_not_end_the_mount(path):
    """It is logged with its traceback; the next question is answered."""

    async def status():
        raise RuntimeError("bug")

    async def refresh():
        return {}

    async with served(path, status=status, refresh=refresh):
        with pytest.raises(FsmountError, match="the mount failed to answer"):
            await ask(path, "status")
        assert await ask(path, "refresh") == {}


@pytest.mark.parametrize("line", [b"\n", b"[]\n", b'{"verb": "nothing"}\n', b"\xff\n", b""])
async def test_nonsense_is_answered_with_an_error(path, line):
    """Whatever is written into the socket."""
    async with served(path):
        stream = await trio.open_unix_socket(path)
        async with stream:
            await stream.send_all(line)
            await stream.send_eof()
            answer = json.loads(await stream.receive_some())
    assert answer["error"]["kind"] == "UsageError"


async def test_who_goes_away_harms_nobody(path):
    """The answer finds no reader."""
    gone = trio.Event()

    async def status():
        await gone.wait()
        return {"x": "x" * 10_000_000}

    async def refresh():
        return {"still": "here"}

    async with served(path, status=status, refresh=refresh):
        stream = await trio.open_unix_socket(path)
        await stream.send_all(b'{"verb": "status"}\n')
        await trio.testing.wait_all_tasks_blocked()
        await stream.aclose()
        gone.set()
        assert await ask(path, "refresh") == {"still": "here"}


def test_a_mount_that_does_not_answer_is_given_up(path):
    """The kernel accepts for a daemon that hangs."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        with pytest.raises(errors.TimedOut, match="does not answer"):
            control.ask(Door(mountpoint=Path("/mnt/x"), socket=path), "status", timeout_s=0.05)


def test_an_answer_that_breaks_off_is_no_answer(path):
    """The daemon died in the middle."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()

        def answer():
            connection, _ = listening.accept()
            with connection:
                connection.recv(100)
                connection.send(b'{"ok": {"a"')

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(errors.ProtocolError, match="broke off"):
            control.ask(path, "status", timeout_s=5)
        thread.join()


def test_a_mount_that_is_gone_says_so(path):
    """No socket, no traceback."""
    with pytest.raises(FsmountError, match="only who mounted it may ask"):
        control.ask(path, "status")


async def test_a_socket_left_by_a_dead_mount_is_replaced(path):
    """A daemon that was killed removed nothing."""
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))

    async def status():
        return {"alive": True}

    async with served(path, status=status):
        assert await ask(path, "status") == {"alive": True}


async def test_a_living_mount_keeps_its_socket(path):
    """A second daemon on the same mountpoint gives up."""
    async with served(path):
        with pytest.RaisesGroup(FsmountError, flatten_subgroups=True, allow_unwrapped=True):
            async with served(path):
                pytest.fail("a second one served")
        assert path.exists()


async def test_a_deep_directory_is_no_obstacle(tmp_path):
    """A socket's address holds 107 bytes; the way over an open directory is short."""
    deep = tmp_path / ("d" * 200)
    deep.mkdir()

    async def status():
        return {"deep": True}

    async with served(deep / "x.sock", status=status):
        assert await ask(deep / "x.sock", "status") == {"deep": True}


def test_who_listens_is_known_without_an_answer(path):
    """A process that hangs is still found, and never mistaken for another one."""
    assert control._daemon(path) is None
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        assert control._daemon(path) == os.getpid()


@pytest.fixture
def directories(tmp_path):
    return Directories(
        config_files=(), state=tmp_path, cache=tmp_path, runtime=tmp_path, credentials=None
    )


def test_mountpoints_have_their_own_sockets(directories):
    """Found again by the mountpoint alone, whatever is in its name."""
    one = control.socket_path(directories, Path("/mnt/日本\udcff"))
    other = control.socket_path(directories, Path("/mnt/b"))
    assert one != other
    assert one.parent == other.parent == directories.runtime / "mounts"


def test_a_path_in_no_mount_says_so(directories, tmp_path):
    """The advice is the command that lists them."""
    with pytest.raises(FsmountError, match='"fsmount status" lists them'):
        control.door_of(tmp_path, directories)
    with pytest.raises(FsmountError, match="is not a mount of fsmount"):
        control.unmount(tmp_path, directories)
    assert control.mounts(directories) == []
