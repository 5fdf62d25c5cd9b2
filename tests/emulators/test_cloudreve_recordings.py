"""The Cloudreve emulator answers what the real server of 2025-06-21 answered."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.emulators.replays.cloudreve_scenes import NOT_EMULATED, SCENES
from tests.emulators.replays.cloudreve_steps import Play
from tests.emulators.replays.cloudreve_world import FOLDER, World, plant

RECORDED = FOLDER.joinpath("index.txt").read_text(encoding="utf-8").split()


def played(step) -> str | None:
    """The name of the recording that a step replays, if it replays one."""
    if isinstance(step, Play):
        return step.name
    return step if isinstance(step, str) else None


def reason(name: str) -> str | None:
    """Why a recording is not emulated, if it is not."""
    return next((why for start, why in NOT_EMULATED.items() if name.startswith(start)), None)


REPLAYED = Counter(name for steps in SCENES.values() for name in map(played, steps) if name)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """The recorded tree on disk; scenes write in memory only."""
    root = tmp_path_factory.mktemp("recorded")
    plant(root)
    return root


@pytest.mark.parametrize("scene", SCENES)
def test_answers_are_those_of_the_real_server(tree, scene):
    """Status, code, text, headers, field names and types agree, and values that can agree do."""
    world = World(tree)
    for step in SCENES[scene]:
        name = played(step)
        if name is None:
            step(world)
            continue
        play = step if isinstance(step, Play) else Play(name=name)
        try:
            world.replay.play(name, change=play.change, free=play.free)
        except (AssertionError, KeyError) as exc:
            raise AssertionError(f"{name}: {exc}") from exc


def test_every_recording_is_replayed_or_has_its_reason():
    """No recording of the index is forgotten, none is both replayed and excused."""
    assert [name for name in RECORDED if name not in REPLAYED and reason(name) is None] == []
    assert [name for name in REPLAYED if name not in RECORDED or reason(name)] == []


def test_number_of_recordings_that_are_not_emulated():
    """What is left out is counted, so that leaving out more is noticed."""
    assert len(RECORDED) == 400
    assert sum(1 for name in RECORDED if reason(name)) == 39
    assert all(any(name.startswith(start) for name in RECORDED) for start in NOT_EMULATED)


def test_recordings_that_are_used_are_the_ones_kept_here():
    """The folder holds exactly the recordings that scenes replay."""
    assert {path.stem for path in FOLDER.glob("*.json")} == set(REPLAYED)
