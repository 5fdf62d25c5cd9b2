"""How long logins and shares live: told without asking, and asked behind."""

from __future__ import annotations

import time

import pytest
import trio

from fsmount.config import Config, load_config
from fsmount.errors import NotSupported, Unreachable
from fsmount.lives import ShareEnd
from fsmount.model import ShareInfo
from fsmount.remote import find_source, open_remote
from fsmount.store.directories import Directories
from tests.emulators.doors import open_emulator


class Details:
    """Answers what it is told to, one after the other; the last one for ever."""

    def __init__(self, *answers):
        self._answers = list(answers)
        self.asked_at = []

    async def share_info(self):
        self.asked_at.append(trio.current_time())
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def ending(at):
    return ShareInfo(name="films", expires_ns=None if at is None else round(at * 1e9))


async def test_a_failure_leaves_what_was_told_before():
    """The end that is known is better than none."""
    end = ShareEnd(Details(ending(2e9), Unreachable("no network")))
    assert not end.known
    for _ in range(2):
        await end.update()
        assert (end.known, end.last()) == (True, 2e9)


async def test_a_share_without_an_end_is_known_to_have_none():
    """Which is not the same as not knowing."""
    end = ShareEnd(Details(ending(None)))
    await end.update()
    assert (end.known, end.last()) == (True, None)


@pytest.mark.autojump
async def test_a_share_is_asked_soon_after_a_failure_and_seldom_after_an_answer():
    """Not at once: whoever waits for the mount goes first."""
    details = Details(Unreachable("no network"), ending(2e9))
    begun = trio.current_time()
    with trio.move_on_after(24 * 3600):
        await ShareEnd(details).run()
    asked = [round(at - begun) for at in details.asked_at]
    assert asked[:3] == [5, 905, 905 + 6 * 3600]
    assert len(asked) == 5


@pytest.mark.autojump
async def test_a_provider_that_never_tells_is_asked_once():
    """And whoever is no share is not asked at all."""
    details = Details(NotSupported("it does not"))
    await ShareEnd(details).run()
    await ShareEnd(None).run()
    assert len(details.asked_at) == 1


@pytest.fixture
def directories(tmp_path):
    return Directories(
        config_files=(),
        state=tmp_path / "state",
        cache=tmp_path / "cache",
        runtime=tmp_path / "run",
        credentials=None,
    )


async def test_a_drive_tells_of_its_tokens_once_they_were_used(tmp_path, directories):
    """The access token lives an hour, the refresh token longer; neither is shown."""
    async with open_emulator(tmp_path) as site:
        config = load_config(site.config, directories)
        source = await find_source("demo", config, {}, directories)
        async with open_remote(source, directories) as remote:
            assert remote.lives() == {"remote": "demo"}
            await remote.driver.list(remote.driver.root, None)
            told = remote.lives()
    assert told.keys() == {"remote", "access_ends", "refresh_ends", "renewed"}
    assert time.time() < told["access_ends"] < told["refresh_ends"]
    assert told["renewed"] is True


async def test_a_share_tells_of_its_end(tmp_path, directories):
    """A stranger has no login to tell of."""
    async with open_emulator(tmp_path) as site:
        source = await find_source(site.source, Config(), {}, directories)
        async with open_remote(source, directories) as remote:
            await remote.share_end.update()
            assert remote.lives() == {"remote": source.name, "share_ends": None}
