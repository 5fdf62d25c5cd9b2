"""systemd's watchdog is fed only by an answer of the mount."""

from __future__ import annotations

from pathlib import Path

import pytest

from fsmount import watchdog


class World:
    """A clock, the questions that were asked, and what was fed."""

    def __init__(self):
        self.now = 100.0
        self.asked = []
        self.fed = 0

    def watchdog(self, every_s=10.0):
        def feed():
            self.fed += 1

        return watchdog.Watchdog(Path("/mnt"), every_s, feed, ask=self.ask, clock=lambda: self.now)

    def ask(self, path):
        self.asked.append(question := Question())
        return question


class Question:
    """Answers when it is told to."""

    answer = None

    def answered(self):
        return self.answer


def test_each_answer_feeds_once():
    """The first question at once, the next a period later."""
    world = World()
    dog = world.watchdog()
    assert dog.tick() < 1
    assert (len(world.asked), world.fed) == (1, 0)
    world.asked[0].answer = True
    assert dog.tick() == 10.0
    assert (len(world.asked), world.fed) == (1, 1)
    world.now += 9.0
    assert dog.tick() == pytest.approx(1.0)
    world.now += 1.0
    dog.tick()
    assert (len(world.asked), world.fed) == (2, 1)


def test_without_an_answer_nothing_is_fed_and_nothing_more_is_asked():
    """One child hangs in the kernel, not one a period."""
    world = World()
    dog = world.watchdog()
    for _ in range(5):
        dog.tick()
        world.now += 10.0
    assert (len(world.asked), world.fed) == (1, 0)
    world.asked[0].answer = True  # it was only slow
    dog.tick()
    assert (len(world.asked), world.fed) == (2, 1)


def test_a_mount_without_a_daemon_is_asked_again_and_not_fed():
    """ENOTCONN is no answer of a daemon."""
    world = World()
    dog = world.watchdog()
    dog.tick()
    world.asked[0].answer = False
    assert dog.tick() == 10.0
    assert world.fed == 0


@pytest.mark.parametrize(
    ("environ", "period_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_systemd_says_how_often(environ, period_s):
    """Half of its patience; nothing for another process, or without a watchdog."""
    assert watchdog.period_s(environ, 7) == period_s
